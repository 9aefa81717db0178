"""A program that uses a register, forks, and uses it in both processes."""

from __future__ import annotations

import os
import sys

import trio
from register_kits import open_patiently

from trio_listenkey.sharing import Register, RegisterRefused


async def count_up(register: Register, name: str) -> bytes | None:
    """One more; what was there before."""
    raw, version = await register.read(name)
    assert await register.swap(name, version, b"%d" % (int(raw or b"0") + 1))
    return raw


def say(*words: object) -> None:
    """To whoever started this."""
    sys.stdout.write(" ".join(map(str, words)) + "\n")


def main() -> None:
    """The child tries the register that its parent has used, a new one for it, and an unused one."""
    name, *urls = sys.argv[1:]
    registers = [open_patiently(url) for url in urls]
    trio.run(count_up, registers[0], name)
    pid = os.fork()
    if pid == 0:
        for each in (registers[0], open_patiently(urls[0]), registers[-1]):
            try:
                say("child read", trio.run(count_up, each, name))
                break
            except RegisterRefused as error:
                say("child:", error)
        sys.exit()
    assert os.waitpid(pid, 0)[1] == 0
    say("parent read", trio.run(count_up, registers[0], name))


if __name__ == "__main__":
    main()
