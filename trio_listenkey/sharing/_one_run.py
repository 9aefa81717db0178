"""Whose a register is: one ``trio.run`` of one process at a time."""

from __future__ import annotations

import os

import trio

from .._errors import RegisterRefused

__all__ = ["OneRun"]


class OneRun:
    """Tells when another run begins to use what belongs to one run at a time.

    A connection, a lock and a time of trio's clock mean nothing in another run. In the child of a fork they are worse:
    it has the parent's connection, and each of the two would be given the other's answers.
    """

    def __init__(self) -> None:
        self._token: trio.lowlevel.TrioToken | None = None
        self._process = 0

    def has_changed(self, register: object) -> bool:
        """Whether this run is not the one that asked before, which is over; whatever that one had is of no use then.

        Raises:
            RegisterRefused: That one is not over. Two threads would meet in the middle of a call.
        """
        token = trio.lowlevel.current_trio_token()
        if token is self._token:
            return False
        # Whether the run of a fork's parent is over cannot be known here, and does not matter.
        if self._token is not None and self._process == os.getpid() and _is_running(self._token):
            raise RegisterRefused(
                f"{register!r} is in use by another trio.run of this process", advice="Make one for each run and thread"
            )
        self._token, self._process = token, os.getpid()
        return True


def _is_running(token: trio.lowlevel.TrioToken) -> bool:
    try:
        token.run_sync_soon(lambda: None)
    except trio.RunFinishedError:
        return False
    return True
