"""What anybody may ask for, without an API key: ``ping``, ``time`` and ``exchangeInfo``.

Clients begin with these: they look whether the exchange is there, set their clocks by it, and learn what is traded.
Binance's documents of 2026, "Test Connectivity", "Check Server Time" and "Exchange Information"; those who follow
Binance have them below their own prefix.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from .._book._books import Books
from .._book._market_shapes import exchange_info
from .._book._markets import Market, market_of
from .._dialects._binance import Dialect
from .._faults._effects import JSON_TYPE
from .._state._reply import Reply

__all__ = ["PublicApi"]

# What the paths of these are below, for the path of a listen key; "/papi/v1" knows no time.
_PREFIXES = ("/api/v1", "/api/v3", "/fapi/v1", "/fapi/v3", "/dapi/v1", "/eapi/v1", "/openapi/v1")
_PING_ALONE = ("/papi/v1",)
_SPOT_INFO_WEIGHT = 20


@dataclass(frozen=True, slots=True)
class _Question:
    """What a path is about, and where that is answered from."""

    about: Literal["ping", "time", "exchangeInfo"]
    market: Market | None = None


class PublicApi:
    """Answers these, where the exchange has them.

    Args:
        dialects: The endpoints that are served otherwise.
        books: What is traded.
    """

    def __init__(self, dialects: Iterable[Dialect], books: Books) -> None:
        self._books = books
        self._questions: dict[str, _Question] = {}
        for dialect in dialects:
            self._questions |= {path: each for path, each in _asked_at(dialect).items() if path not in self._questions}

    def knows(self, method: str, path: str) -> bool:
        """Whether such a request is one of these."""
        return method == "GET" and path in self._questions

    def weight(self, path: str) -> int:
        """What it costs."""
        market = self._questions[path].market
        return _SPOT_INFO_WEIGHT if market is not None and market.is_spot else 1

    def answer(self, path: str, ms: int) -> Reply:
        """The answer, at that time in epoch milliseconds."""
        question = self._questions[path]
        told: dict[str, object] = {}
        if question.about == "time":
            told = {"serverTime": ms}
        elif question.market is not None:
            told = exchange_info(question.market, self._books.symbols(question.market), ms)
        return Reply(status=200, headers=(JSON_TYPE,), body=json.dumps(told, separators=(",", ":")).encode())


def _asked_at(dialect: Dialect) -> dict[str, _Question]:
    """What is asked at this exchange, by path."""
    prefix = dialect.path.replace("/ws-api/v3", "/api/v3/").rpartition("/")[0]
    if prefix in _PING_ALONE:
        return {f"{prefix}/ping": _Question("ping")}
    if prefix not in _PREFIXES:
        return {}
    asked = {f"{prefix}/ping": _Question("ping"), f"{prefix}/time": _Question("time")}
    market = market_of(dialect)
    # MEXC has spot's paths, and an exchangeInfo of its own.
    if market is not None and dialect.api_key_in == "X-MBX-APIKEY":
        asked[f"{prefix}/exchangeInfo"] = _Question("exchangeInfo", market)
    return asked
