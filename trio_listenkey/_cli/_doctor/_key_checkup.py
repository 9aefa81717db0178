"""A check-up where there are listen keys, or tokens: who is asked for them, and what becomes of them."""

from __future__ import annotations

from contextlib import AsyncExitStack
from functools import partial
from typing import Final

import trio

from ..._core._key_lifecycle import OnExit
from ..._core._outcomes import Ok
from ..._core._sharing_record import INDEX, ForeignDocumentError, load_index
from ..._errors import ListenKeyError
from ..._instrument import Instrument
from ..._protocol._ws_api import subscribe_by_token
from ..._settings import Timing
from ..._shell._keeper import open_listen_key
from ..._shell._listen_key import ListenKey
from ..._venue._venue import Venue
from ...connectors._base import Connection
from ...sharing import SharedKey
from ...transports import HTTPCore2Transport
from ...transports._base import Transport
from .._exit_codes import Exit
from .._prior_key import ask_for_key, can_ask, had_key, why_left
from ._checkup import FAILED_BEFORE, Checkup
from ._network_steps import Found, Problem, compare_clocks
from ._subscription import ask_for_subscriptions, subscribe

__all__ = ["KeyCheckup"]

_SOONER: Final = 0.95  # of a step's time, where more can be told than that it is over


class _Trouble(Instrument):
    """Remembers the last thing that went wrong with the key, and whether it died."""

    def __init__(self) -> None:
        self.error: ListenKeyError | None = None
        self.has_died = False

    def retrying(self, venue: str, generation: int, error: ListenKeyError, delay: float) -> None:
        """A request failed and will be tried again."""
        self.error = error

    def lost(self, venue: str, generation: int, error: ListenKeyError) -> None:
        """The key is dead."""
        self.has_died = True

    def closed(self, venue: str, generation: int, error: ListenKeyError | None) -> None:
        """The block is over."""
        self.error = error


class KeyCheckup(Checkup[Venue]):
    """Of an account with listen keys, or with tokens, which are said on the socket."""

    async def _examine(self) -> None:
        venue = self.account.venue
        transport = HTTPCore2Transport()
        try:
            is_there = await self._reach("rest", venue.rest_url)
            answers = await self._take("clock", lambda: compare_clocks(venue, transport), may=is_there)
            streams = await self._reach("stream", venue.stream_url)
            if answers and self._lacks_something():
                return
            if can_ask(self.account):
                answers = await self._take("credentials", lambda: self._ask_first(transport), may=answers)
            if self.sharing is not None:
                answers = await self._take("register", partial(_ask_register, self.sharing), may=answers)
            if answers:
                await self._check_key(transport, streams)
        finally:
            with trio.CancelScope(shield=True):
                await transport.aclose()  # it does not wait

    async def _ask_first(self, transport: Transport) -> Found:
        outcome = await ask_for_key(self.account, transport)
        self.had_key = had_key(outcome)
        if self.had_key is None:
            assert not isinstance(outcome, Ok)
            raise outcome.error
        return Found("accepted; the account has a key already" if self.had_key else "accepted; it has no key yet")

    async def _check_key(self, transport: Transport, streams: bool) -> None:
        trouble, key = _Trouble(), None
        assert self.account.credentials is not None  # else something is lacking
        why_open = self._why_to_leave()
        on_exit: OnExit = "leave" if why_open else "close"
        limit = self.limit
        self._start("create" if can_ask(self.account) else "credentials")
        try:
            async with open_listen_key(
                self.account.venue,
                self.account.credentials,
                transport=transport,
                timing=Timing(request_timeout=limit, open_timeout=limit, close_timeout=limit),
                on_exit=on_exit,
                instrument=trouble,
                sharing=self.sharing,
            ) as key:
                self._tell_created()
                if await self._take("keepalive", lambda: _keep_alive(key, trouble, limit * _SOONER)) and streams:
                    await self._check_socket(key)
                self._step, self._began = "close", trio.current_time()
        except ListenKeyError as error:
            if key is None:
                self._tell_not_created(error)
                return
            self._fail_by(error)  # it came in the middle of a step, which was cancelled
            self._step, self._began = "close", trio.current_time()
        for step in self.steps:
            if step != "close":
                self._skip(step, FAILED_BEFORE)
        if why_open:
            self._skip("close", why_open)
        elif self.sharing is not None:
            self._skip("close", "left open: others may share it; the last of them closes it, or it expires by itself")
        elif key.statistics().closed is False:
            assert trouble.error is not None
            self._fail_by(trouble.error)
        else:
            self._succeed(Found("nothing is left behind"))

    def _why_to_leave(self) -> str:
        """Why the key is left open; empty if it is closed."""
        if self.account.venue.close is None:
            return "this exchange closes none; it expires by itself"
        if self.closing == "leave":
            return "left open, as asked; it expires by itself"
        if not why_left(self.account.venue, self.closing, had_key=self.had_key):
            return ""
        if self.had_key:
            return "left open: it was there before, and closing it would silence whoever holds it (--close closes it)"
        return "left open: this exchange does not tell whether others hold it (--close closes it)"

    def _tell_created(self) -> None:
        if not can_ask(self.account):
            self._succeed(Found("accepted"))
            self._step = "create"
        self._succeed(Found("the existing one" if self.had_key else f"by {self.account.venue.create.method}"))

    def _tell_not_created(self, error: ListenKeyError) -> None:
        if not can_ask(self.account):
            self._blame("create", error)
        self._fail_by(error)

    async def _check_socket(self, key: ListenKey) -> None:
        says_key = key.venue.stream.says_key
        async with AsyncExitStack() as stack:
            about = "at the WebSocket API" if says_key else "with the key"
            connection = await self._open_socket(stack, key.stream_url, about)
            if connection is None:
                return
            if says_key:
                if not await self._take("subscribe", partial(_subscribe, connection, key)):
                    return
                await self._take("subscription", partial(ask_for_subscriptions, connection))
            await self._ping(connection)


async def _keep_alive(key: ListenKey, trouble: _Trouble, limit: float) -> Found:
    """Have a keepalive confirmed; what is tried again meanwhile is told if that takes too long."""
    with trio.move_on_after(limit) as patience:
        generation = await key.check()
    if patience.cancelled_caught:
        raise trouble.error or trio.TooSlowError
    if trouble.has_died:
        raise Problem("the key had died", "Look for another program that closes this account's key", Exit.BROKEN)
    call = key.venue.keepalive or key.venue.create
    return Found(f"by {call.method}" if generation == 1 else f"by another one, from {call.method}")


async def _subscribe(connection: Connection, key: ListenKey) -> Found:
    await subscribe(connection, key.venue.name, subscribe_by_token(key.value))
    return Found("with the token")


async def _ask_register(sharing: SharedKey) -> Found:
    """Read what it says of who shares."""
    try:
        accounts = load_index((await sharing.register.read(INDEX))[0])
    except ForeignDocumentError:
        hint = "Use the same version in all programs, or another register"
        raise Problem("another version of trio-listenkey wrote it", hint, Exit.BROKEN) from None
    return Found(f"it answers, and knows {len(accounts)} account{'' if len(accounts) == 1 else 's'}")
