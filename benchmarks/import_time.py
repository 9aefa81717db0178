"""What importing the library costs beside importing trio: CPU time of whole interpreters, in turn."""

from __future__ import annotations

import resource
import subprocess
import sys

from _measuring import report

ROUNDS = 21


def cpu_ms(code: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-P", "-c", code], check=True)  # -P: the installed package, compiled
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000


def main() -> None:
    ours, baseline = [], []
    for _ in range(ROUNDS):
        baseline.append(cpu_ms("import trio"))
        ours.append(cpu_ms("import trio_listenkey"))
    report("import trio_listenkey / import trio", ours, baseline, "ms", goal=1.25)


if __name__ == "__main__":
    main()
