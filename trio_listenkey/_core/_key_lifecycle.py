"""The life of one key: what happened, and when, goes in; what to send, and when, comes out.

How to drive it (``_keeper`` does; so do the tests, without a clock)::

    machine.tick(now)                     let time pass; it may turn out that nothing can be done any more
    machine.ready_at, machine.patience    when the next request is due, and until when it makes sense
    send = machine.begin(now)             the request to send, right now; answer it with ...
    machine.receive(outcome, now, draw)   ... exactly one outcome
    machine.stop(now)                     the block is over
    machine.notices()                     what to tell observers, once each

Times are seconds on one monotonic axis that all keys of a host share. ``draw`` is a random number in [0, 1).
What state follows from what is not decided here but looked up in ``_state``.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Final, Literal

from .._errors import KeyLostError, ListenKeyError, RateLimitedError, UnavailableError, UsageError
from .._settings import Timing
from .._statistics import KeyStatistics
from .._venue._venue import Venue, Verb
from ._accounts import Account
from ._backoff import full_jitter
from ._key_states import Event, State, after
from ._outcomes import Gone, Ok, Outcome, Refused, Transient, Wait

__all__ = ["KeepaliveSchedule", "Lifecycle", "Notice", "OnExit", "OnLost", "Send"]

OnExit = Literal["close", "leave"]
OnLost = Literal["replace", "raise"]

_VERBS: Final[dict[State, Verb]] = {
    State.CREATING: "create",
    State.RENEWING: "keepalive",
    State.CLOSING: "close",
}
_WAITING: Final = frozenset({State.VACANT, State.HELD, State.LEAVING})


@dataclass(frozen=True, slots=True, repr=False)
class Send:
    """A request to send at once. ``key`` is the one to name, where there is one."""

    verb: Verb
    key: str | None

    def __repr__(self) -> str:
        return f"<Send {self.verb}>"


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that observers want to know of.

    Attributes:
        kind: Which method of an instrument it is for.
        error: With ``retrying`` and ``lost``: why. With ``closed``: why a key may be left; ``None`` if none is.
        delay: With ``retrying``: seconds until the next try, at least.
    """

    kind: Literal["created", "renewed", "retrying", "lost", "replaced", "closed"]
    error: ListenKeyError | None = None
    delay: float = 0.0


@dataclass(frozen=True, slots=True)
class KeepaliveSchedule:
    """How long a key lives and how often it is kept alive, in seconds: the venue's word, or the user's instead.

    Raises:
        UsageError: Keys would die between one keepalive and the next.
    """

    validity: float
    keepalive_every: float

    @classmethod
    def of(cls, venue: Venue, timing: Timing) -> KeepaliveSchedule:
        """Settle it for ``venue`` and ``timing``."""
        validity = venue.validity if timing.validity is None else timing.validity
        every = venue.keepalive_every if timing.validity is None else validity / 2
        pace = cls(validity, every if timing.keepalive_every is None else timing.keepalive_every)
        if pace.keepalive_every >= pace.validity:
            raise UsageError(
                f"a keepalive every {pace.keepalive_every:g} s is too late for keys that live {pace.validity:g} s",
                advice="Pass Timing with a keepalive_every of about half the validity",
            )
        return pace


class Lifecycle:
    """The life of one key, from before its first create until after its close.

    Args:
        venue: Whose key.
        timing: Durations; ``None`` there means the venue's own.
        account: Whose key; shared by all who hold it in this process. Joined already.
        on_exit: ``"leave"`` never closes.
        on_lost: ``"raise"`` ends in ``FAILED`` when the key dies.
        now: The present.
        draw: A random number in [0, 1), as in ``receive``.
    """

    __slots__ = (
        "_account",
        "_asked_about",
        "_asked_again",
        "_asked_at",
        "_attempt",
        "_clock_was_set",
        "_closing",
        "_confirmed_at",
        "_counts",
        "_draw",
        "_due",
        "_error",
        "_expires_at",
        "_give_up_at",
        "_losses_in_a_row",
        "_lost_until",
        "_notices",
        "_on_exit",
        "_on_lost",
        "_pace",
        "_sent_at",
        "_stopping",
        "_timing",
        "_venue",
        "closed",
        "failure",
        "generation",
        "key",
        "state",
        "until",
    )

    state: State

    key: str | None
    """The last key that the exchange told us. It is presumed alive before ``expires_at`` and no longer."""

    generation: int
    """How many different values ``key`` has had."""

    failure: ListenKeyError | None
    """In ``FAILED``, and ever after: what the block is to be told."""

    closed: bool | None
    """In ``CLOSED``: whether the exchange confirmed it; ``None`` if there was nothing (for us) to close."""

    until: float
    """With a request in flight: when to stop waiting for its answer. Look again after ``stop``."""

    def __init__(
        self,
        venue: Venue,
        timing: Timing,
        account: Account,
        *,
        on_exit: OnExit,
        on_lost: OnLost,
        now: float,
        draw: float = 0.0,
    ) -> None:
        self._venue, self._timing, self._account = venue, timing, account
        self._pace = KeepaliveSchedule.of(venue, timing)
        self._on_exit, self._on_lost = on_exit, on_lost
        self.state = State.VACANT
        self.key, self.generation = None, 0
        self.failure, self.closed, self.until = None, None, inf
        self._due = self._sent_at = now
        # Where trying ends: opening has its limit at once, leaving gets one when it begins, in between there is none.
        self._give_up_at = now + timing.open_timeout
        self._expires_at = self._confirmed_at = self._asked_at = -inf
        self._draw = draw
        self._attempt = self._losses_in_a_row = 0
        self._error: ListenKeyError | None = None  # why the last request failed; None once one succeeded
        self._stopping = False
        self._asked_again = False  # we have sent one create more on the way out
        self._clock_was_set = False  # the last request was refused for our clock's sake: no second try for that
        self._closing: str | None = None  # the key that the close in flight is for
        self._lost_until = -inf  # before then, a key may be alive that nobody was told, and no create will tell
        self._asked_about: str | None = None  # the key of another member's that made us ask for ours
        self._notices: list[Notice] = []
        self._counts = dict.fromkeys(("requests", "created", "renewed", "retries", "waits", "losses"), 0)

    # Questions. None of them changes anything.

    @property
    def expires_at(self) -> float:
        """The key is presumed alive before then: counted from when the last success was *sent*."""
        return self._expires_at

    @property
    def confirmed_at(self) -> float:
        """When the last request that found the key alive was sent; at that time it was."""
        return self._confirmed_at

    @property
    def ready_at(self) -> float:
        """When the next request may be sent; infinity while none is to be."""
        if self.state not in _WAITING:
            return inf
        allowed_at = self._account.host.allowed_at
        if allowed_at <= self._due:
            return self._due
        # A ban ends for all keys at the same moment: they must not all come at that moment.
        return allowed_at + self._draw * self._spread_after(allowed_at)

    @property
    def patience(self) -> float:
        """Until when it makes sense to wait, for one's turn to send or for an answer.

        Beyond it the key is dead, or the time for trying is over; either way ``tick`` has something to say.
        """
        match self.state:
            case State.HELD | State.RENEWING:
                return self._expires_at
            case State.FAILED:
                return inf
            case _:
                return self._give_up_at

    def statistics(self, to_local: float = 0.0) -> KeyStatistics:
        """Counters and times; ``to_local`` is added to the times."""
        return KeyStatistics(
            state=self.state.name.lower(),
            generation=self.generation,
            expires_at=self._expires_at + to_local,
            next_request_at=self.ready_at + to_local,
            closed=self.closed,
            **self._counts,
        )

    def _spread_after(self, allowed_at: float) -> float:
        match self.state:
            case State.HELD:
                return max(0.0, min(self._timing.retry_cap, (self._expires_at - allowed_at) / 2))
            case State.VACANT:  # on opening a short ban must not become a failure by it
                return max(0.0, min(self._timing.retry_base, (self._give_up_at - allowed_at) / 2))
            case _:
                return 0.0

    # Steps.

    def tick(self, now: float) -> None:
        """Let time pass until ``now``: whatever happens to a key without a request happens here."""
        if self.state is State.HELD and not self._stopping:
            self._check_presumption(now)
        if self.state is State.VACANT and max(now, self.ready_at) >= self._give_up_at:
            self._fail(Event.GAVE_UP, self._why_no_key(now))
        if self._stopping and self.state in {State.VACANT, State.HELD, State.FAILED} and not self._must_ask_again(now):
            self._end(now)
        if self.state is State.LEAVING:
            self._reconsider_close(now)

    def _check_presumption(self, now: float) -> None:
        if now >= self._expires_at:
            self._lose(Event.EXPIRED, self._expiry(), now)
        elif self._account.key not in {None, self.key, self._asked_about}:
            # Another member has seen another key alive: ask, once, and be told which it is.
            self._asked_about = self._account.key
            self._due = min(self._due, now)

    def begin(self, now: float) -> Send | None:
        """What to send at once, now that it is our turn; ``None`` if there is nothing (any more)."""
        self.tick(now)
        if now < self.ready_at:
            return None
        self._fire(Event.DUE)
        self._asked_again = self._stopping
        self._counts["requests"] += 1
        self._sent_at = now
        self.until = min(now + self._timing.request_timeout, self.patience)
        if self.state is not State.CLOSING:
            return Send(_VERBS[self.state], self.key)
        self._closing = self._account.to_close()
        return Send("close", self._closing)

    def receive(self, outcome: Outcome, now: float, draw: float) -> None:
        """The request in flight has ended. ``draw`` in [0, 1) decides how long to wait for the next one."""
        self.until = inf
        self._draw = draw
        outcome = self._mind_the_clock(outcome)
        self._error = None if isinstance(outcome, Ok) else outcome.error
        match self.state:
            case State.CREATING:
                self._receive_create(outcome, now)
            case State.RENEWING:
                self._receive_keepalive(outcome, now)
            case _:
                self._receive_close(outcome, now)

    def ask(self, now: float) -> None:
        """Someone doubts that the key is alive: do not wait for the next keepalive.

        It is one request more, as soon as none is in flight; what is tried again already is not hurried.
        """
        self._asked_at = now
        if self.state is State.HELD and not self._attempt:
            self._due = min(self._due, now)

    def _mind_the_clock(self, outcome: Outcome) -> Outcome:
        """A refusal for our clock's sake is worth one more try, at once and by the exchange's clock."""
        if not isinstance(outcome, Refused) or outcome.clock is None or self._clock_was_set:
            self._clock_was_set = False
            return outcome
        self._clock_was_set = True
        self._account.host.clock = outcome.clock
        return Transient(outcome.error, may_be_done=False)

    def stop(self, now: float) -> None:
        """The block is over. A keepalive in flight is cut short; a create gets ``close_timeout`` to tell its key."""
        self._stopping = True
        self._give_up_at = now + self._timing.close_timeout
        match self.state:
            case State.RENEWING:
                self.until = now
            case State.CREATING:
                self.until = min(self.until, self._give_up_at)
            case State.VACANT:
                self._due = now

    def notices(self) -> list[Notice]:
        """What happened since the last call."""
        notices, self._notices = self._notices, []
        return notices

    # A create has ended.

    def _receive_create(self, outcome: Outcome, now: float) -> None:
        if isinstance(outcome, Transient | Refused) and outcome.may_be_done:
            self._account.unsure = True
            if self._makes_new_keys:
                self._lost_until = now + self._pace.validity
        match outcome:
            case Ok(key=key, lives=lives):
                assert key is not None  # without one it is no success: see ``read_answer``
                self._fire(Event.OK)
                self._counts["created"] += 1
                self._give_up_at = inf
                self._hold(key, lives)
            case Transient() | Wait():
                self._try_again(outcome, now)
            case Refused(error=error):
                self._fail(Event.REFUSED, error)
            case Gone():
                self._fire(Event.GONE)  # the table has no way for it, and says so

    # A keepalive has ended.

    def _receive_keepalive(self, outcome: Outcome, now: float) -> None:
        match outcome:
            case Ok(key=key, lives=lives):
                self._fire(Event.OK)
                self._counts["renewed"] += 1
                self._losses_in_a_row = 0
                self._hold(key or self._key_kept_alive(), lives)
            case Gone(error=error):
                self._account.forget(self.key)
                self._lose(Event.GONE, error, now)
            case Refused(error=error):
                self._fail(Event.REFUSED, error)
            case Transient() | Wait():
                self._try_again(outcome, now)

    def _key_kept_alive(self) -> str:
        """Which key a keepalive was for whose answer does not say: the one it named, or else the account's."""
        named = self._venue.key_place("keepalive") != "account"
        key = self.key if named else self._account.key or self.key
        assert key is not None
        return key

    @property
    def _makes_new_keys(self) -> bool:
        return self._venue.sharing.second_create == "new"

    def _hold(self, key: str, lives: float | None) -> None:
        """The exchange has just told us that ``key`` is alive, be it another one than before."""
        is_new = key != self.key
        self.key = key
        self.generation += is_new
        self._account.learn(key)
        self._attempt = 0
        # From when it was sent: the exchange may have counted from then, and never from earlier.
        self._confirmed_at = self._sent_at
        validity = min(self._pace.validity, lives or inf)  # the exchange may say that it is less
        self._expires_at = self._sent_at + validity
        every = min(self._pace.keepalive_every, validity / 2 if lives else inf)
        self._due = self._sent_at + every * (1 - self._timing.jitter * self._draw)
        if self._asked_at > self._sent_at:  # while this request was in flight; it may not know yet what they know
            self._due = self._asked_at
        kind: Literal["created", "renewed", "replaced"] = "renewed"
        if is_new:
            kind = "created" if self.generation == 1 else "replaced"
        self._notices.append(Notice(kind))

    # Failures.

    def _try_again(self, outcome: Transient | Wait, now: float) -> None:
        self._fire(outcome.event)
        self._attempt += 1
        if isinstance(outcome, Wait):
            self._counts["waits"] += 1
            # An exchange that asks for a second of silence again and again means more than that.
            again = self._attempt - 1
            self._account.host.block(now + max(outcome.seconds, self._longest_backoff(again) if again else 0.0))
            self._due = now  # as soon as the host may be asked again
        else:
            self._due = now + (0.0 if self._clock_was_set else self._backoff(self._attempt))
            if self.state is State.VACANT:
                # An unlucky draw must not throw half of the time for opening away: there is a try before its end.
                last = self._give_up_at - self._timing.retry_base
                self._due = min(self._due, last) if last > now else self._due
        if (self._stopping and self.state is not State.LEAVING) or self.ready_at >= self._give_up_at:
            return  # we cut it short ourselves, or there is no time: no other try follows
        self._counts["retries"] += 1
        self._notices.append(Notice("retrying", outcome.error, self.ready_at - now))

    def _backoff(self, attempt: int) -> float:
        return full_jitter(attempt, self._draw, base=self._timing.retry_base, cap=self._timing.retry_cap)

    def _longest_backoff(self, attempt: int) -> float:
        return full_jitter(attempt, 1.0, base=self._timing.retry_base, cap=self._timing.retry_cap)

    def _lose(self, event: Event, error: ListenKeyError | None, now: float) -> None:
        """The key is dead, or must be presumed so: replace it, or say so."""
        self._fire(event)
        self._counts["losses"] += 1
        self._losses_in_a_row += 1
        self._attempt = 0
        self._expires_at = min(self._expires_at, now)
        # The first replacement is due at once. Keys that die without ever seeing a keepalive succeed must not make a
        # hot loop of creates.
        again = self._losses_in_a_row - 1
        self._due = now + (self._backoff(again) if again else 0.0)
        self._notices.append(Notice("lost", error))
        if self._on_lost == "raise":
            self._fail(Event.GAVE_UP, self._lost(error))

    def _fail(self, event: Event, error: ListenKeyError | None) -> None:
        self._fire(event)
        if not self._stopping:  # a block that is over is told nothing: what it sees must not depend on timing
            self.failure = error

    # The words for what only the machine knows.

    def _expiry(self) -> ListenKeyError:
        last = f"; the last failure: {self._error}" if self._error else ""
        return KeyLostError(
            f"no keepalive succeeded within the key's {self._pace.validity:g} s of life{last}",
            advice="Treat the time since then as unobserved",
            venue=self._venue.name,
            verb="keepalive",
        )

    def _lost(self, error: ListenKeyError | None) -> ListenKeyError:
        if isinstance(error, KeyLostError):
            return error
        return KeyLostError(
            "the exchange does not know the listen key any more: it expired, or someone closed it",
            advice="Open a new one; what happened since the last event may have been missed",
            venue=self._venue.name,
            verb="keepalive",
            status=error.status if error else None,
            code=error.code if error else None,
            message=error.message if error else None,
        )

    def _why_no_key(self, now: float) -> ListenKeyError:
        blocked = self._account.host.allowed_at - now
        if blocked > 0:
            last = self._error if isinstance(self._error, RateLimitedError) else None
            return RateLimitedError(
                f"the exchange wants silence for {blocked:.0f} s more, which is beyond open_timeout",
                advice="Wait that long before opening a key, and ask less often",
                retry_after=blocked,
                venue=self._venue.name,
                verb="create",
                status=last.status if last else None,
                code=last.code if last else None,
                message=last.message if last else None,
            )
        if self._error is not None:
            return self._error
        return UnavailableError(
            f"no create could be sent within open_timeout ({self._timing.open_timeout:g} s)",
            advice="Other contexts of this account have requests in flight that are not answered; try again",
            venue=self._venue.name,
            verb="create",
        )

    # The end.

    def _must_ask_again(self, now: float) -> bool:
        """A create may have made a key that we were not told, and closing it takes its name: one create more will say.

        With one key per account it returns that very key. It is tried once, for whoever leaves is in a hurry.
        """
        return (
            self.state is State.VACANT
            and self._account.unsure
            and (self._account.key is None or now >= self._expires_at)
            and self._venue.close is not None
            and self._close_names_key
            and not self._makes_new_keys  # it would make one more
            and self._on_exit == "close"
            and not self._account.is_shared()  # else it is up to those who stay
            and not self._asked_again
        )

    def _end(self, now: float) -> None:
        """The block is over and nothing is in flight: close the key, if that is up to us."""
        if self._on_exit == "leave" or self._venue.close is None or self._account.is_shared():
            self._finish(Event.STOP, closed=None)
        elif self._has_something_to_close():
            self._fire(Event.STOP_OWING)
            self._error = None
            self._attempt = 0
            self._due = now
            self._give_up_at = now + self._timing.close_timeout
        else:
            self._finish_without_close()

    def _finish_without_close(self) -> None:
        if self._account.unsure:
            # A create whose answer was lost, at an exchange that wants keys named: it stays until it expires.
            self._finish(Event.STOP, closed=False, error=self._error or self._why_not_closed())
        else:
            self._finish(Event.STOP, closed=None)

    def _has_something_to_close(self) -> bool:
        return self._account.to_close() is not None or (self._account.unsure and not self._close_names_key)

    @property
    def _close_names_key(self) -> bool:
        return self._venue.key_place("close") != "account"

    def _reconsider_close(self, now: float) -> None:
        if self._account.is_shared() or not self._has_something_to_close():
            self._finish(Event.STOP, closed=None)
        elif max(now, self.ready_at) >= self._give_up_at:
            self._finish(Event.GAVE_UP, closed=False, error=self._error or self._why_not_closed())

    def _receive_close(self, outcome: Outcome, now: float) -> None:
        if isinstance(outcome, Transient | Wait):
            self._try_again(outcome, now)
        else:
            # That the key we named is gone says nothing of another one that we were never told.
            other = self._account.unsure and self._close_names_key
            is_closed = isinstance(outcome, Ok) or (isinstance(outcome, Gone) and not other)
            if is_closed:
                self._account.forget(self._closing)
                self._expires_at = min(self._expires_at, now)
            if is_closed and self._account.to_close() is not None:
                self._fire(Event.TRANSIENT)  # a close is still due: that of a key which we held before
                self._due = now
            elif is_closed and now < self._lost_until:
                self._finish(outcome.event, closed=False, error=self._why_left())
            else:
                self._finish(
                    outcome.event,
                    closed=is_closed,
                    error=None if is_closed or isinstance(outcome, Ok) else outcome.error,
                )

    def _why_left(self) -> ListenKeyError:
        return UnavailableError(
            "the answer to a create was lost; if the exchange made a key, nobody knows it to close it",
            advice=f"That key expires by itself within {self._pace.validity:g} s",
            venue=self._venue.name,
            verb="close",
        )

    def _why_not_closed(self) -> ListenKeyError:
        return UnavailableError(
            f"no close could be sent within close_timeout ({self._timing.close_timeout:g} s)",
            advice=f"The key expires by itself within {self._pace.validity:g} s",
            venue=self._venue.name,
            verb="close",
        )

    def _finish(self, event: Event, *, closed: bool | None, error: ListenKeyError | None = None) -> None:
        self._fire(event)
        self.closed = closed
        if self.generation or error:  # else there never was a key
            self._notices.append(Notice("closed", error))

    def _fire(self, event: Event) -> None:
        self.state = after(self.state, event)
