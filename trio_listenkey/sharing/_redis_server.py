"""A Redis server as our callers see it: it answers, or says in terms of the port why it does not."""

from __future__ import annotations

import copy
import random
import ssl
from typing import Any, Final

import trio

from .._errors import RegisterAway, RegisterRefused
from ._one_run import OneRun
from ._redis_errors import FAILURES, ServerError, meaning
from ._redis_link import RedisLink, open_link
from ._redis_url import RedisAddress

__all__ = ["RedisServer"]

# Seconds without another try, after the first failure and at most.
_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 2.0


class RedisServer:
    """Commands to a server and their answers, over one connection that is opened when it is needed.

    Args:
        address: Where it is, and who we are there.
        trust: For TLS.
        timeout: Seconds that a call takes at most.
    """

    def __init__(self, address: RedisAddress, trust: ssl.SSLContext | None, timeout: float) -> None:
        self._address = address
        self._trust = trust
        self._timeout = timeout
        self._link: RedisLink | None = None
        self._run = OneRun()
        # Held from a command to its answer: see RedisLink.
        self._turn = trio.Lock()
        self._pause = _Pause()
        self._closed = False

    async def call(self, *command: bytes | str, twice: bool) -> Any:
        """The answer to ``command``.

        Args:
            command: Its words.
            twice: Whether it does no harm to send it again, on a new connection, when the old one turns out to be
                dead: the server was restarted, or closed what was idle.

        Raises:
            RegisterAway: There is none now.
            RegisterRefused: There is none until somebody mends something.
            trio.ClosedResourceError: It was closed.
        """
        failure: Exception
        try:
            if self._run.has_changed(self._address):
                await self._begin_anew()
            return await self._bounded(command, twice=twice)
        except (RegisterAway, RegisterRefused) as error:
            failure = error
        except FAILURES as error:
            failure = meaning(error, self._address)
        if self._closed:
            failure = trio.ClosedResourceError("this register was closed")
        try:
            # Here no exception is being handled, so nothing becomes its __context__.
            raise failure
        finally:
            del failure  # else exception -> traceback -> frame -> exception is a cycle

    async def _begin_anew(self) -> None:
        """Have nothing of the run before, or of the parent's, whose connection stays open when ours is closed."""
        link, self._link = self._link, None
        self._turn, self._pause = trio.Lock(), _Pause()
        if link is not None:
            await link.drop()

    async def aclose(self) -> None:
        """Close the connection, under the hands of a task that waits for an answer if there is one."""
        self._closed = True
        await self._drop()
        await trio.lowlevel.checkpoint()

    async def _bounded(self, command: tuple[bytes | str, ...], *, twice: bool) -> Any:
        deadline = trio.current_time() + self._timeout
        # The task that holds the lock has an earlier deadline, so this wait ends before ours.
        async with self._turn:
            self._pause.check()
            try:
                with trio.fail_at(deadline):
                    answer = await self._exchange(command, twice=twice)
            except FAILURES as error:
                await self._learn(error)  # noqa: ASYNC120 - it raises no cancellation
                raise
            self._pause.end()
            return answer

    async def _exchange(self, command: tuple[bytes | str, ...], *, twice: bool) -> Any:
        link = self._link
        if link is not None and link.is_open:
            try:
                return await link.ask(*command)
            except (OSError, trio.BrokenResourceError):
                if not twice:
                    raise
        self._link = None
        link = await open_link(self._address, self._trust)
        if self._closed:  # while it was being opened, or before
            await link.drop()
            raise trio.ClosedResourceError
        self._link = link
        return await link.ask(*command)

    async def _learn(self, error: Exception) -> None:
        if isinstance(error, ServerError) and self._link is not None:
            # It is about this command, and others may do better. But the name of the server may lead to another one by
            # now, as when this one has become a replica: so the next command begins with looking it up.
            await self._drop()
        else:
            self._pause.begin(meaning(error, self._address))

    async def _drop(self) -> None:
        if self._link is not None:
            link, self._link = self._link, None
            await link.drop()


class _Pause:
    """Time in which a server that failed is left alone; who asks meanwhile is told what was wrong."""

    def __init__(self) -> None:
        self._failures = 0
        self._until = 0.0
        self._reason: RegisterAway | RegisterRefused | None = None

    def check(self) -> None:
        """Raise what was wrong, if it is too early for another try."""
        if self._reason is not None and trio.current_time() < self._until:
            # A copy, for an error that is raised twice has the traceback of both.
            raise copy.copy(self._reason)

    def begin(self, reason: RegisterAway | RegisterRefused) -> None:
        """Leave it alone, for longer each time."""
        pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(self._failures, 10))
        self._failures += 1
        self._reason = reason
        # At random, so that all who lost the same server do not come back in one moment.
        self._until = trio.current_time() + random.uniform(pause / 2, pause)  # noqa: S311 - no secret

    def end(self) -> None:
        """It answers."""
        self._failures = 0
        self._reason = None
