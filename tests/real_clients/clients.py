"""Clients that no one here wrote, against the exchange as a process: unmodified but for their base URLs.

Run by ``nox -s clients``, which installs them; the name of this file keeps it out of the ordinary run.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest
from observing import FACTOR, Client, Process, a_client, an_exchange, wait_until
from outcomes import CLIENTS, KnownClient

# A client that reconnects does so at its next keepalive at the latest; one that is still deaf by the time of the third
# stays so.
WINDOW = 3.0
LEAST = 10.0


def _named(client: KnownClient) -> str:
    return client.program.partition(".")[0]


@pytest.fixture(params=CLIENTS, ids=_named)
def known(request: pytest.FixtureRequest) -> KnownClient:
    client: KnownClient = request.param
    if client.is_for_node and shutil.which("node") is None:
        pytest.skip("Node is not here")
    return client


def begin(known: KnownClient, exchange: Process, client: Client) -> None:
    """Wait for its stream, and for an event on it, and for a keepalive, if it has any."""
    wait_until(lambda: exchange.is_heard() or client.ended(), "a stream")
    # A subscription's answer may still be under way; an event that comes before it may be lost on the client.
    time.sleep(1)
    exchange.emit()
    wait_until(lambda: client.printed(known.mark) or client.ended(), "the event")
    assert client.printed(known.mark), client.errors()
    if known.keepalive is not None:
        wait_until(lambda: len(exchange.entries("create", "keepalive")) > 1, "a keepalive")


def asked_first(exchange: Process) -> bool:
    """Whether it had asked about its key when it got another: by a keepalive that was refused, or by a create."""
    refused = [entry for entry in exchange.entries("keepalive") if entry["status"] != 200]
    before = [entry for entry in exchange.entries("create", "keepalive") if entry["work"] == "renewed"]
    return bool(refused) or any(entry["verb"] == "create" for entry in before)


def outcome(known: KnownClient, exchange: Process, client: Client) -> str:
    """What becomes of a client whose key has just died."""
    seconds = max(LEAST, WINDOW * (known.keepalive or 0.0) * 60 / FACTOR) + known.slow
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if client.ended():
            return "ends"
        if exchange.is_heard():
            return "reconnects" if known.keepalive is None or asked_first(exchange) else "at once"
        time.sleep(0.05)
    return "deaf"


@pytest.mark.parametrize("announced", [True, False], ids=["announced", "silent"])
def test_a_client_that_no_one_here_wrote(known: KnownClient, announced: bool, tmp_path: Path) -> None:
    """It opens its stream, hears an event and keeps its key alive; what it does when that dies is as the page says."""
    with (
        an_exchange(*known.dialects) as exchange,
        a_client(known.program, exchange, tmp_path / "stderr", known.environment) as client,
    ):
        begin(known, exchange, client)
        exchange.kill(announced=announced)
        assert outcome(known, exchange, client) == (known.announced if announced else known.silent), client.errors()


def test_at_the_end(known: KnownClient, tmp_path: Path) -> None:
    """Ctrl-C: it leaves its key to expire, or closes it."""
    with (
        an_exchange(*known.dialects) as exchange,
        a_client(known.program, exchange, tmp_path / "stderr", known.environment) as client,
    ):
        begin(known, exchange, client)
        client.interrupt()
        assert bool(exchange.entries("close")) is known.closes, client.errors()
