"""A whole stream where a token is fetched by REST in an envelope of its own: Tokocrypto and Binance TR."""

from __future__ import annotations

import time
from typing import Any

import pytest
import trio
from stream_watch import begin
from trio.testing import MockClock

from trio_listenkey import (
    Credentials,
    CredentialsError,
    Gap,
    Timing,
    UsageError,
    UserEvent,
    Venue,
    open_listen_key,
    open_user_stream,
    testing as t,
    venues,
)
from trio_listenkey.events import spot
from trio_listenkey.testing import Dialect, Exchange, KillKey, MemoryConnector, MemoryTransport, serve_exchange

ALICE = Credentials("the-api-key-of-alice", "the-secret-of-alice")
DAY = 86_400.0
PROMPT = Timing(jitter=0)

DIALECTS: dict[Venue, Dialect] = {venues.TOKOCRYPTO: t.TOKOCRYPTO, venues.BINANCE_TR: t.BINANCE_TR}

every_venue = pytest.mark.parametrize(("venue", "dialect"), DIALECTS.items(), ids=[each.name for each in DIALECTS])


def an_exchange(dialect: Dialect) -> Exchange:
    exchange = Exchange(seed=1, dialects=[dialect], epoch=time.time() - trio.current_time())
    exchange.add_account(ALICE.api_key, name="alice", secret=ALICE.api_secret)
    return exchange


async def take(stream: Any, count: int) -> list[Any]:
    items = []
    with trio.fail_after(300):
        for _ in range(count):
            items.append(await stream.receive())  # noqa: PERF401 - checkers of checkpoints see this one
    return items


@pytest.mark.no_cover
@every_venue
async def test_more_than_half_a_day(venue: Venue, dialect: Dialect, autojump_clock: MockClock) -> None:
    """The token is fetched anew in half of its time, and nothing is lost or comes twice."""
    exchange, numbers = an_exchange(dialect), []
    async with open_user_stream(
        venue, ALICE, transport=MemoryTransport(exchange), connector=MemoryConnector(exchange), timing=PROMPT
    ) as stream:
        await begin(stream)
        exchange.emit_rate("alice", 0.002, trio.current_time())
        with trio.move_on_after(0.52 * DAY):
            async for item in stream:
                assert isinstance(item, UserEvent), item
                numbers.append(t.event_number(item.data))
        assert stream.statistics().is_live
        assert stream.key.generation == 2
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) == exchange.emitted("alice")


@every_venue
async def test_a_life(venue: Venue, dialect: Dialect) -> None:
    """Over real sockets: subscribed, heard, lost, told as a gap, heard again on another token."""
    exchange = Exchange(seed=1, dialects=[dialect])
    exchange.add_account(ALICE.api_key, name="alice", secret=ALICE.api_secret)
    with trio.fail_after(20):
        async with serve_exchange(exchange) as served:  # noqa: SIM117 - one begins before the other
            async with open_user_stream(
                served.venue_at(venue.with_events(spot.AS_SENT)), ALICE, timing=PROMPT
            ) as stream:
                await begin(stream)
                exchange.emit("alice", served.now(), count=2)
                events = await take(stream, 2)
                assert [type(each.parsed) for each in events] == [spot.ExecutionReport] * 2
                exchange.strike_sockets(KillKey(announced=True), served.now())
                (gap,) = await take(stream, 1)
                assert isinstance(gap, Gap)
                exchange.emit("alice", served.now())
                (event,) = await take(stream, 1)
                assert t.event_number(event.data) == 3


@every_venue
async def test_where_nobody_can_be_asked(venue: Venue, dialect: Dialect, autojump_clock: MockClock) -> None:
    """Its documents have no question about subscriptions: without one, events come, and quiet is not called live."""
    exchange = an_exchange(dialect)
    exchange.add_faults(
        t.Fault(verb="api", effect=t.api_error(400, -1020, "This operation is not supported."), nth=2, count=10_000)
    )
    async with open_user_stream(
        venue, ALICE, transport=MemoryTransport(exchange), connector=MemoryConnector(exchange), timing=PROMPT
    ) as stream:
        await begin(stream)
        await trio.sleep(3600)
        assert not stream.statistics().is_live
        exchange.emit("alice", trio.current_time())
        (event,) = await take(stream, 1)
        assert isinstance(event, UserEvent)
        assert stream.statistics().connects == 1


@every_venue
async def test_who_is_let_in(venue: Venue, dialect: Dialect) -> None:
    """Without a secret nothing is sent; a stranger is refused by a code with HTTP 200."""
    exchange = an_exchange(dialect)
    with pytest.raises(UsageError, match="signed"):
        open_listen_key(venue, Credentials(ALICE.api_key), transport=MemoryTransport(exchange))
    assert exchange.log == ()
    with pytest.raises(CredentialsError, match="3701"):
        async with open_listen_key(venue, Credentials("a-stranger", "a-secret"), transport=MemoryTransport(exchange)):
            raise AssertionError
