"""What a stream has to tell: counters, and notices until someone takes them."""

from __future__ import annotations

from ._notices import StreamNotice

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
        """So many more of ``what``."""
        self.counts[what] += by

    def tell(self, notice: StreamNotice) -> None:
        """Keep it for :meth:`take`."""
        self._notices.append(notice)

    def take(self) -> list[StreamNotice]:
        """What was told since the last call."""
        notices, self._notices = self._notices, []
        return notices
