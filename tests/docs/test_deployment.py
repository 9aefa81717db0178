"""What the documentation says of the command line as a service: the unit, the container, and the tables."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import tomllib
from configparser import RawConfigParser
from pathlib import Path

import pytest

from trio_listenkey._cli import commands
from trio_listenkey._cli._exit_codes import Exit

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "docs" / "deploy"
PAGE = (ROOT / "docs" / "cli.rst").read_text(encoding="utf-8")
UNIT = DEPLOY / "trio-listenkey.service"


def service() -> dict[str, str]:
    parser = RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(UNIT, encoding="utf-8")
    return dict(parser["Service"])


def parse(line: str) -> None:
    """Have Click read a command line as far as it can without running it: every option has to be one."""
    name, *arguments = shlex.split(line)
    assert Path(name).name == "trio-listenkey"
    command = commands.commands[arguments[0]]
    command.make_context(arguments[0], arguments[1:], resilient_parsing=False)


def test_the_unit_starts_a_command_that_there_is() -> None:
    """With options that it has; and it ends as the command ends."""
    told = service()
    parse(told["ExecStart"])
    fatal = {Exit.USAGE, Exit.CREDENTIALS, Exit.RETIRED, Exit.REFUSED}
    assert {int(code) for code in told["RestartPreventExitStatus"].split()} == fatal
    assert int(told["SuccessExitStatus"]) == Exit.TERMINATED
    assert int(told["TimeoutStopSec"]) > 10


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd here")
def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    """But for what is not installed on this machine: the program and the user."""
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace("/opt/trio-listenkey/bin/trio-listenkey", "/bin/true"))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_container_starts_the_command() -> None:
    """It installs extras that there are, and runs as no root."""
    text = (DEPLOY / "Containerfile").read_text(encoding="utf-8")
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    (installed,) = re.findall(r"/src\[(\w+)\]", text)
    assert installed in extras
    assert text.index("\nUSER listenkey\n") < text.index('\nENTRYPOINT ["trio-listenkey"]\n')


def test_every_command_on_the_page_is_one() -> None:
    """Its options included."""
    lines = re.findall(r"\$ (trio-listenkey [^|>&\n]*(?:\\\n[^|>&\n]*)*)", PAGE)
    assert len(lines) > 8
    for line in lines:
        parse(line.replace("\\\n", " "))


@pytest.mark.parametrize("directive", ["command-list", "exit-statuses", "doctor-steps"])
def test_tables_are_made_from_the_code(directive: str) -> None:
    """None of them is kept by hand."""
    assert f"\n.. {directive}::\n" in PAGE


@pytest.mark.parametrize("command", sorted(commands.commands))
def test_every_command_has_a_section(command: str) -> None:
    """The table of commands leads there."""
    assert f"\n.. _command-{command}:\n" in PAGE
