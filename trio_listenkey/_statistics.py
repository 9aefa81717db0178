"""The statistics of listen keys and streams."""

from typing import Literal

from ._value import Value

__all__ = ["KeyStatistics", "SharingStatistics", "StreamStatistics", "SwitchStatistics", "WaitsFor"]

WaitsFor = Literal["key", "backoff", "own_limit", "exchange"]


class SharingStatistics(Value, frozen=True):
    """This process's role in sharing a listen key, now. Times are in seconds, on trio's clock.

    Attributes:
        role: ``"keeper"``: it keeps the key alive for all. ``"follower"``: another process does. ``"alone"``: the
            register cannot be used, and it keeps the key alive by itself. ``"joining"``, ``"waiting"`` (another process
            is closing the key), ``"leaving"``, ``"closing"``, ``"reporting"`` and ``"left"`` are short.
        members: How many processes share the key, this one included, according to the register.
        last_beat_at: When the register last accepted a heartbeat of this process; minus infinity before the first.
        register_away: Whether the register cannot be used.
    """

    role: str
    members: int
    last_beat_at: float
    register_away: bool


class KeyStatistics(Value, frozen=True):
    """The state and history of a listen key. Times are in seconds, on trio's clock.

    Attributes:
        state: The state of the lifecycle, for example ``"held"``; all are in the documentation.
        generation: How many different keys there have been.
        requests: Requests sent, of every kind.
        created: Creates that succeeded.
        renewed: Keepalives that succeeded.
        retries: Requests that failed and were retried.
        waits: Answers with a rate limit or ban (HTTP 429, 418).
        losses: How often the key was found dead.
        expires_at: The key is presumed alive until then; a lower bound.
        next_request_at: When the next request is due; infinity if none is.
        closed: ``True`` if the exchange confirmed the close, ``False`` if a key may have been left to expire by itself,
            ``None`` before that, or if nothing had to be closed.
        throttled: Requests that waited because the budget of request weight was spent.
        throttled_for: Seconds that the last request waited for the budget. A silence check is late by as much, and a
            silently dead key is detected later by as much.
        name: The account's name.
        sharing: This process's role in sharing the key; ``None`` without ``sharing=``.
    """

    state: str
    generation: int
    requests: int
    created: int
    renewed: int
    retries: int
    waits: int
    losses: int
    expires_at: float
    next_request_at: float
    closed: bool | None
    throttled: int
    throttled_for: float
    name: str = ""
    sharing: SharingStatistics | None = None


class StreamStatistics(Value, frozen=True):
    """The state and history of a stream. Times are in seconds, on trio's clock.

    Attributes:
        state: The stream's state, for example ``"live"``; all are in the documentation.
        is_live: Whether a fill would be received now: a socket is open, pings are answered, and the listen key was
            confirmed, or proven by an event, less than ``silence_check_every`` ago, or a check of it has been running
            for no more than two seconds.
        generation: The listen key's generation.
        connected_since: When the socket that delivers was opened; ``None`` while there is none.
        last_frame_at: When anything was last read from it, answers to pings included; ``None`` before that.
        ping_unanswered_since: When the unanswered ping was sent; ``None`` if there is none.
        presumed_valid_until: Until when the listen key is presumed alive.
        buffered: Events and gaps in the buffer.
        events: Events received, dropped ones included, duplicates not.
        duplicates: Events received on two sockets, and delivered once.
        dropped: Events that were dropped because the buffer was full.
        unparsed: Events whose :attr:`UserEvent.parsed` was read and is ``None``: the library does not know them, or
            they do not match the documents. Not counted for a venue whose events have no types.
        gaps: Gaps reported so far, the first one included.
        connects: Sockets opened.
        failed_connects: Sockets that could not be opened.
        disconnects: Sockets that were lost.
        moves: Planned reconnects, in which the next socket was opened before the first was closed.
        silence_checks: How often the exchange was asked whether the key is alive, because there were no events or for
            another reason.
        key: The listen key's own statistics; ``None`` where there is no key.
        waits_for: Why the next socket is not opened yet; ``None`` if nothing waits. ``"key"``: there is no
            listen key that is presumed alive. ``"backoff"``: a pause after failures, after short-lived sockets, or
            because many sockets were lost at the same time. ``"own_limit"``: this process has opened as many sockets at
            the host within five minutes as this library allows. ``"exchange"``: the host has refused a handshake with a
            rate limit.
        next_connect_at: When it is opened, if nothing changes; ``None`` if nothing waits, or it waits for the key.
        name: The account's name.
    """

    state: str
    is_live: bool
    generation: int
    connected_since: float | None
    last_frame_at: float | None
    ping_unanswered_since: float | None
    presumed_valid_until: float
    buffered: int
    events: int
    duplicates: int
    dropped: int
    unparsed: int
    gaps: int
    connects: int
    failed_connects: int
    disconnects: int
    moves: int
    silence_checks: int
    key: KeyStatistics | None
    waits_for: WaitsFor | None = None
    next_connect_at: float | None = None
    name: str = ""


class SwitchStatistics(Value, frozen=True):
    """The state and history of a dead-man switch. Times are in seconds, on trio's clock.

    Attributes:
        state: ``"holding"``: the countdown is renewed. ``"deaf"``: the stream is not live, and the countdown runs.
            ``"behind"``: the stream is live, but the program has not re-synchronised, and the countdown runs.
            ``"expired"``: it has expired in some symbol. All states are in the documentation.
        armed_until: The exchange cancels no order before then: a lower bound. Infinity once the exchange has stopped
            the countdowns; minus infinity before all were started.
        cancelled_by: The exchange has cancelled all orders by then, if the countdown is not renewed: an upper bound, as
            far as the exchange is punctual. Minus infinity if no countdown runs.
        renewals: How often a countdown was started or renewed, in any symbol.
        failures: Requests that failed and were retried, bans included.
        expirations: How often the countdown expired in some symbol.
        name: The account's name.
    """

    state: str
    armed_until: float
    cancelled_by: float
    renewals: int
    failures: int
    expirations: int
    name: str
