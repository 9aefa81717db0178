"""An account's events in an asyncio program: ``trio-listenkey watch`` beside it."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from subprocess import DEVNULL, PIPE
from typing import Any

Message = dict[str, Any]
WATCH = sys.executable, "-m", "trio_listenkey", "watch", "--quiet"
LONGEST_LINE = 2**24
TIME_TO_END = 15.0


class SidecarEndedError(Exception):
    """It ended by itself; the first argument is its exit status."""


async def run_bot(
    arguments: list[str], handle: Callable[[Message], Awaitable[None]]
) -> None:
    """Call ``handle`` with each event and ``{"gap": ...}``, until something fails."""
    queue = asyncio.Queue[Message](1000)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(follow(arguments, queue))
        while True:
            await handle(await queue.get())


async def follow(arguments: list[str], queue: asyncio.Queue[Message]) -> None:
    """Put what ``watch`` with these arguments prints into ``queue``."""
    sidecar = await asyncio.create_subprocess_exec(
        *WATCH,
        *arguments,
        stdin=DEVNULL,
        stdout=PIPE,
        limit=LONGEST_LINE,
        start_new_session=True,  # a terminal's Ctrl-C is for this program alone
    )
    assert sidecar.stdout is not None
    try:
        async for line in sidecar.stdout:
            await queue.put(json.loads(line))
        raise SidecarEndedError(await sidecar.wait())
    finally:
        await end(sidecar)


async def end(sidecar: asyncio.subprocess.Process) -> None:
    """Have it close its key, which takes ten seconds at most."""
    with suppress(ProcessLookupError):  # it has ended already
        sidecar.terminate()
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(TIME_TO_END):
                await sidecar.communicate()  # reads on: a full pipe must not stop it
    finally:
        if sidecar.returncode is None:  # too late, or cancelled once more
            with suppress(ProcessLookupError):
                sidecar.kill()
            await sidecar.wait()
