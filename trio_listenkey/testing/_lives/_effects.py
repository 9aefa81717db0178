"""What goes wrong on each occasion, in the words of the fault language.

A client that does everything right gets over each of these. What nobody could notice is not here: an event that the
exchange itself drops, for one.
"""

from __future__ import annotations

from typing import Any, Final

from .._control._fault_text import effect_as_json
from .._control._json_values import decode
from .._faults._effects import Effect

__all__ = [
    "AT_HANDSHAKES",
    "AT_KEEPALIVES",
    "AT_REQUESTS",
    "AT_SOCKETS",
    "BANS",
    "HOLLOW",
    "ON_THE_API",
    "TOO_MANY",
    "effect_from_text",
]

TOO_MANY: Final = '{"effect":"Status","code":429,"headers":[["Retry-After","30"]]}'

BANS: Final = ("rate_limited:45", "banned:300", '{"effect":"banned","seconds":120,"header":true}')

AT_REQUESTS: Final = (
    "Delay:4",
    "Delay:13",
    "Garbage",
    "Hang",
    "Hang:true",
    "Huge",
    "KillKey",
    "KillKey:true",
    "Reset",
    "Reset:true",
    "Truncate:30",
    "bad_gateway_html",
    "service_unavailable",
    "service_unavailable:true",
    "waf_403_html",
    *BANS,
)
"""At any request about a key."""

HOLLOW: Final = (
    '{"effect":"WrongShape","body":"{\\"listenKey\\":\\"\\"}"}',
    '{"effect":"WrongShape","body":"{\\"listenKey\\":null}"}',
    '{"effect":"WrongShape","body":"{}"}',
    '{"effect":"WrongShape","body":""}',
)
"""Successes that name no key. One who asks for a first key may take that for a refusal; who had one, goes on."""

AT_KEEPALIVES: Final = (*AT_REQUESTS, "gone", '{"effect":"WrongShape","body":"[]"}', *HOLLOW)

AT_HANDSHAKES: Final = (
    "Delay:0.4",
    "Delay:6",
    "Delay:14",
    "Garbage",
    "Hang",
    "Reset",
    "Status:401",
    TOO_MANY,
    "bad_gateway_html",
    "waf_403_html",
)

AT_SOCKETS: Final = (
    "CloseSocket:1001",
    '{"effect":"CloseSocket","code":1008,"reason":"Pong timeout"}',
    "Freeze:2",
    "Freeze:12",
    "Freeze:90",
    "Garbage",
    "HalfOpen",
    "KillKey",
    "KillKey:true",
    "Reset",
)
"""At an open socket, by itself or when an event is sent on it."""

ON_THE_API: Final = (
    "Delay:0.4",
    "Delay:6",
    "Drop",
    "Duplicate",
    "Hang",
    "Hang:true",
    "KillKey",
    "Reset",
    "Reset:true",
    '{"effect":"WrongShape","body":"{}"}',
    '{"effect":"api_error","status":400,"code":-1000,"message":"Unknown."}',
    '{"effect":"api_error","status":500,"code":-1001,"message":"Internal error."}',
)
"""At a request on the WebSocket API."""


def effect_from_text(text: str, hint: Any = Effect, where: str = "effect") -> Any:
    """The effect that ``text``, the right side of a fault in one line, says; one that ``hint`` has room for.

    Raises:
        UsageError: It is no such effect.
    """
    return decode(hint, effect_as_json(text), where)
