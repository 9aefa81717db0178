"""From which address of the machine requests and sockets go."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any, NoReturn

import httpcore2
import pytest
import trio

from trio_listenkey import UsageError
from trio_listenkey.connectors import SocketError, TrioWebSocketConnector, WebSocketConnector, WebSocketsTrioConnector
from trio_listenkey.transports import HTTPCore2Transport, Request, TransportError

CONNECTORS = [WebSocketConnector, TrioWebSocketConnector, WebSocketsTrioConnector]


class Peers:
    """A listener on every address of loopback that notes who connects and hangs up."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    async def __call__(self, stream: trio.SocketStream) -> None:
        self.seen.append(stream.socket.getpeername()[0])
        await stream.aclose()


async def _listen(nursery: trio.Nursery, peers: Peers) -> int:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    nursery.start_soon(trio.serve_listeners, peers, [listener])
    return int(listener.socket.getsockname()[1])


@pytest.mark.parametrize(("address", "seen"), [("127.0.0.5", "127.0.0.5"), ("0.0.0.0", "127.0.0.1")])
async def test_a_request_goes_from_there(address: str, seen: str) -> None:
    """The exchange sees that address; the wildcard leaves the choice to the system."""
    peers = Peers()
    async with trio.open_nursery() as nursery:
        port = await _listen(nursery, peers)
        transport = HTTPCore2Transport(local_address=address)
        with pytest.raises(TransportError):
            await transport.request(Request("GET", f"http://127.0.0.1:{port}/", (), b""))
        await transport.aclose()
        nursery.cancel_scope.cancel()
    assert peers.seen == [seen]


class _TwoAddresses(trio.abc.HostnameResolver):
    """Knows ``both.test``, which has an address of each kind, the newer one first; nobody is asked."""

    async def getaddrinfo(
        self,
        host: bytes | str | None,
        port: bytes | str | int | None,
        family: int = 0,
        type: int = 0,  # noqa: A002 - trio's name for it
        proto: int = 0,
        flags: int = 0,
    ) -> Any:
        names = ["::1", "127.0.0.1"] if host in {"both.test", b"both.test"} else [host]
        found = [each for name in names for each in socket.getaddrinfo(name, port, 0, type, proto, flags)]
        return [each for each in found if family in {0, each[0]}]

    async def getnameinfo(self, *args: object) -> NoReturn:
        raise AssertionError("nobody asks for names")


@pytest.mark.parametrize(
    ("address", "seen"), [(None, "::1"), ("::", "::1"), ("0.0.0.0", "127.0.0.1"), ("127.0.0.5", "127.0.0.5")]
)
async def test_a_host_of_both_kinds_is_reached_by_the_one_that_is_asked_for(address: str | None, seen: str) -> None:
    """Requests and sockets alike, whichever address the name has first."""
    peers = Peers()
    async with trio.open_nursery() as nursery:
        port = await _listen(nursery, peers)
        try:
            (newer,) = await trio.open_tcp_listeners(port, host="::1")
        except OSError:
            pytest.skip("this machine has no IPv6")
        nursery.start_soon(trio.serve_listeners, peers, [newer])
        trio.socket.set_custom_hostname_resolver(_TwoAddresses())
        transport = HTTPCore2Transport(local_address=address)
        with pytest.raises(TransportError):
            await transport.request(Request("GET", f"http://both.test:{port}/", (), b""))
        await transport.aclose()
        for each in CONNECTORS:
            make: Callable[..., Any] = each
            with pytest.raises(SocketError):
                async with make(local_address=address).connect(f"ws://both.test:{port}/"):
                    pass
        nursery.cancel_scope.cancel()
    assert peers.seen == [seen] * (1 + len(CONNECTORS))


@pytest.mark.parametrize("connector", CONNECTORS)
async def test_a_socket_goes_from_there(connector: Callable[..., WebSocketConnector]) -> None:
    """The same for every connector."""
    peers = Peers()
    async with trio.open_nursery() as nursery:
        port = await _listen(nursery, peers)
        with pytest.raises(SocketError):
            async with connector(local_address="127.0.0.5").connect(f"ws://127.0.0.1:{port}/"):
                pass
        nursery.cancel_scope.cancel()
    assert peers.seen == ["127.0.0.5"]


@pytest.mark.parametrize("address", ["::", "192.0.2.1"], ids=["another-kind", "another-machine"])
async def test_an_address_that_does_not_fit_is_named(address: str) -> None:
    """What is wrong is said, for requests and for sockets."""
    peers = Peers()
    async with trio.open_nursery() as nursery:
        port = await _listen(nursery, peers)
        transport = HTTPCore2Transport(local_address=address)
        with pytest.raises(TransportError, match="local_address is not an address of this machine") as caught:
            await transport.request(Request("GET", f"http://127.0.0.1:{port}/", (), b""))
        assert caught.value.unsent
        with pytest.raises(SocketError, match="local_address is not an address of this machine"):
            async with WebSocketConnector(local_address=address).connect(f"ws://127.0.0.1:{port}/"):
                pass
        await transport.aclose()
        nursery.cancel_scope.cancel()
    assert peers.seen == []


@pytest.mark.parametrize("make", [HTTPCore2Transport, *CONNECTORS])
def test_it_is_an_address_and_goes_with_no_proxy(make: Callable[..., object]) -> None:
    """A name is none; and behind a proxy the exchange sees the proxy's."""
    with pytest.raises(UsageError, match="not an IP address"):
        make(local_address="eth0")
    with pytest.raises(UsageError, match="proxy"):
        make(local_address="127.0.0.1", proxy="http://127.0.0.1:8080")


def test_it_goes_with_no_proxy_of_httpcore2_either() -> None:
    """However the proxy is given."""
    with pytest.raises(UsageError, match="proxy"):
        HTTPCore2Transport(local_address="127.0.0.1", proxy=httpcore2.Proxy("http://127.0.0.1:8080"))


@pytest.mark.parametrize("connector", CONNECTORS)
async def test_it_takes_no_dial(connector: Callable[..., object]) -> None:
    """Who dials decides."""

    async def dial(_url: str) -> trio.abc.Stream:
        raise AssertionError

    with pytest.raises(UsageError, match="dial cannot be combined"):
        connector(local_address="127.0.0.1", dial=dial)
