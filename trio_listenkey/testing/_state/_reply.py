"""What the exchange wants done to a request: an answer, and how it goes over the wire."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .._faults._effects import JSON_TYPE, Status, Wire

__all__ = ["Reply", "Work", "from_status", "success"]

Work = Literal["created", "renewed", "closed"]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Reply:
    """What a front end has to do with one request, complete: it decides nothing itself.

    Attributes:
        status: The HTTP status.
        headers: Name and value pairs; ``Content-Length`` is the front end's.
        body: The whole body.
        delay: Seconds of the exchange's time before the first byte.
        wire: What is done to the connection instead of sending the answer as it is, or ``None``.
        work: What this request changed at the exchange, or ``None``.

    Its ``repr`` shows no body: that of a successful answer is the listen key.
    """

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    delay: float = 0.0
    wire: Wire | None = None
    work: Work | None = None

    def __repr__(self) -> str:
        return f"<Reply {self.status}, {len(self.body)} bytes, delay={self.delay}, wire={self.wire}>"


def from_status(status: Status, work: Work | None = None) -> Reply:
    """The answer that an effect spells out."""
    return Reply(status=status.code, headers=status.headers, body=status.body, work=work)


def success(work: Work, body: str = "{}") -> Reply:
    """HTTP 200 with this JSON."""
    return Reply(status=200, headers=(JSON_TYPE,), body=body.encode(), work=work)
