"""Several tasks take events of one stream."""

from collections.abc import Awaitable, Callable

import trio

from trio_listenkey import Gap, UserEvent, UserStream

Handle = Callable[[UserEvent | Gap], Awaitable[None]]


async def tell_all(stream: UserStream, *handles: Handle) -> None:
    """Tell each of ``handles`` everything, in order. A slow one holds up all."""
    async with trio.open_nursery() as nursery:
        senders: list[trio.MemorySendChannel[UserEvent | Gap]] = []
        for handle in handles:
            sender, receiver = trio.open_memory_channel[UserEvent | Gap](1000)
            nursery.start_soon(hand_on, receiver, handle)
            senders.append(sender)
        async for item in stream:
            for sender in senders:
                await sender.send(item)


async def hand_on(
    receiver: trio.MemoryReceiveChannel[UserEvent | Gap], handle: Handle
) -> None:
    """One consumer."""
    async for item in receiver:
        await handle(item)
