"""Who signs, what is signed, and what happens to those who cannot."""

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from trio_listenkey import Credentials, UsageError, Venue, venues
from trio_listenkey._protocol._requests import build_request
from trio_listenkey._protocol._signing import check_credentials, sign

BARE = Credentials("the-api-key")
FULL = Credentials("the-api-key", "the-api-secret")


def signer_of(result: Any) -> Callable[[bytes], Any]:
    def signer(payload: bytes) -> Any:
        if isinstance(result, Exception):
            raise result
        return result

    return signer


@pytest.mark.parametrize("venue", [venue for venue in venues.known() if venue.signing], ids=lambda venue: venue.name)
def test_without_a_secret_nothing_is_signed(venue: Venue) -> None:
    """Who cannot sign is told what to pass, where a signature is required; and it is a matter of the secret alone."""
    assert venue.signing is not None
    if venue.signing.required:
        with pytest.raises(UsageError, match="signed") as caught:
            check_credentials(venue, BARE)
        assert caught.value.venue == venue.name
        with pytest.raises(UsageError):
            build_request(venue, BARE, "create", None)
    else:
        check_credentials(venue, BARE)
        assert "signature" not in build_request(venue, BARE, "create", None).url


@pytest.mark.parametrize("venue", venues.known(), ids=lambda venue: venue.name)
def test_a_signer_does_for_all(venue: Venue) -> None:
    """A signer that is handed in is enough everywhere, and no objection where nothing is signed."""
    credentials = Credentials("the-api-key", signer=lambda _: "SIGNATURE")
    check_credentials(venue, credentials)
    request = build_request(venue, credentials, "create", None, timestamp_ms=1)
    assert ("SIGNATURE" in f"{request.url}{request.headers}{request.body!r}") == (venue.signing is not None)


def test_a_secret_is_no_wallet() -> None:
    """Where HMAC is no choice, a secret does not help."""
    with pytest.raises(UsageError, match="need a signer"):
        check_credentials(venues.ASTER_SPOT_V3, FULL)


def test_only_the_calls_that_are_signed_are_signed() -> None:
    """Which calls are signed can be said of each."""
    assert venues.MEXC.signing is not None
    signing = dataclasses.replace(venues.MEXC.signing, verbs=frozenset({"close"}))
    venue = dataclasses.replace(venues.MEXC, signing=signing)
    assert "signature" not in build_request(venue, FULL, "keepalive", "K").url
    assert "signature" in build_request(venue, FULL, "close", "K").url


def test_a_window_may_be_asked_for() -> None:
    """``recvWindow`` is among what is signed."""
    venue = dataclasses.replace(venues.MEXC, signing=venues.Signing(recv_window=60000))
    assert "?recvWindow=60000&timestamp=5&signature=" in build_request(venue, FULL, "create", None, timestamp_ms=5).url


def test_bytes_are_sent_in_base64_and_encoded() -> None:
    """What Ed25519 and RSA return is sent as Binance wants it: base64, percent-encoded (request security, 2026)."""
    credentials = Credentials("the-api-key", signer=lambda payload: b"\xfb\xff" + payload[:1])
    url = build_request(venues.BINANCE_STOCKS, credentials, "create", None, timestamp_ms=5).url
    assert url.endswith("?timestamp=5&signature=%2B%2F90")


@pytest.mark.parametrize("result", [ValueError("the-secret"), None, "", "two words", "\u00fc", 5])
def test_a_bad_signer_is_told(result: Any) -> None:
    """A signer that fails, or returns what is no signature, is an error without its words."""
    with pytest.raises(UsageError, match="the signer") as caught:
        sign(venues.MEXC, Credentials("the-api-key", signer=signer_of(result)), "payload")
    assert "the-secret" not in str(caught.value)
    assert caught.value.__cause__ is caught.value.__context__ is None


def test_a_signer_is_a_function() -> None:
    """A signature in its place is refused at once, and not quoted."""
    with pytest.raises(UsageError, match="signer is of type str"):
        Credentials("the-api-key", signer="0xdeadbeef")  # type: ignore[arg-type]


def test_credentials_with_a_signer_hide_all() -> None:
    """The ``repr`` says that there is a signer, and no more (T1)."""
    assert repr(Credentials("the-api-key", "the-api-secret", signer=len)) == "Credentials(<hidden>, signer=...)"  # type: ignore[arg-type]
