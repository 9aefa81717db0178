"""Drive a ``trio.run`` from synchronous code, a step at a time: for state machines, whose rules cannot be async.

The run has a thread of its own, and between two steps its only running task blocks that thread. So virtual time stands
still while nobody asks for anything, and a step is over when it is over: there is nothing to wait for.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import outcome
import trio
from trio.testing import MockClock

Step = Callable[[trio.Nursery], Awaitable[Any]]


class Driver:
    """One run under a virtual clock. ``do`` runs an async function in its main task."""

    def __init__(self) -> None:
        self._steps: queue.SimpleQueue[Step | None] = queue.SimpleQueue()
        self._results: queue.SimpleQueue[outcome.Outcome[Any]] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def do(self, step: Step) -> Any:
        """Run ``step``, and return or raise what it does."""
        self._steps.put(step)
        return self._results.get(timeout=60).unwrap()

    def close(self) -> None:
        """End the run; what it ends with is raised here."""
        self._steps.put(None)
        self._thread.join(timeout=60)
        assert not self._thread.is_alive()
        self._results.get(timeout=60).unwrap()

    def _run(self) -> None:
        self._results.put(outcome.capture(lambda: trio.run(self._main, clock=MockClock(autojump_threshold=0))))

    async def _main(self) -> None:
        async with trio.open_nursery() as nursery:
            while (step := self._steps.get()) is not None:
                self._results.put(await outcome.acapture(step, nursery))
            nursery.cancel_scope.cancel()
