"""Stands in for order endpoints, which the local exchange does not have."""

from collections.abc import Awaitable, Callable
from typing import Any

from bot import OPEN

# An order as USD-M tells of it, but for what is different each time.
ORDER: dict[str, Any] = {
    "s": "BTCUSDT", "c": "", "S": "BUY", "o": "LIMIT", "ot": "LIMIT", "f": "GTC",
    "q": "0.001", "p": "9", "ap": "0", "sp": "0", "l": "0", "z": "0", "L": "0", "t": 0,
    "b": "0", "a": "0", "m": False, "R": False, "wt": "CONTRACT_PRICE", "ps": "BOTH",
    "rp": "0",
}  # fmt: skip


class Desk:
    """Keeps orders, and has the exchange tell of each change."""

    def __init__(
        self,
        tell: Callable[[dict[str, Any]], Awaitable[None]],
        clock: Callable[[], int],
    ) -> None:
        self.known: dict[int, tuple[int, int, str]] = {}
        self.reachable = True
        self._tell = tell
        self._clock = clock

    @property
    def open(self) -> set[int]:
        """The ids of the orders that are open: the truth."""
        return {
            order_id for _, order_id, status in self.known.values() if status in OPEN
        }

    async def change(self, order_id: int, status: str) -> None:
        """Let something happen to an order."""
        now = self._clock()
        self.known[order_id] = now, order_id, status
        order = {**ORDER, "i": order_id, "x": status, "X": status, "T": now}
        await self._tell({"T": now, "o": order})

    async def fetch(self, since: int) -> list[tuple[int, int, str]]:
        """Each order that is open, or has changed since."""
        self._check()
        return [
            (changed_at, order_id, status)
            for changed_at, order_id, status in self.known.values()
            if changed_at >= since or status in OPEN
        ]

    async def cancel(self, order_id: int) -> None:
        """Cancel an order, if it is still there."""
        self._check()
        if order_id in self.open:
            await self.change(order_id, "CANCELED")

    def _check(self) -> None:
        if not self.reachable:
            raise OSError("no answer")
