"""Which events may be missing between two sockets of a stream, and which came on both.

Where observation is no longer certain
======================================

The first item is a gap without a beginning: everything before the first socket is unknown. It is reported once, when
that socket is open, before all events.

Any other gap begins where observation is no longer certain. For a socket that ended, it begins at the last moment by
which everything that the exchange had sent was read: an answered ping proves that. For a key that died, at the last
moment at which the key was alive: an event came, or the exchange confirmed it. It ends when another socket, with a
living key, is open.

Between two sockets that were both open there is no gap if the first one answered a ping that was sent long enough
after the second was opened, or if both delivered the same event.

Where each socket has a subscription of its own, that may die like a key, and an answer is about its own socket only.
There the first of two sockets also has to confirm its subscription after the second was opened: a pong comes without a
subscription as well.

Feeds lag
=========

The feed of an account's events may lag behind the answers to pings, and may begin some time after the handshake, by up
to ``Timing.feed_lag``. So the bounds of a gap are wider by that time, two sockets overlap longer by it, and events
delivered in that time before a socket took over may come on it again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .._events import Gap, GapCause, UserEvent
from ._delivered import Canonical, Delivered, Repeats
from ._stream_socket import StreamSocket

__all__ = ["Axes", "GapRules"]


class Axes:
    """From the machine's axis of time to those that users read. The shell sets both before each step.

    Attributes:
        to_local: Added to a time of the machine, it makes one on trio's clock. It changes when the machine has slept.
        to_unix: Added to a time of the machine, it makes Unix time, as far as this machine knows it at present.
    """

    __slots__ = ("to_local", "to_unix")

    def __init__(self) -> None:
        self.to_local: float = 0.0
        self.to_unix: float = 0.0


class GapRules:
    """The rules above, and the events delivered a short time ago.

    Args:
        axes: Converts times of the machine to those that users see.
        feed_lag: Seconds; see ``Timing``.
        overlaps: Whether an event that came on both sockets proves that none is missing between them. It does not where
            channels are subscribed to one after the other: the first may be there, and the second not yet.
        canonical: What makes two messages the same event.
        is_announcement: Whether a message is about the socket or the key, and no event of the account.
        since: The time of the last event that the user had before, in milliseconds of the exchange's clock.
    """

    __slots__ = ("_axes", "_delivered", "_feed_lag", "_overlaps", "_since")

    def __init__(
        self,
        axes: Axes,
        feed_lag: float,
        *,
        overlaps: bool,
        canonical: Canonical,
        is_announcement: Callable[[UserEvent], bool],
        since: int | None,
    ) -> None:
        self._axes, self._feed_lag, self._overlaps, self._since = axes, feed_lag, overlaps, since
        self._delivered = Delivered(canonical, is_announcement)

    # What may come twice.

    def remember(self, events: Sequence[UserEvent], size: int, now: float, next_: StreamSocket | None) -> None:
        """Store ``events``, of ``size`` bytes, delivered ``now``; ``next_`` is the socket that will take over."""
        began_at = now if next_ is None else next_.began_at
        self._delivered.add(events, size, now, began_at - self._feed_lag)

    def may_come_again(self, socket: StreamSocket) -> Repeats:
        """The delivered events that may come on ``socket`` as well: its feed may be behind."""
        return self._delivered.since(socket.began_at - self._feed_lag)

    def leave_out(self, delivered: Repeats, socket: StreamSocket, now: float, *, after_gap: bool) -> None:
        """``socket`` delivers from ``now`` on, without the events that were ``delivered`` before."""
        delivered.after_gap = after_gap
        socket.leave_out(delivered, now, self._feed_lag)

    # What may be missing.

    def all_from(self, next_: StreamSocket, *, is_first_dead: bool) -> float:
        """When to ask the first of two open sockets: its answer then proves that it delivered all that ``next_`` lacks.

        Events from ``feed_lag`` after the handshake on certainly come on the next socket. Older events have come on the
        first one when it answers a question that was asked another ``feed_lag`` later. Where the first one's key is
        known to be dead, few events will come on it, and ``next_`` does not wait.
        """
        return next_.opened_at + (0.0 if is_first_dead else 2 * self._feed_lag)

    def beginning(self, first: StreamSocket) -> Gap:
        """The gap that the stream begins with: everything before its ``first`` socket was open is unknown."""
        to_unix = self._axes.to_unix
        # Unix time begins before all exchanges; infinity would break programs that subtract, print or send it as JSON.
        started_at = 0.0
        if self._since is not None:  # if it is later than now, then two clocks differ
            started_at = max(0.0, min(self._since / 1000, first.opened_at + to_unix) - self._feed_lag)
        ended_at = first.opened_at + self._feed_lag
        return self._gap("opened", started_at - to_unix, ended_at, None, generations=(0, first.generation))

    def between_open(
        self,
        old: StreamSocket,
        new: StreamSocket,
        events: Sequence[UserEvent],
        delivered: Repeats,
        all_from: float,
        after: UserEvent | None,
    ) -> Gap | None:
        """The gap between two open sockets as ``new`` takes over, if there is one.

        Args:
            old: The first socket.
            new: The next one.
            events: The account's events that came on ``new``.
            delivered: The events that ``old`` has delivered: :meth:`may_come_again`.
            all_from: See :meth:`all_from`.
            after: The last event that was delivered.
        """
        if self._certain_until(old, new) < all_from:
            is_one = not (self._overlaps and delivered.joins(events))
            return self.between(old, new, after) if is_one else None
        if self._disagree(delivered, events, new):
            # How far the first one's feed is behind is unknown; the next one's events begin with its handshake.
            return self.between(old, new, after, since=new.began_at)
        return None

    def between(
        self, old: StreamSocket, new: StreamSocket, after: UserEvent | None, *, since: float | None = None
    ) -> Gap:
        """The gap where ``new`` follows ``old``; it begins at ``since`` at the latest."""
        certain_until = self._certain_until(old, new)
        started_at = certain_until if since is None else min(since, certain_until)
        return self._gap(
            old.end.cause if old.end else "key_lost",
            started_at - self._feed_lag,
            new.opened_at + self._feed_lag,
            after,
            generations=(old.generation, new.generation),
        )

    def dropped(self, first: UserEvent, after: UserEvent | None, generation: int) -> Gap:
        """The gap that ``first``, for which the buffer has no room, leaves behind ``after``."""
        to_local = self._axes.to_local
        return self._gap(
            "overflow",
            first.sent_after - to_local,
            first.received_at - to_local,
            after,
            generations=(generation, generation),
            missed=1,
        )

    def time_of(self, last: UserEvent | None) -> int | None:
        """The time of the ``last`` delivered event; without one, of the last event before this stream."""
        return last.time if last else self._since

    def _certain_until(self, old: StreamSocket, new: StreamSocket) -> float:
        """Until when all events have come on ``old``."""
        is_beyond_doubt = old.generation == new.generation and not old.is_subscribed
        return old.observed_at if is_beyond_doubt else old.certain_at

    def _disagree(self, delivered: Repeats, held: Sequence[UserEvent], new: StreamSocket) -> bool:
        """Whether the first socket lags behind the next one by more than it may: then some may be missing.

        It should have delivered every event that was read from the next one that early.
        """
        until = new.opened_at + self._feed_lag + self._axes.to_local
        return delivered.lacks_any(event for event in held if event.received_at <= until)

    def _gap(
        self,
        cause: GapCause,
        started_at: float,
        ended_at: float,
        after: UserEvent | None,
        *,
        generations: tuple[int, int],
        missed: int | None = None,
    ) -> Gap:
        to_local, to_unix = self._axes.to_local, self._axes.to_unix
        return Gap(
            cause=cause,
            started_at=started_at + to_local,
            ended_at=ended_at + to_local,
            unix_started_at=started_at + to_unix,
            unix_ended_at=ended_at + to_unix,
            last_event_time=self.time_of(after),
            generation_before=generations[0],
            generation_after=generations[1],
            missed=missed,
        )
