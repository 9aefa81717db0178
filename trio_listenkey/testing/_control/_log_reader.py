"""The exchange's log for those who read on where they stopped, and as lines for people."""

from __future__ import annotations

from typing import Any

from .._exchange import Exchange
from .._log import LogEntry
from ._json_values import encode

__all__ = ["LogReader", "log_line"]


class LogReader:
    """Numbers the requests of an exchange, also when its log forgets the oldest.

    The numbers are exact as long as it is asked before the log has forgotten all that was new.
    """

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._seen = 0
        self._last: LogEntry | None = None

    def count(self) -> int:
        """How many requests there were."""
        return self._look()[0]

    def since(self, number: int) -> tuple[int, tuple[LogEntry, ...]]:
        """The requests from the one with this number on, the first being 0; and the number of the first of them."""
        seen, log = self._look()
        first = max(seen - len(log), min(number, seen))
        return first, log[len(log) - (seen - first) :]

    def _look(self) -> tuple[int, tuple[LogEntry, ...]]:
        log = self._exchange.log
        new = next((n for n, entry in enumerate(reversed(log)) if entry is self._last), len(log))
        self._seen += new
        self._last = log[-1] if log else None
        return self._seen, log


def log_line(entry: LogEntry) -> str:
    """One request as a line, without secrets."""
    what = entry.method if entry.verb == "api" else entry.verb or ""
    if not entry.verb or entry.verb == "order":
        what = f"{entry.method} {entry.path}"
    facts = [
        entry.work or "",
        f"struck by {_shown(encode(entry.effect, brief=True))}" if entry.effect is not None else "",
        "during a ban" if entry.during_ban else "",
    ]
    about = ", ".join(fact for fact in facts if fact)
    return f"{entry.when:10.3f}  {entry.status}  {entry.account or '-':<12} {what:<10} {about}".rstrip()


def _shown(effect: dict[str, Any]) -> str:
    arguments = ", ".join(
        f"{name}={_shown(each) if isinstance(each, dict) else each}"
        for name, each in effect.items()
        if name != "effect"
    )
    return f"{effect['effect']}({arguments})"
