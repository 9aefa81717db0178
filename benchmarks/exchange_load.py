"""How much one exchange serves: thousands of accounts with open sockets and events, while keepalives go on.

The exchange is a process of its own, as ``trio-listenkey exchange`` starts it; this one is all of its clients. Each
socket counts the numbers of its events: none may be missing or doubled. CPU times are those of the two processes.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import trio
from wsproto import ConnectionType, WSConnection
from wsproto.events import Ping, Request, TextMessage

from trio_listenkey.testing import event_number
from trio_listenkey.transports import HTTPCore2Transport, Request as HTTPRequest, TransportError

ACCOUNTS = 2_000
SECONDS = 30.0
KEEPALIVE_EVERY = 20.0


@dataclass
class Tally:
    events: int = 0
    wrong: int = 0
    keepalives: int = 0
    failures: int = 0
    delays: list[float] = field(default_factory=list)


async def call(transport: HTTPCore2Transport, url: str, method: str, api_key: str) -> bytes:
    answer = await transport.request(HTTPRequest(method, url, (("X-MBX-APIKEY", api_key),)))
    assert answer.status == 200, answer.body
    return answer.body


async def listen(stream_url: str, key: str, tally: Tally, opened: trio.Event) -> None:
    address = urlsplit(stream_url)
    assert address.hostname is not None
    assert address.port is not None
    stream = await trio.open_tcp_stream(address.hostname, address.port)
    peer = WSConnection(ConnectionType.CLIENT)
    await stream.send_all(peer.send(Request(host=address.netloc, target=f"/private/ws/{key}")))
    expected = None
    while data := await stream.receive_some(65536):
        peer.receive_data(data)
        for event in peer.events():
            opened.set()
            if isinstance(event, Ping):
                await stream.send_all(peer.send(event.response()))
            elif isinstance(event, TextMessage):
                told = json.loads(event.data)
                number = event_number(told)
                tally.wrong += expected is not None and number != expected
                expected = (number or 0) + 1
                tally.events += 1
                tally.delays.append(time.time() - told["E"] / 1000)


async def keep_alive(transport: HTTPCore2Transport, url: str, api_key: str, first: float, tally: Tally) -> None:
    await trio.sleep(first)
    while True:
        try:
            await call(transport, url, "PUT", api_key)
            tally.keepalives += 1
        except TransportError:
            tally.failures += 1
        await trio.sleep(KEEPALIVE_EVERY)


async def main(urls: dict[str, str], server: int) -> None:
    url, tally, transport = urls["rest"] + "/fapi/v1/listenKey", Tally(), HTTPCore2Transport()
    async with trio.open_nursery() as nursery:
        start = time.perf_counter()
        for number in range(ACCOUNTS):
            api_key, opened = f"api-key-{number}", trio.Event()
            key = json.loads(await call(transport, url, "POST", api_key))["listenKey"]
            nursery.start_soon(listen, urls["websocket"], key, tally, opened)
            await opened.wait()
            nursery.start_soon(keep_alive, transport, url, api_key, number / ACCOUNTS * KEEPALIVE_EVERY, tally)
        opening = time.perf_counter() - start
        print(f"{ACCOUNTS} accounts, with a key and a socket each, opened one by one in {opening:.1f} s")
        await trio.sleep(5)
        before, tally.events, tally.keepalives, tally.delays = cpu_of(server), 0, 0, []
        own = resource.getrusage(resource.RUSAGE_SELF).ru_utime
        start = time.perf_counter()
        await trio.sleep(SECONDS)
        passed = time.perf_counter() - start
        tell(tally, passed, cpu_of(server) - before, resource.getrusage(resource.RUSAGE_SELF).ru_utime - own, server)
        nursery.cancel_scope.cancel()


def cpu_of(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_of(process: int) -> float:
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def tell(tally: Tally, passed: float, cpu: float, own: float, server: int) -> None:
    delays = sorted(tally.delays)
    late = delays[int(len(delays) * 0.99)]
    print(
        f"{tally.events / passed:.0f} events/s received, {tally.wrong} lost or doubled; "
        f"{tally.keepalives / passed:.0f} keepalives/s, {tally.failures} failed; "
        f"delay median {statistics.median(delays) * 1000:.0f} ms, 99 % within {late * 1000:.0f} ms"
    )
    print(
        f"the exchange: {cpu / passed:.0%} of a core, {memory_of(server):.0f} MiB; "
        f"all its clients: {own / passed:.0%} of a core"
    )


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(65536, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),) * 2)
    command = [sys.executable, "-m", "trio_listenkey", "exchange", "--json", "--dialect", "usdm"]
    command += ["--events-per-second", "1"]
    for number in range(ACCOUNTS):
        command += ["--api-key", f"api-key-{number}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        trio.run(main, json.loads(process.stdout.readline()), process.pid)
        process.terminate()
        print(f"it ended with status {process.wait()}")
