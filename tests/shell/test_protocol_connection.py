"""How a protocol starts on a connection that does as it likes."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

import pytest
import trio
from trio.testing import MockClock

from trio_listenkey import UnavailableError
from trio_listenkey._protocol._socket_protocol import ChannelProtocol
from trio_listenkey._shell._clock import SteadyClock
from trio_listenkey._shell._protocol_connection import OpenProtocolConnection, ProtocolConnection
from trio_listenkey._venue._parts import Heartbeat, StreamShape
from trio_listenkey.connectors import SocketError

ASKED = StreamShape(subscribe=("one", "two"), subscribe_every=1.0, refused=(("error", "*"),))
REFUSAL = b'{"error":"too many"}'


class Peer:
    """A connection on which messages come at their times, and pings are answered after a while."""

    def __init__(self, *script: tuple[float, bytes | Exception], pong_after: float = 0.1) -> None:
        self.said: list[tuple[float, str]] = []
        self.pinged_at: list[float] = []
        self._script = list(script)
        self._pong_after = pong_after

    async def receive(self) -> Sequence[bytes]:
        at = self._script[0][0] if self._script else inf
        await trio.sleep_until(at)
        message = self._script.pop(0)[1]
        if isinstance(message, Exception):
            raise message
        return [message]

    async def send(self, message: str) -> None:
        await trio.lowlevel.checkpoint()
        self.said.append((trio.current_time(), message))

    async def ping(self) -> None:
        self.pinged_at.append(trio.current_time())
        await trio.sleep(self._pong_after)
        if self._pong_after == 0:
            raise SocketError("it was over already")


async def begin(peer: Peer, shape: StreamShape = ASKED) -> ProtocolConnection:
    wrapped = ProtocolConnection(peer, ChannelProtocol(shape), SteadyClock())
    await wrapped.begin()
    return wrapped


async def test_it_has_begun_when_the_ping_after_the_last_message_is_answered(autojump_clock: MockClock) -> None:
    """There is one ping, and what came until then is kept, in order."""
    peer = Peer((0.5, b"first"), (1.05, b"second"), (5, b"third"))
    wrapped = await begin(peer)
    assert trio.current_time() == pytest.approx(1.1)
    assert peer.said == [(0, "one"), (1, "two")]
    assert peer.pinged_at == [1]
    assert await wrapped.receive() == [b"first", b"second"]
    assert await wrapped.receive() == [b"third"]


async def test_pings_in_words_are_answered_meanwhile(autojump_clock: MockClock) -> None:
    """An exchange may want to know whether its peer is alive before it sends anything."""
    shape = StreamShape(
        heartbeat=Heartbeat(kind="text", heard="ping", answer="pong", say="hello", say_every=0.7),
        subscribe=ASKED.subscribe,
        subscribe_every=1.0,
    )
    peer = Peer((0.5, b"ping"), (1.2, b"ping"), pong_after=1.0)
    await begin(peer, shape)
    assert [text for _, text in peer.said] == ["one", "pong", "hello", "two", "pong", "hello"]


async def test_a_connection_that_ends_says_so_itself(autojump_clock: MockClock) -> None:
    """What it raises comes as it is, in no group, although somebody waits for a pong beside it."""
    error = SocketError("gone")
    with pytest.raises(SocketError) as caught:
        await begin(Peer((1.05, error)))
    assert caught.value is error


async def test_a_ping_that_fails_is_left_to_the_listener(autojump_clock: MockClock) -> None:
    """It knows more of it."""
    error = SocketError("gone")
    with pytest.raises(SocketError) as caught:
        await begin(Peer((2, error), pong_after=0))
    assert caught.value is error


class InOneBreath(Peer):
    """A connection on which a pong comes together with a message from before it, which the listener is given."""

    def __init__(self, message: bytes) -> None:
        super().__init__()
        self._message = message
        self._give, self._take = trio.open_memory_channel[bytes](0)

    async def receive(self) -> Sequence[bytes]:
        return [await self._take.receive()]

    async def ping(self) -> None:
        await trio.sleep(0.1)
        self._give.send_nowait(self._message)


@pytest.mark.parametrize("at", [0.5, 1.05])
async def test_a_refusal_ends_it(at: float, autojump_clock: MockClock) -> None:
    """Whether more is to be said, or only a pong is still to come."""
    with pytest.raises(UnavailableError, match="too many"):
        await begin(Peer((at, REFUSAL)))
    assert trio.current_time() == at


async def test_a_refusal_counts_more_than_the_pong_after_it(autojump_clock: MockClock) -> None:
    """Even where the pong is heard of first."""
    with pytest.raises(UnavailableError, match="too many"):
        await begin(InOneBreath(REFUSAL))


async def test_an_event_just_before_the_pong(autojump_clock: MockClock) -> None:
    """It is kept like those from before."""
    wrapped = await begin(InOneBreath(b"event"))
    assert await wrapped.receive() == [b"event"]


async def test_no_pong_at_all(autojump_clock: MockClock) -> None:
    """It is waited for for five seconds."""
    with pytest.raises(UnavailableError, match="has not answered a ping"):
        await begin(Peer(pong_after=inf))
    assert trio.current_time() == pytest.approx(6)


async def test_it_can_be_cancelled(autojump_clock: MockClock) -> None:
    """At any time, and what waits for a pong goes with it."""
    for at in (0.0, 0.5, 1.05):
        with trio.move_on_after(at) as scope:
            await begin(Peer())
        assert scope.cancelled_caught


class OpenPeer(Peer):
    """A connection that anybody may read from."""

    interrupted = 0

    async def receive_only(self) -> Sequence[bytes]:
        return await self.receive()

    def interrupt(self) -> None:
        self.interrupted += 1


async def test_whoever_reads_gets_events_and_no_talk(autojump_clock: MockClock) -> None:
    """What is no event, or ends the protocol, or is there already, is left to ``receive``."""
    peer = OpenPeer((0.5, b"first"), (1.05, b"second"), (5, b"third"), (6, b"ping"), (7, b"fourth"), (8, REFUSAL))
    shape = StreamShape(
        heartbeat=Heartbeat(kind="text", heard="ping", answer="pong"),
        subscribe=ASKED.subscribe,
        subscribe_every=ASKED.subscribe_every,
        refused=ASKED.refused,
    )
    wrapped = OpenProtocolConnection(peer, ChannelProtocol(shape), SteadyClock())
    await wrapped.begin()
    assert list(await wrapped.receive_only()) == []  # what came before it had begun
    assert await wrapped.receive() == [b"first", b"second"]
    assert [list(await wrapped.receive_only()) for _ in range(5)] == [[b"third"], [], [b"fourth"], [], []]
    with pytest.raises(UnavailableError, match="too many"):
        await wrapped.receive()
    wrapped.interrupt()
    assert peer.interrupted == 1
