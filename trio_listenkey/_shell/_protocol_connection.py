"""A connection on which more is said than events: it looks like any other from outside."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import trio
from trio.lowlevel import enable_ki_protection

from .._protocol._socket_protocol import Moment, SocketProtocol
from ..connectors._base import Connection, OpenToAll
from ._clock import SteadyClock

__all__ = ["OpenProtocolConnection", "ProtocolConnection"]


class ProtocolConnection:
    """Runs a socket protocol on a connection, and delivers the events.

    Args:
        connection: What the protocol sends and receives on.
        protocol: Decides what to send, and which messages are events.
        clock: Tells the time.
    """

    def __init__(self, connection: Connection, protocol: SocketProtocol, clock: SteadyClock) -> None:
        self.protocol = protocol
        self._connection = connection
        self._clock = clock
        self._events: list[bytes] = []
        self._deadline_wait: trio.CancelScope | None = None

    async def begin(self) -> None:
        """Say what has to be said before events come, and wait until they do.

        Raises:
            Exception: They will not, or the connection is over.
        """
        self.protocol.start(self._moment())
        await self._say()
        failure: Exception | None = None
        async with trio.open_nursery() as nursery:
            is_pinging = False
            try:
                while not self._has_begun():
                    if self.protocol.wants_pong and not is_pinging:
                        is_pinging = True
                        nursery.start_soon(self._await_pong)
                    with trio.move_on_after(self._until_there_is_something_to_say()) as self._deadline_wait:
                        await self._listen()
                    await self._say()
            except Exception as error:  # noqa: BLE001 - it is raised below, where no group is made of it
                failure = error
            self._deadline_wait = None
            nursery.cancel_scope.cancel(reason="events come, or will not")
        if failure is not None:
            raise failure

    def _has_begun(self) -> bool:
        # What was refused may have been told in the same breath as what makes it look ready.
        if self.protocol.failure is not None:
            raise self.protocol.failure
        return self.protocol.is_ready

    @enable_ki_protection
    async def _await_pong(self) -> None:
        """Ping while another task is reading: only then are pongs seen."""
        with suppress(Exception):  # the reading task gets the same error
            await self._connection.ping()
            self.protocol.ponged()
            self.wake()

    async def receive(self) -> Sequence[bytes]:
        """As of any connection; but what ends the protocol is raised, too, after the last event."""
        while not self._events:
            self.protocol.delivered()  # the caller has handled the events so far
            if self.protocol.failure is not None:
                await trio.lowlevel.checkpoint()
                raise self.protocol.failure
            await self._listen()
            # Another task sends the answers. If this task sent them, events that were read would not be passed on yet,
            # and a pong would wrongly confirm them.
            self.wake()
        events, self._events = self._events, []
        return events

    async def ping(self) -> None:
        """As of any connection."""
        await self._connection.ping()

    async def send(self, message: str) -> None:
        """As of any connection."""
        await self._connection.send(message)

    async def speak(self) -> None:
        """Send the messages that are due by time; it ends with the connection."""
        while True:
            # First, because a message may have become due before this task could be woken.
            await self._say()
            with trio.CancelScope() as self._deadline_wait:
                await trio.sleep(self._until_there_is_something_to_say())
            self._deadline_wait = None

    def wake(self) -> None:
        """There may be something to say."""
        if self._deadline_wait is not None:
            self._deadline_wait.cancel()

    def _until_there_is_something_to_say(self) -> float:
        return max(0.0, self.protocol.deadline - self._clock.now())

    async def _listen(self) -> None:
        batch = await self._connection.receive()
        self._events += self.protocol.receive_messages(batch, self._moment())

    async def _say(self) -> None:
        # Again and again: while one message is sent, another may come to be due, and nobody is there to be woken.
        while messages := self.protocol.messages_to_send(self._moment()):
            for message in messages:
                await self._connection.send(message)

    def _moment(self) -> Moment:
        return Moment(self._clock.now(), int(self._clock.unix() * 1000))


class OpenProtocolConnection(ProtocolConnection):
    """The same on a connection that the user's own task may read from."""

    def __init__(self, connection: OpenToAll, protocol: SocketProtocol, clock: SteadyClock) -> None:
        super().__init__(connection, protocol, clock)
        self._open_connection = connection

    async def receive_only(self) -> Sequence[bytes]:
        """As of any such connection; what ends the protocol is left to :meth:`receive`."""
        if self._events:
            return ()
        self.protocol.delivered()
        if self.protocol.failure is not None:
            return ()
        batch = await self._open_connection.receive_only()
        events = self.protocol.receive_messages(batch, self._moment()) if batch else ()
        self.wake()
        return events

    def interrupt(self) -> None:
        """As of any such connection."""
        self._open_connection.interrupt()
