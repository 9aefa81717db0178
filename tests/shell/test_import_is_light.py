"""An import brings what it takes, and no library for which there may be no use."""

from __future__ import annotations

import subprocess
import sys

import pytest

CLIENTS = {
    "anyio",
    "asks",
    "h11",
    "hiredis",
    "httpcore2",
    "httpx",
    "httpx2",
    "python_socks",
    "trio_websocket",
    "websockets",
}
SERVERS = {"cryptography", "trustme", "wsproto"}
SCREENS = {"click", "rich"}
ADAPTERS = {"_asks", "_httpcore2", "_httpx", "_trio_websocket", "_websockets_core", "_websockets_trio"}
REGISTERS = {"_redis", "_sqlite"}


def imported_by(code: str) -> set[str]:
    """What is imported at the end of ``code`` in a fresh interpreter in which warnings are errors."""
    code += "\nimport sys\nprint(*sys.modules)"
    # S603: the code is ours.
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "module",
    ["", ".__main__", ".connectors", ".resync", ".sharing", ".testing", ".testing.control", ".transports", ".venues"],
)
def test_no_library_comes_before_it_is_used(module: str) -> None:
    """Neither the core's own clients nor what an extra brings."""
    assert imported_by(f"import trio_listenkey{module}") & (CLIENTS | SERVERS | SCREENS) == set()


def test_importing_makes_no_dataclass() -> None:
    """A frozen dataclass takes forty times as long to make as a struct; and msgspec reads and writes JSON."""
    ours = imported_by("import trio_listenkey") - imported_by("import trio, msgspec")
    assert ours & {"dataclasses", "json"} == set()
    assert not any("dead_man" in name for name in ours)  # most programs do without


def test_what_is_for_tests_stays_out() -> None:
    """The exchange, pytest, which trio.testing imports where it finds it, and the command line."""
    imported = imported_by(
        "import trio_listenkey, trio_listenkey.connectors, trio_listenkey.sharing, trio_listenkey.transports"
    )
    assert imported & {"pytest", "trio.testing", "trio_listenkey._cli", "trio_listenkey.testing"} == set()
    assert "trio_listenkey.resync" not in imported  # nor what only some programs need
    ours = {name.rpartition(".")[2] for name in imported if name.startswith("trio_listenkey")}
    assert ours & (ADAPTERS | REGISTERS) == set()


EVENTS = """
import sys
from trio_listenkey import UserEvent, events, venues

def imported():
    return {name.rpartition(".")[2] for name in sys.modules if name.startswith("trio_listenkey.events.")}

before = imported()
assert UserEvent(b'{"e":"listenKeyExpired","E":1}', 0.0, reader=venues.BINANCE_USDM.events.reader()).parsed
assert imported() - before == {"usdm", "_futures", "_record"}, imported() - before
assert before == {"_types", "_decoders"}, before
"""


def test_events_come_when_the_first_is_read() -> None:
    """Those of one product, and no others."""
    imported_by(EVENTS)


def test_a_key_takes_no_websocket_library() -> None:
    """Nor an HTTP client, if its transport does without."""
    life = """
import trio
from trio_listenkey import Credentials, open_listen_key, venues
from trio_listenkey.testing import Exchange, MemoryTransport

async def main():
    exchange = Exchange()
    exchange.add_account("the-api-key-of-alice")
    transport = MemoryTransport(exchange)
    async with open_listen_key(venues.BINANCE_USDM, Credentials("the-api-key-of-alice"), transport=transport) as key:
        assert key.value

trio.run(main)
"""
    imported = imported_by(life)
    assert imported & (CLIENTS | SERVERS | SCREENS) == set()
    # Nothing, either, of what is for those who share a key.
    assert imported & {"trio_listenkey._core._sharing", "trio_listenkey._shell._share"} == set()
    assert not any(name.startswith("trio_listenkey.sharing") for name in imported)
