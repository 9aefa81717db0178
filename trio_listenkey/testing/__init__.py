"""An exchange to test against: in memory under a virtual clock, or on a loopback port over real HTTP.

The exchange is a plain object. It is told the time, what goes wrong, and every request; and it can be asked
what it saw::

    exchange = Exchange(seed=1, faults=[
        Fault(verb="keepalive", nth=2, effect=service_unavailable()),          # the second keepalive gets a 503
        Fault(verb="create", count=3, effect=Reset(after_work=True)),          # three answers to POST are lost
        Fault(after=7200, until=7800, effect=bad_gateway_html()),              # ten bad minutes after two hours
        Fault(probability=0.01, effect=Delay(5)),                              # and one in a hundred is slow
    ])
    alice = exchange.add_account("an-api-key", name="alice")

**In memory**, behind the transport port, with no sockets. Under :class:`trio.testing.MockClock` thirty days
take no time::

    async def test_thirty_days(autojump_clock):
        transport = MemoryTransport(exchange)
        async with open_listen_key(venue, credentials, transport=transport):
            await trio.sleep(30 * 86400)
            assert exchange.seconds_without_key("alice", trio.current_time()) == 0
        assert exchange.open_keys(trio.current_time()) == ()
        assert exchange.requests_during_bans == 0

**On loopback**, for any client in any language (``pip install 'trio-listenkey[testing]'``)::

    async with serve_exchange(exchange, tls=True) as served:
        print(served.rest_url)                          # https://127.0.0.1:49152
        exchange.kill_key("alice", served.now())        # silently, behind its holders' back

**The private WebSocket** that a key is for is there in both: on the same port, or on a stream in memory that any
WebSocket library can run over. Account events are emitted by script or at a rate, and numbered::

    stream = connect_in_memory(exchange)                   # trio_websocket.wrap_client_stream(nursery, stream, ...)
    exchange.emit("alice", now, count=3)
    exchange.emit_rate("alice", 50, now)
    ...
    assert [event_number(event) for event in received] == list(range(1, exchange.emitted("alice") + 1))

**The WebSocket API**, where Binance's spot and margin streams are asked for by a signed request or a token, is at its
path ``/ws-api/v3`` in the same way; ``emit(..., dialect=SPOT)`` sends what happens there.

**Orders** are placed, cancelled and queried over REST at Binance's spot, USD-M and COIN-M futures, and filled by the
test; see :class:`OrderBook`::

    exchange.book.set_price("BTCUSDT", 60_000, now)        # limit orders that it reaches are filled
    exchange.book.fill(order_id, now, quantity="0.001")    # so is this one, in part

What goes wrong is the same language everywhere: :class:`Fault` says when, an effect says what. Sockets have four
occasions of their own::

    Fault(verb="connect", effect=Status(503), count=3)                  # three handshakes are refused
    Fault(verb="socket", effect=HalfOpen(), after=7200)                 # after two hours, bytes vanish both ways
    Fault(verb="socket", effect=Delay(30, then=CloseSocket(1001)))      # each is closed after half a minute
    Fault(verb="event", effect=Drop(), probability=0.01)                # one event in a hundred is lost
    Fault(verb="api", effect=rate_limited(60), nth=2)                   # the second request on the WebSocket API: 429

**Generated misfortune** for your own tests, by Hypothesis, is in :mod:`trio_listenkey.testing.strategies`.

Where things are; what stands further down imports what stands above it, and never the other way round::

    _faults           what goes wrong, when, and what it means on each occasion
    _dialects         how each exchange speaks
    _state            keys, accounts, limits, events
    _log              what the exchange remembers of each request
    _book             a small order book
    _rest             the REST API
    _ws               the private WebSockets and the WebSocket API
    _exchange         the facade: accounts, time, faults, what a test asks
    _frontends        the exchange on a loopback port, and in memory
    _control          commands from outside, and faults as JSON
    control           the public names of that
    _lives            generated lives, and a program that is walked through them
    strategies        the public names of that, for who has Hypothesis
    pytest_plugin     fixtures
"""

from __future__ import annotations

from ._book._books import Countdown, PastOrdersRule
from ._book._order_book import OrderBook
from ._book._orders import OrderInfo
from ._dialects._binance import COINM, SPOT_CLASSIC, SPOT_US, USDM, Dialect, Refusals
from ._dialects._binance_ws_api import MARGIN, SPOT
from ._dialects._events import event_number
from ._dialects._others import (
    ASTER_FUTURES,
    ASTER_FUTURES_V3,
    ASTER_SPOT,
    ASTER_SPOT_V3,
    BINGX,
    BINGX_COINM,
    BINGX_SPOT,
    BITRUE,
    COINS_PH,
    GMO_COIN,
    HASHKEY,
    MARGIN_RISK,
    MARGIN_RISK_V1,
    MEXC,
    OPTIONS,
    PM_PRO,
    PORTFOLIO_MARGIN,
    STOCKS,
    THAILAND,
    TOOBIT,
)
from ._dialects._sisters import (
    ASTER_PREDICTION_V3,
    BINANCE_TR,
    BITRUE_FUTURES,
    GMO_COIN_FX,
    HASHKEY_HK,
    TOKOCRYPTO,
    TOOBIT_USDTM,
)
from ._dialects._stream_rules import StreamRules
from ._exchange import Exchange
from ._faults._effects import (
    CloseSocket,
    Delay,
    Drip,
    Drop,
    Duplicate,
    Effect,
    Freeze,
    Garbage,
    HalfOpen,
    Hang,
    Huge,
    KillKey,
    Limit,
    Redirect,
    Reset,
    Status,
    Truncate,
    WrongShape,
    api_error,
    bad_gateway_html,
    banned,
    gone,
    html_page,
    long_key,
    rate_limited,
    retired,
    service_unavailable,
    unsafe_key,
    waf_403_html,
)
from ._faults._script import Fault
from ._frontends._memory_connector import MemoryConnector
from ._frontends._memory_socket import connect_in_memory
from ._frontends._memory_transport import MemoryTransport
from ._frontends._serve import ServedExchange, serve_exchange
from ._log import LogEntry
from ._state._reply import Reply
from ._ws._session import Session
from ._ws._sockets import SocketInfo

__all__ = [
    "ASTER_FUTURES",
    "ASTER_FUTURES_V3",
    "ASTER_PREDICTION_V3",
    "ASTER_SPOT",
    "ASTER_SPOT_V3",
    "BINANCE_TR",
    "BINGX",
    "BINGX_COINM",
    "BINGX_SPOT",
    "BITRUE",
    "BITRUE_FUTURES",
    "COINM",
    "COINS_PH",
    "GMO_COIN",
    "GMO_COIN_FX",
    "HASHKEY",
    "HASHKEY_HK",
    "MARGIN",
    "MARGIN_RISK",
    "MARGIN_RISK_V1",
    "MEXC",
    "OPTIONS",
    "PM_PRO",
    "PORTFOLIO_MARGIN",
    "SPOT",
    "SPOT_CLASSIC",
    "SPOT_US",
    "STOCKS",
    "THAILAND",
    "TOKOCRYPTO",
    "TOOBIT",
    "TOOBIT_USDTM",
    "USDM",
    "CloseSocket",
    "Countdown",
    "Delay",
    "Dialect",
    "Drip",
    "Drop",
    "Duplicate",
    "Effect",
    "Exchange",
    "Fault",
    "Freeze",
    "Garbage",
    "HalfOpen",
    "Hang",
    "Huge",
    "KillKey",
    "Limit",
    "LogEntry",
    "MemoryConnector",
    "MemoryTransport",
    "OrderBook",
    "OrderInfo",
    "PastOrdersRule",
    "Redirect",
    "Refusals",
    "Reply",
    "Reset",
    "ServedExchange",
    "Session",
    "SocketInfo",
    "Status",
    "StreamRules",
    "Truncate",
    "WrongShape",
    "api_error",
    "bad_gateway_html",
    "banned",
    "connect_in_memory",
    "event_number",
    "gone",
    "html_page",
    "long_key",
    "rate_limited",
    "retired",
    "serve_exchange",
    "service_unavailable",
    "unsafe_key",
    "waf_403_html",
]

# Tracebacks, pickles and the documentation name things by where users find them, not by the file they are in.
for _name in __all__:
    if callable(globals()[_name]):
        globals()[_name].__module__ = __name__
del _name
