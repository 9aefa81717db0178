"""The dialects of the rest of the Binance family, and of the exchanges that follow it, from their own documents.

Where the documents want a client to subscribe, nothing comes before; where it has to speak first, it is closed if it
does not. Account events have the shapes of the exchange's own examples, or of Binance's where there is none: Aster, and
MEXC, which sends protobuf, and that is not spoken.
"""

from __future__ import annotations

import math
from dataclasses import replace

from .._faults._effects import JSON_TYPE, Status, api_error
from ._binance import COINM, SPOT_US, USDM, Refusals
from ._stream_rules import StreamRules

__all__ = [
    "ASTER_FUTURES",
    "ASTER_FUTURES_V3",
    "ASTER_SPOT",
    "ASTER_SPOT_V3",
    "BINGX",
    "BINGX_COINM",
    "BINGX_SPOT",
    "BITRUE",
    "COINS_PH",
    "GMO_COIN",
    "HASHKEY",
    "MARGIN_RISK",
    "MARGIN_RISK_V1",
    "MEXC",
    "OPTIONS",
    "PM_PRO",
    "PORTFOLIO_MARGIN",
    "STOCKS",
    "THAILAND",
    "TOOBIT",
]

OPTIONS = replace(
    USDM,
    name="options",
    path="/eapi/v1/listenKey",
    keepalive_tells_key=False,
    created='{"listenKey":"KEY","expiration":EXPIRY}',
    # "-1008 TOO_MANY_REQUESTS", and the same words under it as elsewhere under -1003: Error Code.
    refusals=Refusals(limited=api_error(429, -1008, "Too many requests queued.")),
    # Pings every five minutes; "E" of listenKeyExpired is a string.
    stream=StreamRules(
        routed=True,
        account_events="options",
        expiry_time_as_text=True,
        ping_every=300.0,
        pong_within=900.0,
        max_streams=200,
    ),
)
"""Binance European options documentation, "User Data Streams" (2026)."""

PORTFOLIO_MARGIN = replace(
    USDM,
    name="portfolio-margin",
    path="/papi/v1/listenKey",
    keepalive_tells_key=False,
    stream=StreamRules(base="/pm", account_events="portfolio-margin", expiry_names_key=False),
)
"""Binance portfolio margin documentation, "User Data Streams" (2026)."""

PM_PRO = replace(
    USDM,
    name="pm-pro",
    stream=StreamRules(base="/pm-classic", account_events="usdm", announces_expiry=False),
)
"""Binance portfolio margin pro documentation (2026). Its key is that of :data:`USDM`: serve one of the two."""

MARGIN_RISK = replace(
    COINM,
    name="margin-risk",
    path="/sapi/v2/margin/listen-key",
    names_key=frozenset({"keepalive"}),
    keepalive_tells_key=False,
    refusals=Refusals(gone=api_error(400, -3038, "Listen key not found.")),
    stream=StreamRules(account_events="margin-risk", announces_expiry=False),
)
"""Binance's SDK for margin trading 8.9.0 (2026), risk data stream."""

MARGIN_RISK_V1 = replace(MARGIN_RISK, name="margin-risk-v1", path="/sapi/v1/margin/listen-key")
"""The same at its first address, which that SDK has, too. A close costs 3000 there, of the account's weight and not of
the address's; that is not counted here."""

STOCKS = replace(
    COINM,
    name="stocks",
    path="/sapi/v1/equity/listenKey",
    methods=(("POST", "create"),),
    stream=StreamRules(base="/equity", suffix="@orderReport", account_events="stocks", announces_expiry=False),
)
"""Binance's SDK for stocks 1.6.0 (2026-08). Its stream is ``<key>@orderReport``, in the URL or by SUBSCRIBE."""

THAILAND = replace(
    SPOT_US,
    name="thailand",
    path="/api/v1/listenKey",
    named_in="query",
    created='[{"listenKey":"KEY","type":"GLOBAL"},{"listenKey":"BESIDE","type":"SITE"}]',
    key_length=60,
    stream=StreamRules(url="/w3w/wsa/stream/ws/{key}", announces_expiry=False),
)
"""Binance TH documentation; that its calls refuse the key of type ``SITE`` is from a client's notes (2026-07)."""

ASTER_FUTURES = replace(
    USDM, name="aster-futures", keepalive_tells_key=False, stream=StreamRules(account_events="usdm", ping_every=300.0)
)
"""Aster documentation V1, futures (2026-06). On the path of :data:`USDM`: serve one of the two."""

ASTER_SPOT = replace(
    SPOT_US,
    name="aster-spot",
    path="/api/v1/listenKey",
    stream=StreamRules(account_events="aster-spot", messages_per_second=5, announces_expiry=False),
)
"""Aster documentation V1, spot (2026-06)."""

ASTER_FUTURES_V3 = replace(
    ASTER_FUTURES,
    name="aster-futures-v3",
    path="/fapi/v3/listenKey",
    api_key_in="user",
    signed="wallet",
    refusals=Refusals(clock=api_error(400, -4225, "Nonce Expired")),
)
"""Aster documentation V3, futures (2026-06). What a wallet signed is not verified, but that there is a signature."""

ASTER_SPOT_V3 = replace(
    ASTER_SPOT,
    name="aster-spot-v3",
    path="/api/v3/listenKey",
    api_key_in="user",
    signed="wallet",
    refusals=ASTER_FUTURES_V3.refusals,
)
"""Aster documentation V3, spot (2026-06); see :data:`ASTER_FUTURES_V3`."""

BINGX = replace(
    SPOT_US,
    name="bingx",
    path="/openApi/user/auth/userDataStream",
    api_key_in="X-BX-APIKEY",
    signed="query",
    closed="",
    refusals=Refusals(
        # "All BingX OpenAPI responses use {code, msg, data}": error-codes.md, 2026-04, common codes.
        no_api_key=api_error(200, 100413, "Incorrect apiKey"),
        api_key=api_error(200, 100413, "Incorrect apiKey"),
        signature=api_error(200, 100001, "Signature verification failed"),
        unsigned=api_error(200, 100412, "Missing signature"),
        address=api_error(200, 100419, "IP does not match IP whitelist"),
        clock=api_error(200, 100421, "Null timestamp or timestamp mismatch"),
        busy=api_error(200, 100500, "The current system is busy, please try again later"),
        limited=api_error(200, 100410, "Request rate limit exceeded"),
        # Without parameters, a 2xx that means failure.
        key_missing=Status(204),
        gone=Status(404),
    ),
    stream=StreamRules(
        url="/swap-market?listenKey={key}",
        account_events="bingx",
        pings="text",
        compressed=True,
        # Every five seconds; how long it waits is not said.
        ping_every=5.0,
        pong_within=30.0,
        words="bingx",
    ),
)
"""BingX documentation (2022, 2026-04), "Listen Key"; the stream is that of perpetual swaps."""

BINGX_COINM = replace(
    BINGX, name="bingx-coinm", stream=replace(BINGX.stream, url="/market?listenKey={key}", account_events="bingx-coinm")
)
"""The same, with the stream of coin-margined swaps. The key of BingX is one for three streams: serve one of these."""

BINGX_SPOT = replace(
    BINGX,
    name="bingx-spot",
    stream=replace(
        BINGX.stream,
        url="/market?listenKey={key}",
        account_events="bingx-spot",
        # {"ping": ..., "time": ...} in the documents of 2022; those of 2026-04 know its name, and not its form.
        pings="json-time",
        channels=(
            ("spot.executionReport", ("executionReport",)),
            ("ACCOUNT_UPDATE", ("ACCOUNT_UPDATE",)),
        ),
        max_streams=200,
        announces_expiry=False,
    ),
)
"""The same, with the stream of spot, where nothing comes without a subscription; see :data:`BINGX_COINM`."""

MEXC = replace(
    SPOT_US,
    name="mexc",
    api_key_in="X-MEXC-APIKEY",
    signed="query",
    second_create="new",
    max_keys=60,
    keepalive_tells_key=True,
    closed='{"listenKey":"KEY"}',
    # "Error Code", 2025-08; the statuses are of what clients have met.
    refusals=Refusals(
        no_api_key=api_error(400, 400, "api key required"),
        api_key=api_error(400, 10072, "Api key info invalid"),
        address=api_error(400, 700006, "IP non white list"),
        busy=api_error(200, 500, "Internal error"),
        limited=api_error(429, 429, "Too Many Requests"),
        signature=api_error(400, 700002, "Signature for this request is not valid."),
        clock=api_error(400, 700003, "Timestamp for this request is outside of the recvWindow."),
        gone=api_error(400, 730708, "listen key information error"),
    ),
    stream=StreamRules(
        url="/ws?listenKey={key}",
        announces_expiry=False,
        # As ccxt has met it; whether it is said, too, when a key dies later, nobody says.
        says_of_dead_keys="Invalid listen key",
        # "If there is no valid subscription on the websocket, the server will actively disconnect after 30 seconds. If
        # the subscription is successful but there is no data flow, the server will disconnect after one minute. The
        # client can send a ping": Websocket Market Streams. That the exchange has pings of its own stands in its
        # questions and answers, and not which: frames are taken, as often as at Binance.
        client_pings="method",
        silence_within=60.0,
        events_break_silence=True,
        words="mexc",
        channels=(
            ("spot@private.orders.v3.api.pb", ("executionReport",)),
            ("spot@private.account.v3.api.pb", ("outboundAccountPosition", "balanceUpdate")),
            ("spot@private.deals.v3.api.pb", ()),
        ),
        subscribe_within=30.0,
        max_streams=30,
        messages_per_second=100,
    ),
)
"""MEXC documentation V3 (2025-08). On the path of :data:`SPOT_US`. What the 61st create gets is not documented."""

TOOBIT = replace(
    SPOT_US,
    name="toobit",
    path="/api/v1/userDataStream",
    api_key_in="X-BB-APIKEY",
    signed="query",
    # Error Codes: -1015 has "Reach the rate limit" before what it says of orders. -1107 and -1023 are of a newer table,
    # as ccxt has it.
    refusals=Refusals(
        no_api_key=api_error(400, -1107, "The accessKey is missing from the request header or parameters"),
        address=api_error(400, -1023, "Please set IP whitelist before using API"),
        limited=api_error(400, -1015, "Reach the rate limit .Please slow down your request speed."),
    ),
    stream=StreamRules(
        url="/api/v1/ws/{key}",
        account_events="toobit",
        announces_expiry=False,
        # "The client needs to send a ping frame, and the server will reply with a pong frame, otherwise the server will
        # actively disconnect within 5 minutes": Heartbeat. Of pings of the exchange's own they know nothing.
        client_pings="json",
        silence_within=300.0,
        pings="json",
        ping_every=math.inf,
        messages_per_second=5,
    ),
)
"""Toobit documentation (2023-12)."""

HASHKEY = replace(
    TOOBIT,
    name="hashkey",
    api_key_in="X-HK-APIKEY",
    # "Error Codes": all with HTTP 400, and the codes are texts with zeros before them, where they are not the engine's.
    refusals=Refusals(
        no_api_key=api_error(400, "0001", "Required field 'X-HK-APIKEY' missing or invalid"),
        api_key=api_error(400, "0102", "Invalid APIKey"),
        signature=api_error(400, "0002", "Incorrect signature"),
        address=api_error(400, "0202", "Invalid IP"),
        key_missing=api_error(400, "0001", "Required field 'listenKey' missing or invalid"),
        busy=api_error(400, -1001, "Internal error"),
        limited=api_error(400, "0003", "Rate limit exceeded"),
    ),
    # A ping every 30 seconds, and two that are missed end the connection. The client is "required to initiate a
    # periodic heartbeat", recommended every 10 seconds; an hour without one ends it.
    stream=replace(
        TOOBIT.stream,
        account_events="hashkey",
        pings="json-channel",
        ping_every=30.0,
        pong_within=60.0,
        silence_within=3600.0,
    ),
)
"""HashKey Global's documentation (2025). On the path of :data:`TOOBIT`."""

BITRUE = replace(
    SPOT_US,
    name="bitrue",
    path="/poseidon/api/v1/listenKey",
    named_in="path",
    created='{"msg":"succ","code":200,"data":{"listenKey":"KEY"}}',
    kept='{"msg":"succ","code":"200","data":null}',
    closed='{"msg":"succ","code":"200","data":null}',
    refusals=Refusals(
        no_api_key=api_error(200, -1022, "You are not authorized to execute this request."),
        api_key=api_error(200, -1022, "You are not authorized to execute this request."),
        address=api_error(401, -1022, "You are not authorized to execute this request."),
        gone=api_error(200, -1150, "This listenKey does not exist."),
        busy=api_error(200, 503, "An unknown error occurred while processing the request."),
    ),
    stream=StreamRules(
        url="/stream?listenKey={key}",
        account_events="bitrue",
        announces_expiry=False,
        # "You should send pong message within 10 minutes": User Data Streams, keep-alive. Of pings, only the page of
        # market data knows, every 15 seconds, to be answered within a minute; clients answer them here, too.
        client_pings="event",
        silence_within=600.0,
        pings="json",
        ping_every=15.0,
        pong_within=60.0,
        words="bitrue",
        channels=(
            ("user_order_update", ("executionReport",)),
            ("user_balance_update", ("BALANCE",)),
        ),
    ),
)
"""Bitrue documentation (2023-07)."""

COINS_PH = replace(
    SPOT_US,
    name="coins-ph",
    path="/openapi/v1/userDataStream",
    api_key_in="X-COINS-APIKEY",
    # errors.md, 2026-06.
    refusals=Refusals(
        no_api_key=api_error(401, -1002, "You are not authorized to execute this request"),
        api_key=api_error(401, -2018, "API-key does not exist."),
        address=api_error(401, -2017, "Request ip is not in the whitelist"),
        key_missing=api_error(400, -1105, "Parameter 'listenKey' is required."),
        busy=api_error(400, -1126, "Create listenKey failed, please try again later"),
    ),
    # "If the websocket server does not receive a ping frame ... within a 5 minute period, the connection will be
    # disconnected": Web Socket Streams, and {"ping": ...} is what it calls a ping frame.
    stream=StreamRules(
        url="/openapi/ws/{key}",
        account_events="coins-ph",
        announces_expiry=False,
        client_pings="json",
        silence_within=300.0,
        ping_every=math.inf,
    ),
)
"""Coins.ph documentation (2026-06), with the second create of its older pages: the same key."""


def _gmo(status: int, code: str, words: str) -> Status:
    text = f'{{"status":5,"messages":[{{"message_code":"{code}","message_string":"{words}"}}]}}'
    return Status(status, text.encode(), (JSON_TYPE,))


GMO_COIN = replace(
    SPOT_US,
    name="gmo-coin",
    path="/private/v1/ws-auth",
    api_key_in="API-KEY",
    key_param="token",
    named_in="json",
    signed="headers",
    second_create="new",
    max_keys=5,
    created='{"status":0,"data":"KEY","responsetime":"2019-03-19T02:15:06.102Z"}',
    kept='{"status":0,"responsetime":"2019-03-19T02:15:06.102Z"}',
    closed='{"status":0,"responsetime":"2019-03-19T02:15:06.102Z"}',
    refusals=Refusals(
        no_api_key=_gmo(401, "ERR-5012", "The API authentication is invalid."),
        api_key=_gmo(401, "ERR-5012", "The API authentication is invalid."),
        signature=_gmo(401, "ERR-5012", "The API authentication is invalid."),
        address=_gmo(401, "ERR-5012", "The API authentication is invalid."),
        clock=_gmo(200, "ERR-5008", "The timestamp of the request is too late."),
        key_missing=_gmo(200, "ERR-5106", "Invalid request parameter."),
        gone=_gmo(200, "ERR-5106", "Invalid request parameter."),
        busy=_gmo(200, "ERR-626", "The server is busy. Please retry later."),
        limited=_gmo(429, "ERR-5003", "Requests are too many."),
    ),
    stream=StreamRules(
        url="/ws/private/v1/{key}",
        account_events="gmo",
        # "A ping will be sent from the server to a client once per minute", and the third that is missed is the last.
        ping_every=60.0,
        pong_within=180.0,
        announces_expiry=False,
        words="gmo",
        channels=(
            ("executionEvents", ("executionEvents",)),
            ("orderEvents", ("orderEvents",)),
            ("positionEvents", ()),
            ("positionSummaryEvents", ()),
        ),
        # "1 request (subscribe/unsubscribe) per second per IP address".
        subscribe_every=1.0,
    ),
)
"""GMO Coin documentation (2026-06). A sixth token silently ends the one that would have expired next."""
