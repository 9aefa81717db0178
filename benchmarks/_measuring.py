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
    """Print the best of each, their ratio, and the median of the ratios within each round.

    Whatever else the machine does can only make a run slower: the best is what the code costs. The median shows how
    much that was disturbed.
    """
    ratios = sorted(mine / theirs for mine, theirs in zip(ours, baseline, strict=True))
    print(
        f"{what:<36} ours {min(ours):8.3f} {unit}   baseline {min(baseline):8.3f} {unit}   "
        f"ratio of the best {min(ours) / min(baseline):.2f}   median ratio {statistics.median(ratios):.2f} "
        f"[{ratios[0]:.2f}..{ratios[-1]:.2f}]   goal {goal:.2f}"
    )
