"""The soak of ``benchmarks/soak.py``, for seconds."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import trio_listenkey

SOAK = Path(__file__).parents[2] / "benchmarks" / "soak.py"


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="it reads its memory from /proc")
def test_the_books_balance_over_real_sockets() -> None:
    """Two streams, three seconds of faults, and every event was delivered or told as missing."""
    package = Path(trio_listenkey.__file__).parent.parent  # whichever is being tested, in both processes
    done = subprocess.run(
        [sys.executable, SOAK, "--streams=2", "--seconds=3", "--peace=1"],
        env={**os.environ, "PYTHONPATH": str(package)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("the books balance\n")
