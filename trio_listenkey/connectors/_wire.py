"""A stream that frames are sent over: each whole or not at all, and none for longer than a moment."""

from __future__ import annotations

from typing import Final

import trio
from websockets.frames import Frame, Opcode

from ._failures import words

__all__ = ["READ", "Wire"]

READ: Final = 64 * 1024
"""Bytes of one read."""

# Seconds. All that is ever sent are a few bytes, for which there is room unless the other side has not read for very
# long. Less than the half second that leaving may take, for closing takes a moment, too.
_LIMIT: Final = 0.4

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

    async def receive_some(self, max_bytes: int = READ) -> bytes:
        """What comes next, as of any stream."""
        return bytes(await self._stream.receive_some(max_bytes))

    async def send(self, data: bytes) -> None:
        """Send ``data``, or make :attr:`failure` say why not. It does not raise: who reads will learn of it.

        A frame that is cut short would garble all that are sent after it. So neither cancelling its sender nor another
        sender comes between; and it cannot hang, for a stream that takes nothing is dropped.
        """
        with trio.move_on_after(_LIMIT, shield=True) as limit:
            async with self._sending:
                try:
                    await self._stream.send_all(data)
                except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
                    self.failure = self.failure or words(error)
        if limit.cancelled_caught:
            self.failure = "the other side takes nothing any more"
            await self.drop()

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
