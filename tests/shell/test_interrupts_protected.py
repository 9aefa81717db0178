"""Two moments that no clock can choose: Ctrl-C between two lines of ours, and a key that fails in a clean-up."""

from __future__ import annotations

import time
from typing import NoReturn

import pytest
import trio
from trio.testing import MockClock

from trio_listenkey import Credentials, CredentialsError, Instrument, Timing, open_listen_key, venues
from trio_listenkey.testing import Exchange, Fault, MemoryTransport, api_error
from trio_listenkey.transports import Request, Response

ALICE = Credentials("the-api-key-of-alice")
PROMPT = Timing(jitter=0)


def an_exchange(*faults: Fault) -> Exchange:
    exchange = Exchange(seed=1, faults=faults)
    exchange.add_account(ALICE.api_key)
    return exchange


# --- Ctrl-C


class Guard:
    """Writes down where it was called, by which task, and whether Ctrl-C could have come at that very line."""

    def __init__(self) -> None:
        self.looks: list[tuple[str, trio.lowlevel.Task, bool]] = []

    def look(self, place: str) -> None:
        self.looks.append((place, trio.lowlevel.current_task(), trio.lowlevel.currently_ki_protected()))

    def seen(self, place: str, *, by: trio.lowlevel.Task, since: int = 0) -> set[bool]:
        """Whether Ctrl-C was kept out there: ``{True}`` is "always", the empty set is "it was never there"."""
        return {protected for where, task, protected in self.looks[since:] if (where, task) == (place, by)}


class GuardedTransport(MemoryTransport):
    """Looks before and after each request."""

    def __init__(self, exchange: Exchange, guard: Guard) -> None:
        super().__init__(exchange)
        self._guard = guard

    async def request(self, request: Request) -> Response:
        self._guard.look("transport")
        response = await super().request(request)
        self._guard.look("transport")
        return response


class GuardedInstrument(Instrument):
    """Looks whenever it is told of something."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    def created(self, venue: str, generation: int) -> None:
        self._guard.look("instrument")

    def renewed(self, venue: str, generation: int) -> None:
        self._guard.look("instrument")

    def closed(self, venue: str, generation: int, error: object) -> None:
        self._guard.look("instrument")


@pytest.fixture
def guard(monkeypatch: pytest.MonkeyPatch) -> Guard:
    """It looks whenever somebody asks for the time, too: our own steps in the block's task do."""
    guard, unix_time = Guard(), time.time

    def look_and_tell() -> float:
        if trio.lowlevel.in_trio_task():
            guard.look("clock")
        return unix_time()

    monkeypatch.setattr(time, "time", look_and_tell)
    return guard


async def test_ctrl_c_comes_between_no_two_lines_of_ours(guard: Guard, autojump_clock: MockClock) -> None:
    """All that we do, in the keeper's task and on the way in and out in the block's, is protected; the block is not."""
    block = trio.lowlevel.current_task()
    transport, instrument = GuardedTransport(an_exchange(), guard), GuardedInstrument(guard)
    async with open_listen_key(venues.BINANCE_USDM, ALICE, transport=transport, timing=PROMPT, instrument=instrument):
        assert guard.seen("clock", by=block) == {True}
        guard.look("block")
        await trio.sleep(2000)
        guard.look("block")
        on_the_way_out = len(guard.looks)
    assert guard.seen("clock", by=block, since=on_the_way_out) == {True}
    assert guard.seen("block", by=block) == {False}
    (keeper,) = {task for _, task, _ in guard.looks if task.name.startswith("listen key keeper")}
    for place in ("transport", "instrument", "clock"):
        assert guard.seen(place, by=keeper) == {True}
    guard.look("block")
    assert guard.seen("block", by=block) == {False}


# --- A key that fails while its block is cancelled


async def _clean_up() -> NoReturn:
    """What is left of the block takes until after the next keepalive."""
    try:
        await trio.sleep_forever()
    finally:
        with trio.CancelScope(shield=True):
            await trio.sleep(300)


async def test_a_failed_keepalive_wins_over_a_cancellation(autojump_clock: MockClock) -> None:
    """Cancelled from outside, a block whose key fails during its clean-up ends in the key's error, bare."""
    exchange = an_exchange(Fault(verb="keepalive", effect=api_error(401, -2015, "Invalid API-key.")))
    transport = MemoryTransport(exchange)
    with trio.move_on_after(1700) as scope:
        with pytest.raises(CredentialsError) as caught:
            async with open_listen_key(venues.BINANCE_USDM, ALICE, transport=transport, timing=PROMPT):
                await _clean_up()
        assert (trio.current_time(), scope.cancel_called) == (2000, True)
    assert not scope.cancelled_caught
    assert (caught.value.status, caught.value.code, caught.value.verb) == (401, -2015, "keepalive")
    assert caught.value.__context__ is None
    assert not hasattr(caught.value, "__notes__")
    assert [entry.verb for entry in exchange.log] == ["create", "keepalive", "close"]


async def test_it_wins_over_a_group_of_cancellations(autojump_clock: MockClock) -> None:
    """A block that makes a group of nothing but cancellations ends in the key's error all the same, in no group."""
    exchange = an_exchange(Fault(verb="keepalive", effect=api_error(401, -2015, "Invalid API-key.")))
    transport = MemoryTransport(exchange)
    left_by: list[BaseException] = []
    with trio.move_on_after(1700) as scope:
        with pytest.raises(CredentialsError) as caught:
            async with open_listen_key(venues.BINANCE_USDM, ALICE, transport=transport, timing=PROMPT):
                try:
                    async with trio.open_nursery() as nursery:
                        nursery.start_soon(_clean_up)
                        await _clean_up()
                except BaseException as error:
                    left_by.append(error)
                    raise
        assert (trio.current_time(), scope.cancel_called) == (2000, True)
    assert not scope.cancelled_caught
    (group,) = left_by
    assert isinstance(group, BaseExceptionGroup)
    assert group.split(trio.Cancelled)[1] is None
    assert caught.value.code == -2015
    assert caught.value.__context__ is None
