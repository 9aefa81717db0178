"""A request as the exchange understands it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from .._http import Request
from ._dialects import Dialect
from ._faults import Verb

__all__ = ["Call", "understand"]

_VERBS: dict[str, Verb] = {"POST": "create", "PUT": "keepalive", "DELETE": "close"}

# Generous enough for every documented call, and few enough that a hostile body costs nothing to parse.
_MAX_FIELDS = 50


@dataclass(frozen=True, slots=True, repr=False)
class Call:
    """Who wants what, where; ``None`` for what the exchange does not know. Without a repr: it has secrets in it."""

    method: str
    path: str
    dialect: Dialect | None
    verb: Verb | None
    api_key: str
    account: str | None
    named_keys: tuple[str, ...]
    now: float


def understand(request: Request, now: float, dialects: Mapping[str, Dialect], accounts: Mapping[str, str]) -> Call:
    """Read ``request``, given the dialect of each path and the account of each API key. Anything can be read."""
    path, query = _split(request.url)
    dialect = dialects.get(path)
    headers = {name.lower(): value for name, value in reversed(request.headers)}
    api_key = headers.get("x-mbx-apikey", "")
    # A parameter that is in both is taken from the query (Binance documentation, "General API Information").
    fields = _fields(query)
    if headers.get("content-type", "").lower().startswith("application/x-www-form-urlencoded"):
        fields += _fields(request.body.decode("latin-1"))
    return Call(
        method=request.method,
        path=path,
        dialect=dialect,
        verb=_VERBS.get(request.method) if dialect else None,
        api_key=api_key,
        account=accounts.get(api_key),
        named_keys=tuple(value for name, value in fields if name == "listenKey"),
        now=now,
    )


def _split(url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(url)
    except ValueError:  # a bracket without its partner, and other ways to write no URL
        return "", ""
    return parts.path, parts.query


def _fields(text: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(text, keep_blank_values=True, max_num_fields=_MAX_FIELDS)
    except ValueError:
        return []
