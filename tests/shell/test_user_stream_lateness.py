"""Our own lateness is no verdict on a peer: what lies in the socket's buffer is read first (S4)."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial

import pytest
import trio
from stream_watch import begin
from trio.testing import MockClock

from trio_listenkey import Credentials, Timing, UserEvent, open_user_stream, venues
from trio_listenkey.connectors import Connection, Connector, WebSocketConnector
from trio_listenkey.testing import Exchange, HalfOpen, MemoryConnector, MemoryTransport, ServedExchange, serve_exchange

ALICE = Credentials("the-api-key-of-alice")
EVENTS = 50
QUICK = Timing(ping_every=0.5, jitter=0)


def compute(seconds: float) -> None:
    """What a program does that lets nobody else run; one that is stopped and continued looks the same."""
    time.sleep(seconds)


class Busy:
    """A connector in whose program something computes while a ping is under way."""

    def __init__(self, inner: Connector, served: ServedExchange, *, pings: int) -> None:
        self._inner, self._served, self._pings = inner, served, pings
        self.connects = 0

    @asynccontextmanager
    async def connect(self, url: str) -> AsyncIterator[Connection]:
        self.connects += 1
        async with self._inner.connect(url) as connection:
            self._connection = connection
            yield self

    async def receive(self) -> Sequence[bytes]:
        return await self._connection.receive()

    async def send(self, message: str) -> None:
        await self._connection.send(message)

    async def ping(self) -> None:
        if not self._pings:
            return await self._connection.ping()
        self._pings -= 1
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._connection.ping)
            await trio.lowlevel.checkpoint()  # it is sent
            await trio.lowlevel.checkpoint()  # and that is known
            self._served.exchange.emit("alice", self._served.now(), count=EVENTS)
            compute(1.3)
        return None


@pytest.mark.parametrize("pings", [1, 3])
async def test_a_program_that_computes_loses_nothing(pings: int) -> None:
    """It is away for longer than a ping may take, again and again: the answers and the events are read, and no gap."""
    exchange = Exchange(seed=1)
    exchange.add_account(ALICE.api_key, name="alice")
    async with serve_exchange(exchange) as served:
        connector = Busy(WebSocketConnector(), served, pings=pings)
        venue = served.venue_at(venues.BINANCE_USDM)
        async with open_user_stream(venue, ALICE, connector=connector, timing=QUICK) as stream:
            await begin(stream)
            items: list[object] = []
            with trio.fail_after(20):
                while len(items) < pings * EVENTS:
                    items += await stream.receive_batch()
            await trio.sleep(1)
            assert all(isinstance(item, UserEvent) for item in items)
            statistics = stream.statistics()
            assert statistics.is_live
        assert (connector.connects, statistics.disconnects, statistics.gaps) == (1, 0, 1)


async def test_a_dead_peer_is_noticed_all_the_same(autojump_clock: MockClock) -> None:
    """Within two ping intervals."""
    exchange = Exchange(seed=1)
    exchange.add_account(ALICE.api_key, name="alice")
    async with open_user_stream(
        venues.BINANCE_USDM,
        ALICE,
        transport=MemoryTransport(exchange),
        connector=MemoryConnector(exchange),
        timing=Timing(jitter=0),
    ) as stream:
        await trio.sleep(30)
        exchange.strike_sockets(HalfOpen(), trio.current_time())
        await trio.sleep(30.1)  # the next ping is due at 40
        assert stream.statistics().disconnects == 1


PROGRAM = """
import json, sys, trio
from trio_listenkey import Credentials, Timing, UserEvent, open_user_stream, venues

async def main(rest_url, stream_url, events):
    venue = venues.BINANCE_USDM.at(rest_url, stream_url)
    async with open_user_stream(venue, Credentials("the-api-key-of-alice"), timing=Timing(ping_every=1)) as stream:
        print("open", flush=True)
        seen = 0
        while seen < events:
            seen += isinstance(await stream.receive(), UserEvent)
        await trio.sleep(1.1)
        statistics = stream.statistics()
        print(json.dumps([seen, statistics.connects, statistics.disconnects, statistics.gaps]), flush=True)

trio.run(main, sys.argv[1], sys.argv[2], int(sys.argv[3]))
"""


async def relay_slowly(port: int, client: trio.SocketStream) -> None:
    """Pass everything on, but what comes from the exchange only after most of a second: so pings are under way."""

    async def up() -> None:
        async for data in client:
            await exchange.send_all(data)

    async def down() -> None:
        async for data in exchange:
            await trio.sleep(0.6)
            await client.send_all(data)

    async with client, await trio.open_tcp_stream("127.0.0.1", port) as exchange, trio.open_nursery() as nursery:
        nursery.start_soon(up)
        await down()
        nursery.cancel_scope.cancel()


async def line_of(process: trio.Process) -> bytes:
    """The next line that it prints; no other follows before it is asked for."""
    assert process.stdout is not None
    line = b""
    while not line.endswith(b"\n"):
        data = await process.stdout.receive_some()
        assert data, "it has ended"
        line += bytes(data)
    return line.strip()


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="a process cannot be stopped here")
async def test_a_program_that_is_stopped_and_continued_loses_nothing() -> None:
    """Over real sockets: what came meanwhile lies in the socket's buffer, the answer to a ping and the events (S4)."""
    exchange = Exchange(seed=1)
    exchange.add_account(ALICE.api_key, name="alice")
    stops = 4
    async with serve_exchange(exchange) as served, trio.open_nursery() as nursery:
        port = int(served.stream_url.rpartition(":")[2])
        listeners = await nursery.start(trio.serve_tcp, partial(relay_slowly, port), 0)
        own_port = listeners[0].socket.getsockname()[1]
        arguments = [served.rest_url, f"ws://127.0.0.1:{own_port}", str(stops * EVENTS)]
        command = [sys.executable, "-c", PROGRAM, *arguments]
        process = await trio.lowlevel.open_process(command, stdout=subprocess.PIPE)
        try:
            with trio.fail_after(60):
                assert await line_of(process) == b"open"
                await trio.sleep(1.0)  # a ping is due
                for _ in range(stops):
                    await trio.sleep(0.3)  # and it is under way; the next one is due when the program goes on
                    process.send_signal(signal.SIGSTOP)
                    exchange.emit("alice", served.now(), count=EVENTS)
                    await trio.sleep(1.2)
                    process.send_signal(signal.SIGCONT)
                told = json.loads(await line_of(process))
        finally:
            process.kill()
            with trio.CancelScope(shield=True):
                await process.wait()
        nursery.cancel_scope.cancel()
    assert told == [stops * EVENTS, 1, 0, 1]
