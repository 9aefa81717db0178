"""What differs between exchanges, as data."""

import ipaddress
import re
from typing import Any, Generic, TypeVar
from urllib.parse import SplitResult, urlsplit

from .._errors import UsageError
from .._value import Value, replace
from ..events._types import E_co, EventTypes
from ._parts import Answer, Call, CountdownCancel, KeyPlace, Sharing, Signing, StreamShape, Verb

__all__ = ["Venue", "Verb", "check_events", "check_origin", "check_path"]

_T = TypeVar("_T")

_PLACES = {"form", "query", "json", "path", "account"}


class Venue(Value, Generic[E_co], frozen=True, kw_only=True):
    """One exchange, as data. The known ones are in :mod:`trio_listenkey.venues`.

    ``E_co`` is what the exchange sends, as :attr:`UserEvent.parsed` has it; ``Venue`` alone is any of them.

    Only the first five have no default: an exchange that follows Binance spot needs no more. A value that turns out to
    be wrong is changed by :func:`dataclasses.replace`.

    Attributes:
        name: Short, lower case, with dashes: ``"binance-usdm"``.
        rest_url: Scheme, host and, if need be, port of the REST calls; ``https``.
        stream_url: The same of the private stream; ``wss``.
        path: Where the REST calls go, if the calls do not say otherwise.
        stream_path: What follows ``stream_url``, with ``{key}`` where the key goes.
        key_in: Where keepalive and close name the key: in a ``"form"`` body (so that it appears in no URL and hence
            in no log), the ``"query"``, a ``"json"`` body or the ``"path"``; or not at all, where the exchange knows
            it from the API key (``"account"``).
        key_param: The name under which they do.
        create: The call that makes a key.
        keepalive: The call that keeps it alive; ``None`` if that is done by creating it again.
        close: The call that ends it; ``None`` if there is none, and keys are left to expire.
        api_key_header: The header of the API key; ``None`` if there is none.
        headers: Headers that are always sent.
        signing: How calls are signed; ``None`` if the API key is enough.
        answer: How to read the answers.
        sharing: What a second create does to the first key.
        stream: What the private WebSocket looks like.
        events: What its events are read as, from a module of :mod:`trio_listenkey.events`; ``None`` if they have no
            types here, and :attr:`UserEvent.parsed` is always ``None``.
        validity: Seconds that a key lives after a successful create or keepalive.
        keepalive_every: Seconds after which to send a keepalive.
        limits_shared_with: The REST addresses that count one client's requests together with ``rest_url``, where the
            exchange's documents say so: a ban of one of them holds for all. An address of sockets is in none of these:
            no document says of REST and the sockets that are used here that they are counted together.
        weight_budget: Weight a minute that all requests of this process to the REST host may cost together; ``None``
            for no limit. The known venues have half of what the exchange documents for one IP address: the other half
            is left to whatever else trades there. Of several venues of one host, the smallest holds.
        countdown: The countdown that cancels orders; ``None`` if there is none, or none that is known here.
        retired: What to use instead, where the exchange has said that it takes these endpoints away.
        source: Where all this is documented, with dates; and where sources disagree, what was chosen.
        events_url: The exchange's own page of what its stream sends; empty if none is known.
        allow_plaintext: Whether ``http`` and ``ws`` may leave this machine; see :meth:`at`.

    Raises:
        UsageError: A URL is malformed, has a path, or would send credentials over the network in the clear; keys would
            die between one keepalive and the next; or the parts do not fit together.
    """

    name: str
    rest_url: str
    stream_url: str
    path: str
    stream_path: str
    key_in: KeyPlace = "form"
    key_param: str = "listenKey"
    create: Call = Call("POST")
    keepalive: Call | None = Call("PUT")
    close: Call | None = Call("DELETE")
    api_key_header: str | None = "X-MBX-APIKEY"
    headers: tuple[tuple[str, str], ...] = ()
    signing: Signing | None = None
    answer: Answer = Answer()
    sharing: Sharing = Sharing()
    stream: StreamShape = StreamShape()
    events: EventTypes[E_co] | None = None
    validity: float = 3600.0
    keepalive_every: float = 1800.0
    limits_shared_with: tuple[str, ...] = ()
    weight_budget: int | None = None
    countdown: CountdownCancel | None = None
    retired: str | None = None
    source: str = ""
    events_url: str = ""
    allow_plaintext: bool = False

    def __post_init__(self) -> None:
        check_origin(self, "rest_url", secure="https", plain="http")
        check_origin(self, "stream_url", secure="wss", plain="ws")
        for url in self.limits_shared_with:
            check_url(f"Venue.limits_shared_with of {self.name!r}", url, self, secure="https", plain="http")
        check_path(self, "path", self.path, forbidden="?#")
        check_path(self, "stream_path", self.stream_path, forbidden="#")
        check_path(self, "create.path", self.create.path or self.path, forbidden="?#")
        check_events(self)
        if self.countdown is not None:
            check_path(self, "countdown.path", self.countdown.path, forbidden="?#")
        _check_call(self, "keepalive", self.keepalive)
        _check_call(self, "close", self.close)
        if not _are_numbers(self.keepalive_every, self.validity) or not 0 < self.keepalive_every < self.validity:
            raise UsageError(
                f"Venue {self.name!r}: a keepalive every {self.keepalive_every} s, of keys that live {self.validity} s",
                advice="Pass seconds, more than 0, and a keepalive_every of about half the validity",
            )
        if ("{key}" in self.stream_path) is self.stream.says_key:
            raise UsageError(
                f"Venue.stream_path of {self.name!r} does not say where the key goes",
                advice="Write {key} in its place; but not if it is said on the socket",
            )

    def __repr__(self) -> str:
        return f"<Venue {self.name} at {self.rest_url}>"

    def at(self, rest_url: str, stream_url: str, *, allow_plaintext: bool = False) -> "Venue[E_co]":
        """The same exchange at another address: a testnet, a proxy, or an exchange on this machine.

        Args:
            rest_url: For example ``"http://127.0.0.1:8080"``.
            stream_url: For example ``"ws://127.0.0.1:8080"``.
            allow_plaintext: Plain ``http`` and ``ws`` are for loopback addresses. ``True`` allows other machines:
                anyone on the network path can read the API key and the listen key.

        Raises:
            UsageError: A URL is malformed, has a path, or is plain text to another machine.
        """
        return replace(
            self, rest_url=rest_url, stream_url=stream_url, limits_shared_with=(), allow_plaintext=allow_plaintext
        )

    def stream_url_for(self, key: str) -> str:
        """The URL of the private stream of ``key``. Anyone who has it can read the account's events."""
        return self.stream_url.rstrip("/") + self.stream_path.replace("{key}", key)

    def call(self, verb: Verb) -> Call | None:
        """The request for ``verb``; ``None`` if there is none. Without a keepalive, a create renews the key."""
        if verb == "create":
            return self.create
        return (self.keepalive or self.create) if verb == "keepalive" else self.close

    def key_place(self, verb: Verb) -> KeyPlace:
        """Where the key is named in the call for ``verb``; ``"account"`` if it is not."""
        call = {"create": None, "keepalive": self.keepalive, "close": self.close}[verb]
        return "account" if call is None else call.key_in or self.key_in

    def with_events(self, events: EventTypes[_T]) -> "Venue[_T]":
        """The same exchange, and its events are read as ``events``, for example with decimals: ``usdm.DECIMALS``.

        Raises:
            UsageError: It is not an :class:`~trio_listenkey.events.EventTypes`.
        """
        venue: Venue[Any] = self
        return replace(venue, events=events)

    def with_parameters(self, **parameters: str) -> "Venue[E_co]":
        """The same exchange with parameters that are sent with every call, for example ``category="USDC"``."""

        def extended(call: Call | None) -> Call | None:
            return None if call is None else replace(call, extra=(*call.extra, *parameters.items()))

        create = replace(self.create, extra=(*self.create.extra, *parameters.items()))
        return replace(self, create=create, keepalive=extended(self.keepalive), close=extended(self.close))


def check_events(venue: Any) -> None:
    """What a venue's events are read as has to be a union that says where it is."""
    if venue.events is not None and not isinstance(venue.events, EventTypes):
        raise UsageError(
            f"Venue.events of {venue.name!r} is of type {type(venue.events).__name__}",
            advice="Pass AS_SENT or DECIMALS of a module of trio_listenkey.events",
        )


def check_origin(venue: Any, field: str, *, secure: str, plain: str) -> None:
    """The field of a venue's has to be scheme and host, in the clear only where that is safe or asked for."""
    check_url(f"Venue.{field} of {venue.name!r}", getattr(venue, field), venue, secure=secure, plain=plain)


def check_url(where: str, url: object, venue: Any, *, secure: str, plain: str) -> None:
    """A URL of a venue's has to be scheme and host, in the clear only where that is safe or asked for."""
    try:
        parts = urlsplit(url) if isinstance(url, str) else None
        host = parts.hostname if parts else None
        port = parts.port if parts else None  # raises ValueError for a port that is none
    except ValueError:
        parts, host, port = None, None, None
    is_one = parts is not None and host and _is_host(host) and port != 0 and _visible_ascii(str(url))
    if parts is None or host is None or not is_one or parts.scheme not in {secure, plain}:
        raise UsageError(
            f"{where} is no {secure} URL",
            advice=f"Pass scheme and host: {secure}://host or {secure}://host:port",
        )
    if "@" in parts.netloc:
        raise UsageError(f"{where} has a user name in it", advice="Pass credentials in Credentials only")
    if _has_path(str(url), parts):
        raise UsageError(
            f"{where} has a path or a query", advice="Pass scheme and host only; paths are the venue's own"
        )
    if parts.scheme == plain and not venue.allow_plaintext and not _is_loopback(host):
        raise UsageError(
            f"{where} is plain {plain} to another machine",
            advice=f"Use {secure}, or pass allow_plaintext=True, which lets anyone on the network path read your keys",
        )


def check_path(venue: Any, field: str, path: object, *, forbidden: str) -> None:
    """The field of a venue's has to be a path."""
    # Without the slash, what follows would be a part of the host's name: "https://exchange.com" + ".evil.example".
    if not isinstance(path, str) or not path.startswith("/") or not _visible_ascii(path) or set(path) & set(forbidden):
        raise UsageError(
            f"Venue.{field} of {venue.name!r} is no path", advice="Pass one that begins with a slash, in visible ASCII"
        )


def _check_call(venue: Venue, verb: Verb, call: Call | None) -> None:
    if call is None:
        return
    path, place = call.path or venue.path, call.key_in or venue.key_in
    check_path(venue, f"{verb}.path", path, forbidden="?#")
    if place not in _PLACES:
        raise UsageError(
            f"Venue.key_in of {venue.name!r} is {place!r}",
            advice="Pass 'form', 'query', 'json', 'path' or 'account'",
        )
    if place == "path" and "{key}" not in path:
        raise UsageError(
            f"Venue.{verb}.path of {venue.name!r} does not say where the key goes", advice="Write {key} in its place"
        )


def _are_numbers(*values: object) -> bool:
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def _has_path(url: str, parts: SplitResult) -> bool:
    return parts.path not in {"", "/"} or "?" in url or "#" in url


def _is_host(host: str) -> bool:
    return bool(re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?\.?", host)) or _address(host) is not None


def _visible_ascii(text: str) -> bool:
    return text.isascii() and text.isprintable() and " " not in text


def _is_loopback(host: str) -> bool:
    # "localhost" is resolved by the system, which may be told to send it elsewhere; RFC 6761 says it must not.
    address = _address(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
