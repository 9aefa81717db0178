"""The settings: credentials and durations."""

import math
import os
from collections.abc import Callable, Mapping

from ._errors import UsageError
from ._value import Secretive, Value

__all__ = ["Credentials", "Timing"]


class Credentials(Value, Secretive, frozen=True):
    """An account's API key, and its secret where the exchange requires signed requests.

    Most listen-key requests need the API key only. The ``repr`` hides both.

    Args:
        api_key: Sent in a header with every request: visible ASCII, no spaces.
        api_secret: Used to sign requests; never sent.
        signer: Signs instead of the secret: for Ed25519, RSA, EIP-712 or a key in a vault. It is called with the bytes
            to sign, must not block, and returns the signature: as bytes, which are sent in base64, or as the text to
            send.

    Raises:
        UsageError: The key or the secret is empty or cannot be sent in a header, or the signer is not a function.
    """

    api_key: str
    api_secret: str | None = None
    signer: Callable[[bytes], str | bytes] | None = None

    # Error reporters print the locals of each frame that an error came through; so no frame of ours that raises has a
    # name for what may be a secret. What a struct does before this has no frames.
    def __post_init__(self) -> None:
        error = _problem_with(self.api_key, self.api_secret, self.signer)
        if error is not None:
            del self
            raise error

    @classmethod
    def from_env(cls, prefix: str, environ: Mapping[str, str] | None = None) -> "Credentials":
        """Read ``<prefix>_API_KEY`` and, if it is set, ``<prefix>_API_SECRET`` from the environment.

        Args:
            prefix: For example ``"BINANCE"``.
            environ: Where to look instead of :data:`os.environ`.

        Raises:
            UsageError: ``<prefix>_API_KEY`` is not set, or one of the two is malformed.
        """
        name = f"{prefix}_API_KEY"
        try:
            environ = os.environ if environ is None else environ
            if name in environ:
                return cls(environ[name], environ.get(f"{prefix}_API_SECRET"))
        finally:
            del environ  # it has the secrets in it: as above
        raise UsageError(
            f"the environment variable {name} is not set",
            advice=f"Export {name} (and {prefix}_API_SECRET where calls are signed)",
        )

    def __repr__(self) -> str:
        if self.signer is not None:
            return "Credentials(<hidden>, signer=...)"
        return "Credentials(api_key=<hidden>)" if self.api_secret is None else "Credentials(<both hidden>)"


def _problem_with(api_key: object, api_secret: object, signer: object) -> UsageError | None:
    """The error to raise for these, if there is one. It is returned, so that this frame is in no traceback."""
    error = _problem_with_one("api_key", api_key)
    if error is None and api_secret is not None:
        error = _problem_with_one("api_secret", api_secret)
    if error is None and signer is not None and not callable(signer):
        error = UsageError(
            f"signer is of type {type(signer).__name__}",
            advice="Pass a function that takes the bytes to sign and returns the signature",
        )
    return error


def _problem_with_one(name: str, value: object) -> UsageError | None:
    # The value itself stays out of the message: a mistyped secret is a secret all the same.
    if not isinstance(value, str):
        return UsageError(f"{name} is of type {type(value).__name__}", advice="Pass it as a string")
    if not value:
        return UsageError(f"{name} is empty", advice="Pass the key that the exchange showed when it was made")
    if not all("!" <= character <= "~" for character in value):
        return UsageError(
            f"{name} has a character outside of visible ASCII",
            advice="Look for a space, a line break or a typographic character that came along when it was copied",
        )
    return None


class Timing(Value, frozen=True):
    """All durations, in seconds. The defaults suit every known exchange.

    Attributes:
        keepalive_every: The interval between keepalives; ``None`` takes what the exchange recommends (30 minutes of
            60), or half of ``validity`` if that is set.
        jitter: Each keepalive is sent earlier by a random part of this fraction of ``keepalive_every``, so that
            a thousand keys that were opened together do not send their keepalives together. From 0 to 0.9.
        request_timeout: The limit of one request, from connecting to the last byte of the answer.
        open_timeout: The limit for the first key, and for a stream's first socket, retries included. After that,
            opening fails.
        close_timeout: The limit for closing the key at the end of the block, retries included. It delays leaving the
            block by this much at most, and by as much again if a create is still in flight.
        retry_base: The first retry comes after a random time of up to this; each further one may take
            twice as long as the one before.
        retry_cap: No two retries are further apart than this.
        validity: How long a key lives after a successful request; ``None`` takes what the exchange documents
            (60 minutes). Set it for a test exchange with short-lived keys.
        suspend_check_every: The interval of the check whether the machine has slept.
        connect_timeout: The limit for opening a stream's socket, from DNS to the end of the handshake; where
            subscriptions are needed, to the last answer to these.
        ping_every: The interval of a stream's pings. If a ping is not answered by the time of the next one, the
            connection is dead: this is detected within twice this time.
        silence_check_every: After this long without an event, a stream asks the exchange whether its key is still
            alive (a keepalive request). A silently dead key is detected within this time.
        feed_lag: By how much an exchange's feed of an account's events may lag behind its answers to pings, and behind
            the feed on another socket; and how late it may begin after a handshake. A planned change of socket
            overlaps for twice this time, and gaps are wider by it at both ends. From 0.
        socket_lifetime: After how long the exchange closes a socket; ``None`` takes what it documents (24 hours). A
            stream reconnects before.

    Raises:
        UsageError: A duration is negative, zero where it may not be, not a number, or not finite.
    """

    keepalive_every: float | None = None
    jitter: float = 0.1
    request_timeout: float = 10.0
    open_timeout: float = 30.0
    close_timeout: float = 10.0
    retry_base: float = 1.0
    retry_cap: float = 60.0
    validity: float | None = None
    suspend_check_every: float = 10.0
    connect_timeout: float = 10.0
    ping_every: float = 20.0
    silence_check_every: float = 60.0
    feed_lag: float = 1.0
    socket_lifetime: float | None = None

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if value is not None or name not in _MAY_BE_NONE:
                _check_duration(name, value)
        if self.jitter > 0.9:
            raise UsageError(f"Timing.jitter is {self.jitter}", advice="Pass a fraction of the interval from 0 to 0.9")
        if self.retry_cap < self.retry_base:
            raise UsageError(
                f"Timing.retry_cap ({self.retry_cap} s) is less than retry_base ({self.retry_base} s)",
                advice="Pass a cap of at least the base",
            )


_MAY_BE_ZERO = {"jitter", "feed_lag"}
_MAY_BE_NONE = {"keepalive_every", "validity", "socket_lifetime"}


def _check_duration(name: str, value: object) -> None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise UsageError(f"Timing.{name} is of type {type(value).__name__}", advice="Pass seconds as a number")
    if not _is_finite(value) or value < 0 or (value == 0 and name not in _MAY_BE_ZERO):
        raise UsageError(
            f"Timing.{name} is {value}",
            advice=f"Pass a finite number of seconds, {'0 or more' if name in _MAY_BE_ZERO else 'more than 0'}",
        )


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an int that is no float any more
        return False
