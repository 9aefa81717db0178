"""One private WebSocket, from the exchange's side and without I/O: what all kinds of it have.

A front end calls :meth:`Session.due` when :attr:`Session.deadline` has come and whenever it is woken, sends what it
gets, and tells the session what came. The session knows of time only what it is told.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Literal, Protocol

from .._dialects._heartbeat_messages import ping_message
from .._dialects._stream_rules import StreamRules
from .._faults._effects import CloseSocket, Delay, Duplicate, Effect, Freeze, Garbage, HalfOpen, KillKey, Reset
from .._faults._meanings import Meaning, meaning_of
from .._faults._script import FaultCounter
from .._state._keys import KeyLife, Place
from ._frames import Frame, Goodbye, Ping, Pong, Text
from ._heartbeat import Heartbeat
from ._send_queue import SendQueue

__all__ = ["POLICY", "ExchangePort", "Session"]

POLICY = 1008  # RFC 6455, 7.4.1; users report it from Binance with the reason "Pong timeout"
_GOING_AWAY = 1001


class ExchangePort(Protocol):
    """What a session needs of its exchange."""

    frozen_until: float

    def advance(self, now: float) -> None: ...

    def unix_ms(self, now: float) -> int: ...

    def next_for(self, session: Session) -> float: ...

    def strike_event(self, account: str, now: float) -> Effect | None: ...

    def kill(self, life: KeyLife, now: float, *, announced: bool) -> None: ...

    def subscribed(self, session: Session, now: float) -> None: ...

    def leave(self, session: Session) -> None: ...


class Session(ABC):
    """One private WebSocket at the exchange.

    Attributes:
        wake: Called when there may be something to send before :attr:`deadline`; the front end sets it.
        cut_off: Called when what the front end is sending is not to be finished, as the client reads too slowly; the
            front end sets it.
        delay: Seconds of the exchange's time until the handshake is answered.
        opened_at: The exchange's time of the handshake.
        state: ``"open"``; ``"closing"`` once the last frame is decided; ``"ended"``.
        deaf: Whether the connection is half-open: nothing that is sent either way arrives any more.
        shown: The path as a log may show it.
        met: The socket faults that this socket has had its chance with.
    """

    def __init__(self, exchange: ExchangePort, rules: StreamRules, shown: str, now: float) -> None:
        self.wake: Callable[[], None] = _nobody
        self.cut_off: Callable[[], None] = _nobody
        self.delay: float = 0.0
        self.opened_at: float = now
        self.state: Literal["open", "closing", "ended"] = "open"
        self.deaf: bool = False
        self.rules = rules
        self.shown = shown
        self.met: set[FaultCounter] = set()
        self._exchange = exchange
        self._send_queue = SendQueue()
        self._heart = Heartbeat(rules.ping_every, rules.pong_within, now)
        self._last_ping = b""
        self._closes_at = now + rules.lifetime
        self._frozen_until = -math.inf
        self._scheduled: list[tuple[float, Effect]] = []
        self._second = -math.inf
        self._heard_this_second = 0

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.shown}, {self.state}, {self.streams} streams>"

    # --- What each kind has

    @property
    @abstractmethod
    def streams(self) -> int:
        """How many streams were asked for on it."""

    @property
    @abstractmethod
    def accounts(self) -> tuple[str, ...]:
        """The accounts whose keys this socket is subscribed with, dead or alive."""

    @property
    @abstractmethod
    def places(self) -> tuple[Place, ...]:
        """Where the keys are that it may yet get events of."""

    @property
    def channels(self) -> tuple[str, ...]:
        """What it has subscribed to, where a key is not all that it takes."""
        return ()

    @abstractmethod
    def count_live_keys(self, now: float) -> int:
        """How many of the keys that it is subscribed with are alive."""

    @abstractmethod
    def receive_text(self, text: str, now: float) -> None:
        """The client sent a message."""

    @abstractmethod
    def _lives(self) -> Iterable[KeyLife]:
        """The keys that it is subscribed with."""

    @abstractmethod
    def _ends(self) -> Iterable[tuple[float, Callable[[float], None]]]:
        """When these end of which the end has not been looked at, and what is done then."""

    @abstractmethod
    def _shutdown_text(self, now: float) -> str:
        """What tells of the exchange's end."""

    # --- What a front end asks

    def due(self, now: float) -> list[Frame]:
        """Take what is to be sent now, in order. After a ``Goodbye`` or a ``Reset`` there is nothing more."""
        self._exchange.advance(now)
        self.catch_up(now)
        return [] if self.deaf or now < self._silent_until else self._send_queue.take(now)

    @property
    def deadline(self) -> float:
        """When to call :meth:`due` next, at the latest."""
        if self.deaf or self.state == "ended":
            return math.inf
        alarms = (at for at, _ in self._alarms())
        return max(self._silent_until, min(self._send_queue.next_at, self._exchange.next_for(self), *alarms))

    @property
    def events(self) -> int:
        """How many account events were put on this socket."""
        return self._send_queue.events

    @property
    def _silent_until(self) -> float:
        return max(self._frozen_until, self._exchange.frozen_until)

    # --- What a front end tells

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
        self._exchange.advance(now)
        if self.state != "ended" and not self.deaf:
            # Nothing may follow a client's close frame but ours, whatever was to be sent.
            self._send_queue.clear()
            self._send_queue.put(Goodbye(code, reason), now)
            self.state = "closing"
            self.wake()

    def end(self) -> None:
        """The connection is over, whoever ended it."""
        self.state = "ended"
        self._send_queue.clear()
        self._exchange.leave(self)

    # --- What the exchange does

    def _bring(self, account: str, text: str, wants: Callable[[], bool], now: float) -> None:
        """An event of the account, that happens now; ``wants`` says whether it is to come here."""
        self.catch_up(now)
        if not wants():
            return
        effect = self._exchange.strike_event(account, now)
        meaning = None if effect is None else meaning_of(effect, "event")
        if meaning is Meaning.LOST:
            return
        if effect is not None and meaning is Meaning.TO_SOCKET:
            self.suffer(effect, now)
            if not wants():
                return
        copies = 1 + effect.times if isinstance(effect, Duplicate) else 1
        at = now + effect.seconds if isinstance(effect, Delay) else now
        for _ in range(copies):
            if self.state == "open":
                self._send_queue.put_event(self._message(text), at)
                self._bound_queue(now)
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
                for life in self._lives():
                    self._exchange.kill(life, now, announced=announced)
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
            self._send_queue.put(Goodbye(code, reason), now)
            self.wake()

    def shut_down(self, now: float, after: float) -> None:
        """Tell of the exchange's end if it is one that tells, and be closed ``after`` seconds later."""
        self.catch_up(now)
        if self.rules.announces_shutdown:
            self._say(self._shutdown_text(now), now)
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
        if not self._listens:
            return
        yield from self._ends()
        for scheduled in self._scheduled:
            yield scheduled[0], partial(self._do_scheduled, scheduled)
        yield self._heart.overdue_at, partial(self.close, POLICY, "Pong timeout")
        yield self._closes_at, partial(self.close, _GOING_AWAY, "")
        yield self._heart.next_ping, self._ping

    def _ping(self, now: float) -> None:
        # The exchange's time in milliseconds: different with each ping, and the same with each run.
        kind = self.rules.pings
        payload, text = ping_message(kind, self._exchange.unix_ms(now))
        self._last_ping = payload
        self._heart.ping(payload, now)
        self._put(Ping(payload) if kind == "frames" else self._message(text), now)

    def _do_scheduled(self, scheduled: tuple[float, Effect], now: float) -> None:
        self._scheduled.remove(scheduled)
        self.suffer(scheduled[1], now)

    # --- What the client wants

    @property
    def _listens(self) -> bool:
        return self.state == "open" and not self.deaf

    def _admits(self, now: float) -> bool:
        """Whether a message that came now is looked at; one too many in a second ends the connection."""
        self._exchange.advance(now)
        self.catch_up(now)
        if not self._listens:
            return False
        second = math.floor(now)
        if second != self._second:
            self._second, self._heard_this_second = second, 0
        self._heard_this_second += 1
        limit = self.rules.messages_per_second
        if limit is not None and self._heard_this_second > limit:
            self.close(POLICY, "Too many messages", now)
            return False
        return True

    # --- The outbox

    def _say(self, text: str, now: float) -> None:
        self._put(self._message(text), now)

    def _message(self, text: str) -> Text:
        return Text(text, self.rules.compressed)

    def _put(self, frame: Frame, now: float) -> None:
        if self.state == "open":
            self._send_queue.put(frame, now)
            self._bound_queue(now)
            self.wake()

    def _bound_queue(self, now: float) -> None:
        """Reset the connection of a client for whom too much waits."""
        if self._send_queue.size > self.rules.max_unsent:
            self._send_queue.clear()
            self._send_queue.put(Reset(), now)
            self.state = "closing"
            # The front end may be in the middle of a send that ends only when the client reads.
            self.cut_off()


def _nobody() -> None:
    pass


def _nothing(now: float) -> None:
    raise AssertionError(f"nothing was to happen at {now}")
