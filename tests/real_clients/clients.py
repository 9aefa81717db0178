"""Clients that no one here wrote, against the exchange as a process: unmodified but for their base URLs.

Run by ``nox -s clients``, which installs them; the name of this file keeps it out of the ordinary run.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import aclosing
from typing import Any

import pytest

API_KEY = "test-api-key"


class Process:
    """``trio-listenkey exchange``, and its control API."""

    def __init__(self, urls: dict[str, str]) -> None:
        self.http = urls["rest"]
        self.ws = urls["websocket"]
        self.control = urls["control"]

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.control + path, data=data, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def emit(self) -> None:
        self.ask("POST", "/events", {"account": "account-1", "dialect": "usdm"})

    def count(self, verb: str) -> int:
        return sum(entry["verb"] == verb for entry in self.ask("GET", "/log")["entries"])

    def wait_for(self, verb: str, seconds: float = 60.0) -> None:
        end = time.monotonic() + seconds
        while not self.count(verb):
            assert time.monotonic() < end, f"no {verb} within {seconds} s"
            time.sleep(0.2)


@pytest.fixture
def exchange() -> Iterator[Process]:
    command = [sys.executable, "-m", "trio_listenkey", "exchange", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield Process(json.loads(process.stdout.readline()))
        process.terminate()
        assert process.wait(10) == 0


def python_binance(exchange: Process) -> dict[str, Any]:
    """python-binance; its keepalive is set to two seconds, by its own option."""
    from binance import AsyncClient, BinanceSocketManager

    AsyncClient.FUTURES_URL = exchange.http + "/fapi"
    BinanceSocketManager.FSTREAM_URL = exchange.ws + "/"

    async def main() -> dict[str, Any]:
        client = AsyncClient(API_KEY, "no-secret")
        manager = BinanceSocketManager(client, user_timeout=2)
        try:
            async with manager.futures_user_socket() as socket:
                await asyncio.to_thread(exchange.emit)
                event: dict[str, Any] = await asyncio.wait_for(socket.recv(), 10)
                await asyncio.to_thread(exchange.wait_for, "keepalive")
        finally:
            await client.close_connection()
        return event

    return asyncio.run(main())


def ccxt_pro(exchange: Process) -> dict[str, Any]:
    """ccxt.pro; its keepalive is set to two seconds, by its own option."""
    import ccxt.pro

    async def main() -> dict[str, Any]:
        client = ccxt.pro.binanceusdm(
            {"apiKey": API_KEY, "secret": "no-secret", "options": {"listenKeyRefreshRate": 2000}}
        )
        for name, url in list(client.urls["api"].items()):
            if isinstance(url, str):
                client.urls["api"][name] = exchange.http + "/" + url.split("://", 1)[1].split("/", 1)[-1]
        client.urls["api"]["ws"]["linear"] = exchange.ws + "/ws"
        client.set_markets([])
        try:
            watching = asyncio.create_task(client.watch_orders())
            await asyncio.to_thread(exchange.wait_for, "create")
            while not exchange.ask("GET", "/state")["sockets"]:
                await asyncio.sleep(0.1)
            await asyncio.to_thread(exchange.emit)
            (order, *_) = await asyncio.wait_for(watching, 10)
            await asyncio.to_thread(exchange.wait_for, "keepalive")
        finally:
            await client.close()
        event: dict[str, Any] = order["info"]
        return {"e": "ORDER_TRADE_UPDATE", "o": event}

    return asyncio.run(main())


def trio_binance(exchange: Process) -> dict[str, Any]:
    """trio-binance; its keepalive comes after 59 minutes, so its clock runs 60 times as fast."""
    import trio
    from trio.testing import MockClock
    from trio_binance import AsyncClient
    from trio_binance.streams import BinanceSocketManager

    AsyncClient.FUTURES_URL = exchange.http + "/fapi"
    BinanceSocketManager.URLS["main"]["linear"] = {
        name: f"{exchange.ws}/{name}" for name in ("public", "market", "private")
    }

    async def main() -> dict[str, Any]:
        client = AsyncClient(API_KEY, "no-secret")
        manager = BinanceSocketManager(client, endpoint="linear")
        manager.listen_key = await client.futures_stream_get_listen_key()
        async with manager.connect():
            while not exchange.ask("GET", "/state")["sockets"]:
                await trio.sleep(10)
            exchange.emit()
            async with aclosing(manager.get_next_message()) as events:
                event: dict[str, Any] = await anext(events)
            while not exchange.count("keepalive"):
                await trio.sleep(60)
        return event

    return trio.run(main, clock=MockClock(rate=60))


@pytest.mark.parametrize("client", [python_binance, ccxt_pro, trio_binance], ids=lambda client: client.__name__)
def test_client_that_no_one_here_wrote(client: Callable[[Process], dict[str, Any]], exchange: Process) -> None:
    """It fetches a key, opens the stream, receives an event, and the log shows its keepalive."""
    event = client(exchange)
    assert event["e"] == "ORDER_TRADE_UPDATE"
    assert exchange.count("create") >= 1
    assert exchange.count("keepalive") >= 1
