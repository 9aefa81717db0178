"""One command as it came: its query, its body, and the time; and what is wrong with it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from ..._errors import UsageError

__all__ = ["Command", "NoSuchThingError", "read_json", "read_query"]


@dataclass(frozen=True, slots=True, repr=False)
class Command:
    """What a request asks for, not looked at yet. Without a repr: a secret may be in it."""

    query: Mapping[str, str]
    body: Any
    now: float

    def shown(self, key: str) -> str:
        """A listen key as it may be shown: as a whole only to who asks for it."""
        return key if self.query.get("secrets") == "1" else f"{key[:4]}***"

    def number(self, name: str, otherwise: int) -> int:
        """A parameter of the query that is a number."""
        text = self.query.get(name, str(otherwise))
        if not (text.isascii() and text.isdecimal() and len(text) <= 15):
            raise UsageError(f"{name}={text[:40]!r} is no number", advice="Pass one")
        return int(text)


class NoSuchThingError(Exception):
    """The path or the method is none that there is; ``status`` says which."""

    def __init__(self, status: int, problem: str, advice: str) -> None:
        super().__init__(problem)
        self.status = status
        self.advice = advice


def read_query(query: str, parameters: tuple[str, ...]) -> Mapping[str, str]:
    """The parameters, which are some of those that the endpoint has."""
    try:
        given = dict(parse_qsl(query, keep_blank_values=True, max_num_fields=10))
    except ValueError:
        raise UsageError("there are too many parameters", advice="Send fewer") from None
    for name in given:
        if name not in parameters:
            known = ", ".join(parameters) or "none"
            raise UsageError(f"there is no parameter {name[:40]!r} here", advice=f"There are: {known}")
    return given


def read_json(body: bytes) -> Any:
    """The body's value; ``None`` for an empty one."""
    try:
        return json.loads(body, parse_constant=_no_constant) if body.strip() else None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"the body is no JSON: {error}", advice="Send JSON") from None


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is none")
