"""Signatures by Ed25519 and RSA, as Binance's "API Key types" has them. ``cryptography`` comes with the extra."""

from __future__ import annotations

import base64
from typing import Any

from ..._errors import UsageError

__all__ = ["PublicKey"]


class PublicKey:
    """What a client's signatures are verified by.

    Args:
        pem: An Ed25519 or RSA public key.

    Attributes:
        is_ed25519: Which of the two it is.

    Raises:
        UsageError: It is none.
        ImportError: The extra ``testing`` is not installed.
    """

    def __init__(self, pem: str | bytes) -> None:
        try:
            from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - only who signs so needs it
            from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415
            from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa  # noqa: PLC0415
        except ImportError as error:
            raise ImportError("for public keys, run: pip install 'trio-listenkey[testing]'") from error
        self._invalid = InvalidSignature
        try:
            key = serialization.load_pem_public_key(pem.encode() if isinstance(pem, str) else pem)
        except ValueError:
            key = None
        if not isinstance(key, ed25519.Ed25519PublicKey | rsa.RSAPublicKey):
            raise UsageError("this is no Ed25519 or RSA public key", advice="Pass one as PEM")
        self.is_ed25519 = isinstance(key, ed25519.Ed25519PublicKey)
        self._verify: Any = key.verify
        self._scheme: tuple[Any, ...] = () if self.is_ed25519 else (padding.PKCS1v15(), hashes.SHA256())

    def verifies(self, payload: str, signature: str) -> bool:
        """Whether ``signature``, in Base64, is one of ``payload``."""
        try:
            self._verify(base64.b64decode(signature, validate=True), payload.encode(), *self._scheme)
        except (ValueError, self._invalid):  # ValueError: no Base64, or no UTF-8
            return False
        return True
