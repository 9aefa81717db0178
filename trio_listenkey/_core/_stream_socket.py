"""One socket of a stream: which of its events were certainly received, and which come twice."""

from __future__ import annotations

from math import inf
from typing import Final, NamedTuple

from .._events import GapCause, UserEvent
from ._delivered import Repeats

__all__ = ["Held", "SocketEnd", "StreamSocket"]

# Seconds from one ping to the next at least, however often the reader pauses: exchanges end the socket of a client that
# sends more than five or ten messages a second, pings among them (Binance, "WebSocket Limits", as of 2026).
_PING_AGAIN_AFTER: Final = 1.0


class SocketEnd(NamedTuple):
    """Why a socket ended, and when."""

    cause: GapCause
    at: float


class Held:
    """The events of one socket while another one still delivers.

    Attributes:
        events: In order.
        size: How many bytes of messages these are.
    """

    __slots__ = ("events", "size")

    def __init__(self) -> None:
        self.events: list[UserEvent] = []
        self.size: int = 0

    def __len__(self) -> int:
        return len(self.events)

    def add(self, events: list[UserEvent], size: int) -> None:
        """Add ``events``, of ``size`` bytes."""
        self.events += events
        self.size += size


class StreamSocket:
    """One socket, from before its handshake. All times are on the machine's axis.

    Attributes:
        generation: Of the listen key in its URL.
        opened_at: When its handshake was over; everything that the exchange sent from then on comes through it.
        observed_at: Everything that the exchange had sent by then was read, and all that is read later was sent later.
            Only answered pings prove that: how long a message was under way is unknown. The last events of the account
            may not have been sent by then, for the feed lags: see ``Timing.feed_lag``.
        is_subscribed: It has a subscription of its own, which may end by itself: neither the listen key nor another
            socket proves it alive.
        proof_at: The listen key, or the subscription, was alive then: the exchange said so, or an event came.
        event_at: When a current event was last read.
        heard_at: When anything was last read.
        is_ending: The exchange has announced that it will end it.
        is_lagging: Messages that are read now are old: the reading was paused.
        ping_at: When the next ping is due.
        move_at: When to move to another socket, for this one is old.
        end: Why and when it ended; ``None`` while it has not.
        held: Its events while another socket still delivers; ``None`` otherwise.
        began_at: When its handshake began: from then on, events may come through it.
        skip: The events of earlier sockets that may come again on this one.
    """

    __slots__ = (
        "_followed_until",
        "_paused",
        "_pinged_at",
        "_resumed_at",
        "_skip_since",
        "began_at",
        "end",
        "event_at",
        "generation",
        "heard_at",
        "held",
        "is_ending",
        "is_lagging",
        "is_subscribed",
        "move_at",
        "observed_at",
        "opened_at",
        "ping_at",
        "proof_at",
        "skip",
    )

    generation: int
    is_subscribed: bool
    began_at: float
    opened_at: float
    observed_at: float
    proof_at: float
    event_at: float
    heard_at: float
    ping_at: float
    move_at: float
    is_lagging: bool
    is_ending: bool

    def __init__(self, generation: int, began_at: float, proof_at: float, *, is_subscribed: bool = False) -> None:
        self.generation = generation
        self.is_subscribed = is_subscribed
        # The exchange begins to send at an unknown moment of the handshake.
        self.began_at = self.observed_at = began_at
        self.proof_at = proof_at
        self.event_at = -inf
        self.opened_at = self.heard_at = inf
        self.ping_at = self.move_at = inf
        self.end: SocketEnd | None = None
        self.held: Held | None = None
        self.skip: Repeats | None = None
        self._skip_since = inf
        self._followed_until = -inf
        self._paused = self.is_lagging = self.is_ending = False
        self._resumed_at = self._pinged_at = -inf

    def open(self, now: float, ping_every: float) -> None:
        """The handshake is over, and the subscription was answered if there is one."""
        self.opened_at = self.heard_at = now
        if self.is_subscribed:
            self.proof_at = self.observed_at  # it is younger than the handshake's beginning
        self.ping_at = now + ping_every

    # What was observed.

    @property
    def is_paused(self) -> bool:
        """Whether the reading is paused."""
        return self._paused

    @property
    def certain_at(self) -> float:
        """All events until then have come, even if the key or subscription was dead from then on.

        Events until ``_followed_until`` have come on the sockets before it.
        """
        return max(self._followed_until, min(self.observed_at, self.proof_at))

    def has_all_until(self, when: float) -> bool:
        """Whether everything sent here by ``when`` was read; a subscription must have been alive then."""
        return (self.certain_at if self.is_subscribed else self.observed_at) >= when

    @property
    def alive_at(self) -> float:
        """When there was last a sign of life of its key."""
        return max(self.proof_at, self.event_at)

    def key_proven(self, at: float) -> None:
        """The exchange has said that the listen key was alive ``at`` some time."""
        if not self.is_subscribed:
            self.proof_at = max(self.proof_at, at)

    def confirmed(self, asked_at: float) -> None:
        """The exchange has said on this socket that events come here; ``asked_at`` is when it was asked."""
        self.proof_at = max(self.proof_at, asked_at)

    def is_answering(self, now: float, ping_every: float) -> bool:
        """Whether its peer answers pings: the last answered one is not older than two intervals.

        A peer that does not answer is dropped by then. But while the reading is paused no answer is seen, nor in a
        suspend.
        """
        return now < max(self.opened_at, self._pinged_at) + 2 * ping_every

    def prove(self, now: float, *, is_news: bool) -> None:
        """An event was read: its key was alive when it was sent. If it ``is_news``, it was sent a moment ago."""
        self.proof_at = max(self.proof_at, self.observed_at)
        if is_news:
            self.event_at = now

    def ponged(self, sent_at: float, now: float, ping_every: float) -> None:
        """A ping that was sent at ``sent_at`` was answered; all that the exchange sent before the answer was read."""
        self.heard_at = now
        self._pinged_at = max(self._pinged_at, sent_at)
        self.observed_at = max(self.observed_at, sent_at)
        if self.ping_at <= sent_at:  # else another ping was asked for meanwhile
            self.ping_at = sent_at + ping_every
        if sent_at >= self._resumed_at:
            self.is_lagging = self._paused
        if self.skip is not None and sent_at >= self._skip_since:
            self.skip = None  # everything that the socket before had delivered by then has come here, too

    def pause(self) -> None:
        """Stop reading for a while: messages that wait become old, and pongs are not seen."""
        self._paused = self.is_lagging = True

    def resume(self, now: float, ping_every: float) -> None:
        """Read again. A pong will prove that all waiting messages were read."""
        self._paused = False
        self._resumed_at = now
        self.ping_at = max(now, self._pinged_at + min(_PING_AGAIN_AFTER, ping_every / 2))

    def must_answer(self, sent_at: float) -> bool:
        """Whether the answer to a ping that was sent at ``sent_at`` would have been seen."""
        return not self._paused and sent_at >= self._resumed_at

    # What comes twice.

    def follow(self, other: StreamSocket) -> None:
        """Take over from ``other``: the proofs of the same key stay valid.

        Those of a subscription do not: the one of ``other`` proves nothing about this one (S8).
        """
        if self.generation != other.generation:
            return
        self._followed_until = other.certain_at
        self.observed_at = max(self.observed_at, other.observed_at)
        if not self.is_subscribed:
            self.proof_at = max(self.proof_at, other.proof_at)
            self.event_at = max(self.event_at, other.event_at)  # it proved the key, not the socket

    def leave_out(self, delivered: Repeats, now: float, feed_lag: float) -> None:
        """Do not deliver the events in ``delivered`` again. All have come here when this feed is past ``now``."""
        if delivered:
            self.skip = delivered
            self._skip_since = self.ping_at = now + feed_lag
