"""The channel that a block takes its events from.

How an event gets here
======================

* Where items are there, they are taken, and nothing else happens.
* Where none is, and the socket's task stands by, who waits reads the socket by itself (``_standby``): bytes, frames,
  the stream's machine and its buffer are one step of this task.
* Otherwise the socket's task reads (``_socket_pool._read``), does the same, and wakes who waits by ``_wake``. If that
  is one task, it will come back for more; so the socket's task stands by from then on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Generic, final

import trio
from trio.lowlevel import enable_ki_protection

from .._core._stream import Stream
from .._core._stream_states import SocketState
from .._errors import SlowConsumerError, UsageError, name_error
from .._events import Gap, StreamItem, UserEvent
from .._statistics import StreamStatistics
from .._value import replace
from .._venue._signed_venue import AnyVenue
from ..events._types import E_co
from ._listen_key import ListenKey
from ._standby import Standby
from ._stream_access import StreamAccess

__all__ = ["UserStream"]

# How many events are taken between two that let other tasks run: a full checkpoint costs more than all the rest of
# taking an event. Whether the task was cancelled is asked for each.
_CHECKPOINT_EVERY = 64


@final
class UserStream(trio.abc.ReceiveChannel[StreamItem[E_co]], Generic[E_co]):
    """An account's events in order, and a :class:`Gap` wherever events may be missing.

    :func:`open_user_stream` yields it; there is no other way to get one. Iterate over it, or call :meth:`receive`;
    you may leave the loop and start another one. Several tasks may receive: each event goes to one of them.
    """

    __slots__ = (
        "_access",
        "_closed",
        "_items",
        "_machine",
        "_made_room",
        "_readers",
        "_standby",
        "_sync",
        "_until_rest",
        "name",
        "venue",
    )

    venue: AnyVenue[E_co]
    """The exchange."""

    name: str
    """The account's name."""

    def __init__(
        self, access: StreamAccess, machine: Stream, sync: Callable[[], None], made_room: Callable[[], None]
    ) -> None:
        # Both know the venue that the stream was opened for, and not its type.
        venue: Any = access.venue
        items: Any = machine.buffer.items
        self.venue, self.name = venue, access.name
        self._access = access
        self._machine = machine
        self._items: deque[UserEvent[E_co] | Gap] = items
        self._sync = sync
        self._made_room = made_room
        self._readers = trio.lowlevel.ParkingLot()
        self._standby: Standby | None = None  # where who waits may read the socket itself
        self._until_rest = _CHECKPOINT_EVERY
        self._closed = False

    @property
    def last_event_time(self) -> int | None:
        """The exchange's time of the last event that was received by your program, in milliseconds since 1970.

        Pass it as ``since`` to the next stream of this account, whose first gap then begins here. Messages about the
        socket or the key do not count, because they may be newer than an event that was missed. Before the first event
        it is this stream's own ``since``.
        """
        return self._machine.last_event_time

    @property
    def key(self) -> ListenKey:
        """The stream's listen key.

        Raises:
            UsageError: This exchange has no listen keys.
        """
        if self._access.key is None:
            raise UsageError(
                f"{self.venue.name} has no listen keys", advice="Its streams are requested on the socket itself"
            )
        return self._access.key

    @enable_ki_protection
    async def receive(self) -> UserEvent[E_co] | Gap:
        """Return the next event or gap; wait for it if necessary.

        Raises:
            trio.ClosedResourceError: The stream was closed, or its block has ended.
            SlowConsumerError: The buffer was full, with ``on_full="fail"``; all buffered events were received.
        """
        await self._wait_for_items()
        item = self._items.popleft()
        self._machine.buffer.took(item)
        self._made_room()
        return item

    # The same again, for it is what ``async for`` calls, and a call within a call would be a third of its cost.
    @enable_ki_protection
    async def __anext__(self) -> UserEvent[E_co] | Gap:
        if self._items and self._until_rest:
            self._until_rest -= 1
            await trio.lowlevel.checkpoint_if_cancelled()
        else:
            await self._wait_for_items()
        item = self._items.popleft()
        self._machine.buffer.took(item)
        self._made_room()
        return item

    @enable_ki_protection
    async def receive_batch(self) -> list[UserEvent[E_co] | Gap]:
        """Return all buffered events and gaps, in order, and at least one: faster where events come in bursts.

        Raises:
            trio.ClosedResourceError: As in :meth:`receive`.
            SlowConsumerError: As in :meth:`receive`.
        """
        await self._wait_for_items()
        batch: list[Any] = self._machine.buffer.take_all()
        self._made_room()
        return batch

    @enable_ki_protection
    async def aclose(self) -> None:
        """Close the stream's sockets and discard the buffer. The key stays open until the block ends."""
        self._close()
        await trio.lowlevel.checkpoint()

    @enable_ki_protection
    def statistics(self) -> StreamStatistics:
        """The stream's statistics; ``is_live`` says whether a fill would be received now."""
        if self._machine.state is not SocketState.CLOSED:
            self._sync()
        key = self._access.key
        statistics = self._machine.statistics(key.statistics() if key else None, self._access.expires_at)
        return replace(statistics, name=self.name)

    def _is_up_to(self, gap: Gap) -> bool:
        """Whether ``gap`` is the last one of all that were told: none was taken after it, and none waits."""
        buffer = self._machine.buffer
        return gap == buffer.taken_gap and not buffer.has_gap

    async def _wait_for_items(self) -> None:
        if self._items and self._until_rest:
            self._until_rest -= 1
            await trio.lowlevel.checkpoint_if_cancelled()
        elif self._items or self._is_over:
            self._until_rest = _CHECKPOINT_EVERY
            await trio.lowlevel.checkpoint()
        # Else there is a wait, which lets other tasks run by itself.
        while not self._items or self._closed:
            self._raise_if_over()
            self._until_rest = _CHECKPOINT_EVERY
            if self._standby is not None and self._standby.is_free:
                await self._standby.read()
            else:
                await self._readers.park()

    @property
    def _is_over(self) -> bool:
        return self._closed or self._machine.buffer.overflowed

    def _raise_if_over(self) -> None:
        if self._closed:
            raise trio.ClosedResourceError("the stream was closed")
        if self._machine.buffer.overflowed:
            error = SlowConsumerError(
                "events came faster than they were taken, and the buffer is full",
                advice="Take them faster, open the stream with a larger buffer, or with another on_full",
                venue=self.venue.name,
            )
            name_error(error, self.name)
            raise error

    @property
    def _is_awaited(self) -> bool:
        """Whether one task waits for an event: with more of them, each event may go to another one."""
        return len(self._readers) == 1

    def _wake(self) -> None:
        if self._items or self._machine.buffer.overflowed:
            self._wake_all()

    def _wake_all(self) -> None:
        if self._readers:
            self._readers.unpark_all()
        if self._standby is not None:
            self._standby.interrupt()

    def _close(self) -> None:
        if not self._closed:
            self._closed = True
            self._items.clear()
            self._wake_all()
            if self._machine.state is not SocketState.CLOSED:
                self._machine.stop()
                self._sync()

    def __repr__(self) -> str:
        return f"<UserStream of {self.name}, {self._machine.state_name}, {len(self._items)} buffered>"
