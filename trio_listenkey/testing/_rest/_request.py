"""A request as the exchange understands it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from ..._http import Request
from .._dialects._binance import Dialect
from .._faults._script import RequestKind
from ._signatures import Claim, claim

__all__ = ["Call", "understand"]

# Generous enough for every documented call, and few enough that a hostile body costs nothing to parse.
_MAX_FIELDS = 50


@dataclass(frozen=True, slots=True, repr=False)
class Call:
    """Who wants what, where; ``None`` for what the exchange does not know. Without a repr: it has secrets in it."""

    method: str
    path: str
    dialect: Dialect | None
    verb: RequestKind | None
    api_key: str
    account: str | None
    named_keys: tuple[str, ...]
    now: float
    claim: Claim
    fields: Mapping[str, str]


def understand(request: Request, now: float, dialects: Mapping[str, Dialect], accounts: Mapping[str, str]) -> Call:
    """Read ``request``, given the dialect of each path and the account of each API key. Anything can be read."""
    whole_path, query = _split(request.url)
    path, dialect, named_keys = _place(whole_path, dialects)
    headers = {name.lower(): value for name, value in reversed(request.headers)}
    kind = headers.get("content-type", "").lower()
    form = request.body.decode("latin-1") if kind.startswith("application/x-www-form-urlencoded") else ""
    # A parameter that is in both is taken from the query (Binance documentation, "General API Information").
    fields = _fields(query) + _fields(form)
    api_key_in = dialect.api_key_in if dialect else "X-MBX-APIKEY"
    api_key = headers.get(api_key_in.lower()) or dict(fields).get(api_key_in, "")
    if dialect is not None and dialect.named_in != "path":
        named_keys = _named(dialect, fields if dialect.named_in == "any" else _fields(query), request.body)
    return Call(
        method=request.method,
        path=path,
        dialect=dialect,
        verb=dict(dialect.methods).get(request.method) if dialect else None,
        api_key=api_key,
        account=accounts.get(api_key),
        named_keys=named_keys,
        now=now,
        claim=claim(dialect, request.method, whole_path, query, request.body, form, headers)
        if dialect
        else ("", "", ""),
        fields=dict(reversed(fields)),
    )


def _place(path: str, dialects: Mapping[str, Dialect]) -> tuple[str, Dialect | None, tuple[str, ...]]:
    """The path without a key, whose it is, and the key that was in it."""
    dialect = dialects.get(path)
    if dialect is not None:
        return path, dialect, ()
    head, _, key = path.rpartition("/")
    dialect = dialects.get(head)
    return (head, dialect, (key,)) if dialect is not None and dialect.named_in == "path" else (path, None, ())


def _named(dialect: Dialect, fields: list[tuple[str, str]], body: bytes) -> tuple[str, ...]:
    if dialect.named_in != "json":
        return tuple(value for name, value in fields if name == dialect.key_param)
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return ()
    key = told.get(dialect.key_param) if isinstance(told, dict) else None
    return (key,) if isinstance(key, str) else ()


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
