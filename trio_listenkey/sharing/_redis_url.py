"""The address of a Redis server, as a URL."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote

from .._errors import UsageError

__all__ = ["RedisAddress"]

_URL: Final = re.compile(
    r"(?:(?P<scheme>rediss?)://(?:(?P<login>[^@/?#]*)@)?(?P<host>\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z._-]+)(?::(?P<port>[0-9]{1,5}))?"
    r"(?:/(?P<number>[0-9]{1,9})?)?"
    r"|unix://(?:(?P<unix_login>[^@/?#]*)@)?(?P<path>/[^?#]+))"
    r"(?:\?db=(?P<db>[0-9]{1,9}))?",
    re.ASCII,
)
_ADVICE: Final = (
    "Write redis://[[user]:password@]host[:port][/db], rediss:// for TLS, or unix://[[user]:password@]/path[?db=0];"
    " what has : / ? # @ or % in it is written as in every URL, such as %40 for @"
)


@dataclass(frozen=True, repr=False)
class RedisAddress:
    """Where a server is, and who we are there. There is no ``repr``, for a password is in it."""

    host: str
    """Without the brackets of an IPv6 address; ``""`` for a Unix socket."""
    port: int
    path: str
    """Of a Unix socket, or ``""``."""
    database: int
    user: str
    """``""`` for the server's default user."""
    password: str | None
    secure: bool

    @classmethod
    def of(cls, url: str) -> RedisAddress:
        """Read ``url``.

        Raises:
            UsageError: It is not a valid one. The error does not quote it, for a password may be in it.
        """
        match = _URL.fullmatch(url)
        if match is None:
            raise UsageError("this is no URL of a Redis server", advice=_ADVICE)
        user, password = _login(match["login"] if match["scheme"] else match["unix_login"])
        port = int(match["port"] or 6379)
        host, path = (match["host"] or "").strip("[]"), unquote(match["path"] or "")
        if not _is_valid(host, path):
            raise UsageError("the URL names a host or a path that there cannot be", advice=_ADVICE)
        if not 0 < port < 65536:
            raise UsageError(f"there is no port {port}", advice=_ADVICE)
        if match["number"] and match["db"]:
            raise UsageError("the URL names its database twice", advice=_ADVICE)
        return cls(
            host=host,
            port=port,
            path=path,
            database=int(match["number"] or match["db"] or 0),
            user=user,
            password=password,
            secure=match["scheme"] == "rediss",
        )

    def __str__(self) -> str:
        """The URL without the password, to be shown."""
        login = f"{quote(self.user, safe='')}@" if self.user else ""
        if self.path:
            return f"unix://{login}{quote(self.path)}{f'?db={self.database}' if self.database else ''}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"redis{'s' if self.secure else ''}://{login}{host}:{self.port}/{self.database}"


def _login(text: str | None) -> tuple[str, str | None]:
    if not text:
        return "", None
    user, colon, password = text.partition(":")
    if not colon:
        raise UsageError(
            "the URL has a user name, or a password in the place of one, and nothing after it",
            advice="Write user:password@host, or :password@host where there are no user names",
        )
    return unquote(user), unquote(password)


def _is_valid(host: str, path: str) -> bool:
    try:
        # As the resolver will: it raises for a part of the name that is too long.
        host.encode("idna")
    except UnicodeError:
        return False
    return "\0" not in path
