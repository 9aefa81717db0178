"""How a command that holds a key ends: by itself, by a signal, because its reader is gone, or by an error.

Whatever it is, the work is cancelled, and so its key is closed before the process ends. A second signal ends the
process at once.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Final, NoReturn

import click
import trio

from .._errors import ListenKeyError
from ._exit_codes import Exit, exit_for
from ._output import Descriptor, reader_has_gone
from ._process import Process, current_process
from ._status import Status

__all__ = ["supervise"]

Work = Callable[[], Awaitable[int]]

_SIGNAL_BASE: Final = 128
_DEAF: Final = 0.5  # seconds after a signal in which another one is the same: timeout(1) sends two at once


def supervise(
    work: Work,
    status: Status,
    *,
    writes: bool,
    beside: Sequence[Callable[[], Awaitable[None]]] = (),
    farewell: str | None = None,
) -> NoReturn:
    """Run ``work`` and exit with what it returns, or with what its end means.

    Args:
        work: What to do.
        status: Where to tell of it.
        writes: Whether it writes to standard output, and so ends when its reader is gone.
        beside: What to do meanwhile; it is cancelled when the work is over.
        farewell: Told at the end if it was ended by a signal.
    """
    logging.getLogger("trio_listenkey").addHandler(logging.NullHandler())  # what it would say is told already
    process = current_process()
    supervision = _Supervision(process, work, status, beside)
    try:
        trio.run(supervision.run, writes)
    except* KeyboardInterrupt:  # before the signals were caught, or after; in a group if it came to a child task
        supervision.code = Exit.INTERRUPTED
    if supervision.error is not None:
        Descriptor(process.stderr).write(f"{status.last_line(supervision.error)}\n")
    elif supervision.code > _SIGNAL_BASE and farewell is not None:
        Descriptor(process.stderr).write(f"{farewell}\n")
    sys.exit(supervision.code)


class _Supervision:
    def __init__(
        self, process: Process, work: Work, status: Status, beside: Sequence[Callable[[], Awaitable[None]]]
    ) -> None:
        self.code: int = Exit.FINE
        self.error: Exception | None = None
        self._process = process
        self._work = work
        self._status = status
        self._beside = beside
        self._scope = trio.CancelScope()

    async def run(self, writes: bool) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._status.run)
            with self._process.open_signals() as signals:
                await self._run_until_told(signals, writes)
            self._status.finish()

    async def _run_until_told(self, signals: AsyncIterator[int], writes: bool) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._end_on_signal, signals)
            for task in self._beside:
                nursery.start_soon(task)
            if writes:
                nursery.start_soon(self._end_without_reader)
            with self._scope:
                await self._do()
            nursery.cancel_scope.cancel()

    async def _do(self) -> None:
        try:
            self.code = await self._work()
        except ListenKeyError as error:
            self.code, self.error = exit_for(error), error
        except click.ClickException as error:
            self.code, self.error = Exit.USAGE, error
        except BrokenPipeError:
            pass  # it had enough
        except OSError as error:
            self.code, self.error = Exit.BROKEN, click.ClickException(f"standard output: {error.strerror}")

    async def _end_on_signal(self, signals: AsyncIterator[int]) -> None:
        self.code = _SIGNAL_BASE + await anext(signals)
        self._scope.cancel(reason="a signal")
        self._status.put_the_picture_away()
        await trio.sleep(_DEAF)
        self._process.let_signals_end_it()  # a second signal ends the process at once
        self._status.note("closing", "waits for the exchange; press Ctrl-C again to end at once", "busy")

    async def _end_without_reader(self) -> None:
        await reader_has_gone(self._process.stdout)
        self._scope.cancel(reason="the reader of standard output is gone")
