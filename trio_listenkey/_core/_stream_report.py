"""Counters of one stream, and its notices until the driver takes them."""

from __future__ import annotations

from .._statistics import KeyStatistics, StreamStatistics, WaitsFor
from ._buffer import Buffer
from ._notices import StreamNotice
from ._stream_socket import StreamSocket

__all__ = ["StreamReport"]


class StreamReport:
    """Kept by one stream.

    Attributes:
        counts: Counters, each under its name in ``StreamStatistics``. None ever falls.
    """

    __slots__ = ("_notices", "counts")

    def __init__(self) -> None:
        self.counts = dict.fromkeys(
            ("events", "duplicates", "gaps", "connects", "failed_connects", "disconnects", "moves", "silence_checks"), 0
        )
        self._notices: list[StreamNotice] = []

    @property
    def has_news(self) -> bool:
        """Whether there are notices to take."""
        return bool(self._notices)

    def count(self, what: str, by: int = 1) -> None:
        """Add ``by`` to the counter ``what``."""
        self.counts[what] += by

    def tell(self, notice: StreamNotice) -> None:
        """Keep it for :meth:`take`."""
        self._notices.append(notice)

    def take(self) -> list[StreamNotice]:
        """The notices since the last call."""
        notices, self._notices = self._notices, []
        return notices

    def statistics(
        self,
        current: StreamSocket | None,
        *,
        state: str,
        is_live: bool,
        generation: int,
        latest: float,
        to_local: float,
        presumed_valid_until: float,
        buffer: Buffer,
        unparsed: int,
        key: KeyStatistics | None,
        name: str,
        waits_for: WaitsFor | None,
        next_connect_at: float | None,
    ) -> StreamStatistics:
        """Counters and times as of ``latest``; ``to_local`` is added to the times.

        ``current`` is the socket that delivers. ``presumed_valid_until`` is on trio's clock already.
        """
        return StreamStatistics(
            state=state,
            is_live=is_live,
            generation=generation,
            connected_since=current.opened_at + to_local if current else None,
            last_frame_at=current.heard_at + to_local if current else None,
            ping_unanswered_since=current.ping_at + to_local if current and current.ping_at < latest else None,
            presumed_valid_until=presumed_valid_until,
            buffered=len(buffer.items),
            dropped=buffer.dropped,
            unparsed=unparsed,
            key=key,
            name=name,
            waits_for=waits_for,
            next_connect_at=None if next_connect_at is None else next_connect_at + to_local,
            **self.counts,
        )
