"""Where there is no complete answer every adapter raises TransportError, has sent the request once, and is usable."""

from __future__ import annotations

import logging
import ssl
import sys
import traceback
from collections.abc import Awaitable, Callable

import pytest
import trio
from loopback_listener import reset
from throwaway_tls import server_tls
from transport_kits import API_KEY, BODY, Kit, post
from wire_server import OK, Connection, Seen, answering, serve

from trio_listenkey.transports import MAX_BODY, AsksTransport, HTTPCore2Transport, Request, Transport, TransportError

HEAD = b"HTTP/1.1 200 OK\r\n"
SECRETS = (API_KEY, BODY.decode(), "SECRET")


async def reset_at_once(connection: Connection, seen: Seen) -> None:
    reset(connection.raw)


async def reset_in_body(connection: Connection, seen: Seen) -> None:
    await connection.send(HEAD + b"Content-Length: 100\r\n\r\n{")
    await trio.sleep(0.01)
    reset(connection.raw)


async def endless(connection: Connection, seen: Seen) -> None:
    await connection.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    await connection.drip(b"4000\r\n" + b"x" * 0x4000 + b"\r\n", every=0)


async def echo(connection: Connection, seen: Seen) -> None:
    """All that is secret comes back in a place where it does not belong."""
    echoed = seen.headers["x-mbx-apikey"].encode() + b" " + seen.body
    await connection.send(b"HTTP/1.1 200 " + echoed + b"\r\n" + echoed + b"\r\n\r\n" + echoed)


ONE_TOO_MANY = b"x" * (MAX_BODY + 1)

BROKEN = {
    "reset": (reset_at_once, "reset|broken|closed"),
    "reset-in-body": (reset_in_body, "reset|broken|closed"),
    "closed": (answering(b""), "closed"),
    "half-a-head": (answering(HEAD + b"Content-Le"), "closed"),
    "truncated": (answering(HEAD + b"Content-Length: 100\r\n\r\n{"), "closed"),
    "truncated-chunk": (answering(HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab"), "closed"),
    "no-last-chunk": (answering(HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n"), "closed"),
    "bad-chunk": (answering(HEAD + b"Transfer-Encoding: chunked\r\n\r\nNO\r\nab\r\n"), "not valid HTTP"),
    "garbage": (answering(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"), "not valid HTTP"),
    "binary": (answering(bytes(range(256)) * 8), "not valid HTTP"),
    "huge-head": (answering(HEAD + b"X: " + b"y" * 2**20), "not valid HTTP|reset|broken|closed"),
    "echo": (echo, "not valid HTTP"),
    "too-long": (answering(HEAD + b"Content-Length: %d\r\n\r\n%b" % (len(ONE_TOO_MANY), ONE_TOO_MANY)), "larger than"),
    "too-long-until-close": (answering(HEAD + b"Connection: close\r\n\r\n" + ONE_TOO_MANY), "larger than"),
    "mebibytes": (answering(HEAD + b"Content-Length: %d\r\n\r\n%b" % (2**21, b"x" * 2**21)), "larger than"),
    "endless": (endless, "larger than"),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_broken_answer(kit: Kit, tls: ssl.SSLContext | None, name: str, caplog: pytest.LogCaptureFixture) -> None:
    """A broken answer is a TransportError that says what broke, after one request, and tells no secret."""
    caplog.set_level(logging.DEBUG)
    script, reason = BROKEN[name]
    async with serve(script, tls) as server, kit.open() as transport:
        with pytest.raises(TransportError, match=reason) as caught, trio.fail_after(5):
            await transport.request(post(server.url()))
        assert not caught.value.unsent
        assert len(server.seen) == 1
        await server.wait_all_closed()
        server.script = answering(OK)
        assert (await transport.request(post(server.url()))).status == 200
    assert_discreet(caught.value, caplog)


async def drip_head(connection: Connection, seen: Seen) -> None:
    await connection.send(HEAD)
    await connection.drip(b"X-More: more\r\n")


async def drip_body(connection: Connection, seen: Seen) -> None:
    await connection.send(HEAD + b"Content-Length: 10000\r\n\r\n")
    await connection.drip(b"x")


async def drip_informational(connection: Connection, seen: Seen) -> None:
    await connection.drip(b"HTTP/1.1 103 Early Hints\r\n\r\n")


async def silence(connection: Connection, seen: Seen) -> None:
    await trio.sleep_forever()


@pytest.mark.parametrize("script", [drip_head, drip_body, drip_informational, silence])
async def test_caller_brings_the_time_limit(
    kit: Kit, tls: ssl.SSLContext | None, script: Callable[[Connection, Seen], Awaitable[None]]
) -> None:
    """An answer without an end is cut off by the caller's cancel scope, at once and as a cancellation."""
    if script is drip_informational and not kit.reads_everything:
        pytest.skip("the library fails at the first informational answer")
    async with serve(script, tls) as server, kit.open() as transport:
        start = trio.current_time()
        with trio.move_on_after(0.1) as scope:
            await transport.request(post(server.url()))
        assert scope.cancelled_caught
        assert trio.current_time() - start < 2
        server.script = answering(OK)
        assert (await transport.request(post(server.url()))).status == 200
        assert len(server.seen) == 2


async def test_cancelled_while_sending(kit: Kit, tls: ssl.SSLContext | None) -> None:
    """A server that does not read cannot hold up a cancelled request."""
    async with serve(answering(OK), tls) as server, kit.open() as transport:
        server.reads_bodies = False
        start = trio.current_time()
        with trio.move_on_after(0.2) as scope:
            await transport.request(post(server.url(), body=b"x" * 2**24))
        assert scope.cancelled_caught
        assert trio.current_time() - start < 2


async def test_others_in_flight_are_undisturbed(kit: Kit, tls: ssl.SSLContext | None) -> None:
    """Neither a cancellation nor a failure of one request disturbs those that are in flight beside it."""
    let_go = trio.Event()

    async def script(connection: Connection, seen: Seen) -> bool:
        if seen.target == "/hang":
            await connection.read_request()
        if seen.target == "/slow":
            await let_go.wait()
            await connection.send(OK)
        return seen.target == "/slow"

    done = []

    async def ask(target: str) -> None:
        done.append((await transport.request(post(server.url(target)))).status)

    async with serve(script, tls) as server, kit.open() as transport, trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(ask, "/slow")
        async with trio.open_nursery() as inner:
            inner.start_soon(ask, "/hang")
            await server.until(lambda: len(server.seen) == 6)
            inner.cancel_scope.cancel()
        with pytest.raises(TransportError):
            await ask("/break")
        for _ in range(5):
            nursery.start_soon(ask, "/slow")
        await server.until(lambda: len(server.seen) == 12)
        let_go.set()
    assert done == [200] * 10
    assert len(server.seen) == 12


async def test_connection_refused(kit: Kit, tls: ssl.SSLContext | None) -> None:
    """Where nobody listens, the error says so and names the address, and nothing was sent."""
    async with serve(answering(OK), tls) as server:
        url = server.url("/path?listenKey=SECRET")
    async with kit.open() as transport:
        with pytest.raises(TransportError, match=r"refused") as caught:
            await transport.request(post(url))
    assert caught.value.unsent
    assert f"localhost:{server.port}" in caught.value.reason
    assert "SECRET" not in str(caught.value)


async def test_every_address_refused(kit: Kit, names: None) -> None:
    """Where a host has several addresses and each refuses, the error says so, and nothing was sent."""
    async with serve(answering(OK)) as server:
        url = server.url(host="two.test")
    async with kit.open() as transport:
        with pytest.raises(TransportError, match=r"refused") as caught:
            await transport.request(post(url))
    assert caught.value.unsent


async def test_unknown_host_name(kit: Kit, names: None) -> None:
    """A host name that does not exist is told as such, and nothing was sent."""
    async with kit.open() as transport:
        with pytest.raises(TransportError, match=r"host name not resolved") as caught:
            await transport.request(post("http://no-such-host.invalid/"))
    assert (caught.value.unsent, caught.value.untrusted) == (True, False)
    assert "no-such-host.invalid" in caught.value.reason


async def test_wrong_host_name_in_certificate(kit: Kit) -> None:
    """A certificate for another host is refused before anything is sent."""
    async with serve(answering(OK), server_tls("fapi.example.org")) as server, kit.open() as transport:
        with pytest.raises(TransportError, match=r"certificate refused: .*not valid for 'localhost'") as caught:
            await transport.request(post(server.url()))
        assert (caught.value.unsent, caught.value.untrusted) == (True, True)
        assert server.seen == []
        await server.wait_all_closed()


async def test_unknown_authority(kit: Kit) -> None:
    """A certificate of an authority that is not trusted is refused before anything is sent."""
    nobody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    async with serve(answering(OK), server_tls()) as server, kit.open(nobody) as transport:
        with pytest.raises(TransportError, match=r"certificate refused: .*unable to get local issuer") as caught:
            await transport.request(post(server.url()))
        assert (caught.value.unsent, caught.value.untrusted) == (True, True)
        assert server.seen == []


@pytest.mark.parametrize("transport_type", [HTTPCore2Transport, AsksTransport])
async def test_default_trust_is_the_systems(transport_type: Callable[[], Transport]) -> None:
    """Without a context of the user's own, the throw-away authority is not trusted."""
    if transport_type is AsksTransport:
        pytest.importorskip("asks")
    transport = transport_type()
    async with serve(answering(OK), server_tls()) as server:
        for _ in range(2):
            with pytest.raises(TransportError, match=r"certificate refused"):
                await transport.request(post(server.url()))
    await transport.aclose()


async def test_tls_with_a_server_that_has_none(kit: Kit) -> None:
    """TLS towards a server in the clear fails as TLS, and nothing was sent."""
    async with serve(answering(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as server, kit.open() as transport:
        server.greeting = b"220 mail.example.org ESMTP ready when you are\r\n"
        with pytest.raises(TransportError, match="TLS") as caught:
            await transport.request(post(server.url().replace("http", "https")))
    assert caught.value.unsent


async def test_closed_during_handshake(kit: Kit) -> None:
    """A connection that is closed in the TLS handshake fails, and nothing was sent."""
    async with serve(answering(OK)) as server, kit.open() as transport:
        server.hangs_up = True
        with pytest.raises(TransportError, match=r"clos|broken|reset") as caught:
            await transport.request(post(server.url().replace("http", "https")))
    assert caught.value.unsent


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (Request("P\nST", "http://localhost/", ()), "method"),
        (Request("POST", "ftp://localhost/SECRET", ()), "address"),
        (Request("POST", "http:///SECRET", ()), "address"),
        (Request("POST", "http://localhost/ SECRET", ()), "address"),
        (Request("POST", "http://[SECRET/", ()), "address"),
        (Request("POST", "http://localhost/", (("X-MBX-APIKEY", "SECRET\n"),)), "header"),
        (Request("POST", "http://localhost/", (("X-MBX-APIKEY", "SECR\u00c9T"),)), "header"),
        (Request("POST", "http://localhost/", (("X MBX APIKEY", "SECRET"),)), "header"),
    ],
)
async def test_request_that_is_none(kit: Kit, request_: Request, reason: str, caplog: pytest.LogCaptureFixture) -> None:
    """What is not an HTTP request is refused before any library sees it and tells it to its log."""
    caplog.set_level(logging.DEBUG)
    async with kit.open() as transport:
        with pytest.raises(TransportError, match=reason) as caught:
            await transport.request(request_)
    assert caught.value.unsent
    assert_discreet(caught.value, caplog)


@pytest.mark.parametrize("target", ["/ok", "/redirect?listenKey=SECRET"])
async def test_answers_leave_no_secret_in_logs(
    kit: Kit, tls: ssl.SSLContext | None, target: str, caplog: pytest.LogCaptureFixture
) -> None:
    """No logger tells, at any level, what is in the headers, the body or the query of a request or its answer."""

    async def script(connection: Connection, seen: Seen) -> bool:
        echoed = (seen.headers["x-mbx-apikey"] + seen.target).encode()
        await connection.send(b"HTTP/1.1 302 Found\r\nLocation: %b\r\nContent-Length: 2\r\n\r\n{}" % echoed)
        return True

    caplog.set_level(logging.DEBUG)
    async with serve(script, tls) as server, kit.open() as transport:
        for _ in range(2):
            await transport.request(post(server.url(target)))
    assert "SECRET" not in caplog.text


async def test_logs_of_other_requests_stay(kit: Kit, caplog: pytest.LogCaptureFixture) -> None:
    """What anybody else logs through the same loggers is not touched, not even while a request is in flight."""
    caplog.set_level(logging.DEBUG)
    names = ("httpcore2.http11", "httpx", "httpx2", "hpack.hpack")

    async def script(connection: Connection, seen: Seen) -> None:
        for name in names:
            logging.getLogger(name).info("somebody else's")
        await connection.send(OK)

    async with serve(script) as server, kit.open() as transport:
        await transport.request(post(server.url()))
    assert [record.name for record in caplog.records if record.message == "somebody else's"] == list(names)


async def test_nothing_of_the_callers_is_taken_for_the_cause(kit: Kit) -> None:
    """The exception that a caller is handling when it asks is not taken for what went wrong."""
    async with serve(answering(b"")) as server, kit.open() as transport:
        try:
            raise ConnectionRefusedError(111, "an earlier one")
        except ConnectionRefusedError:
            with pytest.raises(TransportError, match="closed"):
                await transport.request(post(server.url()))


async def test_request_after_close(kit: Kit) -> None:
    """A closed transport says so, any number of times, and sends nothing."""
    async with serve(answering(OK)) as server, kit.open() as transport:
        await transport.request(post(server.url()))
        await transport.aclose()
        await transport.aclose()
        with pytest.raises(TransportError, match="closed") as caught:
            await transport.request(post(server.url()))
        assert caught.value.unsent
    assert len(server.seen) == 1


async def test_close_when_never_used(kit: Kit) -> None:
    """A transport that never sent anything can be closed."""
    async with kit.open() as transport:
        await transport.aclose()


async def test_close_when_cancelled(kit: Kit, tls: ssl.SSLContext | None) -> None:
    """Closing in a cancelled scope closes all the same, and is a checkpoint."""
    async with serve(answering(OK, keep=True), tls) as server, kit.open() as transport:
        await transport.request(post(server.url()))
        with trio.CancelScope() as scope:
            scope.cancel()
            await transport.aclose()
        assert scope.cancelled_caught
        if kit.owns_connections:
            await server.wait_all_closed()


async def test_reason_is_short(kit: Kit, names: None) -> None:
    """However long a host name is, the reason is not."""
    host = ".".join(["long-label" * 6] * 4)
    async with kit.open() as transport:
        with pytest.raises(TransportError) as caught:
            await transport.request(post(f"http://{host}/"))
    assert len(caught.value.reason) <= 200


def assert_discreet(error: TransportError, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing secret is in the error, in what hangs on it, in the locals of its frames, or in any log record."""
    assert error.__cause__ is None
    assert error.__context__ is None
    assert len(str(error)) <= 200
    told = [*traceback.TracebackException.from_exception(error, capture_locals=True).format(), caplog.text]
    assert not any(secret in line for line in told for secret in SECRETS)
    assert sys.exception() is None
