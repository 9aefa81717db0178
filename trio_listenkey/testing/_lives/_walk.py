"""A program walked through a life: started, hurt, left in peace, checked, cancelled; and then nothing may be left."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import trio
from trio.testing import MockClock

from ... import venues
from ..._errors import UsageError
from ..._venue._signed_venue import SignedVenue
from ..._venue._venue import Venue
from .._dialects._binance import USDM, Dialect
from .._faults._effects import HalfOpen
from ._environment import Environment
from ._happening import happen
from ._life import Life, Step

__all__ = ["live", "run_life"]

Bot = Callable[[Environment], Awaitable[object]]
Check = Callable[[Environment], object]


def run_life(
    life: Life,
    bot: Bot,
    check: Check | None = None,
    *,
    always: Check | None = None,
    venue: Venue | SignedVenue = venues.BINANCE_USDM,
    dialect: Dialect = USDM,
    opens_within: float = 60.0,
    calm: float = 600.0,
    ends_within: float = 30.0,
    leaves_key: bool | None = None,
) -> None:
    """Walk a program through a life, in a `trio.run` of its own under a virtual clock.

    For tests without async functions, with any test framework; :func:`live` says what happens.

    Raises:
        BaseException: What :func:`live` raises.
    """

    async def main() -> None:
        await live(
            life,
            bot,
            check,
            always=always,
            venue=venue,
            dialect=dialect,
            opens_within=opens_within,
            calm=calm,
            ends_within=ends_within,
            leaves_key=leaves_key,
        )

    trio.run(main, clock=MockClock(autojump_threshold=0))


async def live(
    life: Life,
    bot: Bot,
    check: Check | None = None,
    *,
    always: Check | None = None,
    venue: Venue | SignedVenue = venues.BINANCE_USDM,
    dialect: Dialect = USDM,
    opens_within: float = 60.0,
    calm: float = 600.0,
    ends_within: float = 30.0,
    leaves_key: bool | None = None,
) -> None:
    """Walk a program through a life, under the virtual clock that is running.

    The program is started, and has ``opens_within`` seconds to get a key or a socket. Then happens what the life says,
    one line after the other. After that nothing more goes wrong for ``calm`` seconds, in which a program that is in
    order recovers, and then ``check`` is called. The program is cancelled, has to end, and must have left nothing.

    Whatever is raised has a note with the life in it, ready to be pasted into a test.

    Args:
        life: What happens.
        bot: The program: an async function that is given an :class:`Environment`, and works until it is cancelled.
        check: Called at the end of the calm, while the program still works. It raises, with ``assert`` for example,
            if the program does not know what it should.
        always: Called after each line of the life. It may assert only what holds at every moment.
        venue: The program's venue; it is moved to an address that does not exist.
        dialect: What the exchange speaks; that of ``venue``.
        opens_within: Seconds.
        calm: Seconds.
        ends_within: Seconds that the program has to end in after it was cancelled.
        leaves_key: Whether the account's key may be open when the program has ended, as with ``on_exit="leave"``.
            ``None`` for where nobody can see to it that none is: where keys are not closed, and where an account has
            several, some of them made by others, or by a create whose answer was lost.

    Raises:
        AssertionError: The program ended by itself, reached no exchange, took too long to end, or left a key or a
            socket open.
        UsageError: The clock is no :class:`trio.testing.MockClock`.
        BaseException: What the program or a check raised.
    """
    if not isinstance(trio.lowlevel.current_clock(), MockClock):
        raise UsageError(
            "a life takes hours, and this is the real clock",
            advice="Call run_life, or use the fixture autojump_clock of pytest-trio",
        )
    environment = Environment(venue, dialect, latency=life.latency, skew=life.skew)
    walk = _Walk(environment, bot, always)
    try:
        await walk.through(life, check, opens_within=opens_within, calm=calm, ends_within=ends_within)
        await _settle(life)
        _nothing_is_left(environment, leaves_key=_keys_may_stay(dialect) if leaves_key is None else leaves_key)
    except Exception as error:
        error.add_note(f"It came of this life:\n{life!r}")
        raise


class _Walk:
    """One program on its way.

    What fails is kept and raised at the end, so that it is seen as it is: raised in the nursery, it would come out in
    a group. The first failure is the one that counts; others may follow from it.
    """

    def __init__(self, environment: Environment, bot: Bot, always: Check | None) -> None:
        self._environment = environment
        self._bot = bot
        self._always = always
        self._failure: Exception | None = None
        self._life_scope = trio.CancelScope()
        self._bot_scope = trio.CancelScope()
        self._bot_ended = trio.Event()
        self._calm = trio.Event()

    async def through(
        self, life: Life, check: Check | None, *, opens_within: float, calm: float, ends_within: float
    ) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._run_bot)
            with self._life_scope:
                try:
                    await self._wait_reached(opens_within)
                    await _settle(life)  # the answer may still be under way
                    for step in life.steps:
                        await self._do(step, nursery)
                        self._look(self._always)
                    await self._calm_down(calm)
                    self._look(check)
                except Exception as error:  # noqa: BLE001 - raised below
                    self._fail(error)
            await self._leave(ends_within)
            nursery.cancel_scope.cancel("the life is over")
        if self._failure is not None:
            raise self._failure

    # --- The program

    async def _run_bot(self) -> None:
        try:
            with self._bot_scope:
                await self._bot(self._environment)
            if not self._bot_scope.cancel_called:
                self._fail(AssertionError(f"the program ended by itself, after {trio.current_time():.1f} s"))
        except Exception as error:  # noqa: BLE001 - raised by through()
            self._fail(error)
        self._bot_ended.set()
        self._life_scope.cancel("the program has ended")

    async def _wait_reached(self, seconds: float) -> None:
        with trio.move_on_after(seconds):
            while not self._environment.is_reached:  # noqa: ASYNC110 - the exchange has no event for it
                await trio.sleep(0.1)
            return
        raise AssertionError(f"the program got no key and no socket within {seconds} s")

    async def _leave(self, seconds: float) -> None:
        self._bot_scope.cancel("the life is over")
        with trio.move_on_after(seconds):
            await self._bot_ended.wait()
        if not self._bot_ended.is_set():
            self._fail(AssertionError(f"the program did not end within {seconds} s of its cancellation"))

    def _look(self, check: Check | None) -> None:
        if check is not None:
            check(self._environment)

    def _fail(self, error: Exception) -> None:
        self._failure = self._failure or error

    # --- The life

    async def _do(self, step: Step, nursery: trio.Nursery) -> None:
        match step.word, step.arguments:
            case "wait", (seconds,):
                await trio.sleep(seconds)
            case "unplug", (what, seconds):
                nursery.start_soon(self._unplug, what, seconds)
            case _:
                happen(step, self._environment)

    async def _unplug(self, what: str, seconds: float) -> None:
        transport, connector = self._environment.transport, self._environment.connector
        if what == "cable":
            self._environment.exchange.strike_sockets(HalfOpen(), trio.current_time())
        transport.reachable &= what == "sockets"
        connector.reachable &= what == "requests"
        with trio.move_on_after(seconds):
            await self._calm.wait()
        transport.reachable = connector.reachable = True

    async def _calm_down(self, seconds: float) -> None:
        self._environment.exchange.clear_faults()
        self._calm.set()
        await trio.sleep(seconds)


async def _settle(life: Life) -> None:
    # A request that was sent before the program ended may still be under way, and so may the close of a socket.
    await trio.sleep(2 * life.latency + 1)


def _keys_may_stay(dialect: Dialect) -> bool:
    can_close = any(kind == "close" for _, kind in dialect.methods)
    return dialect.second_create == "new" or dialect.tokens_for is not None or not can_close


def _nothing_is_left(environment: Environment, *, leaves_key: bool) -> None:
    now = trio.current_time()
    assert environment.exchange.sockets(now) == (), "the program ended, and its socket is open"
    assert leaves_key or environment.exchange.open_keys(now) == (), "the program ended, and its key is open"
