"""Connecting: to whom, how it is refused, and that a refusal says what the caller has to know."""

from __future__ import annotations

import socket
import ssl
from typing import Any

import pytest
import trio
from connector_kits import Make, receive, refused
from socket_server import Peer, frame, serve
from throwaway_tls import authority_pem, client_tls, server_tls

from trio_listenkey import UsageError
from trio_listenkey.connectors import Connection, Connector, WebSocketConnector


def answering(*pieces: bytes, then: str = "keep") -> Any:
    """A script that answers the handshake so, and then keeps the connection or ends it."""

    async def script(peer: Peer) -> None:
        for piece in pieces:
            await peer.send(piece)
        if then != "keep":
            await getattr(peer, then)()

    return script


async def test_connectors_and_connections_are_what_the_port_says(make: Make) -> None:
    """Both protocols are kept to, as far as a type can tell."""
    connector = make()
    assert isinstance(connector, Connector)
    async with serve() as server, connector.connect(server.url()) as connection:
        assert isinstance(connection, Connection)


async def test_what_is_asked_for(make: Make, tls: ssl.SSLContext | None) -> None:
    """The target is asked for as it is, without origin and extensions, and under our own name."""
    async with serve(tls=tls) as server:
        async with make().connect(server.url("/ws/a-key?x=%20y&listenKey=z")):
            pass
        request = server.heads[0].decode().lower().split("\r\n")
    assert request[0] == "get /ws/a-key?x=%20y&listenkey=z http/1.1"
    headers = dict(line.split(": ", 1) for line in request[1:])
    assert headers["host"] == f"localhost:{server.port}"
    assert headers["user-agent"] == "trio-listenkey"
    assert not {"origin", "sec-websocket-extensions", "sec-websocket-protocol", "authorization"} & headers.keys()


@pytest.mark.parametrize("target", ["", "?listenKey=x"])
async def test_an_url_without_a_path_asks_for_the_root(make: Make, target: str) -> None:
    """A path is not needed."""
    async with serve() as server, make().connect(server.url(target)):
        pass
    assert server.heads[0].startswith(f"GET /{target} HTTP".encode())


@pytest.mark.parametrize("status", [200, 204, 301, 302, 307, 400, 401, 403, 404, 410, 418, 451, 500, 503])
async def test_a_refusal_has_its_status(make: Make, status: int, tls: ssl.SSLContext | None) -> None:
    """Whatever is not 101 is a refusal; no redirect is followed, and no body waited for."""
    answer = f"HTTP/1.1 {status} Whatever\r\nLocation: /elsewhere\r\nContent-Length: 1000000\r\n\r\nsome".encode()
    async with serve(answering(answer), tls, shakes=False) as server:
        error = await refused(make(), server.url())
        await server.wait_all_closed()
    assert (error.status, error.retry_after, error.code) == (status, None, None)
    assert str(status) in str(error)
    assert server.connections == 1


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ("Retry-After: 7", 7),
        ("Retry-After: 180.5", 180.5),
        ("X-First: 1\r\nretry-after:  120  \r\nX-Last: 3", 120),
        ("Retry-After: Mon, 23 Nov 2026 12:00:30 GMT\r\nDate: Mon, 23 Nov 2026 12:00:00 GMT", 30),
        ("Retry-After: Mon, 23 Nov 2026 11:00:00 GMT\r\nDate: Mon, 23 Nov 2026 12:00:00 GMT", 0),
        ("Retry-After: Mon, 23 Nov 2026 12:00:30 GMT", None),
        ("Retry-After: soon\r\nDate: Mon, 23 Nov 2026 12:00:00 GMT", None),
        ("Retry-After: -5", None),
        ("Retry-After: 99999999999999999999", None),
        ("Retry-After: Mon, 23 Nov 2026 12:00:30\r\nDate: Mon, 23 Nov 2026 12:00:00 GMT", None),
        ("Retry-After:", None),
    ],
)
async def test_a_refusal_says_for_how_long(make: Make, headers: str, seconds: float | None) -> None:
    """``Retry-After`` is seconds, or a date that is measured by the server's own clock, or nothing."""
    answer = f"HTTP/1.1 429 Too Many Requests\r\n{headers}\r\n\r\n".encode()
    async with serve(answering(answer), shakes=False) as server:
        error = await refused(make(), server.url())
    assert (error.status, error.retry_after) == (429, seconds)


@pytest.mark.parametrize(
    ("answer", "then", "reason"),
    [
        (b"SSH-2.0-OpenSSH_9.9\r\n", "keep", "not HTTP"),
        (b"HTTP/2 200 OK\r\n\r\n", "keep", "not HTTP"),
        (b"HTTP/1.1 abc Oh\r\n\r\n", "keep", "not HTTP"),
        (b"HTTP/1.1 101 Fine\r\n" + b"X: y\r\n" * 10_000, "keep", "32768"),
        (b"", "hang_up", "without an answer"),
        (b"HTTP/1.1 101 Swi", "hang_up", "in the middle"),
        (b"", "reset", "reset"),
        (b"HTTP/1.1 101 Swi", "reset", "reset"),
        (b"HTTP/1.1 101 Nothing else\r\n\r\n", "keep", "not a valid one"),
        (
            b"HTTP/1.1 101 Wrong\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n",
            "keep",
            "not a valid one",
        ),
    ],
    ids=["ssh", "http2", "status", "endless", "end", "early end", "reset", "early reset", "bare", "wrong key"],
)
async def test_an_answer_that_is_none(make: Make, answer: bytes, then: str, reason: str) -> None:
    """Garbage, too much, too little: all of it is a refusal, and the connection is closed."""
    async with serve(answering(answer, then=then), shakes=False) as server:
        error = await refused(make(), server.url())
        await server.wait_all_closed()
    assert reason in str(error)
    assert error.status is None


@pytest.mark.parametrize("line", [b"HTTP/1.1 101\r\n", b"HTTP/1.1 101 \r\n"], ids=["no space", "space"])
async def test_a_status_line_without_a_reason(make: Make, line: bytes) -> None:
    """Some servers leave out the reason phrase, and even the space before it: all connectors take that."""

    async def script(peer: Peer) -> None:
        _, _, rest = peer.acceptance().partition(b"\r\n")
        await peer.send(line + rest)
        await trio.sleep_forever()

    async with serve(script, shakes=False) as server, make().connect(server.url()):
        pass


INTERIM = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 100\r\n\r\n"


@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "byte by byte"])
async def test_interim_answers_before_it(make: Make, at_once: bool) -> None:
    """A server or proxy may send some before the answer that counts (RFC 9110, 15.2): they are passed over."""

    async def script(peer: Peer) -> None:
        answer = INTERIM + peer.acceptance()
        step = len(answer) if at_once else 1
        for at in range(0, len(answer), step):
            await peer.send(answer[at : at + step])
        await trio.sleep_forever()

    async with serve(script, shakes=False) as server, make().connect(server.url()):
        pass


async def test_a_refusal_after_an_interim_answer(make: Make) -> None:
    """It is what counts."""
    async with serve(answering(INTERIM + b"HTTP/1.1 403 Forbidden\r\n\r\n"), shakes=False) as server:
        error = await refused(make(), server.url())
    assert error.status == 403


async def test_interim_answers_without_end(make: Make) -> None:
    """They are no answer, however short each is."""
    async with serve(answering(INTERIM * 20), shakes=False) as server:
        error = await refused(make(), server.url())
    assert "interim" in str(error)


async def test_an_extension_that_nobody_asked_for(make: Make) -> None:
    """A server that compresses all the same is refused."""

    async def script(peer: Peer) -> None:
        extra = b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
        await peer.send(peer.acceptance()[:-2] + extra)

    async with serve(script, shakes=False) as server:
        await refused(make(), server.url())
        await server.wait_all_closed()


async def test_an_answer_that_dribbles(make: Make) -> None:
    """It may come byte by byte."""

    async def script(peer: Peer) -> None:
        for byte in peer.acceptance() + frame(b"first"):
            await peer.send(bytes([byte]))
            await trio.lowlevel.checkpoint()

    async with serve(script, shakes=False) as server, make().connect(server.url()) as connection:
        assert await receive(connection, 1) == [b"first"]


async def test_an_answer_that_does_not_come_can_be_cancelled(make: Make, tls: ssl.SSLContext | None) -> None:
    """There is no time limit but the caller's, and then nothing is left open."""
    async with serve(tls=tls, shakes=False) as server:
        with trio.move_on_after(0.1) as scope:
            async with make().connect(server.url()):
                raise AssertionError
        assert scope.cancelled_caught
        await server.wait_all_closed()


async def test_a_tls_handshake_that_does_not_come_can_be_cancelled(make: Make) -> None:
    """A server that does not speak TLS and says nothing is given up when the caller says so."""
    async with serve(shakes=False) as server:
        with trio.move_on_after(0.1) as scope:
            async with make().connect(server.url().replace("ws:", "wss:")):
                raise AssertionError
        assert scope.cancelled_caught
        await server.wait_all_closed()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://localhost/ws",
        "ws://",
        "ws:///ws",
        "ws://user:password@localhost/ws",
        "ws://localhost:0/ws",
        "ws://localhost:65536/ws",
        "ws://localhost/ws#fragment",
        "ws://localhost/a b",
        "ws://localhost/ws\r\nX-Header: y",
        "ws://höst/ws",
        "wss://localhost/ws\n",
    ],
)
async def test_an_url_that_is_none(make: Make, url: str) -> None:
    """What is no WebSocket URL is refused before anything is opened, and is not repeated."""

    async def dial(url: str) -> trio.abc.Stream:
        raise AssertionError("nothing was to be opened")

    assert str(await refused(make(dial=dial), url)) == "the address is not a valid WebSocket URL"


async def test_nobody_there(make: Make) -> None:
    """The system's own words tell why, and the place where nobody is."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        error = await refused(make(), f"ws://127.0.0.1:{port}/ws/key")
    assert str(error) == f"connection refused (127.0.0.1:{port})"


async def test_an_address_of_ipv6(make: Make) -> None:
    """Its brackets are for the URL and the ``Host`` header alone."""
    dialled = []

    async def dial(url: str) -> trio.abc.Stream:
        dialled.append(url)
        return await trio.open_tcp_stream("127.0.0.1", server.port)

    async with serve() as server:
        async with make(dial=dial).connect("ws://[::1]/ws"):
            pass
        async with make(dial=dial).connect("ws://[::1]:8080/ws"):
            pass
    assert dialled == ["ws://[::1]/ws", "ws://[::1]:8080/ws"]
    assert b"\r\nhost: [::1]\r\n" in server.heads[0].lower() + b"\r\n"
    assert b"\r\nhost: [::1]:8080\r\n" in server.heads[1].lower() + b"\r\n"


async def test_a_default_port_goes_without_saying(make: Make) -> None:
    """The ``Host`` header has no port where the scheme implies it, also below a stream of one's own."""

    async def dial(url: str) -> trio.abc.Stream:
        return await trio.open_tcp_stream("127.0.0.1", server.port)

    async with serve() as server, make(dial=dial).connect("wss://stream.test/ws"):
        pass
    assert b"\r\nhost: stream.test\r\n" in server.heads[0].lower() + b"\r\n"


async def test_a_dial_that_fails(make: Make) -> None:
    """Whatever it raises means that there is no connection."""

    async def dial(url: str) -> trio.abc.Stream:
        raise LookupError(url)

    error = await refused(make(dial=dial), "ws://localhost/ws/the-key")
    assert str(error) == "no connection (LookupError)"
    assert not error.untrusted


async def test_a_certificate_of_nobody_we_know(make: Make) -> None:
    """Whom nobody trusts is refused; by default that is whom the system trusts."""
    async with serve(tls=server_tls()) as server:
        for connector in (make(ssl_context=None), make(ssl_context=ssl.create_default_context())):
            error = await refused(connector, server.url())
            assert "TLS certificate refused" in str(error)
            assert error.untrusted
        await server.wait_all_closed()
    assert server.heads == []


async def test_a_certificate_of_another_host(make: Make) -> None:
    """The host's name is looked at."""
    async with serve(tls=server_tls("elsewhere.test")) as server:
        error = await refused(make(), server.url())
        assert "TLS certificate refused" in str(error)
        assert error.untrusted
        await server.wait_all_closed()
    assert server.heads == []


async def test_the_trust_is_the_environments(make: Make, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """``SSL_CERT_FILE`` counts where no context is given, and HTTP/1.1 is what is spoken."""
    (tmp_path / "authority.pem").write_bytes(authority_pem())
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    spoken = []

    async def script(peer: Peer) -> None:
        assert isinstance(peer.stream, trio.SSLStream)
        spoken.append(peer.stream.selected_alpn_protocol())

    connector = make(ssl_context=None)
    async with serve(script, server_tls()) as server:
        for _ in range(2):
            async with connector.connect(server.url()):
                pass
        await server.wait_all_closed()
    assert spoken == ["http/1.1", "http/1.1"]


async def test_no_other_environment_counts(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy in the environment is not asked."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "ws_proxy", "wss_proxy", "socks_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with serve() as server, make().connect(server.url()):
        assert server.connections == 1


async def test_what_was_dialled_takes_the_place_of_all_else(make: Make) -> None:
    """Whom to trust and by which proxy is not asked of one who dials; nor is a limit below one any."""

    async def dial(url: str) -> trio.abc.Stream:
        raise AssertionError

    for other in ({"ssl_context": client_tls()}, {"proxy": "http://localhost"}):
        with pytest.raises(UsageError, match="dial cannot be combined"):
            make(dial=dial, **other)
    with pytest.raises(UsageError, match="max_message=0"):
        make(max_message=0)


async def test_the_default_trust_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """It reads all certificates of the system, which takes its time."""
    import httpcore2

    made: list[ssl.SSLContext] = []

    def make() -> ssl.SSLContext:
        made.append(ssl.create_default_context(cadata=authority_pem().decode()))
        return made[-1]

    monkeypatch.setattr(httpcore2, "default_ssl_context", make)
    connector = WebSocketConnector()
    assert made == []
    async with serve(tls=server_tls()) as server:
        for _ in range(3):
            async with connector.connect(server.url()):
                pass
    assert len(made) == 1
