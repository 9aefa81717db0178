"""The exchanges that this library knows, as data.

Every value that is not obvious names its source. Where sources disagree, the safer value is chosen, which loses no
events and silences no other program. Change a value by :func:`dataclasses.replace`. Binance's documents are those at
https://developers.binance.com/docs and https://github.com/binance/binance-spot-api-docs, as of 2026.

On Binance and most of the others, one account has one key: a second create returns the same one and a close ends it for
*every* holder, in whatever process, the exchange's own web page included. :class:`Sharing` says which exchanges differ.

What error codes mean is taken from each exchange's own table, with its date in ``source`` or in a comment; where that
is older than what clients have met, from ccxt 4.5.90 (2026-10) as well, and then noted. For codes that
are not listed, see :doc:`/venues`.

The file is long because it is a table: each exchange is one entry, and no code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Never

from msgspec.structs import replace

from ._errors import UsageError
from ._venue._codes import Code
from ._venue._parts import Answer, Call, CountdownCancel, Heartbeat, Sharing, Signing, StreamShape
from ._venue._signed_venue import SignedVenue
from ._venue._venue import Venue
from .events._types import EventTypes

if TYPE_CHECKING:
    from .events import aster_futures, aster_spot, coinm, options, portfolio_margin, spot, usdm

__all__ = [
    "ASTER_FUTURES",
    "ASTER_FUTURES_V3",
    "ASTER_PREDICTION_V3",
    "ASTER_SPOT",
    "ASTER_SPOT_V3",
    "BINANCE_COINM",
    "BINANCE_COINM_TESTNET",
    "BINANCE_MARGIN",
    "BINANCE_MARGIN_RISK",
    "BINANCE_OPTIONS",
    "BINANCE_OPTIONS_TESTNET",
    "BINANCE_PM_PRO",
    "BINANCE_PORTFOLIO_MARGIN",
    "BINANCE_SPOT",
    "BINANCE_SPOT_CLASSIC",
    "BINANCE_SPOT_DEMO",
    "BINANCE_SPOT_TESTNET",
    "BINANCE_STOCKS",
    "BINANCE_TH",
    "BINANCE_TH_SITE",
    "BINANCE_TR",
    "BINANCE_US",
    "BINANCE_USDM",
    "BINANCE_USDM_TESTNET",
    "BINGX",
    "BINGX_COINM",
    "BINGX_SPOT",
    "BITRUE",
    "BITRUE_FUTURES",
    "COINS_PH",
    "GMO_COIN",
    "GMO_COIN_FX",
    "HASHKEY",
    "HASHKEY_HK",
    "MEXC",
    "TOKOCRYPTO",
    "TOOBIT",
    "TOOBIT_USDTM",
    "Answer",
    "Call",
    "CountdownCancel",
    "Heartbeat",
    "Sharing",
    "SignedVenue",
    "Signing",
    "StreamShape",
    "binance_margin_isolated",
    "by_name",
    "known",
    "sessions",
]

# What is sent, where that has types. They are imported when an event is first read as one.
_USDM: Final[EventTypes[usdm.Event]] = EventTypes("trio_listenkey.events.usdm:Event")
_COINM: Final[EventTypes[coinm.Event]] = EventTypes("trio_listenkey.events.coinm:Event")
_SPOT: Final[EventTypes[spot.Event]] = EventTypes("trio_listenkey.events.spot:Event")
_OPTIONS: Final[EventTypes[options.Event]] = EventTypes("trio_listenkey.events.options:Event")
_PORTFOLIO: Final[EventTypes[portfolio_margin.Event]] = EventTypes("trio_listenkey.events.portfolio_margin:Event")
_ASTER_FUTURES: Final[EventTypes[aster_futures.Event]] = EventTypes("trio_listenkey.events.aster_futures:Event")
_ASTER_SPOT: Final[EventTypes[aster_spot.Event]] = EventTypes("trio_listenkey.events.aster_spot:Event")

# --- Binance

BINANCE_SPOT: SignedVenue[spot.Event] = SignedVenue(
    name="binance-spot",
    stream_url="wss://ws-api.binance.com:443",
    stream_path="/ws-api/v3?returnRateLimits=false",
    events=_SPOT,
    source="binance-spot-api-docs, web-socket-api.md, 2026-07",
    events_url="https://developers.binance.com/docs/binance-spot-api-docs/user-data-stream",
)
"""Binance spot as it is since 2026-02-20: ``userDataStream.subscribe.signature`` of its WebSocket API, signed by HMAC
with the API secret, or with Ed25519 or RSA by a signer. There are no listen keys: use
:func:`~trio_listenkey.open_user_stream`."""

BINANCE_SPOT_TESTNET = replace(
    BINANCE_SPOT, name="binance-spot-testnet", stream_url="wss://ws-api.testnet.binance.vision"
)
"""Its testnet."""

BINANCE_SPOT_DEMO = replace(BINANCE_SPOT, name="binance-spot-demo", stream_url="wss://demo-ws-api.binance.com")
"""Its demo mode: play money at the real market."""

# "Verification failed", in no table (ccxt).
_SAPI_CREDENTIALS: Final = frozenset[Code]({100001003})

BINANCE_MARGIN: Venue[spot.Event] = Venue(
    name="binance-margin",
    rest_url="https://api.binance.com",
    stream_url="wss://ws-api.binance.com:443",
    path="/sapi/v1/userListenToken",
    stream_path="/ws-api/v3?returnRateLimits=false",
    # A token is not kept alive: another one is fetched, which lives beside it. Nor is it closed: it expires.
    keepalive=None,
    close=None,
    key_in="account",
    answer=Answer(key="token", expiry="expirationTime", credentials=_SAPI_CREDENTIALS),
    # ccxt sends the API key alone, python-binance signs, and both say that it works.
    signing=Signing(required=False),
    sharing=Sharing(second_create="new"),
    stream=StreamShape(says_key=True, expired=None),
    validity=86_400.0,
    keepalive_every=43_200.0,
    events=_SPOT,
    source="developers.binance.com, Listen Token Websocket API, 2026; ccxt 4.5.90; python-binance 1.0.37",
    events_url="https://developers.binance.com/docs/margin_trading/trade-data-stream",
)
"""Binance cross margin: ``userListenToken``, and ``userDataStream.subscribe.listenToken`` of the WebSocket API. The
token is fetched anew in half of its time, and the stream moves to it before the old one ends."""


def binance_margin_isolated(symbol: str) -> Venue[spot.Event]:
    """Binance isolated margin, of one pair: each is an account of its own.

    Args:
        symbol: For example ``"BTCUSDT"``.
    """
    return replace(
        BINANCE_MARGIN.with_parameters(isIsolated="true", symbol=symbol),
        name=f"binance-margin-isolated-{symbol.lower()}",
    )


BINANCE_SPOT_CLASSIC: Venue[spot.Event] = Venue(
    name="binance-spot-classic",
    rest_url="https://api.binance.com",
    stream_url="wss://stream.binance.com:9443",
    path="/api/v3/userDataStream",
    stream_path="/ws/{key}",
    create=Call("POST", weight=2),
    keepalive=Call("PUT", weight=2),
    close=Call("DELETE", weight=2),
    # Removed from the testnet on 2026-02-04 and from production on 2026-02-20: HTTP 410 with an HTML page.
    retired="Binance took the listen keys of spot away on 2026-02-20; use open_user_stream(venues.BINANCE_SPOT, ...)",
    events=_SPOT,
    weight_budget=3000,  # of 6,000 a minute and IP: rest-api.md, "IP limits"
    source="Binance spot rest-api.md before 2025-10; its change log of 2026-02-20",
    events_url="https://developers.binance.com/docs/binance-spot-api-docs/user-data-stream",
)
"""Binance spot as it was: ``/api/v3/userDataStream``. binance.com answers HTTP 410 since 2026-02-20; the dialect
lives on at Binance.US and at exchanges that follow it."""

BINANCE_US: Venue[spot.Event] = Venue(
    name="binance-us",
    rest_url="https://api.binance.us",
    stream_url="wss://stream.binance.us:9443",
    path="/api/v3/userDataStream",
    stream_path="/ws/{key}",
    stream=StreamShape(expired=None),
    events=_SPOT,
    weight_budget=600,  # of 1,200 a minute and IP
    source="binance-us-api-docs, 2024-06; clients still use it in 2026-09",
    events_url="https://github.com/binance-us/binance-us-api-docs/blob/master/user-data-stream.md",
)
"""Binance.US. Its documents (2024-06) name no event for an expired key: a dead stream may stay open and silent."""

# The routed form with an explicit list of events is the one that the change notice of 2026-03 gives and against
# which nobody reports silence; "/private/ws/<key>" delivers nothing to some, and the unrouted "/ws/<key>" delivers
# nothing to all since 2026-04-23. An unknown name in the list silences the others, so each is a documented one.
_USDM_EVENTS = (
    "ORDER_TRADE_UPDATE/ACCOUNT_UPDATE/ACCOUNT_CONFIG_UPDATE/MARGIN_CALL/TRADE_LITE/ALGO_UPDATE/STRATEGY_UPDATE"
    "/GRID_UPDATE/CONDITIONAL_ORDER_TRIGGER_REJECT/listenKeyExpired"
)

BINANCE_USDM: Venue[usdm.Event] = Venue(
    name="binance-usdm",
    rest_url="https://fapi.binance.com",
    stream_url="wss://fstream.binance.com",
    path="/fapi/v1/listenKey",
    stream_path="/private/ws?listenKey={key}&events=" + _USDM_EVENTS,
    key_in="account",
    events=_USDM,
    # USD-M and COIN-M have one pool of 2400 of weight a minute and address: Binance's notice of the integration of the
    # two, 2026-06-30, as clients cite it.
    limits_shared_with=("https://dapi.binance.com",),
    # The documents advise a keepalive "about every 60 minutes", the moment at which the key dies: taken for an error.
    weight_budget=1200,  # of 2,400 a minute and IP; shared with COIN-M since 2026-06-30
    # "Auto-Cancel All Open Orders", USD-M trade REST API, 2026-05
    countdown=CountdownCancel(path="/fapi/v1/countdownCancelAll", weight=10),
    source="USD-M user data streams, 2026-05; its WebSocket change notice, 2026-03",
    events_url="https://developers.binance.com/docs/derivatives/usds-margined-futures/user-data-streams",
)
"""Binance USD-M futures: ``/fapi/v1/listenKey``, stream on the routed ``/private`` path."""

BINANCE_USDM_TESTNET = replace(
    BINANCE_USDM,
    name="binance-usdm-testnet",
    # Older documents have https://testnet.binancefuture.com, which serves the same.
    rest_url="https://demo-fapi.binance.com",
    limits_shared_with=(),
    stream_url="wss://fstream.binancefuture.com",
    source="USD-M general info, 2026-05",
)
"""The testnet of USD-M futures. It still tolerates unrouted streams, which are silent in production."""

BINANCE_COINM: Venue[coinm.Event] = Venue(
    name="binance-coinm",
    rest_url="https://dapi.binance.com",
    stream_url="wss://dstream.binance.com",
    path="/dapi/v1/listenKey",
    stream_path="/ws/{key}",
    key_in="account",
    events=_COINM,
    limits_shared_with=("https://fapi.binance.com",),  # as at USD-M
    weight_budget=1200,  # of 2,400 a minute and IP; shared with USD-M since 2026-06-30
    # "Auto-Cancel All Open Orders", COIN-M trade REST API, 2026-05
    countdown=CountdownCancel(path="/dapi/v1/countdownCancelAll", weight=10),
    source="COIN-M user data streams, 2026-05",
    events_url="https://developers.binance.com/docs/derivatives/coin-margined-futures/user-data-streams",
)
"""Binance COIN-M futures: ``/dapi/v1/listenKey``; its streams are not routed."""

BINANCE_COINM_TESTNET = replace(
    BINANCE_COINM,
    name="binance-coinm-testnet",
    rest_url="https://testnet.binancefuture.com",
    limits_shared_with=(),
    stream_url="wss://dstream.binancefuture.com",
    source="COIN-M general info, 2026-05",
)
"""The testnet of COIN-M futures."""

BINANCE_OPTIONS: Venue[options.Event] = Venue(
    name="binance-options",
    rest_url="https://eapi.binance.com",
    stream_url="wss://fstream.binance.com",
    path="/eapi/v1/listenKey",
    # Before about 2025-12: wss://nbstream.binance.com/eoptions/ws/<key>. A page of 2026-10 has events wrapped in
    # {"stream": ..., "data": ...}, on what URL it does not say; both are read.
    stream_path="/private/ws/{key}",
    key_in="account",
    # Its table has TOO_MANY_REQUESTS, "IP banned until" included, under -1008 (Error Code, 2026-05).
    answer=Answer(expiry="expiration", silence=frozenset({-1008})),
    events=_OPTIONS,
    source="European options documents and SDK 8.7.0, 2026",
    events_url="https://developers.binance.com/docs/derivatives/options-trading/user-data-streams",
)
"""Binance European options. The only dialect of Binance whose answer says when the key expires."""

BINANCE_OPTIONS_TESTNET = replace(
    BINANCE_OPTIONS,
    name="binance-options-testnet",
    rest_url="https://testnet.binancefuture.com",
    stream_url="wss://fstream.binancefuture.com",
)
"""The testnet of European options. Binance's general information has it, and none of its SDKs (2026-10)."""

BINANCE_PORTFOLIO_MARGIN: Venue[portfolio_margin.Event] = Venue(
    name="binance-portfolio-margin",
    rest_url="https://papi.binance.com",
    stream_url="wss://fstream.binance.com",
    path="/papi/v1/listenKey",
    stream_path="/pm/ws/{key}",
    key_in="account",
    events=_PORTFOLIO,
    # The general information wants a signature, too; the pages of the calls, Binance's SDK 16.1.0 and ccxt send none,
    # and work. For one: replace(BINANCE_PORTFOLIO_MARGIN, signing=Signing()).
    weight_budget=3000,  # of 6,000 a minute and IP
    source="Portfolio margin documents and SDK 16.1.0, 2026; whether to sign, they disagree",
    events_url="https://developers.binance.com/docs/derivatives/portfolio-margin/user-data-streams",
)
"""Binance portfolio margin."""

BINANCE_PM_PRO: Venue[Never] = Venue(
    name="binance-pm-pro",
    rest_url="https://fapi.binance.com",
    stream_url="wss://fstream.binance.com",
    # It has no key of its own.
    path="/fapi/v1/listenKey",
    stream_path="/pm-classic/ws/{key}",
    key_in="account",
    limits_shared_with=BINANCE_USDM.limits_shared_with,
    sharing=Sharing(keys_of=BINANCE_USDM.name),
    stream=StreamShape(expired_is_documented=False),  # SDK 9.1.0 lists the stream's events, and not this one
    source="Portfolio margin pro documents and SDK 9.1.0, 2026",
    events_url="https://developers.binance.com/docs/derivatives/portfolio-margin-pro/portfolio-margin-pro-user-data-stream",
)
"""Binance portfolio margin pro. Its key is that of :data:`BINANCE_USDM`: a close of one silences both streams, so
holders of both are counted together, in this process and by ``sharing=``. ``uniMMRDrop`` comes to those who have asked
for it, by ``POST /papi/v1/unimmr/notification`` (change log, 2026-10-22)."""

BINANCE_MARGIN_RISK: Venue[Never] = Venue(
    name="binance-margin-risk",
    rest_url="https://api.binance.com",
    stream_url="wss://margin-stream.binance.com",
    # A DELETE of /sapi/v1/margin/listen-key costs 3000 of the account's weight; of v2, with the same parameters, all
    # three calls cost 1 of the address's (SDK margin 8.9.0; it has v2 since 8.8.0, of 2026-10-21).
    path="/sapi/v2/margin/listen-key",
    stream_path="/ws/{key}",
    keepalive=Call("PUT", key_in="form"),
    close=Call("DELETE", key_in="account"),
    # -3038: ccxt; the documents name none.
    answer=Answer(gone=frozenset({-3038, -1125}), may_be_empty=True, credentials=_SAPI_CREDENTIALS),
    stream=StreamShape(expired_is_documented=False),  # neither page nor SDK has it
    source="SDK margin-trading 8.9.0, 2026",
    events_url="https://developers.binance.com/docs/margin_trading/risk-data-stream",
)
"""The risk stream of Binance cross margin. Its trade stream has no listen key since 2026-02-20."""

BINANCE_STOCKS: Venue[Never] = Venue(
    name="binance-stocks",
    rest_url="https://api.binance.com",
    stream_url="wss://nbstream.binance.com",
    path="/sapi/v1/equity/listenKey",
    stream_path="/equity/ws/{key}@orderReport",  # "@orderReportV2" has options, too
    keepalive=None,
    close=None,
    # Binance's SDK sends the header alone, ccxt and others sign: signed if the secret is there, so that both do.
    signing=Signing(required=False),
    answer=Answer(credentials=_SAPI_CREDENTIALS),
    stream=StreamShape(expired=None),
    source="SDK stocks 1.6.0, 2026-08; whether to sign, clients disagree",
    events_url="https://developers.binance.com/en/docs/products/stock-options/websocket-streams-general-info",
)
"""Binance stocks and stock options. A key is kept alive by creating it again, and there is no way to close it."""

BINANCE_TH: Venue[Never] = Venue(
    name="binance-th",
    rest_url="https://api.binance.th",
    stream_url="wss://nbstream.binance.th",
    path="/api/v1/listenKey",
    stream_path="/w3w/wsa/stream/ws/{key}",
    key_in="query",  # without it there, -1102
    answer=Answer(key="type=GLOBAL.listenKey"),
    stream=StreamShape(expired_is_documented=False),  # its page names none
    source="binance.th/api-docs; a client's notes of a live check, 2026-07",
    events_url="https://www.binance.th/api-docs",
)
"""Binance TH, the key of type ``GLOBAL``. A create returns two, each for a stream of its own."""

BINANCE_TH_SITE = replace(
    BINANCE_TH,
    name="binance-th-site",
    # Its 64 characters are refused by PUT and DELETE, which allow 60 (-1100): it can only be created anew.
    keepalive=None,
    close=None,
    answer=Answer(key="type=SITE.listenKey"),
    sharing=Sharing(second_create="unknown"),
)
"""Binance TH, the key of type ``SITE``, which can neither be kept alive nor closed: it is created again."""

# --- Binance's sisters, which have its WebSocket API and a REST API of their own

TOKOCRYPTO: Venue[Never] = Venue(
    name="tokocrypto",
    rest_url="https://www.tokocrypto.com",
    stream_url="wss://ws-api.tokocrypto.site:443",
    path="/open/v1/user-listen-token",
    stream_path="/ws-api/v3",
    keepalive=None,
    close=None,
    key_in="account",
    # Its REST API answers {"code": 0, "data": ...}, with HTTP 200 for errors, too, and with another word for their text
    # in places. 3701, "Invalid API-key, IP, or permissions", is in no table: Binance TR, asked in 2026-08.
    answer=Answer(
        key="data.token",
        expiry="data.expirationTime",
        message="msg|message",
        success="code",
        success_values=frozenset({"0"}),
        credentials=frozenset({3701}),
    ),
    signing=Signing(),
    sharing=Sharing(second_create="new"),
    # That the subscription can be asked about, as at Binance, its documents do not say. If it cannot, events come all
    # the same, and a stream without any is not called live.
    stream=StreamShape(says_key=True, expired=None),
    validity=86_400.0,
    keepalive_every=43_200.0,
    source="tokocrypto.com/apidocs, change log of 2026-04-10: listen keys ended on 2026-04-30; two clients, 2026",
    events_url="https://www.tokocrypto.com/apidocs/",
)
"""Tokocrypto of Indonesia, for what it trades on Binance's engine (``symbolType`` 1): a token, as at
:data:`BINANCE_MARGIN`. Its own symbols (``symbolType`` 3) still have a listen key of another address, which is not
known here. The sample of its order event has one field less than Binance's; to have them read as those all the same:
``TOKOCRYPTO.with_events(spot.AS_SENT)``."""

BINANCE_TR = replace(
    TOKOCRYPTO,
    name="binance-tr",
    rest_url="https://www.binance.tr",
    stream_url="wss://ws-api.binance.tr:443",
    source="three clients, 2026; binance.tr/apidocs as one of them has read it, 2026-08",
    events_url="https://www.binance.tr/apidocs",
)
"""Binance TR; see :data:`TOKOCRYPTO`."""

# --- Those that follow Binance

ASTER_FUTURES: Venue[aster_futures.Event] = Venue(
    name="aster-futures",
    rest_url="https://fapi.asterdex.com",
    stream_url="wss://fstream.asterdex.com",
    path="/fapi/v1/listenKey",
    stream_path="/ws/{key}",
    # The documents send no key; Aster's own client does, on keepalive. What is not documented is not sent.
    key_in="account",
    events=_ASTER_FUTURES,
    weight_budget=1200,  # of 2,400 a minute and IP
    source="asterdex/api-docs V1, 2026-06; no new API keys for it since 2026-03-25",
    events_url="https://github.com/asterdex/api-docs/blob/master/V1%28Legacy%29/EN/aster-finance-futures-api.md",
)
"""Aster futures, V1, for API keys from before 2026-03-25."""

ASTER_SPOT: Venue[aster_spot.Event] = Venue(
    name="aster-spot",
    rest_url="https://sapi.asterdex.com",
    stream_url="wss://sstream.asterdex.com",
    path="/api/v1/listenKey",
    stream_path="/ws/{key}",
    events=_ASTER_SPOT,
    stream=StreamShape(expired_is_documented=False),  # that of futures
    weight_budget=600,  # of 1,200 a minute and IP
    source="asterdex/api-docs V1, 2026-06; no new API keys for it since 2026-03-25",
    events_url="https://github.com/asterdex/api-docs/blob/master/V1%28Legacy%29/EN/aster-finance-spot-api.md",
)
"""Aster spot, V1, for API keys from before 2026-03-25."""

# What is signed is the form itself, as the message of an EIP-712 "AsterSignTransaction"; each nonce serves once.
_ASTER_V3 = Signing(place="form", timestamp="nonce", unit="us", api_key="user", by="signer")
_ASTER_V3_ANSWER = Answer(clock=frozenset({-1021, -4225}))  # "Nonce Expired", more than ten seconds off

ASTER_FUTURES_V3 = replace(
    ASTER_FUTURES,
    name="aster-futures-v3",
    path="/fapi/v3/listenKey",
    api_key_header=None,
    signing=_ASTER_V3,
    answer=_ASTER_V3_ANSWER,
    source="asterdex/api-docs V3, 2026-06",
    events_url="https://github.com/asterdex/api-docs/blob/master/V3%28Recommended%29/EN/aster-finance-futures-api-v3.md",
)
"""Aster futures, V3: signed by a wallet. ``api_key`` is the address of the account; the signer is yours, and its
wallet's address goes into ``ASTER_FUTURES_V3.with_parameters(signer="0x...")``."""

ASTER_SPOT_V3 = replace(
    ASTER_SPOT,
    name="aster-spot-v3",
    path="/api/v3/listenKey",
    api_key_header=None,
    signing=_ASTER_V3,
    answer=_ASTER_V3_ANSWER,
    source="asterdex/api-docs V3, 2026-06",
    events_url="https://github.com/asterdex/api-docs/blob/master/V3%28Recommended%29/EN/aster-finance-spot-api-v3.md",
)
"""Aster spot, V3; see :data:`ASTER_FUTURES_V3`."""

ASTER_PREDICTION_V3 = replace(
    ASTER_SPOT_V3,
    name="aster-prediction-v3",
    rest_url="https://papi.asterdex.com",
    stream_url="wss://pstream.asterdex.com",
    source="asterdex/api-docs V3, aster-finance-prediction-api.md, 2026-06",
    events_url="https://github.com/asterdex/api-docs/blob/master/V3%28Recommended%29/EN/aster-finance-prediction-api.md",
)
"""Aster's prediction markets, V3: calls and events are those of :data:`ASTER_SPOT_V3`, at other addresses."""

_JSON_PING = Heartbeat(kind="json", heard="ping", answer="pong")

# "Ping" is the documents' for perpetual swaps; {"ping": ..., "time": ...} is theirs of 2022 for spot, and clients
# answer it in kind, at swaps as well (ccxt). Those of 2026-04 say of spot and coin-margined swaps only that the ping
# may be in small letters, and is to be answered by "Pong". All is done everywhere.
_BINGX_PING = replace(_JSON_PING, heard_text="Ping", answer_text="Pong")

BINGX: Venue[Never] = Venue(
    name="bingx",
    rest_url="https://open-api.bingx.com",
    stream_url="wss://open-api-swap.bingx.com",
    path="/openApi/user/auth/userDataStream",
    stream_path="/swap-market?listenKey={key}",
    key_in="query",
    api_key_header="X-BX-APIKEY",
    # The documents of 2022 want the header at most, those of 2026-04 a signature on all three: both are sent.
    signing=Signing(),
    answer=Answer(
        key="listenKey|data.listenKey",  # the second in BingX's own code of 2026
        may_be_empty=True,
        failing_statuses=frozenset({204}),  # "no parameters": a 2xx that means failure
        gone=frozenset(),
        gone_statuses=frozenset({404}),
        # error-codes.md and rate-limits.md of 2026-04. "The response does not carry a Retry-After header."
        silence=frozenset({100410}),
        transient=frozenset({100500, 109500}),  # system busy; internal server error
        # "Null timestamp or timestamp mismatch with server time." For orders it is something else.
        clock=frozenset({100421}),
        # The signature; no permission; no signature; the API key; the address. 100414 (ccxt), 100441: the account.
        credentials=frozenset({100001, 100004, 100412, 100413, 100414, 100419, 100441}),
        # 100400 and 100404 are a wrong path, a wrong parameter, or something that was not found: that is left open.
    ),
    sharing=Sharing(second_create="unknown"),
    stream=StreamShape(heartbeat=_BINGX_PING, compression="gzip"),
    source="BingX-API/api-ai-skills, 2026-04; documents of 2022-08; whether to sign, they disagree",
    events_url="https://github.com/BingX-API/api-ai-skills/blob/main/skills/swap-ws-account/api-reference.md",
)
"""BingX perpetual swaps. Spot and coin-margined swaps have the same key and other streams."""

BINGX_SPOT = replace(
    BINGX,
    name="bingx-spot",
    stream_url="wss://open-api-ws.bingx.com",
    stream_path="/market?listenKey={key}",
    stream=StreamShape(
        heartbeat=_BINGX_PING,
        compression="gzip",
        subscribe=(
            '{"id":"1","reqType":"sub","dataType":"spot.executionReport"}',
            '{"id":"2","reqType":"sub","dataType":"ACCOUNT_UPDATE"}',
        ),
        # The documents of 2026-04 are silent. A client waits for an answer with the id (JKorf/BingX.Net, 2026), and one
        # has met {"code":100400,"msg":"","timestamp":...} and the like, with an id and without (ccxt, samples of 2023).
        subscribed=(("id", "*"), ("code", "0")),
        refused=(("code", "[!0]*"),),
        expired_is_documented=False,  # the page of spot names no such event, those of the swaps do (2026-04)
    ),
    events_url="https://github.com/BingX-API/api-ai-skills/blob/main/skills/spot-ws-account/api-reference.md",
)
"""BingX spot. Events come after a subscription, for example to ``spot.executionReport``."""

BINGX_COINM = replace(
    BINGX,
    name="bingx-coinm",
    stream_url="wss://open-api-cswap-ws.bingx.com",
    stream_path="/market?listenKey={key}",
    events_url="https://github.com/BingX-API/api-ai-skills/blob/main/skills/cswap-ws-account/api-reference.md",
)
"""BingX coin-margined swaps."""

MEXC: Venue[Never] = Venue(
    name="mexc",
    rest_url="https://api.mexc.com",
    stream_url="wss://wbs-api.mexc.com",
    path="/api/v3/userDataStream",
    stream_path="/ws?listenKey={key}",
    key_in="query",
    api_key_header="X-MEXC-APIKEY",
    headers=(("Content-Type", "application/json"),),
    signing=Signing(),  # the documents are silent; every client signs
    # "Error Code" of 2025-08; 402, 406, 501, 510, 511, 604, 700 to 704, 801 are ccxt's. 730708: one report of 2023.
    answer=Answer(
        gone=frozenset({730708}),
        silence=frozenset({429, 510}),
        # Internal error; busy or not available; a gateway's time-out; maintenance.
        transient=frozenset({500, 501, 503, 504, 604, 801, 20002}),
        clock=frozenset({700003, 10073, -1021}),
        # No API key, or one that is malformed, unknown, expired or locked; the signature; permissions; the address; an
        # account that is not there, or not well.
        credentials=frozenset(
            {
                *(400, 401, 402, 403, 406, 511, 602, 701, 702, 703, 704, 1000),
                *(10001, 10015, 10072, 60005, 70011, 700001, 700002, 700006, 700007, 730100, 730706, 730707),
            }
        ),
        # "Not allowed"; something is wrong with the parameters; recvWindow; the content type.
        refused=frozenset({26, 600, 601, 33333, 44444, 700005, 700008, 700013, 730002, 730003}),
    ),
    # The documents do not say that a second create returns the first, and list the keys of an account.
    sharing=Sharing(second_create="new", max_keys=60),
    stream=StreamShape(
        heartbeat=Heartbeat(kind="json", say='{"method":"PING"}', say_every=20.0),
        encoding="protobuf",
        # Within 30 s, or the socket is closed.
        subscribe=(
            '{"method":"SUBSCRIPTION","params":["spot@private.account.v3.api.pb"]}',
            '{"method":"SUBSCRIPTION","params":["spot@private.deals.v3.api.pb"]}',
            '{"method":"SUBSCRIPTION","params":["spot@private.orders.v3.api.pb"]}',
        ),
        # {"id":0,"code":0,"msg":"spot@..."}, say the documents. A refusal has the same code, and in msg "Not Subscribed
        # successfully! [spot@...].  Reason: Blocked!", as users have met it (JKorf/Mexc.Net, 2025-08).
        subscribed=(("msg", "spot@*"),),
        refused=(("msg", "Not Subscribed*"),),
        expired="Invalid listen key",
        # PushDataV3ApiWrapper of mexcdevelop/websocket-proto, 2025: "optional int64 sendTime = 6", next to the
        # createTime of the event.
        varying=("sendTime",),
        varying_fields=(6,),
    ),
    source="mexcdevelop/apidocs, 2025-08; a newer page's sample has 200 keys in place of 60",
    events_url="https://mexcdevelop.github.io/apidocs/spot_v3_en/#websocket-user-data-streams",
)
"""MEXC spot. Every context has a key of its own, and closes it; there may be 60."""

TOOBIT: Venue[Never] = Venue(
    name="toobit",
    rest_url="https://api.toobit.com",
    stream_url="wss://stream.toobit.com",
    path="/api/v1/userDataStream",
    stream_path="/api/v1/ws/{key}",
    key_in="query",
    api_key_header="X-BB-APIKEY",
    # The table of permissions wants the key alone, but every call lists a timestamp as required. ccxt keeps the key
    # alive by creating it again, which returns the same; the documents have a PUT.
    signing=Signing(),
    # Error codes of 2023-12; -1004, -1005, -1023, -1107, -1153 and -1204 are ccxt's.
    answer=Answer(
        silence=frozenset({-1015}),  # "Reach the rate limit. Please slow down your request speed."
        # No permission; "set IP whitelist before using API"; the API key is missing; the user; the account.
        credentials=frozenset({-1005, -1023, -1107, -1153, -1204}),
        refused=frozenset({-1004}),  # a parameter is missing
    ),
    # Its documents name no event for an expired key; nor do HashKey's, nor those of Coins.ph.
    stream=StreamShape(heartbeat=replace(_JSON_PING, say='{"ping":{ms}}', say_every=60.0), expired=None),
    source="toobit-docs/apidocs, 2023-12, and api-docs.toobit.com; whether to sign, they disagree",
    events_url="https://api-docs.toobit.com/api/spot-websocket-account.html",
)
"""Toobit spot."""

TOOBIT_USDTM = replace(
    TOOBIT,
    name="toobit-usdtm",
    # JKorf's client (2026) uses that of spot for both, ccxt has both. Whether the two have one key, nobody says.
    path="/api/v1/listenKey",
    # A page in Chinese has {"eventType":"listenKeyWillExpire","eventTime":...,"listenKey":...}, each minute of a key's
    # last five. It comes as an event, and no key that is kept alive gets there.
    source="toobit-docs/apidocs, usdt_swap_en, 2023-12, and api-docs.toobit.com, 2026; whether to sign, they disagree",
    events_url="https://api-docs.toobit.com/api/usdt-m-websocket-account.html",
)
"""Toobit's perpetual swaps, USDT-margined. Those with USDC have the same and a parameter:
``TOOBIT_USDTM.with_parameters(category="USDC")``."""

HASHKEY: Venue[Never] = Venue(
    name="hashkey",
    rest_url="https://api-glb.hashkey.com",
    stream_url="wss://stream-glb.hashkey.com",
    path="/api/v1/userDataStream",
    stream_path="/api/v1/ws/{key}",
    key_in="query",
    api_key_header="X-HK-APIKEY",
    signing=Signing(),  # as at Toobit
    # hashkeypro-apidoc.readme.io, "Error Codes", 2025, as far as ccxt has it, too. What a dead key is answered, none
    # says: the engine's -1125 is taken. The page has the signature under 0001, as a misprint.
    answer=Answer(
        key="listenKey|listenkey",  # the second in the documents of HashKey in Hong Kong
        silence=frozenset({"0003", -1015, -3145}),  # rate limit exceeded; too many orders; too frequently
        transient=frozenset({-1181, -2040}),  # system error; "there is a request being processed"
        # The signature; the API key, unknown or expired; the account; the address. -1005 and after: permission, user,
        # account, and an identity that was not verified.
        credentials=frozenset({"0002", "0102", "0103", "0104", "0202", -1005, -1152, -1160, -1205, -2023, -3117}),
        refused=frozenset({"0001", -1004}),  # a parameter is missing or malformed; bad request
    ),
    sharing=Sharing(second_create="unknown"),
    stream=StreamShape(heartbeat=replace(_JSON_PING, say='{"ping":{ms}}', say_every=10.0), expired=None),
    source="hashkeyglobal-apidoc.readme.io, 2025; ccxt 4.5.90, 2026-10, for the REST host as well",
    events_url="https://hashkeyglobal-apidoc.readme.io/reference/websocket-api",
)
"""HashKey Global."""

HASHKEY_HK = replace(
    HASHKEY,
    name="hashkey-hk",
    rest_url="https://api-pro.hashkey.com",
    stream_url="wss://stream-pro.hashkey.com",
    # Its page of the create has no parameters; those of the engine are taken everywhere else.
    source="hashkeypro-apidoc.readme.io, 2025; whether to sign, its pages disagree",
    events_url="https://hashkeypro-apidoc.readme.io/reference/websocket-api-1",
)
"""HashKey Exchange of Hong Kong. Its documents have the key under ``listenkey``."""

BITRUE: Venue[Never] = Venue(
    name="bitrue",
    rest_url="https://open.bitrue.com",
    stream_url="wss://wsapi.bitrue.com",
    path="/poseidon/api/v1/listenKey",
    stream_path="/stream?listenKey={key}",
    key_in="path",
    keepalive=Call("PUT", "/poseidon/api/v1/listenKey/{key}"),
    close=Call("DELETE", "/poseidon/api/v1/listenKey/{key}"),
    answer=Answer(
        key="data.listenKey",
        success="code",
        success_values=frozenset({"200"}),
        gone=frozenset({-1150}),
        # 503, "an unknown error occurred", and -1016, "service unavailable": tables of 2023-07. 1: "System is under
        # maintenance." (ccxt). -1022 is the signature, the time or the permission there.
        silence=frozenset({-1015}),
        transient=frozenset({503, -1016, 1}),
    ),
    # "You should send pong message within 10 minutes", say the documents, and know of no pings. Clients answer such,
    # each in another way: {"ping": n} by {"pong": n} (ccxt), as in the documents for market data; and {"event":"ping",
    # "ts": n} (hummingbot) by {"event":"pong","ts": n}, as in those of Bitrue's futures. Both are done.
    stream=StreamShape(
        heartbeat=replace(_JSON_PING, kind_field="event", say='{"event":"pong","ts":"{ms}"}', say_every=240.0),
        subscribe=(
            '{"event":"sub","params":{"channel":"user_order_update"}}',
            '{"event":"sub","params":{"channel":"user_balance_update"}}',
        ),
        # {"channel":...,"event_rep":"subed","status":"ok","ts":...}: User Data Streams. No refusal is documented; an
        # exchange that speaks in the same words was seen to have this one (INEX, 2026-09).
        subscribed=(("event_rep", "subed"), ("status", "ok")),
        refused=(("status", "error"),),
        expired=None,
    ),
    source="Bitrue-exchange/Spot-official-api-docs, 2023-07; ccxt",
    events_url="https://github.com/Bitrue-exchange/Spot-official-api-docs",
)
"""Bitrue spot. The key is in the path: it will stand in the logs of whatever HTTP client writes down URLs."""

BITRUE_FUTURES: Venue[Never] = Venue(
    name="bitrue-futures",
    rest_url="https://fapiws-auth.bitrue.com",
    stream_url="wss://fapiws.bitrue.com",
    path="/user_stream/api/v1/listenKey",
    # Other readers of the documents have "?listenKey=" there, as at spot; the pages say "streams".
    stream_path="/stream?streams={key}",
    key_in="path",
    keepalive=Call("PUT", "/user_stream/api/v1/listenKey/{key}"),
    close=Call("DELETE", "/user_stream/api/v1/listenKey/{key}"),
    api_key_header="X-CH-APIKEY",
    headers=(("Content-Type", "application/json"),),
    signing=Signing(
        payload="{timestamp}{method}{path}{body}", place="headers", timestamp="X-CH-TS", signature="X-CH-SIGN"
    ),
    # The page has five codes, and three of them without a sign: 1022 for the API key, 1102 for a parameter.
    answer=Answer(
        key="data.listenKey",
        success="code",
        success_values=frozenset({"200"}),
        gone=frozenset({-1150}),
        transient=frozenset({503}),
        credentials=frozenset({1022}),
        refused=frozenset({1102}),
    ),
    stream=StreamShape(
        # {"event":"ping","ts":...}, by {"event":"pong","ts":...}. The form of spot's pings is answered, too.
        heartbeat=replace(_JSON_PING, kind_field="event"),
        subscribe=('{"event":"sub","params":{"channel":"user_account_update"}}',),
        # {"event":"user_account_update","status":"ok","ts":...}; of a refusal, nothing is documented: as at spot.
        subscribed=(("event", "user_account_update"), ("status", "ok")),
        refused=(("status", "error"),),
        expired=None,
    ),
    # "Valid for 30 minutes", says the page at its top, and "60 minutes" at each call: half an hour is safe with both.
    validity=1800.0,
    keepalive_every=900.0,
    source="Bitrue-exchange/USDT-M-Future-open-api-docs and that of COIN-M, 2024; on a key's life, they disagree",
    events_url="https://github.com/Bitrue-exchange/USDT-M-Future-open-api-docs",
)
"""Bitrue futures, USDT- and coin-margined: one key and one stream for both. The key is in the path, as at
:data:`BITRUE`."""

COINS_PH: Venue[Never] = Venue(
    name="coins-ph",
    rest_url="https://api.pro.coins.ph",
    stream_url="wss://wsapi.pro.coins.ph",
    path="/openapi/v1/userDataStream",
    stream_path="/openapi/ws/{key}",
    api_key_header="X-COINS-APIKEY",
    # errors.md, 2026-06. -1026: too many creates in an hour. -1126: the create failed, try again.
    answer=Answer(
        silence=frozenset({-1026}),
        transient=frozenset({-1126}),
        # A key that may only read; no list of addresses, or not on it; no API key; the merchant; the API key's kind.
        credentials=frozenset({-1020, -1023, -1024, -1150, -1151, -1152, -2018, -2019}),
        refused=frozenset({-1025, -1027, -1107}),  # a parameter; "only for coins.ph"
    ),
    # An old page says that a second create returns the first key; the current ones do not.
    sharing=Sharing(second_create="unknown"),
    stream=StreamShape(heartbeat=replace(_JSON_PING, say='{"ping":{ms}}', say_every=60.0), expired=None),
    source="coins-docs.github.io, 2026-06; what a second create does, old and new pages disagree",
    events_url="https://coins-docs.github.io/user-data-stream/",
)
"""Coins.ph; coins.xyz and Coins TH are the same at other addresses."""

GMO_COIN: Venue[Never] = Venue(
    name="gmo-coin",
    rest_url="https://api.coin.z.com",
    stream_url="wss://api.coin.z.com",
    path="/private/v1/ws-auth",
    stream_path="/ws/private/v1/{key}",
    key_in="json",
    key_param="token",
    api_key_header="API-KEY",
    # What is signed has no body in it for keepalive and close (pybotters), and ours has none for create.
    signing=Signing(
        payload="{timestamp}{method}/v1/ws-auth", place="headers", timestamp="API-TIMESTAMP", signature="API-SIGN"
    ),
    answer=Answer(
        key="data",
        code="messages.0.message_code",
        message="messages.0.message_string",
        success="status",
        success_values=frozenset({"0"}),
        # "The request parameter is invalid": which code a dead token gets is not documented; it is the one parameter.
        gone=frozenset({"ERR-5106"}),
        clock=frozenset({"ERR-5008", "ERR-5009"}),
        silence=frozenset({"ERR-5003"}),
        transient=frozenset({"ERR-554", "ERR-626", "ERR-5201", "ERR-5202"}),
        # The signature; no API key; the authentication; an agreement that was not signed.
        credentials=frozenset({"ERR-5010", "ERR-5011", "ERR-5012", "ERR-5014"}),
    ),
    # The sixth silently ends the one that would have expired next.
    sharing=Sharing(second_create="new", max_keys=5),
    # One request a second is allowed. There are more channels: dataclasses.replace.
    stream=StreamShape(
        subscribe_every=1.1,
        subscribe=(
            '{"command":"subscribe","channel":"executionEvents"}',
            '{"command":"subscribe","channel":"orderEvents"}',
        ),
        # Of an answer the documents say nothing. {"error":"ERR-5003 Request too many."} is what clients have got within
        # a second of the last subscription from the same address, on whatever socket.
        refused=(("error", "*"),),
        expired=None,
    ),
    source="GMO Coin's documents as translated 2026-06; pybotters",
    events_url="https://api.coin.z.com/docs/en/#ws-private-api",
)
"""GMO Coin of Japan. Its key is called a token; every context has its own, and there may be five."""

GMO_COIN_FX = replace(
    GMO_COIN,
    name="gmo-coin-fx",
    rest_url="https://forex-api.coin.z.com",
    stream_url="wss://forex-api.coin.z.com",
    source="api.coin.z.com/fxdocs, as clients have read it, 2026-10: calls, codes and channels are GMO Coin's",
    events_url="https://api.coin.z.com/fxdocs/en/",
)
"""GMO Coin FX, foreign exchange: all as at :data:`GMO_COIN`, at another address and with API keys of its own."""


def known() -> tuple[Venue, ...]:
    """Every venue of this module that has listen keys, by name."""
    venues = [value for name, value in globals().items() if name.isupper() and isinstance(value, Venue)]
    return tuple(sorted(venues, key=lambda venue: venue.name))


def sessions() -> tuple[SignedVenue, ...]:
    """Every venue of this module that has sessions instead, by name."""
    venues = [value for name, value in globals().items() if name.isupper() and isinstance(value, SignedVenue)]
    return tuple(sorted(venues, key=lambda venue: venue.name))


def by_name(name: str) -> Venue | SignedVenue:
    """Return the venue of that name, for example ``"binance-usdm"``.

    Raises:
        UsageError: There is none; the message lists the known ones.
    """
    venues: dict[str, Venue | SignedVenue] = {venue.name: venue for venue in known()}
    venues |= {venue.name: venue for venue in sessions()}
    if name not in venues:
        raise UsageError(f"no venue is named {name!r}", advice="Known are: " + ", ".join(sorted(venues)))
    return venues[name]


SessionVenue = SignedVenue
"""The former name of :class:`SignedVenue`, kept until 1.0."""

# Tracebacks, pickles and the documentation name things by where users find them, not by the file they are in.
for _part in (Answer, Call, CountdownCancel, Heartbeat, SignedVenue, Sharing, Signing, StreamShape):
    _part.__module__ = __name__
del _part
