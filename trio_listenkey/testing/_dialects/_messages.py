"""What the exchange says on a socket besides account events."""

from __future__ import annotations

import json
from typing import Any

from ._stream_rules import StreamRules

__all__ = ["expired_message", "shutdown_message", "to_json", "wrapped"]


def to_json(value: Any) -> str:
    """As the exchanges write it: without spaces."""
    return json.dumps(value, separators=(",", ":"))


def wrapped(text: str, stream: str) -> str:
    """The JSON ``text`` as it comes on a combined stream (Binance documentation, "WebSocket Streams")."""
    return f'{{"stream":{json.dumps(stream)},"data":{text}}}'


def expired_message(rules: StreamRules, key: str, time: int) -> str:
    """``listenKeyExpired`` in the exchange's own shape.

    Three fields in the documents of USD-M, COIN-M and Spot ("User Data Streams"); without ``listenKey`` in those of
    Portfolio Margin; with ``E`` as a string in those of Options.
    """
    event = {"e": "listenKeyExpired", "E": str(time) if rules.expiry_time_as_text else time}
    if rules.expiry_names_key:
        event["listenKey"] = key
    return to_json(event)


def shutdown_message(time: int, *, combined: bool) -> str:
    """``serverShutdown`` (Binance Spot documentation, "WebSocket Streams")."""
    event = to_json({"e": "serverShutdown", "E": time})
    return wrapped(event, "!serverShutdown") if combined else event
