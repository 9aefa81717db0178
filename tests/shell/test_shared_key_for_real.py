"""``sharing=`` on the real clock: a file, sockets, and several runs of trio in one process."""

from __future__ import annotations

import threading
from pathlib import Path

import msgspec
import trio

from trio_listenkey import Credentials, Timing, open_listen_key, venues
from trio_listenkey.sharing import Register, SharedKey, SQLiteRegister
from trio_listenkey.testing import Exchange, ServedExchange, serve_exchange

ALICE = Credentials("the-api-key-of-alice")
TIMING = Timing(open_timeout=10, close_timeout=2, request_timeout=5)
BEAT, PATIENCE = 0.1, 4


def an_exchange() -> Exchange:
    exchange = Exchange(seed=1)
    exchange.add_account(ALICE.api_key, name="alice")
    return exchange


def closes(exchange: Exchange) -> int:
    return sum(entry.verb == "close" for entry in exchange.log)


async def test_runs_of_one_process_are_one_member(tmp_path: Path) -> None:
    """Each brings a register of its own, and one of them goes to it; when that one ends, another does."""
    exchange = an_exchange()
    leave = [threading.Event(), threading.Event()]
    async with serve_exchange(exchange) as served, trio.open_nursery() as nursery:
        register = SQLiteRegister(tmp_path / "shared.db")
        for event in leave:
            nursery.start_soon(trio.to_thread.run_sync, _hold, served, tmp_path / "shared.db", event)
            await _until_beats(register, exchange, leave.index(event) + 1)
        leave[0].set()
        await trio.sleep(1)
        before = await _members(register)
        assert len(before) == 1
        with trio.fail_after(20):
            while await _members(register) == before:
                await trio.sleep(BEAT)
        assert closes(exchange) == 0
        await trio.sleep(3 * PATIENCE * BEAT)
        leave[1].set()
        with trio.fail_after(20):
            while exchange.open_keys(served.now()):
                await trio.sleep(0.02)
        await register.aclose()
    assert closes(exchange) == 1


def _hold(served: ServedExchange, path: Path, leave: threading.Event) -> None:
    """A run of its own."""

    async def main() -> None:
        register: Register = SQLiteRegister(path)
        sharing = SharedKey(register, beat_every=BEAT, patience=PATIENCE)
        venue = served.venue_at(venues.BINANCE_USDM)
        async with open_listen_key(venue, ALICE, timing=TIMING, sharing=sharing):
            await trio.to_thread.run_sync(leave.wait, 30)
        await register.aclose()

    trio.run(main)


async def _until_beats(register: Register, exchange: Exchange, creates: int) -> None:
    with trio.fail_after(20):
        while sum(entry.verb == "create" for entry in exchange.log) < creates or not await _members(register):
            await trio.sleep(0.02)


async def _members(register: Register) -> list[bytes]:
    """Each member as it is written down: its counter changes with each beat."""
    names = msgspec.json.decode((await register.read("accounts"))[0] or b'{"accounts":{}}')["accounts"]
    raw = [(await register.read(name))[0] or b'{"members":{}}' for name in names]
    return [msgspec.json.encode(each) for document in raw for each in msgspec.json.decode(document)["members"].items()]
