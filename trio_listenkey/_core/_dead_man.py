"""The life of a dead-man switch: what the stream is like goes in; which countdown to begin, and when, comes out.

How to drive it (``_shell._dead_man`` does; so do the tests, without a clock)::

    switch.look(is_live, gaps, now)       what the stream is like now; and let time pass
    switch.resynchronised(gaps)           the program has made up for all gaps until now
    switch.due_at, switch.look_at         when to send, and when to look at the latest
    switch.begin(now)                     what to send now, if anything; then
    switch.receive(send, outcome, ...)    what became of it
    switch.stop(in_order, now)            the block is over
    switch.notices()                      what to tell, once each

Times are seconds on the axis of the stream's machine. ``draw`` is a random number in [0, 1).

Two bounds are kept for each countdown. It cannot have run out before its length has passed since the last request that
succeeded was *sent*; and it has run out once its length has passed since the last request *that may have arrived* was
over. Users plan by the first; the promise is about the second.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Final, Literal

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

Told = Literal["armed", "holding", "deaf", "behind", "expired", "renewed", "retrying", "ended", "left"]

_TOLD: Final[dict[SwitchState, Told]] = {
    SwitchState.HOLDING: "holding",
    SwitchState.DEAF: "deaf",
    SwitchState.BEHIND: "behind",
    SwitchState.EXPIRED: "expired",
}
_MINDED: Final = frozenset({SwitchState.HOLDING, SwitchState.DEAF, SwitchState.BEHIND})


@dataclass(frozen=True, slots=True)
class Count:
    """Begin the countdown of ``symbol``; with ``seconds == 0``, end it."""

    symbol: str
    seconds: float
    sent_at: float


@dataclass(frozen=True, slots=True)
class SwitchNotice:
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


@dataclass(slots=True)
class _Line:
    """One symbol's countdown."""

    symbol: str
    due_at: float
    attempt: int = 0
    is_in_flight: bool = False
    """A request about it was sent and is not over: it may be begun at any moment."""
    armed_until: float = -inf
    """It cannot have run out before."""
    runs_until: float = -inf
    """It has run out by then. Minus infinity: none was ever begun, or it was ended."""


class DeadMan:
    """One switch, for one stream.

    Args:
        venue: The venue's name, for messages.
        symbols: What is traded.
        countdown: Seconds.
        renew_every: After how many seconds to begin it again.
        timing: ``open_timeout``, ``close_timeout``, and how to retry.
        now: The present.
    """

    def __init__(
        self, venue: str, symbols: Sequence[str], countdown: float, renew_every: float, timing: Timing, now: float
    ) -> None:
        self.state: SwitchState = SwitchState.ARMING
        self.failure: ListenKeyError | None = None
        """Why there is no way on; set at most once."""
        self._venue, self._countdown, self._renew_every, self._timing = venue, countdown, renew_every, timing
        self._lines = {symbol: _Line(symbol, now) for symbol in symbols}
        self._give_up_at = now + timing.open_timeout
        self._end_by = inf
        self.patience = inf
        """Until when the request in flight may take. Once the block is over, half of the time is for what follows."""
        self._error: ListenKeyError | None = None
        self._hears = False  # as of the last look
        self._made_up_for = -1  # so many gaps; the stream's first is one
        self._latest = now
        self._notices: list[SwitchNotice] = []
        self._counts = {"renewals": 0, "failures": 0, "expirations": 0}

    # Questions.

    @property
    def armed_until(self) -> float:
        """No countdown can have run out before."""
        running = [line.armed_until for line in self._lines.values() if not self._is_over(line)]
        return min(running, default=inf)

    @property
    def due_at(self) -> float:
        """When there is something to send, as things are."""
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
        """When to call :meth:`look` again at the latest."""
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
        """From when on the countdown that is next is in danger."""
        return self._next_line().armed_until - self._countdown / 2

    def statistics(self, to_local: float, name: str) -> SwitchStatistics:
        """Counters and times; ``to_local`` is added to the times."""
        return SwitchStatistics(
            state=self.state.name.lower(),
            armed_until=self.armed_until + to_local,
            cancelled_by=max(line.runs_until for line in self._lines.values()) + to_local,
            name=name,
            **self._counts,
        )

    # Time, and what the stream is like.

    def look(self, *, is_live: bool, gaps: int, now: float) -> None:
        """The stream ``is_live`` or not, has told so many gaps until ``now``."""
        self._latest = now
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
        """The program is up to date with all of the stream's ``gaps`` gaps."""
        self._made_up_for = gaps

    # Requests.

    def begin(self, now: float) -> Count | None:
        """What to send now; ``None`` if nothing is to be sent any more. Look first."""
        if now < self.due_at or self.due_at == inf:
            return None
        seconds = self._countdown
        if self.state is SwitchState.ENDING:
            seconds, self.patience = 0.0, self._end_by
        line = self._next_line()
        line.is_in_flight = True
        return Count(line.symbol, seconds, now)

    def receive(self, sent: Count, outcome: Outcome, now: float, draw: float) -> None:
        """What became of ``sent``."""
        line = self._lines[sent.symbol]
        line.is_in_flight = False
        if isinstance(outcome, Ok):
            self._succeeded(line, sent, now, draw)
            return
        may_be_done = isinstance(outcome, Transient) and outcome.may_be_done
        if may_be_done and sent.seconds:
            line.runs_until = now + sent.seconds
        self._error = outcome.error
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
        """Whether what is refused, but in a doubtful way, may be otherwise another time: it worked, not long ago."""
        return self.state is not SwitchState.ARMING and line.attempt < DOUBTFUL_TRIES

    def _succeeded(self, line: _Line, sent: Count, now: float, draw: float) -> None:
        line.attempt = 0
        if not sent.seconds:
            line.armed_until, line.runs_until = inf, -inf
            self._tell("ended", symbol=line.symbol)
            return
        line.armed_until, line.runs_until = sent.sent_at + sent.seconds, now + sent.seconds
        is_ending = self.state is SwitchState.ENDING  # and it was on its way when the block ended
        line.due_at = now if is_ending else sent.sent_at + self._renew_every * (1 - self._timing.jitter * draw)
        self._counts["renewals"] += 1
        self._tell("renewed", symbol=line.symbol)
        if self.state in {SwitchState.ARMING, SwitchState.EXPIRED} and now < self.armed_until:
            self._fire(SwitchEvent.ARMED)

    def _failed(self, line: _Line, error: ListenKeyError, now: float, draw: float, *, least: float = 0.0) -> None:
        line.attempt += 1
        cap = min(self._timing.retry_cap, self._renew_every)
        delay = max(least, full_jitter(line.attempt, draw, base=min(self._timing.retry_base, cap), cap=cap))
        line.due_at = now + delay
        self._counts["failures"] += 1
        self._tell("retrying", symbol=line.symbol, error=error, delay=delay)
        if self.state is SwitchState.ARMING and line.due_at >= self._give_up_at:
            self._fail(error)
        elif self.state is SwitchState.ENDING and line.due_at >= self._end_by:
            line.due_at = inf  # there is no time left for it: it runs out

    def _refused(self, line: _Line, error: ListenKeyError) -> None:
        if self.state is SwitchState.ENDING:
            line.due_at = inf  # it runs out: there is nothing to be done about it
            self._counts["failures"] += 1
            self._tell("retrying", symbol=line.symbol, error=error, delay=inf)
        else:
            self._fail(error)

    # The end.

    def stop(self, *, in_order: bool, allowed_at: float, now: float, was_entered: bool = True) -> None:
        """The block is over. What runs is ended where it was left in order, and the orders were minded until then.

        If it was not even entered, nobody relies on what was begun, and that is ended, too. Nothing may be sent before
        ``allowed_at``.
        """
        match self.state:
            case SwitchState.CLOSED | SwitchState.ENDING:
                return
            case SwitchState.EXPIRED:
                ends = False
            case SwitchState.HOLDING:
                ends = not was_entered or (in_order and self.failure is None)
            case _:
                ends = not was_entered
        self._latest = now
        if not ends:
            self.patience = now
            self._fire(SwitchEvent.LEAVE)
            self._tell("left", delay=self.armed_until - now)
            return
        self._fire(SwitchEvent.END)
        self._end_by = now + self._timing.close_timeout
        self.patience = now + self._timing.close_timeout / 2
        for line in self._lines.values():
            line.due_at, line.attempt = (now if allowed_at < self._end_by else inf), 0
        self._end_if_done(now)

    def _end_if_done(self, now: float) -> None:
        if now >= self._end_by or self.due_at == inf:
            self._fire(SwitchEvent.ENDED)
            if self.armed_until < inf:
                self._tell("left", delay=self.armed_until - now)

    # Helpers.

    def _next_line(self) -> _Line:
        return min((line for line in self._lines.values() if not self._is_over(line)), key=lambda line: line.due_at)

    def _is_over(self, line: _Line) -> bool:
        """Whether there is nothing to be sent about it any more: it was ended, or never begun."""
        is_idle = line.runs_until == -inf and not line.is_in_flight
        return is_idle and self.state in {SwitchState.ENDING, SwitchState.CLOSED}

    def _fail(self, error: ListenKeyError) -> None:
        self.failure = self.failure or error

    def _never_sent(self) -> ListenKeyError:
        return UnavailableError(
            f"no countdown could be begun within open_timeout ({self._timing.open_timeout:g} s)",
            advice="Try again; the budget of the host may be spent",
            venue=self._venue,
            verb="countdown",
        )

    def _fire(self, event: SwitchEvent) -> None:
        before, self.state = self.state, after(SWITCH_TRANSITIONS, self.state, event)
        if self.state is not before and self.state in _TOLD:
            kind = "armed" if before is SwitchState.ARMING else _TOLD[self.state]
            self._tell(kind, delay=self.armed_until - self._latest)

    def _tell(self, kind: Told, *, symbol: str = "", error: ListenKeyError | None = None, delay: float = 0.0) -> None:
        self._notices.append(SwitchNotice(kind, symbol, error, delay))

    def notices(self) -> list[SwitchNotice]:
        """What happened since the last call."""
        notices, self._notices = self._notices, []
        return notices
