"""Drives a ``Stream`` by hand, at exact times; tells what it would do and what it delivers."""

from __future__ import annotations

from typing import Any

from trio_listenkey import Timing
from trio_listenkey._core._buffer import OnFull, Room
from trio_listenkey._core._connect_limiter import ConnectLimiter
from trio_listenkey._core._notices import StreamNotice, ToldGap
from trio_listenkey._core._stream import Stream
from trio_listenkey._core._stream_actions import AskAboutKey, AskOnSocket, Close, Open
from trio_listenkey._core._stream_socket import StreamSocket
from trio_listenkey._core._stream_sockets import BothOpen
from trio_listenkey._events import Gap, StreamItem, UserEvent
from trio_listenkey.connectors._base import SocketError

PROMPT = Timing(feed_lag=0)
"""Feeds that do not lag: what follows from it if they do is told where that is the matter."""

LOCAL, UNIX = -1000.0, 1_700_000_000.0
CLOSED = SocketError("closed", code=1006)
KEY = "K%d"


def order(number: int) -> bytes:
    """An event of the account."""
    return b'{"e":"ORDER","E":%d}' % number


def expired(key: str = "K1") -> bytes:
    """What the exchange says of a key that is dead."""
    return b'{"e":"listenKeyExpired","E":1,"listenKey":"%b"}' % key.encode()


SHUTDOWN = b'{"e":"serverShutdown","E":1}'


def is_beginning(item: StreamItem | None) -> bool:
    """Whether this is the gap that a stream begins with; ``test_stream_beginning`` has what there is to say of it."""
    return isinstance(item, Gap) and item.cause == "opened"


class Flow:
    """One stream and all that it wanted and told."""

    def __init__(
        self,
        *,
        timing: Timing | None = None,
        limit: int = 100,
        limit_bytes: int = 1_000_000,
        on_full: OnFull = "wait",
        limiter: ConnectLimiter | None = None,
        draw: float = 0.0,
        **venue: Any,
    ) -> None:
        timing = PROMPT if timing is None else timing
        self.limiter = ConnectLimiter() if limiter is None else limiter
        self.draw = draw
        self.subscribes = venue.get("subscribes", False)
        self.stream = Stream(
            "somewhere",
            timing,
            self.limiter,
            room=Room(limit, limit_bytes, on_full),
            now=0.0,
            draw=lambda: self.draw,
            **venue,
        )
        self.stream.axes.to_local, self.stream.axes.to_unix = LOCAL, UNIX
        self.heard: list[StreamNotice] = []

    @property
    def state(self) -> str:
        return self.stream.state_name.upper()

    @property
    def kinds(self) -> list[str]:
        """What observers have heard, in order, but for the gap that each stream begins with."""
        notices = self.stream.notices()
        self.heard += [each for each in notices if not (isinstance(each, ToldGap) and is_beginning(each.gap))]
        return [notice.kind for notice in self.heard]

    def held(self, now: float, generation: int = 1, confirmed_at: float | None = None) -> str:
        """The key of ``generation`` is alive; return the state that this leads to."""
        self.stream.key_confirmed(generation, KEY % generation, now if confirmed_at is None else confirmed_at, now)
        return self.state

    def lost(self, now: float) -> str:
        self.stream.key_lost(now)
        return self.state

    def tick(self, now: float) -> str:
        """Let time pass; whatever happens, it is not to be asked again at once."""
        match self.stream.sockets:
            case BothOpen(_, _, drain):
                while drain.give_up_at < now and isinstance(self.stream.sockets, BothOpen):
                    self.stream.tick(drain.give_up_at)  # as a driver does that is not late
        self.stream.tick(now)
        assert self.stream.deadline > now
        return self.state

    def wants(self) -> list[str]:
        """What is to be done, in words."""
        return [type(action).__name__ for action in self.stream.actions()]

    def opens(self, now: float) -> StreamSocket:
        """A socket is wanted, and nothing else."""
        self.tick(now)
        (action,) = self.stream.actions()
        assert isinstance(action, Open)
        return action.socket

    def asks(self) -> None:
        """The exchange is to be asked, on the socket that delivers if that has a subscription, and nothing else."""
        current = self.stream.sockets.current
        on_socket = self.subscribes and current is not None
        assert self.stream.actions() == [AskOnSocket(current) if on_socket else AskAboutKey()]  # type: ignore[arg-type]

    def closes(self, socket: StreamSocket, *, politely: bool) -> None:
        """That socket is to be closed, and nothing else."""
        assert self.stream.actions() == [Close(socket, politely=politely)]

    def opened(self, socket: StreamSocket, now: float) -> str:
        self.stream.opened(socket, now)
        return self.state

    def fails(self, socket: StreamSocket, now: float, *, draw: float = 0.0, status: int | None = None) -> str:
        self.draw = draw
        self.stream.open_failed(socket, SocketError("no way", status=status), now)
        return self.state

    def ends(self, socket: StreamSocket, now: float, *, draw: float = 0.0) -> str:
        self.draw = draw
        self.stream.ended(socket, CLOSED, now)
        return self.state

    def brings(self, socket: StreamSocket, now: float, *messages: bytes | int) -> str:
        batch = [order(message) if isinstance(message, int) else message for message in messages]
        self.stream.received(socket, batch, now)
        return self.state

    def ponged(self, socket: StreamSocket, sent_at: float, now: float) -> str:
        self.stream.ponged(socket, sent_at, now)
        return self.state

    def confirmed(self, socket: StreamSocket, asked_at: float, now: float) -> str:
        self.stream.confirmed(socket, asked_at, now)
        return self.state

    def unanswered(self, socket: StreamSocket, sent_at: float, now: float) -> str:
        self.stream.unanswered(socket, sent_at, now)
        return self.state

    def items(self) -> list[StreamItem]:
        """Take all that there is, but for the gap that each stream begins with."""
        return [item for item in self.stream.buffer.take_all() if not is_beginning(item)]

    def delivers(self, *numbers: int | str) -> None:
        """These events are there to be taken, and gaps by their cause; and nothing else."""
        items = self.items()
        assert [item.time if isinstance(item, UserEvent) else item.cause for item in items] == list(numbers)

    def gap(self) -> Gap:
        """The only thing to be taken is a gap."""
        (item,) = self.items()
        assert isinstance(item, Gap)
        return item

    def is_live(self) -> bool:
        return self.stream.is_live

    def was_open(self) -> bool:
        return self.stream.was_open

    def has_news(self) -> bool:
        return self.stream.has_news


def live(
    *,
    timing: Timing | None = None,
    limit: int = 100,
    limit_bytes: int = 1_000_000,
    on_full: OnFull = "wait",
    limiter: ConnectLimiter | None = None,
    draw: float = 0.0,
    now: float = 0.0,
    **venue: Any,
) -> tuple[Flow, StreamSocket]:
    """A stream whose first socket, for the first key, was open at ``now``."""
    flow = Flow(
        timing=timing, limit=limit, limit_bytes=limit_bytes, on_full=on_full, limiter=limiter, draw=draw, **venue
    )
    flow.held(now)
    socket = flow.opens(now)
    assert flow.opened(socket, now) == "LIVE"
    assert flow.wants() == []
    assert flow.items() == []  # there is room now
    return flow, socket


def moving(now: float = 1000.0, **kwargs: Any) -> tuple[Flow, StreamSocket, StreamSocket]:
    """One whose exchange has announced that it will end the socket: the next one is being opened."""
    flow, first = live(**kwargs)
    flow.confirmed(first, now, now)
    flow.held(now)
    assert flow.brings(first, now, SHUTDOWN) == "MOVING"
    flow.items()
    return flow, first, flow.opens(now)


def draining(now: float = 1000.0, **kwargs: Any) -> tuple[Flow, StreamSocket, StreamSocket]:
    """One with two sockets that are open: the second since half a second after ``now``."""
    flow, first, second = moving(now, **kwargs)
    assert flow.opened(second, now + 0.5) == "DRAINING"
    return flow, first, second
