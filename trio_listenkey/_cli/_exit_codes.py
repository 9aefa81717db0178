"""What the exit status says: the one table, which the help texts and the documentation show."""

from __future__ import annotations

from enum import IntEnum, unique
from typing import Final

from .._errors import CredentialsError, EndpointGoneError, ListenKeyError, RateLimitedError, RefusedError, UsageError

__all__ = ["EXITS", "EXIT_HELP", "Exit", "exit_for"]


@unique
class Exit(IntEnum):
    """The exit status of the commands. Those from 129 on are as shells have them: 128 and the signal's number."""

    FINE = 0
    BROKEN = 1
    USAGE = 2
    CREDENTIALS = 3
    RETIRED = 4
    REFUSED = 5
    UNAVAILABLE = 6
    RATE_LIMITED = 7
    HANGUP = 129
    INTERRUPTED = 130
    TERMINATED = 143


EXITS: Final = {
    Exit.FINE: "Success; also when the reader of the output has closed it.",
    Exit.BROKEN: "A failure; the last line says what.",
    Exit.USAGE: "The command line, or what it names, is wrong. Nothing was sent.",
    Exit.CREDENTIALS: "The exchange does not accept the API key, or the signature.",
    Exit.RETIRED: "The exchange serves no listen keys at this address any more.",
    Exit.REFUSED: "Refused for another reason, or the TLS certificate is not trusted.",
    Exit.UNAVAILABLE: "No usable answer, or no connection, in time. Try again.",
    Exit.RATE_LIMITED: "Rate limited or banned. Wait, then try again.",
    Exit.HANGUP: "The terminal was closed (SIGHUP).",
    Exit.INTERRUPTED: "Ctrl-C.",
    Exit.TERMINATED: "SIGTERM.",
}

# Click leaves lines after \b as they are.
EXIT_HELP: Final = "\b\nExit status:\n" + "\n".join(f"  {code:>3}  {meaning}" for code, meaning in EXITS.items())

# The first that fits.
_BY_ERROR: Final[tuple[tuple[type[ListenKeyError], Exit], ...]] = (
    (UsageError, Exit.USAGE),
    (CredentialsError, Exit.CREDENTIALS),
    (EndpointGoneError, Exit.RETIRED),
    (RefusedError, Exit.REFUSED),
    (RateLimitedError, Exit.RATE_LIMITED),
    (ListenKeyError, Exit.UNAVAILABLE),
)


def exit_for(error: ListenKeyError) -> Exit:
    """The status that says what ``error`` says."""
    return next(code for kind, code in _BY_ERROR if isinstance(error, kind))
