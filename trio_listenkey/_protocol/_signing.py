"""Signatures, as pure functions of what is signed, the time included."""

from __future__ import annotations

import base64
import hashlib
import hmac

from .._errors import UsageError
from .._settings import Credentials
from .._venue._parts import Signing
from .._venue._signed_venue import SignedVenue
from .._venue._venue import Venue, Verb

__all__ = ["check_credentials", "check_session", "sign", "sign_as", "signing_for"]


def signing_for(venue: Venue, credentials: Credentials, verb: Verb) -> Signing | None:
    """How this call is signed; ``None`` if it needs no signature."""
    signing = venue.signing
    if signing is None or verb not in signing.verbs:
        return None
    can_sign = credentials.signer is not None or (signing.by == "secret" and credentials.api_secret is not None)
    return signing if signing.required or can_sign else None


def check_credentials(venue: Venue, credentials: Credentials) -> None:
    """Check that these credentials can sign the calls of ``venue`` that need a signature.

    Raises:
        UsageError: They cannot.
    """
    if venue.signing is None or credentials.signer is not None or not venue.signing.required:
        return
    if venue.signing.by == "signer":
        raise UsageError(
            "this exchange's requests are signed, and need a signer",
            advice="Pass Credentials(..., signer=...), a function from the bytes to sign to the signature",
            venue=venue.name,
        )
    if credentials.api_secret is None:
        raise _no_secret(venue.name)


def check_session(venue: SignedVenue, credentials: Credentials) -> None:
    """The same for an exchange where every request is signed.

    Raises:
        UsageError: They cannot.
    """
    if credentials.signer is None and credentials.api_secret is None:
        raise _no_secret(venue.name)


def sign(venue: Venue, credentials: Credentials, payload: str) -> str:
    """The signature of ``payload``: the signer's, or HMAC-SHA256 in lower-case hexadecimal.

    Lower case suits all: MEXC takes no other (its documents, 2025-08), and to the others case makes no difference.

    Raises:
        UsageError: The credentials cannot sign, or the signer fails.
    """
    check_credentials(venue, credentials)
    return sign_as(venue.name, credentials, payload)


def sign_as(name: str, credentials: Credentials, payload: str) -> str:
    """The same for an exchange called ``name``; the caller has checked the credentials.

    Raises:
        UsageError: The signer fails.
    """
    if credentials.signer is None:
        assert credentials.api_secret is not None
        return hmac.new(credentials.api_secret.encode(), payload.encode(), hashlib.sha256).hexdigest()
    signature: object
    fault = None
    try:
        signature = credentials.signer(payload.encode())
    except Exception as error:  # noqa: BLE001 - someone else's code
        fault = type(error).__name__
    if fault is not None:  # raised out here, so that nothing leads to the signer's own error: a secret may be in it
        raise _bad_signer(name, f"raised {fault}")
    if isinstance(signature, bytes):
        signature = base64.b64encode(signature).decode("ascii")
    if not isinstance(signature, str) or not signature or not all("!" <= letter <= "~" for letter in signature):
        raise _bad_signer(name, "did not return a signature")
    return signature


def _no_secret(name: str) -> UsageError:
    return UsageError(
        "this exchange's requests are signed, and the API secret is missing",
        advice="Pass Credentials(api_key, api_secret), or a signer; from_env() takes it from <PREFIX>_API_SECRET",
        venue=name,
    )


def _bad_signer(name: str, what: str) -> UsageError:
    return UsageError(
        f"the signer {what}",
        advice="It takes the bytes to sign, and returns bytes or visible ASCII",
        venue=name,
    )
