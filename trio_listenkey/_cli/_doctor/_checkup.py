"""What all check-ups have in common: each step tells what it found, and those that cannot be taken are skipped.

Which steps there are, and what is done in each, is in ``_key_checkup`` and ``_session_checkup``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final, Generic, TypeVar

import trio

from ..._errors import CredentialsError, ListenKeyError
from ..._venue._signed_venue import SignedVenue
from ..._venue._venue import Venue
from ...connectors import WebSocketConnector
from ...connectors._base import Connection, SocketError
from ...sharing import SharedKey
from .._account import Account
from .._exit_codes import Exit, exit_for
from .._lines import NOISE
from .._narration import brief
from .._prior_key import Closing
from ._network_steps import Found, NetworkSteps, Problem
from ._results import Finding, steps_of

__all__ = ["FAILED_BEFORE", "Checkup"]

FAILED_BEFORE: Final = "an earlier step failed"
NO_CREDENTIALS: Final = "none were given: {}_API_KEY is not set"
_V = TypeVar("_V", bound=Venue | SignedVenue)


@dataclass
class Checkup(ABC, Generic[_V]):
    """A check-up of one account.

    Attributes:
        account: Whose.
        closing: What to do with the key, if it is one.
        limit: Seconds for each step.
        begin: Called with each step's name when it begins.
        tell: Called with what it found.
        sharing: With whom the key is shared.
        findings: What was found so far.
        had_key: Whether the account had a key before; ``None`` if that is not known.
    """

    account: Account[_V]
    closing: Closing
    limit: float
    begin: Callable[[str], None]
    tell: Callable[[Finding], None]
    sharing: SharedKey | None = None
    findings: list[Finding] = field(default_factory=list)
    had_key: bool | None = None
    _step: str = ""
    _began: float = 0.0

    @property
    def code(self) -> Exit:
        """The exit status: what the first failure stands for."""
        return next((found.code for found in self.findings if found.verdict == "failed"), Exit.FINE)

    @property
    def steps(self) -> dict[str, str]:
        """Those that are taken here, in order: the name of each for programs, and for people."""
        return steps_of(self.account.venue, shares=self.sharing is not None)

    async def run(self) -> None:
        """Take every step."""
        await self._examine()
        for step in self.steps:
            self._skip(step, FAILED_BEFORE)

    @abstractmethod
    async def _examine(self) -> None:
        """Take the steps, as far as they can be taken."""

    # One step.

    async def _take(self, step: str, work: Callable[[], Awaitable[Found]], *, may: bool = True) -> bool:
        """Take a step, if what it needs is there; whether it went well."""
        if not may:
            self._skip(step, FAILED_BEFORE)
            return False
        self._start(step)
        try:
            with trio.fail_after(self.limit):
                found = await work()
        except Problem as problem:
            self._fail(problem.about, problem.hint, problem.code)
        except ListenKeyError as error:
            self._fail_by(error)
        except SocketError as error:
            hint = "The exchange, or a proxy on the way, ended the socket at once; try again"
            self._fail(error.reason, hint, Exit.UNAVAILABLE)
        except trio.TooSlowError:
            self._fail(f"not within {self.limit:g} s", "Check the network; --timeout gives it longer", Exit.UNAVAILABLE)
        else:
            self._succeed(found)
            return True
        return False

    def _start(self, step: str) -> None:
        self._step, self._began = step, trio.current_time()
        self.begin(step)

    def _succeed(self, found: Found) -> None:
        self._end(Finding(self._step, "ok" if found.hint is None else "warning", found.about, hint=found.hint))

    def _fail(self, about: str, hint: str, code: Exit) -> None:
        self._end(Finding(self._step, "failed", about, hint=hint, code=code))

    def _fail_by(self, error: ListenKeyError) -> None:
        said = f": {error.message}" if error.message else ""
        self._fail(f"{brief(error)}{said}", error.advice.removesuffix("."), exit_for(error))

    def _end(self, finding: Finding) -> None:
        self._add(replace(finding, seconds=trio.current_time() - self._began))

    def _skip(self, step: str, why: str) -> None:
        if all(found.step != step for found in self.findings):
            self._add(Finding(step, "skipped", why))

    def _add(self, finding: Finding) -> None:
        self.findings.append(finding)
        self.tell(finding)

    # Credentials, which show by what they are used for.

    def _lacks_something(self) -> bool:
        """Whether there are no credentials, or what is asked for here cannot be signed by them; then that is told."""
        lack = self.account.lack
        if lack is None:
            return False
        if self.account.credentials is None:  # as one may wish: the network is checked without
            self._skip("credentials", NO_CREDENTIALS.format(self.account.prefix))
            for step in self.steps:
                self._skip(step, "no credentials")
            return True
        self._start("credentials")
        self._fail(lack.problem, lack.advice, Exit.USAGE)
        return True

    def _blame(self, step: str, error: ListenKeyError) -> None:
        """Both are tried at once: whether it is ``step`` that failed, and not the credentials."""
        if not isinstance(error, CredentialsError):
            self._skip("credentials", "the exchange did not check them")
            self._step = step

    # A host, and a socket.

    async def _reach(self, side: str, url: str) -> bool:
        reach = NetworkSteps(url)
        try:
            works = await self._take(f"{side}-name", reach.resolve)
            works = await self._take(f"{side}-tcp", reach.connect, may=works)
            if reach.is_secure:
                return await self._take(f"{side}-tls", reach.secure, may=works)
            self._skip(f"{side}-tls", "plain text, as the URL says")
            return works
        finally:
            reach.close()

    async def _open_socket(self, stack: AsyncExitStack, url: str, about: str) -> Connection | None:
        """Open a socket, which ``stack`` closes."""
        opened: list[Connection] = []

        async def connect() -> Found:
            try:
                opened.append(await stack.enter_async_context(WebSocketConnector().connect(url)))
            except SocketError as error:
                raise _unopened(error) from None
            return Found(about)

        await self._take("socket", connect)
        return opened[0] if opened else None

    async def _ping(self, connection: Connection) -> None:
        await self._take("ping", partial(ping, connection))


def _unopened(error: SocketError) -> Problem:
    if error.status in NOISE:
        hint = "Rate limited: open no socket there for some minutes"
        return Problem(f"{error.reason} (HTTP {error.status})", hint, Exit.RATE_LIMITED)
    status = "" if error.status is None else f" (HTTP {error.status})"
    return Problem(f"{error.reason}{status}", "Check the stream's address, and that no proxy keeps WebSockets out")


async def ping(connection: Connection) -> Found:
    """Have a ping answered."""
    failure: SocketError | None = None
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_drain, connection)
        try:
            await connection.ping()
        except SocketError as error:
            failure = error
        nursery.cancel_scope.cancel()
    if failure is not None:
        raise failure
    return Found("the socket lives")


async def _drain(connection: Connection) -> None:
    """Read, for pongs are seen by who reads."""
    try:
        while True:
            await connection.receive()
    except SocketError:
        pass  # whoever waits for the pong is told, too
