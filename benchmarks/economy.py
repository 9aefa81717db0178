"""Run the benchmarks of what this library costs, print all their figures as one table, and fail if a page is wrong.

Each row has a goal; a row that misses it is shown as ``missed``. Some are promised by the documentation: where such a
promise is broken, or a benchmark fails, this ends with status 1. It takes about half an hour; name scripts to run those
alone::

    python benchmarks/economy.py import_time memory

What else the machine does shows in the ratios. Run it on a quiet one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from _measuring import line_of

SCRIPTS = ("import_time", "memory", "request_cost", "many_keys", "storms", "stream_speed")


def main(names: list[str]) -> int:
    here, failed = Path(__file__).parent, list[str]()
    with tempfile.TemporaryDirectory() as directory:
        rows = Path(directory, "rows")
        rows.touch()
        for name in names:
            print(f"== {name}", flush=True)
            command = [sys.executable, str(here / f"{name}.py")]
            if subprocess.run(command, env={**os.environ, "BENCHMARK_ROWS": str(rows)}, check=False).returncode:
                failed.append(name)
        print("\n== All of it")
        for line in rows.read_text().splitlines():
            print(line_of(json.loads(line)))
    if failed:
        print("Failed, or broke a promise of the documentation:", *failed)
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or list(SCRIPTS)))
