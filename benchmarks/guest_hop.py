"""What trio as a guest of asyncio's loop costs, beside trio alone.

Another process sends a byte half a millisecond after it was asked for one, so that each is waited for: trio alone waits
in its own thread, the guest has to wait in another one. Then an item goes to a task that waits for it: the guest's is
asyncio's and has the recipe's queue, trio's own has a channel. The hop is the median time from one task to the other.
The rest is CPU time of this process, its threads included, for everything: asking, the byte, and the hop.
"""

from __future__ import annotations

import asyncio
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import trio
from _measuring import report

sys.path.insert(0, str(Path(__file__).parents[1] / "docs" / "recipes"))
import guest_mode

ROUNDS = 15
EVENTS = 300
Put = Callable[[Any], Awaitable[None]]
Get = Callable[[], Awaitable[Any]]
ECHO = """
import socket, sys, time
with socket.socket(fileno=int(sys.argv[1])) as other:
    while byte := other.recv(1):
        time.sleep(0.0005)
        other.send(byte)
"""


@contextmanager
def echo_in_another_process() -> Iterator[socket.socket]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        command = [sys.executable, "-c", ECHO, str(theirs.fileno())]
        with subprocess.Popen(command, pass_fds=[theirs.fileno()]):
            theirs.close()
            yield ours
            ours.close()


async def produce(put: Put, echo: socket.socket) -> float:
    """Have an item after each byte; return the CPU time of one, in microseconds."""
    with trio.socket.fromfd(echo.fileno(), echo.family, echo.type) as stream:
        start = time.process_time()
        for _ in range(EVENTS):
            await stream.send(b"x")
            await stream.recv(1)
            await put(time.perf_counter())
        return (time.process_time() - start) / EVENTS * 1e6


async def consume(get: Get) -> float:
    """Take each item; return the median of how long they were on their way, in microseconds."""
    ways: list[float] = []
    for _ in range(EVENTS):
        sent_at = await get()
        ways.append((time.perf_counter() - sent_at) * 1e6)
    return statistics.median(ways)


async def alone(echo: socket.socket) -> tuple[float, float]:
    sender, receiver = trio.open_memory_channel[Any](1000)
    hops: list[float] = []

    async def note() -> None:
        hops.append(await consume(receiver.receive))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(note)
        spent = await produce(sender.send, echo)
    return spent, hops[0]


async def as_guest(echo: socket.socket) -> tuple[float, float]:
    queue = asyncio.Queue[Any](1000)
    spent: list[float] = []

    async def note() -> None:
        spent.append(await produce(partial(guest_mode.put, queue), echo))

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(guest_mode.run_trio(note))
        hop = await consume(queue.get)
    return spent[0], hop


def main() -> None:
    with echo_in_another_process() as echo:
        trio.run(alone, echo)  # warm
        asyncio.run(as_guest(echo))
        rounds = [(asyncio.run(as_guest(echo)), trio.run(alone, echo)) for _ in range(ROUNDS)]
    guests, hosts = zip(*rounds, strict=True)
    report("a hop to the task that waits", [hop for _, hop in guests], [hop for _, hop in hosts], "us", goal=2.0)
    report("an event, all in all (CPU)", [cpu for cpu, _ in guests], [cpu for cpu, _ in hosts], "us", goal=3.0)


if __name__ == "__main__":
    main()
