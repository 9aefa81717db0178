"""Wait for a place in a host's budget, whichever run and thread one is in."""

from __future__ import annotations

from contextlib import AbstractContextManager, suppress

import trio

from .._core._budget import RequestBudget, Ticket
from ._clock import SteadyClock

__all__ = ["BudgetGate"]


class BudgetGate:
    """Where all requests of this process to one host pass.

    Of all who wait, the one who came first keeps the time for the others, too: when there is room again it wakes whom
    the budget serves. When it leaves, the next one does.

    Args:
        budget: The host's.
        lock: One that the thread which has it may take again. It is never held while anybody waits.
    """

    def __init__(self, budget: RequestBudget, lock: AbstractContextManager[object]) -> None:
        self._budget, self._lock = budget, lock
        self._waiting: dict[Ticket, _Waiter] = {}

    async def pass_through(self, ticket: Ticket, clock: SteadyClock, until: float) -> bool:
        """Wait if need be until the request of ``ticket`` may be sent; ``False`` if that is not before ``until``."""
        return self.admit(ticket, clock.now()) or await self.wait(ticket, clock, until)

    def admit(self, ticket: Ticket, now: float) -> bool:
        """Whether the request of ``ticket`` may be sent at once. If not, ``wait`` has to follow."""
        with self._lock:
            return self._budget.admit(ticket, now)

    async def wait(self, ticket: Ticket, clock: SteadyClock, until: float) -> bool:
        """Wait until the request of ``ticket`` may be sent; ``False`` if that is not before ``until``.

        Cancelled, it may have been paid for and is not sent: then a little of the budget is not used.
        """
        with self._lock:
            waiter = self._waiting[ticket] = _Waiter()
            self._serve(clock.now())  # there may be room for this one, and none for those who wait
        try:
            while ticket.is_waiting and (now := clock.now()) < until:
                with self._lock:
                    wake_at = self._budget.next_at(now) if self._is_first(ticket) else until
                await waiter.wait(clock.to_trio(min(until, wake_at)))
                self._serve(clock.now())
            return not ticket.is_waiting
        finally:
            with self._lock:
                self._budget.leave(ticket)
                was_first = self._is_first(ticket)
                del self._waiting[ticket]
                if was_first and self._waiting:
                    next(iter(self._waiting.values())).wake()

    def _serve(self, now: float) -> None:
        with self._lock:
            while (ticket := self._budget.serve(now)) is not None:
                self._waiting[ticket].wake()

    def _is_first(self, ticket: Ticket) -> bool:
        return next(iter(self._waiting)) is ticket


class _Waiter:
    """A task that waits."""

    def __init__(self) -> None:
        self._token = trio.lowlevel.current_trio_token()
        self._scope = trio.CancelScope()

    async def wait(self, until: float) -> None:
        """Wait until then, by trio's clock, or until woken; woken before, not at all."""
        self._scope.deadline = until
        with self._scope:
            await trio.sleep_forever()
        self._scope = trio.CancelScope()

    def wake(self) -> None:
        """Have it look again."""
        if trio.lowlevel.current_trio_token() is self._token:
            self._cancel()
        else:
            with suppress(trio.RunFinishedError):
                self._token.run_sync_soon(self._cancel)

    def _cancel(self) -> None:
        self._scope.cancel(reason="there may be room in the budget")
