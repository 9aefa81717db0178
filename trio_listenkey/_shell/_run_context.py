"""What all keys of one ``trio.run`` share: the clock, the hosts' bans, the accounts' turns, the default transport."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Final
from urllib.parse import urlsplit

import trio

from .._core._accounts import Account, Host
from .._core._connect_limiter import ConnectLimiter
from .._settings import Credentials
from .._venue._signed_venue import SignedVenue
from .._venue._venue import Venue
from ..connectors._base import Connector
from ..transports._base import Transport
from ._clock import SteadyClock

__all__ = ["Registration", "RunContext", "current_context"]

_PORTS: Final = {"https": 443, "http": 80, "wss": 443, "ws": 80}


class Registration:
    """One context's share in its account and in a transport. End it with ``leave``."""

    __slots__ = ("_context", "_is_borrower", "account", "transport", "turn")

    def __init__(self, context: RunContext, venue: Venue, api_key: str, transport: Transport | None) -> None:
        self._context = context
        self._is_borrower = transport is None
        # The key's place in the answer belongs to it: of the two keys of Binance TH, each is an account's own.
        place = f"{venue.path}#{venue.answer.key}"
        with ExitStack() as undo:
            self.account = context.host(venue).join(place, api_key, venue.sharing.second_create)
            undo.callback(self.account.leave)
            self.transport = context.acquire_transport() if transport is None else transport
            undo.pop_all()
        self.turn = context.turn(self.account)

    async def leave(self) -> None:
        """Leave the account at once; then the last one to use the default transport closes it."""
        self.account.leave()
        if not self.account.members:
            self._context.drop_turn(self.account)
        if self._is_borrower:
            await self._context.release_transport()


class RunContext:
    """Shared by all keys of one ``trio.run``; nothing in it outlives the last of them but the bans and the clock."""

    def __init__(self) -> None:
        self.clock = SteadyClock()
        self._hosts: dict[tuple[str | None, int], Host] = {}
        self._turns: dict[Account, trio.Lock] = {}
        self._doors: dict[tuple[str | None, int], ConnectLimiter] = {}
        self._transport: Transport | None = None
        self._borrowers = 0
        self._connector: Connector | None = None

    def join(self, venue: Venue, credentials: Credentials, transport: Transport | None) -> Registration:
        """Become a neighbour. ``transport=None`` shares the default one with all others who say so."""
        return Registration(self, venue, credentials.api_key, transport)

    def host(self, venue: Venue) -> Host:
        """The host that a venue's REST calls go to; several venues may share one."""
        return self._hosts.setdefault(_address(venue.rest_url), Host())

    def door(self, venue: Venue | SignedVenue) -> ConnectLimiter:
        """The host that a venue's sockets go to."""
        return self._doors.setdefault(_address(venue.stream_url), ConnectLimiter())

    def turn(self, account: Account) -> trio.Lock:
        """Who has it may send. One request at a time: the key is the same one for all members of the account."""
        return self._turns.setdefault(account, trio.Lock())

    def drop_turn(self, account: Account) -> None:
        """The last member has left ``account``."""
        del self._turns[account]

    def acquire_transport(self) -> Transport:
        """The default transport, made when first borrowed."""
        if self._transport is None:
            from ..transports import HTTPCore2Transport  # noqa: PLC0415 - costs a third of `import trio`: when needed

            self._transport = HTTPCore2Transport()
        self._borrowers += 1
        return self._transport

    async def release_transport(self) -> None:
        """Give it back."""
        self._borrowers -= 1
        if not self._borrowers:
            transport, self._transport = self._transport, None
            assert transport is not None
            await transport.aclose()

    @property
    def connector(self) -> Connector:
        """The default connector, made when first used. It holds nothing that would have to be closed."""
        if self._connector is None:
            from ..connectors import WebSocketConnector  # noqa: PLC0415 - costs as much as the default transport

            self._connector = WebSocketConnector()
        return self._connector


def _address(url: str) -> tuple[str | None, int]:
    parts = urlsplit(url)
    return parts.hostname, parts.port or _PORTS[parts.scheme]


_current: trio.lowlevel.RunVar[RunContext] = trio.lowlevel.RunVar("trio_listenkey")


def current_context() -> RunContext:
    """The one of this ``trio.run``."""
    try:
        return _current.get()
    except LookupError:
        _current.set(context := RunContext())
        return context
