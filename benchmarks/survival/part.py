"""What the stage tells a player when it starts, and what both write on the tape."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Literal

__all__ = ["API_KEY", "Line", "Part", "Settings"]

API_KEY = "test-api-key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What every player is set to as far as it has an option for that. All in seconds.

    Attributes:
        keepalive_every: Between two keepalives.
        validity: How long a key lives at the exchange.
        request_timeout: For one request.
        close_timeout: For closing the key. The peers never do.
        ping_every: Between two pings of the client.
        silence_check_every: After so long without an event, ours asks whether the key is alive. The peers never do.
        socket_lifetime: After which the exchange closes a socket, as ours is told; it moves to another one before. The
            peers never do.
        retry_cap: What ours waits between two tries, at most. The peers have no option for that.
    """

    keepalive_every: float = 2.0
    validity: float = 30.0
    request_timeout: float = 2.0
    close_timeout: float = 3.0
    ping_every: float = 5.0
    silence_check_every: float = 3.0
    socket_lifetime: float = 86_400.0
    retry_cap: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Where the exchange is, and how to behave.

    Attributes:
        rest_url: Without a path.
        stream_url: Without a path.
        consumers: How many of the account's events there are in this player, each on its own.
        settings: See there.
    """

    rest_url: str
    stream_url: str
    consumers: tuple[str, ...]
    settings: Settings

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Part:
        fields = json.loads(text)
        settings = Settings(**fields.pop("settings"))
        return cls(consumers=tuple(fields.pop("consumers")), settings=settings, **fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a tape. Times are of ``CLOCK_MONOTONIC``, which all processes of a machine share.

    Attributes:
        what: ``"event"``: the user got an event. ``"told"``: the user was told that something is wrong, by an exception
            or by a message among the events; a line in a log tells nobody. ``"gap"``: the user was told from when to
            when events may be missing. ``"stopped"``: everything is closed.
        at: When.
        who: Which consumer.
        number: Of the event.
        text: What the user was told.
        started_at: Of the gap.
        ended_at: Of the gap.
    """

    what: Literal["event", "told", "gap", "stopped"]
    at: float
    who: str = ""
    number: int = 0
    text: str = ""
    started_at: float = 0.0
    ended_at: float = 0.0

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str | bytes) -> Line:
        return cls(**json.loads(text))
