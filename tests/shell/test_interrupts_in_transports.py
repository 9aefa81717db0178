"""Ctrl-C inside a real transport or connector: while it opens a TCP connection, which happens in tasks of trio's own.

Such a task is not protected from Ctrl-C by its parent, so :exc:`KeyboardInterrupt` comes out of the transport. Here it
is raised by the system's own signal, while a socket is being made, in whatever task makes it.
"""

from __future__ import annotations

import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
import trio
from trio.testing import MockClock

from trio_listenkey import Credentials, Timing, open_listen_key, open_user_stream, venues
from trio_listenkey.connectors import (
    Connection,
    Connector,
    TrioWebSocketConnector,
    WebSocketConnector,
    WebSocketsTrioConnector,
)
from trio_listenkey.testing import Exchange, Fault, MemoryConnector, MemoryTransport, Reset, serve_exchange
from trio_listenkey.transports import AsksTransport, HTTPCore2Transport, Request, Response, Transport

ALICE = Credentials("the-api-key-of-alice")
QUICK = Timing(
    validity=2,
    keepalive_every=0.1,
    jitter=0,
    request_timeout=0.5,
    open_timeout=2,
    close_timeout=1,
    retry_base=0.05,
    retry_cap=0.2,
)
STREAMING = Timing(open_timeout=2, close_timeout=1, retry_base=0.05, retry_cap=0.2)
TRANSPORTS = [HTTPCore2Transport, AsksTransport]
CONNECTORS = [WebSocketConnector, TrioWebSocketConnector, WebSocketsTrioConnector]


class Interrupting(trio.abc.SocketFactory):
    """Makes sockets as the system does; once armed, Ctrl-C comes while the next one is made."""

    def __init__(self) -> None:
        self.is_armed = False
        self.came = 0

    def socket(
        self,
        family: int = socket.AF_INET,
        type: int = socket.SOCK_STREAM,  # noqa: A002 -- trio's name for it
        proto: int = 0,
    ) -> trio.socket.SocketType:
        if self.is_armed:
            self.is_armed = False
            self.came += 1
            signal.raise_signal(signal.SIGINT)
        return trio.socket.from_stdlib_socket(socket.socket(family, type, proto))


@pytest.mark.parametrize("moment", ["create", "keepalive", "close"])
@pytest.mark.parametrize("make", TRANSPORTS)
def test_at_the_connect_of_a_request(make: Callable[[], Transport], moment: str) -> None:
    """The keeper survives it and closes the key; the block is cancelled, and ends with the interrupt (L1, L4)."""
    interrupting = Interrupting()
    exchange = Exchange(seed=1)
    exchange.add_account(ALICE.api_key)
    # So that both have to connect, although there is a connection that they could use.
    exchange.add_faults(Fault(verb="keepalive", nth=1, effect=Reset()), Fault(verb="close", nth=1, effect=Reset()))
    seen: list[BaseException] = []

    async def main() -> None:
        trio.socket.set_custom_socket_factory(interrupting)
        async with serve_exchange(exchange) as served:
            transport = make()
            interrupting.is_armed = moment == "create"
            try:
                with trio.fail_after(3):
                    async with open_listen_key(
                        served.venue_at(venues.BINANCE_USDM), ALICE, transport=transport, timing=QUICK
                    ):
                        interrupting.is_armed = True
                        if moment == "keepalive":
                            await trio.sleep_forever()
            except BaseException as error:
                seen.append(error)
                raise
            finally:
                await transport.aclose()
                assert exchange.open_keys(served.now()) == ()

    with pytest.raises(KeyboardInterrupt):
        trio.run(main)
    assert [type(error) for error in seen] == [KeyboardInterrupt]
    assert interrupting.came == 1


@pytest.mark.parametrize("moment", ["opening", "reconnecting"])
@pytest.mark.parametrize("make", CONNECTORS)
def test_at_the_connect_of_a_socket(make: Callable[[], Connector], moment: str) -> None:
    """The stream's tasks survive it, its key is closed, and the block ends with the interrupt (L1, L4)."""
    interrupting = Interrupting()
    exchange = Exchange(seed=1)
    exchange.add_account(ALICE.api_key, name="alice")
    seen: list[BaseException] = []

    async def main() -> None:
        trio.socket.set_custom_socket_factory(interrupting)
        async with serve_exchange(exchange) as served:
            venue = served.venue_at(venues.BINANCE_USDM)
            # Its key is there already, so that the next socket is the stream's.
            async with open_listen_key(venue, ALICE):
                interrupting.is_armed = moment == "opening"
                try:
                    with trio.fail_after(3):
                        async with open_user_stream(venue, ALICE, connector=make(), timing=STREAMING) as stream:
                            interrupting.is_armed = True
                            exchange.strike_sockets(Reset(), served.now())
                            async for _ in stream:
                                pass
                except BaseException as error:
                    seen.append(error)
                    raise
        assert exchange.open_keys(served.now()) == ()

    with pytest.raises(KeyboardInterrupt):
        trio.run(main)
    assert [type(error) for error in seen] == [KeyboardInterrupt]
    assert interrupting.came == 1


# --- Other exceptions that are no errors, out of anybody's transport or connector


class Exit(BaseException):
    """A library's own way of saying that all is over."""


class Interrupted(MemoryTransport):
    """One of whose requests ends in something that is no error, after or before the exchange did the work."""

    def __init__(self, exchange: Exchange, verb: str, fault: BaseException, *, done: bool) -> None:
        super().__init__(exchange)
        self._method = {"create": "POST", "keepalive": "PUT", "close": "DELETE"}[verb]
        self._fault: BaseException | None = fault
        self._done = done

    async def request(self, request: Request) -> Response:
        fault = self._fault if request.method == self._method else None
        if fault is None or self._done:
            answer = await super().request(request)
        if fault is not None:
            self._fault = None
            raise fault
        return answer


def an_exit() -> BaseException:
    return Exit("SECRET")


def a_group() -> BaseException:
    return BaseExceptionGroup("SECRET", [OSError(), BaseExceptionGroup("SECRET", [an_exit()])])


@pytest.mark.parametrize("done", [False, True], ids=["undone", "done"])
@pytest.mark.parametrize("verb", ["create", "keepalive", "close"])
@pytest.mark.parametrize("fault", [an_exit, a_group])
async def test_whatever_a_transport_raises(
    verb: str, fault: Callable[[], BaseException], done: bool, autojump_clock: MockClock
) -> None:
    """It arrives bare, without the frames that it came through, and no key is left."""
    exchange = Exchange(seed=1)
    exchange.add_account(ALICE.api_key)
    transport = Interrupted(exchange, verb, fault(), done=done)
    with pytest.raises(Exit) as caught:
        async with open_listen_key(venues.BINANCE_USDM, ALICE, transport=transport):
            await trio.sleep(2000)
    assert exchange.open_keys(trio.current_time()) == ()
    assert caught.value.__context__ is None
    assert "request" not in [frame.name for frame in caught.traceback]


async def test_what_the_block_raised_is_told_with_it(autojump_clock: MockClock) -> None:
    """An interrupt on the way out is what the block ends with; its own error is the context, as for any Ctrl-C."""
    exchange = Exchange(seed=1)
    exchange.add_account(ALICE.api_key)
    transport = Interrupted(exchange, "close", Exit(), done=False)
    own = ValueError()
    with pytest.raises(Exit) as caught:
        async with open_listen_key(venues.BINANCE_USDM, ALICE, transport=transport):
            raise own
    assert caught.value.__context__ is own
    assert exchange.open_keys(trio.current_time()) == ()


class Heard(MemoryConnector):
    """Whose sockets end in something that is no error when they are read from."""

    def connect(self, url: str) -> AbstractAsyncContextManager[Connection]:
        return self._broken(url)

    @asynccontextmanager
    async def _broken(self, url: str) -> AsyncIterator[Connection]:
        async with super().connect(url) as connection:
            yield Broken(connection)


class Broken:
    """A connection that is over."""

    def __init__(self, connection: Connection) -> None:
        self.send, self.ping = connection.send, connection.ping

    async def receive(self) -> list[bytes]:
        await trio.sleep(5)
        raise Exit


async def test_whatever_a_connection_raises(autojump_clock: MockClock) -> None:
    """The same for what comes out of a socket that is open."""
    exchange = Exchange(seed=1)
    exchange.add_account(ALICE.api_key)
    transport, connector = MemoryTransport(exchange), Heard(exchange)
    with pytest.raises(Exit):
        async with open_user_stream(venues.BINANCE_USDM, ALICE, transport=transport, connector=connector) as stream:
            async for _ in stream:
                pass
    assert exchange.open_keys(trio.current_time()) == ()
