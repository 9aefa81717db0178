"""One socket of the WebSocket API: the stream is asked for on it, by a signed request or a token.

The rules are those of Binance Spot's documents, ``web-socket-api.md`` and ``user-data-stream.md`` as of 2026-07, and
for tokens those of Margin, "Listen Token Websocket API". What they leave open is said where it is decided.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import parse_qs

from .._dialects._binance import Dialect
from .._dialects._messages import shutdown_message, to_json
from .._dialects._stream_rules import StreamRules
from .._faults._effects import Delay, Duplicate, Effect, Limit, Reset, Status, WrongShape, api_error
from .._faults._meanings import Meaning, does_work, meaning_of
from .._state._keys import KeyLife, Place
from ._api_requests import (
    ApiRequest,
    Refused,
    answer_text,
    check_signed,
    error_of,
    event_text,
    malformed,
    missing,
    read_request,
)
from ._api_signatures import could_be_ed25519
from ._api_subscribers import ApiSubscribers
from ._session import ExchangePort, Session

__all__ = ["Result", "WsApiConnection", "takes"]

_MOST_IDS = 65_535  # "total subscriptions over its lifetime"
_UNANSWERED = 504
_REVOKED = answer_text(
    None, 401, {"error": {"code": -2015, "msg": "Invalid API-key, IP, or permissions for action."}}, None
)

Result = Any
"""What stands in an answer as ``result``."""


@dataclass(slots=True, eq=False, repr=False)
class _Subscription:
    """One account's stream on this socket.

    Attributes:
        life: What it lasts for: the token; or as long as the socket does, unless it is ended.
        api_key: What signed it; ``None`` for a token.
        by_logon: Whether it ends when the session logs out.
    """

    life: KeyLife
    api_key: str | None = None
    by_logon: bool = False


@dataclass(frozen=True, slots=True, repr=False)
class _Logon:
    api_key: str
    account: str
    since: int


class WsApiConnection(Session):
    """A socket of the WebSocket API.

    Attributes:
        subscriptions: By number.
    """

    def __init__(
        self,
        exchange: ExchangePort,
        subscribers: ApiSubscribers,
        dialect: Dialect,
        rules: StreamRules,
        query: str,
        now: float,
    ) -> None:
        super().__init__(exchange, rules, rules.api, now)
        self.subscriptions: dict[int, _Subscription] = {}
        self._subscribers, self._dialect = subscribers, dialect
        self._shows_limits = parse_qs(query).get("returnRateLimits", ["true"])[-1] != "false"
        self._logon: _Logon | None = None
        self._next_id, self._usual_limit = 0, 6000
        self._afterwards: list[str] = []
        self._methods: dict[str, tuple[int, Callable[[ApiRequest, float], Result]]] = {
            "ping": (1, self._ping_method),
            "time": (1, self._time),
            "session.logon": (2, self._log_on),
            "session.status": (2, self._status),
            "session.logout": (2, self._log_out),
            "session.subscriptions": (2, self._list),
            "userDataStream.subscribe": (2, self._subscribe),
            "userDataStream.subscribe.signature": (2, self._subscribe_signed),
            "userDataStream.subscribe.listenToken": (2, self._subscribe_with_token),
            "userDataStream.unsubscribe": (2, self._unsubscribe),
        }

    @property
    def streams(self) -> int:
        """How many subscriptions there are."""
        return len(self.subscriptions)

    @property
    def accounts(self) -> tuple[str, ...]:
        """Those that it is subscribed to, and the one that is logged on."""
        logged_on = [] if self._logon is None else [self._logon.account]
        return tuple(dict.fromkeys([*(each.life.place[0] for each in self.subscriptions.values()), *logged_on]))

    @property
    def places(self) -> tuple[Place, ...]:
        """Where it gets events of."""
        return tuple(each.life.place for each in self.subscriptions.values())

    def count_live_keys(self, now: float) -> int:
        """How many subscriptions are good."""
        return sum(now < each.life.ends_at for each in self.subscriptions.values())

    def life_at(self, place: Place) -> KeyLife:
        """What the subscription to this place lasts for."""
        return next(each.life for each in self.subscriptions.values() if each.life.place == place)

    def end(self) -> None:
        """The connection is over, whoever ended it."""
        super().end()
        for number in tuple(self.subscriptions):
            self._drop(number)

    def deliver(self, place: Place, text: str, now: float) -> None:
        """An event of this place."""
        number = next(number for number, each in self.subscriptions.items() if each.life.place == place)
        self._bring(place[0], event_text(number, text), partial(self._wants, number, now), now)

    # --- What happens with time

    def _wants(self, number: int, now: float) -> bool:
        subscription = self.subscriptions.get(number)
        return self._listens and subscription is not None and now < subscription.life.ends_at

    def _lives(self) -> Iterable[KeyLife]:
        return [each.life for each in self.subscriptions.values()]

    def _ends(self) -> Iterable[tuple[float, Callable[[float], None]]]:
        return [(each.life.ends_at, partial(self._lose, number)) for number, each in self.subscriptions.items()]

    def _lose(self, number: int, now: float) -> None:
        life = self._drop(number).life
        if life.announced:
            self._say(self._terminated(number, life.ends_at), now)

    def _terminated(self, number: int, at: float) -> str:
        return event_text(number, to_json({"e": "eventStreamTerminated", "E": self._exchange.unix_ms(at)}))

    def _shutdown_text(self, now: float) -> str:
        return event_text(None, shutdown_message(self._exchange.unix_ms(now), combined=False))

    def _drop(self, number: int) -> _Subscription:
        subscription = self.subscriptions.pop(number)
        self._subscribers.forget(self, subscription.life.place)
        return subscription

    # --- Requests

    def receive_text(self, text: str, now: float) -> None:
        """The client sent a message."""
        if not self._admits(now):
            return
        request = read_request(text)
        limits = self._subscribers.limits
        account = self._subscribers.account_of(request) or next(iter(self.accounts), None)
        effect = None
        during_ban = limits.silenced(now)
        if during_ban:
            limits.offences += 1
        else:
            weight, _ = self._methods.get(request.method, (1, None))
            limits.weigh(weight, now)
            effect = self._subscribers.strike(account, now)
        if limits.silenced(now):
            status = self._refuse_noise(request, now, now)
        else:
            status = self._serve(effect, request, now, now)
        # What is no method may be anything, a secret among others.
        method = request.method if request.method in self._methods else ""
        self._subscribers.record(
            method, self.shown, now=now, status=status, account=account, effect=effect, during_ban=during_ban
        )

    def _serve(self, effect: Effect | None, request: ApiRequest, now: float, at: float) -> int:
        """Do what is asked for as far as the fault allows, and answer ``at`` some time; the status is returned."""
        if effect is None:
            return self._fulfil(request, now, at)
        match meaning_of(effect, "api"), effect:
            case Meaning.LATER, Delay(seconds, then) if then is None or meaning_of(then, "api") != Meaning.TO_SOCKET:
                return self._serve(then, request, now, at + seconds)
            case Meaning.LATER | Meaning.TO_SOCKET, _:
                if isinstance(effect, Reset) and effect.after_work:
                    self._work(request, now)
                self.suffer(effect, now)
                self.catch_up(now)
                return self._fulfil(request, now, at) if self._listens else _UNANSWERED
            case Meaning.AGAIN, Duplicate(times):
                return self._fulfil(request, now, at, copies=1 + times)
        return self._mistreat(effect, request, now, at)

    def _mistreat(self, effect: Effect, request: ApiRequest, now: float, at: float) -> int:
        """Send something else than the answer, or nothing."""
        if isinstance(effect, Limit):
            self._subscribers.limits.begin_ban(effect, now)
            return self._refuse_noise(request, now, at)
        if does_work(effect):
            self._work(request, now)
        match effect:
            case Status():
                return self._answer(request, effect.code, {"error": error_of(effect)}, at)
            case WrongShape(body):
                self._put(self._message(body.decode(errors="replace")), at)
                return 200
        return _UNANSWERED

    def _fulfil(self, request: ApiRequest, now: float, at: float, copies: int = 1) -> int:
        status, told = self._work(request, now)
        for _ in range(copies):
            self._answer(request, status, told, at)
        for text in (*self._afterwards, *self._revocations()):
            self._put(self._message(text), at)
        self._afterwards.clear()
        return status

    def _work(self, request: ApiRequest, now: float) -> tuple[int, dict[str, Any]]:
        try:
            return 200, {"result": self._call(request, now)}
        except Refused as refused:
            return refused.status.code, {"error": error_of(refused.status)}

    def _call(self, request: ApiRequest, now: float) -> Result:
        if request.refusal is not None:
            raise Refused(request.refusal)
        if request.method not in self._methods:
            raise Refused(api_error(400, -1020, "This operation is not supported."))
        _, method = self._methods[request.method]
        return method(request, now)

    def _answer(self, request: ApiRequest, status: int, told: dict[str, Any], at: float) -> int:
        if self.rules.bare_answers and request.method.endswith(".listenToken") and "result" in told:
            self._put(self._message(to_json(told["result"])), at)
            return status
        shows = self._shows_limits if request.shows_limits is None else request.shows_limits
        self._put(self._message(answer_text(request.id, status, told, self._rate_limits() if shows else None)), at)
        return status

    def _refuse_noise(self, request: ApiRequest, now: float, at: float) -> int:
        status, error = self._subscribers.limits.refuse_on_socket(self._dialect, now)
        return self._answer(request, status, {"error": error}, at)

    def _rate_limits(self) -> list[dict[str, Any]]:
        limits = self._subscribers.limits
        weight = {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1}
        return [{**weight, "limit": limits.weight_limit or self._usual_limit, "count": limits.weight}]

    def _revocations(self) -> list[str]:
        """What nobody asked for: "after the next request the session will be revoked"."""
        known = self._subscribers.accounts.by_key
        good = {None, *known}
        lost = [number for number, each in self.subscriptions.items() if each.api_key not in good]
        is_out = self._logon is not None and self._logon.api_key not in known
        for number in lost:
            self._drop(number)
        if is_out:
            self._logon = None
        return [_REVOKED] if lost or is_out else []

    # --- The methods

    def _ping_method(self, request: ApiRequest, _now: float) -> Result:
        takes(request)
        return {}

    def _time(self, request: ApiRequest, now: float) -> Result:
        takes(request)
        return {"serverTime": self._exchange.unix_ms(now)}

    def _log_on(self, request: ApiRequest, now: float) -> Result:
        api_key, account = check_signed(request, self._subscribers.accounts, self._exchange.unix_ms(now))
        known = self._subscribers.accounts.public_keys.get(api_key)
        fits = could_be_ed25519(request.params["signature"]) if known is None else known.is_ed25519
        if not fits or api_key in self._subscribers.accounts.secrets:
            # "Only Ed25519 keys are supported"; users report this error of others (sieblyio/binance, 626).
            raise Refused(api_error(400, -1022, "Signature for this request is not valid."))
        self._logon = _Logon(api_key, account, self._exchange.unix_ms(now))
        self._exchange.subscribed(self, now)
        return self._session(request, now)

    def _status(self, request: ApiRequest, now: float) -> Result:
        takes(request)
        return self._session(request, now)

    def _session(self, request: ApiRequest, now: float) -> Result:
        logon = self._logon
        return {
            "apiKey": None if logon is None else logon.api_key,
            "authorizedSince": None if logon is None else logon.since,
            "connectedSince": self._exchange.unix_ms(self.opened_at),
            "returnRateLimits": self._shows_limits if request.shows_limits is None else request.shows_limits,
            "serverTime": self._exchange.unix_ms(now),
            "userDataStream": bool(self.subscriptions),
        }

    def _log_out(self, request: ApiRequest, now: float) -> Result:
        takes(request)
        self._logon = None
        self._terminate([number for number, each in self.subscriptions.items() if each.by_logon], now)
        return self._session(request, now)

    def _list(self, request: ApiRequest, _now: float) -> Result:
        takes(request)
        return [{"subscriptionId": number} for number in self.subscriptions]

    def _subscribe(self, request: ApiRequest, now: float) -> Result:
        takes(request)
        if self._logon is None:
            # The documents want a session that is logged on, and do not say what others get.
            raise Refused(api_error(401, -2015, "Invalid API-key, IP, or permissions for action."))
        return self._begin(self._logon.account, self._logon.api_key, now, by_logon=True)

    def _subscribe_signed(self, request: ApiRequest, now: float) -> Result:
        api_key, account = check_signed(request, self._subscribers.accounts, self._exchange.unix_ms(now))
        return self._begin(account, api_key, now, by_logon=False)

    def _begin(self, account: str, api_key: str, now: float, *, by_logon: bool) -> Result:
        place = (account, self.rules.api)
        if place in self.places:
            raise Refused(api_error(400, -2035, "User Data Stream subscription already active."))
        life = KeyLife("", place, math.inf)
        return {"subscriptionId": self._add(_Subscription(life, api_key, by_logon), now)}

    def _subscribe_with_token(self, request: ApiRequest, now: float) -> Result:
        token = request.params.get("listenToken")
        if not isinstance(token, str) or not token:
            raise Refused(missing("listenToken"))
        takes(request, "listenToken")
        life = self._subscribers.life_of(token, now)
        if life is None:
            raise Refused(api_error(400, -1209, "Invalid listenToken."))
        number = next((number for number, each in self.subscriptions.items() if each.life.place == life.place), None)
        if number is None:
            number = self._add(_Subscription(life), now)
        elif self.subscriptions[number].life.ends_at < life.ends_at:
            self.subscriptions[number].life = life
        # Microseconds, as in the documents' sample, although milliseconds are the default elsewhere.
        return {
            "subscriptionId": number,
            "expirationTime": self._exchange.unix_ms(self.subscriptions[number].life.ends_at) * 1000,
        }

    def _add(self, subscription: _Subscription, now: float) -> int:
        if len(self.subscriptions) >= self.rules.max_streams:
            limit = self.rules.max_streams
            message = f"Too many subscriptions. Connection may create up to '{limit}' subscriptions at a time."
            raise Refused(api_error(400, -1191, message))
        if self._next_id >= _MOST_IDS:
            raise Refused(api_error(400, -2042, "Maximum subscription ID reached for this connection."))
        number, self._next_id = self._next_id, self._next_id + 1
        self.subscriptions[number] = subscription
        self._subscribers.listen(self, subscription.life.place)
        self._exchange.subscribed(self, now)
        return number

    def _unsubscribe(self, request: ApiRequest, now: float) -> Result:
        takes(request, "subscriptionId")
        if "subscriptionId" not in request.params:
            self._terminate(list(self.subscriptions), now)
            return {}
        number = request.params["subscriptionId"]
        if not isinstance(number, int) or isinstance(number, bool):
            raise Refused(malformed("subscriptionId"))
        if number not in self.subscriptions:
            raise Refused(api_error(400, -2036, "User Data Stream subscription not active."))
        self._terminate([number], now)
        return {}

    def _terminate(self, numbers: list[int], now: float) -> None:
        """End these, and say so after the answer."""
        for number in numbers:
            self._drop(number)
            self._afterwards.append(self._terminated(number, now))


def takes(request: ApiRequest, *names: str) -> None:
    """See to it that a request has no other parameters."""
    sent = len(request.params)
    read = sum(name in request.params for name in names)
    if read < sent:
        message = f"Not all sent parameters were read; read '{read}' parameter(s) but was sent '{sent}'."
        raise Refused(api_error(400, -1104, message))
