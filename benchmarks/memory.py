"""What a key that is held costs in memory, beyond its transport; beside it, a bare task with a nursery of its own."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Awaitable, Callable

import trio
from _measuring import row

from trio_listenkey import Credentials, open_listen_key, venues
from trio_listenkey.transports import Request, Response


class Echo:
    """A transport that holds nothing: each account's key is made from its API key."""

    async def request(self, request: Request) -> Response:
        await trio.lowlevel.checkpoint()
        api_key = request.headers[0][1]
        return Response(200, (), b'{"listenKey":"%064d"}' % int(api_key))

    async def aclose(self) -> None:
        await trio.lowlevel.checkpoint()


async def hold_key(number: int) -> None:
    async with open_listen_key(venues.BINANCE_USDM, Credentials(str(number)), transport=ECHO, on_exit="leave"):
        await trio.sleep_forever()


async def hold_nothing(_: int) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.sleep_forever)
        await trio.sleep_forever()


async def hold_task(_: int) -> None:
    await trio.sleep_forever()


ECHO = Echo()


async def kib_each(hold: Callable[[int], Awaitable[None]], count: int) -> float:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(hold, 10**6)  # whatever is made once is made
        await trio.testing.wait_all_tasks_blocked()
        gc.collect()
        tracemalloc.start()
        before, _ = tracemalloc.get_traced_memory()
        for number in range(count):
            nursery.start_soon(hold, number)
        await trio.testing.wait_all_tasks_blocked()
        # Until all are open, as fast as the host's budget has room; and until trio has forgotten the deadlines of that.
        await trio.sleep(900)
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        nursery.cancel_scope.cancel()
    return (after - before) / count / 1024


async def main() -> None:
    for count in (1_000, 10_000):
        task, nothing, key = [await kib_each(hold, count) for hold in (hold_task, hold_nothing, hold_key)]
        # The block's own task is its user's: what the library holds is the rest.
        print(f"    beyond the task it is opened in; a nursery with one child has {nothing - task:.2f} KiB")
        row(f"memory of an open key, of {count:,}", key - task, "KiB", 6)


if __name__ == "__main__":
    import trio.testing

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
