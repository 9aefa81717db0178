"""Commands to a running exchange, as requests: what goes wrong, who is killed, what was seen.

A plain object without clock or sockets, like the exchange itself; :func:`serve_control` puts it on a port.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from inspect import signature
from typing import Any, Final

from ..._errors import UsageError
from .._book._orders import OrderInfo
from .._dialects._binance import Dialect
from .._exchange import Exchange
from .._faults._effects import Limit
from ._command import Command, NoSuchThingError, read_json, read_query
from ._fault_json import faults_from_json
from ._json_values import decode, decode_arguments, encode
from ._log_reader import LogReader

__all__ = ["ENDPOINTS", "MAX_COMMAND", "Control", "Endpoint", "dialects_of"]

MAX_COMMAND: Final = 1 << 20
"""Bytes in the body of one command."""

_PAGE: Final = 1000  # log entries in one answer
_BURST: Final = 100_000  # events in one command
_RATE: Final = "per_second"  # the field that makes it a rate of events


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One command or question: what the routes, the self-description and the documentation agree on."""

    method: str
    path: str
    what: str
    run: Callable[[Control, Command], Any]
    parameters: tuple[str, ...] = ()
    example: Any = None

    def as_json(self) -> dict[str, Any]:
        """As it is described to users."""
        told = {"method": self.method, "path": self.path, "what": self.what.replace("`", "")}
        if self.parameters:
            told["parameters"] = ", ".join(self.parameters)
        return told if self.example is None else {**told, "example": self.example}


ENDPOINTS: Final[list[Endpoint]] = []
"""All there are, in the order in which they are described; :func:`_at` fills it."""


def _at(method: str, path: str, **more: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make a method of the control an endpoint; its docstring is what users read."""

    def register(run: Callable[..., Any]) -> Callable[..., Any]:
        what = " ".join((run.__doc__ or "").split())
        ENDPOINTS.append(Endpoint(method=method, path=path, what=what, run=run, **more))
        return run

    return register


class Control:
    """What the control API does, one request at a time.

    Args:
        exchange: Whom it controls.
        urls: Where the exchange can be reached; shown by ``GET /``.
        shut_down: Called by ``POST /shutdown``. Without it there is no such command.

    Attributes:
        log: The exchange's log, numbered.
    """

    def __init__(
        self, exchange: Exchange, *, urls: Mapping[str, str] | None = None, shut_down: Callable[[], None] | None = None
    ) -> None:
        self.log: LogReader = LogReader(exchange)
        self._exchange = exchange
        self._urls = dict(urls or {})
        self._shut_down = shut_down

    def handle(self, method: str, target: str, body: bytes, now: float) -> tuple[int, Any]:
        """Carry out one command, and return an HTTP status and the JSON that answers it. It never raises.

        Args:
            method: The HTTP method.
            target: The path, with the query if there is one.
            body: JSON, whatever the request's ``Content-Type``; empty for none.
            now: The exchange's time.
        """
        try:
            return 200, self._carry_out(method, target, body, now)
        except NoSuchThingError as error:
            return error.status, _problem(str(error), error.advice)
        except UsageError as error:
            return 400, _problem(error.problem, error.advice)
        except Exception as error:  # noqa: BLE001 - a command that was not foreseen must not end the exchange
            return 500, _problem(f"this command failed: {type(error).__name__}", "Nothing else is affected")

    def _carry_out(self, method: str, target: str, body: bytes, now: float) -> Any:
        path, _, query = target.partition("?")
        here = {each.method: each for each in ENDPOINTS if each.path == path}
        if not here:
            raise NoSuchThingError(404, f"there is no {path[:80]}", "GET / shows what there is")
        if method not in here:
            raise NoSuchThingError(405, f"{path} does not take {method[:16]}", f"Use {', '.join(here)}")
        command = Command(read_query(query, here[method].parameters), read_json(body), now)
        return here[method].run(self, command)

    # --- Questions

    @_at("GET", "/")
    def _describe(self, _command: Command) -> Any:
        """What there is."""
        return {
            "what": "The control API of a trio-listenkey exchange. Requests and answers are JSON.",
            "urls": self._urls,
            "endpoints": [each.as_json() for each in ENDPOINTS],
        }

    @_at("GET", "/state", parameters=("secrets",))
    def _state(self, command: Command) -> Any:
        """The time, accounts with their open keys, sockets, bans, counters. Keys are masked, unless ``secrets=1``."""
        exchange, now = self._exchange, command.now
        return {
            "now": now,
            "unix_time": exchange.unix_time(now),
            "validity": exchange.validity,
            "weight_limit": exchange.weight_limit,
            "ban": _ban_of(exchange, now),
            "requests": self.log.count(),
            "requests_during_bans": exchange.requests_during_bans,
            "keys_ever": len(exchange.keys_ever),
            "open_keys": len(exchange.open_keys(now)),
            "accounts": [self._account(name, command) for name in _accounts_of(exchange)],
            "sockets": [_fields_as_json(each) for each in exchange.sockets(now)],
        }

    def _account(self, name: str, command: Command) -> Any:
        exchange, now = self._exchange, command.now
        alive = {each.name: exchange.key_of(name, now, dialect=each) for each in dialects_of(exchange)}
        shown = {dialect: command.shown(key) for dialect, key in alive.items() if key is not None}
        lost, events = exchange.seconds_without_key(name, now), exchange.emitted(name)
        return {"account": name, "keys": shown, "seconds_without_key": lost, "events": events}

    @_at("GET", "/log", parameters=("since",))
    def _log(self, command: Command) -> Any:
        """The requests from number ``since`` on, up to 1000 of them; go on with the ``next`` of the answer."""
        since = command.number("since", 0)
        first, entries = self.log.since(since)
        page = entries[:_PAGE]
        told = [{"n": n, **_fields_as_json(entry)} for n, entry in enumerate(page, first)]
        return {"entries": told, "next": first + len(page), "missed": max(0, first - since)}

    # --- Commands

    @_at("POST", "/accounts", example={"api_key": "another-api-key", "name": "bob", "secret": "its-secret"})
    def _add_account(self, command: Command) -> Any:
        """Let another API key in, for the account of that name. Without a name, for a new one.

        Signatures are verified by its ``secret`` or, for Ed25519 and RSA, its ``public_key`` as PEM; with neither, any
        is taken.
        """
        given = decode_arguments(_new_account, command.body, "body")
        return {"account": self._exchange.add_account(given.pop("api_key"), **given)}

    @_at("POST", "/accounts/revoke", example={"api_key": "test-api-key"})
    def _revoke(self, command: Command) -> Any:
        """Know an API key no more: its requests are refused as the exchange documents it.

        Sockets of the WebSocket API are told after their next request. The account and its listen key live on.
        """
        self._exchange.revoke(decode_arguments(_revoked, command.body, "body")["api_key"])
        return {}

    @_at(
        "POST",
        "/faults",
        example=["keepalive#2=service_unavailable", {"verb": "create", "count": 3, "effect": {"Delay": 5}}],
    )
    def _add_faults(self, command: Command) -> Any:
        """From now on this goes wrong, too: a fault, or a list of them."""
        faults = faults_from_json(command.body)
        self._exchange.add_faults(*faults)
        return {"added": len(faults)}

    @_at("DELETE", "/faults")
    def _clear_faults(self, _command: Command) -> Any:
        """Remove all faults. A ban in force stays in force."""
        self._exchange.clear_faults()
        return {}

    @_at("POST", "/dialects/retire", example={"dialect": "spot-classic"})
    def _retire(self, command: Command) -> Any:
        """Answer HTTP 410 at a dialect's listen keys, as binance.com does at ``spot-classic``.

        With ``retired`` false, no longer.
        """
        given = decode_arguments(_retirement, command.body, "body")
        dialect = given["dialect"]
        if dialect not in dialects_of(self._exchange):
            raise UsageError(f"body.dialect: {dialect.name} is not served here", advice="Pass one that is")
        change = self._exchange.retired.add if given.get("retired", True) else self._exchange.retired.discard
        change(dialect)
        return {"retired": sorted(each.name for each in self._exchange.retired)}

    @_at("POST", "/keys/kill", example={"account": "account-1", "dialect": "usdm"})
    def _kill_key(self, command: Command) -> Any:
        """End an account's key, behind its holders' back. Without a dialect, all that it has."""
        self._call(self._exchange.kill_key, command)
        return {}

    @_at("POST", "/keys/replace", parameters=("secrets",), example={"account": "account-1", "dialect": "usdm"})
    def _replace_key(self, command: Command) -> Any:
        """Somebody else closes an account's key and opens another, shown with ``secrets=1``."""
        return {"key": command.shown(self._call(self._exchange.replace_key, command))}

    @_at("POST", "/ban", example={"rate_limited": 30})
    def _ban(self, command: Command) -> Any:
        """Want silence from everyone, from now on: 429 or 418."""
        limit = decode(Limit, command.body, "body")
        self._exchange.ban(limit, command.now)
        return {"until": command.now + limit.seconds}

    @_at(
        "POST",
        "/events",
        example={
            "account": "account-1",
            "dialect": "usdm",
            "kind": "ORDER_TRADE_UPDATE",
            "data": {"o": {"x": "CANCELED", "X": "CANCELED"}},
            "count": 3,
        },
    )
    def _emit(self, command: Command) -> Any:
        """Let something happen on an account: once, ``count`` times, or so many times ``per_second``.

        ``kind`` is what, the account's most usual event without it; ``data`` is merged into the event at every depth.
        """
        given = command.body if isinstance(command.body, dict) else {}
        for name in {"count", _RATE} & given.keys():
            if isinstance(given[name], int | float) and given[name] > _BURST:
                raise UsageError(f"body.{name}: {given[name]} is too much", advice=f"Pass up to {_BURST}")
        method = self._exchange.emit_rate if _RATE in given else self._exchange.emit
        return {"numbers": encode(self._call(method, command))}

    @_at("GET", "/orders", parameters=("account", "open"))
    def _orders(self, command: Command) -> Any:
        """The orders of an account, or of all; with ``open=1``, those that are open. Times are Unix milliseconds."""
        found = self._exchange.book.orders(command.query.get("account"), open_only=command.query.get("open") == "1")
        return {"orders": [_order_as_json(each) for each in found]}

    @_at(
        "POST",
        "/orders",
        example={
            "account": "account-1",
            "dialect": "usdm",
            "symbol": "BTCUSDT",
            "side": "BUY",
            "quantity": "0.01",
            "price": "60000",
        },
    )
    def _place_order(self, command: Command) -> Any:
        """Place an order as if the account's owner did so elsewhere; without a price, a market order."""
        return _order_as_json(self._call(self._exchange.book.place, command))

    @_at("POST", "/orders/fill", example={"order": 1, "quantity": "0.004"})
    def _fill_order(self, command: Command) -> Any:
        """Trade some of an open order, or all that is left of it, at its price or a better ``price``."""
        return _order_as_json(self._call(self._exchange.book.fill, command))

    @_at("POST", "/orders/cancel", example={"order": 1})
    def _cancel_order(self, command: Command) -> Any:
        """Cancel an open order, as its owner would from another client."""
        return _order_as_json(self._call(self._exchange.book.cancel, command))

    @_at("POST", "/orders/expire", example={"order": 1})
    def _expire_order(self, command: Command) -> Any:
        """Let an open order expire."""
        return _order_as_json(self._call(self._exchange.book.expire, command))

    @_at("POST", "/price", example={"symbol": "BTCUSDT", "price": "60000"})
    def _set_price(self, command: Command) -> Any:
        """A symbol has this price now: limit orders that it reaches are filled, and later market orders at it."""
        self._call(self._exchange.book.set_price, command)
        return {}

    @_at("POST", "/deposits", example={"account": "account-1", "dialect": "spot", "asset": "USDT", "amount": "1000"})
    def _deposit(self, command: Command) -> Any:
        """Add so much to a balance, or take it away; at spot, an account can trade what it has."""
        return {"free": str(self._call(self._exchange.book.deposit, command))}

    @_at("POST", "/symbols", example={"dialect": "usdm", "symbol": "DOGEUSDT", "base": "DOGE", "quote": "USDT"})
    def _add_symbol(self, command: Command) -> Any:
        """Trade this, too; at COIN-M with a ``contract_size``."""
        given = decode_arguments(self._exchange.book.add_symbol, command.body, "body")
        self._exchange.book.add_symbol(**given)
        return {}

    @_at("GET", "/countdowns")
    def _countdowns(self, _command: Command) -> Any:
        """What ``countdownCancelAll`` has begun and not stopped, and when each ends, in the exchange's time."""
        return {"countdowns": [_fields_as_json(each) for each in self._exchange.book.countdowns()]}

    @_at("POST", "/sockets/strike", example={"effect": {"CloseSocket": 1001}})
    def _strike_sockets(self, command: Command) -> Any:
        """Have an effect at once on every open socket, or on those of an account: one that a socket can have."""
        return {"struck": self._call(self._exchange.strike_sockets, command)}

    @_at("POST", "/sockets/shutdown", example={"after": 10})
    def _shut_down_sockets(self, command: Command) -> Any:
        """Close every socket in so many seconds, as before a restart; announced, where the exchange does so."""
        self._call(self._exchange.shut_down_sockets, command)
        return {}

    @_at("POST", "/freeze", example={"seconds": 5})
    def _freeze(self, command: Command) -> Any:
        """Pause for so many seconds: answers, handshakes and events are sent after that."""
        self._call(self._exchange.freeze, command)
        return {}

    @_at("POST", "/shutdown")
    def _end(self, _command: Command) -> Any:
        """End the exchange, if it is a process of its own."""
        if self._shut_down is None:
            raise NoSuchThingError(404, "this exchange ends with the program that it is part of", "Leave it to that")
        self._shut_down()
        return {}

    def _call(self, method: Callable[..., Any], command: Command) -> Any:
        """Call a method of the exchange with the command's fields; the only account there is need not be named."""
        given = {} if command.body is None else command.body
        accounts = _accounts_of(self._exchange)
        needed = signature(method).parameters.get("account")
        if isinstance(given, dict) and needed and needed.default is needed.empty and len(accounts) == 1:
            given = {"account": accounts[0], **given}
        return method(**decode_arguments(method, given, "body", now=command.now))


def _problem(problem: str, advice: str) -> Any:
    return {"error": problem, "advice": advice}


def _new_account(
    api_key: str, name: str | None = None, secret: str | None = None, public_key: str | None = None
) -> None:
    """What ``POST /accounts`` takes."""


def _retirement(dialect: Dialect, retired: bool = True) -> None:
    """What ``POST /dialects/retire`` takes."""


def _revoked(api_key: str) -> None:
    """What ``POST /accounts/revoke`` takes."""


def _order_as_json(order: OrderInfo) -> dict[str, Any]:
    told = _fields_as_json(order)
    return {name: format(value, "f") if isinstance(value, Decimal) else value for name, value in told.items()}


def _fields_as_json(value: Any) -> dict[str, Any]:
    return {each.name: encode(getattr(value, each.name), brief=True) for each in fields(value)}


# --- What the exchange has no public word for


def _accounts_of(exchange: Exchange) -> list[str]:
    return sorted(exchange._accounts.names)  # noqa: SLF001 - private to this package


def dialects_of(exchange: Exchange) -> list[Dialect]:
    """The dialects that it serves."""
    return list(exchange._dialects.values())  # noqa: SLF001 - private to this package


def _ban_of(exchange: Exchange, now: float) -> Any:
    ban = exchange._limits.ban  # noqa: SLF001 - private to this package
    return {"until": ban.until, "status": ban.limit.status} if ban is not None and now < ban.until else None
