"""What people are told of a venue: its description in words, for the documentation and the command line."""

from __future__ import annotations

from typing import Final

from ._parts import Heartbeat
from ._signed_venue import SignedVenue
from ._venue import Venue, Verb

__all__ = ["HEADS", "facts_of"]

HEADS: Final = (
    "Venue",
    "Create, keep alive, close",
    "Key named in",
    "Authentication",
    "A second create",
    "What a close does to other holders",
    "Lives / kept alive every",
    "Stream",
    "Source",
    "Events",
)

_NO_PAGE: Final = "no page is known"
_SECOND: Final = {
    "same": "returns the same key",
    "new": "makes a second key",
    "replaces": "ends the first key",
    "unknown": "is not documented",
}
_CLOSE: Final = {
    "same": "ends every holder's stream",
    "new": "nothing: each has its own key",
    "replaces": "there are none: the last create ended their key",
    "unknown": "may end every holder's stream",
}


def facts_of(venue: Venue | SignedVenue) -> tuple[str, ...]:
    """One cell for each of ``HEADS``."""
    if isinstance(venue, SignedVenue):
        return (
            venue.name,
            "no key: a signed subscription on the socket",
            "nothing",
            "HMAC-SHA256, or your signer",
            "is another socket",
            "nothing: each has its own socket",
            "as long as the socket",
            venue.url,
            venue.source,
            venue.events_url or _NO_PAGE,
        )
    sharing = venue.sharing
    many = f", up to {sharing.max_keys}" if sharing.max_keys is not None else ""
    close = "there is no close: keys expire" if venue.close is None else _CLOSE[sharing.second_create]
    return (
        venue.name,
        ", ".join(_call(venue, verb) for verb in ("create", "keepalive", "close")),
        " / ".join(dict.fromkeys(_place(venue, verb) for verb in ("keepalive", "close"))),
        _authentication(venue),
        _SECOND[sharing.second_create] + many,
        close,
        f"{venue.validity / 60:g} min / {venue.keepalive_every / 60:g} min",
        _stream(venue),
        (f"Retired. {venue.retired}. " if venue.retired else "") + venue.source,
        venue.events_url or _NO_PAGE,
    )


def _call(venue: Venue, verb: Verb) -> str:
    call = venue.call(verb)
    if call is None:
        return "no close"
    if verb == "keepalive" and venue.keepalive is None:
        return "create again"
    return f"{call.method} {call.path or venue.path}" if verb == "create" or call.path else call.method


def _place(venue: Venue, verb: Verb) -> str:
    place = venue.key_place(verb)
    return "nothing" if place == "account" else place


def _authentication(venue: Venue) -> str:
    header = venue.api_key_header or "no header"
    signing = venue.signing
    if signing is None:
        return header
    if signing.by == "signer":
        return f"{header}, your signer"
    return f"{header}, HMAC-SHA256" + ("" if signing.required else " if there is a secret")


def _pings(heartbeat: Heartbeat) -> str:
    return f"{heartbeat.kind} or text" if heartbeat.heard_text else heartbeat.kind


def _stream(venue: Venue) -> str:
    shape = venue.stream
    url = venue.stream_url_for("KEY").partition("&events=")[0]
    traits = [
        "" if shape.heartbeat.kind == "frames" else f"{_pings(shape.heartbeat)} pings",
        "" if shape.compression == "none" else shape.compression,
        "" if shape.encoding == "json" else shape.encoding,
        "wrapped" if shape.wrapped else "",
        "needs subscriptions" if shape.subscribe or shape.says_key else "",
        "" if shape.expired else "does not report expiry",
        "" if shape.expired_is_documented else f"{shape.expired} is not documented here",
    ]
    return "; ".join([url, *filter(None, traits)])
