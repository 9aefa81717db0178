"""The life of one user stream: what its sockets and its key do goes in; what to do, and to deliver, comes out.

How to drive it (``_stream_keeper`` does; so do the tests, without a clock)::

    stream.tick(now)                          let time pass
    stream.deadline                           when to call ``tick`` at the latest
    stream.key_held / key_lost / ...          what happened to the listen key
    stream.opened / open_failed / ended       what happened to a socket that was to be opened
    stream.received / ponged / confirmed ...  what came from it
    stream.actions()                          what to do: open, close, ask; each once, after any of the above
    stream.notices()                          what to tell observers, once each
    stream.buffer                             what to deliver

Times are seconds on the axis of the listen key's lifecycle. ``draw`` is a random number in [0, 1).
What state follows from what is looked up in ``_stream_state``; what a socket has seen is kept in ``_links``.

What a gap is made of
=====================

The first item is a gap without a beginning: nothing is known of what was before the first socket. It is told once, when
that one is open, and all that comes follows it.

Any other gap begins where observation is no longer certain. For a socket that ended that is the last moment by which
all that the exchange had sent was read: an answered ping proves it. For a key that died it is the last moment at which
the key was alive: an event came, or the exchange confirmed it. It ends when another socket, with a living key, is open.
Between two sockets that were both open there is none if the first one answered a ping that was sent after the second
was opened, or if both delivered the same event.

Where each socket has a subscription of its own, that may die like a key, and an answer is about the socket that it came
on. There the first of two sockets has to answer a question, too, that was asked after the second was opened: a ping is
answered without a subscription as well.

Keys are random: one that was lost and comes back with the same value was never dead, whatever the exchange has said.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Final, Literal

from .._errors import ListenKeyError, UnavailableError
from .._events import Gap, GapCause, UserEvent
from .._settings import Timing
from .._statistics import KeyStatistics, StreamStatistics
from ._backoff import full_jitter
from ._buffer import Buffer, OnFull
from ._connect_limiter import ConnectLimiter
from ._delivered import Delivered, shares
from ._stream_socket import StreamSocket
from ._stream_states import SOCKET_TRANSITIONS, SocketEvent, SocketState, TrustState, after
from ._trust import ANSWER_WITHIN, Trust

__all__ = ["Ask", "Close", "Open", "Stream", "StreamNotice"]

# Binance, the "WebSocket ... Streams" page of each product, as of 2026: "A single connection ... is only valid for 24
# hours".
_SOCKET_LIFETIME: Final = 86_400.0
# Of a socket's lifetime, when to move to the next one: from here, and earlier by up to as much for jitter.
_MOVE_AT: Final = 0.95
_MOVE_JITTER: Final = 0.05
# Seconds to wait, before the next socket takes over, for the first one's answer that it has delivered everything.
# The next one's events are late by so much if the first one is dead.
_DRAIN_WITHIN: Final = 5.0
# Seconds between two attempts to open a socket, at most: each without one may cost an event, and the door sees to it
# that there are not too many. Requests about keys are further apart.
_RETRY_CAP: Final = 15.0

_EXPIRED: Final = b"listenKeyExpired"
_SHUTDOWN: Final = b"serverShutdown"
_SHUTDOWN_SIZE: Final = 256  # the announcement has an "e" and an "E" and nothing else, at most in an envelope

_DELIVERING: Final = frozenset({SocketState.OPEN, SocketState.MOVING, SocketState.DRAINING})
_OPENING: Final = frozenset({SocketState.CONNECTING, SocketState.MOVING})


@dataclass(frozen=True, slots=True)
class Open:
    """Open a socket with the listen key as it is now, for ``link``."""

    link: StreamSocket


@dataclass(frozen=True, slots=True)
class Close:
    """Close the socket of ``link``: with a goodbye, or at once if there is nobody to say it to."""

    link: StreamSocket
    politely: bool


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask the exchange whether the listen key is alive; or the subscription of ``link``, if it has one of its own."""

    link: StreamSocket | None
    """The socket that delivers, if there is one."""


@dataclass(frozen=True, slots=True)
class StreamNotice:
    """Something that observers want to know of."""

    kind: Literal["connected", "unconnected", "dropped", "gap", "doubted", "moving"]
    error: Exception | None = None
    delay: float | None = None
    """Of ``"unconnected"``: seconds until the next try; ``None`` if none follows, for opening has had its time."""
    gap: Gap | None = None


class Stream:
    """The life of one user stream, from before its first socket until after its last.

    Args:
        venue: The venue's name, for messages.
        timing: Durations.
        door: The streams' host: how many sockets may be opened, and when.
        limit: How many items the buffer has room for.
        on_full: What to do beyond it.
        now: When opening began: the first socket has ``open_timeout`` from here.
        draw: A random number in [0, 1).
        since: The time of the last event that the user had before, in milliseconds of the exchange's clock.
        lifetime: Seconds after which the exchange ends a socket, if ``timing`` does not say otherwise.
        subscribes: Whether events come by a subscription of each socket's own. It may end by itself, so that what holds
            for the key, or for another socket, proves nothing of it.
        overlaps: Whether what came on two sockets says that there is nothing between them. It does not where channels
            are subscribed to one after the other: the first may be there, and the second not yet.
        expired: The event, or the words, by which the exchange says that a key has expired; ``None`` for Binance's.
    """

    def __init__(
        self,
        venue: str,
        timing: Timing,
        door: ConnectLimiter,
        *,
        limit: int,
        on_full: OnFull,
        now: float,
        draw: float,
        since: int | None = None,
        lifetime: float = _SOCKET_LIFETIME,
        subscribes: bool = False,
        overlaps: bool = True,
        expired: str | None = None,
    ) -> None:
        self.state: SocketState = SocketState.WAITING
        self.buffer: Buffer = Buffer(limit, on_full, self._overflow, self._is_said)
        self.failure: ListenKeyError | None = None
        """Why there is no way on; set at most once."""
        self.to_local: float = 0.0
        """What is added to times that users see."""
        self.to_unix: float = 0.0
        """What makes Unix time of the present."""
        self._venue, self._timing, self._door = venue, timing, door
        self._since = since
        self._limit = limit
        self._documented_lifetime = lifetime
        self._subscribes = subscribes
        self._overlaps = overlaps
        self._expired = _EXPIRED if expired is None else expired.encode()
        self._draw = draw
        self._current: StreamSocket | None = None  # the one that delivers
        self._next: StreamSocket | None = None  # the one that is being opened, or was and does not deliver yet
        self._lost: StreamSocket | None = None  # the one that delivered last, while none does
        self._give_up_at = now + timing.open_timeout  # infinity once a socket was open
        self._retry_at = now
        self._attempt = 0
        self._error: Exception | None = None
        self.trust: Trust = Trust(timing.silence_check_every)
        self._dead_generation = 0  # of the key that was lost last; a socket by it has nothing more to say
        self._confirm_until = -inf
        self._lost_at = -inf
        self._latest = now
        self._drain_until = inf
        self._overlap_until = inf  # in DRAINING, until the first socket is asked to show that it has delivered all
        self._patient_until = inf  # after that, until when it may take for it at most, however slow the consumer is
        self._delivered = Delivered()
        self._actions: list[Open | Close | Ask] = []
        self._notices: list[StreamNotice] = []
        self._counts = dict.fromkeys(
            ("events", "duplicates", "gaps", "connects", "failed_connects", "disconnects", "moves", "silence_checks"), 0
        )

    # Questions.

    @property
    def is_live(self) -> bool:
        """Whether an event that happens now will be delivered, as far as anyone knows.

        A question just asked for want of events is no doubt.
        """
        current = self._current
        return (
            self.state in _DELIVERING
            and current is not None
            and current.is_answering(self._latest, self._timing.ping_every)
            and self._has_key_that_lives
            and self.trust.holds
        )

    @property
    def state_name(self) -> str:
        """What users read: which sockets there are; and where there is one, whether it is relied upon."""
        if self.state is not SocketState.OPEN:
            return self.state.name.lower()
        return "live" if self.trust.state is TrustState.TRUSTED else "silent"

    @property
    def was_open(self) -> bool:
        """Whether there ever was a socket."""
        return self._give_up_at == inf

    @property
    def last_event_time(self) -> int | None:
        """Of the last event of the account that was taken: what the next stream of this account goes on from."""
        return self._time_of(self.buffer.taken)

    @property
    def deadline(self) -> float:
        """When time alone will change something."""
        match self.state:
            case SocketState.WAITING:
                at = self._try_at if self.trust.is_usable else inf
            case SocketState.OPEN:
                at = self._move_at
            case SocketState.DRAINING:
                at = min(self._drain_until, self._overlap_until)
            case SocketState.CLOSED:
                return inf
            case _:
                at = inf
        # Not the moment at which a question becomes a doubt: nothing is to be done then. Who asks whether it is live
        # lets time pass first.
        return min(at, self.trust.asks_for_silence_at(self._alive_at), self.trust.ask_at, self._give_up_at)

    def statistics(self, key: KeyStatistics | None, presumed_valid_until: float) -> StreamStatistics:
        """Counters and times, those on the local axis."""
        current = self._current
        return StreamStatistics(
            state=self.state_name,
            is_live=self.is_live,
            generation=self.trust.generation,
            connected_since=current.opened_at + self.to_local if current else None,
            last_frame_at=current.heard_at + self.to_local if current else None,
            ping_unanswered_since=current.ping_at + self.to_local
            if current and current.ping_at < self._latest
            else None,
            presumed_valid_until=presumed_valid_until,
            buffered=len(self.buffer.items),
            dropped=self.buffer.dropped,
            key=key,
            **self._counts,
        )

    @property
    def silent_at(self) -> float:
        """When the exchange will be asked whether the key is alive, if nothing is heard until then."""
        return self.trust.asks_for_silence_at(self._alive_at)

    @property
    def _try_at(self) -> float:
        return max(self._retry_at, self._door.allowed_at, self._confirm_until)

    @property
    def _alive_at(self) -> float:
        """When there was last a sign of life of what the socket that delivers depends on."""
        return self._current.alive_at if self._current is not None and self._has_key_that_lives else inf

    @property
    def _move_at(self) -> float:
        assert self._current is not None
        if not self.trust.is_usable:
            return inf
        wanted_at = self._current.move_at if self._has_key_that_lives else -inf
        return max(wanted_at, self._retry_at, self._door.allowed_at)

    # Time.

    def tick(self, now: float) -> None:
        """Let time pass until ``now``."""
        self._latest = now
        if self.state is SocketState.CLOSED:
            return
        if now >= self._give_up_at:
            self.failure = self.failure or self._why_not_open()
            return
        self.trust.tick(self._alive_at, now)
        if now >= self.trust.ask_at:
            self._ask(now)
        match self.state:
            case SocketState.WAITING if self.trust.is_usable:
                self._try(now)
            case SocketState.OPEN if now >= self._move_at:
                self._move(now)
            case SocketState.DRAINING if now >= self._overlap_until:
                self._ask_for_the_rest(now)
            case SocketState.DRAINING if now >= self._drain_until:
                self._end_current("unresponsive", now)

    def _try(self, now: float) -> None:
        """Open a socket, if it is time, and if the key is known to be alive."""
        if now < max(self._retry_at, self._door.allowed_at):
            return
        # Since the last socket ended, and not too long ago: keys die while nobody listens.
        since = max(self._lost_at, now - self._timing.silence_check_every)
        if not self.trust.is_fresh(since):
            if self.trust.asked_at < since:
                self._confirm_until = now + ANSWER_WITHIN
                self._ask(now)
            if now < self._confirm_until:
                return
        self._open_next(SocketEvent.DUE, now)

    def _move(self, now: float) -> None:
        """Open another socket while this one delivers."""
        self._notices.append(StreamNotice("moving"))
        self._open_next(SocketEvent.MOVE, now)

    def _open_next(self, event: SocketEvent, now: float) -> None:
        self._fire(event)
        self._confirm_until = -inf
        self._door.record_attempt(now)
        self._next = StreamSocket(self.trust.generation, now, self.trust.confirmed_at, is_subscribed=self._subscribes)
        self._actions.append(Open(self._next))

    def _ask(self, now: float) -> None:
        self.trust.asked(now)
        self._counts["silence_checks"] += 1
        self._notices.append(StreamNotice("doubted"))
        self._actions.append(Ask(self._current))

    # The listen key.

    def key_confirmed(self, generation: int, key: str, confirmed_at: float, now: float) -> None:
        """The exchange has said that this very ``key`` is alive: a new one, or the same as before."""
        self.trust.hold(generation, key, confirmed_at)
        if generation == self._dead_generation:
            self._dead_generation = 0  # it was never dead: keys are random, and the same one came back
        if confirmed_at >= self.trust.asked_at:  # else the answer is still to come
            self._confirm_until = -inf
        for link in (self._current, self._next, self._lost):
            if link is not None and link.generation == generation:
                link.key_proven(confirmed_at)
        if not self._subscribes:  # else it proves nothing of the subscription
            self.trust.prove(confirmed_at, now)
        self.tick(now)

    def cannot_ask(self, now: float) -> None:
        """Nothing may be sent to the exchange, so that it cannot answer."""
        self.trust.cannot_ask()
        self.tick(now)

    @property
    def _has_key_that_lives(self) -> bool:
        """Whether the socket that delivers has the key that is alive."""
        return self._current is not None and self._current.generation == self.trust.generation

    def key_request_failing(self, now: float) -> None:
        """A request about the key has failed and will be tried again; the key is still presumed alive."""
        self.trust.is_troubled = True
        self.tick(now)

    def key_lost(self, now: float) -> None:
        """The key is dead, or must be presumed so. No socket is opened with it from now on."""
        self._dead_generation = self.trust.generation
        self.trust.lose()
        if self.state in _OPENING:
            self._abandon_next()
        self.tick(now)

    def _abandon_next(self) -> None:
        assert self._next is not None
        self._actions.append(Close(self._next, politely=False))
        self._next = None
        self._fire(SocketEvent.FAILED)

    # Sockets come and go. What comes from one that was given up is of no interest.

    def opened(self, link: StreamSocket, now: float) -> None:
        """The socket of ``link`` is open."""
        if link is not self._next:
            return
        link.open(now, self._timing.ping_every)
        link.move_at = now + self._lifetime * (_MOVE_AT - _MOVE_JITTER * self._draw)
        self._counts["connects"] += 1
        self._give_up_at = inf
        self._notices.append(StreamNotice("connected"))
        was_moving = self.state is SocketState.MOVING
        self._fire(SocketEvent.CONNECTED)
        if was_moving:
            link.held = []
            # What happens from feed_lag after the handshake on comes on the next one for certain; and what happened
            # before has come on the first one when an answer does that it was asked for another feed_lag later.
            self._overlap_until = self._all_from(link)
        else:
            lost, self._lost = self._lost, None
            self._current, self._next = link, None
            if lost is None:
                self._tell_beginning(link)
            else:
                link.follow(lost)
                link.leave_out(self._may_come_again(link), now, self._timing.feed_lag)
                self._tell_gap(lost, link)
            if link.is_subscribed:
                self._believe(now)  # in this subscription; it was answered
        self.tick(now)

    def open_failed(self, link: StreamSocket, error: Exception, now: float, draw: float) -> None:
        """The socket of ``link`` could not be opened; ``error`` may have a ``status`` and a ``retry_after``."""
        if link is not self._next:
            return
        self._next = None
        self._fire(SocketEvent.FAILED)
        self._error = error
        self._back_off(now, draw)
        status, retry_after = getattr(error, "status", None), getattr(error, "retry_after", None)
        self._door.refused(status, retry_after, now, self._attempt, draw)
        self._counts["failed_connects"] += 1
        delay = None if self._try_at >= self._give_up_at else max(0.0, self._try_at - now)
        self._notices.append(StreamNotice("unconnected", error, delay))
        self.tick(now)

    def ended(self, link: StreamSocket, error: Exception, now: float, draw: float) -> None:
        """The socket of ``link``, which was open, has ended."""
        if link is self._current:
            self._draw = draw
            self._lose(link, "disconnected", error, now)
        elif link is self._next:
            self._lose_next(link, error, now, draw)
        self.tick(now)

    def unanswered(self, link: StreamSocket, sent_at: float, now: float, draw: float) -> None:
        """The ping that was sent at ``sent_at`` was not answered in time: the peer is dead, if we were listening."""
        if not link.must_answer(sent_at):
            link.ping_at = now
        elif link in (self._current, self._next):
            self._actions.append(Close(link, politely=False))
            error = self._silence("answered a ping", sent_at, now)
            if link is self._current:
                self._draw = draw
                self._lose(link, "unresponsive", error, now)
            else:
                self._lose_next(link, error, now, draw)
            self.tick(now)

    def _ask_for_the_rest(self, now: float) -> None:
        """Both sockets have overlapped for long enough: has the first one delivered all that the next one has not?"""
        assert self._current is not None
        self._overlap_until = inf
        # From now, and not from when it was due: while nobody let time pass, nobody read what may be there.
        self._patient_until = now + max(_DRAIN_WITHIN, self._timing.silence_check_every)
        self._be_patient(now)
        self._current.ping_at = now  # its answer comes after all that the exchange has sent there by now
        if self._current.is_subscribed:
            self._actions.append(Ask(self._current))  # and this one says that it was to be sent there
        self._look_at_the_rest(now)

    def _be_patient(self, now: float) -> None:
        """The first socket of two has some time from ``now``; it cannot show anything while nobody reads from it.

        But what the next one brings is held back meanwhile, so that there is an end to all patience.
        """
        if self.state is SocketState.DRAINING and self._overlap_until == inf:
            assert self._current is not None
            patience = inf if self._current.is_paused else min(_DRAIN_WITHIN, self._timing.ping_every)
            self._drain_until = min(now + patience, self._patient_until)

    def _end_current(self, cause: GapCause, now: float) -> None:
        """The first socket of two does not answer, or takes too long for it."""
        assert self._current is not None
        assert self._next is not None
        since = self._next.opened_at
        self._actions.append(Close(self._current, politely=False))
        self._lose(self._current, cause, self._silence("shown that it has delivered everything", since, now), now)
        self.tick(now)

    def _lose(self, link: StreamSocket, cause: GapCause, error: Exception, now: float) -> None:
        link.cause = cause
        self._counts["disconnects"] += 1
        self._notices.append(StreamNotice("dropped", error))
        was_draining = self.state is SocketState.DRAINING
        self._fire(SocketEvent.DROPPED)
        if was_draining:
            assert self._next is not None
            self._take_over(link, self._next, now)
            return
        self._lost, self._current, self._lost_at = link, None, now
        self._pace(link, now)

    def _lose_next(self, link: StreamSocket, error: Exception, now: float, draw: float) -> None:
        """The socket that was to take over has ended before it could."""
        current = self._current
        assert current is not None
        if current.generation != link.generation and not current.is_subscribed:
            # The first one's key is dead, so this one's events are all that there is.
            self._fire(SocketEvent.DRAINED)
            self._actions.append(Close(current, politely=True))
            self._take_over(current, link, now)
            self.ended(link, error, now, draw)
            return
        self._next = None
        self._fire(SocketEvent.NEXT_DROPPED)
        self._drain_until = self._overlap_until = inf
        self._back_off(now, draw)
        self._counts["disconnects"] += 1
        self._notices.append(StreamNotice("dropped", error))

    def _back_off(self, now: float, draw: float) -> None:
        self._draw = draw
        self._attempt += 1
        self._retry_at = now + full_jitter(self._attempt, draw, base=self._timing.retry_base, cap=self._retry_cap)

    @property
    def _retry_cap(self) -> float:
        return min(self._timing.retry_cap, _RETRY_CAP)

    def _pace(self, link: StreamSocket, now: float) -> None:
        """One that was open for long may be followed at once; if each is soon followed by another it takes time."""
        if now - link.opened_at >= min(self._retry_cap, self._lifetime / 2):
            self._attempt = 0
            self._retry_at = now
        else:
            self._back_off(now, self._draw)

    # What comes from a socket. This is the path of every event.

    def received(self, link: StreamSocket, batch: Sequence[bytes], now: float) -> None:
        """Messages have come."""
        local = now + self.to_local
        sent_after = link.observed_at - self._timing.feed_lag + self.to_local
        events = [UserEvent(raw, local, sent_after) for raw in batch]
        link.heard_at = now
        if link is self._current:
            self._deliver(link, events, now)
        elif link is self._next and link.held is not None:
            link.held += events
            if len(link.held) > self._limit:
                self._end_current("unresponsive", now)

    def _deliver(self, link: StreamSocket, events: list[UserEvent], now: float, *, is_news: bool = True) -> None:
        announcements = [event for event in events if self._may_announce(event.raw)]
        if link.skip is not None:
            came = len(events)
            events = link.new_ones(events)
            self._counts["duplicates"] += came - len(events)
        began_at = now if self._next is None else self._next.began_at
        self._delivered.add(events, now, began_at - self._timing.feed_lag)
        self._counts["events"] += len(events)
        self.buffer.add(events)
        if announcements:
            for event in announcements:
                self._announced(event, link, now)
            return  # they prove nothing: the key may be dead
        if any(event.type for event in events):  # what else comes on a socket says nothing of its key
            # A machine that slept reads what came before it did: without an answer since, nothing says how old it is.
            is_news = is_news and not link.is_lagging and link.is_answering(now, self._timing.ping_every)
            link.prove(now, is_news=is_news)
            if is_news:
                self._believe(now)

    def _believe(self, now: float) -> None:
        """There is proof that events come on the socket that delivers; is it the one that they should come on?"""
        if self._has_key_that_lives:
            self.trust.prove(self._alive_at, now)

    def _may_announce(self, raw: bytes) -> bool:
        """Whether a message may be about the socket or the key: quickly, for it is asked of every event."""
        return self._expired in raw or (len(raw) < _SHUTDOWN_SIZE and _SHUTDOWN in raw)

    def _is_said(self, event: UserEvent) -> bool:
        """Whether a message is about the socket or the key, and no event of the account."""
        if not self._may_announce(event.raw):
            return False
        kind = event.type
        return kind is None or kind == "serverShutdown" or kind.encode() == self._expired

    def _announced(self, event: UserEvent, link: StreamSocket, now: float) -> None:
        """The exchange says that a key has expired, or that it will end this socket."""
        kind = event.type
        if kind == "serverShutdown":
            link.move_at = now
        elif self._says_expired(event, kind):
            self.trust.deny(now)
        self.tick(now)

    def _says_expired(self, event: UserEvent, kind: str | None) -> bool:
        """Whether ``event`` says that the key is dead which is held to be alive."""
        if kind is None:  # no event, but words, where those are what the exchange says
            is_said = self._expired != _EXPIRED and len(event.raw) < _SHUTDOWN_SIZE and self._expired in event.raw
            return is_said and self.trust.is_usable and self._has_key_that_lives
        if kind.encode() != self._expired:
            return False
        try:
            named = event.data.get("listenKey")
        except (ValueError, AttributeError):
            return False
        # Portfolio margin's event names no key.
        return self.trust.is_usable and (named == self.trust.key or (named is None and self._has_key_that_lives))

    def ponged(self, link: StreamSocket, sent_at: float, now: float) -> None:
        """A ping that was sent at ``sent_at`` was answered, and all that came before the answer was received."""
        link.ponged(sent_at, now, self._timing.ping_every)
        self._look_at_the_rest(now)

    def confirmed(self, link: StreamSocket, asked_at: float, now: float) -> None:
        """The exchange was asked at ``asked_at``, on the socket itself, and says that events come there.

        What came before the answer was received.
        """
        if link not in (self._current, self._next):
            return
        link.confirmed(asked_at)
        if link is self._current:
            self._believe(now)
        self._look_at_the_rest(now)
        self.tick(now)

    def _all_from(self, link: StreamSocket) -> float:
        """When to ask the socket before ``link``, that its answer says: what ``link`` does not have was delivered.

        Where that one's key is known to be dead, not much is to be had of it, and ``link`` is not to be held up.
        """
        current = self._current
        is_dead = current is not None and current.generation == self._dead_generation and not current.is_subscribed
        return link.opened_at + (0.0 if is_dead else 2 * self._timing.feed_lag)

    def _look_at_the_rest(self, now: float) -> None:
        """Of two sockets, the first may have nothing to deliver any more that the next one has not."""
        if self.state is not SocketState.DRAINING:
            return
        assert self._current is not None
        assert self._next is not None
        old, new = self._current, self._next
        if old.has_all_until(self._all_from(new)):
            self._fire(SocketEvent.DRAINED)
            self._actions.append(Close(old, politely=True))
            self._take_over(old, new, now)
            self.tick(now)

    def paused(self, link: StreamSocket) -> None:
        """Nobody reads from the socket until there is room."""
        link.pause()
        self._be_patient(self._latest)

    def resumed(self, link: StreamSocket, now: float) -> None:
        """There is room again."""
        link.resume(now)
        self._be_patient(now)

    # From one socket to the next.

    def _may_come_again(self, link: StreamSocket) -> Counter[bytes]:
        """What was delivered and may come on ``link``, too: its feed may be behind."""
        return self._delivered.since(link.began_at - self._timing.feed_lag)

    def _take_over(self, old: StreamSocket, new: StreamSocket, now: float) -> None:
        """``new`` delivers from now on."""
        held, new.held = new.held or [], None
        delivered, all_from = self._may_come_again(new), self._all_from(new)
        self._current, self._next = new, None
        self._drain_until = self._overlap_until = inf
        self._counts["moves"] += 1
        self._pace(old, now)
        # An announcement to every socket is no event of the account: one that is deaf for those hears it, too.
        events = [event for event in held if not self._may_announce(event.raw)]
        if self._certain_until(old, new) < all_from:
            if not (self._overlaps and shares(delivered, events)):
                self._tell_gap(old, new)
        elif self._disagree(delivered, events, new):
            # By how much the first one's feed is behind nobody knows; what the next one has begins with its handshake.
            self._tell_gap(old, new, since=new.began_at)
        new.follow(old)
        new.leave_out(delivered, now, self._timing.feed_lag)
        if new.is_subscribed:
            self._believe(now)  # in this subscription; it was answered
        if held:
            self._deliver(new, held, now, is_news=False)  # they were read some time ago

    def _disagree(self, delivered: Counter[bytes], events: list[UserEvent], new: StreamSocket) -> bool:
        """Whether the first socket lags behind the next one by more than it may: then some may be missing.

        It should have delivered whatever was read from the next one that early.
        """
        until = new.opened_at + self._timing.feed_lag + self.to_local
        return any(
            event.payload not in delivered for event in events if event.received_at <= until and event.time is not None
        )

    def _certain_until(self, old: StreamSocket, new: StreamSocket) -> float:
        """Until when all that happened has come through ``old``."""
        is_beyond_doubt = old.generation == new.generation and not old.is_subscribed
        return old.observed_at if is_beyond_doubt else old.certain_at

    def _tell_beginning(self, link: StreamSocket) -> None:
        """The stream's first socket is open, and of what was before it nothing is known."""
        # Unix time begins before all exchanges; infinity would break whoever subtracts, prints or sends it as JSON.
        started_at = 0.0
        if self._since is not None:  # if it is later than now, then two clocks differ
            started_at = max(0.0, min(self._since / 1000, link.opened_at + self.to_unix) - self._timing.feed_lag)
        self._tell("opened", started_at - self.to_unix, None, link)

    def _tell_gap(self, old: StreamSocket, new: StreamSocket, *, since: float = inf) -> None:
        """Between two sockets, events may be missing."""
        started_at = min(since, self._certain_until(old, new)) - self._timing.feed_lag
        self._tell(old.cause or "key_lost", started_at, old, new)

    def _tell(self, cause: GapCause, started_at: float, old: StreamSocket | None, new: StreamSocket) -> None:
        ended_at = new.opened_at + self._timing.feed_lag
        gap = Gap(
            cause=cause,
            started_at=started_at + self.to_local,
            ended_at=ended_at + self.to_local,
            unix_started_at=started_at + self.to_unix,
            unix_ended_at=ended_at + self.to_unix,
            last_event_time=self._time_of(self.buffer.latest),
            generation_before=old.generation if old else 0,
            generation_after=new.generation,
        )
        self._counts["gaps"] += 1
        self.buffer.add_gap(gap)
        self._notices.append(StreamNotice("gap", gap=gap))

    def _time_of(self, last: UserEvent | None) -> int | None:
        """Of the ``last`` event that was delivered; without one, what the user had before this stream."""
        return last.time if last else self._since

    def _overflow(self, first: UserEvent, before: UserEvent | None) -> Gap:
        """The gap that ``first``, which was dropped, leaves after ``before``."""
        offset = self.to_unix - self.to_local
        gap = Gap(
            cause="overflow",
            started_at=first.sent_after,
            ended_at=first.received_at,
            unix_started_at=first.sent_after + offset,
            unix_ended_at=first.received_at + offset,
            last_event_time=self._time_of(before),
            generation_before=self.trust.generation,
            generation_after=self.trust.generation,
            missed=1,
        )
        self._counts["gaps"] += 1
        self._notices.append(StreamNotice("gap", gap=gap))
        return gap

    # The end.

    def fail(self, error: ListenKeyError) -> None:
        """There is no way on: the exchange has refused for good."""
        self.failure = self.failure or error

    def stop(self) -> None:
        """The block is over, or there is no way on."""
        if self.state is not SocketState.CLOSED:
            self._fire(SocketEvent.STOP)
            for link in (self._current, self._next):
                if link is not None:
                    self._actions.append(Close(link, politely=True))
            self._current = self._next = None

    def actions(self) -> list[Open | Close | Ask]:
        """What to do, in this order."""
        actions, self._actions = self._actions, []
        return actions

    def notices(self) -> list[StreamNotice]:
        """What happened since the last call."""
        notices, self._notices = self._notices, []
        return notices

    @property
    def has_news(self) -> bool:
        """Whether there are actions or notices."""
        return bool(self._actions or self._notices)

    @property
    def _lifetime(self) -> float:
        own = self._timing.socket_lifetime
        return self._documented_lifetime if own is None else own

    def _silence(self, what: str, since: float, now: float) -> ListenKeyError:
        return UnavailableError(
            f"the peer has not {what} for {now - since:.3g} s",
            advice="The stream goes on by itself",
            venue=self._venue,
            verb="connect",
        )

    def _why_not_open(self) -> ListenKeyError:
        last = f"; the last failure: {self._error}" if self._error else ""
        return UnavailableError(
            f"no socket could be opened within open_timeout ({self._timing.open_timeout:g} s){last}",
            advice="Try again; if it stays so, look whether the stream's host is reachable from here",
            venue=self._venue,
            verb="connect",
            status=getattr(self._error, "status", None),
        )

    def _fire(self, event: SocketEvent) -> None:
        self.state = after(SOCKET_TRANSITIONS, self.state, event)
