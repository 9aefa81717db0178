"""The page about clients of others. ``nox -s clients`` runs the programs themselves: that takes their packages."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAMS = ROOT / "docs" / "clients"
PAGE = (ROOT / "docs" / "other-clients.rst").read_text(encoding="utf-8")
sys.path.insert(0, str(ROOT / "tests" / "real_clients"))

from outcomes import CLIENTS, KnownClient  # noqa: E402 - it is no package that is installed

SAME_AS_USDM = {"npm_binance_coinm.mjs"}


def test_every_program_is_run() -> None:
    """By ``nox -s clients``; and none is left over."""
    assert {client.program for client in CLIENTS} == {each.name for each in PROGRAMS.glob("[!.]*.[pm]*")}


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.program)
def test_its_settings_are_shown(client: KnownClient) -> None:
    """The page cuts them out of the program by its marks, and nothing in them but the two names is from elsewhere."""
    text = (PROGRAMS / client.program).read_text(encoding="utf-8")
    comment = "//" if client.is_for_node else "#"
    before, settings, after = re.split(rf"^{comment} \[(?:settings|end)\]$", text, flags=re.MULTILINE)
    assert "test-api-key" in settings + after
    assert "EXCHANGE_WS" in before
    assert (f".. from clients/{client.program}" in PAGE) is (client.program not in SAME_AS_USDM)


def test_what_the_session_installs_is_what_was_measured() -> None:
    """With its version: the table is about that one."""
    installed = (ROOT / "noxfile.py").read_text(encoding="utf-8")
    assert [client.needs for client in CLIENTS if f'"{client.needs}"' not in installed] == []
