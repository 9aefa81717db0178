"""Gateways between a stream and the exchange: what they do to an account's feed, and not to pongs.

They are part of the exchange, and go by its time: what a feed has sent lies in the socket's buffer, before the answer
to a later ping, also while the program computes and nobody reads.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import cycle
from typing import Any

from trio_listenkey.testing import Exchange
from trio_listenkey.testing._dialects._messages import to_json
from trio_listenkey.testing._state._keys import Place
from trio_listenkey.testing._state._reply import Reply
from trio_listenkey.testing._ws._frames import Frame, Text
from trio_listenkey.testing._ws._key_connection import KeyConnection
from trio_listenkey.testing._ws._send_queue import SendQueue
from trio_listenkey.testing._ws._session import Session
from trio_listenkey.testing._ws._ws_api_connection import WsApiConnection


@dataclass(frozen=True, kw_only=True)
class Feed:
    """How gateways pass on what the exchange says; times in seconds.

    Attributes:
        lags: By how much the feed of one socket after the other is behind, and again from the first.
        late: From the handshake, or the subscription, until sending begins.
        rewrites: Whether every other gateway writes events otherwise: members in another order, spaces, escapes.
    """

    lags: tuple[float, ...] = (0.0,)
    late: float = 0.0
    rewrites: bool = False


class _Gateway(SendQueue):
    """What waits for a socket: what is said of the account is due later than elsewhere, and in order."""

    def __init__(self, before: SendQueue, lag: float, begins_at: float, *, rewrites: bool) -> None:
        super().__init__()
        self.__dict__.update(before.__dict__)
        self.lag, self.begins_at, self._rewrites = lag, begins_at, rewrites
        self._last_at = 0.0
        self._happened_at: float | None = None

    @contextmanager
    def as_of(self, when: float) -> Iterator[None]:
        """What is put happened some time ago."""
        self._happened_at = when
        yield
        self._happened_at = None

    def put(self, frame: Frame, at: float) -> None:
        """Put something in that is no event: what is said of keys and sockets lags as well, and answers do not."""
        if isinstance(frame, Text) and '"id":' not in frame.data:
            self._put_in_order(frame, at + self.lag)
        else:
            super().put(frame, at)

    def put_event(self, frame: Frame, at: float) -> None:
        """Put an event in, unless sending begins only later."""
        self.events += 1
        happened_at = at if self._happened_at is None else self._happened_at
        if happened_at + self.lag > self.begins_at:
            self._put_in_order(frame, happened_at + self.lag)

    def _put_in_order(self, frame: Frame, at: float) -> None:
        assert isinstance(frame, Text)
        self._last_at = max(self._last_at, at)
        super().put(replace(frame, data=_rewritten(frame.data)) if self._rewrites else frame, self._last_at)


class FeedExchange(Exchange):
    """An exchange of which each socket goes by a gateway of its own.

    Args:
        feed: What the gateways do.
        kwargs: As of an exchange.
    """

    def __init__(self, feed: Feed, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._feed = feed
        self._lags, self._rewrites = cycle(feed.lags), cycle([False, feed.rewrites])
        self._recent: deque[tuple[float, Place, str, str]] = deque()
        """What has happened lately, heard or not: a gateway that is behind sends that of before its own begin."""

        sockets = self._sockets
        self._pass_on, self._greet = sockets._send, sockets.subscribed
        # An event that nobody hears when it happens may yet come on a socket whose feed is behind.
        sockets._is_heard = lambda place, now: True  # type: ignore[method-assign]
        sockets._send = self._send  # type: ignore[method-assign]
        sockets.subscribed = self._subscribed  # type: ignore[method-assign]

    def connect(self, target: str, now: float) -> Session | Reply:
        """Answer a handshake; a socket that is opened goes by the next gateway."""
        answer = super().connect(target, now)
        if isinstance(answer, Session):
            answer._send_queue = _Gateway(
                answer._send_queue, next(self._lags), now + self._feed.late, rewrites=next(self._rewrites)
            )
            self._send_recent(answer, now)
        return answer

    def _send(self, place: Place, kind: str, event: Mapping[str, Any], now: float) -> None:
        while self._recent and self._recent[0][0] < now - max(self._feed.lags):
            self._recent.popleft()
        self._recent.append((now, place, kind, to_json(event)))
        self._pass_on(place, kind, dict(event), now)

    def _subscribed(self, session: Session, now: float) -> None:
        self._greet(session, now)
        if isinstance(session._send_queue, _Gateway):  # else it is not open yet
            session._send_queue.begins_at = now + self._feed.late
            self._send_recent(session, now)

    def _send_recent(self, session: Session, now: float) -> None:
        """What had happened before, and the gateway has yet to send."""
        queue = session._send_queue
        assert isinstance(queue, _Gateway)
        for when, place, kind, text in self._recent:
            if when + queue.lag > now and place in session.places:
                with queue.as_of(when):
                    _deliver(session, place, kind, text, now)


def _deliver(session: Session, place: Place, kind: str, text: str, now: float) -> None:
    match session:
        case KeyConnection():
            for name, subscription in session.subscriptions.items():
                if subscription is not None and subscription.life.place == place:
                    session.deliver(name, place[0], kind, text, now)
        case WsApiConnection():
            session.deliver(place, text, now)
        case _:
            raise AssertionError(f"nobody has a stream by {session}")


def _rewritten(text: str) -> str:
    message = json.loads(text)
    if isinstance(message, dict):
        message = dict(reversed(message.items()))
    return json.dumps(message, indent=1).replace("ORDER", "\\u004fRDER")
