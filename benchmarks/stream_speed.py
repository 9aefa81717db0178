"""How fast events reach the user: this library beside ``websockets.trio``, python-binance and ccxt, in one run.

Each sample is a process of its own, and the sender another. Events have about 600 bytes, as USD-M sends them.

* ``flood``: events as fast as they are taken; how many reach the user for each second of the client's CPU time. That
  is the rate where the machine does nothing else; where it does, it is what can be compared.
* ``paced``: 1,000 events a second, one at a time; CPU time for each, and how long it takes from the sender's hand to
  the user's, both in microseconds.

Both plain and over TLS. ``by hand`` is the limit of trio: one task that waits for the socket, decrypts and cuts frames,
and knows nothing of keys, pings, gaps or a second consumer. Clients that are not installed are left out, loudly. The
goals are ratios to ``websockets.trio``, by the median of the ratios within each round. Words on the command line choose
rows: ``paced``, ``flood``, ``tls``, ``plain``.
"""

from __future__ import annotations

import json
import os
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from math import inf
from operator import attrgetter
from pathlib import Path
from typing import Any

from _measuring import BROKEN, row

FLOOD = 100_000
PACED, RATE = 3_000, 1_000.0
ROUNDS = 5
WARM = 1_000  # events that do not count: a client is still connecting, or importing


class Tally:
    """Counts what reaches the user."""

    def __init__(self, count: int) -> None:
        self.left = count - WARM
        self.warm = WARM
        self.delays: list[float] = []
        self.cpu = 0.0

    def take(self, made_at: int | None) -> bool:
        """An event is here, made at so many microseconds; whether it was the last one."""
        if self.warm:
            self.warm -= 1
            if not self.warm:
                self.cpu = time.process_time()
            return False
        if made_at is not None:
            self.delays.append(time.monotonic_ns() / 1000 - made_at)
        self.left -= 1
        if self.left > 0:
            return False
        self.cpu = time.process_time() - self.cpu
        return True

    def report(self, count: int) -> dict[str, float]:
        seen = count - WARM
        return {
            "rate": seen / self.cpu,
            "cpu": self.cpu / seen * 1e6,
            "delay": statistics.median(self.delays) if self.delays else 0.0,
        }


async def with_ours(url: str, tally: Tally, decode: str, ready: Callable[[], None]) -> None:
    from trio_listenkey import Credentials, UserEvent, Venue, events, open_user_stream

    scheme, _, rest = url.partition("://")
    host, _, path = rest.partition("/")
    venue = Venue(
        name="benchmark",
        rest_url=f"http{scheme[2:]}://{host}",
        stream_url=f"{scheme}://{host}",
        path="/listenKey",
        stream_path=f"/{path}?listenKey={{key}}",
        key_in="account",
        events=events.usdm.AS_SENT,
    )
    reads: dict[str, Callable[[UserEvent[Any]], int | None]] = {
        "": lambda _: None,
        "data": lambda event: event.data["T"],
        "typed": attrgetter("parsed.transaction_time"),
    }
    read = reads[decode]
    async with open_user_stream(venue, Credentials("an-api-key")) as stream:
        await stream.receive()  # the gap that it begins with
        ready()
        async for item in stream:
            assert isinstance(item, UserEvent), item
            if tally.take(read(item)):
                return


async def with_websockets(url: str, tally: Tally, decode: str, ready: Callable[[], None]) -> None:
    from websockets.trio.client import connect

    trust = ssl.create_default_context() if url.startswith("wss:") else None
    async with connect(url, compression=None, proxy=None, ssl=trust) as websocket:
        ready()
        async for message in websocket:
            made_at = json.loads(message)["T"] if decode else None
            if tally.take(made_at):
                return


async def by_hand(url: str, tally: Tally, decode: str, ready: Callable[[], None]) -> None:
    import msgspec
    import trio

    read = msgspec.json.Decoder().decode
    stream = shake_hands(url)
    stream.setblocking(False)
    ready()
    held = b""
    while True:
        await trio.lowlevel.wait_readable(stream)
        data = b""
        with suppress(ssl.SSLWantReadError, BlockingIOError):  # there is half a record of TLS
            data = stream.recv(65536)
        held, position = held + data, 0
        while position + 4 <= len(held):
            end = position + 4 + int.from_bytes(held[position + 2 : position + 4])
            if end > len(held):
                break
            event = held[position + 4 : end]
            made_at = read(event)["T"] if decode else None
            if tally.take(made_at):
                return
            position = end
        held = held[position:]


def shake_hands(url: str) -> socket.socket:
    scheme, _, rest = url.partition("://")
    host, _, path = rest.partition("/")
    name, _, port = host.partition(":")
    stream = socket.create_connection((name, int(port)))
    if scheme == "wss":
        stream = ssl.create_default_context().wrap_socket(stream, server_hostname=name)
    stream.sendall(f"GET /{path} HTTP/1.1\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode())
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += stream.recv(1)
    return stream


async def with_python_binance(url: str, tally: Tally, _: str, ready: Callable[[], None]) -> None:
    from binance import AsyncClient, BinanceSocketManager

    http = "http://" + url.removeprefix("ws://").partition("/")[0]
    AsyncClient.FUTURES_URL = http + "/fapi"
    BinanceSocketManager.FSTREAM_URL = url + "/"
    client = AsyncClient("an-api-key", "a-secret")
    manager = BinanceSocketManager(client)
    async with manager.futures_user_socket() as events:
        ready()
        while True:
            event = await events.recv()
            if event is not None and tally.take(event["T"]):
                break
    await client.close_connection()


async def with_ccxt(url: str, tally: Tally, _: str, ready: Callable[[], None]) -> None:
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
    "by hand": ("trio", "trio", by_hand),
    "python-binance": ("asyncio", "binance", with_python_binance),
    "ccxt": ("asyncio", "ccxt", with_ccxt),
}
OURS, BASELINE, LIMIT = "ours", "websockets.trio", "by hand"


def be_client(name: str, url: str, count: int, decode: str) -> None:
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


@contextmanager
def certificate() -> Iterator[tuple[str, str]]:
    """The files of a certificate for 127.0.0.1 with its key, and of the authority that signed it."""
    import trustme

    authority = trustme.CA()
    with tempfile.TemporaryDirectory() as folder:
        server, trusted = Path(folder, "server.pem"), Path(folder, "trusted.pem")
        authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(server)
        authority.cert_pem.write_to_path(trusted)
        yield str(server), str(trusted)


def sample(name: str, path: str, count: int, decode: str, files: tuple[str, str] | None) -> dict[str, float] | None:
    """Run one client against a fresh sender."""
    sender = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("_sender.py")), *(files or ())[:1]],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    environment = {**os.environ, "SSL_CERT_FILE": files[1]} if files else None
    with sender:
        assert sender.stdin is not None
        assert sender.stdout is not None
        url = f"ws{'s' if files else ''}://127.0.0.1:{sender.stdout.readline().strip()}/{path}"
        command = [sys.executable, __file__, "client", name, url, str(count), decode]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        ) as client:
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


@dataclass(frozen=True)
class Row:
    """What is measured together.

    Attributes:
        title: What it is.
        path: What the sender is asked for.
        count: How many events that is.
        decode: What is asked of an event: ``""`` nothing, ``"data"``, ``"typed"``.
        goals: By what is measured: what our ratio to ``websockets.trio`` is to be.
        promises: What the documentation says that it is.
    """

    title: str
    path: str
    count: int
    decode: str
    goals: dict[str, float]
    promises: dict[str, float]

    def measure(self, names: Sequence[str], files: tuple[str, str] | None) -> None:
        """Print each client's best, and our ratios within each round."""
        title = f"{self.title}, {'TLS' if files else 'plain'}"
        print(f"\n{title}", flush=True)
        samples: dict[str, list[dict[str, float]]] = {name: [] for name in names}
        against: dict[str, float] = {}
        for turn in range(ROUNDS):
            for name in names if turn % 2 else reversed(names):
                result = sample(name, self.path, self.count, self.decode, files)
                if result is not None:
                    samples[name].append(result)
        for name in names:
            got = samples[name]
            line = [f"  {name:<16}"]
            for key in self.goals:
                better = max if key == "rate" else min
                line.append(f"{key} {better((each[key] for each in got), default=0.0):>10,.1f}")
                if name != OURS and len(got) == len(samples[OURS]):
                    ratios = sorted(mine[key] / theirs[key] for mine, theirs in zip(samples[OURS], got, strict=True))
                    median = statistics.median(ratios)
                    line.append(f"(ours is {median:.2f} of it [{ratios[0]:.2f}..{ratios[-1]:.2f}])")
                    if name == BASELINE:
                        against[key] = median
            print(" ".join(line), flush=True)
        for key, ratio in against.items():
            what, goal, promise = f"{title}: {key} / {BASELINE}", self.goals[key], self.promises.get(key)
            if key == "rate":
                row(what, ratio, "x", goal, promise=promise or inf, more_is_better=True)
            else:
                row(what, ratio, "x", goal, promise=promise or inf)


def flood(title: str, decode: str, goal: float, promise: float) -> Row:
    return Row(f"Flood, {title}", f"flood/{FLOOD}", FLOOD, decode, {"rate": goal}, {"rate": promise})


def paced(cpu: float, delay: float, promise: float) -> Row:
    goals, promises = {"cpu": cpu, "delay": delay}, {"cpu": promise, "delay": promise}
    return Row(f"{RATE:,.0f} events a second", f"paced/{PACED}/{RATE}", PACED, "data", goals, promises)


def main(chosen: Sequence[str]) -> None:
    known = [name for name, (_, module, _) in CLIENTS.items() if find_spec(module)]
    for name in CLIENTS.keys() - set(known):
        print(f"NOT INSTALLED, so not measured: {name}")
    floods, three = "paced" not in chosen, [OURS, BASELINE, LIMIT]
    if "tls" not in chosen:
        if "flood" not in chosen:
            paced(0.75, 0.70, 1.1).measure(known, None)
        if floods:
            flood("every field decoded, typed", "typed", 4.0, 1.5).measure(three[:2], None)
            flood("every field decoded, dictionaries", "data", 2.0, 1.0).measure(three[:2], None)
            flood("not decoded", "", 5.0, 2.0).measure(three, None)
    if "plain" not in chosen:
        with certificate() as files:
            if "flood" not in chosen:
                paced(0.80, 0.75, 1.0).measure(three, files)
            if floods:
                flood("not decoded", "", 4.0, 2.0).measure(three, files)
    sys.exit(bool(BROKEN))


if __name__ == "__main__":
    if sys.argv[1:2] == ["client"]:
        be_client(sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[5])
    else:
        main(sys.argv[1:])
