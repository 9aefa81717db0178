"""The life of one key: what happened, and when, goes in; what to send, and when, comes out.

How to drive it (``_keeper`` does; so do the tests, without a clock)::

    machine.tick(now)                     let time pass; it may turn out that nothing can be done any more
    machine.next_request_at               when the next request is due
    machine.give_up_at                    until when it makes sense to wait for it, or for its answer
    send = machine.next_request(now)      the request to send, right now; answer it with ...
    machine.receive(outcome, now, draw)   ... exactly one outcome
    machine.answer_deadline               when to stop waiting for the answer, and call it a failure
    machine.stop(now)                     the block is over
    machine.notices()                     what to tell observers, once each

Times are seconds on one monotonic axis that all keys of a host share. ``draw`` is a random number in [0, 1).

The next state, and the next phase of the block, are looked up in ``_key_states``. This file decides when a request is
due, when a key counts as lost, and whether we have a key to close.

Three times
===========

``next_request_at``, ``give_up_at`` and ``answer_deadline`` are all that the driver waits by. The first says when it may
send; the second, while it waits for anything, when the request has become pointless; the third, while a request is in
flight, when to stop waiting for the answer. Each is computed from the state, the pacing, the host's ban and the
register whenever it is read (except ``answer_deadline``, which is fixed when the request is sent, and later only made
earlier). So no timer is cancelled or set again when a ban begins, when another holder has news, or when the block ends:
the driver reads the times again.

Who knows what
==============

* ``_record`` is this context's own: which key its block was told, and until when that is presumed alive.
* ``_account`` is shared by all contexts of this process. A key that one of them found alive is written there, and the
  others read it at their next ``tick``.
* ``_peers`` knows what other contexts and other processes found out, and when that is a reason to ask or to wait.
* ``_close_rules`` says which key is to be closed, and whether by us.
* ``_retry_policy`` says which refusals are retried.

Our record and the account may differ for a moment; ``tick`` checks that. A holder whose key is not the account's asks
the exchange once, and the answer decides. No holder takes over a key from another without an answer of its own.

Where the promises of the contract are kept
===========================================

* K1, one request at a time: by the table. A state in which a request is in flight has no way to another such state.
* K2, no life beyond the validity: ``_check_presumption``. ``KeyRecord.expires_at`` counts from when a request was sent.
* K3, classes of failure: ``RetryPolicy`` decides whether a refusal is retried; ``_fall_silent`` keeps bans.
* K4, K5, lost and replaced keys: ``_lose`` and ``_take_renewed``.
* E1, one budget: ``ticket`` says what the next request is for and how urgent it is; ``throttled``, how long it waited.
* K6, jitter: ``_pacing``, and ``_spread_after`` for the end of a ban.
* L1, L2, no key is left behind, and leaving has an end: ``stop``, then ``_wind_up`` in every ``tick`` until CLOSED.
* L5, nobody else is hurt: ``CloseRules``, asked in ``_end`` and ``_reconsider_close``. Nothing else leads to a close.

The file is longer than others. Parts that can be understood alone are in the files named above. The rest is one
machine: opening, keeping and closing share nearly every attribute, and every step may lead to any other.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Final, Literal

from .._errors import KeyLostError, ListenKeyError
from .._settings import Timing
from .._statistics import KeyStatistics
from .._value import Secretive
from .._venue._venue import Venue, Verb
from ._accounts import Account
from ._backoff import RequestPacing
from ._budget import Ticket, Urgency, margin_of
from ._close_rules import CloseRules, OnExit
from ._key_errors import (
    key_expired,
    key_lost,
    key_may_be_left,
    left_to_expire,
    never_sent,
    not_closed,
    silence_too_long,
)
from ._key_peers import KeyPeers
from ._key_record import KeepaliveSchedule, KeyRecord, KeyReport
from ._key_states import PHASES, TRANSITIONS, Event, Phase, PhaseEvent, State
from ._notices import Closed, Created, Lost, Notice, Renewed, Replaced, Retrying, SharingChanged
from ._outcomes import Gone, Ok, Outcome, Refused, Transient, Wait
from ._retry_policy import RetryPolicy
from ._tables import after

if TYPE_CHECKING:  # costs something at import, and most keys are not shared between processes
    from ._sharing import Member

__all__ = ["KeepaliveSchedule", "Lifecycle", "Notice", "OnExit", "OnLost", "Send"]

OnLost = Literal["replace", "raise"]

# The next request in each waiting state; for a key that is held, see ``_ask_by``. FAILED waits for the end of the
# block, and sends nothing. VACANT and UNSURE send the same request, but its answer means different things.
_VERBS: Final[dict[State, Verb]] = {State.VACANT: "create", State.UNSURE: "create", State.LEAVING: "close"}
# The states in which a request may become due. In the others one is in flight, or there is nothing to send (K1).
_WAITING: Final = frozenset({State.VACANT, State.HELD, State.UNSURE, State.LEAVING})


class Send(Secretive, frozen=True, gc=False):
    """A request to send at once.

    The protocol knows how the exchange spells the verb, and whether the request names the key. The ``repr`` shows no
    key (T1).

    Attributes:
        verb: What to ask for.
        key: The key to name, where there is one.
        at: When it was handed out.
    """

    verb: Verb
    key: str | None
    at: float = 0.0

    def __repr__(self) -> str:
        return f"<Send {self.verb}>"


class Lifecycle:
    """The life of one key, from before its first create until after its close.

    Args:
        venue: Whose key.
        timing: Durations; ``None`` there means the venue's own.
        account: Whose key; shared by all its holders in this process. The caller has registered there.
        on_exit: ``"leave"`` never closes.
        on_lost: ``"raise"`` ends in ``FAILED`` when the key dies.
        now: The present.
        draw: A random number in [0, 1), as in ``receive``.
        member: This process's share in the key, where other processes use it as well; ``None`` where it is not shared.
    """

    __slots__ = (
        "_account",
        "_ask_by",
        "_close_rules",
        "_error",
        "_on_lost",
        "_pacing",
        "_peers",
        "_record",
        "_report",
        "_retry_policy",
        "_schedule",
        "_sent",
        "_timing",
        "_trying_ends_at",
        "_venue",
        "answer_deadline",
        "closed",
        "failure",
        "phase",
        "state",
    )

    state: State
    """Where the key is. Only ``_fire`` changes it, by the table. The keeper reads it to see whether it is done, and
    ``_next_verb`` to find the next request: that is stored nowhere else."""

    phase: Phase
    """Where the block is. Changed by ``stop`` and by the first key, by the table. ``JOINT_STATES`` holds: ``state`` is
    always one of the states that there are in this phase."""

    failure: ListenKeyError | None
    """The error that the block raises. Set once, on entering ``FAILED``, and never while the block is STOPPING: the
    result of a block that is over must not depend on timing."""

    closed: bool | None
    """In ``CLOSED``: whether the exchange confirmed it; ``None`` if there was nothing (for us) to close. Set once, by
    ``_finish``. ``False`` is reported, and never raised over the block's own exception (L1)."""

    answer_deadline: float
    """With a request in flight: when to stop waiting for its answer; else infinity. Read it again after ``stop``, which
    may have made it earlier (L2). The driver reports a time-out as ``Transient``: the exchange may have done the
    request."""

    _venue: Venue
    """The cost of each request, whether it names its key, what a second create does, and the name in errors."""

    _timing: Timing
    """Three limits in seconds are used here: for opening, for one request, for leaving. Pacing has the others."""

    _on_lost: OnLost
    """Whether a key that is lost is replaced, or ends the block. It does not change."""

    _schedule: KeepaliveSchedule
    """How often this key is kept alive, and for how long it lives after a request. It does not change."""

    _account: Account
    """Shared with the other contexts of this process that hold the same key. Any of them may change the facts about
    *its* key (which one was last seen alive, whether one may be unknown) while no request of ours is in flight."""

    _peers: KeyPeers
    """What other contexts and processes know about the key: it may delay a request, or cause one."""

    _close_rules: CloseRules
    """Whether there is a key to close, and whether by us. They may forbid a close until the last moment."""

    _retry_policy: RetryPolicy
    """Whether a refusal is retried. Asked once for each outcome."""

    _record: KeyRecord
    """Our own key. Nobody else writes to it: news of other holders comes from the account, in ``tick``."""

    _pacing: RequestPacing
    """When the next request is due, without bans; and the number of failures in a row. ``due`` belongs to the waiting
    state: each step that enters one sets it."""

    _report: KeyReport
    """Counters, and notices in the order of events."""

    _trying_ends_at: float
    """When the retries end: the end of ``open_timeout`` while OPENING, infinity while RUNNING, and while STOPPING the
    end of a ``close_timeout`` that begins anew when the first close becomes due."""

    _error: ListenKeyError | None
    """Why the last request failed; ``None`` once one succeeded, and when the close becomes due: a keepalive that failed
    an hour ago is no reason for a key that could not be closed."""

    _sent: Send
    """The request in flight, or else the last one. Its time is what a success counts from (K2), whenever the answer
    came."""

    _ask_by: Verb
    """The request that keeps the key alive. ``"keepalive"``, until one succeeds without a key's name in request and
    answer; from then on ``"create"``, whose answer names the key. See ``_receive_keepalive``."""

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
        member: Member | None = None,
    ) -> None:
        self._venue, self._timing, self._account = venue, timing, account
        self._schedule = KeepaliveSchedule.of(venue, timing)
        self._on_lost = on_lost
        self.state, self.phase = State.VACANT, Phase.OPENING
        self._trying_ends_at = now + timing.open_timeout
        self.failure, self.closed, self.answer_deadline = None, None, inf
        self._record, self._report = KeyRecord(), KeyReport()
        self._pacing = RequestPacing(timing, now, draw)
        self._retry_policy = RetryPolicy(account.host, self._pacing)
        self._peers = KeyPeers(account, member, timing, self._schedule.keepalive_every)
        self._close_rules = CloseRules(venue, account, member, on_exit)
        self._error = None
        self._ask_by = "keepalive"
        self._sent = Send("create", None, now)

    # Questions. None of them changes anything.

    @property
    def key(self) -> str | None:
        """The last key that the exchange told us. It is presumed alive before ``expires_at`` and no longer.

        It stays when the key is lost, until there is another one: sockets may still be open with it.
        """
        return self._record.value

    @property
    def generation(self) -> int:
        """How many different values ``key`` has had."""
        return self._record.generation

    @property
    def expires_at(self) -> float:
        """The key is presumed alive before then: counted from when the last success was *sent*."""
        return self._record.expires_at

    @property
    def confirmed_at(self) -> float:
        """When the last request was sent that found the key alive."""
        return self._record.confirmed_at

    def is_banned(self, now: float) -> bool:
        """Whether the host has banned requests, of all its keys: no question can be sent (K3)."""
        return now < self._account.host.allowed_at

    @property
    def next_request_at(self) -> float:
        """When the next request may be sent; infinity while there is none.

        Other contexts may change it at any time, by a ban of the host or by news of the key: so a caller that waits for
        it reads it again before it sends. ``next_request`` does.
        """
        if self.state not in _WAITING:
            return inf  # K1: one is in flight; or there is nothing to send
        allowed_at = self._account.host.allowed_at
        next_request_at = self._pacing.next_request_at(allowed_at, self._spread_after(allowed_at))
        held_back_until = self._peers.held_back_until(self.state, self.phase, self._record, self._trying_ends_at)
        return max(next_request_at, held_back_until)

    @property
    def give_up_at(self) -> float:
        """Until when it makes sense to wait for the turn to send, or for an answer.

        Beyond it the key is dead, or the time for retries is over; ``tick`` handles both.
        """
        match self.state:
            case State.HELD | State.RENEWING:
                # While STOPPING, too: what is in flight then is limited by ``answer_deadline``.
                return self._record.expires_at
            case State.FAILED:
                return inf  # only the end of the block leads on
            case _:
                return self._trying_ends_at

    @property
    def room_by(self) -> float:
        """Until when it makes sense to wait for a place in the host's budget.

        Opening has no such limit: a budget that is too small was reported at registration, and the time in the queue is
        added to ``open_timeout``. See ``throttled``.
        """
        return inf if self.phase is Phase.OPENING else self.give_up_at

    def statistics(self, to_local: float = 0.0) -> KeyStatistics:
        """Counters and times; ``to_local`` is added to the times. As of the last step; this makes none."""
        return self._report.statistics(
            self._record,
            state=self.state.name.lower(),
            next_request_at=self.next_request_at,
            closed=self.closed,
            to_local=to_local,
            sharing=self._peers.statistics(to_local),
        )

    @property
    def _next_verb(self) -> Verb:
        """The next request in a waiting state: its cost is looked up before it is made."""
        return self._ask_by if self.state is State.HELD else _VERBS[self.state]

    def _spread_after(self, allowed_at: float) -> float:
        """Over how many seconds after the end of a ban the keys of a host come back (K6).

        Else all of them would be sent at the moment at which the ban ends, and be banned again. The spread is never
        longer than the key can afford; a close is not spread at all, for leaving is bounded in time (L2).
        """
        match self.state:
            case State.HELD:  # never beyond half of the life that is left
                return max(0.0, min(self._timing.retry_cap, (self._record.expires_at - allowed_at) / 2))
            case State.VACANT | State.UNSURE:  # on opening a short ban must not become a failure by it
                return max(0.0, min(self._timing.retry_base, (self._trying_ends_at - allowed_at) / 2))
            case _:
                return 0.0

    # Steps.

    def tick(self, now: float) -> None:
        """Let time pass until ``now``: every change of a key without a request is made here.

        It may be called at any time and in every state. With a request in flight only the outcome changes the key.
        """
        if (sharing := self._peers.change_to_tell()) is not None:
            self._report.tell(SharingChanged(self.generation, sharing))
        # Not with a request in flight: it ends by ``expires_at`` at the latest, and its outcome leads back here.
        if self.state is State.HELD and self.phase is not Phase.STOPPING:
            # First: news of other processes is written to the account, and read from there like news of another holder.
            if self._peers.hear_of_processes(self._record):
                self.ask(now)
            self._check_presumption(now)
        if self.state is State.VACANT and self._is_too_late(now):
            self._fail(Event.GAVE_UP, self._why_no_key(now))
        if self.phase is Phase.STOPPING:
            self._wind_up(now)

    def _is_too_late(self, now: float) -> bool:
        """Whether the next request could not be sent before the time for trying is over.

        A ban that ends later than that is known now, and reported at once.
        """
        return max(now, self.next_request_at) >= self._trying_ends_at

    def _check_presumption(self, now: float) -> None:
        """Is the key still presumed alive, and is it still the account's key?

        News of another holder is checked before the end of the validity: a context that runs late would else presume a
        key dead that the account knows to be alive. The end of the validity is next (K2): after a suspend it has
        passed, and a create replaces the key, or returns the old one if that is alive.
        """
        if self._account.key == self.key and self._account.confirmed_at > self._record.confirmed_at:
            self._adopt(self._account.confirmed_at)
        if now >= self._record.expires_at:
            self._lose(Event.EXPIRED, key_expired(self._venue.name, self._schedule.validity, self._error), now)
        elif self._peers.has_another_key(self.key):
            self._pacing.hurry(now)  # the answer tells which of the two is the account's

    def _adopt(self, confirmed_at: float) -> None:
        """Another holder of the account has found the key alive: its request counts as ours.

        It does not answer a doubt that is younger than the request: then our own request stays due (S5).
        """
        assert self._record.value is not None
        self._record.hold(self._record.value, confirmed_at, self._account.expires_at - confirmed_at)
        if self._record.asked_at <= confirmed_at:
            self._pacing.succeeded(confirmed_at, self._schedule.keepalive_every)
        self._report.tell(Renewed(self.generation))

    def throttled(self, seconds: float) -> None:
        """The next request waited ``seconds`` for its place in the host's budget.

        The wait does not count for ``open_timeout``: a thousand accounts opened at once are no failure.
        """
        self._report.throttled(seconds)
        # Later nothing is prolonged: the wait does not make a held key live longer, and leaving must end (L2).
        if self.phase is Phase.OPENING:
            self._trying_ends_at += seconds

    def ticket(self, now: float) -> Ticket:
        """The purpose and the cost of the next request, for its place in the host's budget (E1).

        It is a snapshot. While it waits in the queue the key grows older; the ticket tells the budget when that becomes
        urgent. ``next_request`` checks again whether the request is needed.
        """
        call = self._venue.call(self._next_verb)
        assert call is not None  # a close becomes due only where the venue has one
        weight = call.weight
        # Two kinds have no key in danger, and so no margin: a context that leaves, and one without a key.
        if self.phase is Phase.STOPPING:
            return Ticket(Urgency.LEAVE, weight)
        if self.state is not State.HELD:
            return Ticket(Urgency.CREATE, weight)
        # A request long before its time is a check. It costs as much as a keepalive, and can wait as long as the key
        # lives.
        record = self._record
        life = record.expires_at - record.confirmed_at
        is_early = now < record.confirmed_at + min(self._schedule.keepalive_every, life / 2) * (1 - self._timing.jitter)
        urgency = Urgency.CHECK if is_early else Urgency.KEEPALIVE
        return Ticket(urgency, weight, record.expires_at - margin_of(life))

    def next_request(self, now: float) -> Send | None:
        """The request to send at once, now that it is our turn; ``None`` if none is due (any more).

        The caller sends it and reports exactly one outcome. Until then nothing else happens to the key, and a block
        that ends waits.
        """
        # While we waited for our turn, another holder may have done it, or a ban may have begun.
        self.tick(now)
        if now < self.next_request_at:
            return None
        # From here on the machine counts a request as in flight: the caller sends it without another wait.
        verb = self._next_verb
        self._fire(Event.DUE)
        self._report.count("requests")
        # The wait for the answer ends with the life of the key, and with the time for retries (K2, L2).
        self.answer_deadline = min(now + self._timing.request_timeout, self.give_up_at)
        if self.state is State.CLOSING:
            self.answer_deadline = min(self.answer_deadline, self._close_rules.answer_by)
        # A close names the account's key, which another holder may have been told after ours.
        key = self._account.to_close() if self.state is State.CLOSING else self.key
        self._sent = Send(verb, key, now)
        return self._sent

    def receive(self, outcome: Outcome, now: float, draw: float) -> None:
        """The request in flight has ended. ``draw`` in [0, 1) decides how long to wait for the next one."""
        self.answer_deadline = inf
        self._pacing.draw = draw
        # The block may be over since the request was sent. Then the phase says so, and the outcome counts all the same.
        outcome = self._retry_policy.judge(outcome, self.phase)
        self._error = None if isinstance(outcome, Ok) else outcome.error
        # The four states with a request in flight. The request is ``_sent.verb``, but the state decides what the
        # outcome means: a create that is sent in RENEWING stands for a keepalive.
        match self.state:
            case State.CREATING:
                self._receive_create(outcome, now)
            case State.RENEWING:
                self._receive_keepalive(outcome, now)
            case State.RECOVERING:
                self._receive_recovery(outcome, now)
            case _:
                self._receive_close(outcome, now)

    def ask(self, now: float, since: float | None = None) -> None:
        """Check the key before its next keepalive: someone doubts, since ``since`` or ``now``, that it is alive.

        One more request is due as soon as none is in flight. A retry is not made earlier, or a silent stream would undo
        the backoff. A request in flight is older than the doubt and does not answer it: ``_hold`` makes the next one
        due at once. A request of another holder that is younger than the doubt answers it.
        """
        self._record.asked_at = max(self._record.asked_at, now if since is None else since)
        if self.state is State.HELD and not self._pacing.attempt:
            self._pacing.hurry(now)

    def stop(self, now: float) -> None:
        """The block is over. A keepalive in flight is cut short; a create gets ``close_timeout`` to tell its key.

        The two differ only in that (L1, L2): the answer to a keepalive is not needed, but a key that a create has made
        can only be closed if its answer is received.
        """
        self.phase = after(PHASES, self.phase, PhaseEvent.LEFT)
        self._trying_ends_at = now + self._timing.close_timeout
        match self.state:
            case State.RENEWING if self._sent.verb == "keepalive":
                self.answer_deadline = now
            case State.CREATING | State.RENEWING:
                self.answer_deadline = min(self.answer_deadline, self._trying_ends_at)
            case State.VACANT:
                self._pacing.due = now  # for the create that tells an unknown key, if one is needed

    def leave_open(self) -> None:
        """The key belongs to another program: do not close it, whatever ``on_exit`` was."""
        self._close_rules.on_exit = "leave"

    def notices(self) -> list[Notice]:
        """Notices since the last call, in order. The caller reports all of them."""
        return self._report.take()

    # A create has ended.

    def _receive_create(self, outcome: Outcome, now: float) -> None:
        """A create has ended that was to bring a first key, or another in place of one that was lost."""
        # First: the next lines may lead to FAILED or CLOSED, where the close rules read this (L1).
        self._note_untold_key(outcome, now)
        match outcome:
            case Ok():
                self._take_created(outcome)
            case Gone():
                self._fire(Event.GONE)  # the table has no way for it, and says so
            case Refused(error=error):
                self._fail(Event.REFUSED, error)
            case _:
                self._try_again(outcome, now)

    def _receive_recovery(self, outcome: Outcome, now: float) -> None:
        """The create that was sent to learn an unknown key has ended. It is not retried, and no retry is reported."""
        self._note_untold_key(outcome, now)
        if isinstance(outcome, Ok):
            self._take_created(outcome)
            return
        if isinstance(outcome, Wait):
            self._fall_silent(outcome, now)  # for the other keys of this host; this key sends nothing more
        self._fire(outcome.event)

    def _take_created(self, outcome: Ok) -> None:
        assert outcome.key is not None  # without one it is no success: see ``read_answer``
        self._fire(Event.OK)
        self._report.count("created")
        # A create that tells its key after ``stop`` leads to HELD as well. The phase stays STOPPING, and with it the
        # limit: the next ``tick`` closes the key.
        if self.phase is Phase.OPENING:
            self._trying_ends_at = inf
        self.phase = after(PHASES, self.phase, PhaseEvent.HELD)
        self._hold(outcome.key, outcome.lives)

    def _note_untold_key(self, outcome: Outcome, now: float) -> None:
        """A failed create may have made a key, which has to be closed although no answer named it (L1).

        Where an account has one key, the next create returns it. Where each create makes a new key, none returns it: it
        is left to expire, and ``untold_until`` makes the end of the block report that.
        """
        if isinstance(outcome, Transient | Refused) and outcome.may_be_done:
            self._account.may_hold_unknown_key = True
            if self._makes_new_keys:
                self._record.untold_until = now + self._schedule.validity

    # A keepalive has ended.

    def _receive_keepalive(self, outcome: Outcome, now: float) -> None:
        """A request that keeps the key alive has ended: a keepalive, or a create in its place.

        Where an exchange knows the key by the API key, a keepalive need not name it; and where the answer is ``{}``, a
        success says no more than that the account has *a* key. Another program may have closed ours and made another,
        which is then kept alive while our stream stays silent (S5). So such a success proves nothing. A create is sent
        at once, which returns the key that the account has and keeps that one alive; and creates are sent in place of
        keepalives from then on, since no answer to a keepalive will tell more than the first did.
        """
        if self._sent.verb == "create":
            self._note_untold_key(outcome, now)
        match outcome:
            case Ok(key=None) if self._keepalive_is_anonymous:
                # ``expires_at`` is not moved: another key may have been kept alive (K2).
                self._fire(Event.OK)
                self._ask_by = "create"
                self._pacing.hurry(now)
            case Ok(key=key, lives=lives):
                # At the other exchanges an answer without a key is about ours.
                self._take_renewed(key, lives, now)
            case Gone(error=error):
                # The other holders notice when the next create returns another key: then each of them asks (K4).
                self._account.forget(self.key)
                self._lose(Event.GONE, error, now)
            case Refused(error=error):
                self._fail(Event.REFUSED, error)  # the key may be alive, and is closed when the block ends
            case _:
                self._try_again(outcome, now)

    def _take_renewed(self, told: str | None, lives: float | None, now: float) -> None:
        """The exchange has confirmed a key: the one in the answer, which may be another one than ours (K5).

        With ``on_lost="replace"`` another key is taken over: ``_hold`` reports a replacement. With ``"raise"`` the
        block's key must never change: where an account has one key, the same answer is a loss.
        """
        key = told or self.key
        assert key is not None
        if key != self.key and self._on_lost == "raise" and self._venue.sharing.second_create == "same":
            # An account has one key at a time: ours is dead.
            self._account.forget(self.key)
            # If a create returned that key, we may have made it, and have to close it (L1). A keepalive makes no key:
            # the one in its answer belongs to another program (L5).
            if self._sent.verb == "create":
                self._account.learn(key)
            self._lose(Event.GONE, key_lost(self._venue.name), now)
            return
        self._fire(Event.OK)
        self._report.count("renewed")
        self._pacing.losses = 0
        self._hold(key, lives)

    @property
    def _keepalive_is_anonymous(self) -> bool:
        """Whether a keepalive names no key, and a create returns the account's.

        Only then are creates sent in place of keepalives: where a create makes another key, it would end ours, or leave
        a key behind each half hour.
        """
        venue = self._venue
        return (
            venue.keepalive is not None
            and venue.key_place("keepalive") == "account"
            and venue.sharing.second_create == "same"
        )

    @property
    def _makes_new_keys(self) -> bool:
        """Whether each create makes a new key, so that no create returns an older one."""
        return self._venue.sharing.second_create == "new"

    def _hold(self, key: str, lives: float | None) -> None:
        """The exchange has just told us that ``key`` is alive, be it another one than before.

        Everything counts from when the request was sent: when the exchange handled it is unknown (K2).
        """
        sent_at, schedule = self._sent.at, self._schedule
        validity = min(schedule.validity, lives or inf)  # the answer may name a shorter life
        is_new = self._record.hold(key, sent_at, validity)
        self._account.learn(key, sent_at, sent_at + validity)
        self._peers.tell(key, sent_at)
        # Where the exchange says how long this key lives, that may be less than the time between two keepalives.
        self._pacing.succeeded(sent_at, min(schedule.keepalive_every, validity / 2 if lives else inf))
        # S5: a doubt that is younger than this request; when it was sent, the exchange may not have known.
        if self._record.asked_at > sent_at:
            self._pacing.due = self._record.asked_at
        # ``is_new`` compares the values: a create that returns the key which was presumed dead has replaced nothing.
        notice = Renewed if not is_new else Created if self.generation == 1 else Replaced
        self._report.tell(notice(self.generation))

    # Failures.

    def _try_again(self, outcome: Transient | Wait, now: float) -> None:
        """A request failed in a way that may pass: set when the retry is due, and report it if there is one.

        While a key is held, only the end of its life ends the retries: see ``tick``.
        """
        self._fire(outcome.event)
        if isinstance(outcome, Wait):
            self._fall_silent(outcome, now)
        else:
            self._pacing.failed(now)
            if self._retry_policy.clock_was_set:
                self._pacing.due = now  # no backoff: our clock was wrong, and is corrected now
            elif self.state is State.VACANT and (last := self._trying_ends_at - self._timing.retry_base) > now:
                # A large random number must not cost half of the time for opening: one retry comes before its end. Once
                # there was a key the end is infinity, and this changes nothing (K4).
                self._pacing.hurry(last)
        # A retry is reported only if it will be sent.
        is_cut_short = self.phase is Phase.STOPPING and self.state is not State.LEAVING
        if is_cut_short or self.next_request_at >= self._trying_ends_at:
            return  # we cut it short ourselves, or there is no time: no retry follows
        self._report.count("retries")
        self._report.tell(Retrying(self.generation, outcome.error, self.next_request_at - now))

    def _fall_silent(self, outcome: Wait, now: float) -> None:
        """Send nothing to the host for as long as it asks; the next request is due as soon as the ban ends (K3).

        The ban stops every key of the host. Only the count of failures is this key's own: if the exchange asks for
        short silences again and again, they are prolonged.
        """
        self._report.count("waits")
        self._pacing.failed(now)
        self._account.host.block(now + max(outcome.seconds, self._pacing.least_silence()))
        self._pacing.due = now

    def _lose(self, event: Event, error: ListenKeyError, now: float) -> None:
        """The key is dead, or must be presumed so: replace it, or raise the error (K4).

        The loss is reported first in both cases. ``_pacing`` counts losses in a row, so that keys which die at once do
        not make a hot loop of creates. The account still has a key that expired by our clock only: if there is no
        other, it is closed when the block ends (L1).
        """
        self._fire(event)
        self._report.count("losses")
        self._record.presume_dead(now)
        self._pacing.lost(now)
        self._report.tell(Lost(self.generation, error))
        if self._on_lost == "raise":
            lost = error if isinstance(error, KeyLostError) else key_lost(self._venue.name, error)
            self._fail(Event.GAVE_UP, lost)

    def _fail(self, event: Event, error: ListenKeyError) -> None:
        """The key failed for good. A block that is over is not told: see ``failure`` (L4)."""
        self._fire(event)
        # The error reaches the keeper by this attribute alone: it cancels the block and raises it.
        if self.phase is not Phase.STOPPING:
            self.failure = error

    def _why_no_key(self, now: float) -> ListenKeyError:
        """The error when opening fails: the ban, if there is one, for the caller can act on that."""
        blocked = self._account.host.allowed_at - now
        if blocked > 0:
            return silence_too_long(self._venue.name, blocked, self._error)
        # Without an error no request was sent at all: there was never a turn, or never room in the budget.
        return self._error or never_sent(self._venue.name, self._timing.open_timeout)

    # The end.

    def _wind_up(self, now: float) -> None:
        """The block is over. Do what the state allows; with a request in flight, wait for its outcome.

        It is called in each ``tick`` until CLOSED, and decides again each time: while we wait for our turn, another
        block may take over the key, or close it (L5). So no decision is stored.
        """
        must_recover = self._close_rules.must_recover(is_known_key_alive=now < self._record.expires_at)
        match self.state:
            case State.VACANT if must_recover:
                self._fire(Event.STOP_UNSURE)
            case State.UNSURE if must_recover and not self._is_too_late(now):
                pass  # the create that returns the key is still to be sent
            case State.VACANT | State.HELD | State.FAILED | State.UNSURE:
                self._end(now)
        # Also right after ``_end``, which may have led here: the time may be over already.
        if self.state is State.LEAVING:
            self._reconsider_close(now)

    def _end(self, now: float) -> None:
        """The block is over and nothing is in flight: have the key closed, if we have to close it.

        Between processes the register decides, and later: see ``_reconsider_close``.
        """
        if not self._close_rules.is_ours:
            # A key of a lost answer is left to the other holders, or to expire.
            self._finish(Event.STOP, closed=None)
        elif self._close_rules.has_something_to_close:
            # Earlier failures do not count: a close gets all of ``close_timeout``, and is first sent at once (L2).
            self._fire(Event.STOP_OWING)
            self._error = None
            self._pacing.attempt = 0
            self._pacing.due = now
            self._trying_ends_at = now + self._timing.close_timeout
            # Half of the time to find out whether we are the last, and half to close it (P6).
            self._close_rules.close_is_due(now, by=now + self._timing.close_timeout / 2)
        elif self._account.may_hold_unknown_key:
            # A create whose answer was lost, where a close names the key: that key is left to expire.
            self._finish(Event.STOP, closed=False, error=self._error or self._why_not_closed())
        else:
            self._finish(Event.STOP, closed=None)  # no key was made; or another holder has closed it meanwhile

    def _reconsider_close(self, now: float) -> None:
        """Before a close is sent: others may have come to hold the key, or closed it, or the time may be over.

        It is checked at each ``tick``, also at the one in ``next_request``, so that nothing happens between the last
        check and the request. A close cannot be undone: every doubt here ends in not closing (L5, P4).
        """
        match self._close_rules.objection(now):
            case None if self._is_too_late(now):
                self._finish(Event.GAVE_UP, closed=False, error=self._error or self._why_not_closed())
            case None:
                pass  # it is still to be sent
            case "not ours":
                self._finish(Event.STOP, closed=None)
            case "unknown yet" if now >= self.next_request_at:
                # Half of the time for closing is over, and the register has not said whether we are the last (P6).
                self._finish(Event.GAVE_UP, closed=False, error=self._left_to_expire("away"))
            case "unknown yet":
                pass
            case because:
                # P4: a register that cannot be relied upon never makes us close a key that others may need.
                self._finish(Event.GAVE_UP, closed=False, error=self._error or self._left_to_expire(because))

    def _receive_close(self, outcome: Outcome, now: float) -> None:
        """A close has ended. Whatever the outcome, it is the last thing that happens to that key here (L1).

        A failure that may pass is retried while there is time; a refusal is final, and reported.
        """
        if isinstance(outcome, Transient | Wait):
            self._try_again(outcome, now)  # until ``close_timeout`` is over: ``_reconsider_close`` ends it
            return
        # GONE is a success: another program closed it, or it had expired. But it says nothing of another key whose
        # answer was lost.
        other = self._account.may_hold_unknown_key and self._close_rules.names_key
        is_closed = isinstance(outcome, Ok) or (isinstance(outcome, Gone) and not other)
        if is_closed:
            # For every holder: the account must not offer this key to be closed again. Ours is dead from now on;
            # ``expires_at`` shows that after the block.
            self._account.forget(self._sent.key)
            self._record.presume_dead(now)
        # One close at a time, each with the turn and the ban in between; ``close_timeout`` is for all of them (L2).
        if is_closed and self._account.to_close() is not None:
            self._fire(Event.TRANSIENT)  # a close is still due: that of a key which we held before
            self._pacing.due = now
        elif is_closed and now < self._record.untold_until:
            self._finish(outcome.event, closed=False, error=key_may_be_left(self._venue.name, self._schedule.validity))
        else:
            self._finish(outcome.event, closed=is_closed, error=None if is_closed else self._error)

    def _why_not_closed(self) -> ListenKeyError:
        """Why a key is left behind where no request failed: there was no turn, or a ban lasted for too long."""
        return not_closed(self._venue.name, self._schedule.validity, self._timing.close_timeout)

    def _left_to_expire(self, because: str) -> ListenKeyError:
        """The error for a key that other processes may use, so that it is not closed (P4, P6)."""
        return left_to_expire(self._venue.name, self._schedule.validity, because)

    def _finish(self, event: Event, *, closed: bool | None, error: ListenKeyError | None = None) -> None:
        """Nothing is left to do. ``error`` is why a key may be left behind; it is reported and never raised (L1)."""
        self._fire(event)
        self.closed = closed
        if self.generation or error:  # else there never was a key
            self._report.tell(Closed(self.generation, error))

    def _fire(self, event: Event) -> None:
        # The one place where the state changes. An event that the table does not have in this state is a bug, and
        # raises.
        self.state = after(TRANSITIONS, self.state, event)
