"""Runs each conformance test over each connector that is installed, in the clear and over TLS."""

from __future__ import annotations

import gc
import ssl
from collections.abc import Iterator

import pytest
from connector_kits import CONNECTORS, Make, server_tls


@pytest.fixture(params=list(CONNECTORS.values()), ids=list(CONNECTORS))
def make(request: pytest.FixtureRequest) -> Make:
    found: Make = request.param
    return found


@pytest.fixture(params=["ws", "wss"])
def tls(request: pytest.FixtureRequest) -> ssl.SSLContext | None:
    """The server's side of TLS, or none."""
    return server_tls() if request.param == "wss" else None


@pytest.fixture(autouse=True)
def _nothing_left_open() -> Iterator[None]:
    """A socket that nobody closed warns when it is collected, and warnings are errors."""
    yield
    gc.collect()


@pytest.fixture(scope="session", autouse=True)
def _quick_collections() -> Iterator[None]:
    """Each test ends in a garbage collection, which need not look at all of pytest each time."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()
