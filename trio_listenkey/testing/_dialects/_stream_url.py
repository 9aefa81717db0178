"""What a socket's URL asks for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

__all__ = ["Wanted", "parse_stream_url"]

_ROUTES = {"private", "public", "market"}

# More than any exchange allows on one connection, and few enough that a hostile URL costs nothing to parse.
_MAX_FIELDS = 4_000


@dataclass(frozen=True, slots=True, repr=False)
class Wanted:
    """The streams that a URL names. Without a repr: listen keys are secrets.

    Attributes:
        route: ``"private"``, ``"public"``, ``"market"``, or nothing.
        combined: Whether each message is wrapped as ``{"stream": ..., "data": ...}``.
        streams: The listen keys, each with the names of the events that are wanted; ``None`` for all. A name that
            the exchange does not know is no error: it silently matches nothing.
        shown: The path as a log may show it.
        form: Which of the exchanges' own forms it has, or which base; empty for those of Binance's spot and futures.
    """

    route: str
    combined: bool
    streams: tuple[tuple[str, frozenset[str] | None], ...]
    shown: str
    form: str = ""


def parse_stream_url(target: str, forms: Iterable[str] = (), bases: Iterable[str] = ()) -> Wanted | None:
    """Read path and query of a handshake; ``None`` if nothing is served there.

    The forms are those of the exchanges' documents: ``/ws/<key>`` and ``/stream?streams=<key>`` ("WebSocket
    Streams"); ``/private/ws/<key>``, ``/private/ws?listenKey=<key>&events=<A>/<B>``, ``/private/stream?...`` with
    several such pairs (USD-M documentation, "Important WebSocket Change Notice"); and each without a key, for who
    sends SUBSCRIBE; some of its products have them below a base (``/pm/ws/<key>``): see :attr:`StreamRules.base`. Those
    of other exchanges are in ``forms``: see :attr:`StreamRules.url`.
    """
    for form in filter(None, forms):
        found = re.fullmatch(re.escape(form).replace(re.escape("{key}"), "([A-Za-z0-9_-]+)"), target)
        if found is not None:
            shown = form.partition("?")[0].replace("{key}", "***")
            return Wanted("", False, ((found[1], None),), shown, form)
    try:
        parts = urlsplit(target)
        fields = parse_qsl(parts.query, max_num_fields=_MAX_FIELDS)
    except ValueError:
        return None
    base = next((each for each in filter(None, bases) if parts.path.startswith(each + "/")), "")
    words = [word for word in parts.path[len(base) :].split("/") if word]
    route = words.pop(0) if words and words[0] in _ROUTES else ""
    mode = words.pop(0) if words else ""
    if mode not in {"ws", "stream"} or (mode == "stream" and words):
        return None
    named = [*words, *_listed(fields)] if mode == "stream" else words
    streams = [*((name, None) for name in named), *_listen_keys(fields)]
    shown = "/".join([base, *filter(None, [route, mode]), *["***" for _ in words[:1]]])
    return Wanted(route, mode == "stream", tuple(streams), shown, base)


def _listed(fields: list[tuple[str, str]]) -> list[str]:
    return [word for name, value in fields if name == "streams" for word in value.split("/") if word]


def _listen_keys(fields: list[tuple[str, str]]) -> list[tuple[str, frozenset[str] | None]]:
    """``listenKey=``, each with the ``events=`` that follows it."""
    found: list[tuple[str, frozenset[str] | None]] = []
    for name, value in fields:
        if name == "listenKey":
            found.append((value, None))
        elif name == "events" and found:
            found[-1] = (found[-1][0], frozenset(value.split("/")))
    return found
