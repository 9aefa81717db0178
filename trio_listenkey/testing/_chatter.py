"""Pings that are no frames but messages, from either side (BingX, MEXC, Toobit and HashKey documentation)."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["ping_message", "pong_in", "reply_to_ping"]


def ping_message(kind: str, time: int) -> str:
    """The exchange's ping, as a text or as JSON with the time in epoch milliseconds."""
    return "Ping" if kind == "text" else f'{{"ping":{time}}}'


def pong_in(kind: str, text: str, time: int) -> bytes | None:
    """Which ping this message answers, by its time; ``None`` if it is no pong. A text answers the last, of ``time``."""
    if kind == "text":
        return str(time).encode() if text == "Pong" else None
    said = _object(text)
    return str(said["pong"]).encode() if "pong" in said else None


def reply_to_ping(text: str) -> str | None:
    """What the exchange answers to a client's ping; ``None`` if it is none."""
    said = _object(text)
    if said.get("method") == "PING":
        return '{"id":0,"code":0,"msg":"PONG"}'
    return f'{{"pong":{json.dumps(said["ping"])}}}' if "ping" in said else None


def _object(text: str) -> dict[str, Any]:
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}
