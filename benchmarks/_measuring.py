"""What the benchmarks share: rounds that alternate, ratios of what was measured in the same round, and rows with goals.

A benchmark tells each figure by :func:`row`. ``economy.py`` runs them all, and prints the rows as one table.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import inf
from pathlib import Path

BROKEN: list[str] = []
"""The rows of this process that are worse than the documentation says."""

EXCHANGE = """
import sys, trio
from trio_listenkey.testing import Exchange, serve_exchange

async def main():
    exchange = Exchange(log_size=1)
    exchange.add_account("an-api-key")
    async with serve_exchange(exchange) as served:
        print(served.rest_url, served.stream_url, flush=True)
        await trio.to_thread.run_sync(sys.stdin.read)  # until the benchmark closes it

trio.run(main)
"""


@contextmanager
def exchange_in_another_process() -> Iterator[tuple[str, str]]:
    """The REST and stream URLs of an exchange whose work does not count as the client's."""
    with subprocess.Popen(
        [sys.executable, "-c", EXCHANGE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        rest_url, stream_url = process.stdout.readline().split()
        yield rest_url, stream_url
        process.communicate()


def row(what: str, value: float, unit: str, goal: float, *, promise: float = inf, more_is_better: bool = False) -> None:
    """Print a figure and its goal, and keep it for the table of all.

    Args:
        what: What was measured.
        value: The figure.
        unit: Its unit.
        goal: What it should be, at most; at least, with ``more_is_better``.
        promise: What the documentation says that it is, at most or at least. A worse figure makes the benchmark fail.
        more_is_better: For rates.
    """
    sign = -1 if more_is_better else 1
    is_broken = promise != inf and sign * value > sign * promise
    verdict = "BROKEN" if is_broken else "met" if sign * value <= sign * goal else "missed"
    fields: dict[str, str | float] = {"what": what, "value": value, "unit": unit, "goal": goal, "verdict": verdict}
    print(line_of(fields), flush=True)
    if is_broken:
        BROKEN.append(what)
    if "BENCHMARK_ROWS" in os.environ:
        with Path(os.environ["BENCHMARK_ROWS"]).open("a") as file:
            file.write(json.dumps(fields) + "\n")


def line_of(fields: dict[str, str | float]) -> str:
    """A row as it is printed."""
    what, value, unit, goal, verdict = fields.values()
    return f"{what:<72} {value:10.2f} {unit:<5} goal {goal:8.2f}  {verdict}"


def report(what: str, ours: Sequence[float], baseline: Sequence[float], unit: str, *, goal: float) -> None:
    """Print the best of each, and as a row the ratio of the two.

    Whatever else the machine does can only make a run slower: the best is what the code costs. The median of the ratios
    within each round shows how much that was disturbed.
    """
    ratios = sorted(mine / theirs for mine, theirs in zip(ours, baseline, strict=True))
    print(
        f"    {what}: ours {min(ours):.3f} {unit}, baseline {min(baseline):.3f} {unit}; "
        f"median ratio {statistics.median(ratios):.2f} [{ratios[0]:.2f}..{ratios[-1]:.2f}]"
    )
    row(what, min(ours) / min(baseline), "x", goal)
