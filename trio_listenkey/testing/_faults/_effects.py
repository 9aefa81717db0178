"""What can go wrong with one request or socket, as data. When it goes wrong is a :class:`Fault`'s business.

Every duration is in seconds of the exchange's own time. "The work" is what the request asked for: the key made,
renewed or closed. It is done at the moment the request arrives, unless the effect says otherwise.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from ..._errors import UsageError

__all__ = [
    "CloseSocket",
    "Delay",
    "Drip",
    "Drop",
    "Duplicate",
    "Effect",
    "Freeze",
    "Garbage",
    "HalfOpen",
    "Hang",
    "Huge",
    "KillKey",
    "Limit",
    "Redirect",
    "Reset",
    "SocketEffect",
    "Status",
    "Truncate",
    "Wire",
    "WrongShape",
    "api_error",
    "bad_gateway_html",
    "banned",
    "gone",
    "html_page",
    "long_key",
    "rate_limited",
    "retired",
    "service_unavailable",
    "unsafe_key",
    "waf_403_html",
]

JSON_TYPE = ("Content-Type", "application/json;charset=UTF-8")
HTML_TYPE = ("Content-Type", "text/html")

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"(?:[!-~\x80-\xff](?:[\t -~\x80-\xff]*[!-~\x80-\xff])?)?")


@dataclass(frozen=True, slots=True)
class Status:
    """Another answer than the exchange's own.

    Attributes:
        code: The HTTP status, 200 to 599.
        body: The whole body.
        headers: Name and value pairs; ``Date`` and ``Content-Length`` are added.
        after_work: Whether the work is done all the same, as with the 503 whose "execution status is unknown".
    """

    code: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    after_work: bool = False

    def __post_init__(self) -> None:
        if not 200 <= self.code <= 599:
            raise UsageError(f"Status({self.code}) is no final HTTP status", advice="Pass one from 200 to 599")
        for name, value in self.headers:
            _require_header(name, value)


@dataclass(frozen=True, slots=True)
class WrongShape:
    """HTTP 200 with another body. The work is done: there may be a key that the client does not know."""

    body: bytes


@dataclass(frozen=True, slots=True)
class Redirect:
    """A redirect, to test whether a client follows it with the API key. The work is not done."""

    location: str
    code: int = 307

    def __post_init__(self) -> None:
        _require_header("Location", self.location)


@dataclass(frozen=True, slots=True)
class Limit:
    """A rate limit: this request, and every later one within ``seconds``, is refused.

    Every request that comes before the end is counted in :attr:`Exchange.requests_during_bans`.

    Attributes:
        seconds: How long, from the moment the request arrives.
        status: 429 (rate limit) or 418 (ban). A 418 tells its end in the text of its message.
        retry_after: Whether the answers have a ``Retry-After`` header, in whole seconds, rounded up. The
            documents of Spot have it; those of USD-M and COIN-M do not mention it.
    """

    seconds: float
    status: int = 429
    retry_after: bool = True

    def __post_init__(self) -> None:
        if self.status not in {418, 429} or not self.seconds > 0:
            raise UsageError(
                f"Limit({self.seconds}, status={self.status}) is no rate limit",
                advice="Pass a positive number of seconds and status 418 or 429",
            )


@dataclass(frozen=True, slots=True)
class KillKey:
    """The account's key dies just before this request or event; then it is served as usual.

    Attributes:
        announced: Whether its sockets get ``listenKeyExpired``, as at an expiry. Otherwise they stay silent.
    """

    announced: bool = False


@dataclass(frozen=True, slots=True)
class Delay:
    """The answer is sent ``seconds`` late; the work is done on arrival. ``then`` sets another answer.

    Of a handshake, its answer; of an event, the event and, as events stay in order, those after it. With
    ``verb="socket"``, ``then`` is applied to the socket so many seconds later.
    """

    seconds: float
    then: Effect | None = None

    def __post_init__(self) -> None:
        _require_positive(self, self.seconds)


@dataclass(frozen=True, slots=True)
class Hang:
    """The answer never comes, and the connection stays open."""

    after_work: bool = False


@dataclass(frozen=True, slots=True)
class Reset:
    """The connection is reset instead of an answer; with ``after_work`` the work is done, the answer lost.

    A socket, too, is reset; ``after_work`` means nothing to it.
    """

    after_work: bool = False


@dataclass(frozen=True, slots=True)
class Truncate:
    """The connection ends after ``after`` bytes of the answer, head included, and always before its last."""

    after: int

    def __post_init__(self) -> None:
        _require_positive(self, self.after)


@dataclass(frozen=True, slots=True)
class Drip:
    """The answer comes byte by byte, head included, one every ``seconds_per_byte``."""

    seconds_per_byte: float

    def __post_init__(self) -> None:
        _require_positive(self, self.seconds_per_byte)


@dataclass(frozen=True, slots=True)
class Garbage:
    """The work is done, and the answer is not HTTP; or, on an open socket, bytes that are not a frame."""

    data: bytes = b"\x16\x03\x01\x02\x00 this is not HTTP \xff\xfe\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Huge:
    """The work is done, and the body has ``size`` bytes; with ``None`` it never ends."""

    size: int | None = None

    def __post_init__(self) -> None:
        _require_positive(self, self.size or 1)


@dataclass(frozen=True, slots=True)
class CloseSocket:
    """The exchange closes the socket with a close frame.

    Attributes:
        code: From RFC 6455, 7.4. 1001 is "going away", 1008 what a missed pong gets.
        reason: At most 123 bytes of UTF-8.
    """

    code: int = 1001
    reason: str = ""

    def __post_init__(self) -> None:
        if not 1000 <= self.code <= 4999 or self.code in {1004, 1005, 1006, 1015} or len(self.reason.encode()) > 123:
            raise UsageError(f"{self} fits no close frame", advice="Pass a code of RFC 6455 and a short reason")


@dataclass(frozen=True, slots=True)
class HalfOpen:
    """Bytes are lost in both directions from now on: no events, no pings, no pongs; the TCP connection stays open."""


@dataclass(frozen=True, slots=True)
class Freeze:
    """Nothing is sent for ``seconds``, neither events nor pings nor pongs; and then everything."""

    seconds: float

    def __post_init__(self) -> None:
        _require_positive(self, self.seconds)


@dataclass(frozen=True, slots=True)
class Drop:
    """The event is lost on its way to one socket."""


@dataclass(frozen=True, slots=True)
class Duplicate:
    """The event is sent ``times`` times more."""

    times: int = 1

    def __post_init__(self) -> None:
        _require_positive(self, self.times)


Wire = Hang | Reset | Truncate | Drip | Garbage | Huge
"""The effects that are no HTTP answer: a front end has to do them to the connection."""

SocketEffect = CloseSocket | HalfOpen | Freeze | Drop | Duplicate
"""The effects that only a socket can have; it can have some of the others, too."""

Effect = Status | WrongShape | Redirect | Limit | KillKey | Delay | Wire | SocketEffect
"""Everything that a :class:`Fault` can do."""


def _require_positive(effect: object, amount: float) -> None:
    if not amount > 0:
        raise UsageError(f"{effect} is no amount", advice="Pass a positive number")


def _require_header(name: str, value: str) -> None:
    # A front end could not send it, and would break over it.
    if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
        raise UsageError(f"{name[:40]!r}: {value[:40]!r} is no HTTP header", advice="Pass what HTTP allows")
    if name.lower() in {"content-length", "transfer-encoding"}:
        raise UsageError(f"{name} follows from the body", advice="Leave it out")


def api_error(status: int, code: int | str, message: str, *, after_work: bool = False) -> Status:
    """An error in the exchange's own form: ``{"code": ..., "msg": ...}``."""
    body = json.dumps({"code": code, "msg": message}, separators=(",", ":")).encode()
    return Status(status, body, (JSON_TYPE,), after_work)


def html_page(status: int, title: str) -> Status:
    """A page of the web server that stands before the exchange: HTML where a client waits for JSON."""
    page = (
        f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n"
        "<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    )
    return Status(status, page.encode(), (HTML_TYPE,))


def service_unavailable(*, after_work: bool = False) -> Status:
    """HTTP 503: the work may or may not have been done (Binance USD-M documentation, "HTTP Return Codes")."""
    message = "Unknown error, please check your request or try again later."
    return api_error(503, -1000, message, after_work=after_work)


def bad_gateway_html() -> Status:
    """HTTP 502 as an HTML page."""
    return html_page(502, "502 Bad Gateway")


def rate_limited(retry_after: float, *, header: bool = True) -> Limit:
    """HTTP 429 for ``retry_after`` seconds, with a ``Retry-After`` header unless ``header`` is false."""
    return Limit(retry_after, 429, header)


def banned(seconds: float, *, header: bool = False) -> Limit:
    """HTTP 418 for ``seconds``. Its end stands in the text; in ``Retry-After`` only with ``header``."""
    return Limit(seconds, 418, header)


def gone() -> Status:
    """HTTP 400 -1125 although the key is alive, as keepalives have been answered on real exchanges."""
    return api_error(400, -1125, "This listenKey does not exist.")


def retired() -> Status:
    """HTTP 410 as an HTML page: what binance.com answers on its former spot endpoint since 2026-02-20."""
    return html_page(410, "410 Gone")


def waf_403_html() -> Status:
    """HTTP 403 as an HTML page: the firewall (Binance Spot documentation, "HTTP Return Codes")."""
    return html_page(403, "403 Forbidden")


def unsafe_key() -> WrongShape:
    """A listen key that would change the URL which it becomes part of."""
    return WrongShape(b'{"listenKey":"abc/../../api/v3/order?symbol=BTCUSDT#"}')


def long_key() -> WrongShape:
    """A listen key of 10,000 characters."""
    return WrongShape(b'{"listenKey":"' + b"k" * 10_000 + b'"}')
