"""Two sockets of an account may be served by two gateways, one behind the other: nothing is lost untold, or doubled."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

import pytest
import trio
from stream_gateways import Feed, FeedExchange
from trio.testing import MockClock

from trio_listenkey import Credentials, Gap, Timing, UserEvent, UserStream, open_user_stream, venues
from trio_listenkey.testing import MemoryConnector, MemoryTransport, Reset, event_number

ALICE = Credentials("the-api-key-of-alice")
RATE = 200  # events a second
LIFETIME = 5.0


def books_balance(items: Sequence[UserEvent[Any] | Gap], emitted: list[float]) -> tuple[int, int]:
    """Each event once, in order, or within a gap that was told in its place; how many are missing, and gaps."""
    last, missing, told, gaps = 0, 0, list[Gap](), 0
    for item in items:
        if isinstance(item, Gap):
            told.append(item)
            gaps += 1
            continue
        number = event_number(item.data)
        assert number > last, "twice, or out of order"
        for lost in range(last + 1, number):
            when = emitted[lost - 1]
            assert any(gap.started_at <= when <= gap.ended_at for gap in told), f"{lost} is missing, and not told"
            missing += 1
        told, last = [], number
    assert last == len(emitted)
    return missing, gaps


async def play(feed: Feed, seconds: float, *resets_at: float) -> tuple[UserStream[Any], int, int]:
    emitted: list[float] = []
    resets = deque(resets_at)
    exchange = FeedExchange(feed, seed=1, log_size=100)
    exchange.add_account(ALICE.api_key, name="alice")

    def emit() -> None:
        emitted.append(trio.current_time())
        exchange.emit("alice", trio.current_time())

    async with open_user_stream(
        venues.BINANCE_USDM,
        ALICE,
        transport=MemoryTransport(exchange),
        connector=MemoryConnector(exchange),
        timing=Timing(socket_lifetime=LIFETIME, ping_every=3),
        buffer=100_000,
    ) as stream:
        await trio.sleep(1.5)  # what the first one has missed is in the gap that the stream begins with
        begins_at = trio.current_time()
        for step in range(int(seconds * RATE)):
            if resets and trio.current_time() - begins_at >= resets[0]:
                resets.popleft()
                exchange.strike_sockets(Reset(), trio.current_time())
            emit()
            await trio.sleep_until(begins_at + (step + 1) / RATE)
        await trio.sleep(3)
        emit()
        await trio.sleep(2)
        items = await stream.receive_batch()
    return stream, *books_balance(items, emitted)


@pytest.mark.no_cover
@pytest.mark.parametrize(
    ("lags", "late"),
    [((0.0, 0.01), 0.0), ((0.0, 0.1), 0.01), ((0.0, 1.0), 0.0), ((1.0, 0.0, 0.3), 0.0)],
    ids=["10 ms", "100 ms, and late", "a second", "from far behind"],
)
async def test_moves_lose_nothing_and_double_nothing(
    lags: tuple[float, ...], late: float, autojump_clock: MockClock
) -> None:
    """Five of them, at 200 events a second, and gateways that differ by up to ``feed_lag`` (S1, S3)."""
    stream, missing, gaps = await play(Feed(lags=lags, late=late), 26)
    statistics = stream.statistics()
    assert statistics.moves >= 5
    assert (missing, gaps) == (0, 1), "the one that the stream begins with"


@pytest.mark.parametrize("lags", [(0.0, 1.0), (1.0, 0.0)], ids=["falls back", "gets ahead"])
async def test_drops_double_nothing_and_tell_what_they_lose(lags: tuple[float, ...], autojump_clock: MockClock) -> None:
    """The next gateway is a second behind the one that was lost, or ahead of it (S1, S2, S10)."""
    stream, missing, gaps = await play(Feed(lags=lags), 14, 2.0, 6.0, 10.0)
    assert stream.statistics().disconnects >= 3
    assert gaps >= 4
    assert missing < 3 * 2 * RATE
