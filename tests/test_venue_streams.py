"""A whole user stream at every venue, over real sockets: heard, kept alive, lost, replaced, heard again, left clean.

The exchange runs as at the real one's, with its heartbeats alone sped up, and the venue's own with them. A client that
does not answer pings in the exchange's words, or does not say its own where it has to speak first, is dropped before
its socket is as old as these tests want one.
"""

from __future__ import annotations

import math
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace

import pytest
import trio
from test_venue_lives import DIALECTS, QUICK, an_exchange, credentials_for, is_of_the_account
from trio.testing import MockClock

from trio_listenkey import Gap, UserEvent, UserStream, Venue, open_user_stream, venues
from trio_listenkey.connectors import Connection
from trio_listenkey.testing import (
    Dialect,
    Exchange,
    MemoryConnector,
    MemoryTransport,
    ServedExchange,
    event_number,
    serve_exchange,
)
from trio_listenkey.testing._account_events import kinds_of

# Seconds after which a client that says nothing is dropped here: of hours or minutes, at the real exchanges.
SILENT_FOR = 0.4

every_venue = pytest.mark.parametrize(("venue", "dialect"), DIALECTS.items(), ids=[each.name for each in DIALECTS])


def sped_up(venue: Venue, dialect: Dialect) -> tuple[Venue, Dialect]:
    """The same with heartbeats that take no time."""
    rules, heartbeat = dialect.stream, venue.stream.heartbeat
    pings = SILENT_FOR / (rules.ping_every + rules.pong_within)
    ours = SILENT_FOR / rules.silence_within if rules.silence_within < math.inf else 1.0
    say_every = None if heartbeat.say_every is None else heartbeat.say_every * ours
    shape = replace(
        venue.stream,
        heartbeat=replace(heartbeat, say_every=say_every),
        # Three times what the exchange wants: its own tenth more would be too little here, for clients that are late.
        subscribe_every=0.3 if rules.subscribe_every else 0.0,
    )
    quick = replace(
        rules,
        ping_every=rules.ping_every * (pings or 1.0),
        pong_within=rules.pong_within * (pings or 1.0),
        silence_within=rules.silence_within * ours,
        subscribe_within=rules.subscribe_within * ours,
        subscribe_every=0.1 if rules.subscribe_every else 0.0,
        messages_per_second=None,
    )
    return replace(venue, stream=shape), replace(dialect, stream=quick)


@dataclass
class Here:
    """A stream and its exchange."""

    stream: UserStream
    served: ServedExchange
    gaps: list[Gap]
    numbers: list[int]
    pause: float

    async def hear(self) -> UserEvent:
        """The next account event, after which may have come gaps and answers of the exchange's."""
        async for item in self.stream:
            if isinstance(item, Gap):
                self.gaps.append(item)
            elif is_of_the_account(item):
                self.numbers.append(event_number(item.data))
                return item
        raise AssertionError

    async def settle(self) -> None:
        """Hear what comes until everything is subscribed to that was to be, and more may be."""
        while self.subscriptions != len(self.stream.key.venue.stream.subscribe):
            await self.hear()
        await trio.sleep(self.pause)

    @property
    def subscriptions(self) -> int:
        """How many there are on the socket."""
        return max((len(each.channels) for each in self.served.exchange.sockets(self.served.now())), default=0)

    async def grow_old(self) -> None:
        """Hear what comes until a socket is older than any on which nothing was said could be."""
        age = 0.0
        while age < 2 * SILENT_FOR:
            await self.hear()
            now = self.served.now()
            age = max((now - each.opened_at for each in self.served.exchange.sockets(now)), default=0.0)


@asynccontextmanager
async def listening(venue: Venue, dialect: Dialect) -> AsyncIterator[Here]:
    async with serve_exchange(an_exchange(dialect)) as served:
        async with open_user_stream(served.venue_at(venue), credentials_for(venue), timing=QUICK) as stream:
            served.exchange.emit_rate("alice", 100, served.now())
            yield Here(stream, served, [], [], dialect.stream.subscribe_every)
            key = stream.key
        assert venue.close is None or key.value not in served.exchange.open_keys(served.now())
        with trio.fail_after(5):
            while served.exchange.sockets(served.now()):
                await trio.sleep(0.01)


@every_venue
async def test_whole_stream(venue: Venue, dialect: Dialect) -> None:
    """Heard, lost, told as a gap, heard again on another key, for longer than a silent client is borne."""
    with trio.fail_after(20):
        async with listening(*sped_up(venue, dialect)) as here:
            await here.hear()
            await here.settle()
            here.served.exchange.kill_key("alice", here.served.now())
            while not here.gaps:
                await here.hear()
            assert here.gaps[0].generation_after == 2
            await here.grow_old()
            assert here.numbers == sorted(set(here.numbers))


@dataclass
class Hour:
    """What came of most of an hour in which something happened now and then."""

    numbers: list[int]
    gaps: list[Gap]
    connects: int


async def an_hour(venue: Venue, dialect: Dialect) -> Hour:
    """Nearly one, of virtual time, at the exchange's own pace; after one, this machine's clock would seem wrong."""
    exchange = an_exchange(dialect, validity=3600)
    exchange.epoch = time.time() - trio.current_time()
    hour = Hour([], [], 0)
    transport, connector = MemoryTransport(exchange), MemoryConnector(exchange)
    credentials = credentials_for(venue)
    async with open_user_stream(venue, credentials, transport=transport, connector=connector) as stream:
        await trio.sleep(10)  # GMO Coin takes one subscription in a second
        exchange.emit_rate("alice", 0.01, trio.current_time())
        with trio.move_on_after(3000):
            async for item in stream:
                if isinstance(item, Gap):
                    hour.gaps.append(item)
                elif is_of_the_account(item):
                    hour.numbers.append(event_number(item.data))
        hour.connects = stream.statistics().connects
    return hour


@every_venue
async def test_an_hour(venue: Venue, dialect: Dialect, autojump_clock: MockClock) -> None:
    """At the exchange's own pace, one socket lasts, and everything comes on it."""
    hour = await an_hour(venue, dialect)
    assert (hour.gaps, hour.connects) == ([], 1)
    assert hour.numbers == list(range(1, 30))


SPEAKING = [venue for venue in DIALECTS if venue.stream.heartbeat.kind != "frames"]
SUBSCRIBING = [venue for venue in DIALECTS if venue.stream.subscribe]


@pytest.mark.parametrize("venue", SPEAKING, ids=lambda venue: venue.name)
async def test_a_client_without_manners_is_dropped(venue: Venue, autojump_clock: MockClock) -> None:
    """The exchange insists on its pings: or these tests would show nothing."""
    mute = replace(venue, stream=replace(venue.stream, heartbeat=venues.Heartbeat()))
    assert (await an_hour(mute, DIALECTS[venue])).connects > 3


@pytest.mark.parametrize("venue", SUBSCRIBING, ids=lambda venue: venue.name)
async def test_without_a_subscription_nothing_comes(venue: Venue, autojump_clock: MockClock) -> None:
    """The exchange insists on these, too."""
    shy = replace(venue, stream=replace(venue.stream, subscribe=()))
    assert (await an_hour(shy, DIALECTS[venue])).numbers == []


@pytest.mark.parametrize("venue", [venues.BITRUE, venues.TOOBIT, venues.MEXC], ids=lambda venue: venue.name)
async def test_who_only_answers_is_dropped(venue: Venue, autojump_clock: MockClock) -> None:
    """Where the client has to speak first, answering pings is not enough."""
    heartbeat = replace(venue.stream.heartbeat, say="", say_every=None)
    quiet = replace(venue, stream=replace(venue.stream, heartbeat=heartbeat))
    assert (await an_hour(quiet, DIALECTS[venue])).connects > 3


async def test_what_is_said_of_each_event(autojump_clock: MockClock) -> None:
    """Type, time and number of each kind that an exchange has a shape for; GMO Coin says two in its own way."""
    for venue, dialect in DIALECTS.items():
        for kind in kinds_of(dialect.stream.account_events):
            event, at = await the_event(venue, dialect, kind)
            assert event_number(event.data) == 1
            is_gmo = venue is venues.GMO_COIN
            assert (event.type, event.time) == ((None, None) if is_gmo else (kind, at))
            assert (event.data["channel"] == kind) if is_gmo else True


async def the_event(venue: Venue, dialect: Dialect, kind: str) -> tuple[UserEvent, int]:
    """One of that kind, and the exchange's time of it."""
    exchange = an_exchange(dialect, validity=3600)
    exchange.epoch = time.time() - trio.current_time()
    transport, connector = MemoryTransport(exchange), MemoryConnector(exchange)
    async with open_user_stream(
        venue, credentials_for(venue), transport=transport, connector=connector, on_exit="leave"
    ) as stream:
        await trio.sleep(4)
        now = trio.current_time()
        exchange.emit("alice", now, kind=kind)
        async for item in stream:
            if isinstance(item, UserEvent) and is_of_the_account(item):
                return item, int(exchange.unix_time(now) * 1000)
    raise AssertionError


@pytest.mark.parametrize(
    ("raw", "kind", "at", "data"),
    [
        (b'[{"e":"ticketInfo","E":"17"}]', "ticketInfo", 17, [{"e": "ticketInfo", "E": "17"}]),
        (b'[{"e":"first","E":1},{"e":"second","E":2}]', "first", 1, [{"e": "first", "E": 1}, {"e": "second", "E": 2}]),
        (b"[]", None, None, []),
        (b"[5]", None, None, [5]),
        (
            b'{"dataType":"x","data":{"e":"executionReport","E":7}}',
            "executionReport",
            7,
            {"e": "executionReport", "E": 7},
        ),
        (b'{"dataType":"","data":null,"id":"1"}', None, None, {"dataType": "", "data": None, "id": "1"}),
        (
            b'{"dataType":"x","e":"ACCOUNT_UPDATE","E":7}',
            "ACCOUNT_UPDATE",
            7,
            {"dataType": "x", "e": "ACCOUNT_UPDATE", "E": 7},
        ),
        (b'{"data":{"e":"x"}}', None, None, {"data": {"e": "x"}}),
    ],
)
def test_lists_and_envelopes(raw: bytes, kind: str | None, at: int | None, data: object) -> None:
    """Lists of events, as of Toobit and HashKey, and BingX's envelopes; what is like them, and none."""
    event = UserEvent(raw, 0.0)
    assert (event.type, event.time, event.data) == (kind, at, data)


class KillsTheFirst(MemoryConnector):
    """A connector by which the key is dead by the time that its first socket opens."""

    def __init__(self, exchange: Exchange) -> None:
        super().__init__(exchange)
        self._kill: Callable[[], None] | None = lambda: exchange.kill_key("alice", trio.current_time())

    def connect(self, url: str) -> AbstractAsyncContextManager[Connection]:
        if self._kill is not None:
            self._kill()
            self._kill = None
        return super().connect(url)


async def test_what_mexc_says_of_a_dead_key_is_heard(autojump_clock: MockClock) -> None:
    """A socket that is opened with a key that has just died says so: long before silence would, there is another."""
    exchange = an_exchange(DIALECTS[venues.MEXC], validity=3600)
    exchange.epoch = time.time() - trio.current_time()
    transport, connector = MemoryTransport(exchange), KillsTheFirst(exchange)
    async with open_user_stream(
        venues.MEXC, credentials_for(venues.MEXC), transport=transport, connector=connector
    ) as stream:
        with trio.fail_after(10):
            await stream.key.wait_replaced(1)
