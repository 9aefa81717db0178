"""The steps of a check-up: each tells what it found, and those that cannot be taken any more are said to be skipped."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from typing import Final, Literal

import trio

from .._connector import Connection, SocketError
from .._core._answers import read_answer
from .._core._lifecycle import OnExit
from .._core._requests import build_request
from .._core._signing import signing_for
from .._core._state import Event
from .._core._venue import Venue
from .._errors import CredentialsError, ListenKeyError, TransportError
from .._instrument import Instrument
from .._keeper import open_listen_key
from .._listen_key import ListenKey
from .._transport import Transport
from .._values import Timing
from ..connectors import WebSocketConnector
from ..transports import HTTPCore2Transport
from ._account import Account
from ._exits import Exit, exit_for
from ._findings import STEPS, Finding
from ._reach import Found, Problem, Reach, compare_clocks
from ._told import brief

__all__ = ["Checkup", "Closing"]

Closing = Literal["close", "leave", "careful"]
"""What to do with the key: ``"careful"`` closes it only if the account surely had none before."""

_SOONER: Final = 0.95  # of a step's time, where more can be told than that it is over
_FAILED_BEFORE: Final = "an earlier step failed"
_STATUS_PAGE: Final = "Try again; if it lasts, look at the exchange's status page"


class _Trouble(Instrument):
    """Remembers the last thing that went wrong with the key."""

    def __init__(self) -> None:
        self.error: ListenKeyError | None = None

    def retrying(self, venue: str, generation: int, error: ListenKeyError, delay: float) -> None:
        """A request failed and will be tried again."""
        self.error = error

    def closed(self, venue: str, generation: int, error: ListenKeyError | None) -> None:
        """The block is over."""
        self.error = error


@dataclass
class Checkup:
    """A check-up of one account.

    Attributes:
        account: Whose.
        closing: What to do with the key.
        limit: Seconds for each step.
        begin: Called with each step's name when it begins.
        tell: Called with what it found.
        findings: What was found so far.
        had_key: Whether the account had a key before; ``None`` if that is not known.
    """

    account: Account[Venue]
    closing: Closing
    limit: float
    begin: Callable[[str], None]
    tell: Callable[[Finding], None]
    findings: list[Finding] = field(default_factory=list)
    had_key: bool | None = None
    _step: str = ""
    _began: float = 0.0

    @property
    def code(self) -> Exit:
        """The exit status: what the first failure stands for."""
        return next((found.code for found in self.findings if found.verdict == "failed"), Exit.FINE)

    async def run(self) -> None:
        """Take every step."""
        venue = self.account.venue
        transport = HTTPCore2Transport()
        try:
            is_there = await self._reach("rest", venue.rest_url)
            answers = await self._take("clock", lambda: compare_clocks(venue, transport), may=is_there)
            streams = await self._reach("stream", venue.stream_url)
            if self._can_ask_first:
                answers = await self._take("credentials", lambda: self._ask_first(transport), may=answers)
            if answers:
                await self._check_key(transport, streams)
        finally:
            with trio.CancelScope(shield=True):
                await transport.aclose()  # it waits for nobody
        for step in STEPS:
            self._skip(step, _FAILED_BEFORE)

    # One step.

    async def _take(self, step: str, work: Callable[[], Awaitable[Found]], *, may: bool = True) -> bool:
        """Take a step, if what it needs is there; whether it went well."""
        if not may:
            self._skip(step, _FAILED_BEFORE)
            return False
        self._start(step)
        try:
            with trio.fail_after(self.limit):
                found = await work()
        except Problem as problem:
            self._fail(problem.about, problem.hint, problem.code)
        except ListenKeyError as error:
            self._fail_by(error)
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

    # A host.

    async def _reach(self, side: str, url: str) -> bool:
        reach = Reach(url)
        try:
            works = await self._take(f"{side}-name", reach.resolve)
            works = await self._take(f"{side}-tcp", reach.connect, may=works)
            if reach.is_secure:
                return await self._take(f"{side}-tls", reach.secure, may=works)
            self._skip(f"{side}-tls", "plain text, as the URL says")
            return works
        finally:
            reach.close()

    # The key.

    @property
    def _can_ask_first(self) -> bool:
        """Whether one can ask for an account's key without knowing or making it."""
        venue = self.account.venue
        return (
            venue.keepalive is not None
            and venue.key_place("keepalive") == "account"
            and venue.sharing.second_create == "same"
            and signing_for(venue, self.account.credentials, "keepalive") is None
        )

    async def _ask_first(self, transport: Transport) -> Found:
        """Keep the account's key alive, if it has one: that takes the credentials, and changes nothing for anyone."""
        venue, credentials = self.account.venue, self.account.credentials
        try:
            answer = await transport.request(build_request(venue, credentials, "keepalive", None))
        except TransportError as error:
            raise Problem(error.reason, _STATUS_PAGE) from None
        secrets = [secret for secret in (credentials.api_key, credentials.api_secret) if secret]
        outcome = read_answer(venue, "keepalive", answer, epoch=time.time(), hide=secrets)
        self.had_key = outcome.event is Event.OK
        if outcome.event is Event.OK:
            return Found("accepted; the account has a key already")
        if outcome.event is Event.GONE:
            return Found("accepted; the account has no key yet")
        assert outcome.error is not None
        raise outcome.error

    async def _check_key(self, transport: Transport, streams: bool) -> None:
        trouble, key = _Trouble(), None
        why_left = self._why_to_leave()
        on_exit: OnExit = "leave" if why_left else "close"
        limit = self.limit
        self._start("create" if self._can_ask_first else "credentials")
        try:
            async with open_listen_key(
                self.account.venue,
                self.account.credentials,
                transport=transport,
                timing=Timing(request_timeout=limit, open_timeout=limit, close_timeout=limit),
                on_exit=on_exit,
                instrument=trouble,
            ) as key:
                self._tell_created()
                if await self._take("keepalive", lambda: _keep_alive(key, trouble, limit * _SOONER)):
                    await self._check_socket(key, may=streams)
                self._step, self._began = "close", trio.current_time()
        except ListenKeyError as error:
            if key is None:
                self._tell_not_created(error)
                return
            self._fail_by(error)  # it came in the middle of a step, which was cancelled
            self._step, self._began = "close", trio.current_time()
        for step in ("keepalive", "socket", "ping"):
            self._skip(step, _FAILED_BEFORE)
        if why_left:
            self._skip("close", why_left)
        elif key.statistics().closed is False:
            assert trouble.error is not None
            self._fail_by(trouble.error)
        else:
            self._succeed(Found("nothing is left behind"))

    def _why_to_leave(self) -> str:
        venue = self.account.venue
        if venue.close is None:
            return "this exchange closes none; it expires by itself"
        if self.closing == "leave":
            return "left open, as asked; it expires by itself"
        if self.closing == "close" or self.had_key is False or venue.sharing.second_create == "new":
            return ""
        if self.had_key:
            return "left open: it was there before, and closing it would silence whoever holds it (--close closes it)"
        return "left open: this exchange does not tell whether others hold it (--close closes it)"

    def _tell_created(self) -> None:
        if not self._can_ask_first:
            self._succeed(Found("accepted"))
            self._step = "create"
        self._succeed(Found("the one that was there" if self.had_key else "by POST"))

    def _tell_not_created(self, error: ListenKeyError) -> None:
        if self._step == "credentials" and not isinstance(error, CredentialsError):
            self._skip("credentials", "the exchange did not come to look at them")
            self._step = "create"
        self._fail_by(error)

    async def _check_socket(self, key: ListenKey, *, may: bool) -> None:
        async with AsyncExitStack() as stack:
            connections: list[Connection] = []

            async def connect() -> Found:
                try:
                    connections.append(await stack.enter_async_context(WebSocketConnector().connect(key.stream_url)))
                except SocketError as error:
                    status = "" if error.status is None else f" (HTTP {error.status})"
                    raise Problem(
                        f"{error.reason}{status}", "Check the stream's address, and that no proxy keeps WebSockets out"
                    ) from None
                return Found("with the key")

            if await self._take("socket", connect, may=may):
                await self._take("ping", lambda: _ping(connections[0]))


async def _keep_alive(key: ListenKey, trouble: _Trouble, limit: float) -> Found:
    """Have a keepalive confirmed; what is tried again meanwhile is told if that takes too long."""
    with trio.move_on_after(limit) as patience:
        generation = await key.check()
    if patience.cancelled_caught:
        raise trouble.error or trio.TooSlowError
    if generation > 1:
        raise Problem("the key had died", "Look for another program that closes this account's key", Exit.BROKEN)
    return Found("by PUT")


async def _ping(connection: Connection) -> Found:
    failure: SocketError | None = None
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_drain, connection)
        try:
            await connection.ping()
        except SocketError as error:
            failure = error
        nursery.cancel_scope.cancel()
    if failure is not None:
        raise Problem(failure.reason, "The exchange, or a proxy on the way, ended the socket at once; try again")
    return Found("the socket lives")


async def _drain(connection: Connection) -> None:
    """Read, for pongs are seen by who reads."""
    try:
        while True:
            await connection.receive()
    except SocketError:
        pass  # whoever waits for the pong is told, too
