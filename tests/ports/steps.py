"""Do something at one moment of a task's work, so that all moments can be tried in turn."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import trio

__all__ = ["at_step"]


class _AtStep(trio.abc.Instrument):
    """Calls ``act`` after the given step of a task or of its descendants.

    A step ends where its task is suspended, so that all steps together are all moments at which a cancellation
    can come.
    """

    def __init__(self, step: int, act: Callable[[], None]) -> None:
        self._left = step
        self._act = act
        self._root = trio.lowlevel.current_task()
        self.acted = False

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        if not self.acted and self._descends(task):
            if self._left == 0:
                self.acted = True
                self._act()
            self._left -= 1

    def _descends(self, task: trio.lowlevel.Task | None) -> bool:
        while task is not None and task is not self._root:
            task = task.parent_nursery.parent_task if task.parent_nursery else None
        return task is self._root


async def at_step(step: int, act: Callable[[], None], work: Callable[[], Awaitable[None]]) -> bool:
    """Do ``work``, and ``act`` after the given step of it; whether there were so many."""
    instrument = _AtStep(step, act)
    trio.lowlevel.add_instrument(instrument)
    try:
        await work()
    finally:
        trio.lowlevel.remove_instrument(instrument)
    return instrument.acted
