"""The documentation's recipes and programs do what the text about them says, over real sockets, through misfortunes."""

from __future__ import annotations

import gc
import io
import json
import logging
import re
import ssl
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import partial
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import trio
import trio.testing

from trio_listenkey import Credentials, Gap, Timing, UserEvent, open_user_stream, venues
from trio_listenkey.resync import BinanceQueries, Changes, Orders
from trio_listenkey.testing import (
    USDM,
    CloseSocket,
    Exchange,
    Fault,
    HalfOpen,
    Reset,
    ServedExchange,
    Status,
    event_number,
    rate_limited,
    serve_exchange,
)
from trio_listenkey.transports import HTTPCore2Transport

ROOT = Path(__file__).parents[2]
ALICE, BOB = Credentials("the-api-key-of-alice"), Credentials("the-api-key-of-bob")
QUICK = Timing(
    request_timeout=1, open_timeout=5, retry_base=0.02, retry_cap=0.1, ping_every=0.4, silence_check_every=0.3
)
LEFT_TO_THE_COLLECTOR = pytest.mark.filterwarnings(
    "ignore:unclosed:ResourceWarning", r"ignore:(.|\n)*socket:pytest.PytestUnraisableExceptionWarning"
)
LOGGERS = "trio-websocket", "websockets"

Recipe = Callable[[str], Any]


@pytest.fixture
def recipe(monkeypatch: pytest.MonkeyPatch) -> Iterator[Recipe]:
    """Imports one as its user would, in a hurry; what that does to the loggers of others is undone."""
    levels = {name: logging.getLogger(name).level for name in LOGGERS}
    monkeypatch.syspath_prepend(ROOT / "docs" / "recipes")
    imported: list[str] = []

    def load(name: str) -> ModuleType:
        module = import_module(name)
        imported.append(name)
        hurried = {"PING_EVERY": 0.3, "CHECK_KEY_EVERY": 0.3, "FIRST_PAUSE": 0.05, "LONGEST_PAUSE": 0.2}
        hurried["TRY_AGAIN_AFTER"] = 0.05
        for constant, value in hurried.items():
            if hasattr(module, constant):
                monkeypatch.setattr(module, constant, value)
        return module

    yield load
    for name in (*imported, "with_trio_websocket"):
        sys.modules.pop(name, None)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


@pytest.fixture
async def served() -> AsyncIterator[ServedExchange]:
    exchange = Exchange(seed=1)
    exchange.add_account(ALICE.api_key, name="alice")
    exchange.add_account(BOB.api_key, name="bob")
    async with serve_exchange(exchange) as served:
        yield served


class Account:
    """What happens at the exchange, and what a program knows of it."""

    def __init__(self, served: ServedExchange, name: str = "alice") -> None:
        self.served, self.exchange, self.name = served, served.exchange, name
        self.known: set[int] = set()
        self.received: list[int] = []
        self.changed_at: dict[int, int] = {}
        self.resyncs = 0

    def emit(self, count: int = 2) -> None:
        now = self.served.now()
        for number in self.exchange.emit(self.name, now, count=count):
            self.changed_at[number] = int(self.exchange.unix_time(now) * 1000)

    async def resync(self) -> None:
        await trio.lowlevel.checkpoint()
        self.known |= set(self.changed_at)
        self.resyncs += 1

    async def handle(self, event: str) -> None:
        await trio.lowlevel.checkpoint()
        self.receive(json.loads(event))

    async def take(self, item: UserEvent | Gap) -> None:
        if isinstance(item, Gap):
            await self.resync()
        else:
            await trio.lowlevel.checkpoint()
            self.receive(item.data)

    def receive(self, event: dict[str, Any]) -> None:
        if event["e"] == "ORDER_TRADE_UPDATE":
            self.received.append(event_number(event))
            self.known.add(event_number(event))

    def knows_all(self) -> bool:
        return self.known == set(self.changed_at)


async def until(is_so: Callable[[], object], seconds: float = 10) -> None:
    with trio.fail_after(seconds):
        while not is_so():
            await trio.sleep(0.01)


# The socket by hand. Both libraries leave sockets that were cut off to the garbage collector.


@LEFT_TO_THE_COLLECTOR
@pytest.mark.parametrize("library", ["with_trio_websocket", "with_websockets"])
async def test_a_socket_by_hand(
    library: str, recipe: Recipe, served: ServedExchange, caplog: pytest.LogCaptureFixture
) -> None:
    """After whatever happened, a re-sync is asked for, and then events arrive; and nothing is missing in the end."""
    by_hand = recipe("by_hand")
    by_hand.read_account = recipe(library).read_account
    account, exchange = Account(served), served.exchange
    venue = served.venue_at(venues.BINANCE_USDM)

    async def goes_on_after(what: Callable[[], object]) -> None:
        seen = account.resyncs
        what()
        account.emit()
        await until(lambda: account.resyncs > seen)
        await delivers()

    async def delivers() -> None:
        account.emit()
        await until(account.knows_all)
        assert exchange.sockets(served.now())[-1].live_keys == 1

    def strike(effect: Any) -> None:
        assert exchange.strike_sockets(effect, served.now()) == 1

    def kill_key() -> None:
        exchange.kill_key("alice", served.now())

    def kill_key_and_strike() -> None:
        kill_key()
        strike(Reset())

    caplog.set_level(logging.DEBUG)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(by_hand.follow, venue, ALICE, account.handle, account.resync)
        await until(lambda: account.resyncs)
        await delivers()
        assert account.received == [1, 2]
        await goes_on_after(lambda: strike(Reset()))
        await goes_on_after(lambda: strike(CloseSocket(1000)))
        await goes_on_after(lambda: strike(CloseSocket(1001)))
        await goes_on_after(lambda: strike(HalfOpen()))  # noticed by ping
        await goes_on_after(kill_key)  # noticed by asking
        await goes_on_after(kill_key_and_strike)  # the next socket is opened with another key
        exchange.add_faults(Fault(verb="connect", effect=Status(503), count=2))
        await goes_on_after(lambda: strike(Reset()))
        assert len(exchange.sockets(served.now())) <= 2  # of the half-open one the exchange may not know yet
        assert exchange.strike_sockets(HalfOpen(), served.now())
        left_at = trio.current_time()
        nursery.cancel_scope.cancel("the test is over")
    assert trio.current_time() - left_at < 2  # a dead peer is not waited for
    assert exchange.open_keys(served.now()) == ()
    for secret in (ALICE.api_key, *exchange.keys_ever):
        assert secret not in caplog.text
    gc.collect()


@LEFT_TO_THE_COLLECTOR
@pytest.mark.parametrize("library", ["with_trio_websocket", "with_websockets"])
async def test_an_announced_end_by_hand(
    library: str, recipe: Recipe, served: ServedExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exchange says on the socket that the key has expired: that is heeded at once, and not a minute later."""
    by_hand, with_library = recipe("by_hand"), recipe(library)
    by_hand.read_account = with_library.read_account
    monkeypatch.setattr(with_library, "CHECK_KEY_EVERY", 60)
    account, exchange = Account(served), served.exchange
    async with trio.open_nursery() as nursery:
        venue = served.venue_at(venues.BINANCE_USDM)
        nursery.start_soon(by_hand.follow, venue, ALICE, account.handle, account.resync)
        await until(lambda: account.resyncs)
        exchange.kill_key("alice", served.now(), announced=True)
        await until(lambda: account.resyncs == 2)
        account.emit()
        await until(account.knows_all)
        nursery.cancel_scope.cancel("the test is over")
    assert len(exchange.keys_ever) == 2
    gc.collect()


async def test_the_first_stream_knows_more_events_than_one(
    served: ServedExchange, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is no order has another shape; it is printed by its name."""
    program = (ROOT / "docs" / "recipes" / "first.py").read_text(encoding="utf-8")
    program = program.replace("http://127.0.0.1:8180", served.rest_url).replace(
        "ws://127.0.0.1:8180", served.stream_url
    )
    mains: list[Callable[[], Awaitable[None]]] = []
    monkeypatch.setattr(trio, "run", mains.append)
    exec(compile(program.replace("test-api-key", ALICE.api_key), "first.py", "exec"), {"__name__": "__main__"})
    printed = ""

    def prints(word: str) -> bool:
        nonlocal printed
        printed += capsys.readouterr().out
        return word in printed

    async with trio.open_nursery() as nursery:
        nursery.start_soon(mains[0])
        await until(lambda: prints("opened"))
        served.exchange.emit("alice", served.now(), kind="ACCOUNT_UPDATE")
        served.exchange.emit("alice", served.now())
        await until(lambda: prints("ORDER_TRADE_UPDATE n-2"))
        nursery.cancel_scope.cancel("the test is over")
    assert printed.splitlines()[1:] == ["ACCOUNT_UPDATE", "ORDER_TRADE_UPDATE n-2"]


@LEFT_TO_THE_COLLECTOR
async def test_a_slow_consumer_by_hand(recipe: Recipe, served: ServedExchange) -> None:
    """Events wait in the channel while the program is busy, and the socket lives on."""
    by_hand = recipe("by_hand")
    account = Account(served)

    async def handle_slowly(event: str) -> None:
        if not account.received:
            await trio.sleep(1)
        await account.handle(event)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(by_hand.follow, served.venue_at(venues.BINANCE_USDM), ALICE, handle_slowly, account.resync)
        await until(lambda: account.resyncs)
        account.emit(100)
        await until(account.knows_all)
        nursery.cancel_scope.cancel("the test is over")
    assert account.received == list(range(1, 101))
    assert account.resyncs == 1
    gc.collect()


# The stream.


async def test_resync(recipe: Recipe, served: ServedExchange) -> None:
    """Orders and positions are right in the end, though events were lost and the first query after each loss failed."""
    resync = recipe("resync")
    exchange, venue = served.exchange, served.venue_at(venues.BINANCE_USDM)
    signed = Credentials(ALICE.api_key, "a secret that this exchange does not know".replace(" ", "-"))
    orders, seen = Orders(), []
    book = exchange.book

    async def act(changes: Changes) -> None:
        await trio.lowlevel.checkpoint()
        seen.append(changes)

    def trade() -> None:
        for price in (1, 4, 2):
            number = book.place("alice", "BTCUSDT", "BUY", 2, served.now(), price=price, dialect=USDM).number
            book.fill(number, served.now(), quantity=price % 2 + 1)
        book.cancel(number, served.now())

    def is_right() -> bool:
        truth = {each.number: each.status for each in book.orders("alice")}
        known = {number: orders.get("BTCUSDT", number) for number in truth}
        amount, _ = book.position("alice", "BTCUSDT", dialect=USDM)
        believed = {number: each.status for number, each in known.items() if each is not None}
        return believed == truth and amount == orders.position("BTCUSDT")

    def has_more_gaps_than(gaps: int) -> bool:
        return stream.statistics().gaps > gaps

    async with open_user_stream(venue, signed, timing=QUICK) as stream, trio.open_nursery() as nursery:
        queries = BinanceQueries(venue, signed, timing=QUICK)
        nursery.start_soon(resync.follow, stream, orders, queries, ["BTCUSDT"], act)
        for misfortune in (
            lambda: exchange.strike_sockets(Reset(), served.now()),
            lambda: exchange.strike_sockets(HalfOpen(), served.now()),
            lambda: exchange.kill_key("alice", served.now()),
        ):
            gaps = stream.statistics().gaps
            exchange.add_faults(Fault(verb="order", count=1, effect=Status(502)))
            misfortune()
            trade()
            await until(partial(has_more_gaps_than, gaps))
            trade()
            await until(is_right)
        nursery.cancel_scope.cancel("the test is over")
    assert len(seen) >= 4  # each gap has changed something, the first one too


async def test_many_streams(recipe: Recipe, served: ServedExchange, monkeypatch: pytest.MonkeyPatch) -> None:
    """One account is refused, one comes after a ban and an outage; each gets its own."""
    many = recipe("many_streams")
    monkeypatch.setattr(many, "open_user_stream", partial(open_user_stream, timing=QUICK))
    exchange, venue = served.exchange, served.venue_at(venues.BINANCE_USDM)
    accounts = {name: Account(served, name) for name in ("alice", "bob")}

    async def handle(name: str, item: UserEvent | Gap) -> None:
        await accounts[name].take(item)

    exchange.ban(rate_limited(1), served.now())
    exchange.add_faults(Fault(verb="connect", effect=Status(500), account="bob", until=2))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(
            many.follow_all,
            {"alice": (venue, ALICE), "bob": (venue, BOB), "nobody": (venue, Credentials("wrong"))},
            handle,
        )
        await until(lambda: {name for each in exchange.sockets(served.now()) for name in each.accounts} == {*accounts})
        for account in accounts.values():
            await trio.sleep(0.1)
            account.emit()
            await until(account.knows_all)
        nursery.cancel_scope.cancel("the test is over")
    assert exchange.open_keys(served.now()) == ()
    assert exchange.requests_during_bans <= 3  # one of each, before the first answer
    assert sum(entry.status == 401 for entry in exchange.log) == 1


async def test_consumers(recipe: Recipe, served: ServedExchange) -> None:
    """Each of two gets everything, in order."""
    account, other = Account(served), Account(served)
    venue = served.venue_at(venues.BINANCE_USDM)
    async with open_user_stream(venue, ALICE, timing=QUICK) as stream, trio.open_nursery() as nursery:
        nursery.start_soon(recipe("consumers").tell_all, stream, account.take, other.take)
        account.emit(20)
        await until(lambda: account.knows_all() and len(other.received) == 20)
        nursery.cancel_scope.cancel("the test is over")
    assert account.received == other.received == list(range(1, 21))


async def test_watchdog(recipe: Recipe, served: ServedExchange) -> None:
    """It acts when the stream is down for too long, again and again, and not when it is live."""
    acted = 0

    async def act() -> None:
        nonlocal acted
        acted += 1
        await trio.lowlevel.checkpoint()

    exchange, venue = served.exchange, served.venue_at(venues.BINANCE_USDM)
    async with open_user_stream(venue, ALICE, timing=QUICK) as stream, trio.open_nursery() as nursery:
        nursery.start_soon(partial(recipe("watchdog").guard, stream, act, patience=0.6))
        await trio.sleep(1.5)
        assert acted == 0
        exchange.add_faults(Fault(verb="connect", effect=Status(500)))
        exchange.strike_sockets(Reset(), served.now())
        await until(lambda: acted == 2)
        exchange.clear_faults()
        await until(lambda: stream.statistics().is_live)
        acted = 0
        await trio.sleep(1)
        assert acted == 0
        nursery.cancel_scope.cancel("the test is over")


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
async def test_own_connector(tls: bool, recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    """It dials from where it is told to, through TLS where that is due, and what comes is recorded as it came."""
    own = recipe("own_connector")
    exchange = Exchange(seed=1)
    exchange.add_account(ALICE.api_key, name="alice")
    file = io.BytesIO()
    async with serve_exchange(exchange, tls=tls) as served:
        context = served.ssl_context() if tls else None
        if tls:
            monkeypatch.setattr(ssl, "create_default_context", lambda: context)
        connector = own.Recorder(own.from_address("127.0.0.2"), file)
        transport = HTTPCore2Transport(ssl_context=context)
        venue, account = served.venue_at(venues.BINANCE_USDM), Account(served)
        async with open_user_stream(venue, ALICE, transport=transport, connector=connector, timing=QUICK) as stream:
            account.emit()
            assert isinstance(await anext(stream), Gap)
            exchange_numbers = [event_number((await anext(stream)).data) for _ in range(2)]  # type: ignore[union-attr]
            exchange.strike_sockets(Reset(), served.now())
            assert isinstance(await anext(stream), Gap)
            account.emit(1)
            exchange_numbers.append(event_number((await anext(stream)).data))  # type: ignore[union-attr]
        await transport.aclose()
    assert exchange_numbers == [1, 2, 3]
    assert [event_number(json.loads(line)) for line in file.getvalue().splitlines()] == [1, 2, 3]


async def test_counting(recipe: Recipe, served: ServedExchange) -> None:
    """The figures are those of what happened."""
    counting = recipe("counting").Counting()
    exchange, venue = served.exchange, served.venue_at(venues.BINANCE_USDM)
    async with open_user_stream(venue, ALICE, timing=QUICK, instrument=counting) as stream:
        assert isinstance(await anext(stream), Gap)
        exchange.strike_sockets(Reset(), served.now())
        assert isinstance(await anext(stream), Gap)
        exchange.kill_key("alice", served.now())
        assert isinstance(await anext(stream), Gap)
        await until(lambda: counting.counts["renewed"])
    assert counting.counts["connected"] == 3
    assert counting.counts["dropped"] == 1
    assert counting.counts["gap: disconnected"] == counting.counts["gap: key_lost"] == counting.counts["key lost"] == 1
    assert counting.seconds_missed > 0


async def test_dead_man(recipe: Recipe) -> None:
    """Orders may be sent when the state is right; after trading, no countdown runs."""
    dead_man = recipe("dead_man")
    exchange, credentials = Exchange(seed=1, dialects=[USDM]), Credentials("a-key", "a-secret")
    exchange.add_account("a-key", name="alice", secret="a-secret")
    resynced: list[Gap] = []
    heard: list[UserEvent] = []

    async def resync(gap: Gap) -> None:
        await trio.lowlevel.checkpoint()
        resynced.append(gap)

    async def handle(event: UserEvent) -> None:
        await trio.lowlevel.checkpoint()
        heard.append(event)

    async def trade(switch: Any) -> None:
        await until(lambda: dead_man.may_trade(switch))
        exchange.strike_sockets(Reset(), server.now())
        await until(lambda: len(resynced) == 2 and dead_man.may_trade(switch), 20)
        exchange.emit("alice", server.now())
        await until(lambda: heard)
        assert len(exchange.book.countdowns()) == 1

    async with serve_exchange(exchange) as server:
        venue = server.venue_at(venues.BINANCE_USDM)
        await dead_man.trade_safely(venue, credentials, ["BTCUSDT"], resync, handle, trade)
    assert [gap.cause for gap in resynced] == ["opened", "disconnected"]
    assert exchange.book.countdowns() == ()


def test_in_memory(recipe: Recipe) -> None:
    """An hour and a half takes no time."""
    clock = trio.testing.MockClock(autojump_threshold=0)
    trio.run(recipe("in_memory").test_what_happens_during_an_outage_is_told, clock, clock=clock)


# Programs on the pages.


def programs() -> Iterator[Any]:
    """Every whole program in Python that the pages for users show: each ends in ``trio.run(main)``."""
    for page in ("README.md", "docs/index.rst", "docs/tutorial.rst", "docs/stream.rst"):
        text = (ROOT / page).read_text(encoding="utf-8")
        fenced = re.findall(r"^```python\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)
        indented = re.findall(r"^\.\. code-block:: python\n\n((?:   .*\n|\n)+)", text, flags=re.MULTILINE)
        blocks = [*fenced, *(re.sub(r"^   ", "", block, flags=re.MULTILINE) for block in indented)]
        for number, block in enumerate(block for block in blocks if "trio.run(main)" in block):
            yield pytest.param(block, id=f"{page}-{number + 1}")


@pytest.mark.parametrize("program", list(programs()))
async def test_programs(
    program: str, served: ServedExchange, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It runs, it goes on when its socket is reset and its key killed, and says so; it leaves no key behind."""
    exchange = served.exchange
    monkeypatch.setenv("BINANCE_API_KEY", ALICE.api_key)
    monkeypatch.setattr(venues, "BINANCE_USDM", served.venue_at(venues.BINANCE_USDM))
    mains: list[Callable[[], Awaitable[None]]] = []
    monkeypatch.setattr(trio, "run", mains.append)
    exec(compile(program, "program", "exec"), {"__name__": "__main__"})
    (main,) = mains
    printed = ""

    def prints(*words: str) -> bool:
        nonlocal printed
        printed += capsys.readouterr().out
        return any(word in printed for word in words)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(main)
        if "open_user_stream" in program:
            await until(lambda: exchange.sockets(served.now()))
            await trio.sleep(0.1)
            exchange.emit("alice", served.now())
            await until(lambda: prints("ORDER_TRADE_UPDATE"))
            exchange.kill_key("alice", served.now())
            exchange.strike_sockets(Reset(), served.now())
            await until(lambda: prints("disconnected", "key_lost"))
        else:
            await until(lambda: exchange.open_keys(served.now()) and prints("good for", "seconds from now"))
        nursery.cancel_scope.cancel("the test is over")
    assert exchange.open_keys(served.now()) == ()
    for secret in (ALICE.api_key, *exchange.keys_ever):
        assert secret not in printed
