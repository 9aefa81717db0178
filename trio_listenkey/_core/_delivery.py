"""From a stream's sockets to its buffer: each event once, in order, and a gap wherever one may be missing."""

from __future__ import annotations

from collections.abc import Sequence

from .._events import Gap, UserEvent
from .._settings import Timing
from ..events._types import EventReader
from ._announcements import Announcements
from ._buffer import Buffer, Room, size_of
from ._delivered import Canonical
from ._gap_rules import Axes, GapRules
from ._notices import ToldGap
from ._stream_report import StreamReport
from ._stream_socket import StreamSocket
from ._trust import Trust

__all__ = ["Delivery"]


class Delivery:
    """The way of one stream's events from a socket to the buffer.

    Args:
        timing: ``feed_lag``.
        trust: Whose generation a gap is told with.
        report: Where events, duplicates and gaps are counted, and gaps are told.
        room: The limits of the buffer, and of the events held for a socket that does not deliver yet.
        overlaps: See ``GapRules``.
        expired: See ``Announcements``.
        canonical: What makes two messages the same event.
        reader: What makes :attr:`UserEvent.parsed` of the events; ``None`` for a venue whose events have no types.
        since: See ``GapRules``.
    """

    __slots__ = ("_gaps", "_reader", "_report", "_room", "_timing", "_trust", "announcements", "axes", "buffer")

    _gaps: GapRules
    """The events delivered a short time ago, and the gaps between two sockets. It is given every delivered event, in
    order."""

    _room: Room
    """Of the buffer. The events held for a socket have the same limits, so the memory is bounded by twice of them."""

    axes: Axes
    """Converts times of the machine to those that users see."""

    buffer: Buffer
    """The events that were delivered and not taken yet."""

    announcements: Announcements
    """Recognises messages that are delivered but are no events of the account."""

    def __init__(
        self,
        timing: Timing,
        trust: Trust,
        report: StreamReport,
        *,
        room: Room,
        overlaps: bool,
        expired: str | None,
        canonical: Canonical,
        reader: EventReader | None,
        since: int | None,
    ) -> None:
        self._timing, self._trust, self._report = timing, trust, report
        self._room = room
        self._reader = reader
        self.axes = Axes()
        self.announcements = Announcements(expired)
        self.buffer = Buffer(room, self._overflow, self.announcements.is_one)
        self._gaps = GapRules(
            self.axes,
            timing.feed_lag,
            overlaps=overlaps,
            canonical=canonical,
            is_announcement=self.announcements.is_one,
            since=since,
        )

    @property
    def last_event_time(self) -> int | None:
        """Of the last event of the account that was taken: what the next stream of this account goes on from."""
        return self._gaps.time_of(self.buffer.taken)

    @property
    def unparsed(self) -> int:
        """How many events could not be decoded when their ``parsed`` was read."""
        return 0 if self._reader is None else self._reader.unparsed

    # The path of every event.

    def events(self, socket: StreamSocket, batch: Sequence[bytes], now: float) -> list[UserEvent]:
        """The messages that ``socket`` received ``now``, as events; they are not delivered yet."""
        to_local = self.axes.to_local
        # Everything that the exchange had sent by ``observed_at`` was read before; but it may send events that are
        # older.
        sent_after = socket.observed_at - self._timing.feed_lag + to_local
        received_at = now + to_local
        return [UserEvent(raw, received_at, sent_after, self._reader) for raw in batch]

    def deliver(
        self, socket: StreamSocket, events: list[UserEvent], now: float, next_: StreamSocket | None
    ) -> tuple[list[UserEvent], bool]:
        """Deliver ``events`` of ``socket``; ``next_`` is the socket that will take over, if there is one yet.

        Returns:
            The events that are, or may be, announcements; and whether the rest is a sign of life.
        """
        announcements = self.announcements.may_be_among(events)
        if socket.skip is not None:
            came = len(events)
            events, late = socket.skip.take_out(events)
            self._report.count("duplicates", came - late - len(events))
        size = size_of(events)
        self._gaps.remember(events, size, now, next_)
        self._report.counts["events"] += len(events)
        self.buffer.add(events, size, may_be_said=bool(announcements))
        return announcements, not announcements and _has_event(events)

    def is_sign_of_life(self, events: list[UserEvent]) -> bool:
        """Whether an event of the account has come, and no announcement: then the key was alive."""
        return not self.announcements.may_be_among(events) and _has_event(events)

    def hold(self, socket: StreamSocket, events: list[UserEvent]) -> bool:
        """Hold events of ``socket``, which does not deliver yet; return whether there was room for them."""
        assert socket.held is not None
        socket.held.add(events, size_of(events))
        return not self._room.is_exceeded(len(socket.held), socket.held.size)

    # From one socket to the next.

    def all_from(self, current: StreamSocket, next_: StreamSocket) -> float:
        """See ``GapRules``."""
        is_dead = current.generation == self._trust.dead_generation and not current.is_subscribed
        return self._gaps.all_from(next_, is_first_dead=is_dead)

    def begin(self, first: StreamSocket) -> None:
        """The stream's ``first`` socket is open."""
        self._tell(self._gaps.beginning(first))

    def follow_lost(self, last: StreamSocket, socket: StreamSocket, now: float) -> None:
        """``socket`` delivers from now on, after a time in which none did: events may be missing."""
        socket.follow(last)
        self._gaps.leave_out(self._gaps.may_come_again(socket), socket, now, after_gap=True)
        self._tell(self._gaps.between(last, socket, self.buffer.latest))

    def take_over(self, old: StreamSocket, new: StreamSocket, now: float) -> list[UserEvent]:
        """``new``, which was open beside ``old``, delivers from now on; return what it has held until now."""
        held, new.held = [] if new.held is None else new.held.events, None
        # An announcement to every socket is no event of the account: a socket without a living key receives it, too.
        events = [event for event in held if not self.announcements.may_be_one(event.raw)]
        delivered, all_from = self._gaps.may_come_again(new), self.all_from(old, new)
        gap = self._gaps.between_open(old, new, events, delivered, all_from, self.buffer.latest)
        if gap is not None:
            self._tell(gap)
        new.follow(old)
        self._gaps.leave_out(delivered, new, now, after_gap=gap is not None)
        return held

    def _tell(self, gap: Gap) -> None:
        self.buffer.add_gap(gap)
        self._note(gap)

    def _overflow(self, first: UserEvent, before: UserEvent | None) -> Gap:
        """The gap that ``first``, which was dropped, leaves after ``before``. The buffer puts it in its place."""
        gap = self._gaps.dropped(first, before, self._trust.generation)
        self._note(gap)
        return gap

    def _note(self, gap: Gap) -> None:
        self._report.count("gaps")
        self._report.tell(ToldGap(self._trust.generation, gap))


def _has_event(messages: list[UserEvent]) -> bool:
    """Whether one is an event: a message without a type, as an answer to a command, proves nothing about the key."""
    return any(each.type for each in messages)
