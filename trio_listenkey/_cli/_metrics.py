"""``--metrics-port``: what the statistics of each account say, for Prometheus.

Prometheus is answered by a thread of ``prometheus_client``'s. Statistics may be asked for in trio's thread alone, so
that one asks this one each time: what is told is how things are at that moment.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib import import_module
from socketserver import ThreadingMixIn
from threading import Thread
from typing import Any, Final, NamedTuple
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import click
import trio

from .._events import Gap
from .._shell._listen_key import ListenKey
from .._shell._user_stream import UserStream
from .._statistics import KeyStatistics, StreamStatistics

__all__ = ["Gauges", "Metrics", "check_metrics"]

_LOOK: Final = 0.05  # seconds from one look whether to end to the next


class _Server(ThreadingMixIn, WSGIServer):
    """Answers each request in a thread of its own, which the end of the process does not wait for."""

    daemon_threads = True
    block_on_close = False


class _Quiet(WSGIRequestHandler):
    """Logs nothing: standard error is for what happens to the accounts."""

    def log_message(self, format: str, *_: object) -> None:  # noqa: A002 - so it is called there
        """See ``http.server``."""


class _Sample(NamedTuple):
    kind: str
    name: str
    about: str
    value: float
    labels: dict[str, str]


def _sample(kind: str, name: str, about: str, value: float, **labels: str) -> _Sample:
    return _Sample(kind, f"listenkey_{name}", about, value, labels)


@dataclass(slots=True)
class Gauges:
    """One account, as the metrics see it.

    Attributes:
        stream: Its stream, while one is open.
        key: Its key, while one is open that has no stream.
    """

    stream: UserStream | None = None
    key: ListenKey | None = None
    _gaps: Counter[str] = field(default_factory=Counter)
    _gap_seconds: float = 0.0

    def saw(self, gap: Gap) -> None:
        """The stream has told its user of ``gap``."""
        self._gaps[gap.cause] += 1
        if gap.cause != "opened":
            self._gap_seconds += gap.duration

    def samples(self) -> list[_Sample]:
        """How it is now; to be asked for in trio's thread."""
        stream = None if self.stream is None else self.stream.statistics()
        key = stream.key if stream is not None else None if self.key is None else self.key.statistics()
        lives = stream.is_live if stream is not None else key is not None and key.expires_at > trio.current_time()
        about = "Whether a fill would be received now. Without a stream: whether the key is presumed alive."
        return [
            _sample("gauge", "live", about, lives),
            *(_of_stream(stream) if stream is not None else ()),
            *(_of_key(key) if key is not None else ()),
            *(_sample("counter", "gaps", "Gaps reported", count, cause=cause) for cause, count in self._gaps.items()),
            _sample("counter", "gap_seconds", "Length of the gaps", self._gap_seconds),
        ]


def _of_stream(stream: StreamStatistics) -> Iterator[_Sample]:
    yield _sample("counter", "connects", "Sockets opened", stream.connects)
    yield _sample("counter", "drops", "Sockets lost or refused", stream.disconnects + stream.failed_connects)
    yield _sample("counter", "events", "Events received", stream.events)


def _of_key(key: KeyStatistics) -> Iterator[_Sample]:
    left = max(0.0, key.expires_at - trio.current_time())
    yield _sample("gauge", "key_seconds_left", "How long the key is presumed alive", left)
    yield _sample("counter", "renewals", "Successful keepalives", key.renewed)
    yield _sample("counter", "retries", "Failed requests", key.retries)
    yield _sample("counter", "losses", "Keys found dead", key.losses)


class Metrics:
    """The metrics of all accounts of a command, and where they are served.

    Args:
        host: The address to listen at.
        port: The port; ``None`` serves nothing.
    """

    def __init__(self, host: str, port: int | None) -> None:
        self._host, self._port = host, port
        self._accounts: dict[str, Gauges] = {}

    def account(self, name: str) -> Gauges:
        """What is told of the account of that name."""
        return self._accounts.setdefault(name, Gauges())

    @asynccontextmanager
    async def served(self) -> AsyncIterator[None]:
        """Serve them for as long as the block lasts.

        Raises:
            click.ClickException: The port is taken, or the address none of this machine's.
        """
        if self._port is None:
            yield
            return
        client: Any = import_module("prometheus_client")
        registry = client.CollectorRegistry()
        registry.register(_Collector(self._collect))
        try:
            server = make_server(self._host, self._port, client.make_wsgi_app(registry), _Server, _Quiet)
        except OSError as error:
            raise click.ClickException(f"metrics at {self._host} port {self._port}: {error.strerror}") from None
        thread = Thread(target=server.serve_forever, args=(_LOOK,), daemon=True, name="metrics")
        thread.start()
        try:
            yield
        finally:
            # It may be asking trio's thread, which has to answer meanwhile: so it is told to end from another one.
            with trio.CancelScope(shield=True):
                await trio.to_thread.run_sync(server.shutdown)
            server.server_close()

    def _collect(self) -> list[tuple[str, _Sample]]:
        return [(name, sample) for name, account in self._accounts.items() for sample in account.samples()]


class _Collector:
    """Makes of samples what ``prometheus_client`` shows; called in a thread of its own."""

    def __init__(self, collect: Any) -> None:
        self._collect, self._token = collect, trio.lowlevel.current_trio_token()

    def describe(self) -> list[Any]:
        """Nothing, so that nothing is collected when it is registered: that would be in trio's own thread."""
        return []

    def collect(self) -> list[Any]:
        """All of them, each name once with all of its labels."""
        core: Any = import_module("prometheus_client.core")
        kinds = {"gauge": core.GaugeMetricFamily, "counter": core.CounterMetricFamily}
        families: dict[str, Any] = {}
        for account, sample in trio.from_thread.run_sync(self._collect, trio_token=self._token):
            labels = {"account": account, **sample.labels}
            if sample.name not in families:
                families[sample.name] = kinds[sample.kind](sample.name, sample.about, labels=list(labels))
            families[sample.name].add_metric(list(labels.values()), sample.value)
        return list(families.values())


def check_metrics(port: int | None) -> None:
    """See to it that metrics can be served, if they are asked for.

    Raises:
        click.UsageError: The extra is not installed.
    """
    if port is not None:
        try:
            import_module("prometheus_client")
        except ImportError:
            raise click.UsageError("--metrics-port needs: pip install 'trio-listenkey[metrics]'") from None
