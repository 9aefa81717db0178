"""Runs each conformance test over each register; the servers are started once."""

from __future__ import annotations

import gc
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from register_kits import ENGINES, Kit, Servers, Valkey, serve_valkey

SETTINGS = {
    "new": [],
    "locked": ["--requirepass", "s3same"],
    # Without HELLO a server is one of before version 6: it knows nothing but RESP2.
    "old": ["--rename-command", "HELLO", "", "--requirepass", "s3same"],
}


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """Start a server that is known by its name, unless it runs."""
    running: dict[str, Valkey] = {}
    with ExitStack() as stack:
        # The path of a Unix socket has to be short.
        directory = Path(tempfile.mkdtemp(prefix="tlk"))
        stack.callback(shutil.rmtree, directory)

        def start(name: str) -> Valkey:
            if name not in running:
                running[name] = stack.enter_context(serve_valkey(directory / name, *SETTINGS[name]))
            return running[name]

        yield start


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
