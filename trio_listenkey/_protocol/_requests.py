"""What to send: each call of each dialect, as a pure function of the venue, the key and the time."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

import msgspec

from .._http import Request
from .._settings import Credentials
from .._venue._parts import Signing
from .._venue._venue import Venue, Verb
from ._signing import sign, signing_for

__all__ = ["build_request"]

_FORM: Final = ("Content-Type", "application/x-www-form-urlencoded")
_JSON: Final = ("Content-Type", "application/json")
_PER_MS: Final = {"ms": 1, "us": 1000}


def build_request(
    venue: Venue, credentials: Credentials, verb: Verb, key: str | None, *, timestamp_ms: int = 0
) -> Request:
    """The request for ``verb``; ``key`` names the listen key where the venue wants it named.

    Where it may, the key goes into a form body rather than the query string: Binance's documents allow both
    ("parameters may be sent in the query string or in the request body", general API information), and URLs are what
    HTTP clients write into their logs.

    Args:
        venue: Who is asked.
        credentials: Who asks.
        verb: For what.
        key: The listen key, if there is one.
        timestamp_ms: Unix time in milliseconds by the exchange's clock, for calls that are signed.

    Raises:
        UsageError: The call needs a signature that these credentials cannot make.
    """
    call = venue.call(verb)
    assert call is not None, f"{venue.name} has no {verb}"
    place = venue.key_place(verb) if key is not None else "account"
    named = {} if key is None or place in {"account", "path"} else {venue.key_param: key}
    path = (call.path or venue.path).replace("{key}", key or "")
    body = msgspec.json.encode(named).decode() if place == "json" else ""
    parameters = dict(call.extra) | ({} if place == "json" else named)
    signing = signing_for(venue, credentials, verb)
    headers = [("Accept", "application/json"), ("User-Agent", "trio-listenkey"), *venue.headers]
    if signing is None:
        encoded = urlencode(parameters)
    elif signing.place == "headers":
        encoded = urlencode(parameters)
        time = str(timestamp_ms * _PER_MS[signing.unit])
        # ``path`` and ``body`` in the payload are exactly the bytes that are sent.
        payload = _fill(signing.payload, encoded, time, call.method, path, body)
        headers += [(signing.timestamp, time), (signing.signature, sign(venue, credentials, payload))]
    else:
        encoded = _signed(venue, credentials, signing, parameters, (call.method, path, body), timestamp_ms)
    url = venue.rest_url.rstrip("/") + path
    if body:
        headers.append(_JSON)
    if encoded and (place == "form" or (signing is not None and signing.place == "form")):
        body = encoded
        headers.append(_FORM)
    elif encoded:
        url += "?" + encoded
    if venue.api_key_header is not None:
        headers.insert(0, (venue.api_key_header, credentials.api_key))
    return Request(call.method, url, tuple(headers), body.encode())


def _signed(
    venue: Venue,
    credentials: Credentials,
    signing: Signing,
    parameters: dict[str, str],
    rest: tuple[str, str, str],
    timestamp_ms: int,
) -> str:
    """The parameters with time and signature.

    One rule fits every exchange: sorted by name (BingX asks for that, and to the others order makes no difference),
    encoded before they are signed (Binance, since 2026-01-15), the signature last.
    """
    time = str(timestamp_ms * _PER_MS[signing.unit])
    parameters = parameters | {signing.timestamp: time}
    if signing.recv_window is not None:
        parameters["recvWindow"] = str(signing.recv_window)
    if signing.api_key is not None:
        parameters[signing.api_key] = credentials.api_key
    encoded = urlencode(sorted(parameters.items()))
    payload = _fill(signing.payload, encoded, time, *rest)
    return f"{encoded}&{urlencode({signing.signature: sign(venue, credentials, payload)})}"


def _fill(payload: str, params: str, time: str, method: str, path: str, body: str) -> str:
    told = {"{params}": params, "{timestamp}": time, "{method}": method, "{path}": path, "{body}": body}
    for name, value in told.items():
        payload = payload.replace(name, value)
    return payload
