"""A stream walked at random, beside a model of the exchange that knows what was sent, when, and what became of it."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from math import inf
from random import Random

import pytest
from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from walks import Values, Walk, noting, one_of, ways_of

from trio_listenkey import Timing
from trio_listenkey._core._buffer import OnFull, Room
from trio_listenkey._core._connect_limiter import ConnectLimiter
from trio_listenkey._core._stream import Stream
from trio_listenkey._core._stream_actions import AskAboutKey, AskOnSocket, Close, Open
from trio_listenkey._core._stream_socket import StreamSocket
from trio_listenkey._core._stream_states import (
    SOCKET_TRANSITIONS,
    STREAM_JOINT_STATES,
    TRUST_TRANSITIONS,
    SocketState,
    TrustState,
)
from trio_listenkey._events import Gap, StreamItem, UserEvent
from trio_listenkey._protocol._same_event import canonical_for
from trio_listenkey._venue._parts import StreamShape
from trio_listenkey.connectors._base import SocketError

TIMING = Timing(socket_lifetime=400.0)
LIMITS = {"wait": 6, "drop_oldest": 6, "drop_newest": 6, "fail": 1_000_000}
A_BATCH = 8
LAGS = st.sampled_from([0.0, 0.01, 0.3, TIMING.feed_lag])
BACK_WITHIN = 900.0
"""Seconds in which a stream is live again once faults have stopped: the longest silence that a refused handshake
brings (300), the longest back-off (60), a silence check (60), a dead peer (40), two handshakes that time out; and room.
"""

Message = tuple[str, object]


@dataclass(eq=False)
class Socket:
    """One socket as both ends see it: an ordered pipe, in which each message has a time of arrival."""

    stream_socket: StreamSocket
    key: int
    opens_at: float
    began_at: float
    fate: str = "open"
    is_at_exchange: bool = False
    is_open: bool = False
    is_dead: bool = False
    is_paused: bool = False
    pipe: deque[tuple[float, Message]] = field(default_factory=deque)
    last_arrival: float = -inf
    ping: float | None = None
    ping_arrives_at: float = inf
    has_subscription: bool = True
    questions: deque[tuple[float, float]] = field(default_factory=deque)
    """When each arrives, and when it was asked."""
    answered_at: float = -inf
    """When the last ping was sent whose answer was read; or when it was opened."""
    proven_at: float = -inf
    """When there was last a sign of life on it: an event was read, or its subscription was confirmed."""
    deaf_since: float = inf
    skew: float = 0.0
    """By how much its gateway's feed of events is behind; pongs, and what is said of keys, are not."""
    begins_late: float = 0.0
    """How long after the handshake it begins."""
    style: int = 0
    """How its gateway writes an event: see ``written``."""
    begins_at: float = inf
    feed: deque[tuple[float, Message]] = field(default_factory=deque)

    def happened(self, when: float, message: Message) -> None:
        """An event happened, which its gateway's feed will have some time later."""
        if when + self.skew >= self.begins_at:
            self.feed.append((max(when + self.skew, self.feed[-1][0] if self.feed else -inf), message))

    @property
    def generation(self) -> int:
        return self.stream_socket.generation

    def put(self, message: Message, now: float, latency: float) -> None:
        self.last_arrival = max(self.last_arrival, now + latency)
        self.pipe.append((self.last_arrival, message))

    @property
    def next_read(self) -> float:
        return self.pipe[0][0] if self.pipe and not self.is_paused else inf


def written(members: dict[str, object], style: int) -> str:
    """One event in one of sixteen ways: members in another order, spaces, escapes, a list."""
    if style & 1:
        members = dict(reversed(members.items()))
    text = json.dumps(members, indent=1 if style & 2 else None)
    if style & 4:
        text = text.replace("ORDER", "\\u004fRDER")
    return f"[{text}]" if style & 8 else text


class StreamMachine(RuleBasedStateMachine):
    """What the stream's driver does with sockets and key is done here to the model, at exact times."""

    subscribes = False

    @initialize(
        on_full=st.sampled_from(["wait", "drop_oldest", "drop_newest", "fail"]),
        enveloped=st.booleans(),
        gateways_differ=st.booleans(),
        seed=st.integers(0, 1000),
    )
    def open(self, on_full: OnFull, enveloped: bool, gateways_differ: bool, seed: int) -> None:
        self.now = 10_000.0
        self.random = Random(seed)
        self.limiter = ConnectLimiter()
        self.on_full, self.limit = on_full, LIMITS[on_full]
        self.enveloped = enveloped
        self.stream = Stream(
            "somewhere",
            TIMING,
            self.limiter,
            room=Room(self.limit, 1_000_000, on_full),
            now=self.now,
            draw=self.random.random,
            subscribes=self.subscribes,
            canonical=canonical_for(StreamShape()),
        )
        self.numbers = count()
        self.emitted: dict[int, float] = {}
        self.sockets: dict[StreamSocket, Socket] = {}
        self.latency = 0.05
        self.skew = self.begins_late = 0.0
        self.gateways_differ = gateways_differ
        self.fate = "open"
        self.rest_works = True
        self.subscribed: set[int] = set()  # sockets' keys, by number, that the exchange knows
        self.key = 1
        self.generation = 1
        self.known_dead = False
        self.rest_at = inf
        self.rest_sent_at = -inf
        self.asked_at = -inf
        self.names_key = True
        self.creates = False
        self.bans_next = False
        self.banned_until = -inf
        self.key_proven_at = self.now
        self.dead_since = inf
        self.denied_at = self.contradicted_at = -inf
        self.consumes = True
        self.taken: list[StreamItem] = []
        self.is_checked = 0
        self._revive()
        self.stream.key_confirmed(1, "K1", self.now, self.now)
        self._follow()
        self._run(3.0)
        assert self.stream.is_live

    # The model of the exchange.

    def _revive(self) -> None:
        self.subscribed.add(self.key)
        self.dead_since, self.denied_at = inf, -inf

    def _kill(self) -> None:
        self.subscribed.discard(self.key)
        self.dead_since = min(self.dead_since, self.now)

    def _emit(self, when: float) -> None:
        number = next(self.numbers)
        self.emitted[number] = when
        for socket in self.sockets.values():
            if socket.is_at_exchange and not socket.is_dead and self._gets_events(socket):
                socket.happened(when, ("message", self._wrap(self._order(number, socket), socket)))

    def _order(self, number: int, socket: Socket) -> str:
        return written({"e": "ORDER", "E": int(self.emitted[number] * 1000), "n": number}, socket.style)

    def _feed_begins(self, socket: Socket) -> None:
        """From some time after the handshake on; and a gateway that is behind sends what happened before it."""
        socket.begins_at = self.now + socket.begins_late
        if self._gets_events(socket):
            for number, when in list(self.emitted.items())[-50:]:
                if when <= self.now:
                    socket.happened(when, ("message", self._wrap(self._order(number, socket), socket)))

    def _gets_events(self, socket: Socket) -> bool:
        return socket.key in self.subscribed

    def _wrap(self, text: str, socket: Socket) -> bytes:
        if self.enveloped:
            text = f'{{"stream":"K{socket.key}","data":{text}}}'
        return text.encode()

    def _say(self, socket: Socket, said: dict[str, object]) -> None:
        if socket.is_at_exchange and not socket.is_dead:
            socket.put(("message", self._wrap(json.dumps(said), socket)), self.now, self.latency)

    def _receive_at_exchange(self, socket: Socket) -> None:
        if not socket.is_at_exchange and self.now >= socket.opens_at:
            socket.opens_at = inf
            if socket.fate == "open":
                socket.is_at_exchange = True
                self._feed_begins(socket)
                socket.put(("opened", None), self.now, self.latency)
            elif socket.fate != "hang":
                socket.put(("refused", None), self.now, self.latency)
        while socket.feed and self.now >= socket.feed[0][0]:
            at, message = socket.feed.popleft()
            if not socket.is_dead:
                socket.put(message, at, self.latency)
        if self.now >= socket.ping_arrives_at:
            socket.ping_arrives_at = inf
            if not socket.is_dead:
                socket.put(("pong", socket.ping), self.now, self.latency)

    # The model of the listen key's keeper.

    def _ask(self, _link: StreamSocket | None) -> None:
        self.asked_at = self.now
        if self.now < self.banned_until:
            self.stream.cannot_ask(self.now)
        elif self.rest_at == inf and not self.known_dead:
            self._send_request()

    def _send_request(self, delay: float = 0.0) -> None:
        self.rest_sent_at = self.now + delay
        self.rest_at = self.now + delay + 2 * self.latency

    def _answer(self) -> None:
        self.rest_at = inf
        if self.bans_next:
            self.bans_next, self.banned_until = False, self.now + 30.0
            if not self.known_dead:
                self.stream.key_request_failing(self.now)
                self.stream.cannot_ask(self.now)
            self._send_request(30.0)
        elif not self.rest_works:
            if not self.known_dead:
                self.stream.key_request_failing(self.now)
            self._send_request(5.0)
        elif self.known_dead:
            self._create()
        elif not (self.names_key or self.creates):
            self.creates = True  # the account has a key: which one, a create says, and nothing is confirmed until then
            self._send_request()
        elif self.key in self.subscribed:
            self.creates = False
            self._hold()
            if self.asked_at > self.rest_sent_at:
                self._send_request()
        else:
            self.creates = False
            self._lose()

    def _hold(self) -> None:
        self.known_dead = False
        confirmed_at = min(self.rest_sent_at, self.now)
        self.key_proven_at = max(self.key_proven_at, confirmed_at)
        if not self.subscribes:
            self.contradicted_at = max(self.contradicted_at, confirmed_at)
        self.stream.key_confirmed(self.generation, f"K{self.key}", confirmed_at, self.now)

    def _create(self) -> None:
        if self.key not in self.subscribed:  # else it was never dead, and is what comes back
            self.key += 1
            self.generation += 1
            self._revive()
        self.denied_at = -inf
        self._hold()

    def _lose(self) -> None:
        self.known_dead = True
        self.stream.key_lost(self.now)
        self._send_request(0.2)

    # The driver.

    def _run(self, seconds: float) -> None:
        end, steps = self.now + seconds, 0
        while True:
            self._step()
            upcoming = min(self._alarms())
            assert upcoming > self.now or steps < 10_000, "a hot loop"
            steps += 1
            if upcoming > end:
                break
            self.now = max(self.now, upcoming)
        self.now = end

    def _alarms(self) -> Iterator[float]:
        yield self.stream.deadline
        yield self.rest_at
        for socket in self.sockets.values():
            yield from (socket.next_read, socket.opens_at, socket.ping_arrives_at)
            yield from (arrives_at for arrives_at, _ in socket.questions)
            if socket.feed:
                yield socket.feed[0][0]
            if socket.is_open:
                yield socket.stream_socket.ping_at if socket.ping is None else socket.ping + TIMING.ping_every
            else:
                yield socket.began_at + TIMING.connect_timeout

    def _step(self) -> None:
        if self.now >= self.rest_at:
            self._answer()
            self._follow()
        for socket in list(self.sockets.values()):
            self._receive_at_exchange(socket)
            if socket.stream_socket in self.sockets:
                self._read(socket)
            if socket.stream_socket in self.sockets:
                self._beat(socket)
        self._tick()

    def _tick(self) -> None:
        self.stream.tick(self.now)
        assert self.stream.deadline > self.now
        self._follow()
        self._consume()

    def _follow(self) -> None:
        for action in self.stream.actions():
            match action:
                case Open(stream_socket):
                    assert not self.known_dead
                    assert stream_socket.generation == self.generation
                    self.sockets[stream_socket] = Socket(
                        stream_socket,
                        self.key,
                        self.now + self.latency,
                        self.now,
                        self.fate,
                        skew=self.skew,
                        begins_late=self.begins_late,
                        style=self.random.randrange(16) if self.gateways_differ else 0,
                    )
                case Close(stream_socket):
                    self.sockets.pop(stream_socket, None)
                case AskAboutKey():
                    self._ask(None)
                case AskOnSocket(stream_socket):
                    self._ask(stream_socket)
        assert len(self.sockets) <= 2
        self.stream.notices()

    def _read(self, socket: Socket) -> None:
        if not socket.is_open and self.now >= socket.began_at + TIMING.connect_timeout:
            return self._fail(socket, None)
        while socket.next_read <= self.now and socket.stream_socket in self.sockets:
            kind, what = socket.pipe.popleft()[1]
            match kind:
                case "opened":
                    socket.is_open = True
                    socket.answered_at = self.now
                    socket.proven_at = socket.began_at if self.subscribes else -inf
                    self.contradicted_at = self.now if self.subscribes else self.contradicted_at
                    self.stream.opened(socket.stream_socket, self.now)
                case "refused":
                    return self._fail(socket, 429 if socket.fate == "ban" else None)
                case "pong":
                    assert isinstance(what, float)
                    socket.ping = None
                    socket.answered_at = max(socket.answered_at, what)
                    self.stream.ponged(socket.stream_socket, what, self.now)
                case "confirmed":
                    assert isinstance(what, float)
                    socket.proven_at = max(socket.proven_at, what)
                    self.contradicted_at = max(self.contradicted_at, what)
                    self.stream.confirmed(socket.stream_socket, what, self.now)
                case "end":
                    del self.sockets[socket.stream_socket]
                    self.stream.ended(socket.stream_socket, SocketError("closed"), self.now)
                case _:
                    self._receive(socket, what)
            self._follow()
        return None

    def _receive(self, socket: Socket, first: object) -> None:
        batch = [first]
        while len(batch) < A_BATCH and socket.next_read <= self.now and socket.pipe[0][1][0] == "message":
            batch.append(socket.pipe.popleft()[1][1])
        self._note_what_it_says(socket, batch)
        self.stream.received(socket.stream_socket, batch, self.now)  # type: ignore[arg-type]
        if self.on_full == "wait" and self.stream.buffer.is_overfull and socket.stream_socket.held is None:
            socket.is_paused = True
            self.stream.paused(socket.stream_socket)

    def _note_what_it_says(self, socket: Socket, batch: list[object]) -> None:
        """What the next one of two says counts when it is delivered."""
        if socket.stream_socket.held is None and any(b"listenKeyExpired" in raw for raw in batch):  # type: ignore[operator]
            own, other = b'"K%d"' % self.key, socket.generation != self.generation
            said = [UserEvent(raw, 0.0) for raw in batch]  # type: ignore[arg-type]
            for event in said:
                if event.type == "listenKeyExpired" and (
                    own in event.payload or not (other or b'listenKey"' in event.payload)
                ):
                    self.denied_at = self.now
        elif any(b'"n"' in raw for raw in batch):  # type: ignore[operator]
            socket.proven_at = self.now
            if socket.generation == self.generation:
                self.key_proven_at = self.now
                if socket.stream_socket.held is None:
                    self.contradicted_at = self.now

    def _fail(self, socket: Socket, status: int | None) -> None:
        del self.sockets[socket.stream_socket]
        self.stream.open_failed(socket.stream_socket, SocketError("no", status=status), self.now)
        self._follow()

    def _beat(self, socket: Socket) -> None:
        if socket.ping is not None and self.now >= socket.ping + TIMING.ping_every:
            sent_at, socket.ping, socket.ping_arrives_at = socket.ping, None, inf
            self.stream.unanswered(socket.stream_socket, sent_at, self.now)
            self._follow()
        elif socket.is_open and socket.ping is None and self.now >= socket.stream_socket.ping_at:
            socket.ping, socket.ping_arrives_at = self.now, self.now + self.latency

    def _consume(self) -> None:
        if self.consumes:
            while self.stream.buffer.items:
                self._take()

    def _take(self) -> None:
        item = self.stream.buffer.items.popleft()
        self.stream.buffer.took(item)
        self.taken.append(item)
        if not self.stream.buffer.is_overfull:
            for socket in self.sockets.values():
                if socket.is_paused:
                    socket.is_paused = False
                    self.stream.resumed(socket.stream_socket, self.now)

    # What may happen.

    @rule(seconds=st.sampled_from([0.01, 0.1, 0.5, 1.0, 2.5, 6.0, 15.0, 30.0, 60.0, 70.0]))
    def time_passes(self, seconds: float) -> None:
        self._run(seconds)

    @rule(events=st.integers(1, 5), pause=st.sampled_from([0.0, 0.01, 0.3]))
    def events_happen(self, events: int, pause: float) -> None:
        for _ in range(events):
            self._emit(self.now)
            self._run(pause)

    @rule(latency=st.sampled_from([0.0, 0.02, 0.3, 2.0, 4.0]))
    def the_way_becomes_another(self, latency: float) -> None:
        self.latency = latency

    @rule(skew=LAGS, begins_late=LAGS)
    def next_gateway_lags(self, skew: float, begins_late: float) -> None:
        """Sockets from now on have another gateway, whose feed is behind, or begins late (S10)."""
        self.skew, self.begins_late = skew, begins_late

    @rule(fate=st.sampled_from(["open", "open", "open", "hang", "refuse", "ban"]))
    def handshakes_go_otherwise(self, fate: str) -> None:
        self.fate = fate

    @rule(works=st.booleans())
    def requests_go_otherwise(self, works: bool) -> None:
        self.rest_works = works

    @rule(consumes=st.booleans(), some=st.integers(0, 4))
    def consumer_changes_its_mind(self, consumes: bool, some: int) -> None:
        self.consumes = consumes
        for _ in range(min(some, len(self.stream.buffer.items))):
            self._take()

    @precondition(lambda self: self.sockets)
    @rule(which=st.integers(0, 1), arrives=st.booleans())
    def socket_ends(self, which: int, arrives: bool) -> None:
        """Politely, after all that was sent; or by a reset, which discards what is under way."""
        socket = self._socket(which)
        if socket.is_at_exchange and not socket.is_dead:
            if not arrives:
                socket.pipe = deque(message for message in socket.pipe if message[1][0] == "opened")
            socket.put(("end", None), self.now, self.latency)
            socket.is_dead = True

    @precondition(lambda self: self.sockets)
    @rule(which=st.integers(0, 1), loses=st.booleans())
    def socket_dies_silently(self, which: int, loses: bool) -> None:
        """Half-open: nothing comes any more, what was under way perhaps included."""
        socket = self._socket(which)
        socket.is_dead = True
        if loses:
            socket.pipe.clear()

    @precondition(lambda self: self.sockets)
    @rule(which=st.integers(0, 1))
    def shutdown_is_announced(self, which: int) -> None:
        self._say(self._socket(which), {"e": "serverShutdown", "E": int(self.now * 1000)})

    @precondition(lambda self: self.sockets)
    @rule(which=st.integers(0, 1), times=st.sampled_from([1, 50]), named=st.sampled_from(["own", "none", "odd"]))
    def expiry_is_announced(self, which: int, times: int, named: str) -> None:
        """True or not."""
        socket = self._socket(which)
        for _ in range(times):
            said: dict[str, object] = {"e": "listenKeyExpired", "E": int(self.now * 1000)}
            if named != "none":
                said["listenKey"] = f"K{socket.key}" if named == "own" else [{}]
            self._say(socket, said)

    @precondition(lambda self: self.sockets)
    @rule(which=st.integers(0, 1), raw=st.sampled_from([b"", b"\xff", b"serverShutdown listenKeyExpired", b"[1]"]))
    def nonsense_comes(self, which: int, raw: bytes) -> None:
        socket = self._socket(which)
        if socket.is_at_exchange and not socket.is_dead:
            socket.put(("message", raw), self.now, self.latency)

    @rule(told=st.booleans())
    def key_dies(self, told: bool) -> None:
        for socket in self.sockets.values():
            if told:
                self._say(socket, {"e": "listenKeyExpired", "listenKey": f"K{self.key}"})
        self._kill()

    @rule(names_key=st.booleans())
    def answers_name_the_key_or_not(self, names_key: bool) -> None:
        self.names_key = names_key

    @rule()
    def host_wants_silence(self) -> None:
        """The next request about the key is answered by a ban."""
        self.bans_next = True

    @rule(old_works=st.booleans())
    def key_is_replaced(self, old_works: bool) -> None:
        """The exchange has named another key when it was asked, perhaps twice in a row."""
        if not self.known_dead:
            if not old_works:
                self._kill()
            self.key += 1
            self.generation += 1
            self._revive()
            self.rest_sent_at = self.now
            self._hold()
            self._tick()

    @rule()
    def key_is_presumed_dead(self) -> None:
        """No request succeeded for too long; it may live all the same."""
        if not self.known_dead:
            self._lose()
            self._tick()

    @rule()
    def keepalive_is_due(self) -> None:
        """A request that nobody's doubt has caused: its answer says nothing of what is heard meanwhile."""
        if not self.known_dead and self.rest_at == inf and self.now >= self.banned_until:
            self._send_request()

    @precondition(lambda self: self.known_dead)
    @rule()
    def a_loss_is_told_again(self) -> None:
        """Steps come in any order; one that says what is known changes nothing."""
        self.stream.key_lost(self.now)
        self._follow()

    @rule(hours=st.sampled_from([0.1, 2.0, 30.0]), lost_first=st.booleans())
    def clock_leaps(self, hours: float, lost_first: bool) -> None:
        """The machine has slept; the exchange has not."""
        asleep = hours * 3600
        self._emit(self.now + asleep / 2)
        self.now += asleep
        if hours > 1 and not self.known_dead:
            self._kill()
            if lost_first:
                self._lose()
            self._tick()
        self._emit(self.now)

    def _socket(self, which: int) -> Socket:
        sockets = list(self.sockets.values())
        return sockets[which % len(sockets)]

    # What must hold.

    @invariant()
    def nothing_is_lost_silently(self) -> None:
        """In order, once each, and with a gap in the place of what is missing."""
        gaps: list[Gap] = []
        expected = self.is_checked
        items = [*getattr(self, "taken", ()), *(self.stream.buffer.items if expected or self._is_set_up() else ())]
        for item in items:
            if isinstance(item, Gap):
                assert item.started_at <= item.ended_at
                gaps.append(item)
            elif (number := self._number(item)) is not None:
                assert number >= expected, "twice, or out of order"
                for lost in range(expected, number):
                    when = self.emitted[lost]
                    assert any(gap.started_at <= when <= gap.ended_at for gap in gaps), (lost, when, gaps)
                expected, gaps = number + 1, []

    @invariant()
    def it_begins_with_a_gap(self) -> None:
        """Once, before all else, however full the buffer is and whatever is joined with it (S9)."""
        if not self._is_set_up():
            return
        items = [*self.taken, *self.stream.buffer.items]
        causes = [item.cause if isinstance(item, Gap) else None for item in items]
        assert [place for place, cause in enumerate(causes) if cause == "opened"] == ([0] if items else [])

    def _is_set_up(self) -> bool:
        return hasattr(self, "stream")

    @staticmethod
    def _number(item: UserEvent) -> int | None:
        try:
            data = item.data
        except ValueError:
            return None
        if isinstance(data, list) and len(data) == 1:
            data = data[0]
        found = data.get("n") if isinstance(data, dict) else None
        return found if isinstance(found, int) else None

    @invariant()
    def live_is_sound(self) -> None:
        """Whoever is told "live" has a peer that answers, and what events come by was proven alive a moment ago (S8).

        The model keeps its own account of answers and proofs; the stream's is not looked at.
        """
        if not self._is_set_up() or self.stream.state.name == "CLOSED":
            return
        self._tick()
        if not self.stream.is_live:
            return
        socket = next(each for each in self.sockets.values() if each.is_open)
        assert not self.known_dead
        assert socket.generation == self.generation
        assert self.now < socket.answered_at + 2 * TIMING.ping_every, "nobody knows whether the peer answers"
        proven_at = socket.proven_at if self.subscribes else max(self.key_proven_at, socket.proven_at)
        silent_at = proven_at + TIMING.silence_check_every
        assert self.now < silent_at + 2, "nothing has proven for too long that events come"
        assert self.denied_at <= self.contradicted_at, "the exchange has said that it is dead, and not unsaid it"
        assert self.now < silent_at or self.now >= self.banned_until, "nothing can be asked"
        # And by the exchange's own books: what was read last had been under way for as long as four seconds.
        deaf_since = socket.deaf_since if self.subscribes else self.dead_since
        assert self.now < deaf_since + TIMING.silence_check_every + 2 + TIMING.feed_lag + 4

    @invariant()
    def memory_is_bounded(self) -> None:
        """A gap more than there is room for, and with "wait" what one read brings, for each socket."""
        if self._is_set_up():
            rest = A_BATCH * 1000 if self.on_full == "wait" else 0
            assert len(self.stream.buffer.items) <= self.limit + 1 + rest
            for stream_socket in self.sockets:
                assert stream_socket.held is None or len(stream_socket.held) <= self.limit + A_BATCH

    @invariant()
    def state_says_what_there_is(self) -> None:
        """As many sockets as the state says, open or not."""
        if self._is_set_up():
            name = self.stream.state.name
            is_open = sorted(socket.is_open for socket in self.sockets.values())
            assert (
                is_open
                == {
                    "WAITING": [],
                    "CONNECTING": [False],
                    "OPEN": [True],
                    "MOVING": [False, True],
                    "DRAINING": [True, True],
                }[name]
            )

    def stop(self) -> None:
        """The block is over, whatever the stream is at."""
        self.stream.stop()
        self._follow()
        assert not self.sockets
        assert self.stream.deadline == inf

    def teardown(self) -> None:
        """Once faults stop it is live again within bounded time, and what was lost until then is told."""
        if not self._is_set_up():
            return
        self.latency, self.fate, self.rest_works, self.consumes, self.bans_next = 0.02, "open", True, True, False
        self._run(BACK_WITHIN)
        self._emit(self.now)
        self._run(30.0)
        assert self.stream.is_live, self.stream.state
        assert [self._number(item) for item in self.taken if isinstance(item, UserEvent)][-1] == len(self.emitted) - 1
        self.nothing_is_lost_silently()
        self.stop()


class SubscriptionMachine(StreamMachine):
    """Each socket has a subscription of its own, which may die by itself, and is asked about on that socket."""

    subscribes = True
    answers = True

    def _gets_events(self, socket: Socket) -> bool:
        return socket.has_subscription

    def _ask(self, stream_socket: StreamSocket | None) -> None:
        if stream_socket is not None:
            questions = self.sockets[stream_socket].questions
            before = questions[-1][0] if questions else -inf
            questions.append((max(before, self.now + self.latency), self.now))
        elif not self.known_dead:
            self.rest_sent_at = self.now
            self._hold()
            self._follow()

    def _receive_at_exchange(self, socket: Socket) -> None:
        super()._receive_at_exchange(socket)
        while socket.questions and self.now >= socket.questions[0][0]:
            _, asked_at = socket.questions.popleft()
            if self.answers and not socket.is_dead:
                self._answer_on(socket, asked_at)

    def _answer_on(self, socket: Socket, asked_at: float) -> None:
        if socket.has_subscription:
            socket.put(("confirmed", asked_at), self.now, self.latency)
        else:
            self._end(socket)

    def _end(self, socket: Socket) -> None:
        socket.put(("end", None), self.now, self.latency)
        socket.is_dead = True

    @precondition(lambda self: self.sockets)
    @rule(which=st.integers(0, 1), told=st.booleans())
    def subscription_dies(self, which: int, told: bool) -> None:
        socket = self._socket(which)
        if socket.is_at_exchange and not socket.is_dead:
            socket.has_subscription = False
            socket.deaf_since = min(socket.deaf_since, self.now)
            if told:
                self._end(socket)

    @rule(answers=st.booleans())
    def questions_go_otherwise(self, answers: bool) -> None:
        self.answers = answers

    def teardown(self) -> None:
        self.answers = True
        super().teardown()


STREAM_VALUES: Values = {
    "on_full": one_of(*LIMITS),
    "seed": lambda random: random.randrange(1000),
    "seconds": one_of(0.01, 0.1, 0.5, 1.0, 2.5, 6.0, 15.0, 30.0, 60.0, 70.0),
    "events": one_of(1, 2, 3, 4, 5),
    "pause": one_of(0.0, 0.01, 0.3),
    "latency": one_of(0.0, 0.02, 0.3, 2.0, 4.0),
    "skew": one_of(0.0, 0.01, 0.3, TIMING.feed_lag),
    "begins_late": one_of(0.0, 0.01, 0.3, TIMING.feed_lag),
    "fate": one_of("open", "open", "open", "hang", "refuse", "ban"),
    "some": one_of(0, 1, 2, 3, 4),
    "which": one_of(0, 1),
    "times": one_of(1, 50),
    "named": one_of("own", "none", "odd"),
    "raw": one_of(b"", b"\xff", b"serverShutdown listenKeyExpired", b"[1]"),
    "hours": one_of(0.1, 2.0, 30.0),
    **dict.fromkeys(
        (
            "enveloped",
            "gateways_differ",
            "works",
            "consumes",
            "arrives",
            "loses",
            "told",
            "names_key",
            "old_works",
            "lost_first",
            "answers",
        ),
        one_of(False, True),
    ),
}
NEED_A_SOCKET = {
    "socket_ends",
    "socket_dies_silently",
    "shutdown_is_announced",
    "expiry_is_announced",
    "nonsense_comes",
    "subscription_dies",
}
RULES = [
    *["time_passes"] * 4,  # what is due by time alone needs some
    *["expiry_is_announced"] * 2,
    "events_happen",
    "the_way_becomes_another",
    "next_gateway_lags",
    "handshakes_go_otherwise",
    "requests_go_otherwise",
    "consumer_changes_its_mind",
    "key_dies",
    "answers_name_the_key_or_not",
    "host_wants_silence",
    "key_is_replaced",
    "key_is_presumed_dead",
    "a_loss_is_told_again",
    *["keepalive_is_due"] * 2,
    "clock_leaps",
    *sorted(NEED_A_SOCKET - {"subscription_dies"}),
]
INVARIANTS = [
    "nothing_is_lost_silently",
    "it_begins_with_a_gap",
    "live_is_sound",
    "memory_is_bounded",
    "state_says_what_there_is",
]


class _Noting:
    """Notes in which joint states the stream is, each time that its driver looks."""

    joint: set[tuple[SocketState, TrustState]]
    stream: Stream

    def _follow(self) -> None:
        self.joint.add((self.stream.state, self.stream.trust.state))
        super()._follow()  # type: ignore[misc]
        self.joint.add((self.stream.state, self.stream.trust.state))


class NotedStream(_Noting, StreamMachine):
    """A stream with a listen key."""


class NotedSubscriptions(_Noting, SubscriptionMachine):
    """A stream whose sockets have subscriptions of their own."""


def _fits(machine: StreamMachine, rule: str) -> bool:
    if rule == "a_loss_is_told_again":
        return machine.known_dead
    return bool(machine.sockets) or rule not in NEED_A_SOCKET


def walks_of(machine: type[StreamMachine], rules: Sequence[str], walks: int) -> set[tuple[SocketState, TrustState]]:
    """Walk so many times: half of them until the stream has recovered, and half are stopped where they are."""
    joint = set[tuple[SocketState, TrustState]]()
    walk = Walk(rules, INVARIANTS, STREAM_VALUES, _fits)
    for seed in range(walks):
        walked = machine()
        walked.joint = joint  # type: ignore[attr-defined]
        walk(walked, seed, "open", 60, recovers=seed % 2 == 0)
    return joint


def test_the_tables_are_the_whole_truth() -> None:
    """What long walks come to is what the tables allow: every way is gone, every pair of states reached, no other."""
    allowed = {(sockets, trust) for sockets, trusts in STREAM_JOINT_STATES.items() for trust in trusts}
    with noting(SOCKET_TRANSITIONS) as gone, noting(TRUST_TRANSITIONS) as gone_in_trust:
        joint = walks_of(NotedStream, RULES, 300)
        joint |= walks_of(NotedSubscriptions, [*RULES, "subscription_dies", "questions_go_otherwise"], 300)
    assert {(sockets, trust) for sockets, trust in joint if sockets is not SocketState.CLOSED} == allowed
    assert gone == ways_of(SOCKET_TRANSITIONS)
    assert gone_in_trust == ways_of(TRUST_TRANSITIONS)


StreamMachine.TestCase.settings = settings(max_examples=300, stateful_step_count=50, deadline=None)
SubscriptionMachine.TestCase.settings = StreamMachine.TestCase.settings
TestStream = pytest.mark.no_cover(StreamMachine.TestCase)
TestSubscriptions = pytest.mark.no_cover(SubscriptionMachine.TestCase)
