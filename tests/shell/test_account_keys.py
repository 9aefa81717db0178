"""Another program restarts on our account: our key dies without a word, and what answers is its key (S5, K5)."""

from __future__ import annotations

import time

import pytest
import trio
from stream_watch import Watch
from trio.testing import MockClock

from trio_listenkey import (
    Credentials,
    KeyLostError,
    Timing,
    Venue,
    open_listen_key,
    open_user_stream,
    testing as t,
    venues,
)
from trio_listenkey._protocol._requests import build_request
from trio_listenkey.testing import Dialect, Exchange, MemoryConnector, MemoryTransport

ALICE = Credentials("the-api-key-of-alice", "the-secret-of-alice")
WALLET = Credentials("0x63DD5aCC6b1aa0f563956C0e534DD30B6dcF7C4e", signer=lambda _: "0xsigned")
CHECK = 60.0
TIMING = Timing(silence_check_every=CHECK, jitter=0, suspend_check_every=600)
HOUR = 3600.0

# Wherever a keepalive names no key, whatever its answer does.
ANONYMOUS: dict[Venue, Dialect] = {
    venues.ASTER_FUTURES: t.ASTER_FUTURES,
    venues.ASTER_FUTURES_V3.with_parameters(signer="0x21"): t.ASTER_FUTURES_V3,
    venues.BINANCE_COINM: t.COINM,
    venues.BINANCE_COINM_TESTNET: t.COINM,
    venues.BINANCE_OPTIONS: t.OPTIONS,
    venues.BINANCE_OPTIONS_TESTNET: t.OPTIONS,
    venues.BINANCE_PM_PRO: t.PM_PRO,
    venues.BINANCE_PORTFOLIO_MARGIN: t.PORTFOLIO_MARGIN,
    venues.BINANCE_USDM: t.USDM,
    venues.BINANCE_USDM_TESTNET: t.USDM,
}
every_such_venue = pytest.mark.parametrize(("venue", "dialect"), ANONYMOUS.items(), ids=[v.name for v in ANONYMOUS])


def credentials_for(venue: Venue) -> Credentials:
    return WALLET if venue.signing is not None and venue.signing.by == "signer" else ALICE


def an_exchange(dialect: Dialect) -> Exchange:
    exchange = Exchange(seed=1, dialects=[dialect], epoch=time.time() - trio.current_time())
    exchange.add_account(ALICE.api_key, name="alice", secret=ALICE.api_secret)
    exchange.add_account(WALLET.api_key, name="alice")
    return exchange


async def another_program_restarts(exchange: Exchange, venue: Venue) -> None:
    """It closes the account's key and makes another, over the wire and not by this library's contexts."""
    transport, credentials = MemoryTransport(exchange), credentials_for(venue)
    for verb in ("close", "create"):
        now = int(exchange.unix_time(trio.current_time()) * 1000)
        request = build_request(venue, credentials, verb, None, timestamp_ms=now)
        assert (await transport.request(request)).status == 200


def test_every_such_venue_is_here() -> None:
    """The venue's data decide, so a new one needs its place in this file."""
    such = {
        venue.name
        for venue in venues.known()
        if venue.keepalive is not None and venue.key_place("keepalive") == "account"
    }
    assert such == {venue.name for venue in ANONYMOUS}


@pytest.mark.no_cover
@every_such_venue
async def test_a_restart_is_noticed_within_a_silence_check(
    venue: Venue, dialect: Dialect, autojump_clock: MockClock
) -> None:
    """The stream moves to the other program's key, and what was missed meanwhile is told."""
    exchange = an_exchange(dialect)
    watch = Watch(exchange)
    async with (
        open_user_stream(
            venue,
            credentials_for(venue),
            transport=MemoryTransport(exchange),
            connector=MemoryConnector(exchange),
            timing=TIMING,
            on_exit="leave",
        ) as stream,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(watch.take_from, stream)
        emitting = trio.CancelScope()

        async def emit() -> None:
            with emitting:
                await watch.emit_every(2)

        nursery.start_soon(emit)
        await trio.sleep(0.75 * HOUR + 0.25)  # it has been kept alive once
        assert stream.key is not None
        ours = stream.key.value
        await another_program_restarts(exchange, venue)
        await trio.sleep(CHECK + 5)
        assert stream.statistics().is_live
        assert stream.key.generation == 2
        assert stream.key.value != ours
        assert stream.key.value == exchange.key_of("alice", trio.current_time())
        await trio.sleep(HOUR)
        assert stream.key.generation == 2
        emitting.cancel()
        await trio.sleep(5)
        nursery.cancel_scope.cancel()
    watch.check()
    assert 0 < len(watch.lost) <= (CHECK + 5) / 2


@pytest.mark.no_cover
@pytest.mark.parametrize("announced", [False, True], ids=["without a word", "with a word"])
@every_such_venue
async def test_nobody_is_deaf_and_live(
    venue: Venue, dialect: Dialect, announced: bool, autojump_clock: MockClock
) -> None:
    """On a quiet account, at 1,200 looks over a day at options, and over ten minutes elsewhere (S8).

    Also where the exchange says on the socket that our key has expired, before the other program makes one.
    """
    exchange = an_exchange(dialect)
    every = 72.0 if venue is venues.BINANCE_OPTIONS else 0.5
    async with open_user_stream(
        venue,
        credentials_for(venue),
        transport=MemoryTransport(exchange),
        connector=MemoryConnector(exchange),
        timing=TIMING,
        on_exit="leave",
    ) as stream:
        await trio.sleep(0.75 * HOUR + 0.25)
        begins_at = trio.current_time()
        if announced:
            exchange.kill_key("alice", begins_at, announced=True)
            exchange.replace_key("alice", begins_at)
        else:
            await another_program_restarts(exchange, venue)
        deaf_and_live: list[float] = []
        for look in range(1, 1201):
            await trio.sleep_until(begins_at + look * every)
            assert stream.key is not None
            is_deaf = stream.key.value != exchange.key_of("alice", trio.current_time())
            if is_deaf and stream.statistics().is_live:
                deaf_and_live.append(look * every)
        assert max(deaf_and_live, default=0.0) <= CHECK + 2
        if announced and venue.stream.expired_is_documented:
            assert deaf_and_live == []
        exchange.emit("alice", trio.current_time())
        await trio.sleep(1)
        assert stream.statistics().events == 1 + (announced and venue.stream.expired_is_documented)


@every_such_venue
async def test_a_restart_is_noticed_by_the_next_keepalive(
    venue: Venue, dialect: Dialect, autojump_clock: MockClock
) -> None:
    """Where nobody asks in between, a key's own keepalives find it out."""
    exchange = an_exchange(dialect)
    async with open_listen_key(
        venue, credentials_for(venue), transport=MemoryTransport(exchange), timing=TIMING, on_exit="leave"
    ) as key:
        await trio.sleep(100)
        await another_program_restarts(exchange, venue)
        await trio.sleep(0.5 * HOUR)
        assert key.generation == 2
        assert key.value == exchange.key_of("alice", trio.current_time())
        await trio.sleep(3 * HOUR)
        assert key.generation == 2
        assert exchange.key_of("alice", trio.current_time()) == key.value
    # One request for each half hour, and at most one more: to find out that a keepalive names no key.
    assert key.statistics().requests <= 10


@every_such_venue
async def test_a_restart_is_raised_where_that_is_wished(
    venue: Venue, dialect: Dialect, autojump_clock: MockClock
) -> None:
    """``on_lost="raise"`` is no less true where the exchange has another key to offer."""
    exchange = an_exchange(dialect)
    with pytest.raises(KeyLostError):
        async with open_listen_key(
            venue, credentials_for(venue), transport=MemoryTransport(exchange), timing=TIMING, on_lost="raise"
        ):
            await trio.sleep(100)
            await another_program_restarts(exchange, venue)
            await trio.sleep(HOUR)
