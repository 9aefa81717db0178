"""An exchange that has no listen keys any more, but sessions, as data."""

import re
from typing import Any, Generic, TypeAlias, TypeVar

from msgspec.structs import force_setattr

from .._errors import UsageError
from .._value import Value, replace
from ..events._types import E_co, EventTypes
from ._parts import Answer
from ._venue import Venue, check_events, check_origin, check_path

__all__ = ["SUBSCRIPTION", "AnyVenue", "SignedVenue"]

_T = TypeVar("_T")

# binance-spot-api-docs, errors.md and web-socket-api.md, 2026-07. -1209: the listenToken is unknown. -1191, -2042: this
# socket has no room for another subscription; a new one has.
SUBSCRIPTION = Answer(gone=frozenset({-1209}), transient=frozenset({-1191, -2042}))
"""How answers to a subscription on Binance's WebSocket API are to be read, by signature or by token."""


class SignedVenue(Value, Generic[E_co], frozen=True, kw_only=True):
    """An exchange whose private stream is requested on the socket itself, by a signed message: there is no listen key.

    :func:`~trio_listenkey.open_user_stream` takes it like any :class:`~trio_listenkey.Venue`;
    :func:`~trio_listenkey.open_listen_key` refuses it.

    ``E_co`` is what the exchange sends, as of a :class:`~trio_listenkey.Venue`.

    Attributes:
        name: Short, lower case, with dashes: ``"binance-spot"``.
        stream_url: Scheme, host and, if need be, port of the WebSocket API; ``wss``.
        stream_path: What follows it.
        parameters: Sent with the subscription, besides time and signature, for example ``(("recvWindow", 10_000),)``,
            or other options of the exchange. A number is sent as a number, and a string as a string; ``recvWindow``,
            which the exchange accepts as a number only, may be either.
        answer: What the codes of its answers mean.
        events: What its events are read as, from a module of :mod:`trio_listenkey.events`; ``None`` if they have no
            types here.
        lifetime: Seconds after which the exchange closes a socket.
        source: Where all this is documented, with dates.
        events_url: The exchange's own page of what its stream sends; empty if none is known.
        allow_plaintext: Whether ``ws`` is allowed to other machines; see :meth:`at`.

    Raises:
        UsageError: The URL is malformed, has a path, or would send signatures over the network in the clear; or
            ``recvWindow`` is no number.
    """

    name: str
    stream_url: str
    stream_path: str
    parameters: tuple[tuple[str, str | float], ...] = ()
    answer: Answer = SUBSCRIPTION
    events: EventTypes[E_co] | None = None
    lifetime: float = 86_400.0
    source: str = ""
    events_url: str = ""
    allow_plaintext: bool = False

    def __post_init__(self) -> None:
        check_origin(self, "stream_url", secure="wss", plain="ws")
        check_path(self, "stream_path", self.stream_path, forbidden="#")
        check_events(self)
        if isinstance(window := dict(self.parameters).get("recvWindow"), str):
            # As a text, it is refused: -1130 (binance-spot-api-docs, web-socket-api.md, "Timing security": DECIMAL).
            is_number = re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,3})?", window) is not None
            if not is_number:
                raise UsageError(
                    f"recvWindow of {self.name!r} is {window!r}", advice="Pass milliseconds, as a number, up to 60000"
                )
            number = float(window) if "." in window else int(window)
            changed = tuple((name, number if name == "recvWindow" else value) for name, value in self.parameters)
            force_setattr(self, "parameters", changed)

    def at(self, rest_url: str, stream_url: str, *, allow_plaintext: bool = False) -> "SignedVenue[E_co]":  # noqa: ARG002 - all venues are moved in the same way
        """The same exchange at another address: a testnet, a proxy, or an exchange on this machine.

        Args:
            rest_url: Not used; accepted so that all venues have the same method.
            stream_url: For example ``"ws://127.0.0.1:8080"``.
            allow_plaintext: Allows plain ``ws`` to other machines: anyone on the network path can read the API key.

        Raises:
            UsageError: The URL is malformed, has a path, or is plain text to another machine.
        """
        return replace(self, stream_url=stream_url, allow_plaintext=allow_plaintext)

    def with_events(self, events: EventTypes[_T]) -> "SignedVenue[_T]":
        """The same exchange, and its events are read as ``events``, for example with decimals: ``spot.DECIMALS``.

        Raises:
            UsageError: It is not an :class:`~trio_listenkey.events.EventTypes`.
        """
        venue: SignedVenue[Any] = self
        return replace(venue, events=events)

    @property
    def url(self) -> str:
        """Of the WebSocket API. There is no secret in it."""
        return self.stream_url.rstrip("/") + self.stream_path


AnyVenue: TypeAlias = Venue[E_co] | SignedVenue[E_co]
"""An exchange of either kind: what a function that opens a stream of any takes."""
