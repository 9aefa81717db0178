"""What to send: each call of each dialect, as a pure function of the venue and the key."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

from .._http import Request
from .._values import Credentials
from ._venue import Venue, Verb

__all__ = ["build_request"]

_METHODS: Final[dict[Verb, str]] = {"create": "POST", "keepalive": "PUT", "close": "DELETE"}


def build_request(venue: Venue, credentials: Credentials, verb: Verb, key: str | None) -> Request:
    """The request for ``verb``; ``key`` names the listen key where the venue wants it named.

    The key goes into a form body rather than the query string: Binance's documents allow both ("parameters may be
    sent in the query string or in the request body", general API information), and URLs are what HTTP clients
    write into their logs.
    """
    headers = [
        (venue.api_key_header, credentials.api_key),
        ("Accept", "application/json"),
        ("User-Agent", "trio-listenkey"),
    ]
    body = b""
    if key is not None and verb != "create" and venue.key_in == "form":
        body = urlencode({"listenKey": key}).encode("ascii")
        headers.append(("Content-Type", "application/x-www-form-urlencoded"))
    url = venue.rest_url.rstrip("/") + venue.path
    return Request(_METHODS[verb], url, tuple(headers), body)
