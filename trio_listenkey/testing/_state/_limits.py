"""Request weight, and the silence that the exchange wants of who spends too much of it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from .._dialects._binance import Dialect
from .._faults._effects import Limit, api_error
from ._reply import Reply, from_status

__all__ = ["Ban", "Limits"]

_LIMITED = 429


@dataclass(frozen=True, slots=True)
class Ban:
    """Silence that the exchange wants."""

    until: float
    limit: Limit


class Limits:
    """What one IP address has spent, and whether it is heard.

    Attributes:
        weight_limit: Request weight per minute; ``None`` for no limit.
        ban: The last one, in force or over.
        offences: How many requests were received during a rate limit or ban.
        weight: What was spent in the current minute of the exchange's wall clock.
    """

    def __init__(self, unix_time: Callable[[float], float]) -> None:
        self.weight_limit: int | None = None
        self.ban: Ban | None = None
        self.offences = 0
        self.weight = 0
        self._minute = 0.0
        self._unix_time = unix_time

    def silenced(self, now: float) -> bool:
        """Whether silence is wanted."""
        return self.ban is not None and now < self.ban.until

    def begin_ban(self, limit: Limit, now: float) -> None:
        """Want silence from now on."""
        self.ban = Ban(now + limit.seconds, limit)

    def weigh(self, weight: int, now: float) -> None:
        """Somebody spends this much; too much is a reason for silence."""
        # The window is the minute of the clock (Binance documentation, "Limits").
        unix = self._unix_time(now)
        minute = unix // 60
        if minute != self._minute:
            self._minute, self.weight = minute, 0
        self.weight += weight
        if self.weight_limit is not None and self.weight > self.weight_limit:
            self.begin_ban(Limit(60 * (minute + 1) - unix), now)

    def refuse(self, dialect: Dialect, now: float) -> Reply:
        """The answer over HTTP, in the words of ``dialect``."""
        assert self.ban is not None
        status = self.ban.limit.status
        own = dialect.refusals.limited if status == _LIMITED else None
        reply = from_status(own or api_error(status, -1003, self._words(dialect)))
        if self.ban.limit.retry_after:
            seconds = math.ceil(self.ban.until - now)
            reply = replace(reply, headers=(*reply.headers, ("Retry-After", str(seconds))))
        return reply

    def refuse_on_socket(self, dialect: Dialect, now: float) -> tuple[int, Any]:
        """Status and error on the WebSocket API, where the end is an instant in Unix milliseconds."""
        assert self.ban is not None
        error: dict[str, Any] = {"code": -1003, "msg": self._words(dialect)}
        if self.ban.limit.retry_after:
            error["data"] = {"serverTime": int(self._unix_time(now) * 1000), "retryAfter": self._end_in_ms()}
        return self.ban.limit.status, error

    def _words(self, dialect: Dialect) -> str:
        assert self.ban is not None
        text = dialect.banned if self.ban.limit.status == 418 else dialect.limited
        return text.format(until=self._end_in_ms(), limit=self.weight_limit or 2400)

    def _end_in_ms(self) -> int:
        assert self.ban is not None
        # Rounded up, as a client that obeys to the millisecond must not come back too early.
        return math.ceil(self._unix_time(self.ban.until) * 1000)
