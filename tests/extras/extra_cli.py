"""The extra ``cli``: the command, and a whole demo."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

COMMAND = str(Path(sys.executable).with_name("trio-listenkey"))


def output_of(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


assert version("trio-listenkey") in output_of(COMMAND, "--version")
assert output_of(sys.executable, "-m", "trio_listenkey", "--help") == output_of(COMMAND, "--help")
story = output_of(COMMAND, "demo", "--plain")
assert "closed" in story, story
