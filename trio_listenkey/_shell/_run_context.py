"""What all keys of one ``trio.run`` share: the clock, the default transport, and what is known of the hosts."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack, suppress
from math import inf
from sys import intern
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

import trio

from .._core._accounts import Account, Host
from .._core._budget import Ticket, Urgency
from .._core._connect_limiter import ConnectLimiter
from .._core._key_record import KeepaliveSchedule
from .._http import DEFAULT_PORTS
from .._settings import Credentials
from .._venue._signed_venue import SignedVenue
from .._venue._venue import Venue
from ..connectors._base import Connector
from ..transports._base import Transport
from ._alarm import Alarm, Timekeeper
from ._clock import SteadyClock
from ._shared_hosts import SharedHosts, clock_and_hosts

if TYPE_CHECKING:  # most keys are not shared between processes
    from ._shared_hosts import MakeShare

__all__ = ["Registration", "RestHost", "RunContext", "current_context"]


class Registration:
    """One context's share in its account and in a transport. End it with ``release_account`` and ``release``."""

    __slots__ = (
        "__weakref__",
        "_alarm",
        "_context",
        "_is_borrower",
        "account",
        "gate",
        "has_overbooked",
        "lock",
        "share",
        "transport",
        "turn",
    )

    def __init__(
        self,
        context: RunContext,
        venue: Venue,
        api_key: str,
        transport: Transport | None,
        schedule: KeepaliveSchedule,
        alarm: Alarm,
        make_share: MakeShare | None,
    ) -> None:
        self._context = context
        self._alarm = alarm
        self._is_borrower = transport is None
        hosts = context.hosts(transport)
        self.lock = hosts.lock
        """Held over each step of a machine that looks at the account: other threads may have holders of it."""
        # The key's place in the answer belongs to it: of the two keys of Binance TH, each is an account's own.
        place = intern(f"{venue.path}#{venue.answer.key}")
        with ExitStack() as undo:
            with self.lock:
                host = hosts.host(_address(venue.rest_url), self, context.clock.now())
                for url in venue.limits_shared_with:
                    host.share_limits_with(hosts.host(_address(url), self, context.clock.now()))
                if venue.weight_budget is not None:
                    host.budget.limit(venue.weight_budget)
                did_fit = host.budget.fits
                self.account = host.register(place, api_key, venue.sharing.second_create, schedule.load(venue))
                self.has_overbooked = did_fit and not host.budget.fits
                """Whether it is with this account that there are more than the host's budget can keep alive."""
                self.turn, self.gate = hosts.turn(self.account), hosts.gate(host)
                context.alarms[self.account] = (*context.alarms.get(self.account, ()), alarm)
            undo.callback(self.release_account)
            self.share = None
            self.share = hosts.share(self.account, make_share)
            if self.share is not None:
                self.share.join(self)
            self.transport = context.acquire_transport() if transport is None else transport
            undo.pop_all()

    def release_account(self, *, closed: bool | None = None) -> None:
        """Release the account: in the very step that found whether there is anything to close."""
        with self.lock:
            if self.share is not None:
                self.share.leave(self, self._context.clock.now(), closed=closed is True)
            self.account.release()
        alarms = self._context.alarms
        alarms[self.account] = tuple([alarm for alarm in alarms[self.account] if alarm is not self._alarm])

    def wake_others(self) -> None:
        """This context has news of the key: the account's other contexts, in all runs, are to look at it."""
        for alarm in self._context.alarms[self.account]:
            if alarm is not self._alarm:
                alarm.ring()
        self._context.wake_other_runs(self.account)

    async def release(self) -> None:
        """The last one to use the default transport closes it."""
        if self._is_borrower:
            await self._context.release_transport()


class RestHost:
    """A REST host, for who asks it about something else than a key."""

    __slots__ = ("_clock", "_gate", "_host", "_hosts", "_lock")

    def __init__(self, clock: SteadyClock, hosts: SharedHosts, host: Host) -> None:
        self._clock, self._lock, self._host, self._gate = clock, hosts.lock, host, hosts.gate(host)
        self._hosts = hosts

    def mind(self, api_key: str, symbols: Iterable[str]) -> None:
        """These symbols have a dead-man switch from now on; see :meth:`SharedHosts.mind`."""
        self._hosts.mind(self._host, api_key, symbols)

    def mind_no_more(self, api_key: str, symbols: Iterable[str]) -> None:
        """Their switch is over."""
        self._hosts.mind_no_more(self._host, api_key, symbols)

    @property
    def clock(self) -> float:
        """Seconds that its clock is ahead of ours, as far as it was ever worth knowing."""
        return self._host.clock

    def set_clock(self, ahead: float) -> None:
        """It turned out to be ahead by so much."""
        with self._lock:
            self._host.clock = ahead

    def unix(self) -> float:
        """Unix time, as far as this machine knows."""
        return self._clock.unix()

    def exchange_ms(self) -> int:
        """The time by the exchange's clock, in milliseconds since 1970."""
        return int((self._clock.unix() + self._host.clock) * 1000)

    @property
    def allowed_at(self) -> float:
        """Until when a rate limit or ban is in force."""
        return self._host.allowed_at

    async def pass_through(self, ticket: Ticket, until: float) -> bool:
        """Wait for a place in its budget; ``False`` if there is none before ``until``."""
        return await self._gate.pass_through(ticket, self._clock, until)

    def block(self, seconds: float) -> None:
        """A rate limit or ban of so many seconds, for all keys of the host."""
        with self._lock:
            self._host.block(self._clock.now() + seconds)

    async def wait_for_room(self, weight: int) -> None:
        """Wait until no rate limit is in force and the budget has room for a request of this weight, which is spent.

        Keys in danger go first. Otherwise it is as urgent as a key for who has none: somebody has lost sight of what
        happens to an account.
        """
        await trio.lowlevel.checkpoint()
        while True:
            while (allowed_at := self._host.allowed_at) > self._clock.now():  # noqa: ASYNC110 - another ban may follow
                await trio.sleep_until(self._clock.to_trio(allowed_at))
            await self._gate.pass_through(Ticket(Urgency.CREATE, weight), self._clock, inf)
            if self._host.allowed_at <= self._clock.now():  # a rate limit may have begun meanwhile
                return


class RunContext:
    """Shared by all keys of one ``trio.run``."""

    def __init__(self) -> None:
        self.clock, self._hosts = clock_and_hosts()
        self._hosts_in_memory = SharedHosts()
        self._timekeeper = Timekeeper(self.clock)
        self.alarms: WeakKeyDictionary[Account, tuple[Alarm, ...]] = WeakKeyDictionary()
        """What the contexts of each account wait by."""
        self._transport: Transport | None = None
        self._borrowers = 0
        self._connector: Connector | None = None
        self._token = trio.lowlevel.current_trio_token()
        self._hosts.see(self)

    def wake_other_runs(self, account: Account) -> None:
        """The account's contexts in other runs and threads are to look at it."""
        for run in self._hosts.runs:
            if run is not self:
                run.wake(account)

    def wake(self, account: Account) -> None:
        """This run's contexts on the account are to look at it; called from any thread."""
        if self.alarms.get(account):
            with suppress(trio.RunFinishedError):
                self._token.run_sync_soon(self._ring, account, idempotent=True)

    def _ring(self, account: Account) -> None:
        for alarm in self.alarms.get(account, ()):
            alarm.ring()

    def register(
        self,
        venue: Venue,
        credentials: Credentials,
        transport: Transport | None,
        schedule: KeepaliveSchedule,
        alarm: Alarm,
        make_share: MakeShare | None = None,
    ) -> Registration:
        """Register a context on its account. ``transport=None`` takes the default transport of this run."""
        return Registration(self, venue, credentials.api_key, transport, schedule, alarm, make_share)

    def alarm(self, look_every: float, *, is_shielded: bool = False) -> Alarm:
        """A wait for one task; at least every ``look_every`` seconds someone sees whether the machine slept."""
        return Alarm(self._timekeeper, look_every, is_shielded=is_shielded)

    def hosts(self, port: Transport | Connector | None) -> SharedHosts:
        """The hosts that a transport or a connector goes to; in memory they are none of the process's."""
        return self._hosts_in_memory if getattr(port, "in_memory", False) else self._hosts

    def rest_host(self, venue: Venue, transport: Transport | None, user: object) -> RestHost:
        """The host that a venue's REST calls go to; what is known of it is kept for as long as ``user`` exists."""
        hosts = self.hosts(transport)
        with hosts.lock:
            host = hosts.host(_address(venue.rest_url), user, self.clock.now())
            for url in venue.limits_shared_with:
                host.share_limits_with(hosts.host(_address(url), user, self.clock.now()))
            if venue.weight_budget is not None:
                host.budget.limit(venue.weight_budget)
            return RestHost(self.clock, hosts, host)

    def connect_limiter(self, venue: Venue | SignedVenue, connector: Connector, user: object) -> ConnectLimiter:
        """What limits connecting to the host of a venue's sockets; kept for as long as ``user`` exists."""
        return self.hosts(connector).connect_limiter(_address(venue.stream_url), user, self.clock.now())

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
    return parts.hostname, parts.port or DEFAULT_PORTS[parts.scheme]


_current: trio.lowlevel.RunVar[RunContext] = trio.lowlevel.RunVar("trio_listenkey")


def current_context() -> RunContext:
    """The one of this ``trio.run``."""
    try:
        return _current.get()
    except LookupError:
        _current.set(context := RunContext())
        return context
