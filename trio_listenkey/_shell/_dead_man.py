"""``dead_man_switch``: one shielded child task renews the exchange's countdowns while the stream is live.

It is built like ``open_listen_key``, and for the same reasons: the task never raises, but reports; each of its waits is
bounded; the block goes first. What to send and when is decided in ``_core._dead_man``.

There are two differences. A block that ends with an exception, a cancellation or the end of the process lets the
countdowns expire, because the program no longer watches its orders. And the stream is checked before each request,
after all waits, so that no request is sent for a stream that is not live.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Final, Literal, final

import msgspec
import trio
from trio.lowlevel import enable_ki_protection

from .._core._budget import Ticket, Urgency
from .._core._dead_man import Count, DeadMan, SwitchNotice
from .._core._dead_man_states import SwitchState
from .._core._outcomes import Ok, Outcome, Refused, Transient
from .._errors import ListenKeyError, RefusedError, UnavailableError, UsageError, name_error
from .._events import Gap
from .._statistics import SwitchStatistics
from .._validation import check_choice, check_type
from .._venue._parts import Call, CountdownCancel
from .._venue._signed_venue import SignedVenue
from .._venue._venue import Venue
from ._alarm import Alarm
from ._body_scope import BodyScope, close_nursery, error_to_raise, reraise_unchanged
from ._clock import SteadyClock
from ._run_context import RestHost, current_context
from ._signed_calls import SignedCalls
from ._user_stream import UserStream

__all__ = ["DeadManSwitch", "dead_man_switch"]

_log: Final = logging.getLogger("trio_listenkey")

OnSwitchExit = Literal["stop", "run"]

_SHORTEST, _LONGEST = 1.0, 86_400.0  # seconds of a countdown
# As the exchange's documents have it: every 30 seconds of 120. So three may be lost.
_PART: Final = 4
_LONGEST_SYMBOL: Final = 64
_INVALID_SYMBOL: Final = -1121  # "Error codes" of USD-M and of COIN-M, 2026


def dead_man_switch(
    stream: UserStream,
    symbols: Iterable[str],
    countdown: float = 120.0,
    *,
    renew_every: float | None = None,
    on_exit: OnSwitchExit = "stop",
) -> AbstractAsyncContextManager[DeadManSwitch, None]:
    """Have the exchange cancel all orders unless this program confirms in time that its stream is live.

    ::

        async with (
            open_user_stream(venues.BINANCE_USDM, Credentials(api_key, api_secret)) as stream,
            dead_man_switch(stream, ["BTCUSDT"]) as switch,
        ):
            async for item in stream:
                match item:
                    case Gap():
                        ...  # fetch the account's state
                        switch.resynchronised(item)

    The exchange has a countdown for each symbol. When it expires, the exchange cancels the account's open orders in the
    symbol, whoever sent them. It is started when the block is entered, and renewed every ``renew_every`` seconds, but
    **only while the stream is live and the program has re-synchronised** after its last gap, the first one included. If
    the program ends, hangs, loses its machine or its stream, the countdown expires.

    It does not block new orders: check ``is_live`` before you send one.

    Args:
        stream: An open stream of Binance USD-M or COIN-M futures, opened with the API secret or a signer. The API key
            needs the permission to trade.
        symbols: The symbols whose orders are cancelled, for example ``["BTCUSDT"]``.
        countdown: Seconds, from 1 to 86,400. The exchange advises against short ones.
        renew_every: Seconds between renewals, at most half of the countdown; ``None`` takes a quarter. Each renewal
            costs a request of weight 10 for each symbol.
        on_exit: What happens to the countdowns when the block ends without an exception. ``"stop"`` stops them, unless
            the stream is not live or the program is behind at that moment; ``"run"`` lets them expire. After an
            exception or a cancellation they always expire.

    Raises:
        UsageError: An argument is wrong, there is no such countdown at this exchange, or no secret. Raised at the call.
            On entering, another switch of this process minds one of the symbols for the same API key.
        RefusedError: The exchange refused, on entering or later: the permission is missing, or a symbol is unknown.
            Later, the block is cancelled first.
        RateLimitedError: A rate limit or ban lasts longer than ``Timing.open_timeout`` of the stream.
        UnavailableError: Not all countdowns could be started within it.
    """
    check_type("stream", stream, UserStream, "what open_user_stream yields")
    calls, place = _calls_of(stream)
    named = _checked_symbols(symbols)
    check_choice("on_exit", on_exit, ("stop", "run"))
    countdown = _checked_seconds("countdown", countdown, _SHORTEST, _LONGEST)
    every = countdown / _PART
    if renew_every is not None:
        every = _checked_seconds("renew_every", renew_every, 0.0, countdown / 2)
    _check_budget(calls.venue, place.weight * len(named) * 60 / every)
    calls.check()
    return _SwitchBlock(stream, calls, place, named, countdown, every, on_exit)


@final
class DeadManSwitch:
    """The handle that a block works with. :func:`dead_man_switch` yields it; there is no other way to get one."""

    __slots__ = ("_block", "stream", "symbols")

    stream: UserStream
    """The stream."""

    symbols: tuple[str, ...]
    """The symbols whose orders are cancelled."""

    def __init__(self, block: _SwitchBlock, stream: UserStream, symbols: tuple[str, ...]) -> None:
        self._block = block
        self.stream, self.symbols = stream, symbols

    def resynchronised(self, gap: Gap) -> None:
        """Confirm that the program is up to date after ``gap``, so that the countdowns are renewed.

        It has an effect if ``gap`` is the last one that was received from the stream, and no other is buffered.
        Otherwise the program still has to fetch the state for a later gap.

        Args:
            gap: The gap for which you have fetched the state.
        """
        check_type("gap", gap, Gap, "the gap that you have re-synchronised for")
        self._block.resynchronised(gap)

    def statistics(self) -> SwitchStatistics:
        """The switch's statistics."""
        return self._block.statistics()

    def __repr__(self) -> str:
        return f"<DeadManSwitch of {self.stream.name}, {self.statistics().state}, {len(self.symbols)} symbols>"


@final
class _SwitchBlock(AbstractAsyncContextManager[DeadManSwitch, None]):
    """A class, not a generator, as the listen key's."""

    _clock: SteadyClock
    _alarm: Alarm
    _host: RestHost
    _machine: DeadMan
    _settled: trio.Event
    _nursery_manager: AbstractAsyncContextManager[trio.Nursery]

    def __init__(
        self,
        stream: UserStream,
        calls: SignedCalls,
        place: CountdownCancel,
        symbols: tuple[str, ...],
        countdown: float,
        renew_every: float,
        on_exit: OnSwitchExit,
    ) -> None:
        self._stream, self._calls, self._place = stream, calls, place
        self._symbols, self._countdown, self._renew_every = symbols, countdown, renew_every
        self._on_exit: OnSwitchExit = on_exit
        self._name = stream.name
        self._is_new = True
        self._flight: trio.CancelScope | None = None
        self._body = BodyScope()

    # What the block's task does.

    @enable_ki_protection
    async def __aenter__(self) -> DeadManSwitch:
        if not self._is_new:
            raise UsageError("this context was entered before", advice="Call dead_man_switch for each block")
        self._is_new = False
        await trio.lowlevel.checkpoint_if_cancelled()  # then nothing is sent; if not, there is more to wait for
        context, timing = current_context(), self._calls.timing
        self._clock, self._alarm = context.clock, context.alarm(timing.suspend_check_every)
        self._host = self._calls.host()
        self._host.mind(self._calls.api_key, self._symbols)  # until ``_finish``: no checkpoint comes before the task
        self._settled = trio.Event()
        self._machine = DeadMan(
            self._calls.venue.name, self._symbols, self._countdown, self._renew_every, timing, self._clock.now()
        )
        self._nursery_manager = trio.open_nursery(strict_exception_groups=True)
        nursery = await self._nursery_manager.__aenter__()
        nursery.start_soon(self._keep, name=f"dead-man switch of {self._name}")
        error: BaseException | None = None
        try:
            await self._settled.wait()
        except BaseException as exc:  # noqa: ASYNC103, BLE001 - parked, not swallowed: the task has to end first
            error = exc
        if error is None and self._machine.failure is None and not self._body.is_interrupted:
            self._body.enter()
            return DeadManSwitch(self, self._stream, self._symbols)
        error = await self._finish(error, in_order=False, was_entered=False)
        assert error is not None
        return reraise_unchanged(error)

    @enable_ki_protection
    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        error = self._body.leave(exc_type, exc, tb)
        in_order = exc is None and self._on_exit == "stop"
        error = await self._finish(error, in_order=in_order)  # noqa: ASYNC102 - what it waits for is bounded
        if error is not None and error is not exc:
            reraise_unchanged(error)

    async def _finish(
        self, error: BaseException | None, *, in_order: bool, was_entered: bool = True
    ) -> BaseException | None:
        """The block is over: wait for the task, and say what to raise."""
        self._look()
        now, allowed_at = self._clock.now(), self._host.allowed_at
        self._machine.stop(in_order=in_order, was_entered=was_entered, allowed_at=allowed_at, now=now)
        if self._flight is not None:
            self._flight.deadline = self._clock.to_trio(self._machine.answer_deadline)
        self._alarm.ring()
        try:
            outcome = await close_nursery(self._nursery_manager, error)
        finally:
            self._host.mind_no_more(self._calls.api_key, self._symbols)
        if outcome is not error:
            return outcome
        return error_to_raise(self._body.ended_by(error), self._machine.failure, "the dead-man switch")

    def resynchronised(self, gap: Gap) -> None:
        """See the handle."""
        if self._stream._is_up_to(gap):  # noqa: SLF001 - the switch goes by what was taken
            self._machine.resynchronised(self._stream.statistics().gaps)
            self._alarm.ring()

    def statistics(self) -> SwitchStatistics:
        """See the handle."""
        if self._machine.state is not SwitchState.CLOSED:
            self._look()
            self._tell()
        return self._machine.statistics(-self._clock.slept, self._name)

    # What the task does.

    @enable_ki_protection
    async def _keep(self) -> None:
        # Shielded: while the block cleans up, the orders are minded, and afterwards there is something to be said. It
        # cannot hang: each request and each wait is bounded.
        with trio.CancelScope(shield=True):
            while self._machine.state is not SwitchState.CLOSED:
                await self._take_step()
            self._tell()

    async def _take_step(self) -> None:
        machine = self._machine
        now = self._look()
        self._tell()
        if machine.state is SwitchState.CLOSED:
            return
        ready_at = max(machine.due_at, self._host.allowed_at)
        if now < ready_at:
            await self._alarm.wait_until(min(ready_at, machine.look_at))
        elif await self._has_room(now):
            self._look()  # for it may have taken some time to get there
            count = machine.begin(self._clock.now())
            if count is not None:
                outcome = await self._send(count)
                machine.receive(count, outcome, self._clock.now(), random.random())  # noqa: S311 - spreads load
                self._tell()

    def _look(self) -> float:
        """Look at the stream, and at the clock."""
        stream, now = self._stream.statistics(), self._clock.now()
        self._machine.look(is_live=stream.is_live, gaps=stream.gaps, now=now)
        return now

    async def _has_room(self, now: float) -> bool:
        """Wait for a place in the host's budget, for as long as nothing else has to be looked at."""
        match self._machine.state:
            case SwitchState.ENDING:
                ticket = Ticket(Urgency.LEAVE, self._place.weight)
            case SwitchState.ARMING:
                ticket = Ticket(Urgency.CREATE, self._place.weight)
            case _:
                ticket = Ticket(Urgency.KEEPALIVE, self._place.weight, self._machine.margin_at)
        return await self._host.pass_through(ticket, min(self._machine.look_at, now + self._renew_every))

    async def _send(self, count: Count) -> Outcome:
        """Send one request. It never raises: what comes out of a transport ends the block."""
        milliseconds = str(round(count.seconds * 1000))
        call = Call("POST", self._place.path, extra=(("symbol", count.symbol), ("countdownTime", milliseconds)))
        timing = self._calls.timing
        try:
            with trio.CancelScope(deadline=self._clock.to_trio(self._machine.answer_deadline)) as self._flight:
                outcome, body = await self._calls.ask(self._host, call, "countdown", timing.request_timeout)
                return self._about(count, milliseconds, outcome, body)
            return Transient(self._cut_short(), may_be_done=True)
        except BaseException as fault:  # noqa: ASYNC103, BLE001 - parked: it is the block that it ends
            self._body.interrupt(fault)
            self._settled.set()
            return Transient(self._cut_short(), may_be_done=True)  # noqa: ASYNC104 - as above
        finally:
            self._flight = None

    def _cut_short(self) -> ListenKeyError:
        return UnavailableError(
            "the request was interrupted", advice="Try again", venue=self._calls.venue.name, verb="countdown"
        )

    def _about(self, count: Count, milliseconds: str, outcome: Outcome, body: bytes) -> Outcome:
        """The same outcome; a refusal says what to do about it, and a success is one if the answer says of what."""
        if isinstance(outcome, Ok) and not _is_echo(body, count.symbol, milliseconds):
            # A proxy's "{}" would arm nothing, and orders would rely on it.
            unsaid = UnavailableError(
                f"the answer does not say that the countdown of {count.symbol!r} was set to {milliseconds} ms",
                advice="Try again; if it lasts, look at what answers in the exchange's place",
                venue=self._calls.venue.name,
                verb="countdown",
            )
            return Transient(unsaid, may_be_done=True)
        if not isinstance(outcome, Refused) or outcome.error.code != _INVALID_SYMBOL:
            return outcome
        error = RefusedError(
            f"the exchange does not know the symbol {count.symbol!r}",
            advice="Write symbols as the exchange does, and those of this market: 'BTCUSDT', 'BTCUSD_PERP'",
            venue=outcome.error.venue,
            verb=outcome.error.verb,
            status=outcome.error.status,
            code=outcome.error.code,
            message=outcome.error.message,
        )
        return Refused(error)

    # How the two learn of each other.

    def _tell(self) -> None:
        """Tell the block and the log what has happened."""
        machine = self._machine
        if machine.failure is not None or machine.state is not SwitchState.ARMING:
            self._settled.set()
        if machine.failure is not None:
            name_error(machine.failure, self._name)
            self._body.cancel("the dead-man switch failed")
        for notice in machine.notices():
            name_error(notice.error, self._name)
            self._log(notice)

    def _log(self, notice: SwitchNotice) -> None:
        name, all_of_them = self._name, ", ".join(self._symbols)
        match notice.kind:
            case "armed":
                _log.info("%s: dead-man switch: %g s for %s", name, self._countdown, all_of_them)
            case "holding":
                _log.info("%s: dead-man switch: holding again", name)
            case "deaf":
                why = "the stream is not live"
                _log.warning("%s: dead-man switch: %s; orders are cancelled in %.0f s", name, why, notice.delay)
            case "behind":
                why = "the program has not re-synchronised"
                _log.warning("%s: dead-man switch: %s; orders are cancelled in %.0f s", name, why, notice.delay)
            case "expired":
                _log.error("%s: dead-man switch: countdown expired: orders were cancelled in %s", name, all_of_them)
            case "retrying":
                _log.warning("%s: dead-man switch: %s: %s", name, notice.symbol, notice.error)
            case "left":
                _log.warning("%s: dead-man switch: left to run; orders are cancelled in %.0f s", name, notice.delay)
            case kind:
                _log.debug("%s: dead-man switch: %s: %s", name, notice.symbol, kind)


# Answers.


def _is_echo(body: bytes, symbol: str, milliseconds: str) -> bool:
    """Whether it is about this countdown ("Auto-Cancel All Open Orders" of USD-M and of COIN-M, response, 2026-05)."""
    told = msgspec.json.decode(body) if body else None
    return isinstance(told, dict) and (told.get("symbol"), str(told.get("countdownTime"))) == (symbol, milliseconds)


# Arguments.


def _calls_of(stream: UserStream) -> tuple[SignedCalls, CountdownCancel]:
    venue, calls = stream.venue, stream._access.calls  # noqa: SLF001 - it is not for users
    place = None if isinstance(venue, SignedVenue) else venue.countdown
    if calls is None or place is None:
        raise UsageError(
            "no countdown that cancels orders is known for this exchange",
            advice="Binance's USD-M and COIN-M futures have one; cancel the orders yourself",
            venue=venue.name,
        )
    return calls, place


def _checked_symbols(symbols: Iterable[str]) -> tuple[str, ...]:
    if isinstance(symbols, str | bytes) or not isinstance(symbols, Iterable):
        raise UsageError("symbols is no list of symbols", advice='Pass one, for example ["BTCUSDT"]')
    named = tuple(symbols)
    if not named:
        raise UsageError("symbols is empty", advice='Pass at least one, for example ["BTCUSDT"]')
    for symbol in named:
        check_type("a symbol", symbol, str, 'a string, for example "BTCUSDT"')
        if not symbol or not symbol.isprintable() or " " in symbol or len(symbol) > _LONGEST_SYMBOL:
            raise UsageError("a symbol is empty, too long, or has spaces in it", advice='Pass one like "BTCUSDT"')
    return tuple(dict.fromkeys(named))


def _checked_seconds(name: str, value: object, least: float, most: float) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most and value > 0:
        return float(value)
    told = f"{value:g}" if isinstance(value, float) else f"of type {type(value).__name__}, or out of bounds"
    raise UsageError(f"{name} is {told}", advice=f"Pass seconds, from {least:g} to {most:g}")


def _check_budget(venue: Venue, weight: float) -> None:
    if venue.weight_budget is not None and weight > venue.weight_budget:
        raise UsageError(
            f"renewing these countdowns costs a weight of {weight:.0f} a minute, and the budget of all that "
            f"is sent to this host is {venue.weight_budget}",
            advice="Pass fewer symbols, a longer countdown or a longer renew_every",
            venue=venue.name,
        )
