"""Programs that share a key, as processes: the shortest scenarios, on SQLite. ``nox -s sharing`` runs all of them."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import trio
from sharing_engines import File
from sharing_scenarios import Office, keeper_killed, open_office, two_leave_at_once

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the programs are stopped by signals")


async def test_processes_share_a_key(tmp_path: Path) -> None:
    """A keeper is killed and replaced, the key is never missing; and of two that leave at once one closes."""
    async with trio.open_nursery() as nursery:
        for scenario in (keeper_killed, two_leave_at_once):
            nursery.start_soon(_play, scenario, tmp_path / f"{scenario.__name__}.db")


async def _play(scenario: Callable[[Office], Awaitable[None]], path: Path) -> None:
    async with open_office(File(path)) as office:
        await scenario(office)
