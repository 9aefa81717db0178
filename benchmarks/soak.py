"""Many streams over real sockets, for minutes in which hours pass and everything goes wrong: do the books balance?

The exchange is a process of its own, whose time runs sixty times as fast; this one is all of its clients. It writes
down when each event was emitted, in seconds of a clock that both processes have. In the end each event was delivered,
once and in order, or happened within a gap that was told in its place; else this fails. Memory is that of the clients.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import random
import statistics
import subprocess
import sys
import time
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import trio

from trio_listenkey import Credentials, Gap, StreamStatistics, Timing, UserStream, open_user_stream, venues
from trio_listenkey.testing import (
    USDM,
    CloseSocket,
    Delay,
    Effect,
    Exchange,
    Fault,
    Freeze,
    Garbage,
    HalfOpen,
    Hang,
    KillKey,
    Reset,
    ServedExchange,
    Truncate,
    bad_gateway_html,
    event_number,
    gone,
    rate_limited,
    serve_exchange,
    service_unavailable,
)

TIME_SCALE = 60.0
STREAMS_PER_HOST = 10  # as from one address a host opens but so many sockets in five minutes, whose time is not scaled
TIMING = Timing(
    validity=3600 / TIME_SCALE,
    request_timeout=2,
    close_timeout=5,
    retry_base=0.1,
    retry_cap=2,
    suspend_check_every=1,
    connect_timeout=2,
    ping_every=0.5,
    silence_check_every=2,
    socket_lifetime=90,
)
PATIENCE = 60.0  # seconds that all streams have to be well again, once nothing goes wrong any more
SAME_MOMENT = 1e-6  # seconds: what the sums of floats may differ by

# Durations are the exchange's own: divide them by its scale.
AT_REQUESTS: list[Effect] = [
    Delay(60),
    Garbage(),
    Hang(),
    Reset(),
    Reset(after_work=True),
    Truncate(30),
    bad_gateway_html(),
    rate_limited(1),
    service_unavailable(after_work=True),
]
AT_HANDSHAKES: list[Effect] = [Delay(60), Delay(180), Garbage(), Hang(), Reset(), bad_gateway_html()]
AT_SOCKETS: list[Effect] = [
    CloseSocket(1001),
    Freeze(20),
    Freeze(300),
    Garbage(),
    HalfOpen(),
    KillKey(),
    KillKey(announced=True),
    Reset(),
]


def account_of(number: int) -> tuple[int, str, str]:
    """Which host a stream's account is at, its name there, and its API key."""
    return number // STREAMS_PER_HOST, f"account-{number}", f"api-key-{number}"


# The exchange's process. It is told a word at a time, and answers each with one line of JSON.


@dataclass
class Fair:
    """Several exchanges, each at an address of its own, and what is done to them."""

    count: int
    peace: float
    dice: random.Random
    served: list[ServedExchange] = field(default_factory=list)
    times: dict[int, array[float]] = field(default_factory=dict)
    is_calm: bool = False

    async def run(self) -> None:
        async with AsyncExitStack() as stack:
            for _ in range(account_of(self.count - 1)[0] + 1):
                exchange = Exchange(seed=self.dice.randrange(1000), dialects=[USDM], log_size=1)
                self.served.append(await stack.enter_async_context(serve_exchange(exchange, time_scale=TIME_SCALE)))
            await self._serve()

    async def _serve(self) -> None:
        async with trio.open_nursery() as nursery:
            for number in range(self.count):
                host, name, api_key = account_of(number)
                self.served[host].exchange.add_account(api_key, name=name)
                self.times[number] = array("d")
                nursery.start_soon(self._trade, number)
            answers: dict[str, Callable[[], Any]] = {
                "harm": lambda: self._begin_harm(nursery),
                "calm": self._calm_down,
                "emit": lambda: [self._emit(number, 1) for number in range(self.count)],
                "report": self._report,
            }
            print(json.dumps([[each.rest_url, each.stream_url] for each in self.served]), flush=True)
            while word := await trio.to_thread.run_sync(sys.stdin.readline):
                print(json.dumps(answers[word.strip()]()), flush=True)
            nursery.cancel_scope.cancel()

    async def _trade(self, number: int) -> None:
        while not self.is_calm:
            self._emit(number, self.dice.choice([1, 1, 1, 2, 20]))
            await trio.sleep(self.dice.expovariate(1))

    def _emit(self, number: int, count: int) -> int:
        host, name, _ = account_of(number)
        served = self.served[host]
        self.times[number].extend([time.perf_counter()] * count)
        return served.exchange.emit(name, served.now(), count=count)[-1]

    async def _do_harm(self, host: int) -> None:
        served = self.served[host]
        mine = [account_of(number)[1] for number in range(self.count) if account_of(number)[0] == host]
        while not self.is_calm:
            await trio.sleep(self.dice.expovariate(len(mine) / self.peace))
            if not self.is_calm:
                self._harm(served.exchange, self.dice.choice(mine), served.now())

    def _harm(self, exchange: Exchange, account: str, now: float) -> None:
        match self.dice.randrange(20):
            case 0:
                exchange.freeze(self.dice.choice([20, 200]), now)
            case 1:
                exchange.shut_down_sockets(now, after=30)
            case 2 | 3:
                exchange.kill_key(account, now, announced=self.dice.random() < 0.5)
            case 4 | 5:
                exchange.replace_key(account, now)
            case _:
                exchange.strike_sockets(self.dice.choice(AT_SOCKETS), now, account=account)

    def _begin_harm(self, nursery: trio.Nursery) -> None:
        faults = [Fault(verb="any", effect=effect, probability=0.01) for effect in AT_REQUESTS]
        faults += [Fault(verb="keepalive", effect=gone(), probability=0.01)]
        faults += [Fault(verb="connect", effect=effect, probability=0.02) for effect in AT_HANDSHAKES]
        for host, served in enumerate(self.served):
            served.exchange.add_faults(*faults)
            nursery.start_soon(self._do_harm, host)

    def _calm_down(self) -> None:
        self.is_calm = True
        for served in self.served:
            served.exchange.clear_faults()

    def _report(self) -> dict[str, Any]:
        return {
            "keys": sum(len(served.exchange.open_keys(served.now())) for served in self.served),
            "sockets": sum(len(served.exchange.sockets(served.now())) for served in self.served),
            "times": [list(self.times[number]) for number in range(self.count)],
        }


# The clients' process.


class Client:
    """One stream, and what came of it."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.is_slow = number % 5 == 4  # until it is to hurry
        self.received = array("l")  # a number, or minus one for the next gap: less memory than objects
        self.gaps = array("d")  # from, until, from, until, ...
        self.causes = Counter[str]()
        self.begins_at = 0.0
        self.statistics: StreamStatistics | None = None
        self._dice = random.Random(number)

    async def run(self, urls: Sequence[str], opened: trio.Event, leave: trio.Event) -> None:
        async with open_user_stream(
            venues.BINANCE_USDM.at(*urls),
            Credentials(account_of(self.number)[2]),
            timing=TIMING,
            buffer=20 if self.is_slow else 10_000,
            on_full="drop_oldest" if self.is_slow else "wait",
        ) as stream:
            self.begins_at = trio.current_time()
            opened.set()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._consume, stream)
                await leave.wait()
                nursery.cancel_scope.cancel()
        self.statistics = stream.statistics()

    async def _consume(self, stream: UserStream) -> None:
        async for item in stream:
            if isinstance(item, Gap):
                self.gaps.extend((item.started_at, item.ended_at))
                self.causes[item.cause] += 1
                self.received.append(-1)
            elif item.type == "ORDER_TRADE_UPDATE":
                self.received.append(event_number(item.data))
            if self.is_slow:
                await trio.sleep(self._dice.expovariate(1 / 0.3))

    @property
    def latest(self) -> int:
        return next((number for number in reversed(self.received) if number > 0), 0)

    def audit(self, times: Sequence[float]) -> list[str]:
        """What is wrong with what was received of events that were emitted at ``times``."""
        wrong: list[str] = []
        gaps, told, last = zip(self.gaps[::2], self.gaps[1::2], strict=True), list[tuple[float, float]](), 0
        for number in self.received:
            if number < 0:
                told.append(next(gaps))
                continue
            if number <= last:
                wrong.append(f"{number} after {last}")
            for missing in range(last + 1, number):
                emitted_at = times[missing - 1]
                if emitted_at >= self.begins_at and not any(_covers(*gap, emitted_at) for gap in told):
                    wrong.append(f"{missing}, emitted at {emitted_at:.6f}, is in none of {told}")
            told, last = [], number
        if last != len(times):
            wrong.append(f"{last} was the last of {len(times)}")
        return [f"stream {self.number}: {each}" for each in wrong]


def _covers(start: float, end: float, moment: float) -> bool:
    return start - SAME_MOMENT <= moment <= end + SAME_MOMENT


@contextmanager
def fair(streams: int, peace: float, seed: int) -> Iterator[Callable[[str], Any]]:
    """Start the exchange's process, and make a function that says a word to it and returns its answer."""
    command = [sys.executable, __file__, "--fair", f"--streams={streams}", f"--peace={peace}", f"--seed={seed}"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        told, answers = process.stdin, process.stdout
        assert told is not None
        assert answers is not None

        def say(word: str) -> Any:
            if word:
                print(word, file=told, flush=True)
            return json.loads(answers.readline())

        yield say
        told.close()


def memory() -> float:
    """MiB of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


async def watch_memory(samples: list[tuple[float, float]]) -> None:
    while True:
        samples.append((trio.current_time() / 60, memory()))
        await trio.sleep(1)


async def soak(say: Callable[[str], Any], clients: Sequence[Client], seconds: float) -> list[str]:
    """Hold all streams for so long, and return what was wrong."""
    began, before = trio.current_time(), memory()
    urls = say("")
    leave, samples = trio.Event(), list[tuple[float, float]]()
    async with trio.open_nursery() as nursery:
        for client in clients:
            opened = trio.Event()
            nursery.start_soon(client.run, urls[account_of(client.number)[0]], opened, leave)
            await opened.wait()
        opened_in, opened_with = trio.current_time() - began, memory()
        nursery.start_soon(watch_memory, samples)
        say("harm")
        await trio.sleep(seconds)
        say("calm")
        for client in clients:
            client.is_slow = False
        well_after = await be_well(say, clients)
        left_at = trio.current_time()
        leave.set()
        while len(nursery.child_tasks) > 1:
            await trio.sleep(0.05)
        left_in = trio.current_time() - left_at
        nursery.cancel_scope.cancel()
    await trio.sleep(1)
    report = say("report")
    print(
        f"opened in {opened_in:.1f} s; well again {well_after:.1f} s after the last fault; left in {left_in:.1f} s; "
        f"{report['keys']} keys and {report['sockets']} sockets are still at the exchange"
    )
    tell_memory(before, opened_with, samples)
    to_trio = trio.current_time() - time.perf_counter()
    wrong: list[str] = []
    for client, times in zip(clients, report["times"], strict=True):
        wrong += client.audit([at + to_trio for at in times])
    tell(clients, sum(map(len, report["times"])))
    if well_after > PATIENCE:
        wrong.append("not all streams were well again")
    if left_in > 2 * TIMING.close_timeout:
        wrong.append("leaving took too long")
    if report["keys"] or report["sockets"]:
        wrong.append("keys or sockets were left")
    return wrong


async def be_well(say: Callable[[str], Any], clients: Sequence[Client]) -> float:
    """Wait until every stream delivers what is emitted; the seconds that it took."""
    began = trio.current_time()
    while trio.current_time() < began + PATIENCE:
        due = say("emit")
        with trio.move_on_after(1):
            while any(client.latest < number for client, number in zip(clients, due, strict=True)):
                await trio.sleep(0.02)
            return trio.current_time() - began
    return PATIENCE + 1


def tell_memory(before: float, opened_with: float, samples: Sequence[tuple[float, float]]) -> None:
    """Print figures in MiB; the slope is that of the straight line through all but the first fifth."""
    warm = samples[len(samples) // 5 :]
    minute, mean = (statistics.fmean(column) for column in zip(*warm, strict=True))
    slope = sum((at - minute) * (mib - mean) for at, mib in warm) / sum((at - minute) ** 2 for at, _ in warm)
    print(
        f"memory: {before:.1f} MiB before, {opened_with:.1f} with all streams open, {warm[0][1]:.1f} when warm, "
        f"{warm[-1][1]:.1f} at the end, at most {max(mib for _, mib in samples):.1f}; "
        f"slope when warm {slope * 1024:+.0f} KiB/min"
    )


def tell(clients: Sequence[Client], emitted: int) -> None:
    """Print what the streams counted."""
    told = [client.statistics for client in clients if client.statistics is not None]
    causes = sum((client.causes for client in clients), Counter[str]())
    delivered = sum(number > 0 for client in clients for number in client.received)
    print(
        f"events: {emitted} emitted, {delivered} delivered, {sum(each.dropped for each in told)} dropped as wished; "
        f"gaps: {', '.join(f'{count} {cause}' for cause, count in causes.most_common()) or 'none'}"
    )
    names = ("connects", "failed_connects", "disconnects", "moves", "duplicates", "silence_checks")
    print("streams: " + ", ".join(f"{sum(getattr(each, name) for each in told)} {name}" for name in names))
    names = ("requests", "created", "renewed", "retries", "waits", "losses")
    print("keys: " + ", ".join(f"{sum(getattr(each.key, name) for each in told)} {name}" for name in names))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0, help="for how long all goes wrong")
    parser.add_argument("--streams", type=int, default=50)
    parser.add_argument(
        "--peace", type=float, default=40.0, help="seconds between two strikes at one stream, on average"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--fair", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.fair:
        trio.run(Fair(options.streams, options.peace, random.Random(options.seed)).run)
        return
    logging.getLogger("trio_listenkey").setLevel(logging.ERROR)  # thousands of warnings, and all are our own doing
    clients = [Client(number) for number in range(options.streams)]
    with fair(options.streams, options.peace, options.seed) as say:
        wrong = trio.run(soak, say, clients, options.seconds)
    print(*(each[:600] for each in wrong[:20]), sep="\n", end="\n" if wrong else "")
    print(f"{len(wrong)} mistakes" if wrong else "the books balance")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
