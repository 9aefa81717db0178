"""Stands in for order endpoints, which the local exchange does not have."""

from collections.abc import Awaitable, Callable
from typing import Any

from bot import OPEN, Order


class Desk:
    """Keeps orders, and has the exchange tell of each change."""

    def __init__(
        self,
        tell: Callable[[dict[str, Any]], Awaitable[None]],
        clock: Callable[[], int],
    ) -> None:
        self.known: dict[int, tuple[int, Order]] = {}
        self.reachable = True
        self._tell = tell
        self._clock = clock

    @property
    def open(self) -> set[int]:
        """The numbers of the orders that are open: the truth."""
        return {
            number for number, (_, order) in self.known.items() if order["X"] in OPEN
        }

    async def change(self, number: int, status: str) -> None:
        """Let something happen to an order."""
        now, order = self._clock(), {"i": number, "s": "BTCUSDT", "X": status}
        self.known[number] = now, order
        await self._tell({"T": now, "o": order})

    async def fetch(self, since: int) -> list[tuple[int, Order]]:
        """Each order that is open, or has changed since."""
        self._check()
        return [
            (changed_at, order)
            for changed_at, order in self.known.values()
            if changed_at >= since or order["X"] in OPEN
        ]

    async def cancel(self, number: int) -> None:
        """Cancel an order, if it is still there."""
        self._check()
        if number in self.open:
            await self.change(number, "CANCELED")

    def _check(self) -> None:
        if not self.reachable:
            raise OSError("no answer")
