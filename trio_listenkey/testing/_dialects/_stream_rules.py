"""How each exchange treats the private WebSockets of its listen keys, told from the exchange's side."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from ..._errors import UsageError

__all__ = ["ClientPings", "EventFamily", "Pings", "StreamRules", "Words"]

EventFamily = Literal[
    "usdm",
    "coinm",
    "spot",
    "options",
    "portfolio-margin",
    "margin-risk",
    "stocks",
    "aster-spot",
    "bingx",
    "bingx-coinm",
    "bingx-spot",
    "toobit",
    "hashkey",
    "bitrue",
    "coins-ph",
    "gmo",
    "toobit-usdtm",
    "bitrue-futures",
    "gmo-fx",
]
Pings = Literal["frames", "text", "json", "json-time", "json-channel", "json-event"]
ClientPings = Literal["none", "json", "method", "event"]
Words = Literal["binance", "bingx", "bitrue", "bitrue-futures", "gmo", "mexc"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamRules:
    """One exchange's private WebSocket, as data: ``dataclasses.replace`` makes another exchange of it.

    Every duration is in seconds of the exchange's own time.

    Attributes:
        api: The path of the WebSocket API, where the stream is asked for on the socket; empty where a key in the URL is
            what it takes.
        key_api: The path of a WebSocket API that manages the listen keys, as REST does; empty where there is none.
        url: Path and query of a connection, with ``{key}``, where they are of another form than those of Binance's
            spot and futures; nothing is delivered on those then.
        base: What comes before those forms, as in ``/pm/ws/<key>`` and ``/pm/stream?streams=<key>``; nothing is
            delivered elsewhere then.
        suffix: What follows a key in a stream's name.
        routed: Whether only connections under ``/private`` deliver anything. An unrouted one is accepted and
            pinged, and silent, as at USD-M since 2026-04-23.
        account_events: Whose account events are sent: see :meth:`Exchange.emit`.
        announces_expiry: Whether a key's expiry is told by ``listenKeyExpired``.
        expiry_names_key: Whether that event has the field ``listenKey``.
        expiry_time_as_text: Whether its ``E`` is a string, as in the documents of Binance Options.
        expiry_passes_filter: Whether it comes although ``events=`` does not name it. No document says so.
        accepts_unknown_keys: Whether the handshake succeeds with a key that is dead or never was, and nothing
            comes, as on the real exchanges; otherwise HTTP 401.
        says_of_dead_keys: What is said on a socket that was opened with no key that is alive; empty for nothing.
        announces_shutdown: Whether ``serverShutdown`` is sent before the exchange closes its sockets.
        pings: What the exchange's pings are: ``"frames"`` of the protocol, a ``"text"``, or ``"json"``, as
            ``"json-time"`` with a field ``time``, as ``"json-channel"`` with a field ``channelId``, and as
            ``"json-event"`` in the form ``{"event":"ping","ts":...}`` of Bitrue's futures.
        compressed: Whether each message is compressed by itself, as at BingX, and sent as binary.
        ping_every: Seconds between two pings of the exchange; infinity for none.
        pong_within: Seconds within which a ping must be answered by a pong with its payload.
        client_pings: What a client may say to be known alive: nothing; ``{"ping": ...}`` as ``"json"``,
            ``{"method":"PING"}`` as ``"method"``, or ``{"event":"pong", ...}`` as ``"event"``.
        silence_within: Seconds after which a client that has not said that is closed, although it answers pings.
        events_break_silence: Whether they are counted from the last event as well: whether any traffic will do.
        words: Whose words a client subscribes in.
        channels: What a client has to subscribe to in these words, each with the kinds of event that come on it:
            nothing comes before. Empty where a key is all that it takes.
        subscribe_within: Seconds after which a client that has not subscribed to anything is closed.
        subscribe_every: Seconds that must be between two subscriptions from one address, on whatever sockets.
        messages_per_second: More messages, pings and pongs together, in one second end the connection;
            ``None`` for no limit.
        max_streams: Subscriptions on one connection.
        lifetime: Seconds after which a connection is closed.
        max_unsent: Bytes that may wait for a client that does not read, besides what the network holds. With more, the
            connection is reset. That exchanges drop such clients is known, but not at how many bytes.
        bare_answers: Whether the answer to a token on the WebSocket API is what else is its ``result``, without an
            ``id``, as in Tokocrypto's documents.
    """

    api: str = ""
    key_api: str = ""
    url: str = ""
    base: str = ""
    suffix: str = ""
    routed: bool = False
    account_events: EventFamily = "spot"
    announces_expiry: bool = True
    expiry_names_key: bool = True
    expiry_time_as_text: bool = False
    expiry_passes_filter: bool = False
    accepts_unknown_keys: bool = True
    says_of_dead_keys: str = ""
    announces_shutdown: bool = False
    pings: Pings = "frames"
    compressed: bool = False
    ping_every: float = 180.0
    pong_within: float = 600.0
    client_pings: ClientPings = "none"
    silence_within: float = math.inf
    events_break_silence: bool = False
    words: Words = "binance"
    channels: tuple[tuple[str, tuple[str, ...]], ...] = ()
    subscribe_within: float = math.inf
    subscribe_every: float = 0.0
    messages_per_second: int | None = 10
    max_streams: int = 1024
    lifetime: float = 86_400.0
    max_unsent: int = 64 * 1024 * 1024
    bare_answers: bool = False

    def __post_init__(self) -> None:
        limits = (
            self.max_streams,
            self.max_unsent,
            self.messages_per_second or 1,
            self.silence_within,
            self.subscribe_within,
        )
        positive = (self.ping_every, self.pong_within, self.lifetime, *limits)
        if not all(0 < each <= math.inf for each in positive) or not 0 <= self.subscribe_every < math.inf:
            raise UsageError(f"{self} are no rules", advice="Pass positive numbers")
        if self.channels and self.words == "binance":
            raise UsageError(f"{self} have channels, and no words for them", advice="Pass words=")
