"""What importing the library costs beside importing trio: CPU time of whole interpreters, in turn.

Both are imported compiled, whatever the environment says of writing bytecode: the files go to a directory of their own,
and the first round, which compiles, does not count.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile

from _measuring import report

ROUNDS = 21
TRIO = "import trio"
BARE = "import trio_listenkey"
USED = "from trio_listenkey import Credentials, Gap, UserEvent, open_user_stream, venues; venues.BINANCE_USDM"


def cpu_ms(code: str, environment: dict[str, str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-P", "-c", code], check=True, env=environment)  # -P: the installed package
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000


def main() -> None:
    spent: dict[str, list[float]] = {TRIO: [], BARE: [], USED: []}
    with tempfile.TemporaryDirectory() as compiled:
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        environment["PYTHONPYCACHEPREFIX"] = compiled
        for code in spent:
            cpu_ms(code, environment)
        for _ in range(ROUNDS):
            for code, times in spent.items():
                times.append(cpu_ms(code, environment))
    report("import trio_listenkey / import trio", spent[BARE], spent[TRIO], "ms", goal=1.25)
    report("    what a program imports of it / import trio", spent[USED], spent[TRIO], "ms", goal=1.25)


if __name__ == "__main__":
    main()
