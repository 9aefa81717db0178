"""The page about registers does what it says."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest
import trustme
from register_kits import Servers

from trio_listenkey.sharing import RedisRegister

PAGE = (Path(__file__).parents[3] / "docs" / "registers.rst").read_text(encoding="utf-8")
BLOCKS = [
    textwrap.dedent(block)
    for block in re.findall(r"^\.\. code-block:: python\n\n((?:   .*\n|\n)+)", PAGE, flags=re.MULTILINE)
]


@pytest.mark.parametrize("block", BLOCKS, ids=range(1, len(BLOCKS) + 1))
def test_each_program_runs(block: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Alone, as it stands there, but for the authority's file."""
    authority = tmp_path / "authority.pem"
    trustme.CA().cert_pem.write_to_path(str(authority))
    exec(block.replace("/etc/ssl/our-authority.pem", str(authority)), {"__name__": "program"})
    assert ("the register in memory is away" in capsys.readouterr().out) == ("away = True" in block)


async def test_a_user_with_few_rights(servers: Servers, name: str) -> None:
    """The rights on the page are enough, to the letter; all others are taken away."""
    (rule,) = re.findall(r"^   (ACL SETUSER .*)$", PAGE, flags=re.MULTILINE)
    server = servers.valkey("locked")
    assert server.ask(*rule.split()) == "OK"
    for end in ("", "/1"):
        if end:
            assert server.ask("ACL", "SETUSER", "bots", "+select") == "OK"
        register = RedisRegister(server.url("bots:PASSWORD@", end))
        assert await register.read(name) == (None, "0")
        assert await register.swap(name, "0", b"x")
        assert (await register.read(name))[0] == b"x"
        await register.aclose()
    assert "no permissions" in server.ask("ACL", "DRYRUN", "bots", "GET", "anything")
