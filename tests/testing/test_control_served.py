"""The control API on its port, seen from a plain socket."""

from __future__ import annotations

import json
import socket
import struct
from typing import Any

import pytest
import trio
from asking import API_KEY, ask
from plain_socket import connected, eventually, http, send

from trio_listenkey.testing import Exchange, Fault, Hang, serve_exchange
from trio_listenkey.testing.control import ServedControl, serve_control


def open_exchange(*faults: Fault) -> Exchange:
    exchange = Exchange(faults=faults)
    exchange.add_account(API_KEY, name="alice")
    return exchange


async def say(control: ServedControl, data: bytes) -> tuple[int, Any]:
    """Status and JSON of the answer to these bytes."""
    stream = await trio.open_tcp_stream("127.0.0.1", int(control.url.rpartition(":")[2]))
    async with stream:
        await stream.send_all(data)
        answer = b"".join([piece async for piece in stream])
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"application/json" in head
    return int(head.split()[1]), json.loads(body)


def request(line: str, body: bytes = b"", *headers: str) -> bytes:
    lines = [
        f"{line} HTTP/1.1",
        f"Content-Length: {len(body)}",
        "Connection: close",
        *(headers or ("Host: 127.0.0.1",)),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def test_a_session_with_a_served_exchange() -> None:
    """Faults are sent and deleted while the exchange runs, and the log tells what they did."""
    exchange = open_exchange()
    with trio.fail_after(10):
        async with serve_exchange(exchange) as served, serve_control(served) as control:
            _, description = await say(control, request("GET /"))
            assert description["urls"] == {
                "rest": served.rest_url,
                "websocket": served.stream_url,
                "control": control.url,
            }
            assert await say(control, request("POST /faults", b'"create=Status:503"')) == (200, {"added": 1})
            assert (await send(served, http())).status == 503
            assert await say(control, request("DELETE /faults")) == (200, {})
            assert (await send(served, http())).status == 200
            _, log = await say(control, request("GET /log?since=1"))
            assert [each["status"] for each in log["entries"]] == [200]
            assert control.control.log.count() == 2


@pytest.mark.parametrize(
    "headers",
    [
        ["Host: evil.example"],
        ["Host: 127.0.0.1.evil.example"],
        ["Host: 127.0.0.1", "Origin: https://evil.example"],
        ["Host: 127.0.0.1", "Origin: null"],
        ["Host: [127.0.0.1"],
        ["Host: "],
    ],
)
async def test_web_pages_are_refused(headers: list[str]) -> None:
    """A page whose name leads to this machine, or that sends a form here, gets 403, and nothing happens."""
    exchange = open_exchange()
    async with serve_exchange(exchange) as served, serve_control(served) as control:
        assert (await say(control, request("POST /faults", b'"any=Hang"', *headers)))[0] == 403
    assert exchange.handle(ask(), 1.0).wire is None


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:1234", "LOCALHOST", "[::1]:1", "127.0.0.1:99999999"])
async def test_every_name_of_this_machine_will_do(host: str) -> None:
    """With a port or without, and whatever the port: it may have been forwarded."""
    async with serve_exchange(open_exchange()) as served, serve_control(served) as control:
        assert (await say(control, request("GET /state", b"", f"Host: {host}")))[0] == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (["Host: exchange:8181"], 200),
        (["Host: 192.168.7.7:8181"], 200),
        (["Host: [fe80::1]:8181"], 200),
        (["Host: localhost", "Origin: http://localhost:1234"], 200),
        (["Host: exchange.example:8181"], 403),
        (["Host: 192.168.7.7.evil.example"], 403),
        (["Host: exchange:8181", "Origin: http://exchange:8181"], 403),
        (["Host: [127.0.0.1"], 403),
    ],
)
async def test_where_others_may_ask_web_pages_may_not(headers: list[str], status: int) -> None:
    """Programs call it by address, or by a container's name; a page's name has dots, and its origin tells of it."""
    async with serve_exchange(open_exchange(), host="0.0.0.0") as served, serve_control(served) as control:
        assert served.rest_url.startswith("http://127.0.0.1:")
        assert control.url.startswith("http://127.0.0.1:")
        assert (await say(control, request("GET /state", b"", *headers)))[0] == status


@pytest.mark.parametrize(("host", "url"), [("::1", "http://[::1]:"), ("localhost", "http://localhost:")])
async def test_other_addresses_of_this_machine(host: str, url: str) -> None:
    """A URL has them as URLs do; of several that a name has, the first one is taken."""
    async with serve_exchange(open_exchange(), host=host) as served:
        assert served.host == host
        assert served.rest_url.startswith(url)
        stream = await trio.open_tcp_stream(host, int(served.rest_url.rpartition(":")[2]))
        await stream.aclose()


class TwoAddresses(trio.abc.HostnameResolver):
    """A name that stands for both kinds of loopback."""

    async def getaddrinfo(self, host: Any, port: Any, *more: Any, **_: Any) -> Any:
        await trio.lowlevel.checkpoint()
        kinds = ((socket.AF_INET, ("127.0.0.1", port)), (socket.AF_INET6, ("::1", port, 0, 0)))
        return [(kind, socket.SOCK_STREAM, 6, "", address) for kind, address in kinds]

    async def getnameinfo(self, *_: Any) -> Any:
        raise AssertionError("nobody asks for a name")


async def test_of_several_addresses_the_first_is_taken() -> None:
    """The others are listened at by nobody."""
    trio.socket.set_custom_hostname_resolver(TwoAddresses())
    async with serve_exchange(open_exchange(), host="both.example") as served:
        port = int(served.rest_url.rpartition(":")[2])
        stream = await trio.open_tcp_stream("127.0.0.1", port)
        await stream.aclose()


async def test_a_body_beyond_bounds_is_refused() -> None:
    """More than a mebibyte gets 413 while it is still on its way."""
    async with serve_exchange(open_exchange()) as served, serve_control(served) as control:
        head = request("POST /faults").replace(b"Content-Length: 0", b"Content-Length: 999999999")
        status, answer = await say(control, head + b" " * (1 << 20) + b" ")
        assert (status, answer["error"]) == (413, "the body has more than 1048576 bytes")


@pytest.mark.parametrize("target", [b"//[", b"http://[", b"*", b"/%ff?%ff"])
async def test_a_target_may_be_anything(target: bytes) -> None:
    """What is no command is not found, or refused."""
    async with serve_exchange(open_exchange()) as served, serve_control(served) as control:
        assert (await say(control, request("GET /state").replace(b"/state", target)))[0] in {400, 404}


async def test_no_websocket_is_accepted() -> None:
    """A handshake is refused."""
    handshake = b"\r\n".join(
        [
            b"GET / HTTP/1.1",
            b"Host: 127.0.0.1",
            b"Upgrade: websocket",
            b"Connection: Upgrade",
            b"Sec-WebSocket-Version: 13",
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            b"",
            b"",
        ]
    )
    async with serve_exchange(open_exchange()) as served, serve_control(served) as control:
        stream = await trio.open_tcp_stream("127.0.0.1", int(control.url.rpartition(":")[2]))
        async with stream:
            await stream.send_all(handshake)
            assert b" 403 " in await stream.receive_some()


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00",
        b"GET / HTTP/1.1\r\n",
        b"POST /faults HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{",
    ],
)
@pytest.mark.parametrize("linger", [0, 1], ids=["reset", "end"])
async def test_who_leaves_in_the_middle_harms_nobody(data: bytes, linger: int) -> None:
    """Bytes that are no HTTP, half a head, half a body, and then the end or a reset: the next one is served."""
    with trio.fail_after(10):
        async with serve_exchange(open_exchange()) as served, serve_control(served) as control:
            for _ in range(3):
                stream = await trio.open_tcp_stream("127.0.0.1", int(control.url.rpartition(":")[2]))
                await stream.send_all(data)
                await trio.sleep(0.02)
                stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, linger))
                await trio.aclose_forcefully(stream)
            assert (await say(control, request("GET /state")))[0] == 200


async def test_leaving_is_prompt_and_the_blocks_error_bare() -> None:
    """Open connections do not delay the end, and the exception comes out as it was."""
    error = ValueError("mine")
    exchange = open_exchange(Fault(effect=Hang()))
    with pytest.raises(ValueError, match="mine") as caught:
        async with serve_exchange(exchange) as served, serve_control(served) as control:
            stream = await trio.open_tcp_stream("127.0.0.1", int(control.url.rpartition(":")[2]))
            await stream.send_all(b"GET / HT")
            async with connected(served) as client:
                await client.send_all(http())
                await eventually(lambda: bool(exchange.log))
                began = trio.current_time()
                raise error
    assert caught.value is error
    assert trio.current_time() - began < 2
    await stream.aclose()


async def test_cancellation_ends_it() -> None:
    """From outside, too, and as nothing but a cancellation."""
    with trio.move_on_after(0.05) as limit:
        async with serve_exchange(open_exchange()) as served, serve_control(served):
            await trio.sleep_forever()
    assert limit.cancelled_caught


async def test_a_port_that_is_taken_is_an_os_error() -> None:
    """It is raised as it is."""
    async with serve_exchange(open_exchange()) as served, serve_control(served) as control:
        with pytest.raises(OSError, match=r"in use|bind"):
            async with serve_control(served, port=int(control.url.rpartition(":")[2])):
                pass
