"""The dialects of exchanges that have a sister in ``_others`` or at Binance, from the documents of each.

What is said here of one is what its documents have; what they leave out is the sister's.
"""

from __future__ import annotations

from dataclasses import replace

from .._faults._effects import api_error
from ._binance import SPOT_US, Refusals
from ._binance_ws_api import MARGIN
from ._others import ASTER_SPOT_V3, GMO_COIN, HASHKEY, TOOBIT
from ._stream_rules import StreamRules

__all__ = [
    "ASTER_PREDICTION_V3",
    "BINANCE_TR",
    "BITRUE_FUTURES",
    "GMO_COIN_FX",
    "HASHKEY_HK",
    "TOKOCRYPTO",
    "TOOBIT_USDTM",
]

ASTER_PREDICTION_V3 = replace(ASTER_SPOT_V3, name="aster-prediction-v3")
"""Aster documentation V3, prediction (2026-06): a ping frame every three minutes, and five messages a second. On the
path of :data:`ASTER_SPOT_V3`: serve one of the two."""

BITRUE_FUTURES = replace(
    SPOT_US,
    name="bitrue-futures",
    path="/user_stream/api/v1/listenKey",
    named_in="path",
    api_key_in="X-CH-APIKEY",
    signed="headers-and-body",
    signed_in=("X-CH-TS", "X-CH-SIGN"),
    created='{"msg":"succ","code":200,"data":{"listenKey":"KEY"}}',
    kept='{"msg":"succ","code":200}',
    closed='{"msg":"succ","code":200}',
    # "Error Codes" of the page: five, of which one has a sign. What a time is answered that is off, it does not say.
    refusals=Refusals(
        no_api_key=api_error(200, 1022, "You are not authorized to execute this request."),
        api_key=api_error(200, 1022, "You are not authorized to execute this request."),
        signature=api_error(200, 1022, "You are not authorized to execute this request."),
        address=api_error(200, 1022, "You are not authorized to execute this request."),
        key_missing=api_error(200, 1102, "A mandatory parameter was not sent, was empty/null, or malformed."),
        gone=api_error(200, -1150, "This listenKey does not exist."),
        busy=api_error(200, 503, "An unknown error occurred while processing the request."),
    ),
    stream=StreamRules(
        url="/stream?streams={key}",
        account_events="bitrue-futures",
        announces_expiry=False,
        # "You should send pong message after receive a ping message": how often they come is Bitrue's of spot.
        pings="json-event",
        ping_every=15.0,
        pong_within=60.0,
        words="bitrue-futures",
        channels=(("user_account_update", ("ORDER_TRADE_UPDATE", "ACCOUNT_UPDATE")),),
    ),
)
"""Bitrue documentation, USDT-M and COIN-M futures, "User Data Streams" (2024)."""

GMO_COIN_FX = replace(GMO_COIN, name="gmo-coin-fx", stream=replace(GMO_COIN.stream, account_events="gmo-fx"))
"""GMO Coin's documentation of foreign exchange (2026-10). On the path of :data:`GMO_COIN`: serve one of the two."""

HASHKEY_HK = replace(HASHKEY, name="hashkey-hk", created='{"listenkey":"KEY"}')
"""Documentation of HashKey Exchange, Hong Kong (2025): the key's name is in small letters, and the rest is as in that
of :data:`HASHKEY`, on its path."""

TOOBIT_USDTM = replace(
    TOOBIT,
    name="toobit-usdtm",
    path="/api/v1/listenKey",
    stream=replace(TOOBIT.stream, account_events="toobit-usdtm"),
)
"""Toobit documentation, USDT-margined (2023-12). Its error codes are those of spot."""

TOKOCRYPTO = replace(
    MARGIN,
    name="tokocrypto",
    path="/open/v1/user-listen-token",
    signed="query",
    created='{"code":0,"data":{"token":"KEY","expirationTime":EXPIRY}}',
    refusals=Refusals(
        no_api_key=api_error(200, 3701, "Invalid API-key, IP, or permissions for action."),
        api_key=api_error(200, 3701, "Invalid API-key, IP, or permissions for action."),
    ),
    stream=replace(MARGIN.stream, bare_answers=True, announces_shutdown=False),
)
"""Tokocrypto documentation (2026-04), "Create a listenToken" and "WebSocket API"; pings are Binance's."""

BINANCE_TR = replace(
    TOKOCRYPTO, name="binance-tr", created='{"code":0,"msg":"Success","data":{"token":"KEY","expirationTime":EXPIRY}}'
)
"""Binance TR, as its clients have read its documents (2026-08). On the path of :data:`TOKOCRYPTO`."""
