"""What the benchmarks share: rounds that alternate, and ratios of what was measured in the same round."""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

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


def report(what: str, ours: Sequence[float], baseline: Sequence[float], unit: str, *, goal: float) -> None:
    """Print medians, and the ratio within each round: the machine's speed drifts, that does not."""
    ratios = sorted(mine / theirs for mine, theirs in zip(ours, baseline, strict=True))
    ratio = statistics.median(ratios)
    print(
        f"{what:<34} ours {statistics.median(ours):9.3f} {unit}   baseline {statistics.median(baseline):9.3f} {unit}   "
        f"ratio {ratio:.2f} [{ratios[0]:.2f}..{ratios[-1]:.2f}]   goal {goal:.2f}"
    )
