"""A fault in one line, for command lines: ``keepalive#2=service_unavailable``."""

from __future__ import annotations

import json
import re
from typing import Any

from ..._errors import UsageError

__all__ = ["GRAMMAR", "effect_as_json", "fault_as_json"]

GRAMMAR = """\
FAULT  = WHO [#NTH] [*COUNT] [~PROBABILITY] [@AFTER..UNTIL] = EFFECT
WHO    = create, keepalive, close, any, connect, socket, event or api
EFFECT = NAME, NAME:VALUE, or the effect's JSON
"""

_NUMBER = r"\d+(?:\.\d+)?"
_WHEN = re.compile(
    r"(?P<verb>[\w-]+)\s*"
    r"(?:#(?P<nth>\d+)\s*)?"
    r"(?:\*(?P<count>\d+)\s*)?"
    rf"(?:~(?P<probability>{_NUMBER})\s*)?"
    rf"(?:@(?P<after>{_NUMBER})?\.\.(?P<until>{_NUMBER})?\s*)?"
)
_NUMBERS = {"nth": int, "count": int, "probability": float, "after": float, "until": float}


def fault_as_json(text: str, where: str) -> dict[str, Any]:
    """What ``text`` says, as the JSON object that says the same."""
    when, _, what = text.partition("=")
    match = _WHEN.fullmatch(when.strip())
    if match is None or not what.strip():
        raise UsageError(f"{where}: {text[:80]!r} is no fault", advice=f"Write it as\n{GRAMMAR}")
    told = {name: value for name, value in match.groupdict().items() if value is not None}
    return {name: _NUMBERS.get(name, str)(value) for name, value in told.items()} | {
        "effect": effect_as_json(what.strip())
    }


def effect_as_json(text: str) -> Any:
    """What ``text``, the right side of a fault in one line, says, as JSON that says the same."""
    name, colon, value = text.partition(":")
    if text.startswith("{"):
        return _json_or(text, text)
    return {name: _json_or(value, value)} if colon else name


def _json_or(text: str, otherwise: Any) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return otherwise
