"""What goes wrong with a Redis server, in terms of the port.

A server's own words are never repeated: to a command that it does not know it answers with what was in it, and that may
have been a password.
"""

from __future__ import annotations

import re
import ssl
from typing import Final

import trio

from .._errors import RegisterAway, RegisterRefused
from .._redaction import chain, safe_error_text
from ._redis_url import RedisAddress
from ._register import MAX_DOCUMENT

__all__ = ["FAILURES", "AnswerTooLongError", "NotRedisError", "ServerError", "known", "meaning"]

_Kind = type[RegisterAway] | type[RegisterRefused]


class ServerError(Exception):
    """The server's answer is an error. ``args`` are empty: its words may quote the command.

    Attributes:
        code: Its first word, such as ``"NOAUTH"``.
    """

    def __init__(self, words: str) -> None:
        super().__init__()
        # Until version 7, the error of a command in a script is told in the middle of one of the script's.
        found = re.match(r"ERR Error running script.*: -?([A-Z]+) ", words) or re.match(r"([A-Z]+)(?: |$)", words)
        self.code = found[1] if found else "ERR"
        if self.code == "ERR":
            # All that has no code of its own: what we know better is given the code that it should have.
            self.code = next((code for part, code in _BY_WORDS if part in words), self.code)


class NotRedisError(Exception):
    """The answer is none of Redis.

    Attributes:
        start: The first bytes that came.
    """

    def __init__(self, start: bytes) -> None:
        super().__init__()
        self.start = start


class AnswerTooLongError(Exception):
    """The answer is longer than any document can be."""


FAILURES: Final = (
    AnswerTooLongError,
    NotRedisError,
    OSError,
    ServerError,
    trio.BrokenResourceError,
    trio.ClosedResourceError,
    trio.TooSlowError,
)
"""All that may go wrong between us and a server. Anything else is a fault of this library, and not to be hidden."""

_BY_WORDS: Final = (
    ("max number of clients", "FULL"),
    ("ACL failure in script", "NOPERM"),
    ("The user executing the script can't", "NOPERM"),  # before version 7
    ("DB index", "NODB"),
    ("invalid password", "WRONGPASS"),  # before version 6
    ("without any password configured", "NOPASS"),
    ("no password is set", "NOPASS"),  # before version 6
)

_BUSY: Final[tuple[_Kind, str, str]] = (
    RegisterAway,
    "is not ready",
    "It is asked again; look at the server's log if that lasts",
)
_CLUSTER: Final[tuple[_Kind, str, str]] = (
    RegisterRefused,
    "is a node of a cluster, and another one has this name",
    "Use a server that is no cluster, or the name of a proxy before it",
)
_SAID: Final[dict[str, tuple[_Kind, str, str]]] = {
    "BUSY": _BUSY,
    "CLUSTERDOWN": _BUSY,
    "FULL": (RegisterAway, "has reached its limit of clients", "It is asked again; raise its maxclients"),
    "LOADING": _BUSY,
    "MASTERDOWN": _BUSY,
    "NOREPLICAS": _BUSY,
    "TRYAGAIN": _BUSY,
    "ASK": _CLUSTER,
    "CROSSSLOT": _CLUSTER,
    "MOVED": _CLUSTER,
    "DENIED": (
        RegisterRefused,
        "is in protected mode, and accepts no clients from other machines",
        "Give it a password, and put that into the URL",
    ),
    "MISCONF": (
        RegisterRefused,
        "refuses writes, because it cannot save its data",
        "Look at its log, and whether its disk is full",
    ),
    "NOAUTH": (RegisterRefused, "wants a password", "Put it into the URL: redis://user:password@host"),
    "NODB": (RegisterRefused, "has no database of this number", "Name a lower one at the end of the URL, or none"),
    "NOPASS": (
        RegisterRefused,
        "has no password for its default user, and the URL has one",
        "Take it out of the URL, or set requirepass",
    ),
    "NOPERM": (
        RegisterRefused,
        "does not let this user do what is needed",
        "Allow +hmget +hget +hset +pexpire +eval on the keys under the prefix, and +select if the URL has a database",
    ),
    "OOM": (RegisterRefused, "has no memory left", "Raise its maxmemory, or have it evict what expires"),
    "READONLY": (RegisterRefused, "is a replica, which takes no writes", "Name the primary, or what leads to it"),
    "WRONGPASS": (RegisterRefused, "does not accept the user or the password", "Correct them in the URL"),
    "WRONGTYPE": (RegisterRefused, "has something else where the document should be", "Choose another prefix"),
}
_OTHERWISE: Final[tuple[_Kind, str, str]] = (
    RegisterRefused,
    "refuses a command that is needed",
    "Use a server that knows HMGET, HSET, PEXPIRE and EVAL: Redis since version 4, or Valkey",
)


def known(error: ServerError) -> bool:
    """Whether it is clear what the server wants to say."""
    return error.code in _SAID


def meaning(error: Exception, address: RedisAddress) -> RegisterAway | RegisterRefused:
    """What to tell of ``error``, which is one of :data:`FAILURES`."""
    about = f"the register {address}"
    match error:
        case ServerError():
            kind, problem, advice = _SAID.get(error.code, _OTHERWISE)
            return kind(f"{about} {problem}", advice=advice, code=error.code)
        case NotRedisError():
            problem, advice = _by_start(error.start)
            return RegisterRefused(f"{about} {problem}", advice=advice)
        case AnswerTooLongError():
            return RegisterRefused(
                f"{about} answers with more than {MAX_DOCUMENT:,} bytes", advice="Choose another prefix"
            )
        case trio.TooSlowError():
            return RegisterAway(f"{about} gave no answer in time", advice=_look_whether(address, "is well"))
        case _:
            return _no_connection(error, address)


def _look_whether(address: RedisAddress, what: str) -> str:
    """Of a server that says nothing, TLS is what people get wrong; most close the connection without a word then."""
    tls = "speaks TLS, or write redis://" if address.secure else "wants TLS, and write rediss:// then"
    return f"It is asked again; look whether it {what}{'' if address.path else f', and whether it {tls}'}"


def _by_start(start: bytes) -> tuple[str, str]:
    if start.startswith(b"HTTP/"):
        return "speaks HTTP", "Name the port of a Redis server"
    if start.startswith(b"\x15\x03"):  # an alert, which is how TLS says that it did not understand
        return "wants TLS", "Write rediss:// instead of redis://"
    return "does not speak the Redis protocol", "Name the port of a Redis server"


def _no_connection(error: Exception, address: RedisAddress) -> RegisterAway | RegisterRefused:
    about = f"the register {address}"
    links = list(chain(error, None))
    reason = next(filter(None, map(safe_error_text, reversed(links))), "no connection")
    for link in links:
        match link:
            case ssl.SSLCertVerificationError():
                advice = "Have the certificate name this host, and pass ssl_context if its authority is your own"
                return RegisterRefused(f"{about}: {reason}", advice=advice)
            case ssl.SSLError(reason="WRONG_VERSION_NUMBER" | "RECORD_LAYER_FAILURE"):
                return RegisterRefused(f"{about} does not speak TLS", advice="Write redis:// instead of rediss://")
            case PermissionError():
                return RegisterRefused(f"{about}: {reason}", advice="Give this user the right to use the socket")
    return RegisterAway(f"{about}: {reason}", advice=_look_whether(address, "runs"))
