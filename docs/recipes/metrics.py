"""Prometheus metrics of one account's stream, by an instrument."""

import trio
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge

from trio_listenkey import Gap, Instrument, ListenKeyError, UserStream


class Metrics:
    """What there is to count; make it once, and one instrument for each stream."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        labels = ["account"]
        self.connects = Counter(
            "listenkey_connects", "Sockets opened", labels, registry=registry
        )
        self.drops = Counter(
            "listenkey_drops", "Sockets lost or refused", labels, registry=registry
        )
        self.renewals = Counter(
            "listenkey_renewals", "Successful keepalives", labels, registry=registry
        )
        self.retries = Counter(
            "listenkey_retries",
            "Failed requests",
            [*labels, "status"],
            registry=registry,
        )
        self.losses = Counter(
            "listenkey_losses", "Keys found dead", labels, registry=registry
        )
        self.gaps = Counter(
            "listenkey_gaps", "Gaps reported", [*labels, "cause"], registry=registry
        )
        self.gap_seconds = Counter(
            "listenkey_gap_seconds", "Length of the gaps", labels, registry=registry
        )
        self.left_behind = Counter(
            "listenkey_left_behind",
            "Keys perhaps not closed",
            labels,
            registry=registry,
        )
        self.live = Gauge(
            "listenkey_live", "Would a fill be heard of now?", labels, registry=registry
        )

    async def watch(self, account: str, stream: UserStream) -> None:
        """Look at the stream every second, until cancelled."""
        while True:
            self.live.labels(account).set(stream.statistics().is_live)
            await trio.sleep(1)


class Counting(Instrument):
    """Counts what happens to one account's stream and key."""

    def __init__(self, metrics: Metrics, account: str) -> None:
        self._metrics, self._account = metrics, account
        # From now on they are there, and zero.
        for counter in (metrics.connects, metrics.drops, metrics.renewals):
            counter.labels(account)
        for counter in (metrics.losses, metrics.gap_seconds, metrics.left_behind):
            counter.labels(account)

    def renewed(self, venue: str, generation: int) -> None:
        """A keepalive has succeeded."""
        self._metrics.renewals.labels(self._account).inc()

    def retrying(
        self, venue: str, generation: int, error: ListenKeyError, delay: float
    ) -> None:
        """A request has failed. The status is one of a few; a text would not be."""
        status = "none" if error.status is None else str(error.status)
        self._metrics.retries.labels(self._account, status).inc()

    def lost(self, venue: str, generation: int, error: ListenKeyError) -> None:
        """A key is dead."""
        self._metrics.losses.labels(self._account).inc()

    def connected(self, venue: str, generation: int) -> None:
        """A socket was opened."""
        self._metrics.connects.labels(self._account).inc()

    def dropped(self, venue: str, generation: int, error: Exception) -> None:
        """A socket has ended, or could not be opened."""
        self._metrics.drops.labels(self._account).inc()

    def gap(self, venue: str, generation: int, gap: Gap) -> None:
        """Events may be missing."""
        self._metrics.gaps.labels(self._account, gap.cause).inc()
        if gap.cause != "opened":  # that one is as long as there was no stream
            self._metrics.gap_seconds.labels(self._account).inc(gap.duration)

    def closed(self, venue: str, generation: int, error: ListenKeyError | None) -> None:
        """The block is over."""
        if error is not None:
            self._metrics.left_behind.labels(self._account).inc()
