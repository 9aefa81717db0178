"""The exchange: accounts, keys, limits and a log, and one method that answers a request."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from .._errors import UsageError
from .._http import Request
from ._book._books import Books
from ._book._order_book import OrderBook
from ._dialects._binance import COINM, SPOT_CLASSIC, USDM, Dialect
from ._dialects._binance_ws_api import MARGIN, SPOT
from ._dialects._events import kinds_of
from ._faults._effects import (
    Effect,
    Freeze,
    Limit,
)
from ._faults._meanings import fits
from ._faults._script import Fault, Script
from ._log import LogEntry, api_entry
from ._rest._order_api import OrderApi
from ._rest._public_api import PublicApi
from ._rest._rest_api import RestApi
from ._state._accounts import Accounts
from ._state._keys import Keys, Place
from ._state._limits import Limits
from ._state._reply import Reply
from ._ws._api_subscribers import ApiSubscribers
from ._ws._session import Session
from ._ws._sockets import SocketInfo, Sockets, dialect_at

__all__ = ["Exchange"]


class Exchange:
    """An exchange with listen keys and their streams, as a plain object: no I/O, and randomness from ``seed`` only.

    It has no clock; this machine's is read once, to know what day it is, and not even that if ``epoch`` is passed.
    Every method that depends on the time takes it as ``now``, in seconds from any zero; it must not decrease. The front
    ends (:class:`MemoryTransport`, :func:`connect_in_memory`, :func:`serve_exchange`) pass their own clock on.

    One exchange is one host as seen from one IP address: limits and bans hold for every account and dialect.

    Args:
        seed: The seed of keys and of faults with a probability. The same seed gives the same run.
        validity: Seconds that a key lives after its creation or last renewal. A plain attribute: a new value
            holds from the next creation or renewal on.
        dialects: The endpoints to serve; no two on the same path.
        faults: The faults; see :meth:`add_faults`.
        weight_limit: Request weight per minute of the exchange's wall clock, beyond which HTTP 429 is answered
            until the minute is over; ``None`` for no limit. An attribute, too.
        connect_limit: WebSocket handshakes in five minutes, beyond which HTTP 429 is answered; ``None`` for no
            limit. Binance Spot allows 300. A plain attribute.
        epoch: Unix time at ``now == 0``, for ``Date`` headers, ban ends, events, and the times that requests are signed
            at. ``None`` for the caller's day: whatever ``now`` the exchange is told first, or is served at, is this
            machine's present; it can be read here from then on. Pass a number in a test that depends on
            the date, or on the second of the minute.
        log_size: How many requests the log remembers; ``None`` for all.

    Attributes:
        retired: Dialects that answer HTTP 410 with an HTML page, as binance.com does for spot. A plain set.
        book: The order book: orders, fills, balances and positions.
    """

    def __init__(
        self,
        *,
        seed: int = 0,
        validity: float = 3600.0,
        dialects: Iterable[Dialect] = (SPOT_CLASSIC, USDM, COINM, SPOT, MARGIN),
        faults: Iterable[Fault] = (),
        weight_limit: int | None = None,
        connect_limit: int | None = None,
        epoch: float | None = None,
        log_size: int | None = None,
    ) -> None:
        self._dialects = _by_path(dialects)
        if not validity > 0:
            raise UsageError(f"validity={validity} is no life time", advice="Pass a positive number of seconds")
        self.epoch = epoch
        self._accounts = Accounts()
        self._limits = Limits(self.unix_time)
        self._limits.weight_limit = weight_limit
        self._keys = Keys(seed, validity)
        self._script = Script(seed)
        self._script.add(faults)
        self._subscribers = ApiSubscribers(self._accounts, self._limits, self._keys, self._script, self._record)
        self._sockets = Sockets(
            self._keys, self._script, self._dialects, self._subscribers, self.unix_time, self._advance
        )
        self._sockets.connect_limit = connect_limit
        self._books = books = Books(self._dialects.values(), self.unix_time, self._sockets.publish)
        books.changed, self._sockets.alarm = self._sockets.wake, books.next_at
        self.book: OrderBook = OrderBook(books, self._accounts, self._advance)
        orders = OrderApi(self._dialects.values(), books)
        public = PublicApi(self._dialects.values(), books)
        self._rest = RestApi(
            self._dialects, self._accounts, self._keys, self._limits, self._script, self.unix_time, orders, public
        )
        self.retired: set[Dialect] = self._rest.retired
        self._log: deque[LogEntry] = deque(maxlen=log_size)
        self._latest = -math.inf

    def __repr__(self) -> str:
        names = ", ".join(dialect.name for dialect in self._dialects.values())
        return f"<Exchange {names}: {len(self._accounts.names)} accounts, {len(self._log)} requests>"

    # --- Accounts

    def add_account(
        self,
        *api_keys: str,
        name: str | None = None,
        secret: str | None = None,
        public_key: str | bytes | None = None,
    ) -> str:
        """Accept ``api_keys``, all for one account, and return the account's name.

        Args:
            api_keys: At least one that no account has yet.
            name: An account of this name gets further API keys. ``None`` for a new one, ``account-1`` and so on.
            secret: The API secret of these, by which signatures are verified ...
            public_key: ... or, for API keys of the other kinds, their Ed25519 or RSA public key, as PEM. With neither,
                any signature is taken.

        Raises:
            UsageError: An API key is taken, or that is no public key.
            ImportError: For a public key, the extra ``testing`` has to be installed.
        """
        return self._accounts.add(api_keys, name, secret, public_key)

    def revoke(self, api_key: str) -> None:
        """Revoke this API key: its requests are refused as the exchange documents it.

        At Binance that is HTTP 401 and -2015. The account and its listen key live on.

        On the WebSocket API, sockets that were signed in with it are told after their next request, and lose what they
        got by it.
        """
        self._accounts.revoke(api_key)

    # --- What others do behind a client's back

    def kill_key(self, account: str, now: float, *, dialect: Dialect | None = None, announced: bool = False) -> None:
        """End the account's key at once; on the WebSocket API, its subscriptions.

        Args:
            account: The account's name.
            now: The exchange's time.
            dialect: Where; ``None`` for all that it has.
            announced: Whether its sockets get a message, as at an expiry. Otherwise there is none.
        """
        self._advance(now)
        for place in self._places(account, dialect):
            self._keys.end(place, now, announced=announced)
            self._subscribers.end(place, partial(self._keys.end_life, now=now, announced=announced))

    def replace_key(self, account: str, now: float, *, dialect: Dialect | None = None) -> str:
        """Close the account's key and create a new one, as another program would; return it.

        Args:
            account: The account's name.
            now: The exchange's time.
            dialect: Where; may be left out if the account has had a key in one dialect only.
        """
        self._advance(now)
        return self._keys.create(self._one_place(account, dialect), now)

    def ban(self, limit: Limit, now: float) -> None:
        """Begin a rate limit or ban at ``now``: :func:`rate_limited` or :func:`banned`."""
        self._advance(now)
        self._limits.begin_ban(limit, now)

    def freeze(self, seconds: float, now: float) -> None:
        """Pause for so many seconds: answers, handshakes and events are sent after that.

        The work of requests is done on arrival, and keys expire meanwhile.
        """
        self._advance(now)
        self._sockets.freeze(now + Freeze(seconds).seconds)

    def shut_down_sockets(self, now: float, *, after: float = 0.0) -> None:
        """Close every socket in ``after`` seconds, as before a restart; others may be opened at once.

        They are told by ``serverShutdown`` if their exchange has that event (Binance Spot documentation,
        "WebSocket Streams"); :attr:`StreamRules.announces_shutdown` says so.
        """
        self._advance(now)
        self._sockets.shut_down(now, after)

    def strike_sockets(self, effect: Effect, now: float, *, account: str | None = None) -> int:
        """Apply ``effect`` at once to every open socket, or to those of ``account``, and return their number.

        It is one that a :class:`Fault` with ``verb="socket"`` can have.
        """
        self._advance(now)
        if not fits(effect, "socket"):
            raise UsageError(f"{effect} cannot be done to a socket", advice='See Fault, verb="socket"')
        return self._sockets.strike(effect, now, account)

    # --- Account events

    def emit(
        self,
        account: str,
        now: float,
        *,
        kind: str | None = None,
        count: int = 1,
        data: Mapping[str, Any] | None = None,
        dialect: Dialect | None = None,
    ) -> tuple[int, ...]:
        """Emit events of the account, and return their numbers.

        Each goes to every socket that is subscribed, at this moment, with the account's key while that is alive; or on
        the WebSocket API. Events are numbered for each account and dialect, from 1, whether or not anybody gets them;
        :func:`event_number` reads the number of one.

        Args:
            account: The account's name.
            now: The exchange's time.
            kind: ``"ORDER_TRADE_UPDATE"`` or ``"ACCOUNT_UPDATE"`` at USD-M, COIN-M and BingX's swaps, at options and at
                portfolio margin; ``"BALANCE_POSITION_UPDATE"`` at options; ``"USER_LIABILITY_CHANGE"`` or
                ``"MARGIN_LEVEL_STATUS_CHANGE"`` at margin risk; ``"orderReport"`` at stocks; ``"executionReport"`` or
                ``"outboundAccountPosition"`` at portfolio margin and Aster's spot;
                ``"executionReport"``, ``"outboundAccountPosition"`` or ``"balanceUpdate"`` at Spot, Binance.US and
                Coins.ph; ``"executionReport"`` or ``"ACCOUNT_UPDATE"`` at BingX's spot; ``"executionReport"``,
                ``"outboundAccountInfo"`` or ``"ticketInfo"`` at Toobit and HashKey; ``"executionReport"`` or
                ``"BALANCE"`` at Bitrue, and as at USD-M at its futures; ``"contractExecutionReport"``,
                ``"outboundContractAccountInfo"``, ``"outboundContractPositionInfo"`` or ``"ticketInfo"`` at Toobit's
                swaps; ``"executionEvents"`` or ``"orderEvents"`` at GMO Coin; or another, whose fields are then all in
                ``data``. ``None`` for the first of these.
            count: How many.
            data: The fields to change in the event of this kind. Objects are merged field by field, at every
                depth: ``{"o": {"X": "CANCELED"}}`` changes one field of an order. All other values, lists
                too, are replaced.
            dialect: Where; as in :meth:`replace_key`, a subscription on the WebSocket API counting as a key.
        """
        place, kind = self._event_place(account, dialect, kind, needs_shape=data is None)
        self._advance(now)
        return tuple(self._sockets.emission.emit(place, kind, count, data, now))

    def emit_rate(
        self,
        account: str,
        per_second: float,
        now: float,
        *,
        kind: str | None = None,
        dialect: Dialect | None = None,
    ) -> None:
        """From now on, emit so many events every second of the exchange's time; zero for none.

        The rest is as with :meth:`emit`. A new rate replaces the old one.
        """
        if not 0 <= per_second < math.inf:
            raise UsageError(f"per_second={per_second} is no rate", advice="Pass a number of events, or zero")
        place, kind = self._event_place(account, dialect, kind, needs_shape=True)
        self._advance(now)
        self._sockets.set_rate(place, kind, per_second, now)

    def emitted(self, account: str, *, dialect: Dialect | None = None) -> int:
        """How many events of the account there were by the :attr:`latest` time that the exchange was told.

        Without ``dialect``, in all of them.
        """
        counts = self._sockets.emission.counts
        return sum(
            count
            for (name, path), count in counts.items()
            if name == account and (dialect is None or path == dialect.path)
        )

    # --- Faults

    def add_faults(self, *faults: Fault) -> None:
        """Add faults. Each counts its candidates from now on."""
        self._script.add(faults)
        self._sockets.wake_all()

    def clear_faults(self) -> None:
        """Remove all faults. A ban in force stays in force."""
        self._script.clear()

    # --- What a test asks

    @property
    def latest(self) -> float:
        """The latest time that the exchange was told; minus infinity before the first."""
        return self._latest

    @property
    def log(self) -> tuple[LogEntry, ...]:
        """Every request, in the order of arrival."""
        return tuple(self._log)

    @property
    def keys_ever(self) -> tuple[str, ...]:
        """Every key that was ever created, in order."""
        return tuple(self._keys.ever)

    def open_keys(self, now: float) -> tuple[str, ...]:
        """The keys that are alive."""
        return self._keys.open(now)

    def key_of(self, account: str, now: float, *, dialect: Dialect | None = None) -> str | None:
        """The account's key, or ``None`` if none is alive; ``dialect`` as in :meth:`replace_key`."""
        return self._keys.alive(self._one_place(account, dialect), now)

    def seconds_without_key(self, account: str, now: float, *, dialect: Dialect | None = None) -> float:
        """Seconds since the account's first creation during which no key of it was alive.

        Zero over thirty days of faults means that no event was missed because of a missing key. Without
        ``dialect``, the sum over all that the account has had a key in.
        """
        return sum(self._keys.seconds_without(place, now) for place in self._places(account, dialect))

    def sockets(self, now: float) -> tuple[SocketInfo, ...]:
        """The WebSockets that are open, in the order of their handshakes."""
        return self._sockets.infos(now)

    @property
    def requests_during_bans(self) -> int:
        """How many requests were received during a rate limit or ban."""
        return self._limits.offences

    @property
    def validity(self) -> float:
        """Seconds that a key lives; a new value holds from the next creation or renewal on."""
        return self._keys.validity

    @validity.setter
    def validity(self, seconds: float) -> None:
        self._keys.validity = seconds

    @property
    def weight_limit(self) -> int | None:
        """Request weight per minute; ``None`` for no limit."""
        return self._limits.weight_limit

    @weight_limit.setter
    def weight_limit(self, limit: int | None) -> None:
        self._limits.weight_limit = limit

    @property
    def connect_limit(self) -> int | None:
        """WebSocket handshakes in five minutes; ``None`` for no limit."""
        return self._sockets.connect_limit

    @connect_limit.setter
    def connect_limit(self, limit: int | None) -> None:
        self._sockets.connect_limit = limit

    def unix_time(self, now: float) -> float:
        """The exchange's wall clock, as its ``Date`` headers show it.

        Without an ``epoch``, the first ``now`` that it is asked about or told is this machine's present.
        """
        if self.epoch is None:
            # Whoever signs a request does it by this machine's clock, and may be a second or five away from ours.
            self.epoch = time.time() - now
        return now + self.epoch

    # --- What clients see

    def handle(self, request: Request, now: float) -> Reply:
        """Process one request, and return what to send. A bad request does not make it raise.

        Raises:
            UsageError: ``now`` ran backwards.
        """
        self._advance(now)
        reply, line = self._rest.handle(request, now)
        self._log.append(line)
        late = max(0.0, self._sockets.frozen_until - now)
        return replace(reply, delay=reply.delay + late)

    def connect(self, target: str, now: float) -> Session | Reply:
        """Answer one WebSocket handshake: with an open socket, or a refusal. A bad target does not make it raise.

        Args:
            target: Path and query, as in the request's first line.
            now: The exchange's time.

        Raises:
            UsageError: ``now`` ran backwards.
        """
        self._advance(now)
        handshake = self._sockets.open(target, now)
        self._log.append(handshake.log_entry(target, now))
        return handshake.result

    def _advance(self, now: float) -> None:
        # Expiry is computed, not noticed: with a clock that ran backwards, a dead key would come to life again.
        if not now >= self._latest:
            raise UsageError(
                f"time ran backwards at the exchange, from {self._latest} to {now}",
                advice="Use one clock with one exchange: its front end's",
            )
        self._latest = now
        self.unix_time(now)  # from the first time that it is told, it has a day
        self._books.advance(now)
        self._sockets.pass_time(now)

    def _record(self, method: str, path: str, **told: Any) -> None:
        self._log.append(api_entry(method, path, **told))

    # --- Places

    def _places(self, account: str, dialect: Dialect | None) -> list[Place]:
        if account not in self._accounts.names:
            raise UsageError(f"no account is named {account!r}", advice="Pass what add_account returned")
        if dialect is not None:
            return [(account, dialect.path)]
        return list(dict.fromkeys([*self._keys.places(account), *self._subscribers.places(account)]))

    def _event_place(
        self, account: str, dialect: Dialect | None, kind: str | None, *, needs_shape: bool
    ) -> tuple[Place, str]:
        place = self._one_place(account, dialect)
        known = kinds_of(dialect_at(self._dialects, place).stream.account_events)
        if needs_shape and kind not in {None, *known}:
            raise UsageError(f"no event of kind {kind!r} is known here", advice=f"Pass data=, or {', '.join(known)}")
        return place, kind or known[0]

    def _one_place(self, account: str, dialect: Dialect | None) -> Place:
        places = self._places(account, dialect) or [(account, next(iter(self._dialects)))]
        if len(places) > 1:
            raise UsageError(f"{account!r} has had keys in several dialects", advice="Pass dialect=")
        return places[0]


def _by_path(dialects: Iterable[Dialect]) -> dict[str, Dialect]:
    served = list(dialects)
    by_path = {dialect.path: dialect for dialect in served}
    if not served or len(by_path) != len(served):
        raise UsageError("an exchange serves at least one dialect, and no two on one path", advice="Pass fewer")
    return by_path
