"""What many keys and many quiet streams cost, in virtual time: CPU, requests, and whether any key is lost.

Nothing is sent anywhere: a transport answers from memory, after 50 ms of virtual time. CPU time is that of the keepers
and of trio's scheduler. Run a part by name: ``cpu``, ``cancel``, ``quiet``, ``day``, ``full``, ``killed``, ``flat``.
"""

from __future__ import annotations

import gc
import logging
import sys
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable

import trio
from _measuring import BROKEN, row
from trio.testing import MockClock

from trio_listenkey import Credentials, ListenKey, Timing, UserStream, open_listen_key, open_user_stream, venues
from trio_listenkey.testing import Exchange, MemoryConnector, MemoryTransport
from trio_listenkey.transports import Request, Response

HOUR, DAY = 3600.0, 86_400.0
BUDGET = venues.BINANCE_USDM.weight_budget or 0


class Echo:
    """Each account's key is made from its API key; counts the requests of each minute."""

    in_memory = True

    def __init__(self) -> None:
        self.requests = 0
        self.minutes: Counter[int] = Counter()

    async def request(self, request: Request) -> Response:
        self.requests += 1
        self.minutes[int(trio.current_time() // 60)] += 1
        await trio.sleep(0.05)
        return Response(200, (), b'{"listenKey":"%064d"}' % int(dict(request.headers)["X-MBX-APIKEY"]))

    async def aclose(self) -> None:
        await trio.lowlevel.checkpoint()


class Dying(Echo):
    """Each create makes another key; the next keepalive finds it dead if that is said."""

    is_dead = False

    async def request(self, request: Request) -> Response:
        await trio.sleep(0.05)
        if request.method == "PUT" and self.is_dead:
            self.is_dead = False
            return Response(400, (), b'{"code":-1125,"msg":"This listenKey does not exist."}')
        self.requests += request.method == "POST"
        return Response(200, (), b'{"listenKey":"%064d"}' % self.requests)


async def hold(number: int, echo: Echo, keys: list[ListenKey]) -> None:
    block = open_listen_key(venues.BINANCE_USDM, Credentials(str(number)), transport=echo, on_exit="leave")
    async with block as key:
        keys.append(key)
        await trio.sleep_forever()


async def keep(
    count: int, hours: float, *, opening: float, look: Callable[[list[ListenKey]], None] = lambda _: None
) -> tuple[Echo, list[ListenKey], float, float]:
    """Open ``count`` keys and keep them; CPU seconds of a keepalive, and of cancelling them all."""
    echo, keys = Echo(), list[ListenKey]()
    async with trio.open_nursery() as nursery:
        for number in range(count):
            nursery.start_soon(hold, number, echo, keys)
            await trio.sleep(0.01)  # where only real time passes the library sees a machine asleep
        await trio.sleep(opening)
        assert len(keys) == count, f"{len(keys)} of {count} are open"
        before, start = echo.requests, time.process_time()
        for _ in range(int(hours * 20)):
            await trio.sleep(HOUR / 20)
            look(keys)
        each = (time.process_time() - start) / max(1, echo.requests - before)
        start = time.process_time()
        nursery.cancel_scope.cancel()
    return echo, keys, each, time.process_time() - start


async def bare_nurseries(count: int) -> float:
    """CPU seconds of cancelling tasks that each have a nursery with one child, and no more."""

    async def sleeper() -> None:
        async with trio.open_nursery() as inner:
            inner.start_soon(trio.sleep_forever)
            await trio.sleep_forever()

    async with trio.open_nursery() as nursery:
        for _ in range(count):
            nursery.start_soon(sleeper)
        await trio.testing.wait_all_tasks_blocked()
        start = time.process_time()
        nursery.cancel_scope.cancel()
    return time.process_time() - start


async def cpu() -> None:
    _, _, each, _ = await keep(2_000, 2, opening=300)
    row("CPU per keepalive, 2,000 keys", each * 1e6, "us", 250)


async def cancel() -> None:
    _, _, _, seconds = await keep(10_000, 0.1, opening=900)
    bare = await bare_nurseries(10_000)
    row("cancel 10,000 keys, ratio to 10,000 bare nurseries", seconds / bare, "x", 2.5)
    print(f"    {seconds:.2f} s, and {bare:.2f} s")


async def day() -> None:
    echo, keys, each, _ = await keep(10_000, 24, opening=900)
    lost = sum(key.statistics().losses for key in keys)
    row("10,000 keys for a day at half a host's budget: lost", lost, "", 0, promise=0)
    row("    busiest minute", max(echo.minutes.values()), "", BUDGET, promise=BUDGET)
    row("    CPU per keepalive", each * 1e6, "us", 250)


async def full() -> None:
    """As many as fit: 60 in 61 parts of 1,200 a minute, and 50 minutes for each."""
    least: list[float] = []

    def look(keys: list[ListenKey]) -> None:
        # Some of them: to ask all takes seconds in which virtual time stands still, which counts as a machine asleep.
        least.append(min(key.expires_at for key in keys[:: len(keys) // 1000]) - trio.current_time())

    echo, keys, each, _ = await keep(59_000, 4, opening=2 * HOUR, look=look)
    lost = sum(key.statistics().losses for key in keys)
    row("59,000 keys at half a host's budget: lost", lost, "", 0, promise=0)
    row("    least life left, short of the margin of 600 s", max(0, 600 - min(least)), "s", 5)
    row("    busiest minute", max(echo.minutes.values()), "", BUDGET, promise=BUDGET)
    row("    CPU per keepalive", each * 1e6, "us", 250)


async def flat() -> None:
    """Thirty days of a key that dies each hour: what of the replaced ones stays."""
    echo, sizes = Dying(), list[int]()
    block = open_listen_key(venues.BINANCE_USDM, Credentials("1"), transport=echo, on_exit="leave")
    logging.disable()
    tracemalloc.start()
    async with block as key:
        for _ in range(31):
            for _ in range(24):
                echo.is_dead = True
                await trio.sleep(HOUR)
            gc.collect()
            sizes.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    logging.disable(logging.NOTSET)
    assert key.generation >= 31 * 24
    row("24 replaced keys a day: bytes that stay, a day", (sizes[-1] - sizes[0]) / 30, "B", 50)


async def quiet() -> None:
    exchange = Exchange(seed=1)
    exchange.add_account("an-api-key", name="one")
    ports = {"transport": MemoryTransport(exchange), "connector": MemoryConnector(exchange)}
    async with open_user_stream(venues.BINANCE_USDM, Credentials("an-api-key"), **ports):  # type: ignore[arg-type]
        before = len(exchange.log)
        await trio.sleep(10 * HOUR)
        row("requests an hour of one quiet stream", (len(exchange.log) - before) / 10, "", 61)


async def killed() -> None:
    """2,000 quiet streams, more than the budget has room to ask for each minute; one in a hundred dies silently."""
    count = 2_000
    exchange = Exchange(seed=1)
    transport, connector = MemoryTransport(exchange), MemoryConnector(exchange)
    streams: dict[int, UserStream] = {}
    timing = Timing(open_timeout=2 * HOUR, ping_every=60)

    async def follow(number: int) -> None:
        exchange.add_account(str(number), name=str(number))
        block = open_user_stream(
            venues.BINANCE_USDM, Credentials(str(number)), transport=transport, connector=connector, timing=timing
        )
        async with block as streams[number]:
            await trio.sleep_forever()

    async with trio.open_nursery() as nursery:
        for number in range(count):
            nursery.start_soon(follow, number)
            await trio.sleep(0.01)
        while len(streams) < count:
            await trio.sleep(60)
        await trio.sleep(600)
        waits = [key.throttled_for for stream in streams.values() if (key := stream.statistics().key)]
        bound = timing.silence_check_every + max(waits)
        victims = range(0, count, 100)
        began = trio.current_time()
        for number in victims:
            exchange.kill_key(str(number), began)
        found: dict[int, float] = {}
        while len(found) < len(victims) and trio.current_time() < began + HOUR:
            await trio.sleep(1)
            for number in victims:
                if number not in found and streams[number].statistics().generation > 1:
                    found[number] = trio.current_time() - began
        nursery.cancel_scope.cancel()
    row("2,000 quiet streams, 20 keys killed: not found", len(victims) - len(found), "", 0, promise=0)
    slowest = max(found.values())
    row("    the slowest; the goal is the bound that statistics() tells", slowest, "s", bound + 5, promise=bound + 5)
    asked = Counter(int(entry.when // 60) for entry in exchange.log if entry.verb in {"create", "keepalive"})
    row("    busiest minute", max(asked.values()), "", BUDGET, promise=BUDGET)


PARTS = {part.__name__: part for part in (cpu, cancel, quiet, day, full, killed, flat)}

if __name__ == "__main__":
    for name in sys.argv[1:] or PARTS:
        trio.run(PARTS[name], clock=MockClock(autojump_threshold=0))
    sys.exit(bool(BROKEN))
