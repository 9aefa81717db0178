"""How Binance's markets are asked, against the test exchange in memory: signed, within bans, budgets and bounds."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from trio_listenkey import (
    Credentials,
    CredentialsError,
    Gap,
    RateLimitedError,
    RefusedError,
    Timing,
    UnavailableError,
    UsageError,
    Venue,
    open_listen_key,
    venues,
)
from trio_listenkey._shell._run_context import current_context
from trio_listenkey.resync import BinanceQueries, Order, OrderQueries, Orders, catch_up
from trio_listenkey.testing import (
    COINM,
    SPOT_CLASSIC,
    USDM,
    Dialect,
    Exchange,
    Fault,
    Hang,
    MemoryTransport,
    Reset,
    WrongShape,
    api_error,
    bad_gateway_html,
    banned,
    rate_limited,
)
from trio_listenkey.transports import Request, Response

ALICE = Credentials("the-api-key-of-alice", "the-secret-of-alice")
MARKETS = [
    pytest.param(venues.BINANCE_USDM, USDM, "BTCUSDT", id="usdm"),
    pytest.param(venues.BINANCE_COINM, COINM, "BTCUSD_PERP", id="coinm"),
    pytest.param(venues.BINANCE_SPOT_CLASSIC, SPOT_CLASSIC, "BTCUSDT", id="spot"),
]
every_market = pytest.mark.parametrize(("venue", "dialect", "symbol"), MARKETS)
IMPATIENT = Timing(request_timeout=2)


@pytest.fixture
def exchange(autojump_clock: MockClock) -> Exchange:
    exchange = Exchange(seed=1, epoch=time.time() - autojump_clock.current_time())
    exchange.add_account(ALICE.api_key, name="alice", secret=ALICE.api_secret)
    for asset in ("BTC", "USDT"):
        exchange.book.deposit("alice", asset, 1_000_000, 0, dialect=SPOT_CLASSIC)
    return exchange


def queries_at(exchange: Exchange, venue: Any = venues.BINANCE_USDM, **kwargs: Any) -> BinanceQueries:
    return BinanceQueries(venue, ALICE, transport=MemoryTransport(exchange), timing=IMPATIENT, **kwargs)


def now_ms(exchange: Exchange) -> int:
    return int(exchange.unix_time(trio.current_time()) * 1000)


def order_requests(exchange: Exchange) -> list[str]:
    return [entry.path for entry in exchange.log if entry.verb == "order"]


@every_market
class TestQuestions:
    async def test_open_orders(
        self, exchange: Exchange, autojump_clock: MockClock, venue: Venue, dialect: Dialect, symbol: str
    ) -> None:
        """In one symbol or in all, as they stand."""
        queries = queries_at(exchange, venue)
        assert isinstance(queries, OrderQueries)
        placed = exchange.book.place("alice", symbol, "BUY", 2, 1, price=50_000, client_id="mine", dialect=dialect)
        exchange.book.fill(placed.number, 2, quantity=1, price=49_000)
        await trio.sleep(3)
        (order,) = await queries.open_orders()
        assert order == Order(
            symbol=symbol,
            id=placed.number,
            client_id="mine",
            side="BUY",
            order_type="LIMIT",
            status="PARTIALLY_FILLED",
            price=Decimal(50_000),
            quantity=Decimal(2),
            executed=Decimal(1),
            average_price=Decimal(49_000),
            updated_at=int(exchange.unix_time(2) * 1000),
            created_at=placed.created,
        )
        assert await queries.open_orders(symbol) == (order,)
        assert await queries.open_orders("ETHUSD_PERP" if dialect is COINM else "ETHUSDT") == ()
        assert await queries.order(symbol, placed.number) == order
        assert await queries.order(symbol, 99) is None

    async def test_past_orders(
        self, exchange: Exchange, autojump_clock: MockClock, venue: Venue, dialect: Dialect, symbol: str
    ) -> None:
        """Those of a span; a page that is full may be cut."""
        queries = queries_at(exchange, venue)
        for _ in range(3):
            exchange.book.cancel(exchange.book.place("alice", symbol, "BUY", 1, 1, price=1, dialect=dialect).number, 1)
        await trio.sleep(2)
        at = int(exchange.unix_time(1) * 1000)
        whole = await queries.past_orders(symbol, at, at)
        assert (len(whole.orders), whole.is_cut) == (3, False)
        assert await queries.past_orders(symbol, at + 1, at + queries.span) == type(whole)((), False)
        queries.page = 3
        assert (await queries.past_orders(symbol, at - queries.span, at)).is_cut
        assert {each.status for each in whole.orders} == {"CANCELED"}

    async def test_holdings(
        self, exchange: Exchange, autojump_clock: MockClock, venue: Venue, dialect: Dialect, symbol: str
    ) -> None:
        """What there is, with the time at which it changed; nothing of what there is nothing of."""
        queries = queries_at(exchange, venue)
        placed = exchange.book.place("alice", symbol, "BUY", 2, 1, price=50_000, dialect=dialect)
        exchange.book.fill(placed.number, 1, quantity=1)
        await trio.sleep(2)
        told = await queries.holdings()
        at = int(exchange.unix_time(1) * 1000)
        assert {each.updated_at for each in told.balances} | {each.updated_at for each in told.positions} == {at}
        if dialect is SPOT_CLASSIC:
            assert told.positions == ()
            usdt = next(each for each in told.balances if each.asset == "USDT")
            assert (usdt.amount, usdt.locked) == (Decimal(900_000), Decimal(50_000))
        else:
            (position,) = told.positions
            assert (position.symbol, position.amount, position.entry_price) == (symbol, Decimal(1), Decimal(50_000))
            assert [each.amount < 0 for each in told.balances] == [True]
            exchange.book.fill(exchange.book.place("alice", symbol, "SELL", 1, 2, price=1, dialect=dialect).number, 2)
            assert (await queries.holdings()).positions == ()

    async def test_what_they_cost(
        self, exchange: Exchange, autojump_clock: MockClock, venue: Venue, dialect: Dialect, symbol: str
    ) -> None:
        """What is spent of the host's budget is what the exchange counts."""
        queries = queries_at(exchange, venue)
        market, host = queries._market, queries._calls.host()._host
        asked: list[tuple[Callable[[], Any], int]] = [
            (lambda: queries.open_orders(symbol), market.open_orders_weight),
            (queries.open_orders, market.all_open_orders_weight),
            (lambda: queries.order(symbol, 1), market.order_weight),
            (lambda: queries.past_orders(symbol, now_ms(exchange) - 1, now_ms(exchange)), market.past_orders_weight),
            (queries.holdings, market.balances_weight + market.positions_weight),
        ]
        for ask, weight in asked:
            await trio.sleep(120)
            await ask()
            assert exchange._limits.weight == host.budget._total == weight


class TestWays:
    async def test_a_ban_is_everybodys(self, exchange: Exchange, autojump_clock: MockClock) -> None:
        """No question is sent before it is over, and the key of the same host is silent, too."""
        exchange.add_faults(Fault(verb="order", nth=1, effect=rate_limited(30)))
        queries = queries_at(exchange)
        with pytest.raises(RateLimitedError) as caught:
            await queries.open_orders()
        assert caught.value.retry_after >= 30
        assert str(caught.value).startswith("binance-usdm query: ")
        start = trio.current_time()
        await queries.open_orders()
        assert trio.current_time() - start >= 30
        assert exchange.requests_during_bans == 0

    async def test_a_ban_of_a_key_is_a_questions(self, exchange: Exchange, autojump_clock: MockClock) -> None:
        """What the exchange has told a key holds for questions on the same host."""
        exchange.add_faults(Fault(verb="keepalive", nth=1, effect=banned(600)))
        transport = MemoryTransport(exchange)
        queries = BinanceQueries(venues.BINANCE_USDM, ALICE, transport=transport)
        async with open_listen_key(venues.BINANCE_USDM, ALICE, transport=transport):
            await trio.sleep(1805)
            await queries.open_orders()
            assert exchange.requests_during_bans == 0
            assert trio.current_time() > 1620 + 600

    async def test_the_budget_is_kept(self, exchange: Exchange, autojump_clock: MockClock) -> None:
        """Questions wait for the minute in which there is room for them."""
        venue = replace(venues.BINANCE_USDM, weight_budget=100)
        queries = queries_at(exchange, venue)
        for _ in range(5):
            await queries.open_orders()
        assert 120 <= trio.current_time() <= 125

    async def test_a_ban_that_begins_in_the_queue(self, exchange: Exchange, autojump_clock: MockClock) -> None:
        """It is obeyed by who waited for room in the budget meanwhile."""
        queries = queries_at(exchange, replace(venues.BINANCE_USDM, weight_budget=40))
        await queries.open_orders()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(queries.open_orders)
            await trio.sleep(30)
            exchange.ban(rate_limited(100), trio.current_time())
            queries._calls.host().block(100)
        assert trio.current_time() >= 130
        assert exchange.requests_during_bans == 0

    @pytest.mark.parametrize("ahead", [60, -60])
    async def test_a_wrong_clock_is_worked_around(
        self, exchange: Exchange, autojump_clock: MockClock, ahead: float
    ) -> None:
        """The exchange tells its time, and the next request goes by it."""
        assert exchange.epoch is not None
        exchange.epoch += ahead
        queries = queries_at(exchange)
        assert queries.clock_ahead == 0
        assert await queries.open_orders() == ()
        assert queries.clock_ahead == pytest.approx(ahead, abs=2)
        await queries.open_orders()
        assert [entry.status for entry in exchange.log] == [400, 200, 200]

    @pytest.mark.parametrize("effect", [Hang(), Reset(), bad_gateway_html(), WrongShape(b"<html>")], ids=repr)
    async def test_no_answer(self, exchange: Exchange, autojump_clock: MockClock, effect: Any) -> None:
        """It is an UnavailableError that names the venue, and no secret."""
        exchange.add_faults(Fault(verb="order", effect=effect))
        with pytest.raises(UnavailableError, match="binance-usdm query") as caught:
            await queries_at(exchange).holdings()
        assert ALICE.api_key not in str(caught.value)
        assert caught.value.__cause__ is caught.value.__context__ is None
        assert trio.current_time() <= 2

    @pytest.mark.parametrize(
        ("effect", "error"),
        [
            (api_error(401, -2015, "Invalid API-key, IP, or permissions for action."), CredentialsError),
            (api_error(400, -1121, "Invalid symbol."), RefusedError),
            (api_error(400, -2013, "Order does not exist."), RefusedError),
            (WrongShape(b'{"code":0}'), RefusedError),
            (WrongShape(b'[{"symbol":"BTCUSDT"}]'), RefusedError),
            (WrongShape(b"[5]"), RefusedError),
        ],
    )
    async def test_a_refusal(
        self, exchange: Exchange, autojump_clock: MockClock, effect: Any, error: type[Exception]
    ) -> None:
        """It is raised, with no request in any frame of its traceback."""
        exchange.add_faults(Fault(verb="order", effect=effect))
        with pytest.raises(error) as caught:
            await queries_at(exchange).open_orders()
        assert type(caught.value) is error
        ours = [frame for frame in caught.traceback if "trio_listenkey" in frame.path.parts]  # type: ignore[union-attr]
        assert len(ours) > 1
        for frame in ours:
            assert ALICE.api_key not in repr(frame.frame.f_locals)

    @pytest.mark.parametrize("body", [b"{}", b'""', b'{"balances":{}}', b"0"])
    @pytest.mark.parametrize("venue", [venues.BINANCE_USDM, venues.BINANCE_SPOT], ids=lambda venue: venue.name)
    async def test_a_success_without_a_list_says_of_nothing_that_it_is_not_there(
        self, exchange: Exchange, autojump_clock: MockClock, venue: Any, body: bytes
    ) -> None:
        """It is refused: whoever took it for no orders and no positions would send orders again."""
        exchange.add_faults(Fault(verb="order", effect=WrongShape(body)))
        queries = queries_at(exchange, venue)
        for ask in (
            queries.open_orders,
            queries.holdings,
            lambda: queries.order("BTCUSDT", 1),
            lambda: queries.past_orders("BTCUSDT", 0, 1),
        ):
            with pytest.raises(RefusedError, match="not what the exchange's documents show"):
                await ask()

    @pytest.mark.parametrize("body", [b"", b" \r\n", b"null"])
    async def test_an_empty_success_is_no_answer(
        self, exchange: Exchange, autojump_clock: MockClock, body: bytes
    ) -> None:
        """Of an order, too: it does not say that the order is unknown."""
        exchange.add_faults(Fault(verb="order", effect=WrongShape(body)))
        queries = queries_at(exchange)
        for ask in (queries.open_orders, lambda: queries.order("BTCUSDT", 1)):
            with pytest.raises(UnavailableError, match="the answer is empty"):
                await ask()

    async def test_a_byte_order_mark_is_no_part_of_an_answer(
        self, exchange: Exchange, autojump_clock: MockClock
    ) -> None:
        """Some proxies put one there."""
        exchange.add_faults(Fault(verb="order", effect=WrongShape(b"\xef\xbb\xbf[]")))
        assert await queries_at(exchange).open_orders() == ()

    async def test_an_answer_may_be_large(self, exchange: Exchange, autojump_clock: MockClock) -> None:
        """Thousands of open orders are more than an answer about a key may have; there is a bound all the same."""
        transport = MemoryTransport(exchange)
        queries = BinanceQueries(venues.BINANCE_USDM, ALICE, transport=transport)
        for symbol in ("BTCUSDT", "ETHUSDT"):
            for _ in range(150):
                exchange.book.place("alice", symbol, "BUY", 1, 0, price=1, dialect=USDM)
        assert len(await queries.open_orders()) == 300
        bounded = _Bounded(transport, 64 * 1024)
        with pytest.raises(UnavailableError, match="65536 bytes"):
            await BinanceQueries(venues.BINANCE_USDM, ALICE, transport=bounded).open_orders()

    async def test_a_signer_that_fails(self, exchange: Exchange, autojump_clock: MockClock) -> None:
        """Nothing is sent, and it is told."""

        def sign(payload: bytes) -> str:
            raise OSError("the vault is locked")

        queries = BinanceQueries(
            venues.BINANCE_USDM, Credentials(ALICE.api_key, signer=sign), transport=MemoryTransport(exchange)
        )
        with pytest.raises(UsageError, match="the signer raised OSError"):
            await queries.open_orders()
        assert exchange.log == ()

    async def test_a_venue_without_a_budget(self, exchange: Exchange, autojump_clock: MockClock) -> None:
        """There is room for all."""
        queries = queries_at(exchange, replace(venues.BINANCE_USDM, weight_budget=None, limits_shared_with=()))
        for _ in range(50):
            await queries.open_orders()
        assert trio.current_time() == 0

    async def test_markets_that_share_limits(self, exchange: Exchange, autojump_clock: MockClock) -> None:
        """A ban of USD-M holds for COIN-M, whose address is another."""
        exchange.add_faults(Fault(verb="order", nth=1, effect=rate_limited(30)))
        coinm = queries_at(exchange, venues.BINANCE_COINM)
        with pytest.raises(RateLimitedError):
            await queries_at(exchange).open_orders()
        await coinm.open_orders()
        assert trio.current_time() >= 30
        assert exchange.requests_during_bans == 0

    async def test_the_common_transport_is_given_back(
        self, exchange: Exchange, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Without a transport of one's own it is that of keys and streams; the last to use it closes it."""
        transport = MemoryTransport(exchange)
        monkeypatch.setattr("trio_listenkey.transports.HTTPCore2Transport", lambda: transport)
        queries = BinanceQueries(venues.BINANCE_USDM, ALICE)
        assert await queries.open_orders() == ()
        assert transport.closed


class _Bounded:
    """Asks for less than the caller does."""

    in_memory = True

    def __init__(self, transport: MemoryTransport, limit: int) -> None:
        self._transport, self._limit = transport, limit

    async def request(self, request: Request) -> Response:
        return await self._transport.request(replace(request, max_answer=self._limit))

    async def aclose(self) -> None:
        await self._transport.aclose()


class TestVenues:
    @pytest.mark.parametrize(
        ("venue", "rest_url", "where"),
        [
            (venues.BINANCE_SPOT, None, "https://api.binance.com"),
            (venues.BINANCE_SPOT_TESTNET, None, "https://testnet.binance.vision"),
            (venues.BINANCE_SPOT_DEMO, None, "https://demo-api.binance.com"),
            (venues.BINANCE_SPOT.at("", "ws://127.0.0.1:1"), "http://127.0.0.1:1", "http://127.0.0.1:1"),
            (venues.BINANCE_COINM_TESTNET, None, venues.BINANCE_COINM_TESTNET.rest_url),
        ],
    )
    def test_where_they_are_asked(self, venue: Any, rest_url: str | None, where: str) -> None:
        """Spot's WebSocket API and its REST API have hosts of their own."""
        assert repr(BinanceQueries(venue, ALICE, rest_url=rest_url)) == f"<BinanceQueries of {venue.name} at {where}>"

    @pytest.mark.parametrize(
        ("venue", "credentials", "message"),
        [
            (venues.BINGX, ALICE, "no queries for this venue"),
            (venues.BINANCE_SPOT.at("", "ws://127.0.0.1:1"), ALICE, "not known"),
            (venues.BINANCE_USDM, Credentials("key"), "secret is missing"),
            (venues.BINANCE_USDM, "key", "credentials"),
        ],
    )
    def test_what_cannot_be_asked(self, venue: Any, credentials: Any, message: str) -> None:
        """It is told before anything is sent."""
        with pytest.raises(UsageError, match=message):
            BinanceQueries(venue, credentials)


class TestCatchUp:
    async def test_it_asks_until_there_is_an_answer(
        self, exchange: Exchange, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
    ) -> None:
        """With pauses, through a ban, and says what it waits for."""
        exchange.add_faults(
            Fault(verb="order", count=4, effect=bad_gateway_html()), Fault(verb="order", nth=5, effect=rate_limited(20))
        )
        placed = exchange.book.place("alice", "BTCUSDT", "BUY", 1, 0, price=1, dialect=USDM)
        orders, start = Orders(), trio.current_time()
        with caplog.at_level(logging.WARNING, "trio_listenkey"):
            changes = await catch_up(orders, _gap(), queries_at(exchange))
        assert [change.after.id for change in changes.orders] == [placed.number]
        assert 20 <= trio.current_time() - start < 60
        assert exchange.requests_during_bans == 0
        assert len(caplog.messages) == 5
        assert all(message.startswith("after a gap: binance-usdm query: ") for message in caplog.messages)

    async def test_a_refusal_is_raised_and_made_up_for(self, exchange: Exchange, autojump_clock: MockClock) -> None:
        """The next call asks for what the first one did not get."""
        orders, queries = Orders(), queries_at(exchange)
        await catch_up(orders, _gap(), queries)
        exchange.add_faults(Fault(verb="order", count=1, effect=api_error(401, -2015, "No.")))
        placed = exchange.book.place("alice", "BTCUSDT", "BUY", 1, trio.current_time(), price=1, dialect=USDM)
        exchange.book.fill(placed.number, trio.current_time())
        first = _gap(now_ms(exchange))
        with pytest.raises(CredentialsError):
            await catch_up(orders, first, queries, symbols=["BTCUSDT"])
        await trio.sleep(100)
        changes = await catch_up(orders, _gap(now_ms(exchange)), queries, symbols=["BTCUSDT"])
        assert [change.after.status for change in changes.orders] == ["FILLED"]

    async def test_a_slow_exchange_is_asked_once(self, exchange: Exchange, autojump_clock: MockClock) -> None:
        """What happens while it is asked is for the stream to tell: no question follows the time."""
        orders, queries = (
            Orders(),
            BinanceQueries(venues.BINANCE_USDM, ALICE, transport=MemoryTransport(exchange, latency=3.0)),
        )
        await catch_up(orders, _gap(), queries, symbols=["BTCUSDT"])
        before = len(order_requests(exchange))
        await catch_up(orders, _gap(now_ms(exchange)), queries, symbols=["BTCUSDT"])
        assert order_requests(exchange)[before:].count("/fapi/v1/allOrders") == 1

    async def test_an_unknown_order_is_asked_for_again(
        self, exchange: Exchange, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A second later, twice; then it is told that nobody knows."""
        orders, queries = Orders(), queries_at(exchange)
        other = exchange.book.place("alice", "ETHUSDT", "BUY", 1, 0, price=1, dialect=USDM)
        (order,) = await queries.open_orders()
        exchange.book.cancel(other.number, trio.current_time())
        orders.learn(replace(order, id=99))
        with caplog.at_level(logging.WARNING, "trio_listenkey"):
            changes = await catch_up(orders, _gap(), queries)
        assert changes.unresolved == ("ETHUSDT: the exchange does not know the order 99",)
        assert trio.current_time() >= 2
        assert caplog.messages == [f"after a gap: {changes.unresolved[0]}"]

    async def test_a_client_of_your_own(self, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture) -> None:
        """Its OSError is no answer; what is in the text of that is not logged."""

        class Mine:
            span, clock_ahead = 1000, 0.0

            def __init__(self) -> None:
                self.troubles = [OSError("https://api.test/?signature=abc")]

            async def open_orders(self, symbol: str | None) -> list[Order]:
                await trio.lowlevel.checkpoint()
                if self.troubles:
                    raise self.troubles.pop()
                return []

            async def order(self, symbol: str, id: int) -> Order | None:  # noqa: A002
                raise AssertionError

            async def past_orders(self, symbol: str, start: int, end: int) -> Any:
                raise AssertionError

            async def holdings(self) -> Any:
                from trio_listenkey.resync import Holdings

                await trio.lowlevel.checkpoint()
                return Holdings(())

        with caplog.at_level(logging.WARNING, "trio_listenkey"):
            assert not await catch_up(Orders(), _gap(), Mine())
        assert "after a gap: OSError. Next try" in caplog.text
        assert "signature" not in caplog.text


def _gap(last_event_time: int | None = None) -> Gap:
    at = current_context().clock.unix()
    return Gap("disconnected", 0.0, 0.0, at, at, last_event_time, 1, 1)
