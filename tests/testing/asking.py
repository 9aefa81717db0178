"""Requests as clients send them, written out here so that nothing of ours but the exchange is tested."""

from __future__ import annotations

import json
from typing import Any, Literal

from trio_listenkey._http import Request, Response
from trio_listenkey.testing import COINM, SPOT_CLASSIC, SPOT_US, USDM, Dialect, Reply

API_KEY = "an-api-key-of-alice"
FORM = ("Content-Type", "application/x-www-form-urlencoded")
DIALECTS = [SPOT_CLASSIC, SPOT_US, USDM, COINM]


def ask(
    method: str = "POST",
    dialect: Dialect = USDM,
    *,
    key: str | None = None,
    named_in: Literal["query", "form"] = "form",
    api_key: str | None = API_KEY,
) -> Request:
    """A request of ``alice``, which names ``key`` if there is one."""
    headers = () if api_key is None else (("X-MBX-APIKEY", api_key),)
    url = f"https://exchange.test{dialect.path}"
    if key is None:
        return Request(method, url, headers)
    if named_in == "query":
        return Request(method, f"{url}?listenKey={key}", headers)
    return Request(method, url, (*headers, FORM), f"listenKey={key}".encode())


def told(answer: Reply | Response) -> Any:
    """The JSON of an answer."""
    return json.loads(answer.body)
