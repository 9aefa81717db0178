"""The exchange's sockets behind the connector port, in memory: what a stream opens where there is no network."""

from __future__ import annotations

import pytest
import trio
from asking import API_KEY
from trio.testing import MockClock

from trio_listenkey.connectors import Connector, SocketError
from trio_listenkey.testing import (
    USDM,
    CloseSocket,
    Exchange,
    Fault,
    HalfOpen,
    Hang,
    MemoryConnector,
    Reset,
    Status,
    event_number,
)


@pytest.fixture
def exchange() -> Exchange:
    exchange = Exchange(seed=1)
    exchange.add_account(API_KEY, name="alice")
    return exchange


@pytest.fixture
def url(exchange: Exchange) -> str:
    """Of a key of alice's; who is asked for does not matter."""
    key = exchange.replace_key("alice", 0.0, dialect=USDM)
    return f"wss://nobody.invalid/private/ws?listenKey={key}&events=ORDER_TRADE_UPDATE"


def test_it_is_a_connector(exchange: Exchange) -> None:
    """It has what the port asks for."""
    assert isinstance(MemoryConnector(exchange), Connector)


async def test_events_come_through(exchange: Exchange, url: str, autojump_clock: MockClock) -> None:
    """A socket gets what is emitted on its key's account, in order, and a ping is answered."""
    async with MemoryConnector(exchange).connect(url) as connection, trio.open_nursery() as nursery:
        exchange.emit("alice", trio.current_time(), count=3)
        numbers: list[int] = []
        while len(numbers) < 3:
            numbers += [_number(raw) for raw in await connection.receive()]
        assert numbers == [1, 2, 3]
        nursery.start_soon(connection.receive)
        with trio.fail_after(1):
            await connection.ping()
        nursery.cancel_scope.cancel()


def _number(raw: bytes) -> int:
    import json

    return event_number(json.loads(raw))


async def test_left_with_a_goodbye(exchange: Exchange, url: str, autojump_clock: MockClock) -> None:
    """The socket is there as long as the block, by trio's clock."""
    await trio.sleep(100)
    async with MemoryConnector(exchange).connect(url):
        (socket,) = exchange.sockets(trio.current_time())
        assert (socket.opened_at, socket.accounts, socket.live_keys) == (100, ("alice",), 1)
    await trio.testing.wait_all_tasks_blocked()
    assert exchange.sockets(trio.current_time()) == ()
    assert [(entry.verb, entry.status, entry.when) for entry in exchange.log] == [("connect", 101, 100)]


async def test_several_sockets_at_once(exchange: Exchange, url: str, autojump_clock: MockClock) -> None:
    """Each is one of its own, and gets everything."""
    connector = MemoryConnector(exchange)
    async with connector.connect(url) as one, connector.connect(url) as other:
        exchange.emit("alice", trio.current_time())
        assert list(await one.receive()) == list(await other.receive())
        assert len(exchange.sockets(trio.current_time())) == 2


async def test_unreachable(exchange: Exchange, url: str, autojump_clock: MockClock) -> None:
    """Where no connection can be had, that is told at once, and the exchange hears nothing of it; until it can."""
    connector = MemoryConnector(exchange)
    connector.reachable = False
    with pytest.raises(SocketError, match="connection refused") as caught:
        async with connector.connect(url):
            raise AssertionError
    assert caught.value.status is None
    assert exchange.log == ()
    connector.reachable = True
    async with connector.connect(url):
        assert len(exchange.log) == 1


async def test_refused_handshake(exchange: Exchange, url: str, autojump_clock: MockClock) -> None:
    """The status and what was asked for with it are told."""
    exchange.add_faults(Fault(verb="connect", effect=Status(503, headers=(("Retry-After", "7"),))))
    with pytest.raises(SocketError) as caught:
        async with MemoryConnector(exchange).connect(url):
            raise AssertionError
    assert (caught.value.status, caught.value.retry_after) == (503, 7)


async def test_handshake_that_hangs(exchange: Exchange, url: str, autojump_clock: MockClock) -> None:
    """It is its caller's to give up, and nothing is left of it."""
    exchange.add_faults(Fault(verb="connect", effect=Hang()))
    with trio.move_on_after(5) as scope:
        async with MemoryConnector(exchange).connect(url):
            raise AssertionError
    assert (scope.cancelled_caught, trio.current_time()) == (True, 5)


@pytest.mark.parametrize(("effect", "code"), [(Reset(), None), (CloseSocket(1008), 1008)], ids=["reset", "1008"])
async def test_socket_that_ends(
    effect: Reset | CloseSocket, code: int | None, exchange: Exchange, url: str, autojump_clock: MockClock
) -> None:
    """What came before is received, and then how it ended."""
    async with MemoryConnector(exchange).connect(url) as connection:
        exchange.emit("alice", trio.current_time(), count=2)
        exchange.strike_sockets(effect, trio.current_time())
        got: list[bytes] = []
        with pytest.raises(SocketError) as caught:
            while True:
                got += await connection.receive()
    assert [_number(raw) for raw in got] == [1, 2]
    assert caught.value.code == code


async def test_half_open_socket(exchange: Exchange, url: str, autojump_clock: MockClock) -> None:
    """Nothing comes any more, not even pongs, and it can be left all the same."""
    async with MemoryConnector(exchange).connect(url) as connection, trio.open_nursery() as nursery:
        exchange.strike_sockets(HalfOpen(), trio.current_time())
        exchange.emit("alice", trio.current_time())
        nursery.start_soon(connection.receive)
        with trio.move_on_after(60) as scope:
            await connection.ping()
        assert scope.cancelled_caught
        nursery.cancel_scope.cancel()
    assert trio.current_time() <= 60.5


async def test_a_day_of_virtual_time(exchange: Exchange, url: str, autojump_clock: MockClock) -> None:
    """The exchange pings, and is answered as long as somebody receives; after 24 hours it says goodbye."""
    async with MemoryConnector(exchange).connect(url) as connection:
        with pytest.raises(SocketError) as caught:
            while True:
                await connection.receive()
    assert caught.value.code == 1001
    assert trio.current_time() == USDM.stream.lifetime
