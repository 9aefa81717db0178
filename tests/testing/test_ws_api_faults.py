"""What goes wrong on the WebSocket API."""

from __future__ import annotations

from typing import Any

import pytest
import trio
from asking import API_KEY
from test_ws_api import TERMINATED, UNIX, URL, call, error, good, signed, subscribed
from trio.testing import MockClock
from websocket_peer import closed, joined, open_exchange, shake
from wsproto.events import Ping

from trio_listenkey import UsageError
from trio_listenkey.testing import (
    SPOT,
    CloseSocket,
    Delay,
    Drop,
    Duplicate,
    Effect,
    Fault,
    Freeze,
    Garbage,
    HalfOpen,
    Hang,
    KillKey,
    Redirect,
    Reset,
    Status,
    WrongShape,
    api_error,
    bad_gateway_html,
    banned,
    event_number,
)
from trio_listenkey.testing._control._log_reader import log_line
from trio_listenkey.testing.control import fault_from_json

BANNED = {
    "status": 418,
    "error": {
        "code": -1003,
        "msg": f"Way too much request weight used; IP banned until {UNIX + 90_000}. "
        "Please use WebSocket Streams for live updates to avoid bans.",
        "data": {"serverTime": UNIX, "retryAfter": UNIX + 90_000},
    },
}
SUBSCRIBE = "userDataStream.subscribe.signature"
UNKNOWN = error(502, -1000, "An unknown error occurred while processing the request.")


def failing(effect: Effect, **when: Any) -> Fault:
    return Fault(verb="api", effect=effect, **when)


@pytest.mark.parametrize(
    ("effect", "answer", "is_done"),
    [
        (api_error(400, -1021, "too late"), error(400, -1021, "too late"), False),
        (api_error(503, -1008, "busy", after_work=True), error(503, -1008, "busy"), True),
        (bad_gateway_html(), UNKNOWN, False),
        (Status(502, b"[" * 30_000), UNKNOWN, False),
        (banned(90, header=True), BANNED, False),
    ],
)
async def test_errors(effect: Effect, answer: Any, is_done: bool, autojump_clock: MockClock) -> None:
    """What would be an answer over HTTP is an error on the socket, with the work done or not."""
    exchange = open_exchange(faults=[failing(effect, nth=1)])
    async with joined(exchange, URL) as peer:
        assert await call(peer, SUBSCRIBE, signed()) == answer
        (info,) = exchange.sockets(trio.current_time())
        assert info.live_keys == is_done
    assert (exchange.log[1].status, exchange.log[1].effect) == (answer["status"], effect)


@pytest.mark.parametrize(
    ("effect", "is_done"), [(Hang(), False), (Hang(after_work=True), True), (Drop(), True)], ids=repr
)
async def test_no_answer(effect: Effect, is_done: bool, autojump_clock: MockClock) -> None:
    """The request is lost, or its answer; the next is served."""
    exchange = open_exchange(faults=[failing(effect, nth=1)])
    async with joined(exchange, URL) as peer:
        await peer.say({"id": 1, "method": SUBSCRIBE, "params": signed()})
        assert await peer.next(patience=10) == "silence"
        assert await call(peer, "session.subscriptions") == good([{"subscriptionId": 0}] if is_done else [])
    assert exchange.log[1].status == 504


async def test_an_answer_may_come_late_or_twice_or_be_nonsense(autojump_clock: MockClock) -> None:
    """The work is done on arrival: events may overtake the answer."""
    effects: list[Effect] = [Delay(7), Delay(3, Status(500)), Duplicate(2), WrongShape(b'{"a":1}')]
    exchange = open_exchange(faults=[failing(effect, nth=n) for n, effect in enumerate(effects, 1)])
    async with joined(exchange, URL) as peer:
        await peer.say({"id": 1, "method": SUBSCRIBE, "params": signed()})
        await trio.sleep(1)
        exchange.emit("alice", trio.current_time(), dialect=SPOT)
        assert event_number((await peer.next())["event"]) == 1
        assert await peer.next(patience=7) == {"id": 1, **good({"subscriptionId": 0})}
        assert trio.current_time() == 7
        assert (await call(peer, "ping"))["status"] == 500
        assert trio.current_time() == 10
        assert await call(peer, "ping") == good({})
        assert [await peer.next() for _ in range(2)] == [{"id": 1, **good({})}] * 2
        await peer.say({"id": 1, "method": "ping"})
        assert await peer.next() == {"a": 1}


@pytest.mark.parametrize("after_work", [True, False])
async def test_a_reset_in_place_of_an_answer(after_work: bool, autojump_clock: MockClock) -> None:
    """With the work done or not."""
    exchange = open_exchange(faults=[failing(Reset(after_work=after_work), account="alice")])
    async with joined(exchange, URL) as peer:
        assert await call(peer, "ping") == good({})
        await peer.say({"id": 1, "method": SUBSCRIBE, "params": signed()})
        assert await peer.next() == "reset"


async def test_what_happens_to_the_socket(autojump_clock: MockClock) -> None:
    """It is closed at once or later, goes deaf, freezes, has bytes that are no frame; or its subscription dies."""
    ends: list[tuple[Effect, Any]] = [(CloseSocket(1012), None), (HalfOpen(), "silence")]
    for effect, comes in ends:
        async with joined(open_exchange(faults=[failing(effect)]), URL) as peer:
            await peer.say({"id": 1, "method": "ping"})
            got = await peer.next()
            assert got == comes if comes else closed(got)[0] == 1012
            if comes:
                await peer.say({"id": 2, "method": "ping"})
                assert await peer.next() == "silence"
    async with joined(open_exchange(faults=[failing(Delay(4, CloseSocket(1012)), nth=1)]), URL) as peer:
        assert await call(peer, "ping") == good({})
        assert closed(await peer.next())[0] == 1012
    async with joined(open_exchange(faults=[failing(Freeze(3), nth=1)]), URL) as peer:
        began = trio.current_time()
        assert await call(peer, "ping") == good({})
        assert trio.current_time() - began == 3
    async with joined(open_exchange(faults=[failing(Garbage(b"\xff\xff"), nth=1)]), URL) as peer:
        await peer.say({"id": 1, "method": "ping"})
        assert closed(await peer.next())[0] == 1002


@pytest.mark.parametrize("announced", [True, False])
async def test_a_subscription_may_die_just_before_a_request(announced: bool, autojump_clock: MockClock) -> None:
    """Told or not, and then it is not listed any more."""
    exchange = open_exchange(faults=[failing(KillKey(announced=announced), nth=2)])
    async with subscribed(exchange) as peer:
        await peer.say({"id": 1, "method": "session.subscriptions"})
        if announced:
            assert await peer.next() == {"subscriptionId": 0, "event": TERMINATED}
        assert await peer.next() == {"id": 1, **good([])}


async def test_sockets_and_events_are_struck_as_elsewhere(autojump_clock: MockClock) -> None:
    """Faults of sockets, once they have an account; of each event; of handshakes; and strikes from outside."""
    faults = [
        Fault(verb="connect", effect=Status(503), nth=1),
        Fault(verb="socket", effect=Delay(50, CloseSocket(1012)), account="alice"),
        Fault(verb="event", effect=Drop(), nth=2),
        Fault(verb="event", effect=Duplicate(), nth=3),
        Fault(verb="event", effect=KillKey(announced=True), nth=4),
    ]
    exchange = open_exchange(faults=faults)
    assert (await shake(exchange, URL)).status == 503
    async with subscribed(exchange) as peer:
        exchange.emit("alice", trio.current_time(), count=4)
        got = [await peer.next() for _ in range(4)]
        assert [event_number(each["event"]) for each in got[:3]] == [1, 3, 3]
        assert got[3] == {"subscriptionId": 0, "event": TERMINATED}
        assert isinstance(await peer.next(patience=21), Ping)
        assert isinstance(await peer.next(patience=21), Ping)
        assert closed(await peer.next(patience=21))[0] == 1012
    async with subscribed(exchange) as peer:
        assert exchange.strike_sockets(HalfOpen(), trio.current_time(), account="alice") == 1
        (info,) = exchange.sockets(trio.current_time())
        assert info.half_open
        exchange.emit("alice", trio.current_time(), dialect=SPOT)
        assert await peer.next() == "silence"


async def test_a_frozen_exchange_holds_an_expiry_back(autojump_clock: MockClock) -> None:
    """An event of a subscription that is dead by then does not come."""
    exchange = open_exchange()
    async with subscribed(exchange) as peer:
        exchange.freeze(10, trio.current_time())
        exchange.kill_key("alice", trio.current_time(), announced=True)
        exchange.emit("alice", trio.current_time(), dialect=SPOT)
        assert await peer.next(patience=11) == {"subscriptionId": 0, "event": TERMINATED}
        assert trio.current_time() == 10


async def test_the_log_has_requests(autojump_clock: MockClock) -> None:
    """With account, method and status, and no secret, not even in place of a method."""
    exchange = open_exchange(faults=[fault_from_json("api#2=service_unavailable")])
    async with subscribed(exchange) as peer:
        await call(peer, "ping")
        await call(peer, API_KEY)
    told = [(each.verb, each.method, each.account, each.status) for each in exchange.log]
    assert told == [
        ("connect", "GET", None, 101),
        ("api", SUBSCRIBE, "alice", 200),
        ("api", "ping", "alice", 503),
        ("api", "", "alice", 400),
    ]
    assert [log_line(each).split()[3:] for each in exchange.log[1:]] == [
        [SUBSCRIBE],
        ["ping", "struck", "by", "Status(code=503)"],
        [],
    ]


def test_what_cannot_be_done_to_a_request() -> None:
    """There are no redirects on a socket."""
    with pytest.raises(UsageError, match="cannot be done"):
        failing(Redirect("https://elsewhere.test"))
