"""Binance's streams that are asked for on the WebSocket API, told from the exchange's side."""

from __future__ import annotations

from dataclasses import replace

from ._binance import SPOT_CLASSIC
from ._stream_rules import StreamRules

__all__ = ["MARGIN", "SPOT"]

_API = StreamRules(
    api="/ws-api/v3",
    announces_shutdown=True,
    ping_every=20.0,
    pong_within=60.0,
    messages_per_second=None,  # it goes by weight
    max_streams=1000,
)

SPOT = replace(SPOT_CLASSIC, name="spot", path="/ws-api/v3", methods=(), stream=_API)
"""Binance Spot documentation, "WebSocket API" and "User Data Stream", 2026-07. There are no listen keys."""

MARGIN = replace(
    SPOT_CLASSIC,
    name="margin",
    path="/sapi/v1/userListenToken",
    names_key=False,
    weight=1,
    methods=(("POST", "create"),),
    second_create="new",
    created='{"token":"KEY","expirationTime":EXPIRY}',
    tokens_for=86_400.0,
    stream=_API,
)
"""Binance Margin documentation, "Listen Token Websocket API", 2025-11. The token is shown on the WebSocket API. The
events of an isolated pair are a dialect of their own, with ``?symbol=BTCUSDT`` after the path."""
