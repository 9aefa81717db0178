"""Binance's WebSocket API: the private stream is asked for on the socket, by a signed message or by a token.

One conversation is for one socket. It asks for the stream, and says no more until it is asked whether that is still
there; what it cannot mend ends it, and another socket begins again. Its answers, from
https://github.com/binance/binance-spot-api-docs, ``web-socket-api.md``, as of 2026-07::

    {"id": ..., "status": 200, "result": {"subscriptionId": 0}}                     to a subscription
    {"id": ..., "status": 400, "error": {"code": -1021, "msg": ...}}                 and if it fails
    {"id": null, "status": 401, "error": {"code": -2015, ...}}                       the API key was revoked
    {"subscriptionId": 0, "event": {"e": "executionReport", ...}}                    an event
    {"subscriptionId": 0, "event": {"e": "eventStreamTerminated", ...}}              no more of them
    {"event": {"e": "serverShutdown", ...}}                                          soon no more at all
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from math import inf
from typing import Any, Final

import msgspec

from .._errors import CredentialsError, ListenKeyError, RateLimitedError, RefusedError, UnavailableError

__all__ = ["ApiSession", "subscribe_by_signature", "subscribe_by_token"]

Build = Callable[[int], tuple[str, dict[str, Any]]]
"""Method and parameters of the subscription, at a time in Unix milliseconds."""

_CREDENTIALS: Final = frozenset({-1002, -1022, -2008, -2014, -2015, -2017})
_CLOCK: Final = -1021
_SILENCE: Final = frozenset({-1003, -1034})
_HAS_IT: Final = -2035  # "subscription already active" on this socket
_STATUSES_OF_SILENCE: Final = frozenset({418, 429})
_STATUSES_OF_REFUSAL: Final = frozenset({400, 401, 403})

# Our requests are told apart by these, which no exchange minds.
_SUBSCRIBE, _ASK, _TIME = "subscribe", "ask", "time"


class _Said(msgspec.Struct):
    """What the exchange says, as far as it is not an event."""

    id: Any = None
    status: Any = None
    result: Any = None
    error: Any = None
    event: msgspec.Raw | None = None
    subscription: Any = msgspec.field(default=None, name="subscriptionId")


class _Event(msgspec.Struct):
    e: Any = None


_read: Final = msgspec.json.Decoder(_Said).decode
_read_event: Final = msgspec.json.Decoder(_Event).decode


def subscribe_by_signature(api_key: str, sign: Callable[[str], str], extra: Mapping[str, str] = {}) -> Build:
    """``userDataStream.subscribe.signature``: what is signed are the parameters by name, as a query.

    Args:
        api_key: The account's.
        sign: Makes a signature of a text.
        extra: Parameters besides.
    """

    def build(unix_ms: int) -> tuple[str, dict[str, Any]]:
        params: dict[str, Any] = {**extra, "apiKey": api_key, "timestamp": unix_ms}
        payload = "&".join(f"{name}={params[name]}" for name in sorted(params))
        return "userDataStream.subscribe.signature", {**params, "signature": sign(payload)}

    return build


def subscribe_by_token(token: str) -> Build:
    """``userDataStream.subscribe.listenToken``: the token is all that it takes."""
    return lambda _: ("userDataStream.subscribe.listenToken", {"listenToken": token})


class ApiSession:
    """One socket of the WebSocket API.

    Args:
        venue: The venue's name, for messages.
        build: Makes the subscription.
        confirmed: Called with the time of the question when the exchange says that events still come.
    """

    def __init__(self, venue: str, build: Build, confirmed: Callable[[float], None]) -> None:
        self.now, self.unix_ms = 0.0, 0
        self.is_ready = False
        self.over: Exception | None = None
        self.retry_after: float | None = None
        """With ``over``: seconds of silence that the exchange asks for."""
        self._venue, self._build, self._confirmed = venue, build, confirmed
        self._subscription: Any = None
        self._asked_at: float | None = None
        self._due: list[str] = []
        self._clock_was_set = False

    @property
    def say_at(self) -> float:
        """There is nothing to say that nobody asked for: lifetime is the connection's."""
        return inf

    def begin(self) -> None:
        """Ask for the stream."""
        self._request(_SUBSCRIBE, *self._build(self.unix_ms))

    def ask(self) -> bool:
        """Ask whether the subscription is still there."""
        if self.is_ready and self._asked_at is None:
            self._asked_at = self.now
            self._request(_ASK, "session.subscriptions", {})
        return True

    def hear(self, batch: Sequence[bytes]) -> list[bytes]:
        """Events are what is wrapped as one; the rest is for us."""
        return [raw for raw in batch if self.over is None and self._is_event(raw)]

    def to_say(self) -> list[str]:
        """What to send, once."""
        due, self._due = self._due, []
        return due

    def _request(self, name: str, method: str, params: Mapping[str, Any]) -> None:
        self._due.append(json.dumps({"id": name, "method": method, "params": params}, separators=(",", ":")))

    def _is_event(self, raw: bytes) -> bool:
        try:
            said = _read(raw)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return self.is_ready  # whatever it is, it is not hidden from the user
        if said.event is not None:
            if self._is_the_end(said):
                self.over = self._unavailable("the exchange has ended the subscription")
                return False
            return True
        self._answered(said)
        return False

    def _is_the_end(self, said: _Said) -> bool:
        assert said.event is not None
        try:
            kind = _read_event(said.event).e if b"eventStreamTerminated" in bytes(said.event) else None
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return False
        return kind == "eventStreamTerminated" and said.subscription in {None, self._subscription}

    def _answered(self, said: _Said) -> None:
        is_good = said.status == 200 and said.error is None
        match said.id:
            case "subscribe" if is_good or _code(said) == _HAS_IT:
                self.is_ready = True
                self._subscription = said.result.get("subscriptionId") if isinstance(said.result, dict) else None
            case "time" if is_good and isinstance(said.result, dict) and isinstance(said.result.get("serverTime"), int):
                self._request(_SUBSCRIBE, *self._build(said.result["serverTime"]))
            case "ask" if is_good:
                self._heard_of_subscriptions(said.result)
            case "subscribe" if _code(said) == _CLOCK and not self._clock_was_set:
                self._clock_was_set = True
                self._request(_TIME, "time", {})
            case _ if not is_good:
                self.over = self._failure(said)

    def _heard_of_subscriptions(self, result: Any) -> None:
        asked_at, self._asked_at = self._asked_at, None
        active = [each.get("subscriptionId") for each in result if isinstance(each, dict)] if _is_list(result) else []
        if self._subscription not in active:
            self.over = self._unavailable("the exchange does not know the subscription any more")
        elif asked_at is not None:
            self._confirmed(asked_at)

    def _failure(self, said: _Said) -> ListenKeyError:
        code, status = _code(said), said.status if isinstance(said.status, int) else None
        facts: dict[str, Any] = {
            "venue": self._venue,
            "verb": "subscribe",
            "status": status,
            "code": code,
            "message": _words(said),
        }
        if code in _SILENCE or status in _STATUSES_OF_SILENCE:
            self.retry_after = _retry_after(said, self.unix_ms)
            return RateLimitedError(
                "the exchange wants silence", advice="Ask less often", retry_after=self.retry_after or 0.0, **facts
            )
        if code in _CREDENTIALS:
            return CredentialsError(
                "the exchange does not accept the API key or the signature",
                advice="Check key, secret and permissions, and that the key may be used from this address",
                **facts,
            )
        if code == _CLOCK:
            return RefusedError(
                "the exchange does not accept the time of the request, although it was its own",
                advice="Check the machine's clock and its connection's delay",
                **facts,
            )
        if status in _STATUSES_OF_REFUSAL:
            return RefusedError("the exchange refuses the subscription", advice="See what it says", **facts)
        return UnavailableError("the subscription failed", advice="It is tried again", **facts)

    def _unavailable(self, problem: str) -> UnavailableError:
        return UnavailableError(
            problem, advice="The stream begins again by itself", venue=self._venue, verb="subscribe"
        )


def _is_list(result: Any) -> bool:
    return isinstance(result, list)


def _code(said: _Said) -> int | None:
    code = said.error.get("code") if isinstance(said.error, dict) else None
    return code if isinstance(code, int) and not isinstance(code, bool) else None


def _words(said: _Said) -> str | None:
    # Of an exchange's words only those that are short and plain: they could quote what we sent.
    words = said.error.get("msg") if isinstance(said.error, dict) else None
    return words[:200] if isinstance(words, str) and words.isprintable() else None


def _retry_after(said: _Said, unix_ms: int) -> float | None:
    # An instant in Unix milliseconds, and not seconds as in HTTP's header.
    data = said.error.get("data") if isinstance(said.error, dict) else None
    until = data.get("retryAfter") if isinstance(data, dict) else None
    if not isinstance(until, int) or isinstance(until, bool):
        return None
    return max(0.0, (until - unix_ms) / 1000)
