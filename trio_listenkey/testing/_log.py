"""What the exchange remembers of each request."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from ._faults._effects import Effect
from ._faults._script import RequestKind
from ._state._reply import Work

__all__ = ["LogEntry", "api_entry", "blotted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """One request, WebSocket handshake, or request on the WebSocket API in the exchange's log.

    It has the account's name where the request had an API key, and no listen key: a log may be shown.

    Attributes:
        when: The exchange's time at which the request arrived.
        verb: ``"create"``, ``"keepalive"``, ``"close"``; ``"connect"`` for a handshake; ``"api"`` for a request on the
            WebSocket API; ``"order"`` for one about orders, balances and positions; or ``None``.
        method: The HTTP method, or that of the WebSocket API.
        path: The path without the query; long words in an unknown path are blotted out.
        account: The name of the account, or ``None`` if the API key was missing or unknown. Of a handshake, the
            account of the first listen key that is known.
        status: The HTTP status of the answer, whether or not it reached the client; 101 for an open socket,
            and 504 where there is no answer.
        effect: The effect of the fault that struck, or ``None``.
        work: ``"created"``, ``"renewed"``, ``"closed"``, or ``None`` if the request changed nothing.
        during_ban: Whether it was received during a rate limit or ban.
    """

    when: float
    verb: RequestKind | Literal["connect", "api"] | None
    method: str
    path: str
    account: str | None
    status: int
    effect: Effect | None
    work: Work | None
    during_ban: bool


def api_entry(
    method: str,
    path: str,
    *,
    now: float,
    status: int,
    account: str | None,
    effect: Effect | None,
    during_ban: bool,
) -> LogEntry:
    """The line for one request on the WebSocket API."""
    return LogEntry(
        when=now,
        verb="api",
        method=method,
        path=path,
        account=account,
        status=status,
        effect=effect,
        work=None,
        during_ban=during_ban,
    )


def blotted(path: str) -> str:
    """An unknown path as the log may show it: somebody may have put a key into it."""
    return re.sub(r"[A-Za-z0-9]{20,}", "***", path[:200])
