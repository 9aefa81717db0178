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

Which state follows from what, and which phase of the block, is looked up in ``_key_states``. What is decided here is
when something is due, what counts as lost, and whether there is anything for us to close.

Three times
===========

``next_request_at``, ``give_up_at`` and ``answer_deadline`` are all that the driver waits by. The first says when it may
go on; the second, while it waits for anything, when going on has become pointless; the third, while a request is in
flight, when to let go of it. Each is worked out anew from the state, the pacing, the host's ban and the register when
it is asked for (but ``answer_deadline``, which is fixed when the request is sent, and later only brought forward). So
nothing has to be cancelled or set again when a ban begins, when another holder has news, or when the block ends: the
driver looks again, and finds other times.

Who knows what
==============

* ``_record`` is this context's own: which key its block was told, and until when that is presumed alive.
* ``_account`` is what all contexts of this process know together. A key that any of them found alive is written there,
  and each takes it from there at its next ``tick``.
* ``_peers`` has what other contexts and other processes found out, and says when that is a reason to ask or to wait.
* ``_close_rules`` says which key is to be closed, and whether by us.
* ``_retry_policy`` says which refusals may pass.

What we know and what the account knows may differ for a moment, and ``tick`` looks for that: a holder whose key is not
the account's asks the exchange once, and the answer settles it. No holder takes over a key from another without an
answer of its own.

Where the promises of the contract are kept
===========================================

* K1, one request at a time: by the table. A state in which a request is in flight has no way to another such state.
* K2, no life beyond the validity: ``_check_presumption``. ``KeyRecord.expires_at`` counts from when a request was sent.
* K3, classes of failure: ``RetryPolicy`` says what a refusal is taken for; ``_fall_silent`` keeps bans.
* K4, K5, lost and replaced keys: ``_lose`` and ``_take_renewed``.
* E1, one budget: ``ticket`` says what the next request is for and how urgent it is; ``throttled``, how long it waited.
* K6, jitter: ``_pacing``, and ``_spread_after`` for the end of a ban.
* L1, L2, no key is left behind, and leaving has an end: ``stop``, then ``_wind_up`` in every ``tick`` until CLOSED.
* L5, nobody else is hurt: ``CloseRules``, asked in ``_end`` and ``_reconsider_close``. Nothing else leads to a close.

The file is longer than others. What can be understood alone was taken out of it: the files named above. What is left is
one machine: opening, keeping and closing share nearly every attribute, and every step may lead to any other.
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

# What is sent next, by the state that waits for it; but for a key that is held, see ``_ask_by``. FAILED waits as well,
# but for the end of the block, which no request brings about.
# In VACANT and UNSURE the same is sent, but what an answer means is another thing.
_VERBS: Final[dict[State, Verb]] = {State.VACANT: "create", State.UNSURE: "create", State.LEAVING: "close"}
_WAITING: Final = frozenset({State.VACANT, State.HELD, State.UNSURE, State.LEAVING})


class Send(Secretive, frozen=True, gc=False):
    """A request to send at once.

    It says nothing of how: what a verb is at an exchange, and whether the key is named in it, the protocol knows. Its
    ``repr`` shows no key (T1).

    Attributes:
        verb: What to ask for.
        key: The key to name, where there is one.
        at: The present, when it was handed out.
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
        account: Whose key; shared by all who hold it in this process. Joined already.
        on_exit: ``"leave"`` never closes.
        on_lost: ``"raise"`` ends in ``FAILED`` when the key dies.
        now: The present.
        draw: A random number in [0, 1), as in ``receive``.
        member: This process's share in the key, where other processes have one, too; ``None`` where that is nobody's
            business.
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
    """Where the key is. Changed by ``_fire`` alone, by the table. Read by the keeper to see whether it is done, and by
    ``_next_verb`` to say what is to be sent: there is no other note of what comes next."""

    phase: Phase
    """Where the block is. Changed by ``stop`` and by the first key, by the table. ``JOINT_STATES`` holds: ``state`` is
    always one of the states that there are in this phase."""

    failure: ListenKeyError | None
    """What the block is to be told. Set once, on entering ``FAILED``, and never while the block is STOPPING: what a
    block that is over sees must not depend on timing."""

    closed: bool | None
    """In ``CLOSED``: whether the exchange confirmed it; ``None`` if there was nothing (for us) to close. Set once, by
    ``_finish``. ``False`` is told, and never raised over what the block ended with (L1)."""

    answer_deadline: float
    """With a request in flight: when to stop waiting for its answer; else infinity. Look again after ``stop``, which
    may have brought it forward (L2). Who waits reports a time-out as ``Transient``: the request may have been done."""

    _venue: Venue
    """What a request costs and whether it names its key; what a second create does; its name for errors."""

    _timing: Timing
    """Three limits in seconds are used here: for opening, for one request, for leaving. Pacing has the others."""

    _on_lost: OnLost
    """Whether a key that is lost is replaced, or ends the block. It does not change."""

    _schedule: KeepaliveSchedule
    """How often this key is kept alive, and for how long it lives after a request. It does not change."""

    _account: Account
    """Shared with the other contexts of this process that hold the same key. What is known of *its* key (which one was
    last seen alive, whether one may be unknown) may be changed by any of them, whenever none of ours is in flight."""

    _peers: KeyPeers
    """Who else knows about the key: it may hold a request back, or start one."""

    _close_rules: CloseRules
    """Whether there is something to close, and whether by us. It may keep us from closing until the last moment."""

    _retry_policy: RetryPolicy
    """What an outcome is taken for: see there. Asked once for each."""

    _record: KeyRecord
    """What we know of our own key. Nobody else writes to it: what others find out comes by the account, in ``tick``."""

    _pacing: RequestPacing
    """When the next request is due, bans apart; and what was tried in vain until now. ``due`` is meant for the state in
    which the machine waits, so whoever leads to such a state sets it."""

    _report: KeyReport
    """What is to be told: counters, and notices in the order in which things happened."""

    _trying_ends_at: float
    """When trying ends, if there is an end to it: the end of ``open_timeout`` while OPENING, infinity while RUNNING,
    and while STOPPING the end of a ``close_timeout`` that begins anew when the first close becomes due."""

    _error: ListenKeyError | None
    """Why the last request failed; ``None`` once one succeeded, and when the close becomes due: a keepalive that failed
    an hour ago is no reason for a key that could not be closed."""

    _sent: Send
    """The request in flight, or else the last one. Its time is what a success counts from (K2), whenever the answer
    came."""

    _ask_by: Verb
    """What is sent to keep the key alive. ``"keepalive"``, until one succeeded of which neither the request nor the
    answer named a key; from then on ``"create"``, whose answer does. See ``_receive_keepalive``."""

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

        It stays when the key is lost, until there is another one: for who has opened a socket by it.
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
        """When the last request that found the key alive was sent; at that time it was."""
        return self._record.confirmed_at

    def is_banned(self, now: float) -> bool:
        """Whether the host wants silence, so that nothing can be asked of it (K3). It is the host's: all keys wait."""
        return now < self._account.host.allowed_at

    @property
    def next_request_at(self) -> float:
        """When the next request may be sent; infinity while none is to be.

        Others may move it at any time, by a ban of the host or by news of the key: whoever waits until then looks at it
        again before it sends. ``next_request`` does.
        """
        if self.state not in _WAITING:
            return inf  # K1: one is in flight; or there is nothing to be done
        allowed_at = self._account.host.allowed_at
        next_request_at = self._pacing.next_request_at(allowed_at, self._spread_after(allowed_at))
        held_back_until = self._peers.held_back_until(self.state, self.phase, self._record, self._trying_ends_at)
        return max(next_request_at, held_back_until)

    @property
    def give_up_at(self) -> float:
        """Until when it makes sense to wait, for one's turn to send or for an answer.

        Beyond it the key is dead, or the time for trying is over; either way ``tick`` has something to say.
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

        On opening there is no end: what cannot fit was said when the account was registered, and the time that is spent
        in the queue is added to that for opening. See ``throttled``.
        """
        return inf if self.phase is Phase.OPENING else self.give_up_at

    def statistics(self, to_local: float = 0.0) -> KeyStatistics:
        """Counters and times; ``to_local`` is added to the times. As of the last step: none is made here."""
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
        """What is sent next, in a state that waits: what costs is looked up by it, before the request is made."""
        return self._ask_by if self.state is State.HELD else _VERBS[self.state]

    def _spread_after(self, allowed_at: float) -> float:
        """Over how many seconds after the end of a ban the keys of a host come back (K6).

        They would else all come at the very moment at which the exchange lets them, and be banned again. It is never
        more than the key can afford; a close is not spread at all, for the one who leaves is in a hurry (L2).
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
        """Let time pass until ``now``: whatever happens to a key without a request happens here.

        It may be called at any time and in every state. With a request in flight it changes nothing of the key: the
        outcome does.
        """
        if (sharing := self._peers.change_to_tell()) is not None:
            self._report.tell(SharingChanged(self.generation, sharing))
        # Not with a request in flight: it ends by ``expires_at`` at the latest, and its outcome leads back here.
        if self.state is State.HELD and self.phase is not Phase.STOPPING:
            # First, for what other processes know goes to the account, and is taken from there like another holder's.
            if self._peers.hear_of_processes(self._record):
                self.ask(now)
            self._check_presumption(now)
        if self.state is State.VACANT and self._is_too_late(now):
            self._fail(Event.GAVE_UP, self._why_no_key(now))
        if self.phase is Phase.STOPPING:
            self._wind_up(now)

    def _is_too_late(self, now: float) -> bool:
        """Whether the next request could not be sent before the time for trying is over.

        A ban that ends later than that is known now. It is said at once, rather than waited for in vain.
        """
        return max(now, self.next_request_at) >= self._trying_ends_at

    def _check_presumption(self, now: float) -> None:
        """Is the key still presumed alive, and is it still the account's key?

        What another holder has found out counts before the end of the validity does: a context that looks late would
        else call a key dead that the account knows to be alive. Then comes that end (K2): after a suspend that is what
        is found, and the key is replaced by a create, which returns the old one where that is alive after all.
        """
        if self._account.key == self.key and self._account.confirmed_at > self._record.confirmed_at:
            self._adopt(self._account.confirmed_at)
        if now >= self._record.expires_at:
            self._lose(Event.EXPIRED, key_expired(self._venue.name, self._schedule.validity, self._error), now)
        elif self._peers.has_another_key(self.key):
            self._pacing.hurry(now)  # the answer tells which of the two is the account's

    def _adopt(self, confirmed_at: float) -> None:
        """Another holder of the account has found the key alive: its request was ours, too.

        It is no answer to a doubt that came up after it was sent: our own request stays due then (S5).
        """
        assert self._record.value is not None
        self._record.hold(self._record.value, confirmed_at, self._account.expires_at - confirmed_at)
        if self._record.asked_at <= confirmed_at:
            self._pacing.succeeded(confirmed_at, self._schedule.keepalive_every)
        self._report.tell(Renewed(self.generation))

    def throttled(self, seconds: float) -> None:
        """The next request waited that long for its place in the host's budget.

        Of the time for opening that takes nothing away: a thousand accounts opened at once are no failure.
        """
        self._report.throttled(seconds)
        # Afterwards there is nothing to add to: a key that is held lives no longer for it, and leaving must end (L2).
        if self.phase is Phase.OPENING:
            self._trying_ends_at += seconds

    def ticket(self, now: float) -> Ticket:
        """What the next request is for, and what it costs: for its place in the host's budget (E1).

        It is a picture of this moment. While it waits in the queue the key grows older, and the budget knows by the
        ticket when that becomes urgent; whether the request is needed at all is asked again by ``next_request``.
        """
        call = self._venue.call(self._next_verb)
        assert call is not None  # where nothing can be closed, no close becomes due
        weight = call.weight
        # Two kinds have no key in danger, and so no margin: one that leaves, which is in a hurry, and one that has
        # none.
        if self.phase is Phase.STOPPING:
            return Ticket(Urgency.LEAVE, weight)
        if self.state is not State.HELD:
            return Ticket(Urgency.CREATE, weight)
        # A request long before its time is a question. It costs as much, and can wait for as long as the key lives.
        record = self._record
        life = record.expires_at - record.confirmed_at
        is_early = now < record.confirmed_at + min(self._schedule.keepalive_every, life / 2) * (1 - self._timing.jitter)
        urgency = Urgency.CHECK if is_early else Urgency.KEEPALIVE
        return Ticket(urgency, weight, record.expires_at - margin_of(life))

    def next_request(self, now: float) -> Send | None:
        """What to send at once, now that it is our turn; ``None`` if there is nothing (any more).

        Whoever gets a ``Send`` has to send it, and to report exactly one outcome: until then nothing else happens to
        the key, and a block that ends waits for it.
        """
        # While we waited for our turn, another holder may have done it, or a ban may have begun.
        self.tick(now)
        if now < self.next_request_at:
            return None
        # From here on a request is in flight, as far as the machine goes: whoever asks sends it without another wait.
        verb = self._next_verb
        self._fire(Event.DUE)
        self._report.count("requests")
        # No answer is waited for beyond the life of the key, nor beyond the time for trying (K2, L2).
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
        # The four states with a request in flight. What was asked for is ``_sent.verb``, but what the outcome means
        # goes by the state: a create that is sent in RENEWING stands for a keepalive.
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
        """Someone doubts that the key is alive, ``since`` some time or since now: do not wait for the next keepalive.

        It is one request more, as soon as none is in flight; what is tried again already is not hurried, or a silent
        stream would undo the backoff. A request in flight was sent before the doubt, and does not answer it: ``_hold``
        makes the next one due at once. What another holder has sent since the doubt came up does answer it.
        """
        self._record.asked_at = max(self._record.asked_at, now if since is None else since)
        if self.state is State.HELD and not self._pacing.attempt:
            self._pacing.hurry(now)

    def stop(self, now: float) -> None:
        """The block is over. A keepalive in flight is cut short; a create gets ``close_timeout`` to tell its key.

        That is the whole difference between the two (L1, L2): nobody misses a keepalive's answer, but a key that a
        create has made can be closed only by who was told of it.
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
        """The key turned out to be somebody else's: it is not to be closed, whatever was said before."""
        self._close_rules.on_exit = "leave"

    def notices(self) -> list[Notice]:
        """What happened since the last call. Whoever takes them tells them all, in this order."""
        return self._report.take()

    # A create has ended.

    def _receive_create(self, outcome: Outcome, now: float) -> None:
        """A create has ended that was to bring a first key, or another in place of one that was lost."""
        # First, for what follows may end in FAILED or CLOSED, and ask whether there is something to close (L1).
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
        """The create that was to tell an unknown key has ended. There is no second one, and so no retry to be told."""
        self._note_untold_key(outcome, now)
        if isinstance(outcome, Ok):
            self._take_created(outcome)
            return
        if isinstance(outcome, Wait):
            self._fall_silent(outcome, now)  # for the others at this host; this key is done
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
        """A create that failed may have made a key all the same, which is to be closed without having been told (L1).

        Where an account has one key, the next create tells it. Where each create makes a new one, none ever will: it is
        left until it expires, and ``untold_until`` has that said on the way out.
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
                # ``expires_at`` is not moved: for all that is known it is another key that was kept alive (K2).
                self._fire(Event.OK)
                self._ask_by = "create"
                self._pacing.hurry(now)
            case Ok(key=key, lives=lives):
                # An answer that names no key is about ours, at the exchanges that are left here.
                self._take_renewed(key, lives, now)
            case Gone(error=error):
                # The other holders find out when the next create tells another key: then each of them asks (K4).
                self._account.forget(self.key)
                self._lose(Event.GONE, error, now)
            case Refused(error=error):
                self._fail(Event.REFUSED, error)  # the key may well be alive, and is closed on the way out
            case _:
                self._try_again(outcome, now)

    def _take_renewed(self, told: str | None, lives: float | None, now: float) -> None:
        """The exchange has said that a key is alive: the one that it told, which may be another than ours (K5).

        With ``on_lost="replace"`` another one is simply taken: ``_hold`` tells it as a replacement. With ``"raise"``
        the block is promised that its key never changes: where an account has one key, the same answer is a loss.
        """
        key = told or self.key
        assert key is not None
        if key != self.key and self._on_lost == "raise" and self._venue.sharing.second_create == "same":
            # An account has one key at a time: ours is dead.
            self._account.forget(self.key)
            # That key may be our own doing, and then it is ours to close (L1). A keepalive makes none: what it tells
            # was made by somebody else, and stays theirs (L5).
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

        Both are needed for creates to be sent in place of keepalives: where a create makes another key, it would end
        ours or leave one behind each half hour.
        """
        venue = self._venue
        return (
            venue.keepalive is not None
            and venue.key_place("keepalive") == "account"
            and venue.sharing.second_create == "same"
        )

    @property
    def _makes_new_keys(self) -> bool:
        """Whether a create makes one key more each time, so that none tells of one that was made before."""
        return self._venue.sharing.second_create == "new"

    def _hold(self, key: str, lives: float | None) -> None:
        """The exchange has just told us that ``key`` is alive, be it another one than before.

        Everything counts from when the request was sent: how long the exchange took for it, nobody knows (K2).
        """
        sent_at, schedule = self._sent.at, self._schedule
        validity = min(schedule.validity, lives or inf)  # the exchange may say that it is less
        is_new = self._record.hold(key, sent_at, validity)
        self._account.learn(key, sent_at, sent_at + validity)
        self._peers.tell(key, sent_at)
        # Where the exchange says how long this key lives, that may be less than the time between two keepalives.
        self._pacing.succeeded(sent_at, min(schedule.keepalive_every, validity / 2 if lives else inf))
        # S5: a doubt that came up while this request was in flight; the exchange may not have known yet.
        if self._record.asked_at > sent_at:
            self._pacing.due = self._record.asked_at
        # ``is_new`` goes by the value: a create that returns the key which was presumed dead has replaced nothing.
        notice = Renewed if not is_new else Created if self.generation == 1 else Replaced
        self._report.tell(notice(self.generation))

    # Failures.

    def _try_again(self, outcome: Transient | Wait, now: float) -> None:
        """A request failed in a way that may pass: set when the next one is due, and say so if there is one.

        While a key is held there is no limit to the tries but the key's life. It is ``tick`` that ends them.
        """
        self._fire(outcome.event)
        if isinstance(outcome, Wait):
            self._fall_silent(outcome, now)
        else:
            self._pacing.failed(now)
            if self._retry_policy.clock_was_set:
                self._pacing.due = now  # no backoff: it is our clock that was wrong, and it is right now
            elif self.state is State.VACANT and (last := self._trying_ends_at - self._timing.retry_base) > now:
                # An unlucky draw must not throw half of the time for opening away: there is a try before its end.
                # Once there was a key the end is infinity, and this changes nothing (K4).
                self._pacing.hurry(last)
        # What is told as a retry is followed by one; a warning of something that never comes would mislead.
        is_cut_short = self.phase is Phase.STOPPING and self.state is not State.LEAVING
        if is_cut_short or self.next_request_at >= self._trying_ends_at:
            return  # we cut it short ourselves, or there is no time: no other try follows
        self._report.count("retries")
        self._report.tell(Retrying(self.generation, outcome.error, self.next_request_at - now))

    def _fall_silent(self, outcome: Wait, now: float) -> None:
        """Send nothing to the host for as long as it says; the next request is due as soon as it may be sent (K3).

        The ban is the host's and stops every key there. What is this key's own is only the count of failures: an
        exchange that asks for silence again and again, and each time for little, is given more.
        """
        self._report.count("waits")
        self._pacing.failed(now)
        self._account.host.block(now + max(outcome.seconds, self._pacing.least_silence()))
        self._pacing.due = now

    def _lose(self, event: Event, error: ListenKeyError, now: float) -> None:
        """The key is dead, or must be presumed so: replace it, or say so (K4).

        The loss is told in either case, before what comes of it. ``_pacing`` counts losses in a row, so that keys which
        die at once do not make a hot loop of creates. Of a key that ran out by our clock only, the account still knows
        the name: should no other be had, it is closed on the way out (L1).
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
        """There is no way on. A block that is over hears nothing of it: see ``failure`` (L4)."""
        self._fire(event)
        if self.phase is not Phase.STOPPING:
            self.failure = error

    def _why_no_key(self, now: float) -> ListenKeyError:
        """What ends opening in vain: the ban, if one lasts, for that is what the caller can do something about."""
        blocked = self._account.host.allowed_at - now
        if blocked > 0:
            return silence_too_long(self._venue.name, blocked, self._error)
        # Without an error no request was sent at all: there was no turn, or no room, in all of the time.
        return self._error or never_sent(self._venue.name, self._timing.open_timeout)

    # The end.

    def _wind_up(self, now: float) -> None:
        """The block is over. Do whatever the state allows; with a request in flight, wait for its outcome.

        It is called in each ``tick`` until CLOSED, and decides anew each time: while we wait for our turn another block
        may take over the key, or close it (L5). So nothing that was decided here is kept.
        """
        must_recover = self._close_rules.must_recover(is_known_key_alive=now < self._record.expires_at)
        match self.state:
            case State.VACANT if must_recover:
                self._fire(Event.STOP_UNSURE)
            case State.UNSURE if must_recover and not self._is_too_late(now):
                pass  # the create that tells the key's name is still to be sent
            case State.VACANT | State.HELD | State.FAILED | State.UNSURE:
                self._end(now)
        # Not only after a wait: ``_end`` may just have led here, and the time may be over already.
        if self.state is State.LEAVING:
            self._reconsider_close(now)

    def _end(self, now: float) -> None:
        """The block is over and nothing is in flight: have the key closed, if that is up to us.

        Between processes the register decides, and later: see ``_reconsider_close``.
        """
        if not self._close_rules.is_ours:
            # What may have been made and not told is left to those who stay, or to expire.
            self._finish(Event.STOP, closed=None)
        elif self._close_rules.has_something_to_close:
            # What came before is of no matter: a close gets all of ``close_timeout``, and a first try at once (L2).
            self._fire(Event.STOP_OWING)
            self._error = None
            self._pacing.attempt = 0
            self._pacing.due = now
            self._trying_ends_at = now + self._timing.close_timeout
            # Half of the time to find out whether we are the last, and half to close it (P6).
            self._close_rules.close_is_due(now, by=now + self._timing.close_timeout / 2)
        elif self._account.may_hold_unknown_key:
            # A create whose answer was lost, at an exchange that wants keys named: it stays until it expires.
            self._finish(Event.STOP, closed=False, error=self._error or self._why_not_closed())
        else:
            self._finish(Event.STOP, closed=None)  # nothing was made; or another holder has closed it meanwhile

    def _reconsider_close(self, now: float) -> None:
        """Before a close is sent: others may have come to hold the key, or closed it, or the time may be over.

        It is asked again at each ``tick``, the one in ``next_request`` among them, so that nothing comes between the
        last look and the request. A close cannot be taken back: every doubt here ends in not closing (L5, P4).
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

        What may pass is tried again while there is time; a refusal is final, and told, for nobody can mend it now.
        """
        if isinstance(outcome, Transient | Wait):
            self._try_again(outcome, now)  # until ``close_timeout`` is over: ``_reconsider_close`` ends it
            return
        # GONE is a success: someone was faster, or it had expired. But that the key we named is gone says nothing of
        # another one that we were never told.
        other = self._account.may_hold_unknown_key and self._close_rules.names_key
        is_closed = isinstance(outcome, Ok) or (isinstance(outcome, Gone) and not other)
        if is_closed:
            # For every holder: the account must not offer this key to be closed again. Ours is dead from now on, and
            # ``expires_at`` says so to who reads it after the block.
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
        return left_to_expire(self._venue.name, self._schedule.validity, because)

    def _finish(self, event: Event, *, closed: bool | None, error: ListenKeyError | None = None) -> None:
        """Nothing is left to do. ``error`` is why a key may be left behind; it is told and never raised (L1)."""
        self._fire(event)
        self.closed = closed
        if self.generation or error:  # else there never was a key
            self._report.tell(Closed(self.generation, error))

    def _fire(self, event: Event) -> None:
        self.state = after(TRANSITIONS, self.state, event)
