"""What a listen key and a stream tell of themselves, as numbers."""

from typing import Literal

from ._value import Value

__all__ = ["KeyStatistics", "SharingStatistics", "StreamStatistics", "SwitchStatistics", "WaitsFor"]

WaitsFor = Literal["key", "backoff", "own_limit", "exchange"]


class SharingStatistics(Value, frozen=True):
    """This process's part in sharing a listen key with others, up to the moment of asking. Times are on trio's clock.

    Attributes:
        role: ``"keeper"``: it keeps the key alive for all. ``"follower"``: another process does. ``"alone"``: the
            register cannot be used, and it keeps the key alive by itself. ``"joining"``, ``"waiting"`` (another process
            is closing the key), ``"leaving"``, ``"closing"``, ``"reporting"`` and ``"left"`` pass.
        members: How many processes share the key, this one included, as the register said last.
        last_beat_at: When the register last took a word of this process; minus infinity before the first.
        register_away: Whether the register cannot be used.
    """

    role: str
    members: int
    last_beat_at: float
    register_away: bool


class KeyStatistics(Value, frozen=True):
    """What happened to one listen key up to the moment of asking. Times are on trio's clock.

    Attributes:
        state: The state of the lifecycle, for example ``"held"``; the documentation draws them all.
        generation: How many different keys there have been.
        requests: Requests sent, of every kind.
        created: Creates that succeeded.
        renewed: Keepalives that succeeded.
        retries: Requests that failed in a way that was worth another try.
        waits: Answers that asked for silence (HTTP 429, 418).
        losses: How often the key was found dead.
        expires_at: The key is presumed alive until then; a lower bound.
        next_request_at: When the next request is due; infinity if none is.
        closed: ``True`` if the exchange confirmed the close, ``False`` if a key may have been left behind to
            expire by itself, ``None`` before that or where there was nothing to close, or nothing to be closed.
        throttled: Requests that waited because all that this process may spend at the host in a minute was spent.
        throttled_for: Seconds that the last request waited for that. A silence check is late by as much, and a key that
            died silently is noticed so much later.
        name: What the account is called.
        sharing: This process's part in sharing the key with others; ``None`` without ``sharing=``.
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
    """What a stream is and was up to the moment of asking. Times are on trio's clock.

    Attributes:
        state: The state of the stream's machine, for example ``"live"``; the documentation draws them all.
        is_live: Whether events are being delivered, as far as anyone can know: a socket is open, its peer answers
            pings, and its listen key was confirmed, or proven by an event, less than a silence check ago, or is being
            asked about for no more than two seconds.
        generation: The listen key's generation.
        connected_since: When the socket that delivers was opened; ``None`` while there is none.
        last_frame_at: When anything was last read from it, answers to pings included; ``None`` before that.
        ping_unanswered_since: When the ping was sent whose answer is being waited for; ``None`` while there is none.
        presumed_valid_until: Until when the listen key is presumed alive.
        buffered: Events and gaps that wait to be taken.
        events: Events that came, dropped ones included, duplicates not.
        duplicates: Events that came on two sockets, and were delivered once.
        dropped: Events that were dropped because the buffer was full.
        unparsed: Events that were asked for :attr:`UserEvent.parsed` and have none: the library does not know them, or
            they do not fit what is documented. None are counted of a venue whose events have no types.
        gaps: Gaps told so far, the one that the stream begins with included.
        connects: Sockets opened.
        failed_connects: Sockets that could not be opened.
        disconnects: Sockets that ended without our wish.
        moves: How often the stream moved to another socket without leaving the first before.
        silence_checks: How often the exchange was asked whether the key is alive, for want of events or for
            another doubt.
        key: The listen key's own statistics; ``None`` where there is no key.
        waits_for: What holds up the socket that should be opened; ``None`` if nothing does. ``"key"``: there is no
            listen key that is presumed alive. ``"backoff"``: the sockets before it failed, or did not last, or many
            fell at the same time, and it is not its turn yet. ``"own_limit"``: this process has opened as many sockets
            at the host, within five minutes, as this library allows it. ``"exchange"``: the host has refused a
            handshake and wants silence.
        next_connect_at: When it will be opened, if nothing new happens; ``None`` while nothing waits, or for the key.
        name: What the account is called.
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
    """What a dead-man switch is and was up to the moment of asking. Times are on trio's clock.

    Attributes:
        state: ``"holding"``: the countdown is begun again and again. ``"deaf"``: the stream is not live, and it runs.
            ``"behind"``: it is live, the program has not re-synchronised, and it runs. ``"expired"``: it has run out in
            some symbol. The documentation draws them all.
        armed_until: The exchange does not cancel any order before then, if it was asked to begin: a lower bound.
            Infinity once it was asked to end the countdown and has done so; minus infinity before all were begun.
        cancelled_by: The exchange has cancelled all orders by then, if nothing else happens: an upper bound, as far as
            the exchange keeps its time. Minus infinity if no countdown runs.
        renewals: How often a countdown was begun, in any symbol.
        failures: Requests that failed in a way that was worth another try, bans included.
        expirations: How often the countdown ran out in some symbol.
        name: What the account is called.
    """

    state: str
    armed_until: float
    cancelled_by: float
    renewals: int
    failures: int
    expirations: int
    name: str
