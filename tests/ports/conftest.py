"""What holds for the tests of all ports: they run in the clear and over TLS, and leave nothing open."""

from __future__ import annotations

import gc
import ssl
from collections.abc import Iterator

import pytest
from throwaway_tls import server_tls


@pytest.fixture(params=["clear", "tls"])
def tls(request: pytest.FixtureRequest) -> ssl.SSLContext | None:
    """The server's side of TLS, or none."""
    return server_tls() if request.param == "tls" else None


@pytest.fixture(autouse=True)
def _nothing_left_open() -> Iterator[None]:
    """A socket or a file that nobody closed warns when it is collected, and warnings are errors."""
    yield
    gc.collect()


@pytest.fixture(scope="session", autouse=True)
def _quick_collections() -> Iterator[None]:
    """Each test ends in a garbage collection, which need not look at all of pytest each time."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()
