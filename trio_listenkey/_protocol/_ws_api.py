"""Binance's WebSocket API: a signed message or a token subscribes to the private stream on the socket.

One protocol is for one socket. It subscribes, and sends nothing more until it is asked whether the subscription is
still there. An error that it cannot correct ends it, and the stream reconnects. The answers, from
https://github.com/binance/binance-spot-api-docs, ``web-socket-api.md``, as of 2026-07::

    {"id": ..., "status": 200, "result": {"subscriptionId": 0}}                     to a subscription
    {"id": ..., "status": 400, "error": {"code": -1021, "msg": ...}}                 and if it fails
    {"id": null, "status": 401, "error": {"code": -2015, ...}}                       the API key was revoked
    {"subscriptionId": 0, "event": {"e": "executionReport", ...}}                    an event
    {"subscriptionId": 0, "event": {"e": "eventStreamTerminated", ...}}              no more of them
    {"event": {"e": "serverShutdown", ...}}                                          soon no more at all

Tokocrypto documents the answer to a subscription by what is in it alone (2026-04), and of Binance TR a client says that
it comes without the ``id``. Nothing else has a ``subscriptionId`` and no event::

    {"subscriptionId": 1, "expirationTime": ...}
    {"status": 200, "result": {"subscriptionId": 1, "expirationTime": ...}}
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import inf
from typing import Any, Final

import msgspec

from .._core._outcomes import Failure, Gone, Refused, Wait
from .._envelope import without_mark
from .._errors import CredentialsError, KeyLostError, ListenKeyError, UnavailableError
from .._venue._codes import Code
from .._venue._parts import Answer
from .._venue._signed_venue import SUBSCRIPTION
from ._refusals import Answered, ban_end, outcome_of
from ._responses import read_code, readable
from ._socket_protocol import Moment

__all__ = ["WsApiProtocol", "subscribe_by_signature", "subscribe_by_token"]

Build = Callable[[int], tuple[str, dict[str, Any]]]
"""Method and parameters of the subscription, at a time in Unix milliseconds."""

_ALREADY_SUBSCRIBED: Final = -2035  # "subscription already active" on this socket

# The ``id`` of each kind of request; any text is allowed.
_SUBSCRIBE, _ASK, _TIME = "subscribe", "ask", "time"
# These parameters are secret: they are removed from an error's text.
_SECRET_PARAMETERS: Final = ("apiKey", "signature", "listenToken")
_UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class _Reply(msgspec.Struct):
    """A message of the exchange: an answer, or the envelope of an event."""

    id: Any = None
    status: Any = None
    result: Any = None
    error: Any = None
    event: msgspec.Raw = msgspec.Raw()
    subscription: Any = msgspec.field(default=None, name="subscriptionId")


class _Event(msgspec.Struct):
    e: Any = None


_read: Final = msgspec.json.Decoder(_Reply).decode
_read_event: Final = msgspec.json.Decoder(_Event).decode


def subscribe_by_signature(api_key: str, sign: Callable[[str], str], extra: Mapping[str, str | float] = {}) -> Build:
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
    """``userDataStream.subscribe.listenToken``: the token is the only parameter."""
    return lambda _: ("userDataStream.subscribe.listenToken", {"listenToken": token})


class WsApiProtocol:
    """One socket of the WebSocket API.

    Args:
        venue: The venue's name, for messages.
        build: Makes the subscription.
        confirmed: Called when the exchange has answered that the subscription is alive, with the time of the question.
            All events from before the answer were delivered by then.
        answer: What the exchange's codes mean.
    """

    def __init__(
        self, venue: str, build: Build, confirmed: Callable[[float], None], answer: Answer = SUBSCRIPTION
    ) -> None:
        self.is_ready = False
        self.failure: Exception | None = None
        self.retry_after: float | None = None
        """With ``failure``: seconds of silence that the exchange asks for, or the usual time where it names none."""
        self.is_doubtful = False
        """With ``failure``: the exchange refuses now, but may accept the same request later."""
        self._build, self._confirmed, self._answer = build, confirmed, answer
        self._whose: dict[str, Any] = {"venue": venue, "verb": "subscribe"}
        self._subscription: Any = None
        self._confirmed_at = self._told_at = -inf
        # When each unanswered question was asked. Each has its own id: a late answer would else be taken for the answer
        # to the next question. If no answer ever comes, one is added a minute, for a day.
        self._asked: dict[str, float] = {}
        self._questions = 0
        self._due: list[str] = []
        self._hide: list[str] = []
        self._clock_was_set = self._waits_for_time = False
        self._refusal = _Reply()  # the refused subscription, while the exchange is asked for its time
        self._quiet_until = -inf

    @property
    def deadline(self) -> float:
        """Infinity: nothing is sent here by the clock."""
        return inf

    @property
    def wants_pong(self) -> bool:
        """``False``: the exchange answers the subscription."""
        return False

    def ponged(self) -> None:
        """Do nothing: this protocol wants no pong."""

    def start(self, moment: Moment) -> None:
        """Subscribe to the stream.

        Raises:
            ListenKeyError: The subscription could not be signed.
        """
        self._subscribe(moment.unix_ms)
        if self.failure is not None:
            raise self.failure

    def ask(self, now: float) -> bool:
        """Ask whether the subscription is still there."""
        if self.is_ready and self.failure is None and now >= self._quiet_until:
            self._questions += 1
            name = f"{_ASK}-{self._questions}"
            self._asked[name] = now
            self._request(name, "session.subscriptions", {})
        return True

    def receive_messages(self, batch: Sequence[bytes], moment: Moment) -> list[bytes]:
        """Return the messages that are events; the other messages are answers to this protocol."""
        return [raw for raw in batch if self.failure is None and self._is_event(raw, moment)]

    def delivered(self) -> None:
        """The last confirmation now proves that all events from before it were delivered."""
        if self._confirmed_at > self._told_at:
            self._told_at = self._confirmed_at
            self._confirmed(self._told_at)

    def messages_to_send(self, moment: Moment) -> list[str]:  # noqa: ARG002 - nothing is sent here by the clock
        """What to send, once."""
        due, self._due = self._due, []
        return due

    def _subscribe(self, unix_ms: int) -> None:
        try:
            method, params = self._build(unix_ms)
        except ListenKeyError as error:  # a signer of the user's failed
            self.failure = error
            return
        self._hide = [params[name] for name in _SECRET_PARAMETERS if params.get(name)]
        self._request(_SUBSCRIBE, method, params)

    def _request(self, name: str, method: str, params: Mapping[str, Any]) -> None:
        self._due.append(msgspec.json.encode({"id": name, "method": method, "params": params}).decode())

    def _is_event(self, raw: bytes, moment: Moment) -> bool:
        try:
            said = _read(without_mark(raw))
        except _UNREADABLE:
            return self.is_ready  # it is unknown, and is delivered to the user
        if bytes(said.event):
            if self._is_the_end(said):
                self.failure = self._unavailable("the exchange has ended the subscription")
                return False
            return True
        if said.id is None and not self.is_ready and _subscription_in(said) is not None:
            self._is_subscribed(said)
            return False
        if said.id is None and said.status is None and said.error is None:
            return self.is_ready  # neither an event nor an answer: as above
        self._answered(said, moment)
        return False

    def _is_the_end(self, said: _Reply) -> bool:
        try:
            kind = _read_event(said.event).e if b"eventStreamTerminated" in bytes(said.event) else None
        except _UNREADABLE:
            return False
        # Without a number on either side it is ours: there is only one subscription on this socket.
        return kind == "eventStreamTerminated" and (
            said.subscription is None or self._subscription is None or said.subscription == self._subscription
        )

    def _answered(self, said: _Reply, moment: Moment) -> None:
        is_good = said.status == 200 and said.error is None
        match said.id:
            case "subscribe" if not self.is_ready:
                self._heard_of_subscribing(said, is_good, moment)
            case "time" if self._waits_for_time:
                self._waits_for_time = False
                self._heard_of_time(said, is_good, moment)
            case str() as name if name in self._asked:
                self._heard_of_asking(said, is_good, self._asked.pop(name), moment)
            case None if not is_good:
                # It answers no request: "after the next request the session will be revoked".
                self._end(self._judge(said, moment))

    def _heard_of_subscribing(self, said: _Reply, is_good: bool, moment: Moment) -> None:
        code = _code(said)
        is_about_time = self._answer.kind_of(code) == "clock"
        if is_good or code == _ALREADY_SUBSCRIBED:
            self._is_subscribed(said)
        elif is_about_time and not self._clock_was_set:
            self._clock_was_set = self._waits_for_time = True
            self._refusal = said
            self._request(_TIME, "time", {})
        else:
            self._end(self._judge(said, moment))

    def _is_subscribed(self, said: _Reply) -> None:
        self.is_ready, self._subscription = True, _subscription_in(said)

    def _heard_of_time(self, said: _Reply, is_good: bool, moment: Moment) -> None:
        if not is_good:
            self._end(self._judge(said, moment))
            return
        time = said.result.get("serverTime") if isinstance(said.result, dict) else None
        if not isinstance(time, int) or not 10**12 < time < 10**17:
            self.failure = self._unavailable("the exchange does not say what time it is")
            return
        ahead = (time / 1000 if time > 10**15 else time) / 1000 - moment.unix_ms / 1000  # it may be in microseconds
        outcome = self._judge(self._refusal, moment, ahead)
        if isinstance(outcome, Refused) and outcome.clock is not None:
            self._subscribe(time)
        else:
            self._end(outcome)

    def _heard_of_asking(self, said: _Reply, is_good: bool, asked_at: float, moment: Moment) -> None:
        if not is_good:
            # Events still come: an unanswered question is no reason to close the socket.
            match self._judge(said, moment):
                case Wait(seconds=seconds):
                    self._quiet_until = moment.now + seconds
                case Refused(error=CredentialsError()) as refused:
                    self._end(refused)
            return
        listed = said.result if isinstance(said.result, list) else []
        active = [each.get("subscriptionId") for each in listed if isinstance(each, dict)]
        if not active or (self._subscription is not None and self._subscription not in active):
            self.failure = self._unavailable("the exchange does not know the subscription any more")
        else:
            self._confirmed_at = max(self._confirmed_at, asked_at)

    def _judge(self, said: _Reply, moment: Moment, ahead: float | None = None) -> Failure:
        """The outcome of a request that failed. ``ahead``: seconds that the exchange's clock is ahead of ours."""
        code, message = _code(said), _words(said, self._hide)
        status = said.status if isinstance(said.status, int) and 100 <= said.status <= 599 else None
        return outcome_of(
            Answered(
                facts={**self._whose, "status": status, "code": code, "message": message},
                answer=self._answer,
                status=status,
                code=code,
                silence=_silence(said, message, moment.unix_ms),
                ahead=ahead,
                address="of the WebSocket API",
            )
        )

    def _end(self, outcome: Failure) -> None:
        """No events will come on this socket."""
        self.failure = outcome.error
        if isinstance(outcome, Wait):
            self.retry_after = outcome.seconds
        elif isinstance(outcome, Refused):
            self.is_doubtful = outcome.doubtful
        elif isinstance(outcome, Gone):
            self.failure = KeyLostError(
                "the exchange does not know the token",
                advice="Fetch another",
                status=outcome.error.status,
                code=outcome.error.code,
                message=outcome.error.message,
                **self._whose,
            )

    def _unavailable(self, problem: str) -> UnavailableError:
        return UnavailableError(problem, advice="The stream begins again by itself", **self._whose)


def _subscription_in(said: _Reply) -> int | str | None:
    """The subscription's number in an answer, in its envelope or out of it."""
    number = said.result.get("subscriptionId") if isinstance(said.result, dict) else said.subscription
    return number if isinstance(number, int | str) else None


def _code(said: _Reply) -> Code | None:
    return read_code(said.error.get("code")) if isinstance(said.error, dict) else None


def _words(said: _Reply, hide: list[str]) -> str | None:
    words = said.error.get("msg") if isinstance(said.error, dict) else None
    return readable(words, hide) if isinstance(words, str) else None


def _silence(said: _Reply, message: str | None, unix_ms: int) -> float | None:
    """Seconds of silence that the exchange asks for; ``None`` if it does not say."""
    # An instant in Unix milliseconds, and not seconds as in HTTP's header; the exchange tells its own time beside it.
    data = said.error.get("data") if isinstance(said.error, dict) else None
    told = data if isinstance(data, dict) else {}
    until, now = _instant(told.get("retryAfter")), _instant(told.get("serverTime"))
    end = until / 1000 if until is not None else ban_end(message)
    wait = 0.0 if end is None else end - (unix_ms if now is None else now) / 1000
    return wait if wait > 0 else None  # it names no time, or a clock is wrong: no reason to retry at once


def _instant(value: Any) -> int | None:
    is_one = isinstance(value, int) and not isinstance(value, bool) and 10**12 < value < 10**14
    return value if is_one else None
