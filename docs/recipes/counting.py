"""Figures for a monitor: how often what happened, and how much may have been missed."""

from collections import Counter

from trio_listenkey import Gap, Instrument, ListenKeyError


class Counting(Instrument):
    """Counts what happens to one stream and its key."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.seconds_missed = 0.0

    def renewed(self, venue: str, generation: int) -> None:
        """A keepalive has succeeded."""
        self.counts["renewed"] += 1

    def lost(self, venue: str, generation: int, error: ListenKeyError) -> None:
        """A key is dead."""
        self.counts["key lost"] += 1

    def connected(self, venue: str, generation: int) -> None:
        """A socket was opened."""
        self.counts["connected"] += 1

    def dropped(self, venue: str, generation: int, error: Exception) -> None:
        """A socket has ended, or could not be opened."""
        self.counts["dropped"] += 1

    def gap(self, venue: str, generation: int, gap: Gap) -> None:
        """Events may be missing."""
        self.counts[f"gap: {gap.cause}"] += 1
        if gap.cause != "opened":  # that one is as long as there was no stream
            self.seconds_missed += gap.duration
