"""Can a host be reached: its name, a connection, a certificate; and what time is it there?"""

from __future__ import annotations

import ssl
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import urlsplit

import trio

from ..._errors import TransportError, UsageError
from ..._http import Request
from ..._network import default_trust
from ..._venue._venue import Venue
from ...connectors._failures import words
from ...transports._base import Transport
from .._exit_codes import Exit

__all__ = ["STATUS_PAGE", "Found", "NetworkSteps", "Problem", "compare_clocks", "judge_clock"]

STATUS_PAGE: Final = "Try again; if it lasts, look at the exchange's status page"

_PORTS: Final = {"https": 443, "http": 80, "wss": 443, "ws": 80}
_DAY: Final = 86400.0
_FEW_DAYS: Final = 14
_SKEW: Final = 1.0  # seconds: signed requests from further in the future are refused, by default


@dataclass(frozen=True, slots=True)
class Found:
    """What a step found; with a hint, something that should be looked at."""

    about: str
    hint: str | None = None


class Problem(Exception):  # noqa: N818 - it is what was looked for
    """A step failed."""

    def __init__(self, about: str, hint: str, code: Exit = Exit.UNAVAILABLE) -> None:
        super().__init__(about)
        self.about, self.hint, self.code = about, hint, code


class NetworkSteps:
    """One host, a step at a time; each step uses what the one before has found."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        assert parts.hostname is not None  # a venue has seen to it
        self.host = parts.hostname
        self.port = parts.port or _PORTS[parts.scheme]
        self.is_secure = parts.scheme in {"https", "wss"}
        self._stream: trio.SocketStream | None = None

    async def resolve(self) -> Found:
        """Look its name up."""
        try:
            found = await trio.socket.getaddrinfo(self.host, self.port, type=trio.socket.SOCK_STREAM)
        except OSError as error:
            raise Problem(
                words(error),
                f"Check the spelling of {self.host}, and that this machine's DNS answers",
            ) from None
        addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
        more = f" and {len(addresses) - 1} more" if len(addresses) > 1 else ""
        return Found(self.host if addresses == [self.host] else f"{self.host} is {addresses[0]}{more}")

    async def connect(self) -> Found:
        """Open a connection."""
        try:
            self._stream = await trio.open_tcp_stream(self.host, self.port)
        except OSError as error:
            raise Problem(
                words(error),
                f"Check that nothing between here and there (firewall, proxy, VPN) blocks port {self.port}",
            ) from None
        return Found(f"{self._stream.socket.getpeername()[0]} port {self.port}")

    async def secure(self) -> Found:
        """Shake hands, as the library would."""
        assert self._stream is not None
        # The very context that the default transport and connector verify with, the environment's wishes included.
        try:
            trust = default_trust()
        except UsageError as error:
            raise Problem(error.problem, error.advice) from None
        secured = trio.SSLStream(self._stream, trust, server_hostname=self.host, https_compatible=True)
        try:
            await secured.do_handshake()
        except (OSError, trio.BrokenResourceError) as error:
            raise Problem(
                words(error),
                "Check this machine's date and certificates; a proxy that reads TLS needs its CA in SSL_CERT_FILE",
            ) from None
        return _judge_certificate(secured.getpeercert(), secured.version(), time.time())

    def close(self) -> None:
        """Close the connection, at once."""
        if self._stream is not None:
            self._stream.socket.close()


def _judge_certificate(certificate: dict[str, str], version: str, now: float) -> Found:
    days = (ssl.cert_time_to_seconds(certificate["notAfter"]) - now) / _DAY
    about = f"{version}, certificate for {days:.0f} more days"
    if days < _FEW_DAYS:
        return Found(about, "The exchange has to renew it; once it has expired, connections are refused")
    return Found(about)


async def compare_clocks(venue: Venue, transport: Transport) -> Found:
    """Ask for something that needs no credentials, for the sake of the answer's ``Date``."""
    request = Request("GET", venue.rest_url.rstrip("/") + venue.path, (("User-Agent", "trio-listenkey"),))
    before = time.time()
    try:
        answer = await transport.request(request)
    except TransportError as error:
        raise Problem(error.reason, STATUS_PAGE) from None
    after = time.time()
    try:
        date = parsedate_to_datetime(answer.header("Date") or "").timestamp()
    except ValueError:
        return Found(
            f"HTTP {answer.status}, without a date", "The answer may come from a proxy instead of the exchange"
        )
    # It tells whole seconds.
    return judge_clock(
        date - after,
        date + 1 - before,
        "Set this machine's clock (NTP): listen keys work all the same, but signed requests are refused",
    )


def judge_clock(least: float, most: float, hint: str) -> Found:
    """The exchange's clock is ahead of ours by something from ``least`` to ``most``; ``hint`` is for if it is much."""
    if least <= 0 <= most:
        return Found(f"agrees with the exchange's to within {_brief_span(max(most, -least))}")
    skew = least if least > 0 else -most
    about = f"{'behind' if least > 0 else 'ahead of'} the exchange's, by {_brief_span(skew)} or more"
    return Found(about, None if skew < _SKEW else hint)


def _brief_span(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 0.1 else f"{seconds:.1f} s"
