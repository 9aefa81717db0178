"""Run code where nothing has been imported yet."""

from __future__ import annotations

import subprocess
import sys
import textwrap

__all__ = ["run"]


def run(code: str) -> None:
    """Run ``code`` in a fresh interpreter in which warnings are errors."""
    # S603: the code is ours.
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(code)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
