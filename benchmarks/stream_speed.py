"""How fast events reach the user: this library beside ``websockets.trio``, python-binance and ccxt, in one run.

Each sample is a process of its own, and the sender another. Events have about 600 bytes, as USD-M sends them.

* ``flood``: events as fast as they are taken; how many reach the user each second.
* ``paced``: 1,000 events a second; CPU time for each, and how long it takes from the sender's hand to the user's.

Clients that are not installed are left out, loudly. The goals are ratios to ``websockets.trio``.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine
from importlib.util import find_spec
from pathlib import Path
from typing import Any

FLOOD = 100_000
PACED, RATE = 3_000, 1_000.0
ROUNDS = 7
WARM = 1_000  # events that do not count: a client is still connecting, or importing

Sink = Callable[[int | None], bool]


class Tally:
    """Counts what reaches the user."""

    def __init__(self, count: int) -> None:
        self.left = count - WARM
        self.warm = WARM
        self.delays: list[float] = []
        self.began = self.cpu = self.seconds = 0.0

    def take(self, made_at: int | None) -> bool:
        """An event is here, made at so many microseconds; whether it was the last one."""
        if self.warm:
            self.warm -= 1
            if not self.warm:
                self.began, self.cpu = time.perf_counter(), time.process_time()
            return False
        if made_at is not None:
            self.delays.append(time.monotonic_ns() / 1000 - made_at)
        self.left -= 1
        if self.left > 0:
            return False
        self.seconds, self.cpu = time.perf_counter() - self.began, time.process_time() - self.cpu
        return True

    def report(self, count: int) -> dict[str, float]:
        seen = count - WARM
        return {
            "rate": seen / self.seconds,
            "cpu": self.cpu / seen * 1e6,
            "delay": statistics.median(self.delays) if self.delays else 0.0,
        }


async def with_ours(url: str, tally: Tally, decode: bool, ready: Callable[[], None]) -> None:
    from trio_listenkey import Credentials, UserEvent, Venue, open_user_stream

    host = url.removeprefix("ws://").partition("/")[0]
    venue = Venue(
        name="benchmark",
        rest_url=f"http://{host}",
        stream_url=f"ws://{host}",
        path="/listenKey",
        stream_path=url.partition(host)[2] + "?listenKey={key}",
        key_in="account",
    )
    async with open_user_stream(venue, Credentials("an-api-key")) as stream:
        ready()
        async for item in stream:
            assert isinstance(item, UserEvent), item
            made_at = item.data["T"] if decode else None
            if tally.take(made_at):
                return


async def with_websockets(url: str, tally: Tally, decode: bool, ready: Callable[[], None]) -> None:
    from websockets.trio.client import connect

    async with connect(url, compression=None, proxy=None) as websocket:
        ready()
        async for message in websocket:
            made_at = json.loads(message)["T"] if decode else None
            if tally.take(made_at):
                return


async def with_python_binance(url: str, tally: Tally, _: bool, ready: Callable[[], None]) -> None:
    from binance import AsyncClient, BinanceSocketManager

    http = "http://" + url.removeprefix("ws://").partition("/")[0]
    AsyncClient.FUTURES_URL = http + "/fapi"
    BinanceSocketManager.FSTREAM_URL = url + "/"
    client = AsyncClient("an-api-key", "a-secret")
    manager = BinanceSocketManager(client)
    async with manager.futures_user_socket() as socket:
        ready()
        while True:
            event = await socket.recv()
            if event is not None and tally.take(event["T"]):
                break
    await client.close_connection()


async def with_ccxt(url: str, tally: Tally, _: bool, ready: Callable[[], None]) -> None:
    import ccxt.pro

    http = "http://" + url.removeprefix("ws://").partition("/")[0]
    exchange = ccxt.pro.binanceusdm({"apiKey": "an-api-key", "secret": "a-secret", "newUpdates": True})
    for name, value in list(exchange.urls["api"].items()):
        if isinstance(value, str):
            exchange.urls["api"][name] = http + "/" + value.split("://", 1)[1].partition("/")[2]
    exchange.urls["api"]["ws"]["linear"] = url + "/ws"
    exchange.set_markets([])
    ready()
    while True:
        orders = await exchange.watch_orders()
        taken = [tally.take(order["info"]["W"]) for order in orders]
        if any(taken):
            break
    await exchange.close()


CLIENTS: dict[str, tuple[str, str, Callable[..., Coroutine[Any, Any, None]]]] = {
    "ours": ("trio", "trio_listenkey", with_ours),
    "websockets.trio": ("trio", "websockets", with_websockets),
    "python-binance": ("asyncio", "binance", with_python_binance),
    "ccxt": ("asyncio", "ccxt", with_ccxt),
}


def be_client(name: str, url: str, count: int, decode: bool) -> None:
    """What a sample's process does."""
    tally = Tally(count)
    loop, _, client = CLIENTS[name]

    def ready() -> None:
        print("ready", flush=True)

    if loop == "trio":
        import trio

        trio.run(client, url, tally, decode, ready)
    else:
        import asyncio

        asyncio.run(client(url, tally, decode, ready))
    print(json.dumps(tally.report(count)), flush=True)


def sample(name: str, path: str, count: int, *, decode: bool) -> dict[str, float] | None:
    """Run one client against a fresh sender."""
    sender = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("_sender.py"))],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with sender:
        assert sender.stdin is not None
        assert sender.stdout is not None
        url = f"ws://127.0.0.1:{sender.stdout.readline().strip()}/{path}"
        command = [sys.executable, __file__, "client", name, url, str(count), str(int(decode))]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as client:
            assert client.stdout is not None
            client.stdout.readline()
            time.sleep(0.2)
            sender.stdin.write("start\n")
            sender.stdin.flush()
            try:
                out, err = client.communicate(timeout=60)
            except subprocess.TimeoutExpired:
                client.kill()
                out, err = client.communicate()
        sender.kill()
    if not out.strip():
        print(f"  {name} did not come to an end on {path}: {err.strip().splitlines()[-1:]}")
        return None
    result: dict[str, float] = json.loads(out.strip().splitlines()[-1])
    return result


def compare(title: str, names: list[str], path: str, count: int, *, decode: bool, keys: dict[str, float]) -> None:
    """Print each client's best, and our ratios to the others within each round."""
    print(f"\n{title}")
    samples: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    for turn in range(ROUNDS):
        for name in names if turn % 2 else reversed(names):
            result = sample(name, path, count, decode=decode)
            if result is not None:
                samples[name].append(result)
    for name in names:
        got = samples[name]
        if not got:
            continue
        line = [f"  {name:<16}"]
        for key, goal in keys.items():
            better = max if key == "rate" else min
            best = better(each[key] for each in got)
            line.append(f"{key} {best:>10,.1f}")
            if name != "ours" and len(got) == len(samples["ours"]):
                ratios = [mine[key] / theirs[key] for mine, theirs in zip(samples["ours"], got, strict=True)]
                ours = better(each[key] for each in samples["ours"])
                line.append(f"(ours is {ours / best:.2f} of it; median {statistics.median(ratios):.2f}")
                line.append(f"[{min(ratios):.2f}..{max(ratios):.2f}]; goal {goal:g})")
        print(" ".join(line))


def main() -> None:
    known = [name for name, (_, module, _) in CLIENTS.items() if find_spec(module)]
    for name in CLIENTS.keys() - set(known):
        print(f"NOT INSTALLED, so not measured: {name}")
    both, flood, paced = ["ours", "websockets.trio"], f"flood/{FLOOD}", f"paced/{PACED}/{RATE}"
    goals = {"rate": 2.0, "cpu": 0.5}
    compare("Flood, every field decoded: events/s, µs of CPU", both, flood, FLOOD, decode=True, keys=goals)
    compare("Flood, not decoded: events/s, µs of CPU", both, flood, FLOOD, decode=False, keys=goals)
    goals = {"cpu": 1.0, "delay": 1.0}
    compare("1,000 a second, decoded: µs of CPU, median µs of delay", known, paced, PACED, decode=True, keys=goals)


if __name__ == "__main__":
    if sys.argv[1:2] == ["client"]:
        be_client(sys.argv[2], sys.argv[3], int(sys.argv[4]), bool(int(sys.argv[5])))
    else:
        main()
