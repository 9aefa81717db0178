"""The exchange on a loopback port, seen from a plain socket; the clock is the real one."""

from __future__ import annotations

import gc
import json
import logging
import socket
import ssl
import sys
import time
from typing import Any

import pytest
import trio
import trio.testing
from asking import API_KEY
from plain_socket import Answer, connected, eventually, http, read, read_one, requests_seen, send

from trio_listenkey import UsageError, venues
from trio_listenkey.testing import (
    SPOT_CLASSIC,
    Delay,
    Drip,
    Effect,
    Exchange,
    Fault,
    Garbage,
    Hang,
    Huge,
    KillKey,
    Redirect,
    Reset,
    Status,
    Truncate,
    bad_gateway_html,
    rate_limited,
    serve_exchange,
    unsafe_key,
)
from trio_listenkey.transports._base import MAX_BODY

TLS = pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])


def open_exchange(*effects: Effect, **kwargs: Any) -> Exchange:
    """An exchange on which the first requests have these effects, one after the other."""
    exchange = Exchange(faults=[Fault(effect=effect, nth=n) for n, effect in enumerate(effects, 1)], **kwargs)
    exchange.add_account(API_KEY, name="alice")
    return exchange


async def struck(effect: Effect, *, tls: bool = False, patience: float = 5.0, at_most: float = 1e9) -> Answer:
    """What a client gets that is struck by ``effect``; the next one must be served as if nothing had been."""
    exchange = open_exchange(effect)
    async with serve_exchange(exchange, tls=tls) as served:
        answer = await send(served, http(), patience=patience, at_most=at_most)
        assert (await send(served, http())).status == 200
    return answer


def key_in(answer: Answer) -> str:
    key: str = json.loads(answer.body)["listenKey"]
    return key


@TLS
async def test_a_session_over_http(tls: bool) -> None:
    """On one connection a key is created, renewed and closed, and every answer is as the exchange gave it."""
    exchange = open_exchange()
    async with serve_exchange(exchange, tls=tls) as served, connected(served) as stream:
        assert served.rest_url.startswith("https://127.0.0.1:" if tls else "http://127.0.0.1:")
        assert served.stream_url == served.rest_url.replace("http", "ws")
        await stream.send_all(http("POST", SPOT_CLASSIC, keep_open=True))
        created = await read_one(stream)
        body = b"listenKey=" + key_in(created).encode()
        assert exchange.open_keys(served.now()) == (key_in(created),)
        await stream.send_all(http("PUT", SPOT_CLASSIC, keep_open=True, body=body))
        assert (await read_one(stream)).body == b"{}"
        await stream.send_all(http("DELETE", SPOT_CLASSIC, body=body))
        closed = await read(stream)
        assert (closed.status, closed.body, closed.end) == (200, b"{}", "end")
        assert exchange.open_keys(served.now()) == ()


async def test_the_head_is_the_exchanges_own() -> None:
    """One Date, by the exchange's clock; the weight; the length; and no word of the server behind."""
    exchange = open_exchange(epoch=1_700_000_000.0)
    async with serve_exchange(exchange) as served:
        names = [header.partition(b":")[0].lower() for header in (await send(served, http())).headers]
    assert sorted(names) == [b"connection", b"content-length", b"content-type", b"date", b"x-mbx-used-weight-1m"]


async def test_without_an_epoch_the_exchange_has_the_time_of_day() -> None:
    """A served exchange's wall clock is the machine's, unless it was given one."""
    exchange = open_exchange()
    async with serve_exchange(exchange) as served:
        assert abs(exchange.unix_time(served.now()) - time.time()) < 1
    kept = open_exchange(epoch=5.0)
    async with serve_exchange(kept) as served:
        assert kept.epoch == 5.0


async def test_time_may_run_faster() -> None:
    """With time_scale an hour passes in a moment, and a delay of ten minutes is over in another."""
    exchange = open_exchange(Delay(600))
    async with serve_exchange(exchange, time_scale=3600) as served:
        assert (await send(served, http())).status == 200
        assert served.now() - exchange.log[0].when >= 600
        await eventually(lambda: exchange.open_keys(served.now()) == ())
        assert served.now() - exchange.log[0].when >= 3600


async def test_an_exchange_that_was_used_before_goes_on() -> None:
    """Time does not run backwards for an exchange that has seen some already."""
    exchange = open_exchange()
    exchange.kill_key("alice", 5000)
    async with serve_exchange(exchange) as served:
        assert served.now() >= 5000
        assert (await send(served, http())).status == 200


@TLS
@pytest.mark.parametrize("after_work", [False, True])
async def test_a_reset_is_a_reset(tls: bool, after_work: bool) -> None:
    """The client gets RST and not one byte."""
    assert await struck(Reset(after_work=after_work), tls=tls) == Answer(b"", "reset")


@TLS
@pytest.mark.parametrize("after", [1, 20, 10_000])
async def test_a_truncated_answer_ends_early(tls: bool, after: int) -> None:
    """So many bytes come and then the end; the last byte never does."""
    answer = await struck(Truncate(after), tls=tls)
    assert answer.end == "end"
    assert answer.data.startswith(b"HTTP/1.1 200"[:after])
    if after == 10_000:
        assert answer.body.startswith(b'{"listenKey":"')
        assert not answer.body.endswith(b"}")
    else:
        assert len(answer.data) == after


@TLS
async def test_a_dripping_answer_comes_byte_by_byte(tls: bool) -> None:
    """The answer is whole, and as slow as was said."""
    began = trio.current_time()
    answer = await struck(Drip(0.001), tls=tls)
    assert trio.current_time() - began > 0.001 * len(answer.data)
    assert len(key_in(answer)) == 64
    assert answer.end == "end"


@TLS
async def test_garbage_is_no_http(tls: bool) -> None:
    """The bytes come as they were given."""
    assert await struck(Garbage(b"\x00\xffwhat?"), tls=tls) == Answer(b"\x00\xffwhat?", "end")


@TLS
async def test_a_huge_answer_has_the_size_it_says(tls: bool) -> None:
    """The body has the stated size, and a head that says so."""
    answer = await struck(Huge(MAX_BODY + 1), tls=tls)
    assert b"content-length: 65537" in answer.headers
    assert answer.body == b"x" * (MAX_BODY + 1)


@TLS
async def test_an_endless_answer_does_not_end(tls: bool) -> None:
    """Megabytes later there is still more to come."""
    answer = await struck(Huge(), tls=tls, at_most=3_000_000)
    assert b"Transfer-Encoding: chunked" in answer.headers
    assert len(answer.data) >= 3_000_000


@TLS
@pytest.mark.parametrize("after_work", [False, True])
async def test_a_hanging_request_gets_nothing(tls: bool, after_work: bool) -> None:
    """The connection stays open, without a byte."""
    assert await struck(Hang(after_work=after_work), tls=tls, patience=0.1) == Answer(b"", "open")


async def test_a_delayed_answer_is_late() -> None:
    """The work is done on arrival, and the answer comes later."""
    exchange = open_exchange(Delay(60))
    async with serve_exchange(exchange) as served:
        assert await send(served, http(), patience=0.1) == Answer(b"", "open")
        await eventually(lambda: len(exchange.open_keys(served.now())) == 1)
    began = trio.current_time()
    assert (await struck(Delay(0.1))).status == 200
    assert trio.current_time() - began >= 0.1


@pytest.mark.parametrize(
    ("effect", "status", "words"),
    [
        (bad_gateway_html(), 502, b"nginx"),
        (rate_limited(1e-6), 429, b"-1003"),
        (KillKey(), 200, b"listenKey"),
        (unsafe_key(), 200, b"/../"),
        (Redirect("https://elsewhere.test/"), 307, b""),
        (Status(204), 204, b""),
    ],
)
async def test_what_http_can_say_is_said(effect: Effect, status: int, words: bytes) -> None:
    """Any other effect is an orderly answer."""
    answer = await struck(effect)
    assert (answer.status, answer.end) == (status, "end")
    assert words in answer.body


async def test_a_client_that_leaves_is_not_waited_for() -> None:
    """The connection is given up, and nothing of it is left at the exchange."""
    effects: list[Effect] = [Hang(), Delay(60), Huge(10**9), Drip(60)]
    exchange = open_exchange(*effects)
    async with serve_exchange(exchange) as served:
        await trio.testing.wait_all_tasks_blocked()
        tasks = trio.lowlevel.current_statistics().tasks_living
        for seen in range(1, len(effects) + 1):
            async with connected(served) as stream:
                await stream.send_all(http())
                await requests_seen(exchange, seen)
                await read(stream, patience=0.05, at_most=100_000)
            # All but Drip notice at once; it does with its next byte.
            if seen < len(effects):
                await eventually(lambda: trio.lowlevel.current_statistics().tasks_living == tasks)
        assert (await send(served, http())).status == 200


async def test_a_client_may_stop_in_the_middle_of_its_body() -> None:
    """A request that is not complete is none."""
    exchange = open_exchange()
    async with serve_exchange(exchange) as served:
        await send(served, http(body=b"x" * 100)[:-10], patience=0.1)
        assert (await send(served, http())).status == 200
    assert len(exchange.log) == 1


async def test_a_body_may_come_late_and_in_pieces() -> None:
    """The exchange sees a request when it is whole."""
    exchange = open_exchange()
    async with serve_exchange(exchange) as served, connected(served) as stream:
        for byte in http(body=b"a=b"):
            await stream.send_all(bytes([byte]))
        await trio.sleep(0.05)
        assert (await read(stream)).status == 200


async def test_a_body_has_a_limit() -> None:
    """More than 64 KiB get HTTP 413, and the exchange does not see them."""
    exchange = open_exchange()
    async with serve_exchange(exchange) as served:
        assert (await send(served, http(body=b"x" * MAX_BODY))).status == 200
        assert (await send(served, http(body=b"x" * (MAX_BODY + 1)))).status == 413
        # Who goes on sending after the answer may be reset before it could be read.
        await send(served, http(body=b"x" * 2_000_000))
        assert (await send(served, http())).status == 200
    assert len(exchange.log) == 2


@pytest.mark.parametrize(
    "target", [b"*", b"http://exchange.test/fapi/v1/listenKey", b"//[", b"/%ff%00?%ff", b"http://["]
)
async def test_a_target_may_be_anything(target: bytes) -> None:
    """A whole URL is what a proxy gets; everything else is not found."""
    async with serve_exchange(open_exchange()) as served:
        answer = await send(served, http().replace(b"/fapi/v1/listenKey", target, 1))
    assert answer.status == (200 if b"listenKey" in target else 404)


@pytest.mark.parametrize(("method", "status"), [("HEAD", 405), ("OPTIONS", 405), ("CONNECT", 405), ("BREW", 405)])
async def test_a_method_may_be_anything(method: str, status: int) -> None:
    """It is refused; an answer to HEAD has the length of a body that does not come."""
    async with serve_exchange(open_exchange()) as served, connected(served) as stream:
        await stream.send_all(http(method))
        answer = await read(stream)
    assert answer.status == status
    assert (answer.body == b"") == (method == "HEAD")


@pytest.mark.parametrize("status", [204, 304])
async def test_a_status_without_a_body_has_none(status: int) -> None:
    """Whatever body the effect has; and no length either, so that the connection goes on."""
    exchange = open_exchange(Status(status, b"this is not sent"))
    async with serve_exchange(exchange) as served, connected(served) as stream:
        await stream.send_all(http(keep_open=True) + http())
        answer = await read(stream)
    assert (answer.status, answer.data.count(b"HTTP/1.1 200")) == (status, 1)
    assert b"this is not sent" not in answer.data


async def test_a_client_may_wait_with_its_body() -> None:
    """``Expect: 100-continue`` is answered, and then the request."""
    async with serve_exchange(open_exchange()) as served, connected(served) as stream:
        await stream.send_all(http(body=b"a=b")[:-3].replace(b"Host:", b"Expect: 100-continue\r\nHost:"))
        assert (await stream.receive_some()).startswith(b"HTTP/1.1 100 ")
        await stream.send_all(b"a=b")
        assert (await read(stream)).status == 200


async def test_bytes_that_are_no_http_get_400() -> None:
    """Before a request and in the middle of one, and the next client is served."""
    async with serve_exchange(open_exchange()) as served:
        for data in (
            b"\x16\x03\x01\r\n\r\n",
            http(body=b"abc")[:-1].replace(b"Content-Length: 3", b"Content-Length: x"),
        ):
            assert (await send(served, data)).status == 400
        assert (await send(served, b"GET /" + b"x" * 100_000)).status == 431
        chunked = http().replace(b"Content-Length: 0", b"Transfer-Encoding: chunked") + b"no chunk\r\n"
        assert (await send(served, chunked)).status == 400
        assert (await send(served, http())).status == 200


async def test_a_client_may_ask_before_it_is_answered() -> None:
    """A second request that comes while the first is late is answered after it."""
    exchange = open_exchange(Delay(0.2))
    async with serve_exchange(exchange) as served, connected(served) as stream:
        await stream.send_all(http(keep_open=True))
        await requests_seen(exchange, 1)
        await stream.send_all(http())
        answer = await read(stream)
    assert answer.data.count(b"HTTP/1.1 200") == 2


async def test_a_client_that_floods_is_held_back() -> None:
    """Who sends megabytes behind a request that hangs is not read any more, and holds nobody up."""
    exchange = open_exchange(Hang())
    async with serve_exchange(exchange) as served, connected(served) as stream:
        with trio.move_on_after(0.3) as flood:
            await stream.send_all(http() + b"x" * 50_000_000)
        assert flood.cancelled_caught
        assert (await send(served, http())).status == 200


async def test_requests_side_by_side() -> None:
    """Fifty clients at once, each with an effect of its own kind, get each its own."""
    faults = [Fault(effect=Reset(), account="reset"), Fault(effect=Drip(0.0001), account="drip")]
    exchange = Exchange(faults=faults)
    names = ["reset", "drip", "plain"]
    for name in names:
        exchange.add_account(name, name=name)
    answers: list[tuple[str, Answer]] = []

    async def one(name: str) -> None:
        answers.append((name, await send(served, http().replace(API_KEY.encode(), name.encode()), patience=30)))

    async with serve_exchange(exchange) as served, trio.open_nursery() as nursery:
        for n in range(51):
            nursery.start_soon(one, names[n % 3])
    assert len(answers) == 51
    assert all((answer.end == "reset") == (name == "reset") for name, answer in answers)
    assert {key_in(answer) for name, answer in answers if name == "drip"} < set(exchange.keys_ever)


# --- TLS


async def test_nobody_else_trusts_the_exchange() -> None:
    """The CA is thrown away: a client with the system's trust store refuses it."""
    async with serve_exchange(open_exchange(), tls=True) as served:
        port = int(served.rest_url.rpartition(":")[2])
        stream = await trio.open_ssl_over_tcp_stream("127.0.0.1", port, https_compatible=True)
        with pytest.raises(trio.BrokenResourceError):
            await stream.do_handshake()
        await trio.aclose_forcefully(stream)
        assert (await send(served, http())).status == 200


async def test_the_certificate_may_be_for_another_host() -> None:
    """With certificate_for a client that checks host names refuses."""
    exchange = open_exchange()
    async with (
        serve_exchange(exchange, tls=True, certificate_for="elsewhere.test") as served,
        connected(served) as stream,
    ):
        with pytest.raises(trio.BrokenResourceError) as caught:
            await stream.send_all(http())
    assert isinstance(caught.value.__cause__, ssl.SSLCertVerificationError)


async def test_without_tls_there_is_nothing_to_trust() -> None:
    """Asking a plain exchange for a TLS context is a mistake."""
    async with serve_exchange(open_exchange()) as served:
        assert served.ca_pem is None
        with pytest.raises(UsageError, match="without TLS"):
            served.ssl_context()


async def test_a_client_that_never_shakes_hands_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that says nothing over TLS does not stay for ever."""
    monkeypatch.setattr("trio_listenkey.testing._frontends._serve._HANDSHAKE", 0.05)
    async with serve_exchange(open_exchange(), tls=True) as served:
        port = int(served.rest_url.rpartition(":")[2])
        async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
            assert await read(stream) == Answer(b"", "end")


# --- The context manager


class BodyError(Exception):
    """What the block itself raises."""


@TLS
async def test_leaving_is_prompt_while_requests_hang(tls: bool) -> None:
    """Hanging, slow, endless and idle connections do not hold the exit up, nor leave a socket behind."""
    effects: list[Effect] = [Hang(), Hang(after_work=True), Delay(1e6), Drip(1000), Huge(), Delay(1e6, Reset())]
    exchange = open_exchange(*effects)
    async with trio.open_nursery() as nursery:
        async with serve_exchange(exchange, tls=tls) as served:

            async def stay(data: bytes) -> None:
                async with connected(served) as stream:
                    await stream.send_all(data)
                    await done.wait()

            done = trio.Event()
            for data in [http()] * len(effects) + [http()[:30], http(keep_open=True)]:
                nursery.start_soon(stay, data)
            await requests_seen(exchange, len(effects) + 1)
            await trio.sleep(0.05)
            began = trio.current_time()
        assert trio.current_time() - began < 0.45
        done.set()
    gc.collect()


@pytest.mark.parametrize(
    "error", [BodyError(), ExceptionGroup("mine", [BodyError()]), KeyboardInterrupt(), SystemExit()]
)
async def test_the_blocks_exception_comes_out_bare(error: BaseException) -> None:
    """It is the same object, in no group and with no context."""
    with pytest.raises(type(error)) as caught:
        async with serve_exchange(open_exchange()):
            raise error
    assert caught.value is error
    assert error.__context__ is None


async def test_cancellation_comes_out_bare() -> None:
    """A cancelled block raises Cancelled itself, and what it does to clean up still has its exchange."""
    exchange = open_exchange()
    cleaned_up = False
    with trio.move_on_after(0.1) as scope:
        try:
            async with serve_exchange(exchange) as served:
                try:
                    await trio.sleep_forever()
                finally:
                    with trio.CancelScope(shield=True):
                        cleaned_up = (await send(served, http("DELETE"))).status == 400
        except trio.Cancelled:
            began = trio.current_time()
            raise
    assert scope.cancelled_caught
    assert cleaned_up
    assert trio.current_time() - began < 0.5


async def test_a_block_that_is_left_at_once() -> None:
    """Entering and leaving without a checkpoint in between works, also when cancelled already."""
    async with serve_exchange(open_exchange()):
        pass
    with trio.CancelScope() as scope:
        scope.cancel()
        async with serve_exchange(open_exchange()):
            pass
        await trio.lowlevel.checkpoint()
    assert scope.cancelled_caught
    gc.collect()


def test_ctrl_c_while_leaving_comes_out_bare() -> None:
    """KeyboardInterrupt that arrives while the server is being stopped is raised as itself."""

    async def interrupted() -> None:
        async with serve_exchange(open_exchange(Hang())) as served, connected(served) as stream:
            await stream.send_all(http())
            await trio.sleep(0.1)
            trio.lowlevel.current_trio_token().run_sync_soon(_raise_sigint)

    def _raise_sigint() -> None:
        import signal

        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        trio.run(interrupted)


async def test_the_port_may_be_chosen() -> None:
    """A free port is used; a taken one is an OSError, and nothing is left behind."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match="in use"):
            async with serve_exchange(open_exchange(), port=port):
                pass
    async with serve_exchange(open_exchange(), port=port) as served:
        assert served.rest_url == f"http://127.0.0.1:{port}"
    gc.collect()


async def test_nothing_is_said(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    """No banner, no log record of the server at any level, nothing on the terminal."""
    caplog.set_level(logging.DEBUG)
    async with serve_exchange(open_exchange(Reset(), Hang())) as served:
        for data in (http(), http(), http(), b"\x00\xff\r\n\r\n"):
            await send(served, data, patience=0.1)
    assert capfd.readouterr() == ("", "")
    assert caplog.records == []


def test_time_must_pass() -> None:
    """A time scale that is not positive is refused before anything is opened."""
    for time_scale in (0, -1, float("nan")):
        with pytest.raises(UsageError, match="time_scale"):
            serve_exchange(open_exchange(), time_scale=time_scale)


@pytest.mark.parametrize("missing", ["h11", "wsproto", "trustme"])
def test_a_missing_extra_names_the_remedy(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra's libraries the error says what to install."""
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ImportError, match=r"pip install 'trio-listenkey\[testing\]'"):
        serve_exchange(open_exchange(), tls=True)


def test_importing_imports_no_server() -> None:
    """The in-memory exchange costs nothing of the loopback one."""
    import subprocess

    code = "import sys, trio_listenkey.testing; assert not {'wsproto', 'trustme', 'h11'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


async def test_a_venue_moves_in() -> None:
    """venue_at gives a venue of the library the exchange's address."""
    async with serve_exchange(open_exchange()) as served:
        venue = served.venue_at(venues.BINANCE_USDM)
        assert (venue.rest_url, venue.stream_url) == (served.rest_url, served.stream_url)
        assert served.exchange.log == ()


async def test_each_port_is_new() -> None:
    """A client of this process may still respect the ban of an exchange that was at a port before."""
    ports = set()
    for _ in range(800):  # as many as a big test suite; a system that chooses at random gives dozens of them twice
        async with serve_exchange(Exchange()) as served:
            ports.add(served.rest_url)
    assert len(ports) == 800


async def test_an_old_port_is_better_than_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """After as many exchanges as there are ports, they are used again."""
    monkeypatch.setattr("trio_listenkey.testing._frontends._listening._chosen", set(range(65536)))
    async with serve_exchange(Exchange()) as served:
        assert served.rest_url


async def test_a_port_of_ones_own_can_be_used_again() -> None:
    """Only those that the system chooses have to be new."""
    async with serve_exchange(Exchange()) as served:
        port = int(served.rest_url.rpartition(":")[2])
    for _ in range(2):
        async with serve_exchange(Exchange(), port=port) as served:
            assert served.rest_url.endswith(f":{port}")
