"""A consumer that waits for an event reads the socket itself; the socket's own task stands by meanwhile.

Why
===

An event that comes alone would cost two turns of trio's scheduler: one for the task that reads, another for the one
that is woken by it. Where the consumer reads, it costs one.

What does not depend on the consumer
====================================

Nobody has to come back for the stream to go on. The socket's task reads again

* when nobody has read for a while: the consumer is busy with something else;
* at once, when the consumer's read is cancelled, or when there is more to do than to read: see ``OpenToAll``, in
  ``connectors._base``. All that is sent, and each end of a socket, is that task's business;
* when its socket is to be closed.

Pings are sent, and deadlines kept, by other tasks all the time. An answer is seen by whoever reads.

A consumer is away for a short time after each event. So its absence costs no timer of its own: one that runs is left to
run, and sees when it is over whether somebody has read meanwhile. While somebody reads, and no event comes, none runs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf
from typing import Final

import trio

from ..connectors._base import OpenToAll

__all__ = ["AWAY", "Standby"]

AWAY: Final = 0.02
"""Seconds. Where nobody reads for so long, and twice that at most, the socket's task does: an event's ``received_at``
may be late by as much."""


class Standby:
    """One stretch of time in which the socket's task leaves it to consumers to read.

    Args:
        connection: What is read from.
        report: Told of each batch, as it was received.
    """

    __slots__ = ("_connection", "_has_read", "_is_over", "_is_reading", "_report", "_waiting")

    def __init__(self, connection: OpenToAll, report: Callable[[Sequence[bytes]], None]) -> None:
        self._connection, self._report = connection, report
        self._is_reading = self._is_over = False
        self._has_read = False  # since the timer began to run
        self._waiting = trio.CancelScope()  # of the socket's task, which has the timer

    # For the socket's task.

    async def last(self) -> None:
        """Wait until it is over. From then on, no consumer begins to read; one that does is about to stop."""
        try:
            has_read = True
            while not self._is_over and has_read:
                until = inf if self._is_reading else trio.current_time() + AWAY
                self._has_read = False
                with trio.CancelScope(deadline=until) as self._waiting:
                    await trio.sleep_forever()
                has_read = self._has_read or self._is_reading
        finally:
            self._is_over = True
            self.interrupt()

    # For consumers.

    @property
    def is_free(self) -> bool:
        """Whether who waits for an event may read."""
        return not (self._is_reading or self._is_over)

    async def read(self) -> None:
        """Read once, and report it; or find that the socket's task has to.

        What was received is reported before anything else is waited for. So a cancellation, or Ctrl-C, comes before
        there is something to lose, or at the next wait.
        """
        batch: Sequence[bytes] = ()
        self._is_reading = True
        try:
            batch = await self._connection.receive_only()
        except Exception:  # noqa: BLE001, S110 - a connector may be anyone's; the socket's task will hear of it
            pass
        finally:
            self._is_reading = False
            if not batch:
                self._is_over = True
                self._waiting.cancel(reason="nobody reads")
        if batch:
            self._has_read = True
            if self._waiting.deadline == inf:
                self._waiting.deadline = trio.current_time() + AWAY
            self._report(batch)

    # For both.

    def interrupt(self) -> None:
        """End the consumer's read, if there is one: there is something to take, or the socket's task reads."""
        if self._is_reading:
            self._connection.interrupt()
