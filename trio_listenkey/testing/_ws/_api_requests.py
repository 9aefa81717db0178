"""Requests on the WebSocket API, and answers: Binance Spot documentation, "WebSocket API", as of 2026-07."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .._faults._effects import Status, api_error
from .._state._accounts import Accounts
from ._api_signatures import is_signed

__all__ = [
    "ApiRequest",
    "Refused",
    "answer_text",
    "check_signed",
    "error_of",
    "event_text",
    "malformed",
    "missing",
    "read_request",
]

_DEFAULT_WINDOW = 5000.0  # milliseconds
_WIDEST_WINDOW = 60_000.0
_AHEAD = 1000.0
_MICROSECONDS = 10**15  # as milliseconds, this is in the year 33658


class Refused(Exception):  # noqa: N818 - it is an answer
    """The request is answered by an error: status and ``{"code": ..., "msg": ...}``."""

    def __init__(self, status: Status) -> None:
        super().__init__(status.code)
        self.status = status


@dataclass(frozen=True, slots=True, repr=False)
class ApiRequest:
    """One request. Without a repr: its parameters are secrets.

    Attributes:
        id: What the answer has to say again.
        method: Without the version that may stand before it; empty if there is none.
        params: All but ``returnRateLimits``.
        signed: The parameters whose signature is wanted, where one is.
        shows_limits: What the request says about that; ``None`` for nothing.
        refusal: Why it is none at all.
    """

    id: Any
    method: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    signed: Mapping[str, Any] = field(default_factory=dict)
    shows_limits: bool | None = None
    refusal: Status | None = None


def read_request(text: str) -> ApiRequest:
    """Read one message. Anything can be read."""
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        return ApiRequest(None, refusal=api_error(400, -1135, "Invalid JSON Request"))
    request_id = said.get("id")
    if "id" not in said or isinstance(request_id, bool | float | list | dict):
        return ApiRequest(None, refusal=missing("id"))
    method, params = said.get("method"), said.get("params", {})
    if not isinstance(method, str) or not method:
        return ApiRequest(request_id, refusal=missing("method"))
    if not isinstance(params, dict):
        return ApiRequest(request_id, refusal=missing("params"))
    shows = params.get("returnRateLimits")
    return ApiRequest(
        request_id,
        re.sub(r"^v\d/", "", method),
        {name: value for name, value in params.items() if name != "returnRateLimits"},
        params,
        shows if isinstance(shows, bool) else None,
    )


def check_signed(request: ApiRequest, accounts: Accounts, unix_ms: float) -> tuple[str, str]:
    """API key and account of a request that is signed as it should be.

    Raises:
        Refused: It is not.
    """
    params = request.params
    for name in ("apiKey", "timestamp", "signature"):
        if params.get(name) in (None, ""):
            raise Refused(missing(name))
    api_key, signature = params["apiKey"], params["signature"]
    if not isinstance(api_key, str) or not re.fullmatch("[!-~]+", api_key):
        raise Refused(api_error(400, -2014, "API-key format invalid."))
    if not isinstance(signature, str):
        raise Refused(missing("signature"))
    window, sent_at = _window(params), _sent_at(params)
    if api_key not in accounts.by_key:
        raise Refused(api_error(401, -2015, "Invalid API-key, IP, or permissions for action."))
    if sent_at >= unix_ms + _AHEAD:
        raise Refused(api_error(400, -1021, "Timestamp for this request was 1000ms ahead of the server's time."))
    if unix_ms - sent_at > window:
        raise Refused(api_error(400, -1021, "Timestamp for this request is outside of the recvWindow."))
    if not is_signed(request.signed, signature, accounts.secrets.get(api_key), accounts.public_keys.get(api_key)):
        raise Refused(api_error(400, -1022, "Signature for this request is not valid."))
    return api_key, accounts.by_key[api_key]


def _window(params: Mapping[str, Any]) -> float:
    window = params.get("recvWindow", _DEFAULT_WINDOW)
    if not isinstance(window, int | float) or isinstance(window, bool) or not window > 0:
        raise Refused(malformed("recvWindow"))
    if window > _WIDEST_WINDOW:
        raise Refused(api_error(400, -1102, "'recvWindow' contains unexpected value. Cannot be greater than 60000."))
    return float(window)


def _sent_at(params: Mapping[str, Any]) -> float:
    time = params["timestamp"]
    if not isinstance(time, int) or isinstance(time, bool) or not 0 <= time < 10**18:
        raise Refused(malformed("timestamp"))
    return time / 1000 if time >= _MICROSECONDS else float(time)


def missing(name: str) -> Status:
    """A parameter is not there, or might as well not be."""
    return api_error(400, -1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def malformed(name: str) -> Status:
    """A parameter is something else."""
    return api_error(400, -1130, f"Data sent for parameter '{name}' is not valid.")


def error_of(status: Status) -> Any:
    """The ``error`` that says the same as this HTTP answer, which may be a page of HTML."""
    try:
        error = json.loads(status.body)
    except (ValueError, RecursionError):
        error = None
    if isinstance(error, dict) and "code" in error:
        return error
    return {"code": -1000, "msg": "An unknown error occurred while processing the request."}


def answer_text(request_id: Any, status: int, told: Mapping[str, Any], rate_limits: Any) -> str:
    """The answer, with its ``result`` or ``error``."""
    limits = {} if rate_limits is None else {"rateLimits": rate_limits}
    return json.dumps({"id": request_id, "status": status, **told, **limits}, separators=(",", ":"))


def event_text(subscription: int | None, event: str) -> str:
    """An event, which is JSON already, of a subscription or of the connection."""
    whose = "" if subscription is None else f'"subscriptionId":{subscription},'
    return f'{{{whose}"event":{event}}}'
