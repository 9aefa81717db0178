"""Runs each conformance test over each register; the servers are started once."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from register_kits import ENGINES, Kit, Servers


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """The servers that all tests may use together."""
    # The path of a Unix socket has to be short.
    with tempfile.TemporaryDirectory(prefix="tlk") as directory, ExitStack() as stack:
        yield Servers(Path(directory), stack)


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A directory for a server of the test's own."""
    with tempfile.TemporaryDirectory(prefix="tlk") as directory:
        yield Path(directory)


@pytest.fixture(params=list(ENGINES))
def kit(request: pytest.FixtureRequest, tmp_path: Path, servers: Servers) -> Kit:
    """One place after the other. What earlier tests wrote is still there, under other names."""
    return ENGINES[request.param](tmp_path, servers)


@pytest.fixture
def name() -> str:
    """The name of a document that no other test knows."""
    return secrets.token_hex(20)
