"""How a request on the WebSocket API is signed (Binance Spot documentation, "SIGNED request security")."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

from .._state._public_keys import PublicKey

__all__ = ["could_be_ed25519", "is_signed", "payload_of"]


def payload_of(params: Mapping[str, Any]) -> str:
    """What is signed: all parameters but the signature, by name."""
    return "&".join(f"{name}={_written(params[name])}" for name in sorted(params) if name != "signature")


def _written(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def is_signed(params: Mapping[str, Any], signature: str, secret: str | None, public_key: PublicKey | None) -> bool:
    """Whether it is the signature of these. Where neither secret nor public key are known, any is."""
    payload = payload_of(params)
    if public_key is not None:
        return public_key.verifies(payload, signature)
    if secret is None:
        return True
    expected = hmac.new(secret.encode(), payload.encode(errors="replace"), hashlib.sha256).hexdigest()
    # "Signatures generated using HMAC are not case-sensitive."
    return hmac.compare_digest(expected.encode(), signature.lower().encode(errors="replace"))


def could_be_ed25519(signature: str) -> bool:
    """Whether it looks like one: 64 bytes in Base64."""
    try:
        return len(base64.b64decode(signature, validate=True)) == 64
    except ValueError:
        return False
