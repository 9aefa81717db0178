"""What a stream stands on, and what is said on its sockets, where nothing else comes near."""

from __future__ import annotations

import json
import time

import pytest
import trio
from trio.testing import MockClock

from trio_listenkey import Credentials, Timing, UsageError, open_listen_key, open_user_stream, venues
from trio_listenkey._core._buffer import Room
from trio_listenkey._core._connect_limiter import ConnectLimiter
from trio_listenkey._core._stream import Stream
from trio_listenkey._protocol._socket_protocol import ChannelProtocol, Moment
from trio_listenkey._protocol._ws_api import WsApiProtocol, subscribe_by_token
from trio_listenkey._shell._clock import SteadyClock
from trio_listenkey._shell._protocol_connection import ProtocolConnection
from trio_listenkey._shell._stream_access import KeyAccess, SignedAccess
from trio_listenkey._venue._parts import Heartbeat, StreamShape
from trio_listenkey.testing import (
    MARGIN,
    SPOT,
    Exchange,
    Fault,
    MemoryConnector,
    MemoryTransport,
    service_unavailable,
)

ALICE = Credentials("the-api-key-of-alice", "the-secret-of-alice")


def an_exchange() -> Exchange:
    exchange = Exchange(seed=1, dialects=[SPOT, MARGIN], epoch=time.time() - trio.current_time())
    exchange.add_account(ALICE.api_key, name="alice", secret=ALICE.api_secret)
    return exchange


async def test_a_token_that_is_lost_is_not_taken_for_alive(autojump_clock: MockClock) -> None:
    """A stream that comes to it meanwhile, or asks about it, opens no socket with it."""
    exchange = an_exchange()
    timing = Timing(validity=60, keepalive_every=30, jitter=0)
    async with open_listen_key(venues.BINANCE_MARGIN, ALICE, transport=MemoryTransport(exchange), timing=timing) as key:
        exchange.add_faults(Fault(verb="create", effect=service_unavailable()))
        await trio.sleep(70)
        machine = Stream(
            "somewhere", timing, ConnectLimiter(), room=Room(1, 1000, "wait"), now=trio.current_time(), draw=lambda: 0.0
        )
        access = KeyAccess(key)
        access.attach(machine, trio.current_time, lambda: None)
        access.ask(None)
        machine.tick(trio.current_time())
        assert machine.actions() == []


async def test_a_protocol_leaves_the_rest_as_it_is(autojump_clock: MockClock) -> None:
    """Over it one can send and ping as over any connection."""
    exchange = an_exchange()
    access = SignedAccess(venues.BINANCE_SPOT, ALICE, "binance-spot")
    machine = Stream("somewhere", Timing(), ConnectLimiter(), room=Room(1, 1000, "wait"), now=0.0, draw=lambda: 0.0)
    access.attach(machine, trio.current_time, lambda: None)
    async with MemoryConnector(exchange).connect(access.url) as connection:
        wrapped = ProtocolConnection(connection, access.make_protocol(lambda _: None), SteadyClock())
        await wrapped.begin()
        wrapped.wake()  # nobody is speaking, so there is nobody to wake
        await wrapped.send(json.dumps({"id": "mine", "method": "session.status"}))
        exchange.emit("alice", trio.current_time(), dialect=SPOT)
        (event,) = await wrapped.receive()
        assert b"executionReport" in event
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wrapped.receive)
            await wrapped.ping()
            nursery.cancel_scope.cancel()
    assert "session.status" in [entry.method for entry in exchange.log]


async def test_what_was_to_be_said_before_anybody_spoke_is_said(autojump_clock: MockClock) -> None:
    """A question that comes before the speaker is there waits for nothing."""
    exchange = an_exchange()
    access = SignedAccess(venues.BINANCE_SPOT, ALICE, "binance-spot")
    machine = Stream("somewhere", Timing(), ConnectLimiter(), room=Room(1, 1000, "wait"), now=0.0, draw=lambda: 0.0)
    access.attach(machine, trio.current_time, lambda: None)
    async with MemoryConnector(exchange).connect(access.url) as connection:
        wrapped = ProtocolConnection(connection, access.make_protocol(lambda _: None), SteadyClock())
        await wrapped.begin()
        access.ask(wrapped.protocol)
        wrapped.wake()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wrapped.send_when_due)
            await trio.sleep(1)
            nursery.cancel_scope.cancel()
    assert "session.subscriptions" in [entry.method for entry in exchange.log]


class Script:
    """A connection on which this is heard, and nothing after it; what is said is never taken."""

    def __init__(self, *batches: list[bytes]) -> None:
        self._batches = list(batches)

    async def receive(self) -> list[bytes]:
        await trio.lowlevel.checkpoint()
        return self._batches.pop(0) if self._batches else await trio.sleep_forever()

    async def send(self, _message: str) -> None:
        await trio.sleep_forever()

    async def ping(self) -> None:
        await trio.sleep_forever()


async def test_events_do_not_wait_for_what_is_to_be_said(autojump_clock: MockClock) -> None:
    """Meanwhile a pong would be taken for a sign that they were passed on, and one that is left would lose them."""
    shape = StreamShape(heartbeat=Heartbeat(kind="text", heard="ping", answer="pong"))
    wrapped = ProtocolConnection(Script([b"ping", b"an event"]), ChannelProtocol(shape), SteadyClock())
    with trio.fail_after(1):
        assert await wrapped.receive() == [b"an event"]
    assert wrapped.protocol.messages_to_send(Moment(0.0, 0)) == ["pong"]


async def test_an_answer_counts_after_the_events_before_it(autojump_clock: MockClock) -> None:
    """That a subscription was alive is said when what came before was taken: then a socket may be left for it."""
    confirmed: list[float] = []
    session = WsApiProtocol("somewhere", subscribe_by_token("a-token"), confirmed.append)
    session.start(Moment(0.0, 0))
    session.receive_messages([b'{"id":"subscribe","status":200,"result":{"subscriptionId":0}}'], Moment(0.0, 0))
    session.ask(0.0)
    event = b'{"subscriptionId":0,"event":{"e":"x"}}'
    answer = b'{"id":"ask-1","status":200,"result":[{"subscriptionId":0}]}'
    wrapped = ProtocolConnection(Script([event, answer]), session, SteadyClock())
    with trio.fail_after(1):
        assert await wrapped.receive() == [event]
    assert confirmed == []
    with trio.move_on_after(1):
        await wrapped.receive()
    assert confirmed == [0]


def test_who_cannot_sign_is_told_at_the_call() -> None:
    """Where an exchange signs with secrets, a missing one is no secret to the caller."""
    with pytest.raises(UsageError, match="secret is missing"):
        open_user_stream(venues.MEXC, Credentials("key"))
