"""The life of a dead-man switch: the state of the stream goes in; which countdown to begin, and when, comes out.

How to drive it (``_shell._dead_man`` does; so do the tests, without a clock)::

    switch.look(is_live, gaps, now)       what the stream is like now; and let time pass
    switch.resynchronised(gaps)           the program has made up for all gaps until now
    switch.due_at, switch.look_at         when to send, and when to look at the latest
    switch.begin(now)                     what to send now, if anything; then
    switch.receive(send, outcome, ...)    what became of it
    switch.stop(in_order, now)            the block is over
    switch.notices()                      what to tell, once each

Times are seconds on the axis of the stream's machine. ``draw`` is a random number in [0, 1).

Two bounds
==========

Two bounds are kept for each countdown. It runs at least until its length has passed since the last successful request
was *sent*; and at most until its length has passed since the last request *that may have arrived* ended. Users plan by
the first bound; the promise is about the second. So a request whose answer was lost moves the second bound and not the
first; a request that was refused, or never sent, moves neither.

What it does not do
===================

* It never begins a countdown while the stream is not live, or the program is behind: ``due_at`` is infinite then. A
  request in flight at that moment may still arrive: so there are two bounds.
* It never ends one while nobody watches the orders: only a block that was left without an error ends its countdowns,
  and only from HOLDING.
* It does not decide whether the stream is live: see ``_liveness``. The program reports whether it is up to date.

There is one countdown for each symbol, and they share one state: if one of them has run out, its orders are gone, and
the program has to know. Requests are sent one after the other, in the order in which they are due.

The file is longer than others for its comments: it is one machine, and 240 lines of code.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Final, Literal

import msgspec

from .._errors import ListenKeyError, UnavailableError
from .._settings import Timing
from .._statistics import SwitchStatistics
from ._backoff import DOUBTFUL_TRIES, full_jitter
from ._dead_man_states import SWITCH_TRANSITIONS, SwitchEvent, SwitchState
from ._outcomes import Ok, Outcome, Refused, Transient, Wait
from ._tables import after

__all__ = ["Count", "DeadMan", "SwitchNotice"]

# How often to look at a stream that is not live, or at a program that is behind, in seconds.
_LOOK_EVERY: Final = 1.0

# The kinds of notices: each is a method of the instrument, or a line in the log.
Told = Literal["armed", "holding", "deaf", "behind", "expired", "renewed", "retrying", "ended", "left"]

# The notice when one of these states is entered. ARMING and ENDING have none: the states after them do.
_TOLD: Final[dict[SwitchState, Told]] = {
    SwitchState.HOLDING: "holding",
    SwitchState.DEAF: "deaf",
    SwitchState.BEHIND: "behind",
    SwitchState.EXPIRED: "expired",
}
# The block runs, and no countdown has run out as far as we know: the stream and the program decide between these.
_MINDED: Final = frozenset({SwitchState.HOLDING, SwitchState.DEAF, SwitchState.BEHIND})


class Count(msgspec.Struct, frozen=True):
    """Begin the countdown of ``symbol``; with ``seconds == 0``, end it.

    Attributes:
        symbol: Whose orders the exchange cancels when it runs out.
        seconds: How long it is.
        sent_at: When the request was handed out: the exchange may have begun to count from then.
    """

    symbol: str
    seconds: float
    sent_at: float


class SwitchNotice(msgspec.Struct, frozen=True):
    """Something to tell.

    Attributes:
        kind: What it is.
        symbol: Of which countdown.
        error: What went wrong.
        delay: Seconds until the next try, or until the countdown runs out.
    """

    kind: Told
    symbol: str = ""
    error: ListenKeyError | None = None
    delay: float = 0.0


class _Line(msgspec.Struct):
    """One symbol's countdown."""

    symbol: str
    due_at: float
    """When the next request about it is due; infinity for none. The state decides whether it may be sent then."""
    attempt: int = 0
    """How many requests about it have failed in a row."""
    is_in_flight: bool = False
    """A request about it was sent and has not ended: the countdown may begin at any moment."""
    armed_until: float = -inf
    """It cannot have run out before."""
    runs_until: float = -inf
    """It has run out by then. Minus infinity: none was ever begun, or it was ended."""


class DeadMan:
    """One switch, for one stream.

    One task drives it: it looks, sends one request, and waits for the earliest of the machine's times. The switch does
    not know the stream's machine: each look is given the stream's state, so that the two never differ for longer than
    one wait.

    Args:
        venue: The venue's name, for messages.
        symbols: The traded symbols.
        countdown: Seconds.
        renew_every: After how many seconds to begin it again.
        timing: ``open_timeout``, ``close_timeout``, and how to retry.
        now: The present.
    """

    state: SwitchState
    """Only ``_fire`` changes it, by the table."""

    failure: ListenKeyError | None
    """Why the switch failed for good; set at most once. The driver ends the block then: without the switch the orders
    are not protected. No request is sent until the block is over."""

    answer_deadline: float
    """Until when to wait for the request in flight; infinity for the usual time. Once the block is over, half of the
    time is kept for the requests that follow. Read it again after ``stop``."""

    _lines: dict[str, _Line]
    """One for each symbol, from before the first request about it. None is ever removed."""

    _give_up_at: float
    """In ARMING: when ``open_timeout`` is over."""

    _end_by: float
    """In ENDING: when ``close_timeout`` is over. A countdown that was not ended by then runs out by itself, which is
    safe."""

    _error: ListenKeyError | None
    """The error of the last failed request: raised if opening takes too long."""

    _hears: bool
    """As of the last look: the stream is live, and the program is up to date. Only then is a countdown begun again,
    also in EXPIRED: the table leaves that state by a successful request, not by a look."""

    _made_up_for: int
    """The number of gaps that the program has made up for. A stream begins with a gap, so the program is behind at
    first."""

    _latest: float
    """The time of the last look, or of the end of the block: properties are as of then."""

    _notices: list[SwitchNotice]
    """The notices that the driver has not taken yet."""

    def __init__(
        self, venue: str, symbols: Sequence[str], countdown: float, renew_every: float, timing: Timing, now: float
    ) -> None:
        self.state = SwitchState.ARMING
        self.failure = None
        self._venue, self._countdown, self._renew_every, self._timing = venue, countdown, renew_every, timing
        self._lines = {symbol: _Line(symbol, now) for symbol in symbols}
        self._give_up_at = now + timing.open_timeout
        self._end_by = self.answer_deadline = inf
        self._error = None
        self._hears = False
        self._made_up_for = -1
        self._latest = now
        self._notices = []
        self._counts = {"renewals": 0, "failures": 0, "expirations": 0}

    # Questions. None of them changes anything.

    @property
    def armed_until(self) -> float:
        """No countdown can have run out before."""
        running = [line.armed_until for line in self._lines.values() if not self._is_over(line)]
        return min(running, default=inf)

    @property
    def due_at(self) -> float:
        """When the next request is due, as of the last look; infinity for none.

        Only a look changes it, never time alone: after a sleep until then, look again first.
        """
        match self.state:
            case SwitchState.ENDING:
                may_send = True
            case SwitchState.ARMING:
                may_send = self.failure is None
            case SwitchState.CLOSED:
                may_send = False
            case _:
                may_send = self._hears and self.failure is None
        if not may_send:
            return inf
        return min((line.due_at for line in self._lines.values() if not self._is_over(line)), default=inf)

    @property
    def look_at(self) -> float:
        """When to call :meth:`look` again at the latest: when time alone will change the state.

        While the countdowns are not renewed, nothing announces that the stream is live again: so it is checked every
        second.
        """
        match self.state:
            case SwitchState.ARMING:
                return self._give_up_at
            case SwitchState.HOLDING:
                return self.armed_until
            case SwitchState.ENDING:
                return self._end_by
            case _:
                return self._latest + _LOOK_EVERY

    @property
    def margin_at(self) -> float:
        """When the countdown that is due next comes into danger: half of it has passed without a renewal.

        From then on a request about it goes before all others in the host's budget (E1).
        """
        return self._next_line().armed_until - self._countdown / 2

    # In ``armed_until`` a countdown that was never begun counts as minus infinity, and one that was ended not at all.

    def statistics(self, to_local: float, name: str) -> SwitchStatistics:
        """Counters and times; ``to_local`` is added to the times.

        ``armed_until`` is the first bound, for the countdown that ends first; ``cancelled_by`` the second, for the one
        that ends last.
        """
        return SwitchStatistics(
            state=self.state.name.lower(),
            armed_until=self.armed_until + to_local,
            cancelled_by=max(line.runs_until for line in self._lines.values()) + to_local,
            name=name,
            **self._counts,
        )

    # Time, and what the stream is like.

    def look(self, *, is_live: bool, gaps: int, now: float) -> None:
        """Update the state: whether the stream ``is_live``, and how many gaps it has reported until ``now``.

        A countdown that has run out is checked first: the orders are gone, even if the stream is live.
        """
        self._latest = now
        # With more gaps than were made up for, the program trades without knowing its orders.
        self._hears = is_live and gaps <= self._made_up_for
        if self.state in _MINDED:
            if now >= self.armed_until:
                self._counts["expirations"] += 1
                self._fire(SwitchEvent.RAN_OUT)
            elif self._hears:
                self._fire(SwitchEvent.HEARS)
            else:
                self._fire(SwitchEvent.BEHIND if is_live else SwitchEvent.DEAF)
        elif self.state is SwitchState.ARMING and now >= self._give_up_at:
            self._fail(self._error or self._never_sent())
        elif self.state is SwitchState.ENDING:
            self._end_if_done(now)

    def resynchronised(self, gaps: int) -> None:
        """The program is up to date with all of the stream's ``gaps`` gaps.

        The next ``look`` updates the state: only that knows whether the stream is live as well.
        """
        self._made_up_for = gaps

    # Requests.

    def begin(self, now: float) -> Count | None:
        """The request to send now; ``None`` if none is due any more. Look first.

        The caller sends it, and reports exactly one outcome: one request at a time.
        """
        if now < self.due_at or self.due_at == inf:
            return None
        seconds = self._countdown
        if self.state is SwitchState.ENDING:
            seconds, self.answer_deadline = 0.0, self._end_by  # the last kind of request: it may take all of the time
        # From here on the exchange may begin to count at any moment, also if no answer comes.
        line = self._next_line()
        line.is_in_flight = True
        return Count(line.symbol, seconds, now)

    def receive(self, sent: Count, outcome: Outcome, now: float, draw: float) -> None:
        """The request ``sent`` ended with ``outcome``."""
        line = self._lines[sent.symbol]
        line.is_in_flight = False
        # A request from before the end of the block counts as well: it may have begun a countdown that has to be ended.
        if isinstance(outcome, Ok):
            self._succeeded(line, sent, now, draw)
            return
        # The answer was lost, and the exchange may have begun to count at any moment until now. The second bound moves,
        # by which all orders are cancelled; the first does not.
        # With ``seconds == 0`` the request was to end the countdown, which runs on if that did not arrive.
        may_be_done = isinstance(outcome, Transient) and outcome.may_be_done
        if may_be_done and sent.seconds:
            line.runs_until = now + sent.seconds
        self._error = outcome.error
        # In this order: wait for the end of a ban; retry a refusal or failure that may pass; the rest is final.
        match outcome:
            case Wait(error, seconds):
                self._failed(line, error, now, draw, least=seconds)
            case Refused(error, doubtful=True, clock=clock) if clock is not None or self._has_worked(line):
                self._failed(line, error, now, draw)
            case Transient(error):
                self._failed(line, error, now, draw)
            case _:
                self._refused(line, outcome.error)

    def _has_worked(self, line: _Line) -> bool:
        """Whether a doubtful refusal is retried: such a request worked before.

        While the countdowns are begun for the first time every refusal is final: trading has not begun, and the caller
        can correct it. Later the retries in a row are counted, like those of a key.
        """
        return self.state is not SwitchState.ARMING and line.attempt < DOUBTFUL_TRIES

    def _succeeded(self, line: _Line, sent: Count, now: float, draw: float) -> None:
        """The exchange has begun the countdown, or ended it.

        The next request is jittered like a keepalive, so that many symbols do not come at once (K6). It ends EXPIRED
        only if no other countdown has run out.
        """
        line.attempt = 0
        if not sent.seconds:
            line.armed_until, line.runs_until = inf, -inf
            self._tell("ended", symbol=line.symbol)
            return
        line.armed_until, line.runs_until = sent.sent_at + sent.seconds, now + sent.seconds
        is_ending = self.state is SwitchState.ENDING  # the request was in flight when the block ended
        line.due_at = now if is_ending else sent.sent_at + self._renew_every * (1 - self._timing.jitter * draw)
        self._counts["renewals"] += 1
        self._tell("renewed", symbol=line.symbol)
        if self.state in {SwitchState.ARMING, SwitchState.EXPIRED} and now < self.armed_until:
            self._fire(SwitchEvent.ARMED)

    # A failed request is retried until the countdown runs out: the delay is capped by ``renew_every``, so that there
    # are several retries. ``look`` notices that it has run out; failures are not counted for that.

    def _failed(self, line: _Line, error: ListenKeyError, now: float, draw: float, *, least: float = 0.0) -> None:
        line.attempt += 1
        # Several retries fit between a failed renewal and the end of the countdown.
        cap = min(self._timing.retry_cap, self._renew_every)
        delay = max(least, full_jitter(line.attempt, draw, base=min(self._timing.retry_base, cap), cap=cap))
        line.due_at = now + delay
        self._counts["failures"] += 1
        self._tell("retrying", symbol=line.symbol, error=error, delay=delay)
        if self.state is SwitchState.ARMING and line.due_at >= self._give_up_at:
            self._fail(error)
        elif self.state is SwitchState.ENDING and line.due_at >= self._end_by:
            line.due_at = inf  # no time is left for a retry: it runs out

    def _refused(self, line: _Line, error: ListenKeyError) -> None:
        """The exchange refuses for good: countdowns run out, and the block is ended if it is not over."""
        if self.state is SwitchState.ENDING:
            line.due_at = inf  # it is not retried: it runs out
            self._counts["failures"] += 1
            self._tell("retrying", symbol=line.symbol, error=error, delay=inf)
        else:
            self._fail(error)

    # The end.

    def stop(self, *, in_order: bool, allowed_at: float, now: float, was_entered: bool = True) -> None:
        """The block is over. End the countdowns if it was left without an error, and the state was HOLDING until then.

        If it was not entered, nobody relies on the countdowns, and they are ended, too. Nothing may be sent before
        ``allowed_at``.
        """
        match self.state:
            case SwitchState.CLOSED | SwitchState.ENDING:
                return
            case SwitchState.EXPIRED:
                # The orders of one symbol are gone; those of the others keep their countdowns.
                ends = False
            case SwitchState.HOLDING:
                ends = not was_entered or (in_order and self.failure is None)
            case _:
                ends = not was_entered
        self._latest = now
        # After an error, an expiry, a gap that was not made up for, or when the stream is not live, nobody watches the
        # orders: only the countdowns protect them. They are left to run.
        if not ends:
            self.answer_deadline = now
            self._fire(SwitchEvent.LEAVE)
            self._tell_what_runs(now)
            return
        self._fire(SwitchEvent.END)
        self._end_by = now + self._timing.close_timeout
        self.answer_deadline = now + self._timing.close_timeout / 2
        # If a ban outlasts the time for leaving, nothing can be sent: each countdown runs out.
        for line in self._lines.values():
            line.due_at, line.attempt = (now if allowed_at < self._end_by else inf), 0
        self._end_if_done(now)

    def _end_if_done(self, now: float) -> None:
        """In ENDING: close when nothing is left to send, or no time. Countdowns that still run are reported."""
        if now >= self._end_by or self.due_at == inf:
            self._fire(SwitchEvent.ENDED)
            if self.armed_until < inf:
                self._tell_what_runs(now)

    def _tell_what_runs(self, now: float) -> None:
        """Report when the orders are cancelled: at the earliest; if no countdown was confirmed, at the latest."""
        earliest = self.armed_until
        latest = max(line.runs_until for line in self._lines.values())
        unconfirmed = latest if latest > -inf else now + self._countdown  # the request is still in flight
        self._tell("left", delay=(earliest if earliest > -inf else unconfirmed) - now)

    # Helpers.

    # While the block runs a request may be sent about every line, so there is always a next one. In ENDING there may be
    # none: ``due_at`` is read first.

    def _next_line(self) -> _Line:
        return min((line for line in self._lines.values() if not self._is_over(line)), key=lambda line: line.due_at)

    def _is_over(self, line: _Line) -> bool:
        """Whether no request about it is left to send: the countdown was ended, or never begun."""
        # A request in flight may still begin it: it is not over before the outcome is known.
        is_idle = line.runs_until == -inf and not line.is_in_flight
        return is_idle and self.state in {SwitchState.ENDING, SwitchState.CLOSED}

    def _fail(self, error: ListenKeyError) -> None:
        """Keep the first error: that one is raised. The state stays until the block ends."""
        self.failure = self.failure or error

    def _never_sent(self) -> ListenKeyError:
        """The error where opening took too long and no request failed: none was sent, for a ban or a spent budget."""
        return UnavailableError(
            f"no countdown could be started within open_timeout ({self._timing.open_timeout:g} s)",
            advice="Try again; the budget of the host may be spent",
            venue=self._venue,
            verb="countdown",
        )

    def _fire(self, event: SwitchEvent) -> None:
        # The one place where the state changes. An event that the table does not have in this state is a bug.
        # Every look fires an event; a notice is made only when the state changes.
        before, self.state = self.state, after(SWITCH_TRANSITIONS, self.state, event)
        if self.state is not before and self.state in _TOLD:
            kind = "armed" if before is SwitchState.ARMING else _TOLD[self.state]
            self._tell(kind, delay=self.armed_until - self._latest)

    def _tell(self, kind: Told, *, symbol: str = "", error: ListenKeyError | None = None, delay: float = 0.0) -> None:
        self._notices.append(SwitchNotice(kind, symbol, error, delay))

    def notices(self) -> list[SwitchNotice]:
        """Notices since the last call, in order. The caller reports all of them."""
        notices, self._notices = self._notices, []
        return notices
