"""A private WebSocket whose listen keys are named in its URL, or by SUBSCRIBE."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, Protocol

from .._dialects._commands import BadCommand, Command, answer, read_command
from .._dialects._heartbeat_messages import pong_in, reply_to_ping
from .._dialects._messages import expired_message, shutdown_message, wrapped
from .._dialects._stream_rules import StreamRules
from .._dialects._stream_url import Wanted
from .._dialects._subscriptions import denied, granted, read_subscription, too_fast
from .._state._keys import KeyLife, Place
from ._session import POLICY, ExchangePort, Session
from ._subscription import Subscription

__all__ = ["KeyConnection"]


class KeyExchangePort(ExchangePort, Protocol):
    """What such a session needs of its exchange besides."""

    def subscribe(self, session: KeyConnection, name: str) -> tuple[KeyLife, StreamRules] | None: ...

    def unsubscribe(self, session: KeyConnection, name: str) -> None: ...

    def may_subscribe(self, rules: StreamRules, now: float) -> bool: ...


class KeyConnection(Session):
    """A socket for listen keys.

    Attributes:
        combined: Whether messages are wrapped as ``{"stream": ..., "data": ...}``.
        subscriptions: By stream name; ``None`` for a name that no key was ever called.
    """

    _exchange: KeyExchangePort

    def __init__(self, exchange: KeyExchangePort, rules: StreamRules, wanted: Wanted, now: float) -> None:
        super().__init__(exchange, rules, wanted.shown, now)
        self.combined: bool = wanted.combined
        self.route: str = wanted.route
        self.form: str = wanted.form
        self.subscriptions: dict[str, Subscription | None] = {}
        self._channels: dict[str, None] = {}
        self._spoken_at = now
        for name, events in wanted.streams:
            self._subscribe(name, events, now)
        if not self.count_live_keys(now):
            self._answer(rules.says_of_dead_keys, now)

    @property
    def streams(self) -> int:
        """How many are named, keys or not."""
        return len(self.subscriptions)

    @property
    def accounts(self) -> tuple[str, ...]:
        """The accounts whose keys this socket is subscribed with, dead or alive."""
        return tuple(dict.fromkeys(each.life.place[0] for each in self._keyed))

    @property
    def places(self) -> tuple[Place, ...]:
        """Where the keys are that it may yet get events of."""
        return tuple(each.life.place for each in self._keyed if each.watching)

    @property
    def channels(self) -> tuple[str, ...]:
        """What it has subscribed to, where a key is not all that it takes."""
        return tuple(self._channels)

    def count_live_keys(self, now: float) -> int:
        """How many of the keys that it is subscribed with are alive."""
        return sum(now < each.life.ends_at for each in self._keyed)

    @property
    def _keyed(self) -> list[Subscription]:
        return [each for each in self.subscriptions.values() if each is not None]

    def receive_text(self, text: str, now: float) -> None:
        """The client sent a message."""
        if not self._admits(now):
            return
        if self._is_heartbeat_message(text, now):
            return
        if self.rules.words != "binance":
            self._hear_subscription(text, now)
            return
        command = read_command(text)
        if isinstance(command, BadCommand):
            self._say(command.answer, now)
            if command.fatal:
                self.close(POLICY, "Invalid request", now)
        else:
            self._obey(command, now)

    def _is_heartbeat_message(self, text: str, now: float) -> bool:
        answered = pong_in(self.rules.pings, text, self._last_ping)
        reply = reply_to_ping(self.rules.client_pings, text)
        if answered is not None:
            self._heart.pong(answered)
        elif reply is not None:
            self._spoken_at = now
            self._answer(reply, now)
        return answered is not None or reply is not None

    def _hear_subscription(self, text: str, now: float) -> None:
        rules, asked = self.rules, read_subscription(self.rules.words, text)
        if not self._exchange.may_subscribe(rules, now):
            self._answer(too_fast(), now)
        elif asked is None or not dict(rules.channels).keys() >= set(asked.channels) or self._is_full(asked.channels):
            self._answer(denied(rules.words, asked), now)
        else:
            for channel in asked.channels:
                self._channels.pop(channel, None)
            if asked.subscribes:
                self._channels.update(dict.fromkeys(asked.channels))
            self._answer(granted(rules.words, asked, self._exchange.unix_ms(now)), now)

    def _is_full(self, more: Iterable[str]) -> bool:
        return len(self._channels.keys() | set(more)) > self.rules.max_streams

    def _answer(self, text: str, now: float) -> None:
        if text:
            self._say(text, now)

    def end(self) -> None:
        """The connection is over, whoever ended it."""
        super().end()
        for name in self.subscriptions:
            self._exchange.unsubscribe(self, name)

    def deliver(self, name: str, account: str, kind: str, text: str, now: float) -> None:
        """An event of the account whose key is called ``name``, which is alive."""
        shown = wrapped(text, name) if self.combined else text
        before = self.events
        self._bring(account, shown, partial(self._wants, name, kind, now), now)
        if self.rules.events_break_silence and self.events > before:
            self._spoken_at = now

    # --- What happens with time

    def _alarms(self) -> Iterator[tuple[float, Callable[[float], None]]]:
        yield from super()._alarms()
        if self._listens:
            # With which code the exchanges close, their documents do not say.
            yield self._spoken_at + self.rules.silence_within, partial(self.close, POLICY, "Ping timeout")
            if not self._channels:
                yield self.opened_at + self.rules.subscribe_within, partial(self.close, POLICY, "No subscription")

    def _lives(self) -> Iterable[KeyLife]:
        return [each.life for each in self._keyed]

    def _ends(self) -> Iterable[tuple[float, Callable[[float], None]]]:
        return [(each.life.ends_at, partial(self._lose_key, each)) for each in self._keyed if each.watching]

    def _lose_key(self, subscription: Subscription, now: float) -> None:
        subscription.watching = False
        if subscription.tells_expiry():
            life = subscription.life
            message = expired_message(subscription.rules, life.key, self._exchange.unix_ms(life.ends_at))
            name = life.key + subscription.rules.suffix
            self._say(wrapped(message, name) if self.combined else message, now)

    def _shutdown_text(self, now: float) -> str:
        return shutdown_message(self._exchange.unix_ms(now), combined=self.combined)

    # --- What the client wants

    def _obey(self, command: Command, now: float) -> None:
        result: Any = None
        match command.method:
            case "SUBSCRIBE":
                if len(self.subscriptions.keys() | set(command.params)) > self.rules.max_streams:
                    self.close(POLICY, "Too many streams", now)
                    return
                for name in command.params:
                    self._subscribe(name, None, now)
                self._exchange.subscribed(self, now)
            case "UNSUBSCRIBE":
                for name in command.params:
                    self._exchange.unsubscribe(self, name)
                    self.subscriptions.pop(name, None)
            case "LIST_SUBSCRIPTIONS":
                result = list(self.subscriptions)
            case "SET_PROPERTY":
                self.combined = command.params[-1]
            case _:
                result = self.combined
        self._say(answer(result, command), now)

    def _subscribe(self, name: str, events: frozenset[str] | None, now: float) -> None:
        found = self._exchange.subscribe(self, name)
        if found is None:
            self.subscriptions[name] = None
            return
        life, rules = found
        delivers = self.route == ("private" if rules.routed else "") and self.form == (rules.url or rules.base)
        self.subscriptions[name] = Subscription(life, rules, events, delivers, watching=now < life.ends_at)

    def _wants(self, name: str, kind: str, now: float) -> bool:
        subscription = self.subscriptions[name]
        is_wanted = self._listens and subscription is not None and subscription.wants(kind, now)
        return is_wanted and self._has_channel_for(kind)

    def _has_channel_for(self, kind: str) -> bool:
        """Whether it has subscribed to where such events come; to anything, for a kind that no document has."""
        channels = [channel for channel, kinds in self.rules.channels if kind in kinds]
        return not self.rules.channels or bool(self._channels.keys() & set(channels or self._channels))
