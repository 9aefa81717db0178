"""No secret of a stream shows: not in a log of anyone's at any level, not in a repr, not in an error (T1)."""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator

import pytest
import trio
from stream_watch import Diary
from test_secrets import API_KEY, API_SECRET, Everything, _all_of, _is_ours

from trio_listenkey import Credentials, Gap, ListenKeyError, Timing, UserStream, open_user_stream, venues
from trio_listenkey.connectors import Connector, TrioWebSocketConnector, WebSocketConnector, WebSocketsTrioConnector
from trio_listenkey.testing import (
    CloseSocket,
    Effect,
    Exchange,
    Fault,
    Garbage,
    Hang,
    Reset,
    ServedExchange,
    Status,
    api_error,
    serve_exchange,
    service_unavailable,
)
from trio_listenkey.transports import HTTPCore2Transport

QUICK = Timing(
    request_timeout=0.3,
    open_timeout=1.5,
    close_timeout=0.5,
    retry_base=0.02,
    retry_cap=0.05,
    connect_timeout=0.3,
    ping_every=0.2,
    silence_check_every=0.3,
)


class Watching(Diary):
    """Keeps the repr of everything that it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: list[str] = []

    def dropped(self, venue: str, generation: int, error: object) -> None:
        self.shown += _all_of(error) if isinstance(error, BaseException) else [repr(error)]

    def gap(self, venue: str, generation: int, gap: Gap) -> None:
        self.shown.append(repr(gap))


@pytest.fixture
def everything() -> Iterator[Everything]:
    handler, root = Everything(), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield handler
    root.setLevel(level)
    root.removeHandler(handler)


@pytest.mark.parametrize(
    "kind", [WebSocketConnector, TrioWebSocketConnector, WebSocketsTrioConnector], ids=lambda kind: kind.__name__
)
async def test_no_secret_shows(kind: type[WebSocketConnector], everything: Everything) -> None:
    """Over real sockets and TLS, through an eventful life with every logger at DEBUG, and through failed openings."""
    shown: list[str] = []
    exchange = Exchange(seed=7)
    exchange.add_account(API_KEY, name="alice")
    async with serve_exchange(exchange, tls=True) as served:
        transport = HTTPCore2Transport(ssl_context=served.ssl_context())
        connector = kind(ssl_context=served.ssl_context())
        shown += await _eventful_life(served, transport, connector)
        for effect in (Status(401), Status(503, b"no"), Hang(), Reset(), Garbage()):
            shown += await _failed_opening(served, transport, connector, effect)
        exchange.clear_faults()
        exchange.add_faults(Fault(verb="keepalive", effect=api_error(401, -2015, "Invalid API-key.")))
        shown += await _failed_key(served, transport, connector)
        await transport.aclose()
    shown += everything.lines
    shown += [f"{each!r} {each!s}" for each in gc.get_objects() if _is_ours(each)]
    secrets = {API_KEY, API_SECRET, *exchange.keys_ever}
    assert len(secrets) >= 9
    assert len(shown) > 300
    for secret in secrets:
        assert not [each for each in shown if secret in each]


async def _eventful_life(served: ServedExchange, transport: HTTPCore2Transport, connector: Connector) -> list[str]:
    """Events, every way for a socket to end, a key that dies with and without a word, and keepalives that fail."""
    exchange, diary, shown = served.exchange, Watching(), list[str]()
    strikes: list[Effect] = [Reset(), CloseSocket(1001, "API key and listen key: none of your business"), Garbage()]
    async with open_user_stream(
        served.venue_at(venues.BINANCE_USDM),
        Credentials(API_KEY, API_SECRET),
        transport=transport,
        connector=connector,
        timing=QUICK,
        instrument=diary,
    ) as stream:
        for strike in strikes:
            exchange.add_faults(Fault(verb="connect", effect=Status(503), count=1))
            exchange.emit("alice", served.now())
            exchange.strike_sockets(strike, served.now())
            shown += await _up_to_a_gap(stream)
        exchange.add_faults(Fault(verb="keepalive", effect=service_unavailable(), count=1))
        for announced in (True, False):
            exchange.kill_key("alice", served.now(), announced=announced)
            shown += await _up_to_a_gap(stream)
    return [*shown, *diary.shown, repr(stream), repr(stream.key), repr(stream.statistics())]


async def _up_to_a_gap(stream: UserStream) -> list[str]:
    shown = [repr(stream), repr(stream.statistics())]
    with trio.fail_after(5):
        async for item in stream:
            shown.append(repr(item))
            if isinstance(item, Gap):
                break
    return shown


async def _failed_opening(
    served: ServedExchange, transport: HTTPCore2Transport, connector: Connector, effect: Effect
) -> list[str]:
    served.exchange.clear_faults()
    served.exchange.add_faults(Fault(verb="connect", effect=effect))
    with pytest.raises(ListenKeyError) as caught:
        async with open_user_stream(
            served.venue_at(venues.BINANCE_USDM),
            Credentials(API_KEY, API_SECRET),
            transport=transport,
            connector=connector,
            timing=Timing(open_timeout=0.2, connect_timeout=0.1, close_timeout=0.5),
        ):
            raise AssertionError
    return _all_of(caught.value)


async def _failed_key(served: ServedExchange, transport: HTTPCore2Transport, connector: Connector) -> list[str]:
    with pytest.raises(ListenKeyError) as caught:
        async with open_user_stream(
            served.venue_at(venues.BINANCE_USDM),
            Credentials(API_KEY, API_SECRET),
            transport=transport,
            connector=connector,
            timing=QUICK,
        ) as stream:
            async for _ in stream:
                pass
    return _all_of(caught.value)


def test_broken_connector_shows_nothing(everything: Everything) -> None:
    """An exception that has the URL in it is told by its kind and place alone."""
    from trio.testing import MockClock

    exchange = Exchange(seed=1)
    exchange.add_account(API_KEY, name="alice")

    class Chatty:
        def connect(self, url: str) -> None:
            raise ValueError(url)

    async def main() -> list[str]:
        from trio_listenkey.testing import MemoryTransport

        with pytest.raises(ListenKeyError) as caught:
            async with open_user_stream(
                venues.BINANCE_USDM,
                Credentials(API_KEY),
                transport=MemoryTransport(exchange),
                connector=Chatty(),  # type: ignore[arg-type]
            ):
                raise AssertionError
        return _all_of(caught.value)

    shown = trio.run(main, clock=MockClock(autojump_threshold=0)) + everything.lines
    assert any("raised ValueError at" in each for each in shown)
    for secret in (API_KEY, *exchange.keys_ever):
        assert not [each for each in shown if secret in each]
