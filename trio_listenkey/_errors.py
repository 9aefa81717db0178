"""What can go wrong, split by what the caller can do about it.

::

    Exception
    ├── ListenKeyError                the base of every error that this library raises
    │   ├── UsageError (ValueError)   fix the call: an argument is wrong, and nothing was sent
    │   ├── RefusedError              fix the account or the address: the exchange refused, and would refuse again
    │   │   ├── CredentialsError      ... the API key, its permissions, or its IP whitelist
    │   │   └── EndpointGoneError     ... the address: the exchange has retired this endpoint
    │   ├── RateLimitedError          wait: a rate limit or ban; send nothing before ``retry_after`` is over
    │   ├── UnavailableError          try again: no usable answer within ``open_timeout``
    │   ├── KeyLostError              open a new key: this one expired or was closed, and ``on_lost="raise"`` is set
    │   ├── RegisterAway              wait: the register of ``sharing=`` is unreachable, and is retried
    │   ├── RegisterRefused           fix the register of ``sharing=`` or its address: it refuses
    │   └── SlowConsumerError         take events faster: the buffer is full, and ``on_full="fail"`` is set
    └── TransportError                what transports raise: no answer; users get one of the above instead

An error has fields, so that no program has to parse its text; the text is built here only. No text contains an API key,
a secret or a listen key.
"""

from __future__ import annotations

__all__ = [
    "CredentialsError",
    "EndpointGoneError",
    "KeyLostError",
    "ListenKeyError",
    "RateLimitedError",
    "RefusedError",
    "RegisterAway",
    "RegisterRefused",
    "SlowConsumerError",
    "TransportError",
    "UnavailableError",
    "UsageError",
    "name_error",
]


class ListenKeyError(Exception):
    """The base of every error that this library raises.

    Attributes:
        problem: What happened, in one sentence.
        advice: What to do about it, in one sentence.
        venue: The name of the exchange, or ``None`` if no request is concerned.
        name: The account's name, as set by ``name=``; by default that of the exchange.
        verb: ``"create"``, ``"keepalive"``, ``"close"``, or ``"connect"`` for a stream's socket; or ``None``.
        status: The HTTP status, or ``None`` without an answer.
        code: The exchange's own error code (Binance: ``-1125`` and its like), or ``None``.
        message: The exchange's message, shortened and without secrets, or ``None``.
    """

    def __init__(
        self,
        problem: str,
        *,
        advice: str,
        venue: str | None = None,
        verb: str | None = None,
        status: int | None = None,
        code: int | str | None = None,
        message: str | None = None,
    ) -> None:
        self.problem = problem
        self.advice = advice
        self.venue = venue
        self.name = venue
        self.verb = verb
        self.status = status
        self.code = code
        self.message = message
        super().__init__(self._text())

    def __reduce__(self) -> tuple[object, ...]:
        # What is inherited calls the class with ``args``, which are not the arguments of this one.
        return _revive, (type(self), self.args), self.__dict__

    def _text(self) -> str:
        who = self.venue if self.name == self.venue else f"{self.name} ({self.venue})"
        where = " ".join(part for part in (who, self.verb) if part)
        facts = [
            f"HTTP {self.status}" if self.status is not None else "",
            f"code {self.code}" if self.code is not None else "",
            f"exchange says {self.message!r}" if self.message else "",
        ]
        known = ", ".join(fact for fact in facts if fact)
        problem = f"{where}: {self.problem}" if where else self.problem
        return f"{problem}{f' ({known})' if known else ''}. {self.advice.removesuffix('.')}."


def name_error(error: object, name: str) -> None:
    """Have an error at an exchange say which account it is about, if it is one of ours."""
    if isinstance(error, ListenKeyError) and error.venue is not None and error.name != name:
        error.name = name
        error.args = (error._text(),)  # noqa: SLF001 - the text is built there and nowhere else


def _revive(kind: type[ListenKeyError], args: tuple[object, ...]) -> ListenKeyError:
    """An error of that kind as it is before its fields are put back: for pickles and copies."""
    return kind.__new__(kind, *args)


class UsageError(ListenKeyError, ValueError):
    """An argument is wrong. It is raised before anything is sent; fix the call."""


class RefusedError(ListenKeyError):
    """The exchange refused, and would refuse again: change something before you retry."""


class CredentialsError(RefusedError):
    """The exchange does not accept the API key: wrong, revoked, without the permission, or from a foreign IP."""


class EndpointGoneError(RefusedError):
    """The exchange no longer serves listen keys at this address (HTTP 410, as Binance spot since 2026-02-20)."""


class RateLimitedError(ListenKeyError):
    """A rate limit or ban of the exchange, or its firewall, lasts longer than ``open_timeout``.

    Attributes:
        retry_after: Seconds from now until requests may be sent to this host again.
    """

    retry_after: float

    def __init__(
        self,
        problem: str,
        *,
        advice: str,
        retry_after: float,
        venue: str | None = None,
        verb: str | None = None,
        status: int | None = None,
        code: int | str | None = None,
        message: str | None = None,
    ) -> None:
        self.retry_after = retry_after
        super().__init__(problem, advice=advice, venue=venue, verb=verb, status=status, code=code, message=message)


class UnavailableError(ListenKeyError):
    """The exchange gave no usable answer: transport error, time-out, 408, 5xx, or HTML where JSON was due."""


class KeyLostError(ListenKeyError):
    """The listen key expired or was closed by another program, and ``on_lost="raise"`` is set."""


class RegisterAway(ListenKeyError):  # noqa: N818 - it is a state of the register, and no fault of anybody
    """The register cannot be reached now: no connection, no answer in time, locked, still loading.

    It is retried; you need not do anything. Whether a write was done is not known.
    """


class RegisterRefused(ListenKeyError):  # noqa: N818 - beside RegisterAway
    """The register refuses until it is fixed: wrong password, no space, a file of another program, no Redis."""


class SlowConsumerError(ListenKeyError):
    """Events came faster than they were taken, the buffer is full, and ``on_full="fail"`` says to fail then."""


class TransportError(Exception):
    """A transport had no complete answer to bring: part of the port's error contract.

    Args:
        reason: What happened, for people to read; without secrets.
        unsent: ``True`` only where it is certain that the request never reached the exchange (the connection
            was refused, TLS verification failed). In doubt ``False``: the exchange may have done the work.
        untrusted: ``True`` if the peer's TLS certificate was refused. Trying again does not help: at the first opening
            that is final, and the caller is told what is wrong.
    """

    def __init__(self, reason: str, *, unsent: bool = False, untrusted: bool = False) -> None:
        super().__init__(str(reason))
        self.reason: str = str(reason)
        self.unsent = unsent
        self.untrusted = untrusted


def untrusted_peer(reason: str, *, venue: str, verb: str) -> RefusedError:
    """The error for a TLS certificate that is not accepted, at a REST host or at the streams' host alike."""
    return RefusedError(
        f"this machine does not trust the host: {reason}",
        advice="Check the address, this machine's date, and its CA certificates; a proxy that reads TLS needs its CA in"
        " SSL_CERT_FILE",
        venue=venue,
        verb=verb,
    )
