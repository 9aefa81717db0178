"""What holds for all tests: how to run a part of them."""

from __future__ import annotations

import re
import sys
from zlib import crc32

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--part``."""
    parser.addoption(
        "--part",
        metavar="N/M",
        help="run the Nth of M parts of the cases, from 1; each case is in one part, always the same",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the other parts out."""
    text = config.getoption("--part")
    if text is None:
        return
    match = re.fullmatch(r"([1-9]\d*)/([1-9]\d*)", text)
    if match is None or not (part := int(match[1])) <= (parts := int(match[2])):
        raise pytest.UsageError(f"--part={text} is none: write --part=1/3 for the first of three")
    chosen = [item for item in items if crc32(item.nodeid.encode()) % parts == part - 1]
    left_out = [item for item in items if crc32(item.nodeid.encode()) % parts != part - 1]
    config.hook.pytest_deselected(items=left_out)
    items[:] = chosen


def pytest_collection_finish() -> None:
    """Have hypothesis' table of all characters made, before any test's examples are timed.

    In a fresh clone that takes a second of CPU, in each process. The first test that draws a text would pay for it, and
    fail by the health check "too slow" on a machine that is busy.
    """
    if "hypothesis" in sys.modules:  # else no test draws anything
        from hypothesis import strategies as st

        st.text().validate()
