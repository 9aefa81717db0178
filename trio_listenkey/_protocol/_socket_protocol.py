"""What is sent and received on a socket besides events: an exchange's own pings, subscriptions, compression.

Most exchanges need nothing of this: their messages come straight from the socket. For the others, drive a protocol like
this (``ProtocolConnection`` does)::

    protocol.start(moment)                    the socket is open
    protocol.messages_to_send(moment)         what to send; look again at ``protocol.deadline``
    protocol.receive_messages(batch, moment)  which of these messages are events; after that there may be more to send
    protocol.delivered()                      those were passed on: what was said after them may have its effect now
    protocol.ask(now)                         ask whether events still come, if that can be asked here
    protocol.wants_pong                       whether to ping, and to call protocol.ponged() when that is answered
    protocol.is_ready                         whether events come from now on
    protocol.failure                          why they do not come any more: an error

Time is an argument, as everywhere below the shell.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from math import inf
from typing import Any, Final, NamedTuple, Protocol

import msgspec

from .._envelope import without_mark
from .._errors import KeyLostError, ListenKeyError, UnavailableError
from .._venue._parts import Heartbeat, StreamShape
from ._responses import readable

__all__ = ["ChannelProtocol", "Moment", "SocketProtocol", "needs_channel_protocol"]

_MAX_MESSAGE: Final = 1024 * 1024
# A ping, or the answer to one, is short: longer messages are not decoded.
_SHORT: Final = 256
# An answer to a subscription may repeat all channels. Longer messages are decoded only until all answers have come.
_LONGEST_ANSWER: Final = 4096
# Seconds that the exchange has to answer the last subscription.
_ANSWER_WITHIN: Final = 5.0
_EXPIRED_EVENT: Final = "listenKeyExpired"
_GZIP: Final = 31  # zlib's window size that says: with gzip's header and trailer

_read: Final = msgspec.json.Decoder().decode


class Moment(NamedTuple):
    """A point in time.

    Attributes:
        now: In seconds, on any axis that does not leap.
        unix_ms: The same in Unix time, in milliseconds, as far as this machine knows it.
    """

    now: float
    unix_ms: int


class SocketProtocol(Protocol):
    """The methods and attributes that both kinds of protocol have."""

    is_ready: bool
    failure: Exception | None
    is_doubtful: bool
    """With ``failure``: the exchange refuses now, but may accept the same request later."""

    @property
    def deadline(self) -> float:
        """When the next message is due without a call of another method."""
        ...

    @property
    def wants_pong(self) -> bool:
        """Whether a ping sent now would, when it is answered, prove that the exchange received all messages."""
        ...

    def ponged(self) -> None:
        """The pong to that ping has come."""
        ...

    def start(self, moment: Moment) -> None:
        """The socket is open."""
        ...

    def receive_messages(self, batch: Sequence[bytes], moment: Moment) -> list[bytes]:
        """Receive messages; return those that are events, in order."""
        ...

    def delivered(self) -> None:
        """All events received so far were delivered."""
        ...

    def messages_to_send(self, moment: Moment) -> list[str]:
        """What to send, once."""
        ...

    def ask(self, now: float) -> bool:
        """Ask whether events still come; return whether this socket can ask that."""
        ...


def needs_channel_protocol(shape: StreamShape) -> bool:
    """Whether messages must be sent or unpacked on a socket of this shape."""
    return shape.heartbeat.kind != "frames" or shape.compression != "none" or bool(shape.subscribe)


class ChannelProtocol:
    """The channels and heartbeats of an exchange that has its own, on a socket whose URL has the key.

    A channel delivers events from the moment at which the exchange accepts its subscription. All channels do once each
    subscription was answered. Where the exchange documents no answer, a ping is sent after the subscriptions; its pong
    proves that the exchange received them.

    Args:
        shape: The subscriptions and heartbeats of the exchange.
        venue: The venue's name, for messages.
        hide: Secrets that are removed from messages.
    """

    def __init__(self, shape: StreamShape, venue: str | None = None, hide: Sequence[str] = ()) -> None:
        self.is_ready = not shape.subscribe
        self.failure: Exception | None = None
        self.is_doubtful = False
        self._shape, self._venue, self._hide = shape, venue, hide
        self._due: list[str] = []
        self._wanted = list(shape.subscribe)
        self._unanswered = len(shape.subscribe)
        self._want_at = self._ping_at = self._answer_by = inf
        heartbeat = shape.heartbeat
        is_text = heartbeat.kind == "text"
        text = heartbeat.heard if is_text else heartbeat.heard_text
        self._text_ping, self._text_pong = text.lower().encode(), heartbeat.answer if is_text else heartbeat.answer_text
        self._reads_json = heartbeat.kind == "json" or bool(shape.subscribe)
        # Where the words are the name of an event, the stream handles that event.
        self._expired = b"" if shape.expired in {None, _EXPIRED_EVENT} else str(shape.expired).encode()

    @property
    def deadline(self) -> float:
        """When the next message is due, or the exchange must have answered."""
        return min(self._want_at, self._ping_at, self._answer_by)

    def start(self, moment: Moment) -> None:
        """Subscribe to the events, where the exchange requires it."""
        self._want_at = moment.now if self._wanted else inf
        if self._shape.heartbeat.say_every is not None:
            self._ping_at = moment.now + self._shape.heartbeat.say_every

    def receive_messages(self, batch: Sequence[bytes], moment: Moment) -> list[bytes]:  # noqa: ARG002 - the port's
        """Unpack, answer pings, and return only the events."""
        if self._shape.compression == "gzip":
            batch = [_unzip(raw) for raw in batch]
        longest = _SHORT if self.is_ready else _LONGEST_ANSWER
        return [raw for raw in batch if len(raw) > longest or not self._is_control(raw)]

    def delivered(self) -> None:
        """Do nothing: no answer here depends on events that were delivered."""

    def messages_to_send(self, moment: Moment) -> list[str]:
        """Answers to pings, and the subscriptions and pings of our own that are due."""
        heartbeat, now = self._shape.heartbeat, moment.now
        while now >= self._want_at:
            self._due.append(self._wanted.pop(0))
            # From now, and not from when it was due: after a pause, they must not come all at once.
            self._want_at = now + self._shape.subscribe_every if self._wanted else inf
            if not self._wanted and not self.is_ready:
                self._answer_by = now + _ANSWER_WITHIN
        if now >= self._answer_by:
            self._answer_by = inf
            waited_for = f"{self._unanswered} of {len(self._shape.subscribe)} subscriptions"
            self._end(f"the exchange has not answered {'a ping' if self.wants_pong else waited_for}")
        if now >= self._ping_at:
            assert heartbeat.say_every is not None
            self._due.append(heartbeat.say.replace("{ms}", str(moment.unix_ms)))
            self._ping_at = now + heartbeat.say_every
        due, self._due = self._due, []
        return due

    def ask(self, now: float) -> bool:  # noqa: ARG002 - the port's
        """Return ``False``: the key is asked about by REST."""
        return False

    @property
    def wants_pong(self) -> bool:
        """Whether all subscriptions were sent, and the exchange answers none of them."""
        return not self.is_ready and not self._wanted and not self._shape.subscribed

    def ponged(self) -> None:
        """The exchange received all subscriptions. Had it refused one, that answer would have come before the pong."""
        self._begin_events()

    def _begin_events(self) -> None:
        self.is_ready, self._answer_by = True, inf

    def _is_control(self, raw: bytes) -> bool:
        """Whether a message is about the connection; if it is a ping, answer it."""
        raw = without_mark(raw)
        if self._text_ping and raw.lower() == self._text_ping:
            self._due.append(self._text_pong)
            return True
        if self._reads_json and self._is_json_control(raw):
            return True
        if not self.is_ready and self._expired and self._expired in raw:
            # The message is delivered. But no answer to a subscription will come after it.
            self._end("the exchange does not know the listen key", raw, KeyLostError)
        return False

    def _is_json_control(self, raw: bytes) -> bool:
        try:
            said: Any = _read(raw)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return False
        if not isinstance(said, dict) or "e" in said:
            return False
        heartbeat = self._shape.heartbeat
        return (heartbeat.kind == "json" and self._is_heartbeat(said, heartbeat)) or self._is_answer(said, raw)

    def _is_heartbeat(self, said: dict[str, Any], heartbeat: Heartbeat) -> bool:
        if heartbeat.heard and heartbeat.heard in said:
            # Some exchanges want the other members back, and no exchange refuses them.
            rest = {name: value for name, value in said.items() if name not in {heartbeat.heard, heartbeat.answer}}
            pong = {heartbeat.answer: said[heartbeat.heard], **rest}
            self._due.append(msgspec.json.encode(pong).decode())
            return True
        match said.get(heartbeat.kind_field) if heartbeat.kind_field else None:
            case "ping":
                self._due.append(msgspec.json.encode({**said, heartbeat.kind_field: "pong"}).decode())
                return True
            case "pong":
                return True
        return "pong" in said or said.get("msg") == "PONG"

    def _is_answer(self, said: dict[str, Any], raw: bytes) -> bool:
        """Whether a message answers a subscription; an event may come in an envelope that looks like it."""
        if said.get("data"):
            return False
        if _fits(said, self._shape.refused):
            self._end("the exchange refuses a subscription", raw)
            return True
        if _fits(said, self._shape.subscribed):
            self._unanswered -= 1
            if self._unanswered == 0:
                self._begin_events()
            return True
        return False

    def _end(self, problem: str, raw: bytes = b"", kind: type[ListenKeyError] = UnavailableError) -> None:
        """No more events come. No exchange documents a final refusal, so each is retried on another socket."""
        self.failure = self.failure or kind(
            problem,
            advice="The stream tries again by itself; if it stays so, look at what it subscribes to",
            venue=self._venue,
            verb="subscribe",
            message=readable(raw.decode("utf-8", "replace"), self._hide) or None,
        )


def _fits(said: Mapping[str, Any], wanted: Sequence[tuple[str, str]]) -> bool:
    """Whether the message has all ``wanted`` members; ``False`` if none is wanted."""
    return bool(wanted) and all(name in said and _is_like(said[name], like) for name, like in wanted)


def _is_like(value: Any, like: str) -> bool:
    return not isinstance(value, dict | list) and fnmatchcase(str(value), like)


def _unzip(raw: bytes) -> bytes:
    """Unpack one message; return it unchanged if it is not compressed, is a bomb, or has bytes after it."""
    unzip = zlib.decompressobj(_GZIP)
    try:
        text = unzip.decompress(raw, _MAX_MESSAGE)
    except zlib.error:
        return raw
    return text if unzip.eof and not unzip.unused_data else raw
