"""A connection with a socket protocol on it: it has the methods of any other connection."""

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
        """Send what the protocol sends before events come, and wait until they come.

        Raises:
            Exception: The protocol failed, or the connection is over.
        """
        self.protocol.start(self._moment())
        await self._send_due()
        failure: Exception | None = None
        async with trio.open_nursery() as nursery:
            is_pinging = False
            try:
                while not self._has_begun():
                    if self.protocol.wants_pong and not is_pinging:
                        is_pinging = True
                        nursery.start_soon(self._await_pong)
                    with trio.move_on_after(self._seconds_to_deadline()) as self._deadline_wait:
                        await self._receive_batch()
                    await self._send_due()
            except Exception as error:  # noqa: BLE001 - it is raised below, where no group is made of it
                failure = error
            self._deadline_wait = None
            nursery.cancel_scope.cancel(reason="events come, or will not")
        if failure is not None:
            raise failure

    def _has_begun(self) -> bool:
        # A refusal may come in the same batch as the message that makes the protocol ready.
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
            await self._receive_batch()
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

    async def send_when_due(self) -> None:
        """Send the messages that are due by time; it ends with the connection."""
        while True:
            # First, because a message may have become due before this task could be woken.
            await self._send_due()
            with trio.CancelScope() as self._deadline_wait:
                await trio.sleep(self._seconds_to_deadline())
            self._deadline_wait = None

    def wake(self) -> None:
        """The protocol may have a message to send: end the wait for its deadline."""
        if self._deadline_wait is not None:
            self._deadline_wait.cancel()

    def _seconds_to_deadline(self) -> float:
        return max(0.0, self.protocol.deadline - self._clock.now())

    async def _receive_batch(self) -> None:
        batch = await self._connection.receive()
        self._events += self.protocol.receive_messages(batch, self._moment())

    async def _send_due(self) -> None:
        # In a loop: while one message is sent, another one may become due, and nothing else would send it.
        while messages := self.protocol.messages_to_send(self._moment()):
            for message in messages:
                await self._connection.send(message)

    def _moment(self) -> Moment:
        return Moment(self._clock.now(), int(self._clock.unix() * 1000))


class OpenProtocolConnection(ProtocolConnection):
    """The same on a connection that the task of a consumer may read from."""

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
