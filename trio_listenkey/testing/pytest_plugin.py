"""The pytest plugin: an exchange as fixtures. It is found by pytest where this library is installed.

It is loaded in every pytest run, whether or not there is a listen key in it. So it imports nothing of the library
until a fixture is asked for.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .._settings import Credentials
    from .._venue._venue import Venue
    from ..events import usdm
    from . import Exchange, MemoryConnector, MemoryTransport, ServedExchange

__all__ = [
    "listen_key_connector",
    "listen_key_credentials",
    "listen_key_exchange",
    "listen_key_transport",
    "listen_key_venue",
    "served_listen_key_exchange",
]

# ruff: noqa: PLC0415 - see above

_API_KEY = "test-api-key"
_SERVER_OPTIONS = {"tls", "time_scale", "port", "certificate_for"}
_SHOWN = 200  # requests in the report of a failed test
_EXCHANGE: pytest.StashKey[Any] = pytest.StashKey()


def pytest_configure(config: pytest.Config) -> None:
    """Make the markers known."""
    config.addinivalue_line(
        "markers",
        "listen_key_faults(*faults): what goes wrong at this test's listen-key exchange, and when: "
        "Fault objects, or their short form, 'keepalive#2=service_unavailable'.",
    )
    config.addinivalue_line(
        "markers",
        "listen_key_exchange(**options): how this test's listen-key exchange is made: arguments of Exchange, and "
        "for served_listen_key_exchange those of serve_exchange.",
    )


@pytest.fixture
def listen_key_exchange(request: pytest.FixtureRequest) -> Exchange:
    """An exchange with one account, ``"test"``; in memory, on the clock of whoever asks it."""
    from . import Exchange
    from ._control._fault_json import fault_from_json

    options = {name: value for name, value in _options(request).items() if name not in _SERVER_OPTIONS}
    exchange = Exchange(**options)
    exchange.add_account(_API_KEY, name="test")
    # The nearest mark comes first, and what stands above it is added to it.
    for mark in request.node.iter_markers("listen_key_faults"):
        exchange.add_faults(*(fault_from_json(each) if isinstance(each, str | dict) else each for each in mark.args))
    request.node.stash[_EXCHANGE] = exchange
    return exchange


@pytest.fixture
def listen_key_transport(listen_key_exchange: Exchange) -> MemoryTransport:
    """A transport to ``listen_key_exchange`` without sockets, on trio's clock."""
    from . import MemoryTransport

    return MemoryTransport(listen_key_exchange)


@pytest.fixture
def listen_key_connector(listen_key_exchange: Exchange) -> MemoryConnector:
    """A connector to ``listen_key_exchange`` without sockets, on trio's clock."""
    from . import MemoryConnector

    return MemoryConnector(listen_key_exchange)


@pytest.fixture
def listen_key_credentials() -> Credentials:
    """What ``listen_key_exchange`` lets in."""
    from .._settings import Credentials

    return Credentials(_API_KEY)


@pytest.fixture
def listen_key_venue() -> Venue[usdm.Event]:
    """Binance's USD-M futures at an address that does not exist, so that no test asks the real one."""
    from .. import venues

    return venues.BINANCE_USDM.at("https://exchange.test", "wss://exchange.test")


@pytest.fixture
async def served_listen_key_exchange(
    request: pytest.FixtureRequest, listen_key_exchange: Exchange
) -> AsyncIterator[ServedExchange]:
    """``listen_key_exchange`` on a loopback port, over real sockets and by the real clock."""
    from . import serve_exchange

    options = {name: value for name, value in _options(request).items() if name in _SERVER_OPTIONS}
    async with serve_exchange(listen_key_exchange, **options) as served:
        yield served


def _options(request: pytest.FixtureRequest) -> dict[str, Any]:
    # The nearest mark comes first, and wins.
    options: dict[str, Any] = {}
    for mark in request.node.iter_markers("listen_key_exchange"):
        options = {**mark.kwargs, **options}
    return options


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what the exchange saw, if the test failed."""
    report = yield
    exchange = item.stash.get(_EXCHANGE, None)
    if report.failed and exchange is not None:
        from ._control._log_reader import log_line

        lines = [log_line(entry) for entry in exchange.log]
        hidden = max(0, len(lines) - _SHOWN)
        head = [f"... {hidden} earlier requests"] if hidden else []
        report.sections.append(("Requests at the listen-key exchange", "\n".join([*head, *lines[hidden:]] or ["none"])))
    return report
