"""The exchange: accounts, keys, limits and a log, and one method that answers a request."""

from __future__ import annotations

import math
import re
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace
from email.utils import formatdate
from typing import assert_never
from urllib.parse import parse_qsl, urlsplit

from .._errors import UsageError
from .._http import Request
from ._dialects import COINM, SPOT_CLASSIC, USDM, Dialect
from ._effects import (
    Delay,
    Drip,
    Effect,
    Garbage,
    Hang,
    Huge,
    KillKey,
    Limit,
    Redirect,
    Reset,
    Status,
    Truncate,
    WrongShape,
    api_error,
    gone,
    html_page,
    retired,
)
from ._effects import JSON_TYPE as _JSON_TYPE
from ._faults import Fault, Script, Verb
from ._keys import Keys, Place
from ._reply import Reply, Work, from_status, success

__all__ = ["Exchange", "LogEntry"]

_VERBS: dict[str, Verb] = {"POST": "create", "PUT": "keepalive", "DELETE": "close"}

# 2026-11-01 00:00 UTC: a date in memory, where nothing else says what day it is.
_SOME_DAY = 1_793_491_200.0

# Generous enough for every documented call, and few enough that a hostile body costs nothing to parse.
_MAX_FIELDS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """One request in the exchange's log.

    It has the account's name where the request had an API key, and no listen key: a log may be shown.

    Attributes:
        when: The exchange's time at which the request arrived.
        verb: ``"create"``, ``"keepalive"``, ``"close"``, or ``None`` if it was none of these.
        method: The HTTP method.
        path: The path without the query; long words in an unknown path are blotted out.
        account: The name of the account, or ``None`` if the API key was missing or unknown.
        status: The HTTP status of the answer, whether or not it reached the client.
        effect: The effect of the fault that struck, or ``None``.
        work: ``"created"``, ``"renewed"``, ``"closed"``, or ``None`` if the request changed nothing.
        during_ban: Whether it came when the exchange had asked for silence.
    """

    when: float
    verb: Verb | None
    method: str
    path: str
    account: str | None
    status: int
    effect: Effect | None
    work: Work | None
    during_ban: bool


@dataclass(frozen=True, slots=True)
class _Call:
    """A request as the exchange understands it."""

    method: str
    path: str
    dialect: Dialect | None
    verb: Verb | None
    api_key: str
    account: str | None
    named_keys: tuple[str, ...]
    now: float


@dataclass(frozen=True, slots=True)
class _Ban:
    until: float
    limit: Limit


class Exchange:
    """An exchange with listen keys, as a plain object: no clock, no sockets, and no chance but from ``seed``.

    Every method that depends on the time is told it: ``now``, in seconds, from any zero, never running backwards.
    The front ends (:class:`MemoryTransport`, :func:`serve_exchange`) pass their own clock on.

    One exchange is one host as seen from one IP address: rate limits and bans hold for every account and dialect.

    Args:
        seed: From which keys and the chances of faults are drawn. The same seed gives the same run.
        validity: Seconds that a key lives after its creation or last renewal. A plain attribute: a new value holds
            from the next creation or renewal on.
        dialects: The endpoints that are served; no two on one path.
        faults: What goes wrong; see :meth:`add_faults`.
        weight_limit: Request weight per minute of the exchange's wall clock, beyond which HTTP 429 is answered until
            the minute is over; ``None`` for no limit. A plain attribute.
        epoch: Unix time at ``now == 0``, for ``Date`` headers and ban ends. ``None`` for some day in 2026; a served
            exchange then has the time of day.
        log_size: How many requests the log remembers; ``None`` for all.

    Attributes:
        retired: Dialects that answer HTTP 410 with an HTML page, as binance.com does for spot. A plain set.
        requests_during_bans: How many requests came when the exchange had asked for silence.
    """

    def __init__(
        self,
        *,
        seed: int = 0,
        validity: float = 3600.0,
        dialects: Iterable[Dialect] = (SPOT_CLASSIC, USDM, COINM),
        faults: Iterable[Fault] = (),
        weight_limit: int | None = None,
        epoch: float | None = None,
        log_size: int | None = None,
    ) -> None:
        self._dialects = _by_path(dialects)
        if not validity > 0:
            raise UsageError(f"validity={validity} is no life time", advice="Pass a positive number of seconds")
        self.validity = validity
        self.weight_limit = weight_limit
        self.epoch = epoch
        self.retired: set[Dialect] = set()
        self.requests_during_bans = 0
        self._accounts: dict[str, str] = {}
        self._keys = Keys(seed)
        self._script = Script(seed)
        self._script.add(faults)
        self._log: deque[LogEntry] = deque(maxlen=log_size)
        self._ban: _Ban | None = None
        self._latest = -math.inf
        self._minute = 0.0
        self._weight = 0

    def __repr__(self) -> str:
        names = ", ".join(dialect.name for dialect in self._dialects.values())
        return f"<Exchange {names}: {len(set(self._accounts.values()))} accounts, {len(self._log)} requests>"

    # --- Accounts

    def add_account(self, *api_keys: str, name: str | None = None) -> str:
        """Let ``api_keys`` in, all for one account, and return the account's name.

        Args:
            api_keys: At least one that no account has yet.
            name: ``None`` for ``account-1``, ``account-2`` and so on. An account of this name gets further API keys.
        """
        if not api_keys or any(not key or key in self._accounts for key in api_keys):
            raise UsageError("an API key is missing, empty or taken", advice="Pass new API keys")
        name = f"account-{len(set(self._accounts.values())) + 1}" if name is None else name
        self._accounts.update(dict.fromkeys(api_keys, name))
        return name

    def revoke(self, api_key: str) -> None:
        """Do not know this API key any more: its requests get HTTP 401. The account's listen key lives on."""
        if api_key not in self._accounts:
            raise UsageError("no account has this API key", advice="Pass one that was added")
        del self._accounts[api_key]

    # --- What others do behind a client's back

    def kill_key(self, account: str, now: float, *, dialect: Dialect | None = None) -> None:
        """End the account's key at once without telling anybody; with ``dialect`` that one, else all it has."""
        self._advance(now)
        for place in self._places(account, dialect):
            self._keys.end(place, now)

    def replace_key(self, account: str, now: float, *, dialect: Dialect | None = None) -> str:
        """Somebody else closes the account's key and creates a new one, which is returned.

        Args:
            account: The account's name.
            now: The exchange's time.
            dialect: Where; may be left out if the account has had a key in one dialect only.
        """
        self._advance(now)
        return self._keys.create(self._one_place(account, dialect), now, self.validity)

    def ban(self, limit: Limit, now: float) -> None:
        """Want silence from ``now`` on, although no fault struck: :func:`rate_limited` or :func:`banned`."""
        self._advance(now)
        self._ban = _Ban(now + limit.seconds, limit)

    # --- Faults

    def add_faults(self, *faults: Fault) -> None:
        """From now on these go wrong, too. Each counts the requests from here."""
        self._script.add(faults)

    def clear_faults(self) -> None:
        """From now on nothing goes wrong. A ban in force stays in force."""
        self._script.clear()

    # --- What a test asks

    @property
    def log(self) -> tuple[LogEntry, ...]:
        """Every request, in the order of arrival."""
        return tuple(self._log)

    @property
    def keys_ever(self) -> tuple[str, ...]:
        """Every key that was ever made, in order."""
        return tuple(self._keys.ever)

    def open_keys(self, now: float) -> tuple[str, ...]:
        """The keys that are alive."""
        return self._keys.open(now)

    def key_of(self, account: str, now: float, *, dialect: Dialect | None = None) -> str | None:
        """The account's key, or ``None`` if none is alive. Without ``dialect``, in the only one it has had a key in."""
        return self._keys.alive(self._one_place(account, dialect), now)

    def seconds_without_key(self, account: str, now: float, *, dialect: Dialect | None = None) -> float:
        """Seconds since the account's first creation during which no key of it was alive.

        Zero over thirty days of faults says that no event can have been missed for want of a key. Without
        ``dialect``, the sum over all that the account has had a key in.
        """
        return sum(self._keys.seconds_without(place, now) for place in self._places(account, dialect))

    def unix_time(self, now: float) -> float:
        """The exchange's wall clock, as its ``Date`` headers show it."""
        return now + (_SOME_DAY if self.epoch is None else self.epoch)

    # --- The one thing that clients see

    def handle(self, request: Request, now: float) -> Reply:
        """Take in one request at ``now``, do the work, and say what to do on the wire. It never raises for bad input.

        Raises:
            ValueError: ``now`` ran backwards.
        """
        self._advance(now)
        call = self._understand(request, now)
        during_ban = self._ban is not None and now < self._ban.until
        effect = None
        if during_ban:
            self.requests_during_bans += 1
        else:
            self._weigh(call)
            effect = self._strike(call)
        reply = self._refuse_noise(call) if self._silenced(now) else self._apply(effect, call)
        self._log.append(
            LogEntry(
                when=now,
                verb=call.verb,
                method=call.method[:16],
                path=_shown(call),
                account=call.account,
                status=reply.status,
                effect=effect,
                work=reply.work,
                during_ban=during_ban,
            )
        )
        return replace(reply, headers=(*reply.headers, *self._standing_headers(now)))

    def _advance(self, now: float) -> None:
        # Expiry is computed, not noticed: with a clock that ran backwards, a dead key would come to life again.
        if not now >= self._latest:
            raise UsageError(
                f"time ran backwards at the exchange, from {self._latest} to {now}",
                advice="Use one clock with one exchange: its front end's",
            )
        self._latest = now

    def _understand(self, request: Request, now: float) -> _Call:
        path, query = _split(request.url)
        dialect = self._dialects.get(path)
        headers = {name.lower(): value for name, value in reversed(request.headers)}
        api_key = headers.get("x-mbx-apikey", "")
        # "If a parameter is sent in both the query string and request body, the query string parameter will be used."
        fields = _fields(query)
        if headers.get("content-type", "").lower().startswith("application/x-www-form-urlencoded"):
            fields += _fields(request.body.decode("latin-1"))
        return _Call(
            method=request.method,
            path=path,
            dialect=dialect,
            verb=_VERBS.get(request.method) if dialect else None,
            api_key=api_key,
            account=self._accounts.get(api_key),
            named_keys=tuple(value for name, value in fields if name == "listenKey"),
            now=now,
        )

    def _strike(self, call: _Call) -> Effect | None:
        return self._script.strike(call.verb, call.account, call.now) if call.verb else None

    # --- Effects

    def _apply(self, effect: Effect | None, call: _Call) -> Reply:
        match effect:
            case None:
                return self._answer(call)
            case Status():
                return from_status(effect, self._answer(call).work if effect.after_work else None)
            case WrongShape(body):
                return Reply(status=200, headers=(_JSON_TYPE,), body=body, work=self._answer(call).work)
            case Redirect(location, code):
                return Reply(status=code, headers=(("Location", location),))
            case Limit():
                self.ban(effect, call.now)
                return self._refuse_noise(call)
            case KillKey():
                self._kill_before(call)
                return self._answer(call)
            case Delay(seconds, then):
                reply = self._apply(then, call)
                return replace(reply, delay=reply.delay + seconds)
            case Hang() | Reset():
                reply = self._answer(call) if effect.after_work else Reply(status=504)
                return replace(reply, wire=effect)
            case Truncate() | Drip() | Garbage() | Huge():
                return replace(self._answer(call), wire=effect)
        assert_never(effect)

    def _kill_before(self, call: _Call) -> None:
        if call.account is not None and call.dialect is not None:
            self._keys.end((call.account, call.dialect.path), call.now)

    # --- Rate limits

    def _silenced(self, now: float) -> bool:
        return self._ban is not None and now < self._ban.until

    def _weigh(self, call: _Call) -> None:
        # "The window is aligned to the minute of the clock", Binance Spot documentation, "General Info on Limits".
        unix = self.unix_time(call.now)
        minute = unix // 60
        if minute != self._minute:
            self._minute, self._weight = minute, 0
        self._weight += call.dialect.weight if call.dialect else 1
        if self.weight_limit is not None and self._weight > self.weight_limit:
            self.ban(Limit(60 * (minute + 1) - unix), call.now)

    def _refuse_noise(self, call: _Call) -> Reply:
        assert self._ban is not None
        limit = self._ban.limit
        wording = call.dialect or next(iter(self._dialects.values()))
        # Rounded up, as a client that obeys to the millisecond must not come back too early.
        until = math.ceil(self.unix_time(self._ban.until) * 1000)
        text = wording.banned if limit.status == 418 else wording.limited
        error = api_error(limit.status, -1003, text.format(until=until, limit=self.weight_limit or 2400))
        reply = from_status(error)
        if limit.retry_after:
            seconds = math.ceil(self._ban.until - call.now)
            reply = replace(reply, headers=(*reply.headers, ("Retry-After", str(seconds))))
        return reply

    def _standing_headers(self, now: float) -> tuple[tuple[str, str], ...]:
        date = formatdate(self.unix_time(now), usegmt=True)
        return ("Date", date), ("X-MBX-USED-WEIGHT-1M", str(self._weight))

    # --- The exchange's own answers

    def _answer(self, call: _Call) -> Reply:
        if call.dialect is None:
            return from_status(html_page(404, "404 Not Found"))
        if call.dialect in self.retired:
            return from_status(retired())
        if call.verb is None:
            reply = from_status(html_page(405, "405 Method Not Allowed"))
            return replace(reply, headers=(*reply.headers, ("Allow", "POST, PUT, DELETE")))
        if not call.api_key:
            return from_status(api_error(401, -2014, "API-key format invalid."))
        if call.account is None:
            return from_status(api_error(401, -2015, "Invalid API-key, IP, or permissions for action."))
        return self._work(call.verb, (call.account, call.dialect.path), call.dialect, call)

    def _work(self, verb: Verb, place: Place, dialect: Dialect, call: _Call) -> Reply:
        key = self._keys.alive(place, call.now)
        if verb == "create":
            return self._create(place, key, call.now)
        if dialect.names_key and not any(call.named_keys[:1]):
            message = "Mandatory parameter 'listenKey' was not sent, was empty/null, or malformed."
            return from_status(api_error(400, -1102, message))
        if key is None or (dialect.names_key and call.named_keys[0] != key):
            return from_status(gone())
        if verb == "close":
            self._keys.end(place, call.now)
            return success("closed")
        self._keys.renew(place, call.now, self.validity)
        return success("renewed", key if dialect.keepalive_tells_key else None)

    def _create(self, place: Place, key: str | None, now: float) -> Reply:
        if key is None:
            return success("created", self._keys.create(place, now, self.validity))
        self._keys.renew(place, now, self.validity)
        return success("renewed", key)

    # --- Places

    def _places(self, account: str, dialect: Dialect | None) -> list[Place]:
        if dialect is not None:
            return [(account, dialect.path)]
        places = self._keys.places(account)
        if not places and account not in self._accounts.values():
            raise UsageError(f"no account is named {account!r}", advice="Pass what add_account returned")
        return places

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


def _split(url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(url)
    except ValueError:  # a bracket without its partner, and other ways to write no URL
        return "", ""
    return parts.path, parts.query


def _fields(text: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(text, keep_blank_values=True, max_num_fields=_MAX_FIELDS)
    except ValueError:
        return []


def _shown(call: _Call) -> str:
    """The path as the log may show it: somebody may have put a key into it."""
    return call.path if call.dialect else re.sub(r"[A-Za-z0-9]{20,}", "***", call.path[:200])
