"""The how-to pages do what they say: every program on them is run over real sockets, and every test in them passes."""

from __future__ import annotations

import hmac
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import prometheus_client
import pytest
import trio
import trio_websocket

from trio_listenkey import Credentials, EndpointGoneError, Timing, open_user_stream, venues
from trio_listenkey.testing import SPOT_CLASSIC, Exchange, MemoryTransport, Reset, ServedExchange, serve_exchange
from trio_listenkey.testing.control import fault_from_json

DOCS = Path(__file__).parents[2] / "docs"
RECIPES = DOCS / "recipes"
PAGES = {name: (DOCS / f"{name}.rst").read_text(encoding="utf-8") for name in ("clients", "migrating", "monitoring")}
ALICE = Credentials("the-api-key-of-alice")
QUICK = Timing(request_timeout=2, retry_base=0.02, retry_cap=0.1, ping_every=0.4, silence_check_every=0.3)


def blocks(page: str, language: str) -> list[str]:
    text = (DOCS / f"{page}.rst").read_text(encoding="utf-8")
    found = re.findall(rf"^\.\. code-block:: {language}\n(?:   :.*\n)*\n((?:   .*\n|\n)+)", text, flags=re.MULTILINE)
    return [textwrap.dedent(block) for block in found]


def programs() -> Iterator[Any]:
    """Every whole program of ours; each ends in ``trio.run(main)``."""
    for page in PAGES:
        ours = [block for block in blocks(page, "python") if block.rstrip().endswith("trio.run(main)")]
        for number, block in enumerate(ours):
            yield pytest.param(block, id=f"{page}-{number + 1}")


@dataclass
class Proxy:
    """An HTTP proxy that knows ``CONNECT``."""

    port: int
    asked_for: list[str] = field(default_factory=list)

    async def handle(self, client: trio.SocketStream) -> None:
        async with client:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += await client.receive_some(1)
            _, where, _ = head.decode().split(" ", 2)
            self.asked_for.append(where)
            host, _, port = where.rpartition(":")
            async with await trio.open_tcp_stream(host, int(port)) as server, trio.open_nursery() as nursery:
                await client.send_all(b"HTTP/1.1 200 Connection established\r\n\r\n")
                nursery.start_soon(self._pass_on, client, server, nursery.cancel_scope)
                nursery.start_soon(self._pass_on, server, client, nursery.cancel_scope)

    async def _pass_on(self, source: trio.SocketStream, sink: trio.SocketStream, scope: trio.CancelScope) -> None:
        with suppress(trio.BrokenResourceError):
            async for data in source:
                await sink.send_all(data)
        scope.cancel("one of them is done")


@asynccontextmanager
async def serve_proxy() -> AsyncIterator[Proxy]:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    proxy = Proxy(listener.socket.getsockname()[1])
    async with trio.open_nursery() as nursery:
        await nursery.start(trio.serve_listeners, proxy.handle, [listener])
        yield proxy
        nursery.cancel_scope.cancel("the test is over")


@dataclass
class Place:
    """Where a program runs."""

    served: ServedExchange
    proxy: Proxy
    ca_file: str
    port: int
    servers: list[Any] = field(default_factory=list)

    def moved(self, program: str) -> str:
        replacements = {
            "/etc/ssl/our-ca.pem": self.ca_file,
            "127.0.0.1:3128": f"127.0.0.1:{self.proxy.port}",
            "9100": str(self.port),
        }
        for name, value in replacements.items():
            program = program.replace(name, value)
        return program


@pytest.fixture
async def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Place]:
    exchange = Exchange(seed=1)
    exchange.add_account(ALICE.api_key, name="alice")
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listener.socket.getsockname()[1]
    await listener.aclose()
    async with serve_exchange(exchange, tls=True) as served, serve_proxy() as proxy:
        assert served.ca_pem is not None
        ca_file = tmp_path / "ca.pem"
        ca_file.write_bytes(served.ca_pem)
        monkeypatch.setenv("BINANCE_API_KEY", ALICE.api_key)
        monkeypatch.setattr(venues, "BINANCE_USDM", served.venue_at(venues.BINANCE_USDM))
        monkeypatch.syspath_prepend(RECIPES)
        yield Place(served, proxy, str(ca_file), port)


@asynccontextmanager
async def running(program: str, place: Place | None, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    mains: list[Callable[[], Awaitable[None]]] = []
    monkeypatch.setattr(trio, "run", mains.append)
    monkeypatch.setattr("trio_listenkey.open_user_stream", partial(open_user_stream, timing=QUICK))
    exec(compile(program if place is None else place.moved(program), "program", "exec"), {"__name__": "__main__"})
    (main,) = mains
    async with trio.open_nursery() as nursery:
        nursery.start_soon(main)
        yield
        nursery.cancel_scope.cancel("the test is over")


async def until(is_so: Callable[[], object], seconds: float = 10) -> None:
    with trio.fail_after(seconds):
        while not is_so():
            await trio.sleep(0.01)


@pytest.fixture
def no_trace_in_prometheus(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a program registers and serves is taken away again."""
    registry = prometheus_client.REGISTRY
    before, started = set(registry._collector_to_names), []
    start = prometheus_client.start_http_server

    def start_and_remember(*arguments: Any, **named: Any) -> Any:
        started.append(start(*arguments, **named))
        return started[-1]

    monkeypatch.setattr(prometheus_client, "start_http_server", start_and_remember)
    yield
    for server, thread in started:
        server.shutdown()
        server.server_close()
        thread.join(5)
    for collector in set(registry._collector_to_names) - before:
        registry.unregister(collector)
    sys.modules.pop("metrics", None)


@pytest.mark.usefixtures("no_trace_in_prometheus")
@pytest.mark.parametrize("program", list(programs()))
async def test_programs(
    program: str, place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It runs, goes on when its socket is reset and its key killed, and says so; it leaves no key behind."""
    exchange, now = place.served.exchange, place.served.now
    if "our-ca.pem" not in program:
        monkeypatch.setenv("SSL_CERT_FILE", place.ca_file)  # which both sides read
    printed = ""

    def prints(*words: str) -> bool:
        nonlocal printed
        printed += capsys.readouterr().out
        return any(word in printed for word in words)

    async with running(program, place, monkeypatch):
        await until(lambda: exchange.sockets(now()))
        await trio.sleep(0.1)
        exchange.emit("alice", now())
        await until(lambda: prints("ORDER_TRADE_UPDATE"))
        exchange.kill_key("alice", now())
        exchange.strike_sockets(Reset(), now())
        await until(lambda: prints("disconnected", "key_lost"))
        if "Metrics" in program:
            await the_metrics_are_right(place.port)
    assert exchange.open_keys(now()) == ()
    if "3128" in program:  # requests share a connection; there were two sockets at least
        assert len(place.proxy.asked_for) >= 3
    else:
        assert not place.proxy.asked_for
    for secret in (ALICE.api_key, *exchange.keys_ever):
        assert secret not in printed


async def the_metrics_are_right(port: int) -> None:
    def read() -> dict[str, float]:
        with urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
            lines = answer.read().decode().splitlines()
        pairs = [line.rpartition(" ") for line in lines if line.startswith("listenkey")]
        return {name: float(value) for name, _, value in pairs}

    shown: dict[str, float] = {}
    with trio.fail_after(10):
        while not (shown.get('listenkey_live{account="main"}') and shown['listenkey_renewals_total{account="main"}']):
            await trio.sleep(0.1)
            shown = await trio.to_thread.run_sync(read)
    assert shown['listenkey_connects_total{account="main"}'] == 2
    assert shown['listenkey_losses_total{account="main"}'] == 1
    assert shown['listenkey_drops_total{account="main"}'] == 1
    gaps = {name: value for name, value in shown.items() if name.startswith("listenkey_gaps_total")}
    assert gaps.pop('listenkey_gaps_total{account="main",cause="opened"}') == 1
    assert sum(gaps.values()) == 1
    assert 0 < shown['listenkey_gap_seconds_total{account="main"}'] < 60
    assert shown['listenkey_gap_seconds_total{account="main"}'] > 0
    assert shown['listenkey_left_behind_total{account="main"}'] == 0


def test_the_rest_is_python() -> None:
    """What is shown of others, and in part, has no slip in it."""
    for page in (*PAGES, "spot"):
        for block in blocks(page, "python"):
            compile(block, page, "exec")


async def test_spot_as_it_was_is_refused() -> None:
    """The error has the name that the page shows."""
    exchange = Exchange()
    exchange.add_account(ALICE.api_key, name="alice")
    exchange.retired.add(SPOT_CLASSIC)
    with pytest.raises(EndpointGoneError) as caught:
        async with open_user_stream(venues.BINANCE_SPOT_CLASSIC, ALICE, transport=MemoryTransport(exchange)):
            pass
    (shown,) = blocks("spot", "text")
    assert " ".join(shown.split()) == f"EndpointGoneError: {caught.value}"


async def test_spot(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The program subscribes with a signature, prints events, and tells of the gap when its socket was reset."""
    secret, sockets = "the-secret-of-alice", 0

    async def serve(request: trio_websocket.WebSocketRequest) -> None:
        nonlocal sockets
        assert request.path.startswith("/ws-api/v3")
        socket = await request.accept()
        sockets += 1
        number = sockets
        with suppress(trio_websocket.ConnectionClosed):
            while True:
                said = json.loads(await socket.get_message())
                if said["method"] == "userDataStream.subscribe.signature":
                    given = said["params"].pop("signature")
                    signed = "&".join(f"{name}={value}" for name, value in sorted(said["params"].items()))
                    assert given == hmac.new(secret.encode(), signed.encode(), "sha256").hexdigest()
                    answer = {"id": said["id"], "status": 200, "result": {"subscriptionId": 0}}
                    await socket.send_message(json.dumps(answer))
                    event = {"e": "executionReport", "E": 1_700_000_000_000 + number, "c": f"n-{number}"}
                    await socket.send_message(json.dumps({"subscriptionId": 0, "event": event}))
                    if number == 1:
                        await trio.sleep(0.3)
                        return
                else:
                    await socket.send_message(json.dumps({"id": said["id"], "status": 200, "result": []}))

    (program,) = [block for block in blocks("spot", "python") if "trio.run(main)" in block]
    monkeypatch.setenv("BINANCE_API_KEY", ALICE.api_key)
    monkeypatch.setenv("BINANCE_API_SECRET", secret)
    printed = ""

    def prints(word: str) -> bool:
        nonlocal printed
        printed += capsys.readouterr().out
        return word in printed

    async with trio.open_nursery() as nursery:
        server = await nursery.start(trio_websocket.serve_websocket, serve, "127.0.0.1", 0, None)
        moved = venues.BINANCE_SPOT.at("http://127.0.0.1:1", f"ws://127.0.0.1:{server.port}")
        monkeypatch.setattr(venues, "BINANCE_SPOT", moved)
        async with running(program, None, monkeypatch):
            await until(lambda: prints("'n-2'"))
        nursery.cancel_scope.cancel("the test is over")
    assert re.search(r"n-1.*s may be missing: disconnected.*n-2", printed, flags=re.DOTALL)
    assert secret not in printed


# Testing.


def test_the_tests_pass(tmp_path: Path) -> None:
    """As they stand, in a project without any configuration."""
    for name in ("test_in_memory.py", "test_on_loopback.py", "faults.json"):
        shutil.copy(RECIPES / name, tmp_path)
    found = any(each.name == "trio_listenkey" for each in entry_points(group="pytest11"))
    plugin = [] if found else ["-p", "trio_listenkey.testing.pytest_plugin"]
    command = [sys.executable, "-m", "pytest", "-W", "error", "-p", "no:cacheprovider", *plugin]
    environ = {**os.environ, "PYTHONPATH": str(DOCS.parent)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, timeout=120, env=environ)
    assert " 2 passed" in done.stdout, done.stdout


@pytest.mark.parametrize("command", blocks("testing", "sh"))
def test_the_exchange_takes_the_faults(command: str, tmp_path: Path) -> None:
    """From the page's file, and as lines."""
    shutil.copy(RECIPES / "faults.json", tmp_path)
    program = tmp_path / "trio-listenkey"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m trio_listenkey "$@"\n')
    program.chmod(0o755)
    environ = {
        **os.environ,
        "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(DOCS.parent),
        "PYTHONUNBUFFERED": "1",
    }
    with subprocess.Popen(
        ["sh", "-c", f"exec {command}"], stdout=subprocess.PIPE, text=True, cwd=tmp_path, env=environ
    ) as process:
        assert process.stdout is not None
        assert any(line == "ready\n" for line in process.stdout)
        process.send_signal(signal.SIGTERM)


def test_every_fault_in_a_line_is_one() -> None:
    """In the table of what to test."""
    text = (DOCS / "testing.rst").read_text(encoding="utf-8")
    shown = re.findall(r"``((?:connect|any|keepalive|socket)[^`]*=[^`]+)``", text)
    assert len(shown) >= 2
    for fault in shown:
        fault_from_json(fault)
