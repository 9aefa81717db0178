"""An account's events in an asyncio program: trio runs as a guest of its loop."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import trio
from outcome import Outcome

from trio_listenkey import Credentials, Gap, UserEvent, Venue, open_user_stream

Item = UserEvent | Gap


async def run_bot(
    venue: Venue, credentials: Credentials, handle: Callable[[Item], Awaitable[None]]
) -> None:
    """asyncio: call ``handle`` with each event and gap, until something fails."""
    queue = asyncio.Queue[Item](1000)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(follow(venue, credentials, queue))
        while True:
            await handle(await queue.get())


async def follow(
    venue: Venue, credentials: Credentials, queue: asyncio.Queue[Item]
) -> None:
    """asyncio: put an account's events and gaps into ``queue``, until cancelled."""

    async def main() -> None:
        async with open_user_stream(venue, credentials) as stream:
            async for item in stream:
                await put(queue, item)

    await run_trio(main)


async def run_trio(main: Callable[[], Awaitable[None]]) -> None:
    """asyncio: run ``main`` by trio, in this thread, and raise what it raises.

    If this is cancelled, so is ``main``, and its end is waited for.
    """
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[Outcome[None]] = loop.create_future()
    scope = trio.CancelScope()

    async def in_scope() -> None:
        with scope:
            await main()

    trio.lowlevel.start_guest_run(
        in_scope,
        run_sync_soon_threadsafe=loop.call_soon_threadsafe,
        run_sync_soon_not_threadsafe=loop.call_soon,
        done_callback=ended.set_result,
        host_uses_signal_set_wakeup_fd=True,
    )
    token = trio.lowlevel.current_trio_token()
    cancelled: asyncio.CancelledError | None = None
    # A guest must not outlive its host: a cancellation is passed on, and raised when
    # trio has ended. A stream takes ten seconds at most to close its key.
    while not ended.done():
        try:
            await asyncio.wait([ended])
        except asyncio.CancelledError as error:  # noqa: ASYNC103 - see below
            cancelled = error
            with suppress(trio.RunFinishedError):  # it is about to end by itself
                token.run_sync_soon(scope.cancel)
    ended.result().unwrap()
    if cancelled is not None:
        raise cancelled


async def put(queue: asyncio.Queue[Item], item: Item) -> None:
    """trio: put ``item`` into ``queue``; if that is full, wait until it is not."""
    if not queue.full():
        queue.put_nowait(item)  # the same thread: no hop
        return
    token, done = trio.lowlevel.current_trio_token(), trio.Event()

    def tell(_: object) -> None:
        token.run_sync_soon(done.set)

    putting = asyncio.ensure_future(queue.put(item))
    putting.add_done_callback(tell)
    try:
        await done.wait()
    finally:
        putting.remove_done_callback(tell)
        putting.cancel()
