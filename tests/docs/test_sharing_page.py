"""The page about sharing does what it says."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import Any

import msgspec
import trio

from trio_listenkey import venues
from trio_listenkey._cli import commands
from trio_listenkey.sharing import SQLiteRegister
from trio_listenkey.testing import Exchange, serve_exchange

PAGE = (Path(__file__).parents[2] / "docs" / "sharing.rst").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    found = re.findall(rf"^\.\. code-block:: {language}\n\n((?:   .*\n|\n)+)", PAGE, flags=re.MULTILINE)
    return [textwrap.dedent(block) for block in found]


async def test_the_program_shares_the_key(tmp_path: Path, monkeypatch: Any) -> None:
    """As it stands there, but for where the exchange and the file are."""
    (program,) = blocks("python")
    path = tmp_path / "shared.db"
    monkeypatch.setenv("BINANCE_API_KEY", "the-api-key-of-alice")
    exchange = Exchange(seed=1)
    exchange.add_account("the-api-key-of-alice", name="alice")
    told: list[Any] = []
    async with serve_exchange(exchange) as served:
        monkeypatch.setattr(venues, "BINANCE_USDM", served.venue_at(venues.BINANCE_USDM))
        names: dict[str, Any] = {"print": told.append}
        exec(program.replace("/var/lib/bots/shared.db", str(path)).replace("trio.run(main)", ""), names)
        with trio.fail_after(20):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(names["main"])
                while not told:
                    await trio.sleep(0.02)
                register = SQLiteRegister(path)
                index = (await register.read("accounts"))[0]
                await register.aclose()
                nursery.cancel_scope.cancel()
    assert told[0].cause == "opened"
    assert list(msgspec.json.decode(index or b"{}")["accounts"].values()) == ["binance-usdm"]


def test_every_command_on_the_page_is_there() -> None:
    """With the options that it is given."""
    lines = "".join(blocks("console")).replace("\\\n", " ").splitlines()
    called = [line.split()[2:] for line in lines if line.startswith("$ trio-listenkey ")]
    assert [words[0] for words in called] == ["exchange", "hold", "members"]
    for name, *words in called:
        known = {option for parameter in commands.commands[name].params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= known
