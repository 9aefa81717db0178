"""Every adapter brings back a complete answer as it is, and sends the request as it is, once."""

from __future__ import annotations

import gzip
import ssl

import pytest
import trio
from transport_kits import API_KEY, BODY, Kit, post
from wire_server import OK, Connection, Seen, answering, serve

from trio_listenkey.transports import MAX_BODY, Request, Response, TransportError

HEAD = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "GET"])
@pytest.mark.parametrize("body", [b"", BODY], ids=["bare", "form"])
async def test_request_and_answer_arrive(kit: Kit, tls: ssl.SSLContext | None, method: str, body: bytes) -> None:
    """Method, target, headers and body reach the server; status, headers and body reach the caller."""
    answer = b'HTTP/1.1 403 Forbidden\r\nRetry-After: 7\r\nContent-Length: 12\r\n\r\n{"code":-11}'
    async with serve(answering(answer), tls) as server, kit.open() as transport:
        response = await transport.request(post(server.url("/a%2Fb?x=%20&y=~"), method=method, body=body))
    (seen,) = server.seen
    assert (seen.method, seen.target, seen.body) == (method, "/a%2Fb?x=%20&y=~", body)
    assert seen.headers["x-mbx-apikey"] == API_KEY
    assert seen.headers["host"] == f"localhost:{server.port}"
    assert seen.headers["accept-encoding"] == "identity"
    assert seen.headers.get("content-type") == ("application/x-www-form-urlencoded" if body else None)
    assert (response.status, response.body) == (403, b'{"code":-11}')
    assert response.header("Retry-After") == "7"


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_empty_body_has_a_length(kit: Kit, method: str) -> None:
    """A POST or PUT without a body says so, because some servers answer 411 if it does not."""
    async with serve(answering(OK)) as server, kit.open() as transport:
        await transport.request(post(server.url(), method=method, body=b""))
    assert server.seen[0].headers["content-length"] == "0"


async def test_wishes_of_the_request_are_overruled(kit: Kit) -> None:
    """A request that asks for compression does not get its wish."""
    async with serve(answering(OK)) as server, kit.open() as transport:
        await transport.request(Request("GET", server.url(), (("accept-encoding", "gzip"),)))
    assert b"gzip" not in server.seen[0].raw


@pytest.mark.parametrize("status", [200, 204, 304, 400, 410, 418, 429, 451, 500, 503, 599])
async def test_any_status_is_an_answer(kit: Kit, status: int) -> None:
    """An answer is returned whatever its status."""
    head = f"HTTP/1.1 {status} So be it\r\n".encode()
    async with serve(answering(head + b"Content-Length: 0\r\n\r\n")) as server, kit.open() as transport:
        assert (await transport.request(post(server.url()))).status == status


@pytest.mark.parametrize("status", [300, 301, 302, 303, 305, 307, 308])
async def test_redirect_is_an_answer(kit: Kit, tls: ssl.SSLContext | None, status: int) -> None:
    """A redirect is returned, and the host that it names is never asked."""
    async with serve(answering(OK)) as elsewhere, serve(answering(b""), tls) as server, kit.open() as transport:
        location = elsewhere.url(host="127.0.0.1").encode()
        server.script = answering(
            b"HTTP/1.1 %d Go away\r\nLocation: %b\r\nContent-Length: 0\r\n\r\n" % (status, location)
        )
        response = await transport.request(post(server.url()))
        await trio.sleep(0.01)
        assert (response.status, response.header("location")) == (status, location.decode())
        assert (len(server.seen), elsewhere.connections) == (1, 0)


@pytest.mark.parametrize("location", [b"", b"Location: ://[\r\n", b"Location: ftp://x/\r\n"])
async def test_odd_redirect_is_an_answer(kit: Kit, location: bytes) -> None:
    """A redirect to nowhere is returned like any other answer."""
    answer = b"HTTP/1.1 302 Found\r\n" + location + b"Content-Length: 0\r\n\r\n"
    async with serve(answering(answer)) as server, kit.open() as transport:
        assert (await transport.request(post(server.url()))).status == 302
    assert len(server.seen) == 1


CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"


@pytest.mark.parametrize(
    ("rest", "body"),
    [
        (CHUNKED, b"abcde"),
        (b"Connection: close\r\nContent-Length: 5\r\n\r\nabcde", b"abcde"),
        (b"Connection: close\r\n\r\nabcde", b"abcde"),
        (b"Content-Type: application/json; charset=utf-16\r\nContent-Length: 4\r\n\r\n\xff\xfe\x00{", b"\xff\xfe\x00{"),
        (b"Content-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>", b"<html>"),
        (b"Set-Cookie: a=b; Path=/\r\nSet-Cookie: c=d\r\nContent-Length: 1\r\n\r\nx", b"x"),
        (b"Content-Encoding: identity\r\nContent-Length: 1\r\n\r\nx", b"x"),
        (b"Content-Length: %d\r\n\r\n%b" % (MAX_BODY, b"x" * MAX_BODY), b"x" * MAX_BODY),
    ],
    ids=["chunked", "close", "until-close", "not-json", "html", "cookies", "identity", "longest"],
)
async def test_body_is_whole_and_untouched(kit: Kit, tls: ssl.SSLContext | None, rest: bytes, body: bytes) -> None:
    """The bytes of the body come back as they are, however their end is told."""
    async with serve(answering(HEAD + rest), tls) as server, kit.open() as transport:
        response = await transport.request(post(server.url()))
    assert (response.status, response.body) == (200, body)
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + OK,
        b"HTTP/1.1 100 Continue\r\n\r\n" + OK,
        HEAD + b"\r\n{}",
        HEAD + b"Set-Cookie: no equals sign\r\nContent-Length: 2\r\n\r\n{}",
        HEAD + b"Via: 1.1 caf\xe9\r\nContent-Length: 2\r\n\r\n{}",
    ],
    ids=["103", "100", "until-close-unannounced", "odd-cookie", "beyond-ascii"],
)
async def test_unusual_answer(kit: Kit, tls: ssl.SSLContext | None, answer: bytes) -> None:
    """An unusual answer is returned; where the library cannot read it, that is a TransportError, after one request."""
    async with serve(answering(answer), tls) as server, kit.open() as transport:
        if kit.reads_everything:
            assert (await transport.request(post(server.url()))).body == b"{}"
        else:
            with pytest.raises(TransportError) as caught:
                await transport.request(post(server.url()))
            assert not caught.value.unsent
    assert len(server.seen) == 1


@pytest.mark.parametrize("encoding", ["gzip", "br", "x-unheard-of", "identity, gzip"])
async def test_content_encoding_is_refused(kit: Kit, encoding: str) -> None:
    """A content encoding that was not asked for is a TransportError, and nothing is decompressed."""
    body = gzip.compress(b"{}")
    head = b"Content-Encoding: %b\r\nContent-Length: %d\r\n\r\n" % (encoding.encode(), len(body))
    async with serve(answering(HEAD + head + body)) as server, kit.open() as transport:
        with pytest.raises(TransportError, match="content encoding"):
            await transport.request(post(server.url()))
    assert len(server.seen) == 1


async def test_twenty_at_once(kit: Kit, tls: ssl.SSLContext | None) -> None:
    """Twenty requests through one transport are in flight together, and each gets its own answer."""
    arrived, everybody = 0, trio.Event()

    async def script(connection: Connection, seen: Seen) -> bool:
        nonlocal arrived
        arrived += 1
        if arrived == 20:
            everybody.set()
        await everybody.wait()
        await connection.send(HEAD + b"Content-Length: %d\r\n\r\n" % len(seen.target) + seen.target.encode())
        return True

    answers: dict[str, Response] = {}

    async def ask(target: str) -> None:
        answers[target] = await transport.request(post(server.url(target)))

    async with serve(script, tls) as server, kit.open() as transport:
        with trio.fail_after(5):
            async with trio.open_nursery() as nursery:
                for number in range(20):
                    nursery.start_soon(ask, f"/{number}")
    assert {target: answer.body.decode() for target, answer in answers.items()} == {f"/{n}": f"/{n}" for n in range(20)}
    assert len(server.seen) == 20
