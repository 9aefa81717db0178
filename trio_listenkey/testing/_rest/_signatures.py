"""Whether a request is signed as its exchange wants it."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Literal
from urllib.parse import unquote

from .._dialects._binance import Dialect
from .._state._public_keys import PublicKey

__all__ = ["Claim", "claim", "verify"]

_WINDOW = 5.0  # seconds; how far a request's time may be behind the exchange's, unless "recvWindow" says otherwise ...
_LONGEST_WINDOW = 60.0  # ... which may not say more
_AHEAD = 1.0  # ... and before it (Binance Spot documentation, "Timing security")

Claim = tuple[str, str, str]
"""What was signed, the signature, and the time that the request says it was sent at."""


def claim(
    dialect: Dialect, method: str, path: str, query: str, body: bytes, form: str, headers: Mapping[str, str]
) -> Claim:
    """What the request says of itself."""
    time, in_header = (headers.get(name.lower(), "") for name in dialect.signed_in)
    if dialect.signed == "headers":
        # GMO Coin: time, method, and the path below "/private"; no body for PUT and DELETE.
        return time + method + path.removeprefix("/private"), in_header, time
    if dialect.signed == "headers-and-body":
        # Bitrue's futures: "timestamp + method + requestPath + body".
        return time + method + path + body.decode("latin-1"), in_header, time
    # The signature is the last, and what is before it was signed: query and body, with nothing between.
    payload, is_signed, signature = (query + form).rpartition("&signature=")
    if not is_signed:
        payload, signature = signature, ""
    name = "nonce" if dialect.signed == "wallet" else "timestamp"
    found = re.search(rf"(?:^|&){name}=([0-9]{{1,20}})(?:&|$)", payload)
    return payload, signature, found[1] if found else ""


def verify(
    dialect: Dialect, claimed: Claim, secret: str | None, unix: float, public_key: PublicKey | None = None
) -> Literal["good", "unsigned", "signature", "clock"]:
    """Whether signature and time are what they should be."""
    if dialect.signed == "no":
        return "good"
    payload, signature, time = claimed
    if not signature:
        return "unsigned"
    if not time.isdecimal():
        return "signature"
    behind = unix - int(time) / (1e6 if dialect.signed == "wallet" else 1e3)
    if not -_AHEAD <= behind <= _window(payload):
        return "clock"
    if public_key is not None:
        return "good" if public_key.verifies(payload, unquote(signature)) else "signature"
    if dialect.signed == "wallet" or secret is None:
        return "good"
    expected = hmac.new(secret.encode(), payload.encode(), hashlib.sha256).hexdigest()
    return "good" if hmac.compare_digest(expected.encode(), signature.encode()) else "signature"


def _window(payload: str) -> float:
    """Seconds for which the request wants to be taken."""
    found = re.search(r"(?:^|&)recvWindow=([0-9]{1,9})(?:\.[0-9]{1,3})?(?:&|$)", payload)
    return _WINDOW if found is None else min(int(found[1]) / 1000, _LONGEST_WINDOW)
