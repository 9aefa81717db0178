"""An account and its exchange, written out by hand: order lives, a stream that loses and delays, queries answered late.

What happens is decided by a ``random.Random``: a seeded one in the benchmark, one that Hypothesis shrinks in tests.
Time goes in steps. In each something may happen to the account, an event may be delivered, and a query may be answered.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from typing import Any, Literal, TypeVar

from trio_listenkey import Gap
from trio_listenkey.resync import (
    AskHoldings,
    Asking,
    AskOpenOrders,
    AskPastOrders,
    Balance,
    Holdings,
    Order,
    Orders,
    PastOrders,
    Position,
    read_order,
)

SYMBOLS = ("BTCUSDT", "ETHUSDT")
OPEN = {"NEW", "PARTIALLY_FILLED"}
SPAN = 100_000  # milliseconds that a query for past orders may cover: much less than a life takes
START = 1_793_491_200_000
Json = dict[str, Any]


@dataclass
class Reading:
    """How the exchange reads a query for past orders, where the documents leave it open."""

    times: Literal["created", "updated"]
    keeps: Literal["latest", "earliest"]
    page: int


@dataclass
class World:
    """The truth, and the events that tell it.

    Attributes:
        states: Of each order, by symbol and number, every state that it was in, with the step.
        lost: Whether events that would be delivered now are lost.
        lost_since: The time from which on events are.
        delivered: The time of the last event that was.
        late: By how many steps an event may be late.
    """

    random: Random
    late: int = 3
    now: int = START
    step: int = 0
    states: dict[tuple[str, int], list[tuple[int, Json]]] = field(default_factory=dict)
    positions: dict[str, tuple[Decimal, Decimal, int]] = field(default_factory=dict)
    wallet: tuple[Decimal, int] = (Decimal(1000), START)
    lost: bool = True
    lost_since: int = START
    delivered: int | None = None
    feed: deque[tuple[int, Json]] = field(default_factory=deque)
    last_number: int = 0

    # --- What happens

    def happen(self) -> None:
        """Something happens to the account, or nothing does; several things may in one millisecond."""
        self.now += self.random.choice([0, 0, 1, 30_000])
        live = [key for key, states in self.states.items() if states[-1][1]["status"] in OPEN]
        what = self.random.random()
        if what < 0.3 or not live:
            self.place()
        elif what < 0.6:
            self.fill(self.random.choice(live))
        elif what < 0.75:
            self.change(self.random.choice(live), status=self.random.choice(["CANCELED", "EXPIRED"]))
        elif what < 0.8:
            key = self.random.choice(live)
            self.change(key, price=str(self.random.randint(90, 110)))

    def place(self) -> None:
        self.last_number += 1
        symbol = self.random.choice(SYMBOLS)
        order = {
            "symbol": symbol,
            "orderId": self.last_number,
            "clientOrderId": f"c-{self.last_number}",
            "side": self.random.choice(["BUY", "SELL"]),
            "type": "LIMIT",
            "status": "NEW",
            "price": "100",
            "origQty": str(self.random.randint(1, 9)),
            "executedQty": "0",
            "avgPrice": "0",
            "time": self.now,
            "updateTime": self.now,
        }
        self.states[symbol, self.last_number] = [(self.step, order)]
        self.tell(order, "NEW")

    def fill(self, key: tuple[str, int]) -> None:
        order = self.states[key][-1][1]
        left = int(order["origQty"]) - int(order["executedQty"])
        quantity = self.random.randint(1, left)
        executed = int(order["executedQty"]) + quantity
        signed = Decimal(quantity if order["side"] == "BUY" else -quantity)
        amount = self.positions.get(order["symbol"], (Decimal(0), Decimal(0), 0))[0] + signed
        self.positions[order["symbol"]] = (amount, Decimal(100) if amount else Decimal(0), self.now)
        self.wallet = (self.wallet[0] - 1, self.now)
        self.publish(self.account_update(order["symbol"]))
        status = "FILLED" if quantity == left else "PARTIALLY_FILLED"
        self.change(key, status=status, executedQty=str(executed), avgPrice="100")

    def change(self, key: tuple[str, int], **fields: Any) -> None:
        order = {**self.states[key][-1][1], **fields, "updateTime": self.now}
        self.states[key].append((self.step, order))
        self.tell(order, "TRADE" if "executedQty" in fields else str(fields.get("status", "AMENDMENT")))

    def tell(self, order: Json, kind: str) -> None:
        told = {
            "s": order["symbol"],
            "i": order["orderId"],
            "c": order["clientOrderId"],
            "S": order["side"],
            "o": order["type"],
            "x": kind,
            "X": order["status"],
            "p": order["price"],
            "q": order["origQty"],
            "z": order["executedQty"],
            "ap": order["avgPrice"],
            "T": order["updateTime"],
            "ps": "BOTH",
        }
        self.publish({"e": "ORDER_TRADE_UPDATE", "E": self.now, "T": self.now, "o": told})

    def account_update(self, symbol: str) -> Json:
        amount, entry, _ = self.positions[symbol]
        position = {"s": symbol, "pa": str(amount), "ep": str(entry), "ps": "BOTH"}
        balance = {"a": "USDT", "wb": str(self.wallet[0])}
        return {"e": "ACCOUNT_UPDATE", "E": self.now, "T": self.now, "a": {"B": [balance], "P": [position]}}

    # --- The stream

    def publish(self, event: Json) -> None:
        at = max(self.step + self.random.randint(0, self.late), self.feed[-1][0] if self.feed else 0)
        self.feed.append((at, event))

    def break_down(self) -> None:
        """The stream is gone. What is on its way may be lost, too."""
        self.lost = True
        self.lost_since = self.feed[0][1]["E"] if self.feed else self.now

    def due(self) -> list[Json]:
        """What the stream delivers now, in order; nothing in a gap."""
        events = []
        while self.feed and self.feed[0][0] <= self.step:
            event = self.feed.popleft()[1]
            if not self.lost:
                events.append(event)
                self.delivered = event["E"]
        return events

    # --- Queries, answered by the truth of this moment

    def answer(self, question: Any, reading: Reading) -> Any:
        if isinstance(question, AskOpenOrders):
            latest = [states[-1][1] for states in self.states.values()]
            shown = [each for each in latest if each["status"] in OPEN and question.symbol in {None, each["symbol"]}]
            return [read_order(each) for each in shown]
        if isinstance(question, AskHoldings):
            held = {symbol: each for symbol, each in self.positions.items() if each[0]}
            return Holdings(
                (Balance(asset="USDT", amount=self.wallet[0], updated_at=self.wallet[1]),),
                tuple(
                    Position(symbol=symbol, side="BOTH", amount=amount, entry_price=entry, updated_at=at)
                    for symbol, (amount, entry, at) in held.items()
                ),
            )
        if isinstance(question, AskPastOrders):
            return self.past_orders(question, reading)
        states = self.states[question.symbol, question.id]
        # A machine that is behind knows nothing of an order that was just created.
        if question.attempt < 3 and states[0][0] > self.step - self.random.randint(0, 3):
            return None
        return read_order(states[-1][1])

    def past_orders(self, question: AskPastOrders, reading: Reading) -> PastOrders:
        found = []
        for (symbol, _), states in self.states.items():
            times = states[-1][1]["time" if reading.times == "created" else "updateTime"]
            if symbol == question.symbol and question.start <= times <= question.end:
                # The database is behind: it has the order, and not its latest state.
                seen = [each for step, each in states if step <= self.step - self.random.randint(0, 4)]
                found.append(read_order((seen or [states[0][1]])[-1]))
        page = found[-reading.page :] if reading.keeps == "latest" else found[: reading.page]
        return PastOrders(tuple(page), len(page) >= reading.page)


@dataclass
class Life:
    """A program that hears the stream, and asks after each gap, while the world goes on."""

    world: World
    reading: Reading
    orders: Orders = field(default_factory=Orders)
    asking: Asking | None = None
    waiting: deque[Gap] = field(default_factory=deque)
    answer_at: int = 0
    taken_at: int = 0
    answer: Any = None
    questions: int = 0
    since: int = 0
    first_asked: int = 0
    gaps: int = 0
    unresolved: list[str] = field(default_factory=list)

    def gap_ends(self, cause: Any = "disconnected") -> None:
        """The stream is there again, and says so."""
        world = self.world
        world.lost = False
        began, ended = world.lost_since / 1000, world.now / 1000
        self.waiting.append(Gap(cause, 0.0, 0.0, began, ended, world.delivered, 1, 1))

    def go_on(self) -> None:
        """One step."""
        world = self.world
        world.step += 1
        for event in world.due():
            self.orders.take(event)
        if self.asking is None and self.waiting:
            self.asking = self.orders.begin(
                self.waiting.popleft(), span=SPAN, unix_now=world.now / 1000, symbols=SYMBOLS
            )
            self.ask()
        if self.asking is not None:
            if self.taken_at == world.step:
                self.answer = world.answer(self.asking.question, self.reading)
            if self.answer_at == world.step:
                self.asking.answer(self.answer)
                self.ask()

    def ask(self) -> None:
        """The question is sent; when the exchange looks, and when its answer is back, is chance."""
        if self.asking is not None and self.asking.question is None:
            self.unresolved += self.asking.changes.unresolved
            self.asking = None
            self.gaps += 1
            self.first_asked = self.first_asked or self.world.step
            return
        self.questions += 1
        self.taken_at = self.world.step + 1 + self.world.random.randint(0, 2)
        self.answer_at = self.taken_at + self.world.random.randint(0, 3)

    @property
    def is_settled(self) -> bool:
        """Whether there is nothing left to ask and to hear."""
        return self.asking is None and not self.waiting and not self.world.feed


LifeT = TypeVar("LifeT", bound=Life)


def live(random: Random, *, gaps: int = 2, busy: int = 30) -> Life:
    """A whole life: from the first gap through others, until everything is settled."""
    return live_as(Life, random, gaps=gaps, busy=busy)


def live_as(kind: type[LifeT], random: Random, *, gaps: int = 2, busy: int = 30) -> LifeT:
    """The same, of another program."""
    world = World(random)
    reading = Reading(
        random.choice(["created", "updated"]), random.choice(["latest", "earliest"]), random.choice([4, 8, 100])
    )
    life = kind(world, reading)
    for _ in range(random.randint(0, 10)):
        world.step += 1
        world.happen()
    world.due()
    life.since = world.step
    life.gap_ends("opened")
    for _ in range(gaps):
        _pass(life, random.randint(1, busy))
        world.break_down()
        _pass(life, random.randint(1, busy))
        life.gap_ends()
    _pass(life, random.randint(0, busy))
    while not life.is_settled:
        life.go_on()
    return life


def _pass(life: Life, steps: int) -> None:
    for _ in range(steps):
        life.world.happen()
        life.go_on()


def differences(life: Life) -> list[str]:
    """What is believed and is not so."""
    world, orders = life.world, life.orders
    wrong = []
    for key, states in world.states.items():
        truth, believed = read_order(states[-1][1]), orders.get(*key)
        # What there was before the program began, and was over before its first asking, it need not have heard of.
        if believed is None and not truth.is_open and states[0][0] <= life.since and states[-1][0] <= life.first_asked:
            continue
        if believed is None or not believed.says_the_same_as(truth):
            wrong.append(f"{truth} is believed to be {believed}")
    wrong += [f"{each} is believed open" for each in orders.open() if each.key not in world.states]
    for symbol, (amount, entry, _) in world.positions.items():
        position = next((each for each in orders.positions() if each.symbol == symbol), None)
        held = (Decimal(0), Decimal(0)) if position is None else (position.amount, position.entry_price)
        if held != (amount, entry):
            wrong.append(f"{symbol} is {amount} at {entry} and believed to be {held}")
    balance = orders.balance("USDT")
    if balance is None or balance.amount != world.wallet[0]:
        wrong.append(f"the wallet is {world.wallet[0]} and believed to be {balance}")
    return wrong


def is_fair(life: Life) -> bool:
    """Whether no millisecond had more orders of a symbol than a page has room for: nobody can ask for these."""
    return all(count < life.reading.page for count in _crowd(life).values())


def _crowd(life: Life) -> dict[tuple[str, int], int]:
    crowd: dict[tuple[str, int], int] = {}
    for (symbol, _), states in life.world.states.items():
        for at in {each["time"] for _, each in states} | {each["updateTime"] for _, each in states}:
            crowd[symbol, at] = crowd.get((symbol, at), 0) + 1
    return crowd


def order_of(**fields: Any) -> Order:
    """An order for a test, with defaults."""
    told = {
        "symbol": "BTCUSDT",
        "id": 1,
        "client_id": "c-1",
        "side": "BUY",
        "order_type": "LIMIT",
        "status": "NEW",
        "price": Decimal(100),
        "quantity": Decimal(10),
        "executed": Decimal(0),
        "average_price": Decimal(0),
        "updated_at": START,
    }
    return Order(**{**told, **fields})
