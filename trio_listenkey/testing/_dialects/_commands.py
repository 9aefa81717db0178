"""What a client may say on its socket: JSON commands (Binance documentation, "Live Subscribing/Unsubscribing")."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

__all__ = ["BadCommand", "Command", "answer", "read_command"]

_METHODS = ("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY")


@dataclass(frozen=True, slots=True, repr=False)
class Command:
    """A command that can be carried out. Without a repr: its parameters are listen keys."""

    method: str
    params: list[Any]
    id: int | str | None


@dataclass(frozen=True, slots=True)
class BadCommand:
    """A message that was none: the exchange's answer to it, and whether the connection ends with that."""

    answer: str
    fatal: bool = False


def read_command(text: str) -> Command | BadCommand:
    """Read one message. Anything can be read."""
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        # The documents' words go on with a position that depends on the exchange's parser.
        return BadCommand(_error(3, "Invalid JSON: expected value at line 1 column 1"), fatal=True)
    if not isinstance(said, dict) or "method" not in said:
        return BadCommand(_error(2, "Invalid request: missing field `method`"))
    if said["method"] not in _METHODS:
        expected = ", ".join(f"`{each}`" for each in _METHODS)
        return BadCommand(_error(2, f"Invalid request: unknown variant, expected one of {expected}"))
    if isinstance(said.get("id"), bool | float | list | dict):
        return BadCommand(_error(2, "Invalid request: request ID must be an unsigned integer"))
    return _with_params(said["method"], said.get("params", []), said.get("id"))


def _with_params(method: str, params: Any, request_id: int | str | None) -> Command | BadCommand:
    if not isinstance(params, list):
        return BadCommand(_error(2, "Invalid request: params must be an array"))
    if method.endswith("SUBSCRIBE") and not all(isinstance(each, str) for each in params):
        return BadCommand(_error(2, "Invalid request: stream name must be a string"))
    if method.endswith("PROPERTY") and params[:1] != ["combined"]:
        return BadCommand(_error(0, "Unknown property"))
    if method == "SET_PROPERTY" and not isinstance(params[-1], bool):
        return BadCommand(_error(1, "Invalid value type: expected Boolean"))
    return Command(method, params, request_id)


def answer(result: object, command: Command) -> str:
    """The answer to a command that was carried out."""
    return json.dumps({"result": result, "id": command.id}, separators=(",", ":"))


def _error(code: int, message: str) -> str:
    return json.dumps({"error": {"code": code, "msg": message}}, separators=(",", ":"))
