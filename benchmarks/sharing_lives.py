"""Random lives of processes that share a key: how often is it closed under somebody, and why?

``python benchmarks/sharing_lives.py [LIVES]``; by default 100,000, which takes about a minute and a half. It fails if
a close hurt somebody for whom there is no excuse: what cannot be promised is in docs/sharing.rst.
"""

from __future__ import annotations

import sys
import time
from collections import Counter

from _sharing_world import UNEXCUSED, live


def main() -> int:
    """Live them, and print what came of it."""
    lives = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    counts: Counter[str] = Counter()
    start = time.perf_counter()
    for seed in range(lives):
        counts += live(seed).counts
    print(f"{lives:,} random lives in {time.perf_counter() - start:.0f} s")
    for what, count in counts.most_common():
        print(f"  {count:9,}  {what}")
    return 1 if counts[UNEXCUSED] else 0


if __name__ == "__main__":
    sys.exit(main())
