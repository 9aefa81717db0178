"""What the exchange remembers of each request."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ._call import Call
from ._effects import Effect
from ._faults import Verb
from ._reply import Reply, Work

__all__ = ["LogEntry", "entry"]


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


def entry(call: Call, reply: Reply, effect: Effect | None, *, during_ban: bool) -> LogEntry:
    """The line for one request."""
    return LogEntry(
        when=call.now,
        verb=call.verb,
        method=call.method[:16],
        path=_shown(call),
        account=call.account,
        status=reply.status,
        effect=effect,
        work=reply.work,
        during_ban=during_ban,
    )


def _shown(call: Call) -> str:
    """The path as the log may show it: somebody may have put a key into it."""
    return call.path if call.dialect else re.sub(r"[A-Za-z0-9]{20,}", "***", call.path[:200])
