"""What is known of an account: its orders, balances and positions, by the stream and by queries."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from .._errors import UsageError
from .._events import Gap, UserEvent
from ._asking import CLOCKS_DIFFER_BY, Asking
from ._events import words_in
from ._known import ChangeLog, Known
from ._words import Balance, Changes, Order, Position

__all__ = ["Orders"]


class Orders:
    """Joins events and answers to queries, in any order.

    It does no I/O and reads no clock. Pass events to :meth:`take`, and gaps to :func:`catch_up`; or to :meth:`begin`,
    if you query the exchange with your own client. Events may be passed while a gap is being queried.

    Args:
        remember: How many finished orders are kept, the latest ones; an order takes about a kilobyte.
    """

    def __init__(self, *, remember: int = 10_000) -> None:
        self._known = Known(remember)

    def __repr__(self) -> str:
        return f"<Orders, {len(self.open())} of {len(self._known.orders)} open>"

    # --- What is known

    def open(self, symbol: str | None = None) -> tuple[Order, ...]:
        """The orders that are open, of one symbol or of all."""
        return self._known.open_orders(symbol)

    def get(self, symbol: str, id: int) -> Order | None:  # noqa: A002 - the exchange's word
        """One order, open or over; ``None`` if it is not known."""
        return self._known.orders.get((symbol, id))

    def by_client_id(self, client_id: str, symbol: str | None = None) -> Order | None:
        """The order with this client id, the open one or the latest if there are several; ``None`` if unknown."""
        found = [each for each in self._known.orders if each.client_id == client_id and symbol in {None, each.symbol}]
        return max(found, key=lambda each: (each.is_open, each.updated_at), default=None)

    def balance(self, asset: str) -> Balance | None:
        """The balance of an asset; ``None`` if it was never reported."""
        return self._known.balances.get(asset)

    def balances(self) -> tuple[Balance, ...]:
        """Each asset with a balance."""
        return tuple(each for each in self._known.balances if each.amount or each.locked)

    def position(self, symbol: str, side: str = "BOTH") -> Decimal:
        """The account's amount of a contract: negative if short, zero if nothing is known."""
        found = self._known.positions.get((symbol, side))
        return Decimal(0) if found is None else found.amount

    def positions(self) -> tuple[Position, ...]:
        """Each position that is open."""
        return tuple(each for each in self._known.positions if each.amount)

    # --- Events and orders from elsewhere

    def take(self, event: UserEvent | Any) -> Changes:
        """Apply an event, and return what it changes: nothing, if it is about something else.

        Of one that tells of orders, balances or positions, and cannot be read, :attr:`Changes.unresolved` says so. What
        it said is asked for after the next gap; to know it now, call :func:`catch_up` with the last one again.

        Args:
            event: The event from the stream; or its decoded data.
        """
        try:
            data = event.data if isinstance(event, UserEvent) else event
        except ValueError:  # it is not JSON
            return Changes()
        self._known.tick += 1
        log = ChangeLog()
        words = words_in(data)
        if words is None:
            # What it said nobody knows, and no gap will tell: so it is told here, and owed from what was known then.
            log.unresolved.append(f"an event of type {data['e']} is not as the exchange's documents show it")
            if (newest := self._known.newest_time()) is not None:
                self._known.owe(newest - CLOCKS_DIFFER_BY)
        for word in words or ():
            self._known.hear(word, log)
        return log.result()

    def learn(self, order: Order) -> Changes:
        """Apply an order from elsewhere: from the answer to your request that placed or cancelled it.

        So the order is known before its event arrives, and even if the event falls into a gap.

        Args:
            order: See :func:`read_order`.
        """
        self._known.tick += 1
        log = ChangeLog()
        self._known.hear(order, log)
        return log.result()

    def begin(
        self, gap: Gap, *, span: int, unix_now: float, clock_ahead: float = 0.0, symbols: Iterable[str] = ()
    ) -> Asking:
        """Begin the queries for a gap. :func:`catch_up` does this, and sends them.

        Args:
            gap: The gap from the stream.
            span: How many milliseconds one query for past orders may cover.
            unix_now: The time by this machine's clock, in seconds since 1970.
            clock_ahead: Seconds that the exchange's clock is ahead of that, as far as it is known.
            symbols: The symbols that you trade. Other symbols in which the account is known to have orders or positions
                are queried as well.

        Raises:
            UsageError: ``symbols`` is a string, whose letters would be taken for symbols.
        """
        if isinstance(symbols, str):
            raise UsageError("symbols is one string", advice=f"Pass a list of symbols, such as [{symbols[:20]!r}]")
        since = self._missing_since(gap, clock_ahead)
        known = self._known
        if since is not None:
            known.owe(since - CLOCKS_DIFFER_BY)
        known.tick += 1
        # This machine's clock may be slow, by more than is known of it.
        latest = max(int((unix_now + clock_ahead) * 1000), known.newest_time() or 0, gap.last_event_time or 0)
        until = latest + CLOCKS_DIFFER_BY
        return Asking(known, since=known.owed_since, until=until, unix_now=unix_now, span=span, symbols=symbols)

    def _missing_since(self, gap: Gap, clock_ahead: float) -> int | None:
        """From when on events may be missing, by the exchange's clock; ``None`` if nothing is known before the gap."""
        if gap.last_event_time is not None:
            return gap.last_event_time
        if gap.cause == "opened" or not self._known.askings:
            # Another stream, perhaps, than the one that what is known came by.
            return self._known.newest_time()
        return int((gap.unix_started_at + clock_ahead) * 1000)
