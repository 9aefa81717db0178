"""What is known of an account, and by whom it was told when."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from ._shelf import Shelf
from ._words import Balance, Change, Changes, Order, Position, Word

__all__ = ["ChangeLog", "Known"]


class ChangeLog:
    """Gathers changes: of several to one thing, what was known before the first and after the last."""

    def __init__(self) -> None:
        self._orders: dict[object, Change[Order]] = {}
        self._balances: dict[object, Change[Balance]] = {}
        self._positions: dict[object, Change[Position]] = {}
        self.gone: list[Order] = []
        self.unresolved: list[str] = []

    def order(self, change: Change[Order] | None) -> None:
        """Note a change to an order, if it is one."""
        if change is not None:
            earlier = self._orders.get(change.after.key)
            self._orders[change.after.key] = change if earlier is None else Change(earlier.before, change.after)

    def balance(self, change: Change[Balance] | None) -> None:
        """Note a change to a balance, if it is one."""
        if change is not None:
            earlier = self._balances.get(change.after.key)
            self._balances[change.after.key] = change if earlier is None else Change(earlier.before, change.after)

    def position(self, change: Change[Position] | None) -> None:
        """Note a change to a position, if it is one."""
        if change is not None:
            earlier = self._positions.get(change.after.key)
            self._positions[change.after.key] = change if earlier is None else Change(earlier.before, change.after)

    def result(self) -> Changes:
        """All of them."""
        return Changes(
            orders=tuple(self._orders.values()),
            balances=tuple(self._balances.values()),
            positions=tuple(self._positions.values()),
            gone=tuple(self.gone),
            unresolved=tuple(self.unresolved),
        )


class Known:
    """The newest word on everything.

    Args:
        remember: How many orders that are over are kept.

    Attributes:
        orders: By symbol and number.
        balances: By asset.
        positions: By symbol and side.
        tick: Counts the events of the stream, so that it is known which came before an asking, and which
            since. A gap counts, too.
        owed_since: From when on events may be missing that no asking has made up for, in the exchange's milliseconds;
            ``None`` for never.
        askings: How many were begun.
    """

    def __init__(self, remember: int) -> None:
        self.orders: Shelf[Order] = Shelf()
        self.balances: Shelf[Balance] = Shelf()
        self.positions: Shelf[Position] = Shelf()
        self.tick = 0
        self.owed_since: int | None = None
        self.askings = 0
        self._remember = remember
        self._over: deque[tuple[str, int]] = deque()

    def owe(self, since: int) -> None:
        """Events from then on may be missing, until an asking has made up for that."""
        self.owed_since = since if self.owed_since is None else min(since, self.owed_since)

    def hear(self, word: Word, log: ChangeLog, *, begun: int | None = None) -> None:
        """Join one word with what is known.

        Args:
            word: The word.
            log: Where what it changes is noted.
            begun: Of the answer to a query, the tick at which its asking began; ``None`` for the stream's word.
        """
        tick = self.tick if begun is None else begun
        if isinstance(word, Order):
            change = self.orders.put(word, tick, begun=begun)
            log.order(change)
            if change is not None and not word.is_open and (change.before is None or change.before.is_open):
                self._remember_as_over(word.key)
        elif isinstance(word, Balance):
            log.balance(self.balances.put(word, tick, begun=begun))
        else:
            log.position(self.positions.put(word, tick, begun=begun))

    def open_orders(self, symbol: str | None = None) -> tuple[Order, ...]:
        """Those that are open, of one symbol or of all."""
        return tuple(each for each in self.orders if each.is_open and symbol in {None, each.symbol})

    def newest_time(self) -> int | None:
        """The latest time of anything that is known, in the exchange's milliseconds."""
        words: Iterable[Word] = (*self.orders, *self.balances, *self.positions)
        return max((each.updated_at for each in words), default=None)

    def _remember_as_over(self, key: tuple[str, int]) -> None:
        self._over.append(key)
        if len(self._over) > self._remember:
            self.orders.forget(self._over.popleft())
