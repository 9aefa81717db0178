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
from stream_watch import begin
from test_venue_lives import DIALECTS, QUICK, an_exchange, credentials_for, is_of_the_account
from trio.testing import MockClock

from trio_listenkey import Gap, Timing, UnavailableError, UserEvent, UserStream, Venue, open_user_stream, venues
from trio_listenkey.connectors import Connection
from trio_listenkey.testing import (
    Dialect,
    Exchange,
    MemoryConnector,
    MemoryTransport,
    Reset,
    ServedExchange,
    event_number,
    serve_exchange,
)
from trio_listenkey.testing._dialects._events import kinds_of
from trio_listenkey.testing._dialects._stream_rules import Pings

# Seconds after which a client that says nothing is dropped here: of hours or minutes, at the real exchanges.
SILENT_FOR = 0.4
UNHURRIED = Timing()

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
            await begin(stream)
            served.exchange.emit_rate("alice", 100, served.now())
            yield Here(stream, served, [], [], dialect.stream.subscribe_every)
            key = stream.key
        assert (key.value in served.exchange.open_keys(served.now())) == (venue.close is None)
        assert key.statistics().closed is (None if venue.close is None else True)
        with trio.fail_after(5):
            while served.exchange.sockets(served.now()):
                await trio.sleep(0.01)


@pytest.mark.no_cover
@every_venue
async def test_whole_stream(venue: Venue, dialect: Dialect) -> None:
    """Heard, lost, told as a gap, heard again on another key, for longer than a silent client is borne."""
    with trio.fail_after(20):
        async with listening(*sped_up(venue, dialect)) as here:
            await here.hear()
            await here.settle()
            while here.stream.key.statistics().renewed < 2:
                await here.hear()
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
        await begin(stream)
        exchange.emit_rate("alice", 0.01, trio.current_time())
        with trio.move_on_after(3000):
            async for item in stream:
                if isinstance(item, Gap):
                    hour.gaps.append(item)
                elif is_of_the_account(item):
                    hour.numbers.append(event_number(item.data))
        hour.connects = stream.statistics().connects
    return hour


@pytest.mark.no_cover
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


@asynccontextmanager
async def opened(venue: Venue, exchange: Exchange, timing: Timing = UNHURRIED) -> AsyncIterator[UserStream]:
    """A stream at an exchange in memory whose clock goes right."""
    exchange.epoch = time.time() - trio.current_time()
    async with open_user_stream(
        venue,
        credentials_for(venue),
        transport=MemoryTransport(exchange),
        connector=MemoryConnector(exchange),
        timing=timing,
        on_exit="leave",
    ) as stream:
        await begin(stream)
        yield stream


async def heard_of(stream: UserStream, seconds: float = 30) -> list[UserEvent | Gap]:
    """Whatever comes in that time."""
    heard = []
    with trio.move_on_after(seconds):
        async for item in stream:
            heard.append(item)  # noqa: PERF401 - a comprehension would lose what came when time is up
    return heard


def numbers_in(items: list[UserEvent | Gap]) -> list[int]:
    return [event_number(item.data) for item in items if isinstance(item, UserEvent)]


def a_kind_of(dialect: Dialect, channel: int) -> str:
    """A kind of event of a channel of that number, of those on which any come; or another kind of the only one."""
    return [kind for _, kinds in dialect.stream.channels for kind in kinds][channel]


@pytest.mark.parametrize("venue", SUBSCRIBING, ids=lambda venue: venue.name)
async def test_nothing_is_lost_from_the_first_moment(venue: Venue, autojump_clock: MockClock) -> None:
    """What happens as soon as the block is entered comes, on whichever channel, and no answers of the exchange's (S2).

    MEXC has one channel of its kinds here.
    """
    dialect = DIALECTS[venue]
    exchange = an_exchange(dialect, validity=3600)
    async with opened(venue, exchange) as stream:
        for channel in (1, 0):
            exchange.emit("alice", trio.current_time(), kind=a_kind_of(dialect, channel))
        assert numbers_in(await heard_of(stream)) == [1, 2]
        assert stream.statistics().is_live


async def test_what_comes_while_others_are_subscribed_to_is_kept(autojump_clock: MockClock) -> None:
    """At GMO Coin that takes a second, in which events come already, in order."""
    exchange = an_exchange(DIALECTS[venues.GMO_COIN], validity=3600)

    async def be_early() -> None:
        await trio.sleep(0.5)
        assert exchange.sockets(trio.current_time())[0].channels == ("executionEvents",)
        exchange.emit("alice", trio.current_time(), kind="executionEvents")
        exchange.emit("alice", trio.current_time(), kind="executionEvents")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(be_early)
        async with opened(venues.GMO_COIN, exchange) as stream:
            assert exchange.sockets(trio.current_time())[0].channels == ("executionEvents", "orderEvents")
            exchange.emit("alice", trio.current_time(), kind="orderEvents")
            assert numbers_in(await heard_of(stream)) == [1, 2, 3]


async def test_a_subscription_that_comes_too_soon_is_made_again(autojump_clock: MockClock) -> None:
    """GMO Coin refuses the first on a socket that soon follows another: what is lost meanwhile is a gap."""
    exchange = an_exchange(DIALECTS[venues.GMO_COIN], validity=3600)
    async with opened(venues.GMO_COIN, exchange) as stream:
        exchange.strike_sockets(Reset(), trio.current_time())
        exchange.emit("alice", trio.current_time(), kind="executionEvents")
        await trio.sleep(15)
        for kind in ("executionEvents", "orderEvents"):
            exchange.emit("alice", trio.current_time(), kind=kind)
        gap, *events = await heard_of(stream)
        assert isinstance(gap, Gap)
        assert gap.started_at < gap.ended_at
        assert numbers_in(events) == [2, 3]
        assert stream.statistics().is_live
        assert 1 <= stream.statistics().failed_connects < 10


async def test_many_streams_of_one_program(autojump_clock: MockClock) -> None:
    """They get in each other's way where an exchange counts by address, and none is left without events for it."""
    exchange = an_exchange(DIALECTS[venues.GMO_COIN], validity=3600)
    listening: list[UserStream] = []
    heard: list[list[UserEvent | Gap]] = []

    async def listen() -> None:
        async with opened(venues.GMO_COIN, exchange, timing=Timing(open_timeout=600)) as stream:
            listening.append(stream)
            heard.append(await heard_of(stream, 700))

    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(listen)
        while len(listening) < 3:
            await trio.sleep(1)
        for kind in ("executionEvents", "orderEvents"):
            exchange.emit("alice", trio.current_time(), kind=kind)
    assert [numbers_in(each) for each in heard] == [[1, 2]] * 3


async def test_a_refusal_that_stays_is_told(autojump_clock: MockClock) -> None:
    """MEXC refuses with the code of a success: opening fails in its own time, with its words, and not in a hot loop."""
    shape = replace(
        venues.MEXC.stream,
        subscribe=(*venues.MEXC.stream.subscribe, '{"method":"SUBSCRIPTION","params":["spot@private.nothing"]}'),
    )
    exchange = an_exchange(DIALECTS[venues.MEXC], validity=3600)
    with pytest.raises(UnavailableError, match=r"refuses a subscription.*Not Subscribed successfully! \[spot@private"):
        async with opened(replace(venues.MEXC, stream=shape), exchange):
            raise AssertionError
    assert 1 < len([entry for entry in exchange.log if entry.verb == "connect"]) < 15


async def test_an_exchange_that_does_not_answer_is_told(autojump_clock: MockClock) -> None:
    """Nobody knows what comes there, so it is not called a stream; the error says what was waited for."""
    dialect = DIALECTS[venues.BITRUE]
    exchange = an_exchange(replace(dialect, stream=replace(dialect.stream, words="mexc")), validity=3600)
    with pytest.raises(UnavailableError, match="has not answered 2 of 2 subscriptions"):
        async with opened(venues.BITRUE, exchange):
            raise AssertionError


@pytest.mark.no_cover
@pytest.mark.parametrize("venue", SUBSCRIBING, ids=lambda venue: venue.name)
async def test_moves_neither_lose_nor_double(venue: Venue, autojump_clock: MockClock) -> None:
    """The next socket may deliver long before it has all its subscriptions, and so twice what comes meanwhile."""
    exchange = an_exchange(DIALECTS[venue], validity=3600)
    async with opened(venue, exchange, Timing(socket_lifetime=60)) as stream:
        exchange.emit_rate("alice", 10, trio.current_time())
        numbers = numbers_in(await heard_of(stream, 200))
        assert numbers == list(range(1, len(numbers) + 1))
        assert stream.statistics().moves >= 3


@pytest.mark.parametrize("pings", ["text", "json-time"])
@pytest.mark.parametrize("venue", [venues.BINGX, venues.BINGX_SPOT, venues.BINGX_COINM], ids=lambda venue: venue.name)
async def test_bingx_may_ping_either_way(venue: Venue, pings: Pings, autojump_clock: MockClock) -> None:
    """Its documents do not say which, for the last two: a socket lasts in both cases."""
    dialect = DIALECTS[venue]
    hour = await an_hour(venue, replace(dialect, stream=replace(dialect.stream, pings=pings)))
    assert (hour.gaps, hour.connects) == ([], 1)


@pytest.mark.parametrize("pings", ["json", "json-event"])
async def test_bitrue_may_ping_either_way(pings: Pings, autojump_clock: MockClock) -> None:
    """What no document has, clients have met: it is answered in kind, and no event of the account."""
    dialect = DIALECTS[venues.BITRUE]
    exchange = an_exchange(replace(dialect, stream=replace(dialect.stream, pings=pings)), validity=3600)
    async with opened(venues.BITRUE, exchange) as stream:
        await trio.sleep(600)
        told = stream.statistics()
        assert (told.events, told.connects, told.buffered) == (0, 1, 0)


@pytest.mark.parametrize("venue", [venues.BITRUE, venues.TOOBIT, venues.MEXC], ids=lambda venue: venue.name)
async def test_who_only_answers_is_dropped(venue: Venue, autojump_clock: MockClock) -> None:
    """Where the client has to speak first, answering pings is not enough."""
    heartbeat = replace(venue.stream.heartbeat, say="", say_every=None)
    quiet = replace(venue, stream=replace(venue.stream, heartbeat=heartbeat))
    assert (await an_hour(quiet, DIALECTS[venue])).connects > 3


async def test_what_is_said_of_each_event(autojump_clock: MockClock) -> None:
    """Type, time, number and struct of each kind that an exchange has a shape for; GMO Coin says two in its own way."""
    for venue, dialect in DIALECTS.items():
        for kind in kinds_of(dialect.stream.account_events):
            event, at = await the_event(venue, dialect, kind)
            assert event_number(event.data) == 1
            is_gmo = dialect.stream.words == "gmo"
            assert (event.type, event.time) == ((None, None) if is_gmo else (kind, at))
            assert (event.data["channel"] == kind) if is_gmo else True
            assert (event.parsed is not None) is (venue.events is not None)


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
        (b'{"data":{"e":"x"}}', "x", None, {"e": "x"}),
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


class InTurn:
    """A connector to an exchange that takes two subscriptions one after the other, on sockets that run as scripted."""

    ANSWERS = tuple(
        b'{"channel":"%s","event_rep":"subed","status":"ok"}' % channel
        for channel in (b"user_order_update", b"user_balance_update")
    )

    def __init__(self, *scripts: list[tuple[float, bytes]], dies_at: float) -> None:
        self._scripts = list(scripts)
        self._dies_at = dies_at

    @asynccontextmanager
    async def connect(self, url: str) -> AsyncIterator[Connection]:
        yield Scripted(self._scripts.pop(0), self._dies_at if len(self._scripts) == 1 else math.inf)


@dataclass
class Scripted:
    """Messages at their times; pings are answered until it dies."""

    script: list[tuple[float, bytes]]
    dies_at: float

    async def receive(self) -> list[bytes]:
        await trio.sleep_until(self.script[0][0] if self.script else math.inf)
        return [self.script.pop(0)[1]]

    async def send(self, message: str) -> None:
        await trio.lowlevel.checkpoint()

    async def ping(self) -> None:
        await trio.sleep(math.inf if trio.current_time() >= self.dies_at else 0.005)


async def test_an_event_on_two_sockets_says_nothing_of_other_channels(autojump_clock: MockClock) -> None:
    """The second socket has the first channel already; what comes on the other is lost when the first socket dies."""

    def event(number: int) -> bytes:
        return b'{"e":"ORDER","E":%d}' % number

    orders, balances = InTurn.ANSWERS
    shutdown = b'{"e":"serverShutdown","E":2}'
    exchange = an_exchange(DIALECTS[venues.BINANCE_USDM], validity=3600)
    connector = InTurn(
        [(0, orders), (0.01, balances), (50, event(1)), (100, shutdown), (100.02, event(3))],
        [(100.01, orders), (100.02, event(3)), (100.04, balances), (110, event(5))],  # the fourth was on the other
        dies_at=100.025,
    )
    shape = replace(venues.BITRUE.stream, heartbeat=venues.BINANCE_USDM.stream.heartbeat)
    venue = replace(venues.BINANCE_USDM, stream=shape)
    items: list[UserEvent | Gap] = []
    async with open_user_stream(
        venue,
        credentials_for(venue),
        transport=MemoryTransport(exchange),
        connector=connector,
        timing=Timing(jitter=0),
    ) as stream:
        await begin(stream)
        with trio.move_on_after(200):
            while len(items) < 5:
                items.append(await stream.receive())
    assert [item.time for item in items if isinstance(item, UserEvent)] == [1, 2, 3, 5]
    (gap,) = [item for item in items if isinstance(item, Gap)]
    assert gap.started_at <= 100.03 <= gap.ended_at
