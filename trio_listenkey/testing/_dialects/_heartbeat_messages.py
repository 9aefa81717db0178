"""Pings that are no frames but messages, from either side.

From the documents of BingX (2022, 2026-04), MEXC (2025-08), Toobit (2023-12), HashKey (2025), Coins.ph (2026-06) and
Bitrue (2023-07).
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from ._stream_rules import ClientPings, Pings

__all__ = ["ping_message", "pong_in", "reply_to_ping"]

_CHINA = timezone(timedelta(hours=8))


def ping_message(kind: Pings, time: int) -> tuple[bytes, str]:
    """The exchange's ping at a time in epoch milliseconds: what a pong has to bring back, and the whole."""
    if kind == "text":
        return str(time).encode(), "Ping"
    if kind == "json-time":
        name = f"{time:032x}"
        clock = datetime.fromtimestamp(time / 1000, UTC).astimezone(_CHINA).isoformat(timespec="milliseconds")
        return name.encode(), f'{{"ping":"{name}","time":"{clock.replace("+08:00", "+0800")}"}}'
    if kind == "json-event":
        return str(time).encode(), f'{{"event":"ping","ts":"{time}"}}'
    more = ',"channelId":"0242acfffe120002"' if kind == "json-channel" else ""
    return str(time).encode(), f'{{"ping":{time}{more}}}'


def pong_in(kind: Pings, text: str, last: bytes) -> bytes | None:
    """Which ping this message answers, by what it brings back; ``None`` if it is no pong.

    A text answers the ``last``. BingX's documents of 2022 answer a ping in JSON in kind, those of 2026-04 by the text:
    both will do.
    """
    if kind in {"text", "json-time"} and text == "Pong":
        return last
    said = _object(text) if kind not in {"frames", "text"} else {}
    if kind == "json-event":
        return str(said.get("ts")).encode() if said.get("event") == "pong" else None
    return str(said["pong"]).encode() if "pong" in said else None


def reply_to_ping(kind: ClientPings, text: str) -> str | None:
    """What the exchange answers to a client's ping; nothing to some, and ``None`` if it is none."""
    said = _object(text)
    if kind == "method" and said.get("method") == "PING":
        return '{"id":0,"code":0,"msg":"PONG"}'
    if kind == "event" and said.get("event") == "pong" and "ts" in said:
        return ""
    return f'{{"pong":{json.dumps(said["ping"])}}}' if kind == "json" and "ping" in said else None


def _object(text: str) -> dict[str, Any]:
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}
