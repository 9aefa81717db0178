"""Every public name, used as in a program that type-checks. Read by mypy and pyright; never executed."""

import ssl
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any, Literal, TypedDict, assert_type

import trio
from hypothesis.strategies import SearchStrategy

from trio_listenkey import (
    AnyVenue,
    Credentials,
    CredentialsError,
    DeadManSwitch,
    EndpointGoneError,
    Gap,
    Instrument,
    KeyLostError,
    KeyStatistics,
    ListenKey,
    ListenKeyError,
    RateLimitedError,
    RefusedError,
    SharingStatistics,
    SlowConsumerError,
    StreamStatistics,
    SwitchStatistics,
    Timing,
    UnavailableError,
    UsageError,
    UserEvent,
    UserStream,
    Venue,
    dead_man_switch,
    open_listen_key,
    open_user_stream,
    venues,
)
from trio_listenkey.connectors import (
    MAX_MESSAGE,
    Connection,
    Connector,
    SocketError,
    TrioWebSocketConnector,
    WebSocketConnector,
    WebSocketsTrioConnector,
)
from trio_listenkey.events import spot, usdm
from trio_listenkey.resync import (
    AskHoldings,
    Asking,
    AskOpenOrders,
    AskOrder,
    AskPastOrders,
    Balance,
    BinanceQueries,
    Change,
    Changes,
    Holdings,
    Order,
    OrderQueries,
    Orders,
    PastOrders,
    Position,
    catch_up,
    read_order,
)
from trio_listenkey.sharing import (
    MAX_DOCUMENT,
    MemoryRegister,
    RedisRegister,
    Register,
    RegisterAway,
    RegisterRefused,
    SharedKey,
    SQLiteRegister,
    register_from_url,
)
from trio_listenkey.testing import (
    ASTER_FUTURES,
    ASTER_FUTURES_V3,
    ASTER_PREDICTION_V3,
    ASTER_SPOT,
    ASTER_SPOT_V3,
    BINANCE_TR,
    BINGX,
    BINGX_COINM,
    BINGX_SPOT,
    BITRUE,
    BITRUE_FUTURES,
    COINM,
    COINS_PH,
    GMO_COIN,
    GMO_COIN_FX,
    HASHKEY,
    HASHKEY_HK,
    MARGIN,
    MARGIN_RISK,
    MARGIN_RISK_V1,
    MEXC,
    OPTIONS,
    PM_PRO,
    PORTFOLIO_MARGIN,
    SPOT,
    SPOT_CLASSIC,
    SPOT_US,
    STOCKS,
    THAILAND,
    TOKOCRYPTO,
    TOOBIT,
    TOOBIT_USDTM,
    USDM,
    CloseSocket,
    Countdown,
    Delay,
    Dialect,
    Drip,
    Drop,
    Duplicate,
    Effect,
    Exchange,
    Fault,
    Freeze,
    Garbage,
    HalfOpen,
    Hang,
    Huge,
    KillKey,
    Limit,
    LogEntry,
    MemoryConnector,
    MemoryTransport,
    OrderBook,
    OrderInfo,
    PastOrdersRule,
    Redirect,
    Refusals,
    Reply,
    Reset,
    ServedExchange,
    Session,
    SocketInfo,
    Status,
    StreamRules,
    Truncate,
    WrongShape,
    api_error,
    bad_gateway_html,
    banned,
    connect_in_memory,
    event_number,
    gone,
    html_page,
    long_key,
    rate_limited,
    retired,
    serve_exchange,
    service_unavailable,
    unsafe_key,
    waf_403_html,
)
from trio_listenkey.testing.control import (
    Control,
    ServedControl,
    fault_from_json,
    fault_to_json,
    faults_from_json,
    serve_control,
)
from trio_listenkey.testing.strategies import (
    Environment,
    Life,
    account_histories,
    exchange_timings,
    fault_scripts,
    faults as faults_of_any_kind,
    live,
    lives,
    run_life,
)
from trio_listenkey.transports import (
    MAX_BODY,
    AsksTransport,
    HTTPCore2Transport,
    HTTPXTransport,
    Request,
    Response,
    Transport,
    TransportError,
)


async def hold_a_key() -> None:
    credentials = Credentials.from_env("BINANCE")
    async with open_listen_key(venues.BINANCE_USDM, credentials) as key:
        assert_type(key, ListenKey)
        assert_type(key.value, str)
        assert_type(key.stream_url, str)
        assert_type(key.venue, Venue)
        assert_type(key.generation, int)
        assert_type(key.expires_at, float)
        assert_type(key.statistics(), KeyStatistics)
        assert_type(await key.wait_replaced(key.generation), int)
        assert_type(await key.check(), int)


async def hold_a_key_with_everything_said(transport: Transport) -> None:
    async with open_listen_key(
        venues.by_name("binance-us"),
        Credentials(api_key="key", api_secret="secret"),
        transport=transport,
        timing=Timing(
            keepalive_every=1800,
            jitter=0.1,
            request_timeout=10,
            open_timeout=30,
            close_timeout=10,
            retry_base=1,
            retry_cap=60,
            validity=3600,
            suspend_check_every=10,
        ),
        on_exit="leave",
        on_lost="raise",
        instrument=Alarm(),
    ):
        pass


async def read_a_stream() -> None:
    async with open_user_stream(venues.BINANCE_USDM, Credentials("key")) as stream:
        assert_type(stream, UserStream[usdm.Event])
        assert_type(stream.venue, AnyVenue[usdm.Event])
        assert_type(stream.key, ListenKey)
        assert_type(stream.statistics(), StreamStatistics)
        await take_one(stream)
        assert_type(await stream.receive(), UserEvent[usdm.Event] | Gap)
        assert_type(await stream.receive_batch(), list[UserEvent[usdm.Event] | Gap])
        async for item in stream:
            match item:
                case Gap():
                    what_may_be_missing(item)
                case UserEvent():
                    what_came(item)
        await stream.aclose()


async def take_one(channel: trio.abc.ReceiveChannel[UserEvent | Gap]) -> None:
    assert_type(await channel.receive(), UserEvent | Gap)


async def read_a_stream_with_everything_said(transport: Transport, connector: Connector) -> None:
    async with open_user_stream(
        venues.BINANCE_US,
        Credentials(api_key="key", api_secret="secret"),
        transport=transport,
        connector=connector,
        timing=Timing(connect_timeout=10, ping_every=20, silence_check_every=60, socket_lifetime=86_400),
        on_exit="leave",
        instrument=Alarm(),
        buffer=1000,
        on_full="drop_oldest",
        since=1_795_000_000_000,
    ) as stream:
        assert_type(stream.last_event_time, int | None)


async def have_orders_cancelled(stream: UserStream, symbols: list[str]) -> None:
    async with dead_man_switch(stream, symbols, 60, renew_every=15.0, on_exit="run") as switch:
        assert_type(switch, DeadManSwitch)
        assert_type(switch.symbols, tuple[str, ...])
        assert_type(switch.stream, UserStream)
        async for item in stream:
            if isinstance(item, Gap):
                switch.resynchronised(item)
        statistics = switch.statistics()
        assert_type(statistics, SwitchStatistics)
        assert_type(statistics.armed_until + statistics.cancelled_by, float)
        assert_type(statistics.renewals + statistics.failures + statistics.expirations, int)
    dead_man_switch(stream, symbols, on_exit="forget")  # type: ignore[arg-type]


class OrderEvent(TypedDict):
    e: str
    o: dict[str, Any]


def what_came(event: UserEvent) -> None:
    assert_type(event.type, str | None)
    assert_type(event.time, int | None)
    assert_type(event.raw, bytes)
    assert_type(event.payload, bytes)
    assert_type(event.data, Any)
    assert_type(event.parsed, object | None)
    assert_type(event.decode(OrderEvent), OrderEvent)
    assert_type(event.received_at + event.sent_after, float)


def what_may_be_missing(gap: Gap) -> None:
    assert_type(gap.cause, Literal["opened", "disconnected", "unresponsive", "key_lost", "overflow"])
    assert_type(gap.started_at + gap.ended_at + gap.unix_started_at + gap.unix_ended_at + gap.duration, float)
    assert_type(gap.generation_before + gap.generation_after, int)
    assert_type(gap.last_event_time, int | None)
    assert_type(gap.missed, int | None)


def how_it_is(statistics: StreamStatistics) -> None:
    assert_type(statistics.state, str)
    assert_type(statistics.is_live, bool)
    assert_type(statistics.connected_since, float | None)
    assert_type(statistics.last_frame_at, float | None)
    assert_type(statistics.ping_unanswered_since, float | None)
    assert_type(statistics.presumed_valid_until, float)
    assert_type(
        statistics.generation
        + statistics.buffered
        + statistics.events
        + statistics.duplicates
        + statistics.dropped
        + statistics.unparsed
        + statistics.gaps
        + statistics.connects
        + statistics.failed_connects
        + statistics.disconnects
        + statistics.moves
        + statistics.silence_checks,
        int,
    )
    assert_type(statistics.key, KeyStatistics | None)
    assert_type(statistics.waits_for, Literal["key", "backoff", "own_limit", "exchange"] | None)
    assert_type(statistics.next_connect_at, float | None)


async def make_mistakes(key: ListenKey) -> None:
    """Each of these lines is an error to every checker, and so would be its comment if it were none."""
    open_listen_key("binance-us", Credentials("key"))  # type: ignore[arg-type]
    open_listen_key(venues.BINANCE_US, Credentials("key"), on_exit="stay")  # type: ignore[arg-type]
    key.generation = 2  # type: ignore[misc]
    open_user_stream(venues.BINANCE_US, Credentials("key"), on_full="forget")  # type: ignore[arg-type]
    open_user_stream(venues.BINANCE_US, Credentials("key"), connector=CannedTransport())  # type: ignore[arg-type]


def what_happened(statistics: KeyStatistics) -> None:
    assert_type(statistics.state, str)
    assert_type(statistics.generation, int)
    assert_type(
        statistics.requests
        + statistics.created
        + statistics.renewed
        + statistics.retries
        + statistics.waits
        + statistics.losses,
        int,
    )
    assert_type(statistics.expires_at, float)
    assert_type(statistics.next_request_at, float)
    assert_type(statistics.closed, bool | None)


def whose_turn_it_is(error: ListenKeyError) -> str | float | None:
    match error:
        case UsageError() | CredentialsError() | EndpointGoneError() | RefusedError():
            return f"{error.problem} {error.advice} {error.venue} {error.verb} {error.status} {error.code}"
        case RateLimitedError():
            return error.retry_after
        case KeyLostError() | UnavailableError() | SlowConsumerError():
            return error.message
        case _:
            return None


def choose_a_session() -> None:
    assert_type(venues.sessions(), tuple[venues.SignedVenue, ...])
    for venue in (venues.BINANCE_SPOT, venues.BINANCE_SPOT_DEMO, venues.BINANCE_SPOT_TESTNET):
        assert_type(venue, venues.SignedVenue[spot.Event])
        open_user_stream(venue, Credentials("key", "secret"))
    assert_type(venues.by_name("binance-spot"), Venue | venues.SignedVenue)


def choose_a_venue() -> None:
    assert_type(venues.known(), tuple[Venue, ...])
    every: tuple[Venue, ...] = (
        venues.ASTER_FUTURES,
        venues.ASTER_FUTURES_V3,
        venues.ASTER_PREDICTION_V3,
        venues.ASTER_SPOT_V3,
        venues.ASTER_SPOT,
        venues.BINANCE_COINM,
        venues.BINANCE_COINM_TESTNET,
        venues.BINANCE_MARGIN,
        venues.BINANCE_MARGIN_RISK,
        venues.binance_margin_isolated("BTCUSDT"),
        venues.BINANCE_OPTIONS,
        venues.BINANCE_OPTIONS_TESTNET,
        venues.BINANCE_PM_PRO,
        venues.BINANCE_PORTFOLIO_MARGIN,
        venues.BINANCE_SPOT_CLASSIC,
        venues.BINANCE_STOCKS,
        venues.BINANCE_TH,
        venues.BINANCE_TH_SITE,
        venues.BINANCE_TR,
        venues.BINANCE_US,
        venues.BINANCE_USDM,
        venues.BINANCE_USDM_TESTNET,
        venues.BINGX,
        venues.BINGX_COINM,
        venues.BINGX_SPOT,
        venues.BITRUE,
        venues.BITRUE_FUTURES,
        venues.COINS_PH,
        venues.GMO_COIN,
        venues.GMO_COIN_FX,
        venues.HASHKEY,
        venues.HASHKEY_HK,
        venues.MEXC,
        venues.TOKOCRYPTO,
        venues.TOOBIT,
        venues.TOOBIT_USDTM,
    )
    for venue in every:
        check_a_venue(venue)
    for one in (venues.BINANCE_USDM, venues.BINANCE_USDM_TESTNET):
        assert_type(one.at("http://127.0.0.1:8080", "ws://127.0.0.1:8080"), Venue[usdm.Event])


def check_a_venue(venue: Venue) -> None:
    assert_type(venue.at("http://127.0.0.1:8080", "ws://127.0.0.1:8080", allow_plaintext=False), Venue)
    assert_type(venue.stream_url_for("key"), str)
    Venue(
        name="mine",
        rest_url="https://example.org",
        stream_url="wss://example.org",
        path="/listenKey",
        stream_path="/ws/{key}",
        key_in="form",
        key_param="token",
        create=venues.Call("POST", extra=(("type", "WEBSOCKET"),)),
        keepalive=venues.Call("PUT", "/listenKey/{key}", key_in="path"),
        close=None,
        signing=venues.Signing(place="headers", payload="{timestamp}{method}{path}{body}", unit="us"),
        answer=venues.Answer(key="data.token", gone=frozenset({-1125, "ERR-5"}), success="status"),
        sharing=venues.Sharing(second_create="new", max_keys=5),
        countdown=venues.CountdownCancel(path="/countdownCancelAll", weight=10),
        stream=venues.StreamShape(heartbeat=venues.Heartbeat(kind="text", heard="Ping", answer="Pong")),
        source="its documents, 2026",
        events_url="https://example.org/events",
    ).with_parameters(category="USDC")
    assert_type(venues.BINANCE_USDM.call("close"), venues.Call | None)
    Credentials("key", signer=lambda payload: payload[::-1])


class Alarm(Instrument):
    def created(self, venue: str, generation: int) -> None: ...

    def renewed(self, venue: str, generation: int) -> None: ...

    def retrying(self, venue: str, generation: int, error: ListenKeyError, delay: float) -> None: ...

    def lost(self, venue: str, generation: int, error: ListenKeyError) -> None: ...

    def replaced(self, venue: str, generation: int) -> None: ...

    def closed(self, venue: str, generation: int, error: ListenKeyError | None) -> None: ...

    def connected(self, venue: str, generation: int) -> None: ...

    def dropped(self, venue: str, generation: int, error: Exception) -> None: ...

    def gap(self, venue: str, generation: int, gap: Gap) -> None: ...


class CannedTransport:
    async def request(self, request: Request) -> Response:
        assert_type((request.method, request.url, request.body), tuple[str, str, bytes])
        if len(request.headers) > MAX_BODY:
            raise TransportError("too much", unsent=True)
        return Response(200, (("Retry-After", "1"),), b"{}")

    async def aclose(self) -> None: ...


async def bring_a_transport(context: ssl.SSLContext, asks_session: object, httpx_client: object) -> None:
    await hold_a_key_with_everything_said(CannedTransport())
    await hold_a_key_with_everything_said(HTTPCore2Transport(ssl_context=context, proxy="http://127.0.0.1:3128"))
    await hold_a_key_with_everything_said(AsksTransport(ssl_context=context))
    await hold_a_key_with_everything_said(AsksTransport(asks_session))
    await hold_a_key_with_everything_said(HTTPXTransport(httpx_client))
    response = await HTTPCore2Transport().request(Request("POST", "https://example.org", (), b""))
    assert_type(response.header("Retry-After"), str | None)


class CannedConnection:
    async def receive(self) -> Sequence[bytes]:
        raise SocketError("over", status=503, retry_after=1.5, code=1001)

    async def send(self, message: str) -> None: ...

    async def ping(self) -> None: ...


class CannedConnector:
    @asynccontextmanager
    async def connect(self, url: str) -> AsyncGenerator[Connection, None]:
        yield CannedConnection()


async def dial(url: str) -> trio.abc.Stream:
    return await trio.open_tcp_stream(url, 443)


async def bring_a_connector(transport: Transport, context: ssl.SSLContext) -> None:
    for connector in (
        CannedConnector(),
        WebSocketConnector(ssl_context=context, proxy="http://127.0.0.1:3128", max_message=MAX_MESSAGE),
        WebSocketConnector(dial=dial),
        TrioWebSocketConnector(ssl_context=context),
        WebSocketsTrioConnector(),
    ):
        await read_a_stream_with_everything_said(transport, connector)
    async with WebSocketConnector().connect("wss://example.org/ws") as connection:
        assert_type(connection, Connection)
        assert_type(await connection.receive(), Sequence[bytes])
        await connection.send("a text")
        await connection.ping()
    error = SocketError("over")
    assert_type((error.status, error.retry_after, error.code), tuple[int | None, float | None, int | None])


async def test_against_memory() -> None:
    exchange = Exchange(seed=1, validity=3600, dialects=(SPOT_CLASSIC, SPOT_US, USDM, COINM), faults=faults())
    assert_type(exchange.add_account("key", name="alice"), str)
    assert_type(exchange.log, tuple[LogEntry, ...])
    assert_type(exchange.open_keys(0), tuple[str, ...])
    assert_type(exchange.handle(Request("GET", "http://127.0.0.1/", ()), 1), Reply)
    await hold_a_key_with_everything_said(MemoryTransport(exchange, hops=2, latency=0.1))
    connector = MemoryConnector(exchange)
    connector.reachable = False
    await read_a_stream_with_everything_said(MemoryTransport(exchange), connector)


def test_dialects() -> None:
    exchange = Exchange(
        dialects=[
            ASTER_FUTURES,
            ASTER_FUTURES_V3,
            ASTER_PREDICTION_V3,
            ASTER_SPOT,
            ASTER_SPOT_V3,
            BINANCE_TR,
            BINGX,
            BINGX_COINM,
            BINGX_SPOT,
            BITRUE,
            BITRUE_FUTURES,
            COINS_PH,
            GMO_COIN,
            GMO_COIN_FX,
            HASHKEY,
            HASHKEY_HK,
            MARGIN,
            MARGIN_RISK,
            MARGIN_RISK_V1,
            MEXC,
            OPTIONS,
            PM_PRO,
            PORTFOLIO_MARGIN,
            SPOT,
            STOCKS,
            THAILAND,
            TOKOCRYPTO,
            TOOBIT,
            TOOBIT_USDTM,
        ]
    )
    exchange.add_account("key", secret="secret")
    exchange.add_account("another-key", public_key=b"-----BEGIN PUBLIC KEY-----")
    exchange.revoke("another-key")
    assert_type(MEXC.refusals, Refusals)
    assert_type(MEXC.must_name_key("close"), bool)


def test_the_order_book(exchange: Exchange) -> None:
    assert_type(exchange.book, OrderBook)
    exchange.book.set_price("BTCUSDT", "60000", 1.0, dialect=USDM)
    exchange.book.past_orders = PastOrdersRule(times="updated", keeps="earliest")
    order = exchange.book.place("alice", "BTCUSDT", "BUY", 0.01, 1.0, price=59_000, client_id="mine", dialect=USDM)
    assert_type(order, OrderInfo)
    assert_type(exchange.book.fill(order.number, 1.0, quantity=Decimal("0.001"), price=58_000), OrderInfo)
    assert_type(exchange.book.cancel("mine", 1.0), OrderInfo)
    assert_type(exchange.book.expire("mine", 1.0), OrderInfo)
    assert_type(exchange.book.orders("alice", open_only=True), tuple[OrderInfo, ...])
    assert_type(exchange.book.deposit("alice", "USDT", 1000, 1.0, dialect=SPOT), Decimal)
    assert_type(exchange.book.balance("alice", "USDT", dialect=SPOT), tuple[Decimal, Decimal])
    assert_type(exchange.book.position("alice", "BTCUSDT", dialect=USDM), tuple[Decimal, Decimal])
    assert_type(exchange.book.countdowns(), tuple[Countdown, ...])
    exchange.book.add_symbol("DOGEUSD_PERP", "DOGE", "USD", contract_size=10, dialect=COINM)


async def test_resync(stream: UserStream, client: OrderQueries) -> None:
    orders = Orders(remember=100)
    queries = BinanceQueries(
        venues.BINANCE_SPOT, Credentials("key", "secret"), rest_url="https://api.binance.com", timing=Timing()
    )
    asked: OrderQueries = queries
    async for item in stream:
        if isinstance(item, Gap):
            assert_type(await catch_up(orders, item, asked, symbols=["BTCUSDT"], timing=Timing()), Changes)
            asking = orders.begin(item, span=queries.span, unix_now=0.0, clock_ahead=1.0, symbols=["BTCUSDT"])
            assert_type(asking, Asking)
            assert_type(asking.question, AskOpenOrders | AskHoldings | AskPastOrders | AskOrder | None)
            asking.answer(Holdings((), ()))
            asking.answer(PastOrders((), is_cut=False))
            asking.set_clock(1.0)
        else:
            changes = orders.take(item)
            assert_type(changes.orders, tuple[Change[Order], ...])
            assert_type(changes.balances, tuple[Change[Balance], ...])
            assert_type(changes.positions, tuple[Change[Position], ...])
    assert_type(orders.open("BTCUSDT"), tuple[Order, ...])
    assert_type(orders.learn(read_order({"symbol": "BTCUSDT"})), Changes)
    assert_type(await client.open_orders(None), Iterable[Order])
    assert_type(orders.position("BTCUSDT"), Decimal)


async def test_sockets(exchange: Exchange) -> None:
    stream: trio.abc.Stream = connect_in_memory(exchange)
    await stream.aclose()
    assert_type(exchange.connect("/ws/key", 1.0), Session | Reply)
    assert_type(exchange.emit("alice", 1.0, kind="ORDER_TRADE_UPDATE", count=2), tuple[int, ...])
    exchange.emit("alice", 1.0, data={"e": "MARGIN_CALL"}, dialect=USDM)
    exchange.emit_rate("alice", 2.5, 1.0)
    assert_type(exchange.emitted("alice"), int)
    assert_type(event_number({"e": "executionReport", "c": "n-1"}), int)
    assert_type(event_number([{"e": "ticketInfo", "T": "1"}]), int)
    assert_type(exchange.sockets(1.0), tuple[SocketInfo, ...])
    assert_type(exchange.sockets(1.0)[0].channels, tuple[str, ...])
    assert_type(exchange.strike_sockets(HalfOpen(), 1.0, account="alice"), int)
    exchange.freeze(5.0, 1.0)
    exchange.shut_down_sockets(1.0, after=600)
    exchange.add_faults(
        Fault(verb="connect", effect=Status(503)),
        Fault(verb="socket", effect=Delay(30, then=CloseSocket(1001, "bye"))),
        Fault(verb="event", effect=Drop(), count=3),
        Fault(verb="event", effect=Duplicate(times=2), probability=0.5),
        Fault(verb="event", effect=Freeze(5)),
    )
    assert_type(USDM.stream, StreamRules)
    StreamRules(routed=True, account_events="usdm", expiry_names_key=False, ping_every=300)
    StreamRules(words="mexc", channels=(("a", ("b", "c")),), client_pings="method", silence_within=60)


async def test_on_loopback(exchange: Exchange, dialect: Dialect) -> None:
    exchange.retired.add(dialect)
    async with serve_exchange(exchange, port=0, tls=True, certificate_for="localhost", time_scale=60) as served:
        assert_type(served, ServedExchange)
        assert_type(served.venue_at(venues.BINANCE_US), Venue[spot.Event])
        assert_type(served.ssl_context(), ssl.SSLContext)
        exchange.kill_key("alice", served.now(), dialect=dialect)


async def test_under_control(exchange: Exchange) -> None:
    async with (
        serve_exchange(exchange) as served,
        serve_control(served, port=0, shut_down=lambda: None) as control,
    ):
        assert_type(control, ServedControl)
        assert_type(control.url, str)
        assert_type(control.control, Control)
    control_without_port = Control(exchange, urls={"rest": served.rest_url}, shut_down=None)
    assert_type(control_without_port.handle("GET", "/state", b"", 1.0)[0], int)
    assert_type(control_without_port.log.count(), int)


def say_faults() -> None:
    fault = fault_from_json("keepalive#2=service_unavailable", where="here")
    assert_type(fault, Fault)
    assert_type(faults_from_json([fault_to_json(fault)]), list[Fault])


async def a_bot(environment: Environment) -> None:
    assert_type(environment.unix_time(), float)
    assert_type(environment.symbol, str | None)
    assert_type(environment.exchange, Exchange)
    async with open_user_stream(
        environment.venue,
        environment.credentials,
        transport=environment.transport,
        connector=environment.connector,
    ):
        pass


def live_through(life: Life) -> None:
    assert_type(life.lines, tuple[str, ...])
    assert_type(life.latency + life.skew, float)
    run_life(life, a_bot, lambda environment: environment.account, always=print, calm=60, leaves_key=True)


async def live_asynchronously() -> None:
    await live(Life("wait 1", "kill_key"), a_bot, venue=venues.BINANCE_COINM, dialect=COINM, opens_within=5)


def generate_misfortune() -> None:
    assert_type(lives(orders=False, occasions=["connect"]), SearchStrategy[Life])
    assert_type(account_histories(max_size=3), SearchStrategy[list[str]])
    assert_type(exchange_timings(latencies=[0.1], skews=[0]), SearchStrategy[list[str]])
    assert_type(faults_of_any_kind("create", "event"), SearchStrategy[Fault])
    assert_type(fault_scripts(max_size=2), SearchStrategy[list[Fault]])


def faults() -> list[Fault]:
    effects: list[Effect] = [
        Delay(5, then=Garbage()),
        Drip(0.1),
        Hang(after_work=True),
        Huge(size=None),
        KillKey(),
        Limit(60, status=418, retry_after=False),
        Redirect("https://example.org", code=308),
        Reset(),
        Status(503, b"", ()),
        Truncate(after=3),
        WrongShape(b"[]"),
        api_error(400, -1125, "This listenKey does not exist."),
        bad_gateway_html(),
        banned(120),
        gone(),
        html_page(502, "Bad Gateway"),
        long_key(),
        rate_limited(60),
        retired(),
        service_unavailable(after_work=True),
        unsafe_key(),
        waf_403_html(),
    ]
    return [Fault(effect=effect, verb="create", nth=1, count=None, probability=0.5) for effect in effects]


async def write_in_a_register(trust: ssl.SSLContext) -> None:
    registers: list[Register] = [
        MemoryRegister(latency=0.1),
        SQLiteRegister("shared.db", timeout=1),
        RedisRegister("rediss://host", prefix="ours:", timeout=1, ssl_context=trust),
        register_from_url("sqlite:shared.db"),
    ]
    shared = SharedKey(registers[0], beat_every=2.5, patience=6, account="main")
    async with open_listen_key(venues.BINANCE_USDM, Credentials("key"), sharing=shared) as key:
        assert_type(key.statistics().sharing, SharingStatistics | None)
    for register in registers:
        try:
            document, version = await register.read("name")
            assert_type(document, bytes | None)
            assert_type(version, str)
            assert_type(await register.swap("name", version, b"x" * MAX_DOCUMENT), bool)
        except RegisterAway as error:
            assert_type(error.advice, str)
        except RegisterRefused as error:
            assert_type(error.code, int | str | None)
        await register.aclose()


def fail_as_registers_do(register: MemoryRegister) -> None:
    before = register.snapshot()
    register.away = True
    register.forget()
    register.restore(before)
