"""What concerns connections that outlive a request, and what each adapter does on its own account."""

from __future__ import annotations

import ssl
from collections.abc import Callable

import httpcore2
import pytest
import trio
from loopback_listener import reset
from throwaway_tls import client_tls, server_tls
from transport_kits import API_KEY, Kit, post
from wire_server import OK, Connection, Seen, answering, serve

from trio_listenkey import UsageError
from trio_listenkey.transports import (
    AsksTransport,
    HTTPCore2Transport,
    HTTPXTransport,
    Transport,
    TransportError,
    _httpcore2,
    _httpx,
)

KEPT = answering(OK, keep=True)


async def test_stale_connection_is_not_used(kit: Kit, tls: ssl.SSLContext | None) -> None:
    """A connection that the server has closed meanwhile is replaced, and the request is sent once."""
    async with serve(answering(OK), tls) as server, kit.open() as transport:
        await transport.request(post(server.url("/1")))
        await server.wait_all_closed()  # the server closes it, although its answer did not say so
        await transport.request(post(server.url("/2")))
    assert [seen.target for seen in server.seen] == ["/1", "/2"]
    assert server.connections == 2


@pytest.mark.parametrize("how", ["close", "reset"])
async def test_request_on_a_closing_connection_is_not_repeated(kit: Kit, tls: ssl.SSLContext | None, how: str) -> None:
    """When the server closes a kept connection just as it gets a request, that is an error and no second request."""

    async def script(connection: Connection, seen: Seen) -> bool:
        if seen.target == "/1":
            await connection.send(OK)
            return True
        if how == "reset":
            reset(connection.raw)
        return False

    async with serve(script, tls) as server, kit.open() as transport:
        await transport.request(post(server.url("/1")))
        with pytest.raises(TransportError, match=r"clos|reset|broken") as caught:
            await transport.request(post(server.url("/2")))
        assert not caught.value.unsent
    assert [seen.target for seen in server.seen] == ["/1", "/2"]


async def test_connection_is_shared_for_a_while(tls: ssl.SSLContext | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests that follow each other share a connection; one that comes later does not."""
    monkeypatch.setattr(_httpcore2, "_IDLE_FOR", 0.3)
    transport = HTTPCore2Transport(ssl_context=client_tls())
    async with serve(KEPT, tls) as server:
        for _ in range(3):
            await transport.request(post(server.url()))
        assert server.connections == 1
        await trio.sleep(0.35)
        await transport.request(post(server.url()))
        assert server.connections == 2
        await transport.aclose()
        await server.wait_all_closed()


async def test_failure_replaces_the_pool(tls: ssl.SSLContext | None) -> None:
    """After a failure all connections are closed as soon as nobody uses them, and new ones are made."""
    let_go = trio.Event()

    async def script(connection: Connection, seen: Seen) -> bool:
        if seen.target == "/break":
            return False
        if seen.target == "/slow":
            await let_go.wait()
        await connection.send(OK)
        return True

    transport = HTTPCore2Transport(ssl_context=client_tls())
    async with serve(script, tls) as server, trio.open_nursery() as nursery:
        nursery.start_soon(transport.request, post(server.url("/slow")))
        await server.until(lambda: any(seen.target == "/slow" for seen in server.seen))
        await transport.request(post(server.url()))
        with pytest.raises(TransportError):
            await transport.request(post(server.url("/break")))
        await transport.request(post(server.url()))
        assert server.connections == 3
        let_go.set()
        await server.until(lambda: server.open == 1)
        await transport.request(post(server.url()))
        assert server.connections == 3
        await transport.aclose()
        await server.wait_all_closed()


async def test_close_ends_what_is_in_flight(tls: ssl.SSLContext | None) -> None:
    """Requests that are in flight when the transport is closed fail at once, and say why."""

    async def script(connection: Connection, seen: Seen) -> None:
        await connection.read_request()

    async def ask() -> None:
        with pytest.raises(TransportError, match="closed on this side"):
            await transport.request(post(server.url()))

    transport = HTTPCore2Transport(ssl_context=client_tls())
    async with serve(script, tls) as server:
        with trio.fail_after(1):
            async with trio.open_nursery() as nursery:
                for _ in range(3):
                    nursery.start_soon(ask)
                await server.until(lambda: len(server.seen) == 3)
                await transport.aclose()
        await server.wait_all_closed()


async def test_close_while_connecting() -> None:
    """A connection that is made only after the transport was closed is closed, and nothing is sent on it."""

    class Slow(trio.abc.SocketFactory):
        def socket(self, family: int = -1, type: int = -1, proto: int = -1) -> trio.socket.SocketType:  # noqa: A002
            nursery.start_soon(transport.aclose)
            trio.socket.set_custom_socket_factory(None)
            return trio.socket.socket(family, type, proto)

    transport = HTTPCore2Transport(ssl_context=client_tls())
    async with serve(KEPT) as server, trio.open_nursery() as nursery:
        trio.socket.set_custom_socket_factory(Slow())
        with pytest.raises(TransportError, match="closed on this side"):
            await transport.request(post(server.url()))
        await server.wait_all_closed()
    assert server.seen == []


@pytest.mark.parametrize("transport_type", [HTTPCore2Transport, AsksTransport])
async def test_context_is_made_once_and_late(
    transport_type: Callable[[], Transport], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The default TLS context is made for the first request, and serves all."""
    made = []

    def make() -> ssl.SSLContext:
        made.append(client_tls())
        return made[-1]

    if transport_type is AsksTransport:
        pytest.importorskip("asks")
    monkeypatch.setattr(httpcore2, "default_ssl_context", make)
    transport = transport_type()
    assert made == []
    async with serve(answering(OK), server_tls()) as server:
        await transport.request(post(server.url()))
        server.script = answering(b"")
        with pytest.raises(TransportError):
            await transport.request(post(server.url()))
        server.script = KEPT
        await transport.request(post(server.url()))
        await transport.aclose()
    assert len(made) == 1


@pytest.mark.parametrize("transport_type", [HTTPCore2Transport, AsksTransport])
async def test_environment_is_not_asked_for_a_proxy(
    transport_type: Callable[..., Transport], tls: ssl.SSLContext | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy that is in the environment is not used."""
    if transport_type is AsksTransport:
        pytest.importorskip("asks")
    async with serve(KEPT) as proxy, serve(KEPT, tls) as server:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy.url(""))
        transport = transport_type(ssl_context=client_tls())
        await transport.request(post(server.url()))
        await transport.aclose()
        assert (len(server.seen), proxy.connections) == (1, 0)


@pytest.mark.parametrize("make", [str, httpcore2.Proxy], ids=["url", "proxy"])
async def test_proxy_that_is_asked_for(make: Callable[[str], str | httpcore2.Proxy]) -> None:
    """A proxy that is handed in is used; over TLS it is told the host, and nothing that is secret."""
    async with serve(KEPT) as proxy:
        transport = HTTPCore2Transport(ssl_context=client_tls(), proxy=make(proxy.url("")))
        await transport.request(post("http://localhost:1/path"))
        proxy.script = answering(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
        with pytest.raises(TransportError, match="proxy refused to connect") as caught:
            await transport.request(post("https://localhost:1/path"))
        await transport.aclose()
    in_the_clear, tunnel = proxy.seen
    assert in_the_clear.target == "http://localhost:1/path"
    assert (tunnel.method, tunnel.target) == ("CONNECT", "localhost:1")
    assert API_KEY.encode() not in tunnel.raw
    assert not caught.value.unsent


def test_proxy_with_a_password_in_its_url() -> None:
    """Credentials in a proxy's URL, which would get lost, are refused and not repeated."""
    with pytest.raises(UsageError, match="auth=") as caught:
        HTTPCore2Transport(proxy="http://user:SECRET@localhost:1")
    assert "SECRET" not in str(caught.value)


async def test_users_asks_session_stays_as_it_was() -> None:
    """The user's session is neither closed nor changed, and its own headers give way to the request's."""
    asks = pytest.importorskip("asks")
    session = asks.Session(headers={"x-mbx-apikey": "another", "X-Own": "own", "connection": "keep-alive"})
    before = {name: repr(value) for name, value in vars(session).items() if name != "_sema"}
    transport = AsksTransport(session)
    async with serve(KEPT) as server:
        await transport.request(post(server.url()))
        await transport.aclose()
        assert {name: repr(value) for name, value in vars(session).items() if name != "_sema"} == before
        await session.get(server.url())
        await session.close()
        await server.wait_all_closed()
    assert server.seen[0].headers["x-mbx-apikey"] == API_KEY
    assert server.seen[0].headers["x-own"] == "own"
    assert server.seen[0].headers["connection"] == "close"


async def test_users_own_pooled_connection_is_told_apart() -> None:
    """A stale connection in the user's session is an error, after which the request can be sent again."""
    asks = pytest.importorskip("asks")
    session = asks.Session(headers={"Connection": "keep-alive"}, connections=3)
    transport = AsksTransport(session)
    async with serve(answering(OK)) as server:
        await session.get(server.url())
        await server.wait_all_closed()
        with pytest.raises(TransportError):
            await transport.request(post(server.url()))
        await transport.request(post(server.url()))
    assert [seen.method for seen in server.seen] == ["GET", "POST"]


async def test_asks_connects_to_ipv6_with_the_right_host() -> None:
    """The Host header of an IPv6 address is right, which asks' own is not."""
    pytest.importorskip("asks")
    transport = AsksTransport()
    with pytest.raises(TransportError, match=r"\(\[::1\]:1\)"):
        await transport.request(post("http://[::1]:1/"))
    await transport.aclose()


def test_asks_transport_refuses_nonsense() -> None:
    """Something else than a session, or a session with a context beside it, is refused at once."""
    asks = pytest.importorskip("asks")
    with pytest.raises(UsageError, match="no asks"):
        AsksTransport(object())
    with pytest.raises(UsageError, match="ssl_context"):
        AsksTransport(asks.Session(), ssl_context=client_tls())


class Httpx:
    """One of the two libraries that have an AsyncClient."""

    def __init__(self, name: str) -> None:
        self.module = pytest.importorskip(name)


@pytest.fixture(params=["httpx2", "httpx"])
def httpx(request: pytest.FixtureRequest) -> Httpx:
    return Httpx(request.param)


def test_httpx_transport_refuses_a_client_that_blocks(httpx: Httpx) -> None:
    """A synchronous client is refused at once."""
    with httpx.module.Client(trust_env=False) as client, pytest.raises(UsageError, match="AsyncClient"):
        HTTPXTransport(client)


async def test_httpx_client_stays_as_it_was(httpx: Httpx) -> None:
    """The user's client stays open, and keeps its redirects, its authentication and its time-outs to itself."""
    async with (
        serve(answering(b"HTTP/1.1 302 Found\r\nLocation: /2\r\nContent-Length: 0\r\n\r\n", keep=True)) as server,
        httpx.module.AsyncClient(
            trust_env=False,
            follow_redirects=True,
            auth=httpx.module.DigestAuth("user", "password"),
            timeout=0.05,
        ) as client,
    ):
        transport = HTTPXTransport(client)
        assert (await transport.request(post(server.url("/1")))).status == 302
        server.script = answering(b'HTTP/1.1 401 No\r\nWWW-Authenticate: Digest realm="x", nonce="y"\r\n\r\n')
        assert (await transport.request(post(server.url("/3")))).status == 401
        await transport.aclose()
        assert not client.is_closed
        assert (client.follow_redirects, client.timeout) == (True, httpx.module.Timeout(0.05))
    assert [seen.target for seen in server.seen] == ["/1", "/3"]
    assert "authorization" not in server.seen[0].headers


async def test_httpx_client_that_its_user_closed(httpx: Httpx) -> None:
    """A client that was closed by its user is told as such, and nothing was sent."""
    client = httpx.module.AsyncClient(trust_env=False)
    await client.aclose()
    with pytest.raises(TransportError, match="client is closed") as caught:
        await HTTPXTransport(client).request(post("http://localhost:1/"))
    assert caught.value.unsent


async def test_httpx_pool_without_a_free_connection(httpx: Httpx, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the client has no connection to spare the wait is short, the error says so, and nothing was sent."""

    async def script(connection: Connection, seen: Seen) -> None:
        await trio.sleep_forever()

    monkeypatch.setattr(_httpx, "_POOL_WAIT", 0.05)
    limits = httpx.module.Limits(max_connections=1)
    async with (
        serve(script) as server,
        httpx.module.AsyncClient(trust_env=False, limits=limits) as client,
        trio.open_nursery() as nursery,
    ):
        transport = HTTPXTransport(client)
        nursery.start_soon(transport.request, post(server.url()))
        await server.until(lambda: len(server.seen) == 1)
        with pytest.raises(TransportError, match="no connection of the client's pool") as caught:
            await transport.request(post(server.url()))
        assert caught.value.unsent
        nursery.cancel_scope.cancel()
    assert len(server.seen) == 1


async def test_httpx_client_over_something_else(httpx: Httpx) -> None:
    """Over a transport that does not tell of its steps nobody can be certain that nothing was sent."""

    def fail(request: object) -> object:
        raise httpx.module.ConnectError("refused")

    mock = httpx.module.MockTransport(fail)
    async with httpx.module.AsyncClient(trust_env=False, transport=mock) as client:
        with pytest.raises(TransportError) as caught:
            await HTTPXTransport(client).request(post("http://localhost:1/"))
    assert not caught.value.unsent


async def test_httpx_body_from_something_else(httpx: Httpx) -> None:
    """A body without an end is cut off, and run out of, even if it comes from no connection."""

    class Endless(httpx.module.AsyncByteStream):  # type: ignore[misc,name-defined]
        left = 10**9

        def __aiter__(self) -> Endless:
            return self

        async def __anext__(self) -> bytes:
            if not self.left:
                raise StopAsyncIteration
            self.left -= 1
            return b"x" * 40_000

        async def aclose(self) -> None:
            self.left = min(self.left, 1)

    stream = Endless()
    mock = httpx.module.MockTransport(lambda _: httpx.module.Response(200, stream=stream))
    async with httpx.module.AsyncClient(trust_env=False, transport=mock) as client:
        with pytest.raises(TransportError, match="larger than"):
            await HTTPXTransport(client).request(post("http://localhost:1/"))
    assert stream.left == 0
