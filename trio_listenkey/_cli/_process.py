"""What a command takes from the process that it runs in: where it writes, and the signals that end it."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager
from typing import Final

import click
import trio

__all__ = ["Process", "current_process"]

_SIGNALS: Final = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


class Process:
    """The process as it is. Pass another one to the commands as Click's ``obj``, to run them within a program.

    Args:
        stdout: The file descriptor of standard output.
        stderr: The file descriptor of standard error.
    """

    def __init__(self, stdout: int = 1, stderr: int = 2) -> None:
        self.stdout = stdout
        self.stderr = stderr

    def open_signals(self) -> AbstractContextManager[AsyncIterator[int]]:
        """Receive the signals that end a command, in place of what they would do."""
        # What is ignored stays so: nohup and background jobs of scripts mean it.
        return trio.open_signal_receiver(*(each for each in _SIGNALS if signal.getsignal(each) is not signal.SIG_IGN))

    def let_signals_end_it(self) -> None:
        """From now on, a signal ends the process at once."""
        for each in _SIGNALS:
            signal.signal(each, signal.SIG_DFL)


def current_process() -> Process:
    """That of the command which is being invoked."""
    return click.get_current_context().ensure_object(Process)
