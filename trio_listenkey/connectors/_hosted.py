"""For libraries that read in a task of their own: makes them keep the port's contract.

Such a task would read on while no task receives, and would see a pong while the messages before it are still in a
queue. So the library gets a stream with a gate: its task reads once for each time that a receiver asks for more, and
when it is back at the gate, all that it has read is in its queue. What one read brings is what one ``receive`` gives.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any

import trio
from trio.lowlevel import enable_ki_protection

from ._base import Connection, Dial, SocketError
from ._dial import Address
from ._failures import interrupt_in, settled, words
from ._handshake import read_answer
from ._wire import READ, Wire

__all__ = ["HostedConnection", "HostedConnector", "ReadGate"]


class ReadGate(trio.abc.Stream):
    """What the library takes for its stream.

    Attributes:
        idle: Set while the library's task waits for leave to read, or has ended.
        has_ended: Whether it has ended.
        gathering: Cancelled when it becomes idle.
        reads: How many reads there were.
        refusal: Why the handshake failed, where that was seen here.
        on_failure: Called when something could not be sent.
    """

    def __init__(self, wire: Wire) -> None:
        self.idle = trio.Event()
        self.has_ended = False
        self.gathering = trio.CancelScope()
        self.reads = 0
        self.refusal: SocketError | None = None
        self.on_failure: Callable[[], None] = _nobody
        self._wire = wire
        self._leave = trio.Event()
        self._is_shaken = self._is_closed = False
        self._unread = b""
        self._broken: str | None = None

    @property
    def failure(self) -> str | None:
        """Why the stream is of no use any more."""
        return self._broken or self._wire.failure

    def open(self) -> None:
        """Let the library read once."""
        self.idle = trio.Event()
        self._leave.set()
        self._leave = trio.Event()

    def end(self) -> None:
        """The library's task has ended."""
        self.has_ended = True
        self._rest()

    def _rest(self) -> None:
        self.idle.set()
        self.gathering.cancel()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """The next bytes; of the answer to the handshake, at first, nothing but its head."""
        if self._is_closed:
            raise trio.ClosedResourceError
        if not self._is_shaken:
            return await self._answer()
        self._rest()
        await self._leave.wait()
        data, self._unread = self._unread, b""
        try:
            data = data or await self._wire.receive_some(max_bytes or READ)
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            self._broken = self.failure or words(error)
        self.reads += 1
        return data  # an end is an end to the library, however it came about

    async def _answer(self) -> bytes:
        try:
            head, self._unread = await read_answer(self._wire.receive_some)
        except SocketError as error:
            self.refusal = error.with_traceback(None)
            return b""
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            self.refusal = SocketError(words(error))
            return b""
        self._is_shaken = True
        return head

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send ``data`` whole, or let the next read tell: a library that fails to send may lose what it has read."""
        await self._wire.send(bytes(data))
        if self._wire.failure is not None:
            self.on_failure()

    async def wait_send_all_might_not_block(self) -> None:
        """Part of what a stream is; no library asks."""
        raise AssertionError("sending takes no longer than a moment")

    async def aclose(self) -> None:
        """Close the stream at once."""
        self._is_closed = True
        await self._wire.drop()


def _nobody() -> None:
    """Do nothing."""


class HostedConnection(ABC):
    """A library's connection, as the port has it."""

    def __init__(self, gate: ReadGate) -> None:
        self._gate = gate
        gate.on_failure = self._give_up_pings
        self._messages: list[bytes] = []
        # The number of the last read that was handed over, and who waits for it to change.
        self._handed = 0
        self._handing = trio.Event()
        # Around each ping that waits for its pong: cancelled when the connection is over.
        self._pings: set[trio.CancelScope] = set()

    @property
    @abstractmethod
    def is_over(self) -> bool:
        """Whether nothing more will come, once the library's task is idle."""

    @abstractmethod
    def _library_says(self) -> SocketError:
        """Why the connection is over, as far as the library knows."""

    @abstractmethod
    async def _gather(self) -> None:
        """Wait until the library's task is idle, and put all that it has read into ``_messages``."""

    @abstractmethod
    async def _ping(self) -> None:
        """Send a ping, and wait for its pong."""

    @abstractmethod
    async def _send(self, message: str) -> None:
        """Send a text."""

    async def receive(self) -> list[bytes]:
        """See the port."""
        while True:
            await self._gather()
            # From here to the return nothing is awaited: who waits for a pong runs after the receiver has it all.
            self._handed = self._gate.reads
            self._handing.set()
            self._handing = trio.Event()
            if self._messages:
                messages, self._messages = self._messages, []
                return messages
            if self.is_over:
                self._give_up_pings()
                raise self._why_over()
            self._gate.open()

    async def send(self, message: str) -> None:
        """See the port."""
        await trio.lowlevel.checkpoint_if_cancelled()
        if not self.is_over and not self._gate.failure:
            await self._send(message)
        if self.is_over or self._gate.failure:
            raise self._why_over()

    async def ping(self) -> None:
        """See the port."""
        await trio.lowlevel.checkpoint_if_cancelled()
        if self.is_over or self._gate.failure:
            raise self._why_over()
        with trio.CancelScope() as scope:
            self._pings.add(scope)
            try:
                await self._ping()
            finally:
                self._pings.remove(scope)
        if scope.cancelled_caught:
            raise self._why_over()
        # The pong is here. The read that brought it, and messages with it, has yet to be handed to the receiver; no
        # other read can have come between, for that takes the receiver.
        read = self._gate.reads
        while self._handed < read:
            await self._handing.wait()

    def _give_up_pings(self) -> None:
        for scope in self._pings:
            scope.cancel()

    def _why_over(self) -> SocketError:
        return SocketError(self._gate.failure) if self._gate.failure else self._library_says()


Attach = Callable[["LibraryNursery", ReadGate, Address], Awaitable[HostedConnection]]
"""Has a library shake hands over a gate, and start its task."""


class LibraryNursery:
    """What the library takes for its nursery. It is for one task, which never raises, and whose end is told of.

    The task goes on while the block is being cancelled, which may have things to do that take a while.
    """

    def __init__(self, nursery: trio.Nursery, gate: ReadGate) -> None:
        self.opening = trio.CancelScope()
        """Cancelled at the end of the task: else trio-websocket would wait for ever for a handshake that failed."""
        self._nursery = nursery
        self._gate = gate
        # It ends with the block at the latest: stop() is called then, and after that nothing in the task can wait.
        self._scope = trio.CancelScope(shield=True)

    def stop(self) -> None:
        """End the task."""
        self._scope.cancel()

    def start_soon(self, work: Callable[..., Awaitable[Any]], *args: Any) -> None:
        """Run the library's task."""
        self._nursery.start_soon(self._run, work, *args)

    @enable_ki_protection
    async def _run(self, work: Callable[..., Awaitable[Any]], *args: Any) -> None:
        try:
            with self._scope:
                await work(*args)
        except Exception:  # noqa: BLE001, S110 - the receiver is told that it has ended
            pass
        finally:
            self._gate.end()
            self.opening.cancel()


class HostedConnector(AbstractAsyncContextManager[Connection, None]):
    """Opens a connection for as long as the block. A class, not a generator: contextlib's frames know no Ctrl-C.

    No exception enters the nursery, and its tasks raise none: so the block's leaves as it was.
    """

    _wire: Wire
    _tasks: LibraryNursery
    _connection: HostedConnection

    def __init__(self, dial: Dial, url: str, attach: Attach) -> None:
        self._dial, self._url, self._attach = dial, url, attach
        self._nursery_manager = trio.open_nursery()

    @enable_ki_protection
    async def __aenter__(self) -> Connection:
        return await settled(self._open)

    @enable_ki_protection
    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        interrupt = None
        try:
            if exc is None and not self._connection.is_over:
                await self._wire.say_goodbye()  # noqa: ASYNC102 - bounded and shielded inside
        except BaseException as error:  # noqa: ASYNC103, BLE001 - parked: the library's task has to end first
            interrupt = error
        interrupt = await self._leave() or interrupt  # noqa: ASYNC102 - all that it waits for was cancelled
        if interrupt is not None:
            raise interrupt

    async def _open(self) -> Connection:
        address = Address.of(self._url)
        self._wire = Wire(await self._dial(self._url))
        gate = ReadGate(self._wire)
        self._tasks = LibraryNursery(await self._nursery_manager.__aenter__(), gate)
        error: BaseException | None = None
        try:
            with self._tasks.opening:
                self._connection = await self._attach(self._tasks, gate, address)
                return self._connection
        except BaseException as exc:  # noqa: ASYNC103, BLE001 - parked: the library's task has to end first
            error = exc
        if error is None or isinstance(error, Exception):
            reason = gate.failure or "an answer to the handshake that is not a valid one"
            error = gate.refusal or SocketError(reason)
        raise await self._leave() or error

    async def _leave(self) -> BaseException | None:
        """Close the stream, and end the library's task; Ctrl-C, if it came meanwhile."""
        interrupt: BaseException | None = None
        try:
            await self._wire.drop()
        except BaseException as error:  # noqa: ASYNC103, BLE001 - parked, and returned: the nursery has to end first
            interrupt = error
        self._tasks.stop()
        try:
            await self._nursery_manager.__aexit__(None, None, None)
        except BaseExceptionGroup as group:
            interrupt = interrupt_in(group) or interrupt
        return interrupt
