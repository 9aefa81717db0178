"""Through a proxy: what it is told, what it is not, and that its refusals are failures like others."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec

import pytest
import trio
from connector_kits import Make, receive, refused
from proxy_server import ProxyServer, serve_proxy
from socket_server import Peer, Server, frame, serve
from steps import at_step
from throwaway_tls import server_tls

from trio_listenkey import UsageError

PASSWORD = "Se/cr:et@Password"
QUOTED = "Se%2Fcr%3Aet%40Password"

SCHEMES = [
    "http",
    "https",
    *[
        pytest.param(scheme, marks=pytest.mark.skipif(find_spec("python_socks") is None, reason="not installed"))
        for scheme in ("socks5", "socks5h")
    ],
]


async def greet(peer: Peer) -> None:
    await peer.send(frame(b"hello"))


def tls_of(scheme: str) -> ssl.SSLContext | None:
    return server_tls() if scheme == "https" else None


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("credentials", [None, ("user", PASSWORD)], ids=["open", "closed"])
async def test_through_a_proxy(
    make: Make, scheme: str, credentials: tuple[str, str] | None, tls: ssl.SSLContext | None
) -> None:
    """The proxy connects, and learns the host, the port and the credentials, and nothing else."""
    proxy = ProxyServer(credentials=credentials)
    user = f"user:{QUOTED}@" if credentials else ""
    async with serve(greet, tls) as server, serve_proxy(proxy, tls_of(scheme)):
        connector = make(proxy=f"{scheme}://{user}localhost:{proxy.port}")
        async with connector.connect(server.url()) as connection:
            assert await receive(connection, 1) == [b"hello"]
        await server.wait_all_closed()
        await gone(proxy)
    host = "127.0.0.1" if scheme == "socks5" else "localhost"
    assert proxy.asked_for == [f"{host}:{server.port}"]


async def gone(proxy: ProxyServer) -> None:
    with trio.fail_after(5):
        while proxy.open:
            await trio.sleep(0.005)


@pytest.mark.parametrize("piece", [1, 5, 30])
async def test_an_answer_in_pieces(make: Make, piece: int, tls: ssl.SSLContext | None) -> None:
    """An answer to CONNECT is read to its end, and not beyond."""
    async with (
        serve(greet, tls) as server,
        serve_proxy(ProxyServer(piece=piece)) as proxy,
        make(proxy=f"http://localhost:{proxy.port}/").connect(server.url()) as connection,
    ):
        assert await receive(connection, 1) == [b"hello"]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", "the proxy refused to connect: HTTP 403"),
        (b"HTTP/1.0 302 Found\r\nLocation: /x\r\n\r\n", "the proxy refused to connect: HTTP 302"),
        (b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 5\r\n\r\n", "the proxy refused to connect: HTTP 502"),
        (b"ICY 500 NO\r\n\r\n", "an answer that is not HTTP"),
    ],
)
async def test_a_proxy_refuses(make: Make, answer: bytes, reason: str) -> None:
    """Its status is in the words, and not in ``status``, which is the exchange's."""
    async with serve_proxy(ProxyServer(answer=answer)) as proxy:
        error = await refused(make(proxy=f"http://localhost:{proxy.port}"), "ws://localhost:1/ws/key")
        await gone(proxy)
    assert str(error) == reason
    assert (error.status, error.code) == (None, None)


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_a_wrong_password_is_not_repeated(make: Make, scheme: str) -> None:
    """Neither in the error nor in what it hangs on."""
    proxy = ProxyServer(credentials=("user", "another"))
    async with serve_proxy(proxy, tls_of(scheme)):
        error = await refused(make(proxy=f"{scheme}://user:{QUOTED}@localhost:{proxy.port}"), "ws://localhost:1/key")
        await gone(proxy)
    assert "proxy" in str(error)
    assert "Se" not in str(error)


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_a_proxy_that_is_not_there(make: Make, scheme: str) -> None:
    """The system's own words tell why."""
    error = await refused(make(proxy=f"{scheme}://127.0.0.1:1"), "ws://localhost:1/ws/key")
    assert str(error) == "connection refused (localhost:1)"


async def test_a_proxy_that_is_not_trusted(make: Make) -> None:
    """Its certificate is looked at, host name included."""
    async with serve_proxy(ProxyServer(), server_tls("elsewhere.test")) as proxy:
        error = await refused(make(proxy=f"https://localhost:{proxy.port}"), "ws://localhost:1/ws/key")
        await gone(proxy)
    assert "TLS certificate refused" in str(error)


async def test_an_address_of_ipv6_through_a_proxy(make: Make) -> None:
    """It has its brackets there, too."""
    async with serve_proxy(ProxyServer(answer=b"HTTP/1.1 503 Busy\r\n\r\n")) as proxy:
        await refused(make(proxy=f"http://localhost:{proxy.port}"), "ws://[::1]:7/ws/key")
        await gone(proxy)
    assert proxy.asked_for == ["[::1]:7"]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:8080",
        f"ftp://user:{PASSWORD}@localhost",
        f"http://user:{PASSWORD}@localhost",  # not quoted
        "http://localhost:0",
        "http://localhost:65536",
        "http://user@localhost",
        "http://localhost/path",
        "socks4://localhost",
    ],
)
def test_a_proxy_url_that_is_none(make: Make, url: str) -> None:
    """It is refused when the connector is made, and is not repeated."""
    with pytest.raises(UsageError) as caught:
        make(proxy=url)
    assert "Se" not in str(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_a_proxy_that_hangs_can_be_cancelled(make: Make, scheme: str) -> None:
    """Its caller's limit is the only one, and then nothing is left open."""
    proxy = ProxyServer(hangs=True)
    async with serve_proxy(proxy, tls_of(scheme)):
        with trio.move_on_after(0.1) as scope:
            async with make(proxy=f"{scheme}://localhost:{proxy.port}").connect("ws://localhost:1/ws/key"):
                raise AssertionError
        assert scope.cancelled_caught
        await gone(proxy)


@pytest.mark.no_cover
@pytest.mark.parametrize("scheme", SCHEMES)
async def test_cancelled_at_every_step_of_a_tunnel(make: Make, scheme: str) -> None:
    """Nothing is left open at the proxy or behind it."""

    async def once(act: Callable[[], None], step: int) -> None:
        await at_step(step, act, partial(through, make, f"{scheme}://localhost:{proxy.port}", server))

    proxy = ProxyServer(piece=30)
    async with serve(greet, server_tls()) as server, serve_proxy(proxy, tls_of(scheme)):
        for step in range(600):
            with trio.CancelScope() as scope:
                await once(scope.cancel, step)
            await gone(proxy)
            if not scope.cancel_called:
                break
    assert not scope.cancel_called
    assert step > 15


async def through(make: Make, proxy: str, server: Server) -> None:
    async with make(proxy=proxy).connect(server.url()) as connection:
        await connection.receive()
