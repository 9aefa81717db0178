"""Which orders are open; with a bug, which the page about generated faults finds."""

from collections.abc import Awaitable, Callable
from typing import Any

from trio_listenkey import Gap, UserEvent, UserStream


class OpenOrders:
    """The numbers of an account's open orders."""

    def __init__(self) -> None:
        self.numbers: set[int] = set()

    async def follow(
        self, stream: UserStream, fetch: Callable[[], Awaitable[set[int]]]
    ) -> None:
        """Keep them up to date; ``fetch`` asks the exchange which are open."""
        async for item in stream:
            match item:
                case Gap(cause="opened"):
                    self.numbers = await fetch()
                case UserEvent(type="ORDER_TRADE_UPDATE"):
                    self._learn(item.data["o"])

    def _learn(self, order: dict[str, Any]) -> None:
        if order["X"] in {"NEW", "PARTIALLY_FILLED"}:
            self.numbers.add(order["i"])
        else:
            self.numbers.discard(order["i"])
