"""What to ask the exchange after a gap, one question after the other.

What is known is the truth again when the last one is answered, though events go on meanwhile, for these reasons:

1. **Words are joined, and never overwritten** (``_shelf``). An answer that was on its way while events came cannot
   undo them, nor can they undo it.
2. **What a list of open orders does not mention is asked for by its number.** An order that was open before the gap may
   have ended in it, or be too new for the list. To take it for closed and to take it for open is both wrong.
3. **Orders that lived and died within the gap** are in no list of open ones. They are in that of past orders since the
   gap began. Whether the exchange reads a span of time as that of creation or of the last change does not matter: an
   order that was created before the gap is known, and of those created in it both times are in the span.
4. **A page that is full may be cut at either end.** So its span is asked for again, in halves, until no page is full.
5. The exchange's answers about past orders may come from a database that is behind. So the questions by number come
   last, for whatever is believed open by then.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import replace
from typing import Any, Final

from ._known import ChangeLog, Known
from ._questions import AskHoldings, AskOpenOrders, AskOrder, AskPastOrders, Question
from ._shelf import Shelf
from ._words import Changes, Holdings, Order, PastOrders, W

__all__ = ["CLOCKS_DIFFER_BY", "Asking"]

_DAY: Final = 86_400_000  # milliseconds

CLOCKS_DIFFER_BY: Final = 5_000
"""Milliseconds by which two clocks may differ, and by which an event may be younger than what it tells of."""

# How far back the exchanges know of orders at all (USD-M, COIN-M: "order create time + 90 days < current time").
_HISTORY: Final = 90 * _DAY
# Orders that ended without a trade are forgotten by the exchange after this (USD-M, COIN-M, "Query Order", 2026-05).
_FORGOTTEN_AFTER: Final = 3 * _DAY
# An order that was just created may be unknown to the machine that answers. Only so often can that be the reason.
_ATTEMPTS: Final = 3
# So many symbols are asked for one by one. One question about all costs as much as 40 of these, or 13 at spot.
_FEW: Final = 10


class Asking:
    """The queries of one gap: send :attr:`question`, pass the answer to :meth:`answer`, until there is none.

    Events may be received at any time in between. If it is not finished, the next one makes up for it.

    Attributes:
        question: The next query; ``None`` when there is none left.
    """

    def __init__(
        self, known: Known, *, since: int | None, until: int, unix_now: float, span: int, symbols: Iterable[str]
    ) -> None:
        self._known = known
        # What was heard by this tick was heard before the gap; what comes later, after it. Every answer counts as heard
        # at this tick, for it may be older than any event since.
        self._begun = known.tick
        # Only the latest asking covers all that is owed: its "since" is the earliest of those that were not finished.
        known.askings += 1
        self._number = known.askings
        # Past orders are asked for from "since" to "until", in the exchange's milliseconds; not at all without "since".
        self._since = None if since is None else max(since, until - _HISTORY)
        self._until = until
        self._unix_began = unix_now
        self._span = span
        self._symbols = frozenset(symbols)
        self._log = ChangeLog()
        # Orders that the list of open ones had: the exchange has said how they stand, and the stream tells the rest.
        self._listed: set[tuple[str, int]] = set()
        # A generator is the machine: its state is the place at which it waits for an answer.
        self._steps = self._ask()
        self.question: Question | None = next(self._steps)

    def __repr__(self) -> str:
        return f"<Asking, next {self.question}>"

    @property
    def changes(self) -> Changes:
        """What the answers so far have changed."""
        return self._log.result()

    def set_clock(self, ahead: float) -> None:
        """Set the difference between the exchange's clock and this machine's, when an answer has shown it.

        What happens after the asking has begun is for the stream to tell, however long the asking takes; so the end of
        what is asked for moves with the knowledge of the clock alone, and not with the time.

        Args:
            ahead: Seconds that it is ahead of this machine's.
        """
        self._until = max(self._until, int((self._unix_began + ahead) * 1000) + CLOCKS_DIFFER_BY)

    def answer(self, told: Any) -> None:
        """Pass the answer to :attr:`question`; each question says what that is."""
        self.question = None
        try:
            self.question = self._steps.send(told)
        except StopIteration:
            # All is asked. If something could not be found out, the next asking goes back as far as this one did.
            if self._number == self._known.askings and not self._log.unresolved:
                self._known.owed_since = None

    # --- The questions, in order

    def _ask(self) -> Generator[Question, Any, None]:
        """All of them. The order matters: what the first answers tell decides what the later questions are."""
        yield from self._ask_open_orders()
        yield from self._ask_holdings()
        if self._since is not None:
            for symbol in sorted(self._traded()):
                start = self._since
                while start <= self._until:  # which may turn out to be later, meanwhile
                    end = min(start + self._span - 1, self._until)
                    yield from self._ask_past_orders(symbol, start, end)
                    start = end + 1
        asked: set[tuple[str, int]] = set()
        # Again and again, for events that come meanwhile may tell of others; few do, and each is asked for once.
        while (order := self._doubtful(asked)) is not None:
            asked.add(order.key)
            yield from self._ask_order(order)

    def _ask_open_orders(self) -> Generator[Question, Any, None]:
        """Which orders are open, in the symbols that matter, or in all if these are not known."""
        wanted = self._symbols | {each.symbol for each in self._known.open_orders()}
        one_by_one: Iterable[str | None] = sorted(wanted) if self._symbols and len(wanted) <= _FEW else [None]
        for symbol in one_by_one:
            orders: Iterable[Order] = yield AskOpenOrders(symbol)
            for order in orders:
                self._listed.add(order.key)
                self._hear(order)

    def _ask_holdings(self) -> Generator[Question, Any, None]:
        """What the balances and positions are."""
        told: Holdings = yield AskHoldings()
        for balance in told.balances:
            self._known.hear(_dated(balance, self._known.balances), self._log, begun=self._begun)
        for position in told.positions:
            self._known.hear(_dated(position, self._known.positions), self._log, begun=self._begun)
        # What is not mentioned is nothing, unless the stream has told of it since.
        # When it came to be so is not said. It was after what is known, so an event that comes again does not undo it;
        # and before whatever the stream will tell of it. The two clocks may differ by as much in either direction.
        at = self._until - 2 * CLOCKS_DIFFER_BY
        mentioned = {each.key for each in told.balances}, {each.key for each in told.positions}
        for balance in self._known.balances:
            if balance.key not in mentioned[0] and self._known.balances.heard_at(balance.key) <= self._begun:
                self._known.hear(balance.emptied(at), self._log, begun=self._begun)
        for position in self._known.positions:
            if position.key not in mentioned[1] and self._known.positions.heard_at(position.key) <= self._begun:
                self._known.hear(position.emptied(at), self._log, begun=self._begun)

    def _ask_past_orders(self, symbol: str, start: int, end: int) -> Generator[Question, Any, None]:
        """Which orders there were in a span; if the answer has no room for them, in each half of it."""
        page: PastOrders = yield AskPastOrders(symbol, start, end)
        for order in page.orders:
            self._hear(order)
        if page.is_cut and start < end:
            # Which ones are missing is not known: the earliest or the latest. Each half has its own page.
            middle = (start + end) // 2
            yield from self._ask_past_orders(symbol, start, middle)
            yield from self._ask_past_orders(symbol, middle + 1, end)
        elif page.is_cut:
            self._log.unresolved.append(
                f"{symbol}: more orders in the millisecond {start} than one answer has room for"
            )

    def _ask_order(self, order: Order) -> Generator[Question, Any, None]:
        """How one order stands that is believed open."""
        for attempt in range(1, _ATTEMPTS + 1):
            told: Order | None = yield AskOrder(order.symbol, order.id, attempt)
            if told is not None:
                self._hear(told)
                return
            if self._heard_since(order):  # it was too new for the exchange's answer, and not for its stream
                return
        # By an unknown time of creation, the order is older than this: then it is rather told than taken for gone.
        created = order.updated_at if order.created_at is None else order.created_at
        if created + _FORGOTTEN_AFTER < self._until - CLOCKS_DIFFER_BY:
            self._known.orders.forget(order.key)
            self._log.gone.append(order)
        else:
            self._log.unresolved.append(f"{order.symbol}: the exchange does not know the order {order.id}")

    # --- How answers are applied

    def _hear(self, order: Order) -> None:
        """Join an answer with what is known."""
        self._known.hear(order, self._log, begun=self._begun)

    def _traded(self) -> set[str]:
        """Every symbol in which there may be orders that are not known yet."""
        return {
            *self._symbols,
            *(each.symbol for each in self._known.orders),
            *(each.symbol for each in self._known.positions),
        }

    def _doubtful(self, asked: set[tuple[str, int]]) -> Order | None:
        """An order that is believed open, though neither the list nor the stream has said so since the gap."""
        settled = self._listed | asked
        doubtful = (
            each for each in self._known.open_orders() if each.key not in settled and not self._heard_since(each)
        )
        return next(doubtful, None)

    def _heard_since(self, order: Order) -> bool:
        """Whether the stream has told of it since the asking began: then it tells what follows, too."""
        return self._known.orders.heard_at(order.key) > self._begun


def _dated(word: W, shelf: Shelf[W]) -> W:
    """A word that says nothing of when: just younger than what is known, unless it says the same."""
    known = shelf.get(word.key)
    if word.updated_at or known is None:
        return word
    return replace(word, updated_at=known.updated_at + (not word.says_the_same_as(known)))
