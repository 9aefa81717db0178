"""All scenarios over processes, on both engines: ``nox -s sharing``. It takes about six minutes."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
import trio
from sharing_engines import File, Server
from sharing_scenarios import SCENARIOS, Engine, Office, open_office


@pytest.fixture(params=["valkey", "sqlite"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    if request.param == "sqlite":
        (tmp_path / "shared").mkdir()
        yield File(tmp_path / "shared" / "keys.db")
    else:
        server = Server()
        yield server
        server.stop()


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda each: each.__name__)
async def test_scenario(engine: Engine, scenario: Callable[[Office], Awaitable[None]]) -> None:
    """The key is never missing while somebody lives, and nobody who lives is hurt."""
    start = time.monotonic()
    async with open_office(engine) as office:
        await scenario(office)
        print(  # noqa: T201 - shown by `pytest -rP`
            f"{time.monotonic() - start:.1f} s, {len(office.bots)} programs: {dict(office.verbs)}, "
            f"{office.seconds_without:.2f} s without a key at the end; {office.measured}"
        )


async def test_the_same_bots_alone(engine: Engine) -> None:
    """What the exchange is asked by ten programs in 20 seconds: with sharing, and without."""
    asked = []
    for alone in (False, True):
        async with open_office(engine) as office:
            bots = [await office.start(alone=alone) for _ in range(10)]
            before = office.verbs
            await trio.sleep(20)
            asked.append(office.verbs - before)
            async with trio.open_nursery() as nursery:
                for bot in bots:
                    nursery.start_soon(bot.stop)
            print(f"alone={alone}: {dict(office.verbs)}")  # noqa: T201 - as above
    shared, alone_ones = asked
    assert shared.total() * 5 < alone_ones.total()
