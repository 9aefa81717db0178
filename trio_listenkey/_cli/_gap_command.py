"""``--exec``: a command of the user's that is run for each gap, as one that fetches the account's state again."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from typing import Any, Final

import click
import trio

from .._events import Gap
from ._account import Account
from ._lines import Tone

__all__ = ["GapCommand"]

_MOST: Final = 100  # gaps that wait for their turn


class GapCommand:
    """Runs a command for each gap, one at a time and in order. It holds up nothing else.

    Args:
        command: As it would be typed; it is split as a shell would, and no shell is started.
        stderr: Where its output goes: standard output is for events.
        note: Takes a line about what went wrong.

    Raises:
        click.UsageError: There is no command in it.
    """

    def __init__(self, command: str, stderr: int, note: Callable[[str, str, Tone, str], None]) -> None:
        try:
            self._arguments = shlex.split(command)
        except ValueError as error:
            raise click.UsageError(f"--exec: {error}.") from None
        if not self._arguments:
            raise click.UsageError("--exec: there is no command.")
        self._stderr, self._note = stderr, note
        self._send, self._receive = trio.open_memory_channel[tuple[Account[Any], Gap, bytes]](_MOST)

    def tell(self, account: Account[Any], gap: Gap, line: bytes) -> None:
        """There was a gap, ``line`` is its JSON."""
        try:
            self._send.send_nowait((account, gap, line))
        except trio.WouldBlock:
            self._note("exec", f"skipped: {_MOST} gaps wait for {self._arguments[0]}", "bad", account.name)

    async def run(self) -> None:
        """Run the commands, until cancelled: then one that runs is terminated."""
        async for account, gap, line in self._receive:
            try:
                done = await trio.run_process(
                    self._arguments,
                    stdin=line + b"\n",
                    stdout=self._stderr,
                    check=False,
                    env=_environment(account, gap),
                )
            except OSError as error:
                self._note("exec", f"{self._arguments[0]}: {error.strerror}", "bad", account.name)
                continue
            if done.returncode:
                self._note("exec", f"{self._arguments[0]} ended with status {done.returncode}", "bad", account.name)


def _environment(account: Account[Any], gap: Gap) -> dict[str, str]:
    """Ours, credentials included, for the command is the user's own; and what it has to know of the gap."""
    told = {
        "ACCOUNT": account.name,
        "VENUE": account.venue.name,
        "CAUSE": gap.cause,
        "STARTED_AT": f"{gap.unix_started_at:.3f}",
        "ENDED_AT": f"{gap.unix_ended_at:.3f}",
        "LAST_EVENT_TIME": "" if gap.last_event_time is None else str(gap.last_event_time),
    }
    return {**os.environ, **{f"GAP_{name}": value for name, value in told.items()}}
