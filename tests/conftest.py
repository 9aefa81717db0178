"""What holds for all tests: how to run a part of them, and which ones are not measured."""

from __future__ import annotations

import re
import sys
from collections.abc import Generator
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


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Run a test that is marked ``no_cover`` without coverage's tracer.

    On the Python that coverage is measured on, every line that runs while there is a tracer, whosever it is, takes
    more than twice the time. A long test takes half of the suite's, and reaches no line that a short one does not. A
    line that only long ones reach is missing in the report: it wants a test that says what the line is for.
    """
    tracer = sys.gettrace()
    if tracer is None or item.get_closest_marker("no_cover") is None:
        return (yield)
    sys.settrace(None)  # of this thread; others, and processes that the test starts, are measured
    try:
        return (yield)
    finally:
        sys.settrace(tracer)


def pytest_collection_finish() -> None:
    """Have hypothesis' table of all characters made, before any test's examples are timed.

    In a fresh clone that takes a second of CPU, in each process. The first test that draws a text would pay for it, and
    fail by the health check "too slow" on a machine that is busy.
    """
    if "hypothesis" in sys.modules:  # else no test draws anything
        from hypothesis import strategies as st

        st.text().validate()
