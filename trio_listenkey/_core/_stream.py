"""The life of one user stream: events of its sockets and its key go in; actions, and events to deliver, come out.

How to drive it (``_socket_pool`` does; so do the tests, without a clock)::

    stream.tick(now)                            let time pass
    stream.deadline                             when to call ``tick`` at the latest
    stream.key_confirmed / key_lost / ...       what happened to the listen key
    stream.opened / open_failed / ended         what happened to a socket that was to be opened
    stream.received / ponged / confirmed ...    what came from it
    stream.actions()                            what to do: open, close, ask; each once, after any of the above
    stream.notices()                            what to tell observers, once each
    stream.buffer                               what to deliver

Times are seconds on the axis of the listen key's lifecycle.

``_stream_states`` has the tables of states; the sockets of each state are one value of ``_stream_sockets``.
``_stream_socket`` keeps what one socket has received; ``_gap_rules`` find the gap between two sockets; ``_trust`` knows
whether the key is alive; ``_liveness`` joins that with the socket; ``_connect_pacing`` decides when to reconnect. This
file joins them.

Where the promises of the contract are kept
===========================================

* S1, order, once each: ``opened`` has the next socket's events held; ``_take_over`` delivers them after the gap.
* S2, no silent gap: a gap is reported where a socket begins to deliver, in ``opened`` and ``_take_over``, and by the
  buffer where it drops events (S6). No other step makes a socket deliver.
* S3, make before break: ``tick`` opens the next socket and leaves the first one alone; only ``_look_at_the_rest`` and
  ``_end_current`` close it.
* S4, a dead peer: ``unanswered``. S5, a key that died silently: ``tick`` asks, by ``_ask``.
* S8, live is sound: ``_liveness``. This file reports possible proofs to it; it decides what they prove.

What time alone may change
==========================

* A socket is due for a ping at ``ping_at``, and too old at ``move_at``. The first is not in :attr:`Stream.deadline`: it
  is the socket's task that sleeps by it.
* After too long a silence, counted from ``_alive_at``, the trust asks; when the answer is overdue, it doubts.
* The pacing allows the next socket. It may delay a move for minutes, while the old socket goes on.
* The drain ends: see ``_drain``. And a stream without a socket does not wait for an answer beyond ``_answer_until``.

How to read it
==============

Every public step does three things: it updates the socket, the trust or the key; it adds to ``actions`` and
``notices``; and it lets time pass, for another action may be due now: so most decisions are made in
:meth:`Stream.tick`. Steps may come in any order and at any time. A step about a socket that was given up meanwhile, or
about an old question, matches no case, and does nothing.

The file is longer than others. Parts that can be understood alone are in the files named above. The rest is one
machine, in which every step may lead to any other: a message to a move, a move to a gap, a gap to an ended block.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf
from typing import Final

from .._errors import ListenKeyError, untrusted_peer
from .._events import GapCause, UserEvent
from .._settings import Timing
from .._statistics import KeyStatistics, StreamStatistics, WaitsFor
from ..events._types import EventReader
from ._buffer import Buffer, Room
from ._connect_limiter import ConnectLimiter
from ._connect_pacing import ConnectPacing
from ._delivered import Canonical, as_it_is
from ._delivery import Delivery
from ._drain import Drain
from ._gap_rules import Axes
from ._liveness import Liveness
from ._notices import Announced, Connected, Doubted, Dropped, Moving, StreamNotice, Unconnected
from ._stream_actions import Action, AskAboutKey, AskOnSocket, Close, Open
from ._stream_errors import silence
from ._stream_report import StreamReport
from ._stream_socket import Held, SocketEnd, StreamSocket
from ._stream_sockets import SOCKETS_IN, BothOpen, Connecting, NoSocket, OneSocket, Sockets, TwoSockets
from ._stream_states import SOCKET_TRANSITIONS, SocketEvent, SocketState, TrustState
from ._tables import after
from ._trust import ANSWER_WITHIN, Trust

__all__ = ["Stream"]

# Binance, the "WebSocket ... Streams" page of each product, as of 2026: "A single connection ... is only valid for 24
# hours".
_SOCKET_LIFETIME: Final = 86_400.0


class Stream:
    """The life of one user stream, from before its first socket until after its last.

    Args:
        venue: The venue's name, for messages.
        timing: Durations.
        limiter: The streams' host: how many sockets may be opened, and when.
        room: The limits of the buffer, and what to do beyond them.
        now: When opening began: the first socket has ``open_timeout`` from here.
        draw: Gives a random number in [0, 1), another one each time.
        since: The time of the last event that the user had before, in milliseconds of the exchange's clock.
        lifetime: Seconds after which the exchange ends a socket, if ``timing`` does not say otherwise.
        subscribes: Whether each socket has a subscription of its own. It may end by itself, so that neither the key nor
            another socket proves it alive.
        overlaps: See ``GapRules``.
        expired: See ``Announcements``.
        canonical: What makes two messages the same event: see ``_delivered``.
        reader: See ``Delivery``.
    """

    state: SocketState
    """Only :meth:`_become` changes it, by the table. It only says which sockets are *open*. Whether their events can be
    relied upon is up to the trust; :attr:`is_live` joins the two."""

    sockets: Sockets
    """The sockets of ``state``; only :meth:`_become` changes them. Every other socket was given up. Each step compares
    by identity with these, so a late report of a task does nothing (S1)."""

    buffer: Buffer
    """The events that were received and not taken. A consumer calls ``Buffer.took`` for each item that it takes.
    Nothing else here is changed by the user's task."""

    trust: Trust
    """The trust in the key, or in the subscription of the socket that delivers. There is one for the stream, not one
    for each socket: so no change of socket can end a doubt (S8)."""

    _liveness: Liveness
    """Decides what proves what, and whether the stream is live. It is told of each event, and of each answer."""

    axes: Axes
    """Converts times of the machine to those that users see; set by the driver, and never used for a decision."""

    failure: ListenKeyError | None
    """Why the stream failed for good; set at most once. The driver stops the stream then. The machine does not stop
    itself: events in the buffer can still be taken."""

    _delivery: Delivery
    """Delivers events and gaps. ``buffer`` and ``axes`` belong to it; they are attributes here for the driver."""

    _pacing: ConnectPacing
    """When the next socket may be opened, and until when the first one has to be open. It is told of each attempt, and
    of each socket that ended or was replaced, and counts reconnects that came too quickly."""

    _subscribes: bool
    """Whether each socket has a subscription of its own. Then a living key proves nothing about it: the question
    whether events come is sent on the socket, and answered by ``confirmed``. It does not change."""

    _timing: Timing
    """Here: how often to ping, and when silence is asked about. The pacing, the drain and the delivery have the
    rest."""

    _actions: list[Action]
    """Actions that the driver has not taken yet; every step may add some. An ``Open`` whose socket was given up
    meanwhile is followed by its ``Close``: the driver only has to keep the order."""

    _report: StreamReport
    """Counters and notices; ``_delivery`` writes into the same one."""

    _latest: float
    """The time of the last ``tick``: properties are as of then. Call ``tick`` before you read whether the stream is
    live: by an old time, a dead peer would still count as answering (S8)."""

    _answer_until: float
    """While no socket is open: until when to wait for an answer about the key before the next socket is opened without
    it; minus infinity for no wait. So a REST host that hangs delays the stream only by that. Set by :meth:`_try`; ended
    by an answer that is young enough, or by the next socket."""

    def __init__(
        self,
        venue: str,
        timing: Timing,
        limiter: ConnectLimiter,
        *,
        room: Room,
        now: float,
        draw: Callable[[], float],
        since: int | None = None,
        lifetime: float = _SOCKET_LIFETIME,
        subscribes: bool = False,
        overlaps: bool = True,
        expired: str | None = None,
        canonical: Canonical = as_it_is,
        reader: EventReader | None = None,
    ) -> None:
        lifetime = lifetime if timing.socket_lifetime is None else timing.socket_lifetime
        self.state = SocketState.WAITING
        self.sockets = NoSocket(None)
        self.trust = Trust(timing.silence_check_every)
        self.failure = None
        self._venue, self._timing, self._subscribes = venue, timing, subscribes
        self._liveness = Liveness(self.trust, timing, subscribes=subscribes)
        self._report = StreamReport()
        self._delivery = Delivery(
            timing,
            self.trust,
            self._report,
            room=room,
            overlaps=overlaps,
            expired=expired,
            canonical=canonical,
            reader=reader,
            since=since,
        )
        self.axes, self.buffer = self._delivery.axes, self._delivery.buffer
        self._pacing = ConnectPacing(venue, timing, limiter, lifetime=lifetime, now=now, draw=draw)
        self._latest, self._answer_until = now, -inf
        self._actions = []

    # Questions.

    @property
    def is_live(self) -> bool:
        """Whether an event that happens now will be delivered, as far as anyone knows. See ``Liveness`` (S8).

        As of the last ``tick``: call that first.
        """
        return self._liveness.is_live(self.sockets.current, self._latest)

    @property
    def state_name(self) -> str:
        """The state in statistics: which sockets there are; and where there is one, whether its key is trusted.

        During a move it names the move. :attr:`is_live` says at all times whether the socket that delivers is live.
        """
        if self.state is not SocketState.OPEN:
            return self.state.name.lower()
        return "live" if self.trust.state is TrustState.TRUSTED else "silent"

    @property
    def was_open(self) -> bool:
        """Whether there ever was an open socket. From then on the stream reconnects without a time limit."""
        return self._pacing.give_up_at == inf

    @property
    def last_event_time(self) -> int | None:
        """The time of the account's last event that was taken: the next stream of this account goes on from there."""
        return self._delivery.last_event_time

    @property
    def deadline(self) -> float:
        """When time alone will change something.

        It may be in the past: then ``tick`` has something to do at once. Only a step makes it earlier, never time
        alone: so the driver reads it after each step.
        """
        match self.sockets:
            case _ if self.state is SocketState.CLOSED:
                return inf  # a question about the key may still be due; it is not sent any more
            case NoSocket() if self.trust.is_usable:  # without a key there is nothing to open a socket with
                at = max(self._pacing.allowed_at, self._answer_until)
            case OneSocket(current):
                at = self._move_at(current)
            case BothOpen(_, _, drain):
                at = drain.deadline
            case _:
                at = inf  # a handshake is under way, and the driver limits its time
        # Not the moment at which a question becomes a doubt: nothing has to be done then, for ``is_live`` is read after
        # a ``tick``.
        return min(at, self.trust.asks_for_silence_at(self._alive_at), self.trust.ask_at, self._pacing.give_up_at)

    def statistics(self, key: KeyStatistics | None, presumed_valid_until: float) -> StreamStatistics:
        """Counters and times, those on the local axis."""
        waits_for = self._waits_for
        return self._report.statistics(
            self.sockets.current,
            state=self.state_name,
            is_live=self.is_live,
            generation=self.trust.generation,
            latest=self._latest,
            to_local=self.axes.to_local,
            presumed_valid_until=presumed_valid_until,
            buffer=self.buffer,
            unparsed=self._delivery.unparsed,
            key=key,
            name=self._venue,
            waits_for=waits_for,
            # When there will be a key is unknown here: ``allowed_at`` is the end of a backoff, or of a ban.
            next_connect_at=None if waits_for in {None, "key"} else self._pacing.allowed_at,
        )

    @property
    def silent_at(self) -> float:
        """When the exchange will be asked whether the key is alive, if no event comes before."""
        return self.trust.asks_for_silence_at(self._alive_at)

    @property
    def _waits_for(self) -> WaitsFor | None:
        """Why the next socket is not being opened yet."""
        match self.sockets:
            case NoSocket() if self.state is SocketState.WAITING:  # and not CLOSED
                return self._pacing.waits_for(self._latest) if self.trust.is_usable else "key"
            case OneSocket(current) if self._latest >= self._wants_move_at(current):
                return self._pacing.waits_for(self._latest)  # a move is due, and delayed by this
            case _:
                return None

    @property
    def _alive_at(self) -> float:
        """When there was last a sign of life of the key or subscription of the socket that delivers; or infinity."""
        return self._liveness.alive_at(self.sockets.current)

    def _move_at(self, current: StreamSocket) -> float:
        """When the socket will be opened that is to replace ``current``."""
        return max(self._wants_move_at(current), self._pacing.allowed_at)

    def _wants_move_at(self, current: StreamSocket) -> float:
        """When ``current`` will be too old; at once if its key was replaced (S3).

        Without a key that is presumed alive it is kept: it may still deliver events.
        """
        if not self.trust.is_usable:
            return inf
        return current.move_at if self._liveness.has_key_that_lives(current) else -inf

    # Time.

    def tick(self, now: float) -> None:
        """Let time pass until ``now``.

        It does at most one thing about the sockets. If another is due at the same time, ``deadline`` is in the past,
        and the driver calls it again at once. That ends, for each of these steps moves its own time ahead.
        """
        self._latest = now
        if self.state is SocketState.CLOSED:
            return
        # The end of ``open_timeout`` comes first: a socket that would be opened at that moment is too late. Beyond our
        # own limit of sockets the wait may be minutes, and is known beforehand.
        is_hopeless = self._pacing.is_hopeless and self.state is SocketState.WAITING
        if now >= self._pacing.give_up_at or (is_hopeless and not self.was_open):
            self.failure = self.failure or self._pacing.why_not_open(now)
            return
        # Trust first: it decides whether a socket may be opened.
        self.trust.tick(self._alive_at, now)
        # S5: also while sockets come and go. Neither a move nor a backoff delays a question.
        if now >= self.trust.ask_at:
            self._ask(now, self.trust.doubts_since(self._alive_at, now))
        match self.sockets:
            case NoSocket(last) if self.trust.is_usable and now >= self._pacing.allowed_at:
                self._try(last, now)
            case OneSocket(current) if now >= self._move_at(current):
                # S3: this one is kept until the next one is open, so that a planned move misses nothing.
                self._report.tell(Moving(self.trust.generation))
                next_ = self._open_next(now)
                self._become(SocketEvent.MOVE, TwoSockets(current, next_))
            case BothOpen(current, _, drain) if now >= drain.ask_at:
                self._ask_for_the_rest(current, drain, now)
            case BothOpen(current, next_, drain) if now >= drain.give_up_at and drain.is_over(now):
                # The events held for the next one are late by as much as we wait, and cost memory: the wait is bounded
                # (S6).
                self._end_current(current, next_, now)

    def _try(self, last: StreamSocket | None, now: float) -> None:
        """Open a socket where there is none, if the key is known to be alive."""
        # Confirmed since the last socket ended, and not too long ago: keys die while no socket is open, and a handshake
        # with a dead key may succeed. That socket would be silent until the next silence check (S5).
        lost_at = -inf if last is None or last.end is None else last.end.at
        since = max(lost_at, now - self._timing.silence_check_every)
        if not self.trust.is_fresh(since):
            # One question at a time; but a question from before the loss does not cover the time since.
            if self.trust.asked_at < since:
                self._answer_until = now + ANSWER_WITHIN
                self._ask(now, since)
            if now < self._answer_until:
                return  # then a socket with a key that may be dead is better than none
        next_ = self._open_next(now)
        self._become(SocketEvent.DUE, Connecting(next_, last))

    def _open_next(self, now: float) -> StreamSocket:
        """Have a socket opened, with the key as it is now; return it.

        The generation is fixed here: a key that is replaced during the handshake makes this socket one of an older key,
        which is moved away from as soon as it is open.
        """
        self._answer_until = -inf
        self._pacing.connecting(now)
        socket = StreamSocket(self.trust.generation, now, self.trust.confirmed_at, is_subscribed=self._subscribes)
        self._actions.append(Open(socket))
        return socket

    def _ask(self, now: float, since: float) -> None:
        """Ask whether the key or the subscription is alive: a subscription on its socket, a key by REST.

        An answer to another request from after ``since`` counts, too: several streams of an account ask at the same
        moment, and one request is enough for all of them (E1).
        """
        self.trust.asked(now, since)
        self._report.count("silence_checks")
        self._report.tell(Doubted(self.trust.generation))
        # Where events come by a subscription, a living key proves nothing about it. Without a socket there is no
        # subscription, and the question is whether the account may open one.
        current = self.sockets.current
        self._actions.append(AskOnSocket(current) if self._subscribes and current is not None else AskAboutKey())

    # The listen key.

    def key_confirmed(self, generation: int, key: str, confirmed_at: float, now: float) -> None:
        """The exchange has said that this very ``key`` is alive: a new one, or the same as before.

        Args:
            generation: The key's.
            key: The key itself; the exchange names it when it says that one is dead.
            confirmed_at: When the request was sent whose answer said so.
            now: The present.
        """
        # Handshakes may have been refused for the dead key: the next one is made at once.
        if self.trust.generation and generation != self.trust.generation:
            self._pacing.new_key(now)
        self.trust.hold(generation, key, confirmed_at)
        if confirmed_at >= self.trust.asked_at:  # else the answer is still to come
            self._answer_until = -inf
        # Also for the socket that was lost: the gap after it begins where its key was last alive (S10).
        for socket in (self.sockets.current, self.sockets.next, self.sockets.last):
            if socket is not None and socket.generation == generation:
                socket.key_proven(confirmed_at)
        self._liveness.key_confirmed(confirmed_at, now)
        self.tick(now)

    def cannot_ask(self, now: float) -> None:
        """Nothing may be sent to the exchange, so that it cannot answer: a ban must not prolong *live* (S8)."""
        self.trust.cannot_ask()
        self.tick(now)

    def key_request_failing(self, now: float) -> None:
        """A request about the key has failed and will be tried again; the key is still presumed alive.

        From then on no socket waits for an answer. It is no doubt by itself: only silence is.
        """
        self.trust.is_troubled = True
        self.tick(now)

    def key_lost(self, now: float) -> None:
        """The key is dead, or must be presumed so. No socket is opened with it from now on.

        A handshake that is under way is cut short: with a dead key it may succeed, and the socket would be silent for
        ever. The exchange has not failed, so no backoff follows: ``_pacing`` is not told.
        """
        self.trust.lose()
        match self.sockets:
            case Connecting(next_, last):
                self._actions.append(Close(next_, politely=False))
                self._become(SocketEvent.FAILED, NoSocket(last))
            case TwoSockets(current, next_):
                self._actions.append(Close(next_, politely=False))
                self._become(SocketEvent.FAILED, OneSocket(current))
            case _:
                # An open socket may still deliver events. It is replaced when there is another key, in the order of S3;
                # until then the trust says that it is not live.
                pass
        self.tick(now)

    # Sockets come and go.

    def opened(self, socket: StreamSocket, now: float) -> None:
        """The handshake of ``socket`` is over, and its subscription was answered if it has one.

        From here on its peer has to answer pings. The first one is due only after an interval: so for two of them an
        opened socket counts as answering without a pong (S4).
        """
        match self.sockets:
            case Connecting(next_, last) if socket is next_:
                self._note_open(socket, now)
                self._become(SocketEvent.CONNECTED, OneSocket(socket))
                # The gap is reported here, before any event of this socket is delivered (S2, S9).
                if last is None:
                    self._delivery.begin(socket)
                else:
                    self._delivery.follow_lost(last, socket, now)
                if socket.is_subscribed:
                    self._liveness.events_come(socket, now)  # the subscription was answered
            case TwoSockets(current, next_) if socket is next_:
                self._note_open(socket, now)
                # S1: from here on its events are held until the first socket has delivered all of its own.
                socket.held = Held()
                drain = Drain(self._delivery.all_from(current, socket), self._timing)
                self._become(SocketEvent.CONNECTED, BothOpen(current, socket, drain))
            case _:
                return  # it was given up while its handshake ended; its ``Close`` is under way
        self.tick(now)

    def _note_open(self, socket: StreamSocket, now: float) -> None:
        """Update a socket that is open now, be it the first or the next."""
        socket.open(now, self._timing.ping_every)
        socket.move_at = self._pacing.connected(now)
        self._report.count("connects")
        self._report.tell(Connected(self.trust.generation))

    def open_failed(self, socket: StreamSocket, error: Exception, now: float) -> None:
        """``socket`` could not be opened; ``error`` may have a ``status`` and a ``retry_after``."""
        match self.sockets:
            case Connecting(next_, last) if socket is next_:
                self._become(SocketEvent.FAILED, NoSocket(last))
            case TwoSockets(current, next_) if socket is next_:
                self._become(SocketEvent.FAILED, OneSocket(current))
            case _:
                return
        # A failure before the first socket may be final; after it, never: the exchange was reachable once.
        if getattr(error, "untrusted", False) and not self.was_open:
            # A retry does not help. Once a socket was open it may: the exchange will correct its certificate.
            self.fail(untrusted_peer(str(error), venue=self._venue, verb="connect"))
        self._pacing.failed(error, now)
        self._report.count("failed_connects")
        # The time of the next attempt is reported only if there will be one: opening may have failed before.
        at = self._pacing.allowed_at
        delay = None if at >= self._pacing.give_up_at else max(0.0, at - now)
        self._report.tell(Unconnected(self.trust.generation, error, delay))
        self.tick(now)

    def ended(self, socket: StreamSocket, error: Exception, now: float) -> None:
        """``socket``, which was open, has ended. If the machine gave it up itself, that was reported then.

        The stream reconnects when the pacing allows it.
        """
        self._lose(socket, "disconnected", error, now)
        self.tick(now)

    def unanswered(self, socket: StreamSocket, sent_at: float, now: float) -> None:
        """The ping that was sent at ``sent_at`` was not answered in time: the peer is dead, if we were listening.

        While the consumer is behind, the socket is not read (S6), and the answer lies in its buffer. Such a silence is
        ours. It must neither end the socket nor count as an answer: ``is_answering`` goes by pongs alone.
        """
        if not socket.must_answer(sent_at):
            socket.ping_at = now  # nobody has read: the next ping is due at once
        elif socket in (self.sockets.current, self.sockets.next):
            self._actions.append(Close(socket, politely=False))  # S4: a dead peer gets no close frame
            self._lose(socket, "unresponsive", silence(self._venue, "answered a ping", now - sent_at), now)
            self.tick(now)

    def _lose(self, socket: StreamSocket, cause: GapCause, error: Exception, now: float) -> None:
        """An open ``socket`` has ended. The next step depends on which other socket there is.

        Where no other socket is open, the gap is reported when the next one is, before its first event: only then is
        the end of the gap known (S2, S10).
        """
        match self.sockets:
            case OneSocket(current) if socket is current:
                self._note_end(socket, cause, error, now)
                self._become(SocketEvent.DROPPED, NoSocket(socket))
                self._pacing.ended(socket.opened_at, now)
            case TwoSockets(current, next_) if socket is current:
                # The socket that is being opened for a move is the only one now, and replaces this one.
                self._note_end(socket, cause, error, now)
                self._become(SocketEvent.DROPPED, Connecting(next_, socket))
                self._pacing.replaced(socket.opened_at, now)
            case BothOpen(current, next_) if socket is current:
                # The events held for the next one may overlap with those delivered: then there is no gap.
                self._note_end(socket, cause, error, now)
                self._take_over(SocketEvent.DROPPED, socket, next_, now)
            case BothOpen(current, next_) if socket is next_:
                if current.generation != socket.generation and not current.is_subscribed:
                    # The first one's key is dead, so only this one has events: it takes over, so that they are
                    # delivered, and is then lost as the socket that delivers, so that the gap is reported.
                    self._actions.append(Close(current, politely=True))
                    self._take_over(SocketEvent.DRAINED, current, socket, now)
                    self._lose(socket, cause, error, now)
                    return
                # The first one goes on: the events held for the next one come on this one as well.
                self._note_end(socket, cause, error, now)
                self._become(SocketEvent.NEXT_DROPPED, OneSocket(current))
                self._pacing.retry_later(now)
            case _:
                pass  # it was given up before, and its end was reported then

    def _note_end(self, socket: StreamSocket, cause: GapCause, error: Exception, now: float) -> None:
        """Keep the cause, for the gap after it, and the time, which decides whether the key is asked about first.

        A socket that delivered is kept as ``last`` until another one delivers: the gap begins at its ``certain_at``
        (S10).
        """
        socket.end = SocketEnd(cause, now)
        self._report.count("disconnects")
        self._report.tell(Dropped(self.trust.generation, error))

    # What comes from a socket. This is the path of every event.

    def received(self, socket: StreamSocket, batch: Sequence[bytes], now: float) -> None:
        """Messages have come on ``socket``, which is open. Those of a socket that was given up are dropped."""
        events = self._delivery.events(socket, batch, now)
        socket.heard_at = now
        sockets = self.sockets
        # Compared by identity: a socket that was given up since delivers nothing more (S1).
        # An ordinary event does not call ``tick``: it makes nothing due earlier, and there may be thousands a second.
        if socket is sockets.current:
            self._deliver(socket, events, now)
        elif socket is sockets.next and socket.held is not None:
            # Proven by pings answered before it came: an answer while it is held proves nothing about it (S10).
            if self._delivery.is_sign_of_life(events):
                socket.prove(now, is_news=False)
            # When there is no more room to hold events, the wait for the first socket ends.
            has_room = self._delivery.hold(socket, events)
            if sockets.current is not None and not has_room:
                self._end_current(sockets.current, socket, now)

    def _deliver(self, socket: StreamSocket, events: list[UserEvent], now: float, *, was_held: bool = False) -> None:
        """Deliver the events of ``socket``, and handle announcements about the key and the socket.

        An event proves that the key was alive when it was sent. An event that ``was_held`` proved that when it was
        read; about the present it proves nothing (S8).
        """
        announcements, is_sign_of_life = self._delivery.deliver(socket, events, now, self.sockets.next)
        if is_sign_of_life and not was_held:
            is_news = self._liveness.is_news(socket, now)
            socket.prove(now, is_news=is_news)
            if is_news:
                self._liveness.events_come(socket, now)
        for event in announcements:
            self._announced(event, socket, now)

    def _announced(self, event: UserEvent, socket: StreamSocket, now: float) -> None:
        """Handle a possible announcement: a key has expired, or the exchange will end this socket."""
        announcements = self._delivery.announcements
        if announcements.says_shutdown(event):
            if not socket.is_ending:  # else it has said so before
                socket.is_ending = True
                self._report.tell(Announced(self.trust.generation))
                # S3: the move is made before the announced end; never later than the socket's age demands.
                socket.move_at = min(socket.move_at, self._pacing.announced(socket.opened_at, now))
        elif announcements.says_expired(
            event, self.trust, is_own=self._liveness.has_key_that_lives(self.sockets.current)
        ):
            # It is a doubt and no loss: the exchange is asked, and its answer decides whether the key is replaced.
            self._report.tell(Announced(self.trust.generation))
            self.trust.deny(now)
        self.tick(now)

    def ponged(self, socket: StreamSocket, sent_at: float, now: float) -> None:
        """A ping that was sent at ``sent_at`` was answered, and all that came before the answer was received.

        It proves the peer alive, and not the key: exchanges answer pings on a socket whose key is dead (S5).
        """
        socket.ponged(sent_at, now, self._timing.ping_every)
        self._look_at_the_rest(now)

    def confirmed(self, socket: StreamSocket, asked_at: float, now: float) -> None:
        """The exchange was asked at ``asked_at``, on the socket itself, and says that events come there.

        What came before the answer was received.
        """
        if socket not in (self.sockets.current, self.sockets.next):
            return
        # A proof of the next socket is stored in it, and counts for the trust once it delivers.
        socket.confirmed(asked_at)
        if socket is self.sockets.current:
            self._liveness.events_come(socket, now)
        self._look_at_the_rest(now)
        self.tick(now)

    def paused(self, socket: StreamSocket) -> None:
        """Nobody reads from the socket until there is room (S6).

        Messages that are read later are old, and no pong is seen: after two ping intervals the stream is not live.
        """
        socket.pause()
        self._restart_answer_time(self._latest)

    def resumed(self, socket: StreamSocket, now: float) -> None:
        """There is room again. A ping is due soon; its pong shows that all waiting messages were read."""
        socket.resume(now, self._timing.ping_every)
        self._restart_answer_time(now)

    # From one open socket to the next.

    def _ask_for_the_rest(self, current: StreamSocket, drain: Drain, now: float) -> None:
        """Both sockets have overlapped for long enough: has the first one delivered all that the next one has not?

        The answer to a ping comes after everything that the exchange had sent on that socket: only that proves it, and
        no wait does. Before the overlap is over it proves nothing, for the feed of one gateway may be behind that of
        the other by ``Timing.feed_lag`` (S10).
        """
        drain.asked(now, is_paused=current.is_paused)
        current.ping_at = now  # its answer comes after all that the exchange has sent there by now
        if current.is_subscribed:
            self._actions.append(AskOnSocket(current))  # and this one proves that events are sent there
        self._look_at_the_rest(now)

    def _restart_answer_time(self, now: float) -> None:
        """Restart the answer time of the first of two sockets, when the consumer paused or resumed it."""
        match self.sockets:
            case BothOpen(current, _, drain):
                drain.wait(now, is_paused=current.is_paused)
            case _:
                pass

    def _look_at_the_rest(self, now: float) -> None:
        """Close the first of two sockets if it has delivered everything that the next one lacks.

        It is checked after each answer, also to pings that were sent for another reason, if they were sent late enough.
        """
        match self.sockets:
            case BothOpen(current, next_) if current.has_all_until(self._delivery.all_from(current, next_)):
                self._actions.append(Close(current, politely=True))
                self._take_over(SocketEvent.DRAINED, current, next_, now)
                self.tick(now)
            case _:
                pass

    def _end_current(self, current: StreamSocket, next_: StreamSocket, now: float) -> None:
        """The first socket of two does not answer, or takes too long for it, or there is no room to hold more.

        It may have had more events, so it counts as lost: there is a gap, unless the events of both sockets join.
        """
        error = silence(self._venue, "shown that it has delivered everything", now - next_.opened_at)
        self._actions.append(Close(current, politely=False))
        self._lose(current, "unresponsive", error, now)
        self.tick(now)

    def _take_over(self, event: SocketEvent, old: StreamSocket, new: StreamSocket, now: float) -> None:
        """``new`` delivers from now on.

        The order matters: the gap, if there is one, comes before the held events; and these are delivered in the new
        state, for an announcement among them may begin the next move.

        Held events prove nothing about the present (S8), however short they were held.
        """
        held = self._delivery.take_over(old, new, now)
        self._become(event, OneSocket(new))
        self._report.count("moves")
        self._pacing.replaced(old.opened_at, now)
        if new.is_subscribed:
            self._liveness.events_come(new, now)  # the subscription was answered
        if held:
            self._deliver(new, held, now, was_held=True)

    # The end.

    def refused(self, error: ListenKeyError, *, is_doubtful: bool) -> None:
        """The exchange refuses a request that was sent on a socket.

        Once a socket was open, a doubtful refusal may pass: the next sockets retry, a bounded number of times.
        """
        if not (is_doubtful and self.was_open and self._pacing.may_doubt()):
            self.fail(error)

    def fail(self, error: ListenKeyError) -> None:
        """The stream failed for good: the exchange has refused. The first error is the one that is raised.

        Nothing else changes here: the driver sees the failure after the step, and stops the stream.
        """
        self.failure = self.failure or error

    def stop(self) -> None:
        """The block is over, or the stream failed. No socket is opened any more; open ones are closed.

        It may be called in every state and more than once. No gap is reported: a stream that is opened later begins
        with one (S9), and goes on from ``last_event_time``.
        """
        if self.state is not SocketState.CLOSED:
            for socket in (self.sockets.current, self.sockets.next):
                if socket is not None:
                    self._actions.append(Close(socket, politely=True))
            self._become(SocketEvent.STOP, NoSocket(None))

    def actions(self) -> list[Action]:
        """The actions since the last call, in order. The caller does all of them, whatever happens meanwhile."""
        actions, self._actions = self._actions, []
        return actions

    def notices(self) -> list[StreamNotice]:
        """The notices since the last call. The driver reports them before it does the actions."""
        return self._report.take()

    @property
    def has_news(self) -> bool:
        """Whether there are actions or notices.

        It is read after each event: for most of them there is nothing more to do.
        """
        return bool(self._actions) or self._report.has_news

    def _become(self, event: SocketEvent, sockets: Sockets) -> None:
        """The one place where the state changes, and the sockets with it.

        It opens, closes and reports nothing: its caller does, who knows why the state changes.
        """
        self.state = after(SOCKET_TRANSITIONS, self.state, event)
        assert type(sockets) is SOCKETS_IN[self.state]
        self.sockets = sockets
