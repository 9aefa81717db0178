"""A stream that frames are sent over: each whole or not at all, and none for longer than a moment."""

from __future__ import annotations

from typing import Final

import trio
from trio.lowlevel import enable_ki_protection
from websockets.frames import Frame, Opcode

from ._failures import words
from ._tcp import InterruptedReadError, InterruptibleStream

__all__ = ["READ", "Wire"]

READ: Final = 64 * 1024
"""Bytes of one read."""

# Seconds. All that is ever sent are a few bytes, for which there is room unless the other side has not read for very
# long. Less than the half second that leaving may take, for closing takes a moment, too.
_LIMIT: Final = 0.4
_STRETCHES: Final = 8  # that it is divided into

_GOODBYE: Final = (1000).to_bytes(2)


class Wire:
    """The bytes below a WebSocket.

    Attributes:
        failure: Why nothing can be sent any more. There may still be something to read.
    """

    def __init__(self, stream: trio.abc.Stream) -> None:
        self.failure: str | None = None
        self._stream = stream
        self._sending = trio.Lock()
        self._interruptible = stream if isinstance(stream, InterruptibleStream) else None
        self._receiving = trio.CancelScope()  # of a read from any other stream

    async def receive_some(self, max_bytes: int = READ) -> bytes:
        """What comes next, as of any stream."""
        return bytes(await self._stream.receive_some(max_bytes))

    async def receive_interruptibly(self) -> bytes | None:
        """What comes next, as of any stream; or ``None``, after :meth:`interrupt`."""
        if self._interruptible is not None:
            try:
                return await self._interruptible.receive_some(READ)
            except InterruptedReadError:
                return None
        with trio.CancelScope() as self._receiving:
            return await self.receive_some()
        return None

    def interrupt(self) -> None:
        """End the :meth:`receive_interruptibly` that is under way, if there is one."""
        if self._interruptible is not None:
            self._interruptible.interrupt()
        else:
            self._receiving.cancel(reason="somebody else will read")

    @enable_ki_protection  # else Ctrl-C would come out of the nursery in a group
    async def send(self, data: bytes) -> None:
        """Send ``data``, or make :attr:`failure` say why not. It does not raise: who reads will learn of it.

        A frame that is cut short would garble all that are sent after it. So neither cancelling its sender nor another
        sender comes between; and it cannot hang, for a stream that takes nothing is dropped: see ``_give_up``.
        """
        outcome: Exception | None = None
        with trio.CancelScope(shield=True) as limit:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_give_up, limit)
                outcome = await self._send_whole(data)
                nursery.cancel_scope.cancel(reason="it was sent, or cannot be")
        if limit.cancelled_caught:
            self.failure = "the other side no longer reads"
            await self.drop()
        elif outcome is not None:
            raise outcome

    async def _send_whole(self, data: bytes) -> Exception | None:
        """Return what a stream raises that none should: it is to come out of no nursery."""
        async with self._sending:
            try:
                await self._stream.send_all(data)
            except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
                self.failure = self.failure or words(error)
            except Exception as error:  # noqa: BLE001 - the user's own ``dial`` may have made it
                return error
        return None

    async def say_goodbye(self) -> None:
        """Send a close frame, and drop the stream without waiting for an answer."""
        try:
            await self.send(Frame(Opcode.CLOSE, _GOODBYE).serialize(mask=True))
        finally:
            await self.drop()  # noqa: ASYNC102 - it closes at once, even when cancelled

    async def drop(self) -> None:
        """Close the stream at once. It raises no cancellation: what is being raised meanwhile is not to be replaced."""
        # Like trio.aclose_forcefully, which does not hide that its caller is cancelled. No deadline is needed: streams
        # close at once in a scope that is cancelled.
        with trio.CancelScope(shield=True) as closing:
            closing.cancel()
            await self._stream.aclose()


@enable_ki_protection
async def _give_up(limit: trio.CancelScope) -> None:
    """End ``limit`` when sending has had its time.

    While the program computes, or is stopped, nothing can be sent: that is no time that the other side has had. So of
    each stretch that took longer than it should, only its own length counts.
    """
    for _ in range(_STRETCHES):
        await trio.sleep(_LIMIT / _STRETCHES)
    limit.cancel(reason="the other side does not read")
