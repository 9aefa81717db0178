"""Subscriptions of the exchanges whose events do not come by themselves, each in its own words.

From the documents of BingX (2022, 2026-04: ``reqType`` and ``dataType``), Bitrue (2023-07), Bitrue's futures (2024),
GMO Coin (2026-06) and MEXC (2025-08), "Subscribe". What is answered to a wrong one, most of them do not say: see
:func:`denied`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from ._messages import to_json
from ._stream_rules import Words

__all__ = ["Asked", "denied", "granted", "read_subscription", "too_fast"]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a client asks for: to get what comes on ``channels``, or no more of it."""

    channels: tuple[str, ...]
    subscribes: bool
    id: Any = None


def read_subscription(words: Words, text: str) -> Asked | None:
    """Read one message; ``None`` if it is no subscription. Anything can be read."""
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict):
        return None
    match words, said:
        case "bingx", {"dataType": str(channel)}:
            # The documents of 2022 subscribe without "reqType".
            return _asked([channel], said.get("reqType", "sub"), "sub", "unsub", said.get("id"))
        case "bitrue" | "bitrue-futures", {"event": event, "params": {"channel": str(channel)}}:
            return _asked([channel], event, "sub", "unsub")
        case "gmo", {"command": command, "channel": str(channel)}:
            return _asked([channel], command, "subscribe", "unsubscribe")
        case "mexc", {"method": method, "params": [*channels]}:
            return _asked(channels, method, "SUBSCRIPTION", "UNSUBSCRIPTION")
    return None


def _asked(channels: list[Any], verb: object, sub: str, unsub: str, id_: Any = None) -> Asked | None:
    if verb not in (sub, unsub) or not channels or not all(isinstance(each, str) for each in channels):
        return None
    return Asked(tuple(channels), verb == sub, id_)


def granted(words: Words, asked: Asked, time: int) -> str:
    """The answer to a subscription, or to its end; nothing where none is documented, as at GMO Coin."""
    match words:
        case "bingx":
            return to_json({"id": asked.id, "code": 0, "msg": ""})
        case "bitrue":
            told = {"event_rep": "subed"} if asked.subscribes else {}
            return to_json({"channel": asked.channels[0], **told, "status": "ok", "ts": time})
        case "bitrue-futures":
            return to_json({"event": asked.channels[0], "status": "ok", "ts": time})
        case "mexc":
            return to_json({"id": 0, "code": 0, "msg": ",".join(asked.channels)})
    return ""


def denied(words: Words, asked: Asked | None) -> str:
    """The answer to a message that is no subscription, or one to what there is not.

    BingX documents codes, with names, for the form of its other answers. That of MEXC is from what clients have seen,
    with the ``code`` of a success. GMO Coin's is its REST API's code in the form of its other error on sockets. Nothing
    is known of Bitrue's two, nor of MEXC's to what is no subscription: they are silent here.
    """
    match words:
        case "bingx":
            return to_json({"id": None if asked is None else asked.id, "code": 100400, "msg": "ILLEGAL_ARGUMENT"})
        case "gmo":
            return '{"error":"ERR-5106 Invalid request parameter."}'
        case "mexc" if asked is not None:
            named = ",".join(asked.channels)
            return to_json({"id": 0, "code": 0, "msg": f"Not Subscribed successfully! [{named}].  Reason: Blocked!"})
    return ""


def too_fast() -> str:
    """The answer to a subscription that follows the last one too soon: GMO Coin's, as its clients have seen it."""
    return '{"error":"ERR-5003 Request too many."}'
