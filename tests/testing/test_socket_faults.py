"""Each fault of a socket does on the wire what its documentation says: in memory, on loopback, and over TLS."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Literal

import pytest
import trio
from asking import ask, told
from plain_socket import connected, eventually
from trio.testing import MockClock
from websocket_peer import Peer, closed, in_memory, joined, new_key, open_exchange, shake
from wsproto.events import CloseConnection, Ping, Pong

from trio_listenkey import UsageError
from trio_listenkey.testing import (
    COINM,
    USDM,
    CloseSocket,
    Delay,
    Drop,
    Duplicate,
    Effect,
    Exchange,
    Fault,
    Freeze,
    Garbage,
    HalfOpen,
    Hang,
    Huge,
    KillKey,
    Reset,
    ServedExchange,
    Status,
    bad_gateway_html,
    serve_exchange,
)

Where = Literal["memory", "loopback", "tls"]
EVERYWHERE = pytest.mark.parametrize("where", ["memory", "loopback", "tls"])

# On loopback a second of the exchange's passes in a tenth of ours.
SCALE = 10.0


class World:
    """An exchange and a way to reach it, in its own time."""

    def __init__(self, exchange: Exchange, served: ServedExchange | None) -> None:
        self.exchange = exchange
        self.at: Exchange | ServedExchange = exchange if served is None else served
        self.scale = 1.0 if served is None else SCALE
        self.began = 0.0
        """When the client set out: the exchange opens its socket later, and the client hears of that later still."""
        self._served = served

    def now(self) -> float:
        return trio.current_time() if self._served is None else self._served.now()

    def connected(self) -> AbstractAsyncContextManager[trio.abc.Stream]:
        return in_memory(self.exchange) if self._served is None else connected(self._served)

    async def sleep(self, seconds: float) -> None:
        await trio.sleep(seconds / self.scale)

    def emit(self, count: int = 1) -> None:
        self.exchange.emit("alice", self.now(), count=count)


@asynccontextmanager
async def world(where: Where, *faults: Fault) -> AsyncIterator[World]:
    exchange = open_exchange(dialects=[COINM], faults=faults)
    if where == "memory":
        yield World(exchange, None)
    else:
        async with serve_exchange(exchange, tls=where == "tls", time_scale=SCALE) as served:
            yield World(exchange, served)


@pytest.fixture
def clock(where: Where) -> MockClock | None:
    """A virtual clock for what happens in memory."""
    return MockClock(autojump_threshold=0) if where == "memory" else None


@asynccontextmanager
async def struck(where: Where, effect: Effect, verb: Any = "event", **when: Any) -> AsyncIterator[tuple[World, Peer]]:
    """A client with a live key on an exchange on which this will go wrong."""
    async with world(where, Fault(verb=verb, effect=effect, **when)) as there:
        key = new_key(there.exchange, COINM, there.now())
        there.began = there.now()
        async with joined(there.at, f"/ws/{key}") as peer:
            yield there, peer


async def after(there: World, peer: Peer) -> list[int]:
    """The numbers of what comes when two more events are emitted."""
    there.emit(2)
    return await peer.numbers(patience=0.2)


class TestHandshakes:
    """verb="connect"."""

    @EVERYWHERE
    async def test_refused(self, where: Where, clock: MockClock | None) -> None:
        """The client gets status, headers and body; the next one gets in."""
        effects = [bad_gateway_html(), Status(503, b"", (("Retry-After", "7"),)), Status(204, b"no body here")]
        faults = [Fault(verb="connect", effect=effect, nth=n) for n, effect in enumerate(effects, 1)]
        async with world(where, *faults) as there:
            first, second, third, fourth = [await shake(there.at, "/ws/x") for _ in range(4)]
            assert (first.status, second.status, third.status, fourth.status) == (502, 503, 204, 101)
            assert b"nginx" in first.body or not first.got
            assert [entry.effect for entry in there.exchange.log] == [*effects, None]

    @EVERYWHERE
    async def test_hanging(self, where: Where, clock: MockClock | None) -> None:
        """No answer, and the connection stays open."""
        async with world(where, Fault(verb="connect", effect=Hang(), count=1)) as there:
            peer = await shake(there.at, "/ws/x", patience=0.2)
            assert (peer.status, list(peer.got)) == (None, [])
            assert there.exchange.sockets(there.now()) == ()

    @EVERYWHERE
    async def test_reset(self, where: Where, clock: MockClock | None) -> None:
        """RST, and not one byte."""
        async with world(where, Fault(verb="connect", effect=Reset())) as there:
            peer = await shake(there.at, "/ws/x")
            assert (peer.status, list(peer.got)) == (None, ["reset"])

    @EVERYWHERE
    async def test_garbage(self, where: Where, clock: MockClock | None) -> None:
        """The bytes come as they were given."""
        async with world(where, Fault(verb="connect", effect=Garbage(b"\xff\r\n\r\n"))) as there:
            peer = await shake(there.at, "/ws/x")
            assert peer.status is None
            assert peer.got[0][:2] == ("no WebSocket", b"\xff\r\n\r\n")

    @EVERYWHERE
    async def test_late(self, where: Where, clock: MockClock | None) -> None:
        """The answer comes so much later, and then the events of the meantime."""
        async with world(where, Fault(verb="connect", effect=Delay(5))) as there:
            key = new_key(there.exchange, COINM, there.now())
            began = there.now()
            async with there.connected() as stream:
                peer = Peer(stream)
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(peer.shake_hands, f"/ws/{key}", 30.0)
                    await eventually(lambda: bool(there.exchange.sockets(there.now())))
                    there.emit()
                    assert peer.status is None
                assert there.now() - began >= 5
                assert await peer.numbers(patience=0.2) == [1]

    @EVERYWHERE
    async def test_late_and_bad(self, where: Where, clock: MockClock | None) -> None:
        """A refusal may be late, too."""
        async with world(where, Fault(verb="connect", effect=Delay(2, Status(503)))) as there:
            began = there.now()
            assert (await shake(there.at, "/ws/x")).status == 503
            assert there.now() - began >= 2

    @EVERYWHERE
    async def test_not_waited_for(self, where: Where, clock: MockClock | None) -> None:
        """A client that leaves before the answer is given up; what it said before is not heard."""
        async with world(where, Fault(verb="connect", effect=Delay(1e6))) as there:
            async with there.connected() as stream:
                peer = Peer(stream)
                await peer.shake_hands("/ws/x", patience=0.2)
                await stream.send_all(b"too early")
                assert len(there.exchange.sockets(there.now())) == 1
            await eventually(lambda: not there.exchange.sockets(there.now()))

    async def test_of_one_account(self, autojump_clock: MockClock) -> None:
        """The account is that of the first key in the URL; a bogus key is nobody's."""
        exchange = open_exchange(faults=[Fault(verb="connect", account="alice", effect=Status(503))])
        key = new_key(exchange, USDM, 0)
        targets = [
            f"/private/ws/{key}",
            f"/private/stream?listenKey=x&listenKey={key}",
            "/private/ws/x",
            "/private/stream",
        ]
        assert [(await shake(exchange, target)).status for target in targets] == [503, 503, 101, 101]


class TestEvents:
    """verb="event"."""

    @EVERYWHERE
    async def test_dropped(self, where: Where, clock: MockClock | None) -> None:
        """The next n are lost, and no others."""
        async with struck(where, Drop(), nth=2, count=3) as (there, peer):
            there.emit(6)
            assert await peer.numbers(patience=0.2) == [1, 5, 6]

    @EVERYWHERE
    async def test_duplicated(self, where: Where, clock: MockClock | None) -> None:
        """It comes more often, one after the other."""
        async with struck(where, Duplicate(2), nth=2) as (there, peer):
            there.emit(3)
            assert await peer.numbers(patience=0.2) == [1, 2, 2, 2, 3]

    @EVERYWHERE
    async def test_delayed(self, where: Where, clock: MockClock | None) -> None:
        """It comes late, and those behind it with it: order is kept. Pings are not held up."""
        async with struck(where, Delay(2), nth=2) as (there, peer):
            began = there.now()
            there.emit(3)
            assert (await peer.next())["o"]["c"] == "n-1"
            await peer.send(Ping(b"?"))
            assert await peer.next() == Pong(b"?")
            assert (await peer.next())["o"]["c"] == "n-2"
            assert there.now() - began >= 2
            assert await peer.numbers(patience=0.1) == [3]

    @EVERYWHERE
    async def test_a_key_killed_just_before(self, where: Where, clock: MockClock | None) -> None:
        """Nothing comes any more, the event included, unless it is told."""
        for announced in (False, True):
            async with struck(where, KillKey(announced=announced), nth=2) as (there, peer):
                there.emit(3)
                assert (await peer.next())["o"]["c"] == "n-1"
                got = await peer.next(patience=0.2)
                assert got["e"] == "listenKeyExpired" if announced else got == "silence"
                assert await after(there, peer) == []

    async def test_each_socket_has_its_own(self, autojump_clock: MockClock) -> None:
        """One event on its way to two sockets is two candidates."""
        exchange = open_exchange(dialects=[COINM], faults=[Fault(verb="event", effect=Drop(), nth=2, count=2)])
        key = new_key(exchange, COINM, 0)
        async with joined(exchange, f"/ws/{key}") as one, joined(exchange, f"/ws/{key}") as two:
            exchange.emit("alice", 0, count=3)
            assert await one.numbers() == [1, 3]
            assert await two.numbers() == [2, 3]


SOCKET = pytest.mark.parametrize("verb", ["event", "socket"])


class TestSockets:
    """verb="socket", and the same things at an event."""

    @EVERYWHERE
    @SOCKET
    async def test_closed(self, where: Where, clock: MockClock | None, verb: str) -> None:
        """A close frame with code and reason."""
        async with struck(where, CloseSocket(4321, "enough"), verb) as (there, peer):
            there.emit()
            assert closed(await peer.next()) == (4321, "enough")
            assert await after(there, peer) == []

    @EVERYWHERE
    @SOCKET
    async def test_reset(self, where: Where, clock: MockClock | None, verb: str) -> None:
        """RST, without a close frame."""
        async with struck(where, Reset(), verb) as (there, peer):
            there.emit()
            assert await peer.next() == "reset"

    @EVERYWHERE
    @SOCKET
    async def test_garbage(self, where: Where, clock: MockClock | None, verb: str) -> None:
        """Bytes that are no frame."""
        async with struck(where, Garbage(b"\xff\xff\xff"), verb) as (there, peer):
            there.emit()
            got = await peer.next()
            assert isinstance(got, CloseConnection)
            assert got.code == 1002
            assert "reserved" in (got.reason or "").lower() or got.reason

    @EVERYWHERE
    @SOCKET
    async def test_half_open(self, where: Where, clock: MockClock | None, verb: str) -> None:
        """No events, no pong, no answer to a close frame; and the connection is not ended."""
        async with struck(where, HalfOpen(), verb) as (there, peer):
            there.emit()
            assert await after(there, peer) == []
            await peer.send(Ping(b"?"))
            await peer.say("no JSON")
            await peer.send(CloseConnection(1000))
            await there.sleep(2)
            assert await peer.next(patience=0.2) == "silence"
            assert [each.half_open for each in there.exchange.sockets(there.now())] == [True]

    @EVERYWHERE
    @SOCKET
    async def test_frozen(self, where: Where, clock: MockClock | None, verb: str) -> None:
        """Nothing comes for so long, and then everything, in order."""
        async with struck(where, Freeze(3), verb, count=1) as (there, peer):
            there.emit(2)
            await peer.send(Ping(b"?"))
            assert (await peer.next())["o"]["c"] == "n-1"
            assert there.now() - there.began >= 3
            assert (await peer.next())["o"]["c"] == "n-2"
            assert await peer.next() == Pong(b"?")

    @EVERYWHERE
    async def test_later(self, where: Where, clock: MockClock | None) -> None:
        """With a delay it strikes so long after the socket was opened."""
        async with struck(where, Delay(2, CloseSocket()), "socket") as (there, peer):
            assert closed(await peer.next())[0] == 1001
            assert there.now() - there.began >= 2

    async def test_at_its_time(self, autojump_clock: MockClock) -> None:
        """All that are open when the time comes, those that are opened while it lasts, and no others."""
        fault = Fault(verb="socket", effect=Reset(), after=100, until=200)
        exchange = open_exchange(dialects=[COINM], faults=[fault])
        key = new_key(exchange, COINM, 0)
        async with joined(exchange, f"/ws/{key}") as one, joined(exchange, f"/ws/{key}") as two:
            assert await one.next(patience=99) == "silence"
            assert await one.next() == "reset"
            assert trio.current_time() == 100
            assert await two.next() == "reset"
            await trio.sleep(50)
            async with joined(exchange, f"/ws/{key}") as three:
                assert await three.next() == "reset"
            await trio.sleep(50)
            async with joined(exchange, f"/ws/{key}") as four:
                assert await four.next() == "silence"
                exchange.add_faults(Fault(verb="socket", effect=HalfOpen(), after=50, until=150))
                exchange.add_faults(Fault(verb="socket", effect=CloseSocket(), after=50))
                assert closed(await four.next())[0] == 1001

    async def test_sockets_are_counted(self, autojump_clock: MockClock) -> None:
        """The n-th socket, and each but once."""
        exchange = open_exchange(dialects=[COINM], faults=[Fault(verb="socket", effect=Reset(), nth=2)])
        async with (
            joined(exchange, "/ws/x") as one,
            joined(exchange, "/ws/x") as two,
            joined(exchange, "/ws/x") as three,
        ):
            assert [await peer.next() for peer in (one, two, three)] == ["silence", "reset", "silence"]

    async def test_of_one_account(self, autojump_clock: MockClock) -> None:
        """A socket is an account's as soon as it is subscribed with its key."""
        fault = Fault(verb="socket", account="alice", effect=CloseSocket(4000))
        exchange = open_exchange(dialects=[COINM], faults=[fault])
        key = new_key(exchange, COINM, 0)
        async with joined(exchange, "/ws/x") as peer:
            assert await peer.next() == "silence"
            await peer.say({"method": "SUBSCRIBE", "params": [key], "id": 1})
            # What was decided to be said before, the answer, is still said; it is decided after.
            assert closed(await peer.next())[0] == 4000

    async def test_by_hand(self, autojump_clock: MockClock) -> None:
        """strike_sockets does it at once, to everybody or to one account."""
        exchange = open_exchange(dialects=[COINM])
        key = new_key(exchange, COINM, 0)
        async with joined(exchange, f"/ws/{key}") as mine, joined(exchange, "/ws/x") as other:
            assert exchange.strike_sockets(CloseSocket(4001), 0, account="alice") == 1
            assert closed(await mine.next())[0] == 4001
            assert exchange.strike_sockets(Delay(5, Reset()), 0) == 2
            assert await other.next(patience=6) == "reset"
            with pytest.raises(UsageError, match="Drop"):
                exchange.strike_sockets(Drop(), 5)

    async def test_clearing(self, autojump_clock: MockClock) -> None:
        """Faults that were cleared do not strike, also if their time was to come."""
        fault = Fault(verb="socket", effect=Reset(), after=100)
        exchange = open_exchange(dialects=[COINM], faults=[fault])
        async with joined(exchange, "/ws/x") as peer:
            exchange.clear_faults()
            assert await peer.next(patience=150) == "silence"


class TestFreezing:
    """The exchange as a whole does nothing."""

    @EVERYWHERE
    async def test_sockets_and_handshakes_wait(self, where: Where, clock: MockClock | None) -> None:
        """Events come when it goes on, and handshakes are answered then."""
        async with world(where) as there:
            key = new_key(there.exchange, COINM, there.now())
            async with joined(there.at, f"/ws/{key}") as peer:
                began = there.now()
                there.exchange.freeze(3, began)
                there.emit(2)
                assert await peer.next(patience=1 / there.scale) == "silence"
                assert (await shake(there.at, "/ws/x")).status == 101
                assert (await shake(there.at, "/nowhere")).status == 404
                assert there.now() - began >= 3
                assert await peer.numbers(patience=0.2) == [1, 2]

    def test_requests_wait(self) -> None:
        """An answer that is given meanwhile comes when it goes on."""
        exchange = open_exchange()
        exchange.freeze(30, 0)
        assert exchange.handle(ask(), 10).delay == 20
        assert exchange.handle(ask(), 30).delay == 0
        reply = exchange.connect("/nowhere", 30)
        assert getattr(reply, "delay", None) == 0
        with pytest.raises(UsageError):
            exchange.freeze(0, 30)

    async def test_a_frozen_exchange_pings_once_when_it_wakes(self, autojump_clock: MockClock) -> None:
        """What it did not do it does not make up for."""
        exchange = open_exchange(dialects=[COINM])
        async with joined(exchange, "/ws/x") as peer:
            exchange.freeze(5000, 0)
            assert await peer.next(patience=4999) == "silence"
            assert isinstance(await peer.next(), Ping)
            assert await peer.next(patience=170) == "silence"


class TestTheLanguage:
    """What can be said."""

    @pytest.mark.parametrize(
        ("verb", "effect"),
        [
            ("any", HalfOpen()),
            ("create", Drop()),
            ("create", Delay(1, Freeze(1))),
            ("connect", HalfOpen()),
            ("connect", Huge()),
            ("connect", Delay(1, Drop())),
            ("socket", Status(500)),
            ("socket", Drop()),
            ("socket", Delay(1)),
            ("event", Hang()),
            ("event", Delay(1, Drop())),
        ],
    )
    def test_what_cannot_be_done_cannot_be_said(self, verb: Any, effect: Effect) -> None:
        """An effect that its occasion cannot have is refused at once."""
        with pytest.raises(UsageError, match="cannot be done"):
            Fault(verb=verb, effect=effect)

    @pytest.mark.parametrize(
        "make", [lambda: CloseSocket(1006), lambda: CloseSocket(999), lambda: CloseSocket(1000, "x" * 124)]
    )
    def test_what_no_close_frame_can_have(self, make: Any) -> None:
        """Codes that are never sent, and reasons that are too long, are refused."""
        with pytest.raises(UsageError, match="close frame"):
            make()

    @pytest.mark.parametrize("make", [lambda: Freeze(0), lambda: Duplicate(0)])
    def test_amounts(self, make: Any) -> None:
        """As with other effects they are positive."""
        with pytest.raises(UsageError, match="positive"):
            make()

    def test_any_means_any_request(self) -> None:
        """A fault of requests does not strike sockets, nor the other way round."""
        faults = [Fault(effect=Status(500)), Fault(verb="connect", effect=Status(501))]
        exchange = open_exchange(faults=faults)
        assert exchange.handle(ask(), 0).status == 500
        assert getattr(exchange.connect("/ws/x", 0), "status", None) == 501

    async def test_chance_is_repeatable(self, autojump_clock: MockClock) -> None:
        """The same seed loses the same events."""
        runs = []
        for _ in range(2):
            exchange = open_exchange(
                dialects=[COINM], seed=5, faults=[Fault(verb="event", effect=Drop(), probability=0.3)]
            )
            key = new_key(exchange, COINM, trio.current_time())
            async with joined(exchange, f"/ws/{key}") as peer:
                exchange.emit("alice", trio.current_time(), count=100)
                runs.append(await peer.numbers())
        assert runs[0] == runs[1]
        assert 50 < len(runs[0]) < 90

    def test_killing_a_key_at_a_request_may_be_told(self) -> None:
        """The effect of requests has the same choice."""
        exchange = open_exchange(faults=[Fault(verb="keepalive", effect=KillKey(announced=True))])
        key = told(exchange.handle(ask(), 0))["listenKey"]
        session = exchange.connect(f"/private/ws/{key}", 0)
        exchange.handle(ask("PUT"), 1)
        frames = getattr(session, "due")(1)  # noqa: B009
        assert [json.loads(frame.data)["e"] for frame in frames] == ["listenKeyExpired"]
