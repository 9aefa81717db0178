"""API keys of every kind on the WebSocket API, and sessions that are logged on."""

from __future__ import annotations

import base64
import sys
from typing import Any

import pytest
import trio
from asking import API_KEY
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from test_ws_api import BAD_KEY, BAD_SIGNATURE, TERMINATED, UNIX, URL, call, error, good, signed
from trio.testing import MockClock
from websocket_peer import EPOCH, joined

from trio_listenkey import UsageError
from trio_listenkey.testing import SPOT, Exchange

Private = ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey
ED25519 = ed25519.Ed25519PrivateKey.from_private_bytes(b"a private key in thirty-two bytes"[:32])
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
BY_LOGON = {"id": 1, "method": "userDataStream.subscribe"}


def pem(key: Any) -> bytes:
    made: bytes = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return made


def an_exchange(key: Any) -> Exchange:
    exchange = Exchange(epoch=EPOCH)
    exchange.add_account(API_KEY, name="alice", public_key=pem(key))
    return exchange


def signed_by(key: Private, **params: Any) -> dict[str, Any]:
    """Parameters with their signature in Base64, written out by hand."""
    told = {"apiKey": API_KEY, "timestamp": UNIX + round(trio.current_time() * 1000), **params}
    payload = "&".join(f"{name}={told[name]}" for name in sorted(told)).encode()
    if isinstance(key, rsa.RSAPrivateKey):
        signature = key.sign(payload, padding.PKCS1v15(), hashes.SHA256())
    else:
        signature = key.sign(payload)
    return {**told, "signature": base64.b64encode(signature).decode()}


def session(**facts: Any) -> Any:
    told = {
        "apiKey": None,
        "authorizedSince": None,
        "connectedSince": UNIX,
        "returnRateLimits": False,
        "serverTime": UNIX,
        "userDataStream": False,
    }
    return good({**told, **facts})


@pytest.mark.parametrize("key", [ED25519, RSA], ids=["Ed25519", "RSA"])
async def test_a_public_key_verifies(key: Private, autojump_clock: MockClock) -> None:
    """A signature of the parameters by name, as it is and to the letter; a window is a part of it."""
    exchange = an_exchange(key)
    method = "userDataStream.subscribe.signature"
    good_one = signed_by(key, recvWindow=6000.346)
    bad_ones = [
        {**good_one, "recvWindow": 6000},
        {**good_one, "signature": good_one["signature"].swapcase()},
        {**good_one, "signature": "no Base64"},
        {**good_one, "note": "\ud800"},
        signed(),
    ]
    async with joined(exchange, URL) as peer:
        for bad in bad_ones:
            assert await call(peer, method, bad) == BAD_SIGNATURE
        assert await call(peer, method, good_one) == good({"subscriptionId": 0})


def test_what_is_no_public_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other kinds and other texts are refused; an API key has one kind; and a package is needed."""
    exchange = Exchange(epoch=EPOCH)
    for wrong in ("", b"\xff", pem(ec.generate_private_key(ec.SECP256R1()))):
        with pytest.raises(UsageError, match="no Ed25519 or RSA"):
            exchange.add_account(API_KEY, public_key=wrong)
    with pytest.raises(UsageError, match="one kind"):
        exchange.add_account(API_KEY, secret="s", public_key=pem(ED25519))
    monkeypatch.setitem(sys.modules, "cryptography.exceptions", None)
    with pytest.raises(ImportError, match=r"trio-listenkey\[testing\]"):
        exchange.add_account(API_KEY, public_key=pem(ED25519))
    exchange.add_account(API_KEY)


class TestLogon:
    async def test_a_session(self, autojump_clock: MockClock) -> None:
        """Logged on, subscribed, logged out: the status says so, and the end of the subscription is an event."""
        exchange = an_exchange(ED25519)
        who = {"apiKey": API_KEY, "authorizedSince": UNIX}
        async with joined(exchange, URL) as peer:
            assert await call(peer, "session.status") == session()
            assert await call(peer, "userDataStream.subscribe") == BAD_KEY
            assert await call(peer, "session.logon", signed_by(ED25519)) == session(**who)
            (info,) = exchange.sockets(trio.current_time())
            assert (info.accounts, info.live_keys) == (("alice",), 0)
            assert await call(peer, "userDataStream.subscribe") == good({"subscriptionId": 0})
            again = error(400, -2035, "User Data Stream subscription already active.")
            assert await call(peer, "userDataStream.subscribe.signature", signed_by(ED25519)) == again
            told = await call(peer, "session.status", {"returnRateLimits": True})
            assert told.pop("rateLimits")
            assert told == session(**who, userDataStream=True, returnRateLimits=True)
            exchange.emit("alice", trio.current_time())
            assert (await peer.next())["subscriptionId"] == 0
            assert await call(peer, "session.logout") == session()
            assert await peer.next() == {"subscriptionId": 0, "event": TERMINATED}
            assert await call(peer, "session.logout") == session()

    async def test_logging_out_leaves_signed_subscriptions(self, autojump_clock: MockClock) -> None:
        """They were not asked for by who was logged on."""
        exchange = an_exchange(ED25519)
        async with joined(exchange, URL) as peer:
            await call(peer, "userDataStream.subscribe.signature", signed_by(ED25519))
            await call(peer, "session.logon", signed_by(ED25519))
            assert await call(peer, "session.logout") == session(userDataStream=True)
            exchange.emit("alice", trio.current_time(), dialect=SPOT)
            assert (await peer.next())["event"]["e"] == "executionReport"

    async def test_only_ed25519_logs_on(self, autojump_clock: MockClock) -> None:
        """RSA and HMAC do not; what is not known is believed if it looks like it."""
        async with joined(an_exchange(RSA), URL) as peer:
            assert await call(peer, "session.logon", signed_by(RSA)) == BAD_SIGNATURE
        exchange = Exchange(epoch=EPOCH)
        exchange.add_account(API_KEY, name="alice")
        exchange.add_account("hmac", secret="s")
        async with joined(exchange, URL) as peer:
            assert await call(peer, "session.logon", signed()) == BAD_SIGNATURE
            assert await call(peer, "session.logon", {**signed(), "signature": "é"}) == BAD_SIGNATURE
            assert await call(peer, "session.logon", signed("hmac", "s")) == BAD_SIGNATURE
            told = await call(peer, "session.logon", signed_by(ED25519))
            assert told["result"]["apiKey"] == API_KEY

    async def test_a_revoked_key_is_logged_out(self, autojump_clock: MockClock) -> None:
        """After the next request, with an error that nobody asked for; once."""
        exchange = an_exchange(ED25519)
        async with joined(exchange, URL) as peer:
            await call(peer, "session.logon", signed_by(ED25519))
            exchange.revoke(API_KEY)
            assert (await call(peer, "session.status"))["result"]["apiKey"] == API_KEY
            assert await peer.next() == {"id": None, **BAD_KEY}
            assert await call(peer, "session.status") == session()
            assert await peer.next(patience=1) == "silence"
