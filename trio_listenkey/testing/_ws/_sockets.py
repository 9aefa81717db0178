"""All private WebSockets of one exchange: who is connected, and what reaches whom."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from .._dialects._binance import Dialect
from .._dialects._events import build_event
from .._dialects._messages import to_json
from .._dialects._other_events import as_sent
from .._dialects._stream_rules import StreamRules
from .._dialects._stream_url import Wanted, parse_stream_url
from .._faults._effects import Delay, Effect, Status, Wire, html_page
from .._faults._script import Script
from .._log import LogEntry, blotted
from .._state._emission import Emission
from .._state._keys import KeyLife, Keys, Place
from .._state._reply import Reply, from_status
from ._api_subscribers import ApiSubscribers
from ._futures_api_connection import FuturesApiConnection
from ._key_connection import KeyConnection
from ._session import Session
from ._ws_api_connection import WsApiConnection

__all__ = ["Handshake", "SocketInfo", "Sockets", "dialect_at"]

# Binance Spot documentation, "WebSocket Streams": 300 connections in 5 minutes from one IP address.
_ATTEMPTS_WINDOW = 300.0

# "Connecting to WebSocket API costs 2 weight."
_API_WEIGHT = 2
_KEY_API_WEIGHT = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketInfo:
    """One open socket, as the exchange sees it. It may be shown: it has no listen key in it.

    Attributes:
        path: The path that it connected to, listen keys blotted out.
        accounts: The accounts whose keys it is subscribed with.
        live_keys: How many of these keys are alive; on the WebSocket API, how many subscriptions.
        opened_at: The exchange's time of its handshake.
        events: How many account events it was sent.
        state: ``"open"``, or ``"closing"`` when it is being closed.
        half_open: Whether bytes vanish both ways.
        channels: What it has subscribed to, where the exchange wants that besides a key.
    """

    path: str
    accounts: tuple[str, ...]
    live_keys: int
    opened_at: float
    events: int
    state: str
    half_open: bool
    channels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, repr=False)
class Handshake:
    """How a handshake went, and what the log says of it."""

    result: Session | Reply
    account: str | None
    effect: Effect | None
    shown: str | None
    during_ban: bool = False

    def log_entry(self, target: str, now: float) -> LogEntry:
        """What the log has of it."""
        return LogEntry(
            when=now,
            verb="connect",
            method="GET",
            path=blotted(target.partition("?")[0]) if self.shown is None else self.shown,
            account=self.account,
            status=self.result.status if isinstance(self.result, Reply) else 101,
            effect=self.effect,
            work=None,
            during_ban=self.during_ban,
        )


class Sockets:
    """The sockets of one exchange; it is the :class:`ExchangePort` of their sessions.

    Attributes:
        frozen_until: Until when the exchange does nothing.
        connect_limit: Handshakes in five minutes, beyond which HTTP 429 is answered; ``None`` for no limit.
        emission: The account events.
        alarm: When something else is due at a place, of which its sockets are told; a plain attribute.
    """

    def __init__(
        self,
        keys: Keys,
        script: Script,
        dialects: Mapping[str, Dialect],
        subscribers: ApiSubscribers,
        unix_time: Callable[[float], float],
        advance: Callable[[float], None],
    ) -> None:
        self.frozen_until = -math.inf
        self.connect_limit: int | None = None
        self.emission = Emission(self._deliver, self._is_heard)
        self._keys = keys
        self._script = script
        self._dialects = dialects
        self._subscribers = subscribers
        self._apis = {each.stream.api: each for each in reversed([*dialects.values()]) if each.stream.api}
        self._apis |= {each.stream.key_api: each for each in dialects.values() if each.stream.key_api}
        self._unix_time = unix_time
        self._advance = advance
        self._latest = -math.inf
        # Dictionaries in place of sets: their order is that of opening, and the same in each run.
        self._open: dict[Session, None] = {}
        self._listening: dict[str, dict[KeyConnection, None]] = {}
        self._attempts: deque[float] = deque()
        self._last_subscription = -math.inf
        self.alarm: Callable[[Place], float] = lambda _place: math.inf
        keys.changed = self._key_changed

    # --- What the exchange does

    def open(self, target: str, now: float) -> Handshake:
        """Answer a handshake."""
        api = self._api_of(target)
        if api is not None:
            return self._open_api(api, target, now)
        streams = [dialect.stream for dialect in self._dialects.values()]
        wanted = parse_stream_url(target, (each.url for each in streams), (each.base for each in streams))
        account, shown = self._account_of(wanted), wanted.shown if wanted is not None else None
        if self._too_many_attempts(now):
            return Handshake(_refused(429, "429 Too Many Requests"), account, None, shown)
        effect = self._script.strike("connect", account, now)
        result = self._late(self._apply(effect, partial(self._admit, wanted), now), now)
        return Handshake(result, account, effect, shown)

    def _open_api(self, api: Dialect, target: str, now: float) -> Handshake:
        limits, shown = self._subscribers.limits, api.stream.api or api.stream.key_api
        if self._too_many_attempts(now):
            return Handshake(_refused(429, "429 Too Many Requests"), None, None, shown)
        if limits.silenced(now):
            limits.offences += 1
            return Handshake(limits.refuse(api, now), None, None, shown, during_ban=True)
        limits.weigh(_API_WEIGHT if api.stream.api else _KEY_API_WEIGHT, now)
        if limits.silenced(now):
            return Handshake(limits.refuse(api, now), None, None, shown)
        effect = self._script.strike("connect", None, now)
        query = target.partition("?")[2]
        result = self._apply(effect, lambda at: self._join(self._api_connection(api, query, at), at), now)
        return Handshake(self._late(result, now), None, effect, shown)

    def _api_connection(self, api: Dialect, query: str, now: float) -> WsApiConnection:
        if api.stream.api:
            return WsApiConnection(self, self._subscribers, api, api.stream, query, now)
        return FuturesApiConnection(self, self._subscribers, self._keys, api, query, now)

    def _late(self, result: Session | Reply, now: float) -> Session | Reply:
        """The same, as an exchange that is frozen answers it."""
        late = max(0.0, self.frozen_until - now)
        if isinstance(result, Session):
            result.delay += late
            return result
        return replace(result, delay=result.delay + late)

    def set_rate(self, place: Place, kind: str, per_second: float, now: float) -> None:
        """Emit so many events a second from now on."""
        self.emission.set_rate(place, kind, per_second, now)
        self.wake(place)

    def wake(self, place: Place) -> None:
        """There is something new that may be due for who listens there."""
        life = self._keys.latest(place)
        if life is not None:
            self._key_changed(life)
        for listener in self._subscribers.listeners(place):
            listener.wake()

    def freeze(self, until: float) -> None:
        """Do nothing before ``until``."""
        self.frozen_until = max(self.frozen_until, until)

    def shut_down(self, now: float, after: float) -> None:
        """Close every socket ``after`` seconds from now."""
        for session in tuple(self._open):
            session.shut_down(now, after)

    def strike(self, effect: Effect, now: float, account: str | None) -> int:
        """Have ``effect`` on every open socket, or on those of one account, and say on how many."""
        struck = [each for each in self._open if account is None or account in each.accounts]
        for session in struck:
            session.catch_up(now)
            session.suffer(effect, now)
        return len(struck)

    def infos(self, now: float) -> tuple[SocketInfo, ...]:
        return tuple(_info(session, now) for session in self._open)

    def wake_all(self) -> None:
        """There is something new that may be due for anybody."""
        for session in tuple(self._open):
            session.wake()

    # --- What sessions ask of their exchange

    def advance(self, now: float) -> None:
        """It is ``now``; the whole exchange is told so, which calls :meth:`pass_time`."""
        self._advance(now)

    def pass_time(self, now: float) -> None:
        """Emit what is due, and let faults of sockets begin whose time has come, in order."""
        while (start := self._script.next_start) <= now:
            self.emission.advance(start)
            self._script.begin(start)
            for session in tuple(self._open):
                # A fault that was added late begins now, and not in the past.
                self._meet(session, max(start, self._latest))
        self.emission.advance(now)
        self._latest = now

    def unix_ms(self, now: float) -> int:
        return int(self._unix_time(now) * 1000)

    def subscribe(self, session: KeyConnection, name: str) -> tuple[KeyLife, StreamRules] | None:
        life = self._life_called(name)
        if life is None or life.is_token:
            return None
        self._listening.setdefault(name, {})[session] = None
        return life, self._rules_of(life)

    def unsubscribe(self, session: KeyConnection, name: str) -> None:
        listeners = self._listening.get(name, {})
        listeners.pop(session, None)
        if not listeners:
            self._listening.pop(name, None)

    def may_subscribe(self, rules: StreamRules, now: float) -> bool:
        """Whether it is not too soon after the last subscription, which came from the same address."""
        if now < self._last_subscription + rules.subscribe_every:
            return False
        self._last_subscription = now
        return True

    def next_for(self, session: Session) -> float:
        places = session.places
        return min([self._script.next_start, *map(self.emission.next_at, places), *map(self.alarm, places)])

    def strike_event(self, account: str, now: float) -> Effect | None:
        return self._script.strike("event", account, now)

    def subscribed(self, session: Session, now: float) -> None:
        """This socket has an account now that it did not have."""
        self._meet(session, now)

    def kill(self, life: KeyLife, now: float, *, announced: bool) -> None:
        self._keys.end_life(life, now, announced=announced)

    def leave(self, session: Session) -> None:
        self._open.pop(session, None)

    # --- Handshakes

    def _apply(self, effect: Effect | None, admit: Callable[[float], Session | Reply], now: float) -> Session | Reply:
        match effect:
            case None:
                return admit(now)
            case Delay(seconds, then):
                result = self._apply(then, admit, now)
                if isinstance(result, Reply):
                    return replace(result, delay=result.delay + seconds)
                result.delay += seconds
                return result
            case Status():
                return from_status(effect)
        assert isinstance(effect, Wire), "no fault has any other effect on a handshake"
        return Reply(status=504, wire=effect)

    def _admit(self, wanted: Wanted | None, now: float) -> Session | Reply:
        rules = None if wanted is None else self._rules_for(wanted)
        if wanted is None or rules is None:
            return _refused(404, "404 Not Found")
        if len(wanted.streams) > rules.max_streams:
            return _refused(400, "400 Bad Request")
        dead = [name for name, _ in wanted.streams if not self._is_alive(name, now)]
        if dead and not rules.accepts_unknown_keys:
            return _refused(401, "401 Unauthorized")
        return self._join(KeyConnection(self, rules, wanted, now), now)

    def _join(self, session: Session, now: float) -> Session:
        self._open[session] = None
        self._meet(session, now)
        return session

    def _api_of(self, target: str) -> Dialect | None:
        try:
            return self._apis.get(urlsplit(target).path)
        except ValueError:
            return None

    def _rules_for(self, wanted: Wanted) -> StreamRules | None:
        """Those of the first key that was ever one; without any, those of the exchange that has such URLs."""
        for name, _ in wanted.streams:
            if (life := self._life_called(name)) is not None:
                return self._rules_of(life)
        served = [dialect.stream for dialect in self._dialects.values() if not dialect.stream.api]
        if wanted.form:
            served.sort(key=lambda each: wanted.form not in {each.url, each.base})
        return next((each for each in served if each.routed == bool(wanted.route)), served[0] if served else None)

    def _account_of(self, wanted: Wanted | None) -> str | None:
        lives = [self._life_called(name) for name, _ in (() if wanted is None else wanted.streams)]
        return next((life.place[0] for life in lives if life is not None), None)

    def _too_many_attempts(self, now: float) -> bool:
        while self._attempts and self._attempts[0] <= now - _ATTEMPTS_WINDOW:
            self._attempts.popleft()
        self._attempts.append(now)
        return self.connect_limit is not None and len(self._attempts) > self.connect_limit

    def _is_alive(self, name: str, now: float) -> bool:
        life = self._life_called(name)
        return life is not None and now < life.ends_at

    def _life_called(self, name: str) -> KeyLife | None:
        """The key that a stream of this name is for."""
        life = self._keys.ever.get(name.partition("@")[0])
        return life if life is not None and name == self._stream_of(life) else None

    def _stream_of(self, life: KeyLife) -> str:
        return life.key + self._rules_of(life).suffix

    def _rules_of(self, life: KeyLife) -> StreamRules:
        return dialect_at(self._dialects, life.place).stream

    # --- What reaches whom

    def _meet(self, session: Session, now: float) -> None:
        effect = self._script.meet(session.met, session.accounts, now)
        if effect is not None:
            session.catch_up(now)
            session.suffer(effect, now)

    def _key_changed(self, life: KeyLife) -> None:
        for session in (*self._listening.get(self._stream_of(life), ()), *self._subscribers.listeners(life.place)):
            session.wake()

    def _is_heard(self, place: Place, now: float) -> bool:
        keyed = any(self._stream_of(life) in self._listening for life in self._keys.living(place, now))
        return keyed or bool(self._subscribers.listeners(place))

    def _deliver(self, place: Place, kind: str, number: int, now: float, data: Mapping[str, Any] | None) -> None:
        if not self._is_heard(place, now):
            return
        family = dialect_at(self._dialects, place).stream.account_events
        self._send(place, kind, build_event(family, kind, number, self.unix_ms(now), data), now)

    def publish(self, place: Place, kind: str, event: dict[str, Any], now: float) -> None:
        """Send an event that is whole already, and count it with the others."""
        self.emission.counts[place] = self.emission.counts.get(place, 0) + 1
        if self._is_heard(place, now):
            self._send(place, kind, event, now)

    def _send(self, place: Place, kind: str, event: dict[str, Any], now: float) -> None:
        text = to_json(as_sent(dialect_at(self._dialects, place).stream.account_events, event))
        for life in self._keys.living(place, now):
            for session in tuple(self._listening.get(self._stream_of(life), ())):
                session.deliver(self._stream_of(life), place[0], kind, text, now)
        for listener in self._subscribers.listeners(place):
            listener.deliver(place, text, now)


def dialect_at(dialects: Mapping[str, Dialect], place: Place) -> Dialect:
    """That of a place; those of isolated pairs share one."""
    return dialects[place[1].partition("?")[0]]


def _refused(status: int, title: str) -> Reply:
    return from_status(html_page(status, title))


def _info(session: Session, now: float) -> SocketInfo:
    return SocketInfo(
        path=session.shown,
        accounts=session.accounts,
        live_keys=session.count_live_keys(now),
        opened_at=session.opened_at,
        events=session.events,
        state=session.state,
        half_open=session.deaf,
        channels=session.channels,
    )
