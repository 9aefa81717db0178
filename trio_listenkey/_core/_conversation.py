"""What is said on a socket besides events: an exchange's own pings, subscriptions, compression.

Most exchanges need none of it, and their messages come straight from the socket. For the others, this is how to drive a
conversation (``_talk`` does)::

    talk.now, talk.unix_ms = ...   the time, before each of what follows
    talk.begin()                   say hello
    talk.to_say()                  what to send; look again at ``talk.say_at``
    talk.hear(batch)               what of these messages is events; after that there may be something to say
    talk.passed_on()               those were passed on: now what was said after them may have its effect
    talk.ask()                     ask whether events still come, if that can be asked here
    talk.is_ready                  whether events come from now on
    talk.over                      why they do not any more: an error

``now`` is in seconds on any axis; ``unix_ms`` is Unix time in milliseconds.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from math import inf
from typing import Any, Final, Protocol

import msgspec

from ._venue_parts import Heartbeat, StreamShape

__all__ = ["Conversation", "Manners", "needs_manners"]

_MAX_MESSAGE: Final = 1024 * 1024
# A ping, or the answer to one, is short: longer messages are not looked into.
_SHORT: Final = 256
_GZIP: Final = 31  # zlib's window size that says: with gzip's header and trailer

_read: Final = msgspec.json.Decoder().decode


class Conversation(Protocol):
    """What both kinds have."""

    now: float
    unix_ms: int
    is_ready: bool
    over: Exception | None

    @property
    def say_at(self) -> float:
        """When there will be something to say that nobody asked for."""
        ...

    def begin(self) -> None:
        """The socket is open."""
        ...

    def hear(self, batch: Sequence[bytes]) -> list[bytes]:
        """Messages have come; those that are events are returned, in order."""
        ...

    def passed_on(self) -> None:
        """All events that were heard so far were passed on."""
        ...

    def to_say(self) -> list[str]:
        """What to send, once."""
        ...

    def ask(self) -> bool:
        """Whether it can be asked here if events still come; then it is."""
        ...


def needs_manners(shape: StreamShape) -> bool:
    """Whether there is anything to say or to unpack on such a socket."""
    return shape.heartbeat.kind != "frames" or shape.compression != "none" or bool(shape.subscribe)


class Manners:
    """The manners of an exchange that has some of its own, on a socket whose URL has the key."""

    def __init__(self, shape: StreamShape) -> None:
        self.now, self.unix_ms = 0.0, 0
        self.is_ready = True
        self.over: Exception | None = None
        self._shape = shape
        self._due: list[str] = []
        self._wanted = list(shape.subscribe)
        self._want_at = self._ping_at = inf

    @property
    def say_at(self) -> float:
        """When the exchange expects to be spoken to."""
        return min(self._want_at, self._ping_at)

    def begin(self) -> None:
        """Ask for the events, if they do not come by themselves."""
        self._want_at = self.now if self._wanted else inf
        if self._shape.heartbeat.say_every is not None:
            self._ping_at = self.now + self._shape.heartbeat.say_every

    def hear(self, batch: Sequence[bytes]) -> list[bytes]:
        """Unpack, answer pings, and leave out what is no event."""
        if self._shape.compression == "gzip":
            batch = [_unzip(raw) for raw in batch]
        return [raw for raw in batch if len(raw) > _SHORT or not self._is_talk(raw)]

    def passed_on(self) -> None:
        """Nothing is said of events that would have to wait for them."""

    def to_say(self) -> list[str]:
        """Answers to pings; subscriptions, and pings of our own, that are due."""
        heartbeat = self._shape.heartbeat
        while self.now >= self._want_at:
            self._due.append(self._wanted.pop(0))
            # From now, and not from when it was due: after a pause, they must not come all at once.
            self._want_at = self.now + self._shape.subscribe_every if self._wanted else inf
        if self.now >= self._ping_at:
            assert heartbeat.say_every is not None
            self._due.append(heartbeat.say.replace("{ms}", str(self.unix_ms)))
            self._ping_at = self.now + heartbeat.say_every
        due, self._due = self._due, []
        return due

    def ask(self) -> bool:
        """The key is asked about elsewhere."""
        return False

    def _is_talk(self, raw: bytes) -> bool:
        """Whether a message is about the connection; if it is a ping, answer it."""
        heartbeat = self._shape.heartbeat
        if heartbeat.kind == "text":
            is_ping = bool(heartbeat.heard) and raw == heartbeat.heard.encode()
            self._due += [heartbeat.answer] * is_ping
            return is_ping
        return heartbeat.kind == "json" and self._is_json_talk(raw, heartbeat)

    def _is_json_talk(self, raw: bytes, heartbeat: Heartbeat) -> bool:
        try:
            said: Any = _read(raw)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return False
        if not isinstance(said, dict) or "e" in said:
            return False
        if heartbeat.heard and heartbeat.heard in said:
            # What else there is, some exchanges want back and none minds.
            rest = {name: value for name, value in said.items() if name not in {heartbeat.heard, heartbeat.answer}}
            pong = {heartbeat.answer: said[heartbeat.heard], **rest}
            self._due.append(json.dumps(pong, separators=(",", ":")))
            return True
        return "pong" in said or said.get("msg") == "PONG"


def _unzip(raw: bytes) -> bytes:
    """A message that was compressed by itself; one that was not, is a bomb, or has more after it, stays as it came."""
    unzip = zlib.decompressobj(_GZIP)
    try:
        text = unzip.decompress(raw, _MAX_MESSAGE)
    except zlib.error:
        return raw
    return text if unzip.eof and not unzip.unused_data else raw
