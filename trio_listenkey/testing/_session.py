"""One private WebSocket, from the exchange's side and without I/O.

A front end calls :meth:`Session.due` when :attr:`Session.deadline` has come and whenever it is woken, sends what it
gets, and tells the session what came. The session knows of time only what it is told.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Literal, Protocol

from ._chatter import ping_message, pong_in, reply_to_ping
from ._commands import Command, Misunderstood, answer, read_command
from ._effects import CloseSocket, Delay, Drop, Duplicate, Effect, Freeze, Garbage, HalfOpen, KillKey, Reset
from ._faults import Armed
from ._frames import Frame, Goodbye, Ping, Pong, Text
from ._heartbeat import Heartbeat
from ._keys import KeyLife, Place
from ._messages import expired_message, shutdown_message, wrapped
from ._outbox import Outbox
from ._stream_rules import StreamRules
from ._stream_url import Wanted
from ._subscription import Subscription

__all__ = ["House", "Session"]

_POLICY = 1008  # RFC 6455, 7.4.1; users report it from Binance with the reason "Pong timeout"
_GOING_AWAY = 1001


class House(Protocol):
    """What a session needs of its exchange."""

    frozen_until: float

    def advance(self, now: float) -> None: ...

    def unix_ms(self, now: float) -> int: ...

    def subscribe(self, session: Session, name: str) -> tuple[KeyLife, StreamRules] | None: ...

    def unsubscribe(self, session: Session, name: str) -> None: ...

    def next_for(self, session: Session) -> float: ...

    def strike_event(self, account: str, now: float) -> Effect | None: ...

    def kill(self, life: KeyLife, now: float, *, announced: bool) -> None: ...

    def subscribed(self, session: Session, now: float) -> None: ...

    def leave(self, session: Session) -> None: ...


class Session:
    """One private WebSocket at the exchange.

    Attributes:
        wake: Called when there may be something to send before :attr:`deadline`; the front end sets it.
        delay: Seconds of the exchange's time until the handshake is answered.
        opened_at: The exchange's time of the handshake.
        state: ``"open"``; ``"closing"`` once the last frame is decided; ``"ended"``.
        deaf: Whether the connection is half-open: nothing that is sent either way arrives any more.
        combined: Whether messages are wrapped as ``{"stream": ..., "data": ...}``.
        met: The socket faults that this socket has had its chance with.
        subscriptions: By stream name; ``None`` for a name that no key was ever called.
    """

    def __init__(self, house: House, rules: StreamRules, wanted: Wanted, now: float) -> None:
        self.wake: Callable[[], None] = _nobody
        self.delay: float = 0.0
        self.opened_at: float = now
        self.state: Literal["open", "closing", "ended"] = "open"
        self.deaf: bool = False
        self.combined: bool = wanted.combined
        self.rules = rules
        self.route: str = wanted.route
        self.form: str = wanted.form
        self.shown: str = wanted.shown
        self.met: set[Armed] = set()
        self.subscriptions: dict[str, Subscription | None] = {}
        self._house = house
        self._outbox = Outbox()
        self._heart = Heartbeat(rules.ping_every, rules.pong_within, now)
        self._last_ping = 0
        self._closes_at = now + rules.lifetime
        self._frozen_until = -math.inf
        self._scheduled: list[tuple[float, Effect]] = []
        self._second = -math.inf
        self._heard_this_second = 0
        for name, events in wanted.streams:
            self._subscribe(name, events, now)

    def __repr__(self) -> str:
        return f"<Session {self.shown}, {self.state}, {len(self.subscriptions)} streams>"

    # --- What a front end asks

    def due(self, now: float) -> list[Frame]:
        """Take what is to be sent now, in order. After a ``Goodbye`` or a ``Reset`` there is nothing more."""
        self._house.advance(now)
        self.catch_up(now)
        return [] if self.deaf or now < self._silent_until else self._outbox.take(now)

    @property
    def deadline(self) -> float:
        """When to call :meth:`due` next, at the latest."""
        if self.deaf or self.state == "ended":
            return math.inf
        alarms = (at for at, _ in self._alarms())
        return max(self._silent_until, min(self._outbox.next_at, self._house.next_for(self), *alarms))

    @property
    def events(self) -> int:
        """How many account events were put on this socket."""
        return self._outbox.events

    @property
    def accounts(self) -> tuple[str, ...]:
        """The accounts whose keys this socket is subscribed with, dead or alive."""
        return tuple(dict.fromkeys(each.life.place[0] for each in self._keyed))

    def count_live_keys(self, now: float) -> int:
        """How many of the keys that it is subscribed with are alive."""
        return sum(now < each.life.ends_at for each in self._keyed)

    @property
    def places(self) -> tuple[Place, ...]:
        """Where the keys are that it may yet get events of."""
        return tuple(each.life.place for each in self._keyed if each.watching)

    @property
    def _keyed(self) -> list[Subscription]:
        return [each for each in self.subscriptions.values() if each is not None]

    @property
    def _silent_until(self) -> float:
        return max(self._frozen_until, self._house.frozen_until)

    # --- What a front end tells

    def receive_text(self, text: str, now: float) -> None:
        """The client sent a message."""
        if not self._admits(now):
            return
        if self.rules.pings != "frames" and self._is_chatter(text, now):
            return
        command = read_command(text)
        if isinstance(command, Misunderstood):
            self._say(command.answer, now)
            if command.fatal:
                self.close(_POLICY, "Invalid request", now)
        else:
            self._obey(command, now)

    def _is_chatter(self, text: str, now: float) -> bool:
        answered, reply = pong_in(self.rules.pings, text, self._last_ping), reply_to_ping(text)
        if answered is not None:
            self._heart.pong(answered)
        elif reply is not None:
            self._say(reply, now)
        return answered is not None or reply is not None

    def receive_ping(self, payload: bytes, now: float) -> None:
        """The client sent a ping."""
        if self._admits(now):
            self._put(Pong(payload), now)

    def receive_pong(self, payload: bytes, now: float) -> None:
        """The client sent a pong."""
        if self._admits(now):
            self._heart.pong(payload)

    def receive_close(self, code: int | None, reason: str, now: float) -> None:
        """The client sent a close frame, or something that is to be answered by one."""
        self._house.advance(now)
        if self.state != "ended" and not self.deaf:
            # Nothing may follow a client's close frame but ours, whatever was to be sent.
            self._outbox.clear()
            self._outbox.put(Goodbye(code, reason), now)
            self.state = "closing"
            self.wake()

    def end(self) -> None:
        """The connection is over, whoever ended it."""
        self.state = "ended"
        self._outbox.clear()
        self._house.leave(self)

    # --- What the exchange does

    def deliver(self, name: str, account: str, kind: str, text: str, now: float) -> None:
        """An event of the account whose key is called ``name``, which is alive."""
        self.catch_up(now)
        if not self._wants(name, kind, now):
            return
        effect = self._house.strike_event(account, now)
        copies, at = 1, now
        match effect:
            case None:
                pass
            case Drop():
                return
            case Duplicate(times):
                copies += times
            case Delay(seconds):
                at += seconds
            case _:
                self.suffer(effect, now)
                if not self._wants(name, kind, now):
                    return
        for _ in range(copies):
            self._outbox.put_event(self._message(wrapped(text, name) if self.combined else text), at)
        self.wake()

    def suffer(self, effect: Effect, now: float) -> None:
        """Have done to this socket what a fault says."""
        match effect:
            case CloseSocket(code, reason):
                self.close(code, reason, now)
            case Reset() | Garbage():
                self._put(effect, now)
                self.state = "closing" if isinstance(effect, Reset) else self.state
            case HalfOpen():
                self.deaf = True
            case Freeze(seconds):
                self._frozen_until = max(self._frozen_until, now + seconds)
            case KillKey(announced):
                self._kill_keys(now, announced=announced)
            case Delay(seconds, then):
                assert then is not None
                self._scheduled.append((now + seconds, then))
            case _:
                raise AssertionError(f"no fault lets {effect} strike a socket")
        self.wake()

    def close(self, code: int | None, reason: str, now: float) -> None:
        """Send a close frame after what is due by now, and nothing after it."""
        if self.state == "open":
            self.state = "closing"
            self._outbox.put(Goodbye(code, reason), now)
            self.wake()

    def shut_down(self, now: float, after: float) -> None:
        """Tell of the exchange's end if it is one that tells, and be closed ``after`` seconds later."""
        self.catch_up(now)
        if self.rules.announces_shutdown:
            self._say(shutdown_message(self._house.unix_ms(now), combined=self.combined), now)
        self._closes_at = min(self._closes_at, now + after)
        self.wake()

    def catch_up(self, now: float) -> None:
        """Let everything happen whose time has come, in order; but a frozen exchange does nothing."""
        while now >= self._silent_until:
            at, happen = min(self._alarms(), key=lambda alarm: alarm[0])
            if at > now:
                return
            happen(now)

    # --- What happens with time

    def _alarms(self) -> Iterator[tuple[float, Callable[[float], None]]]:
        yield math.inf, _nothing
        if self.state != "open" or self.deaf:
            return
        for subscription in self._keyed:
            if subscription.watching:
                yield subscription.life.ends_at, partial(self._lose_key, subscription)
        for scheduled in self._scheduled:
            yield scheduled[0], partial(self._do_scheduled, scheduled)
        yield self._heart.overdue_at, partial(self.close, _POLICY, "Pong timeout")
        yield self._closes_at, partial(self.close, _GOING_AWAY, "")
        yield self._heart.next_ping, self._ping

    def _ping(self, now: float) -> None:
        # The exchange's time in milliseconds: different with each ping, and the same with each run.
        time = self._last_ping = self._house.unix_ms(now)
        payload = str(time).encode()
        self._heart.ping(payload, now)
        kind = self.rules.pings
        self._put(Ping(payload) if kind == "frames" else self._message(ping_message(kind, time)), now)

    def _do_scheduled(self, scheduled: tuple[float, Effect], now: float) -> None:
        self._scheduled.remove(scheduled)
        self.suffer(scheduled[1], now)

    def _lose_key(self, subscription: Subscription, now: float) -> None:
        subscription.watching = False
        if subscription.tells_expiry():
            life = subscription.life
            message = expired_message(subscription.rules, life.key, self._house.unix_ms(life.ends_at))
            self._say(wrapped(message, life.key) if self.combined else message, now)

    def _kill_keys(self, now: float, *, announced: bool) -> None:
        for subscription in self._keyed:
            self._house.kill(subscription.life, now, announced=announced)

    # --- What the client wants

    def _obey(self, command: Command, now: float) -> None:
        result: Any = None
        match command.method:
            case "SUBSCRIBE":
                if len(self.subscriptions.keys() | set(command.params)) > self.rules.max_streams:
                    self.close(_POLICY, "Too many streams", now)
                    return
                for name in command.params:
                    self._subscribe(name, None, now)
                self._house.subscribed(self, now)
            case "UNSUBSCRIBE":
                for name in command.params:
                    self._house.unsubscribe(self, name)
                    self.subscriptions.pop(name, None)
            case "LIST_SUBSCRIPTIONS":
                result = list(self.subscriptions)
            case "SET_PROPERTY":
                self.combined = command.params[-1]
            case _:
                result = self.combined
        self._say(answer(result, command), now)

    def _subscribe(self, name: str, events: frozenset[str] | None, now: float) -> None:
        found = self._house.subscribe(self, name)
        if found is None:
            self.subscriptions[name] = None
            return
        life, rules = found
        delivers = self.route == ("private" if rules.routed else "") and self.form == rules.url
        self.subscriptions[name] = Subscription(life, rules, events, delivers, watching=now < life.ends_at)

    def _wants(self, name: str, kind: str, now: float) -> bool:
        subscription = self.subscriptions[name]
        listens = self.state == "open" and not self.deaf
        return listens and subscription is not None and subscription.wants(kind, now)

    def _admits(self, now: float) -> bool:
        """Whether a message that came now is looked at; one too many in a second ends the connection."""
        self._house.advance(now)
        self.catch_up(now)
        if self.state != "open" or self.deaf:
            return False
        second = math.floor(now)
        if second != self._second:
            self._second, self._heard_this_second = second, 0
        self._heard_this_second += 1
        limit = self.rules.messages_per_second
        if limit is not None and self._heard_this_second > limit:
            self.close(_POLICY, "Too many messages", now)
            return False
        return True

    # --- The outbox

    def _say(self, text: str, now: float) -> None:
        self._put(self._message(text), now)

    def _message(self, text: str) -> Text:
        return Text(text, self.rules.compressed)

    def _put(self, frame: Frame, now: float) -> None:
        if self.state == "open":
            self._outbox.put(frame, now)
            self.wake()


def _nobody() -> None:
    pass


def _nothing(now: float) -> None:
    raise AssertionError(f"nothing was to happen at {now}")
