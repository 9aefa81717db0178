"""Keys, pings, limits and ends of a socket, in memory under virtual time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import trio
from asking import API_KEY, ask, told
from trio.testing import MockClock
from websocket_peer import Peer, closed, in_memory, joined, new_key, open_exchange, shake
from wsproto.events import BytesMessage, CloseConnection, Message, Ping, Pong, TextMessage
from wsproto.frame_protocol import CloseReason

from trio_listenkey import UsageError
from trio_listenkey.testing import (
    COINM,
    SPOT_CLASSIC,
    SPOT_US,
    USDM,
    CloseSocket,
    Delay,
    Dialect,
    Effect,
    Exchange,
    Fault,
    KillKey,
    Reset,
    Session,
    StreamRules,
    event_number,
)

URL = {SPOT_CLASSIC: "/ws/{}", SPOT_US: "/ws/{}", COINM: "/ws/{}", USDM: "/private/ws/{}"}
EXPIRED_AT = 1_793_491_200_000 + 3_600_000


async def skip_pings(peer: Peer, *, patience: float = 5.0) -> Any:
    """The next thing that is no ping."""
    deadline = trio.current_time() + patience
    while isinstance(got := await peer.next(patience=deadline - trio.current_time()), Ping):
        pass
    return got


def with_rules(dialect: Dialect, **rules: Any) -> Dialect:
    return replace(dialect, stream=replace(dialect.stream, **rules))


class TestExpiry:
    """What a socket is told when its key dies, and that it stays open."""

    @pytest.mark.parametrize(
        ("dialect", "rules", "fields"),
        [
            (USDM, {}, {"E": EXPIRED_AT, "listenKey": ...}),
            (COINM, {}, {"E": EXPIRED_AT, "listenKey": ...}),
            (SPOT_CLASSIC, {}, {"E": EXPIRED_AT, "listenKey": ...}),
            (SPOT_US, {}, None),
            (USDM, {"expiry_names_key": False}, {"E": EXPIRED_AT}),
            (USDM, {"expiry_time_as_text": True}, {"E": str(EXPIRED_AT), "listenKey": ...}),
            (USDM, {"announces_expiry": False}, None),
        ],
    )
    async def test_in_each_shape(
        self, dialect: Dialect, rules: dict[str, Any], fields: dict[str, Any] | None, autojump_clock: MockClock
    ) -> None:
        """The event, or none, comes at the second; then pings, and nothing else."""
        dialect_here = with_rules(dialect, **rules)
        exchange = open_exchange(dialects=[dialect_here])
        key = new_key(exchange, dialect_here, 0)
        async with joined(exchange, URL[dialect].format(key)) as peer:
            assert await skip_pings(peer, patience=3599.9) == "silence"
            got = await skip_pings(peer, patience=0.2)
            if fields is None:
                assert got == "silence"
            else:
                expected = {"e": "listenKeyExpired", **fields}
                assert got == {name: key if value is ... else value for name, value in expected.items()}
            exchange.emit("alice", trio.current_time())
            assert await skip_pings(peer, patience=1000) == "silence"
            (info,) = exchange.sockets(trio.current_time())
            assert (info.state, info.live_keys, info.accounts, info.events) == ("open", 0, ("alice",), 0)

    async def test_a_renewed_key_expires_later(self, autojump_clock: MockClock) -> None:
        """A socket wakes up at the old time, and says nothing before the new one."""
        exchange = open_exchange(dialects=[USDM])
        key = new_key(exchange, USDM, 0)
        async with joined(exchange, f"/private/stream?listenKey={key}") as peer:
            assert await skip_pings(peer, patience=3000) == "silence"
            exchange.handle(ask("PUT"), trio.current_time())
            assert await skip_pings(peer, patience=3599) == "silence"
            got = await skip_pings(peer, patience=1.5)
            assert got == {
                "stream": key,
                "data": {"e": "listenKeyExpired", "E": EXPIRED_AT + 3_000_000, "listenKey": key},
            }

    @pytest.mark.parametrize(
        ("events", "passes", "comes"),
        [
            ("", False, True),
            ("&events=A", False, False),
            ("&events=A", True, True),
            ("&events=listenKeyExpired", False, True),
        ],
    )
    async def test_a_filter_may_hide_it(
        self, events: str, passes: bool, comes: bool, autojump_clock: MockClock
    ) -> None:
        """events= holds for listenKeyExpired, too, unless the dialect says otherwise."""
        dialect = with_rules(USDM, expiry_passes_filter=passes)
        exchange = open_exchange(dialects=[dialect])
        key = new_key(exchange, dialect, 0)
        async with joined(exchange, f"/private/ws?listenKey={key}{events}") as peer:
            got = await skip_pings(peer, patience=3601)
            assert (got != "silence") == comes

    async def test_unrouted_it_does_not_come(self, autojump_clock: MockClock) -> None:
        """What delivers nothing does not deliver this."""
        exchange = open_exchange(dialects=[USDM])
        key = new_key(exchange, USDM, 0)
        async with joined(exchange, f"/ws/{key}") as peer:
            assert await skip_pings(peer, patience=3700) == "silence"

    @pytest.mark.parametrize("how", ["kill", "announce", "replace", "close", "strike", "dead before"])
    async def test_other_deaths(self, how: str, autojump_clock: MockClock) -> None:
        """A key that was closed, replaced or killed is not announced, unless it is killed so."""
        exchange = open_exchange(dialects=[USDM])
        key = new_key(exchange, USDM, 0)
        if how == "dead before":
            exchange.kill_key("alice", 0)
        async with joined(exchange, f"/private/ws/{key}") as peer:
            now = trio.current_time()
            if how in {"kill", "announce"}:
                exchange.kill_key("alice", now, announced=how == "announce")
            elif how == "replace":
                new_key(exchange, USDM, now)
            elif how == "close":
                exchange.handle(ask("DELETE"), now)
            elif how == "strike":
                assert exchange.strike_sockets(KillKey(announced=True), now) == 1
                assert exchange.strike_sockets(KillKey(announced=True), now, account="bob") == 0
            got = await skip_pings(peer, patience=5000)
            assert (got != "silence") == (how in {"announce", "strike"})
            exchange.emit("alice", trio.current_time())
            assert await skip_pings(peer) == "silence"


class TestEvents:
    """What account events are like, and who gets them."""

    @pytest.mark.parametrize(
        ("dialect", "kinds"),
        [
            (USDM, ["ORDER_TRADE_UPDATE", "ACCOUNT_UPDATE"]),
            (COINM, ["ORDER_TRADE_UPDATE", "ACCOUNT_UPDATE"]),
            (SPOT_CLASSIC, ["executionReport", "outboundAccountPosition", "balanceUpdate"]),
            (SPOT_US, ["executionReport", "outboundAccountPosition", "balanceUpdate"]),
        ],
    )
    async def test_each_kind_has_its_number(
        self, dialect: Dialect, kinds: list[str], autojump_clock: MockClock
    ) -> None:
        """The exchange's JSON, with its time, and the number in a documented field."""
        exchange = open_exchange(dialects=[dialect])
        key = new_key(exchange, dialect, 0)
        async with joined(exchange, URL[dialect].format(key)) as peer:
            await trio.sleep(1.5)
            for number, kind in enumerate(kinds, 1):
                assert exchange.emit("alice", trio.current_time(), kind=kind) == (number,)
                event = await peer.next()
                assert (event["e"], event["E"], event_number(event)) == (kind, 1_793_491_201_500, number)
                assert dialect is not COINM or event["i"] == "SfsR"
        assert exchange.emitted("alice") == exchange.emitted("alice", dialect=dialect) == len(kinds)

    async def test_fields_may_be_given(self, autojump_clock: MockClock) -> None:
        """They take the place of the event's own; and a kind without a shape here is made of them."""
        exchange = open_exchange(dialects=[COINM])
        key = new_key(exchange, COINM, 0)
        async with joined(exchange, f"/ws/{key}") as peer:
            exchange.emit("alice", 0, data={"T": 5})
            assert (await peer.next())["T"] == 5
            exchange.emit("alice", 0, kind="MARGIN_CALL", data={"cw": "3"})
            assert await peer.next() == {"e": "MARGIN_CALL", "E": 1_793_491_200_000, "cw": "3"}
            with pytest.raises(UsageError, match="MARGIN_CALL"):
                exchange.emit("alice", 0, kind="MARGIN_CALL")

    async def test_everybody_with_a_live_key_gets_them(self, autojump_clock: MockClock) -> None:
        """Two sockets on one key get each the same; another account's, another dialect's and a dead key's none."""
        exchange = open_exchange()
        exchange.add_account("bobs", name="bob")
        dead = new_key(exchange, USDM, 0)
        key = new_key(exchange, USDM, 0)
        others = [f"/ws/{new_key(exchange, COINM, 0)}", f"/private/ws/{exchange.replace_key('bob', 0, dialect=USDM)}"]
        async with (
            joined(exchange, f"/private/ws/{key}") as one,
            joined(exchange, f"/private/ws/{key}") as two,
            joined(exchange, f"/private/ws/{dead}") as three,
            joined(exchange, others[0]) as four,
            joined(exchange, others[1]) as five,
        ):
            assert exchange.emit("alice", 0, count=3, dialect=USDM) == (1, 2, 3)
            got = [await peer.numbers() for peer in (one, two, three, four, five)]
        assert got == [[1, 2, 3], [1, 2, 3], [], [], []]
        assert exchange.emitted("bob") == 0

    async def test_at_a_rate(self, autojump_clock: MockClock) -> None:
        """So many a second, evenly, also while nobody hears them; a new rate takes the old one's place."""
        exchange = open_exchange(dialects=[COINM])
        key = new_key(exchange, COINM, 0)
        exchange.emit_rate("alice", 2, trio.current_time(), kind="ACCOUNT_UPDATE")
        await trio.sleep(10.1)
        async with joined(exchange, f"/ws/{key}") as peer:
            assert exchange.emitted("alice") == 20
            assert await peer.numbers(patience=3) == [21, 22, 23, 24, 25, 26]
            exchange.emit_rate("alice", 100, trio.current_time())
            assert await peer.numbers(patience=0.105) == list(range(27, 37))
            exchange.emit_rate("alice", 0, trio.current_time())
            assert await peer.next() == "silence"
        for wrong in (-1, float("inf"), float("nan")):
            with pytest.raises(UsageError, match="rate"):
                exchange.emit_rate("alice", wrong, trio.current_time())

    def test_a_year_that_nobody_hears_passes_at_once(self) -> None:
        """Events without an audience are counted, and not made."""
        exchange = open_exchange()
        exchange.emit_rate("alice", 1000, 0)
        exchange.freeze(1, 365 * 86_400)
        assert exchange.emitted("alice") == 1000 * 365 * 86_400

    async def test_the_number_of_something_else(self) -> None:
        """Other events have no number."""
        with pytest.raises(KeyError):
            event_number({"e": "MARGIN_CALL"})


class TestHeartbeat:
    """The exchange's pings, and what becomes of who does not answer."""

    @pytest.mark.parametrize(
        ("dialect", "every", "within"), [(SPOT_CLASSIC, 20, 60), (USDM, 180, 600), (SPOT_US, 180, 600)]
    )
    async def test_a_ping_comes_in_time(
        self, dialect: Dialect, every: int, within: int, autojump_clock: MockClock
    ) -> None:
        """Each has another payload; who never answers is closed, at the deadline of the first."""
        exchange = open_exchange(dialects=[dialect])
        async with joined(exchange, URL[dialect].format("bogus"), answers_pings=False) as peer:
            pings = []
            while isinstance(got := await peer.next(patience=1000), Ping):
                pings.append((trio.current_time(), bytes(got.payload)))
            assert [at for at, _ in pings] == list(range(every, every + within, every))
            assert len({payload for _, payload in pings}) == len(pings)
            assert closed(got) == (1008, "Pong timeout")
            assert trio.current_time() == every + within

    async def test_only_a_pong_with_the_payload_counts(self, autojump_clock: MockClock) -> None:
        """One that nobody asked for does not keep the connection alive; one for the latest answers all before it."""
        exchange = open_exchange(dialects=[SPOT_CLASSIC])
        async with joined(exchange, "/ws/bogus", answers_pings=False) as peer:
            first = await peer.next(patience=21)
            second = await peer.next(patience=21)
            assert first != second
            await peer.send(second.response())
            third = await peer.next(patience=21)
            await peer.send(Pong(b"something else"))
            await trio.sleep(59)
            assert third.payload
            fourth, fifth, last = [await peer.next(patience=2) for _ in range(3)]
            assert isinstance(fourth, Ping)
            assert isinstance(fifth, Ping)
            assert closed(last) == (1008, "Pong timeout")

    async def test_clients_may_ping_too(self, autojump_clock: MockClock) -> None:
        """They get a pong with their payload."""
        async with joined(open_exchange(), "/ws/bogus") as peer:
            await peer.send(Ping(b"hello"))
            assert await peer.next() == Pong(b"hello")

    async def test_a_day_is_the_limit(self, autojump_clock: MockClock) -> None:
        """After 24 hours of good pongs the exchange goes away."""
        async with joined(open_exchange(), "/private/ws/bogus") as peer:
            got = await skip_pings(peer, patience=90_000)
            assert closed(got)[0] == 1001
            assert trio.current_time() == 86_400

    async def test_too_many_messages(self, autojump_clock: MockClock) -> None:
        """Pings, pongs and commands count together; one too many in a second ends the connection."""
        async with joined(open_exchange(dialects=[SPOT_CLASSIC]), "/ws/bogus") as peer:
            for _ in range(2):
                await trio.sleep(1)
                for _ in range(5):
                    await peer.send(Pong(b""))
            assert await peer.next(patience=0.5) == "silence"
            await trio.sleep(1)
            for _ in range(10):
                await peer.send(Ping(b""))
            got = [await peer.next() for _ in range(6)]
            assert closed(got[-1]) == (1008, "Too many messages")

    async def test_limits_may_be_off(self, autojump_clock: MockClock) -> None:
        """Without a limit there is none."""
        free = with_rules(COINM, messages_per_second=None)
        async with joined(open_exchange(dialects=[free]), "/ws/bogus") as peer:
            for _ in range(1000):
                await peer.send(Ping(b"x"))
            assert [await peer.next() for _ in range(1000)] == [Pong(b"x")] * 1000

    @pytest.mark.parametrize(
        "rules", [{"ping_every": 0}, {"lifetime": -1}, {"messages_per_second": -1}, {"max_streams": 0}]
    )
    def test_rules_make_sense(self, rules: dict[str, Any]) -> None:
        """What is not positive is refused."""
        with pytest.raises(UsageError, match="rules"):
            StreamRules(**rules)


class TestEnds:
    """How connections end, and what the exchange remembers."""

    async def test_a_client_may_close(self, autojump_clock: MockClock) -> None:
        """It gets a close frame with its code, then the end, and the exchange forgets it."""
        exchange = open_exchange(dialects=[COINM])
        key = new_key(exchange, COINM, 0)
        async with joined(exchange, f"/ws/{key}") as peer:
            assert len(exchange.sockets(0)) == 1
            await peer.send(CloseConnection(3000, "bye"))
            assert closed(await peer.next()) == (3000, "bye")
            assert await peer.next() == "end"
            await trio.testing.wait_all_tasks_blocked()
            assert exchange.sockets(0) == ()
            exchange.emit("alice", 0)

    async def test_a_close_without_code(self, autojump_clock: MockClock) -> None:
        """Is answered by one without code."""
        async with joined(open_exchange(), "/ws/x") as peer:
            await peer.send(CloseConnection(CloseReason.NO_STATUS_RCVD))
            assert closed(await peer.next())[0] == 1005

    async def test_a_client_may_just_leave(self, autojump_clock: MockClock) -> None:
        """An end without a close frame ends it, too."""
        exchange = open_exchange()
        await shake(exchange, "/ws/x")
        await trio.testing.wait_all_tasks_blocked()
        assert exchange.sockets(0) == ()

    async def test_a_client_that_does_not_answer_a_close(self, autojump_clock: MockClock) -> None:
        """Is waited for, and then left."""
        exchange = open_exchange(dialects=[COINM])
        async with joined(exchange, "/ws/x") as peer:
            exchange.shut_down_sockets(0)
            assert closed(await peer.next())[0] == 1001
            began = trio.current_time()
            assert await peer.next() == "end"
            assert trio.current_time() - began == 1

    async def test_a_client_that_answers_a_close(self, autojump_clock: MockClock) -> None:
        """Is let go at once."""
        exchange = open_exchange(dialects=[COINM])
        async with joined(exchange, "/ws/x") as peer:
            exchange.shut_down_sockets(0)
            event = await peer.next()
            await peer.send(event.response())
            assert await peer.next() == "end"
            assert trio.current_time() == 0

    @pytest.mark.parametrize(
        ("message", "code"), [(BytesMessage(b"x"), 1003), (TextMessage("x" * 70_000), 1009)], ids=["bytes", "long"]
    )
    async def test_messages_of_the_wrong_sort(
        self, message: Message[Any], code: int, autojump_clock: MockClock
    ) -> None:
        """Binary and overlong ones end the connection."""
        async with joined(open_exchange(), "/ws/x") as peer:
            await peer.send(message)
            assert closed(await peer.next())[0] == code

    async def test_a_message_may_come_in_pieces(self, autojump_clock: MockClock) -> None:
        """It is read when it is whole."""
        async with joined(open_exchange(), "/ws/x") as peer:
            for piece in ('{"method":"LIST_', 'SUBSCRIPTIONS",', '"id":7}'):
                await peer.send(TextMessage(piece, message_finished=piece.endswith("}")))
            assert await peer.next() == {"result": ["x"], "id": 7}

    async def test_frames_that_are_none(self, autojump_clock: MockClock) -> None:
        """A protocol error gets a close frame with its code."""
        async with joined(open_exchange(), "/ws/x") as peer:
            await peer.stream.send_all(b"\xff" * 100)
            assert closed(await peer.next())[0] == 1002

    @pytest.mark.parametrize(("dialect", "told"), [(SPOT_CLASSIC, True), (USDM, False)])
    @pytest.mark.parametrize("combined", [False, True])
    async def test_a_shutdown(self, dialect: Dialect, told: bool, combined: bool, autojump_clock: MockClock) -> None:
        """serverShutdown where the exchange has it, then the end, when it was said."""
        exchange = open_exchange(dialects=[dialect])
        route = "/private" if dialect is USDM else ""
        target = f"{route}/stream?streams=x" if combined else f"{route}/ws/x"
        async with joined(exchange, target) as peer:
            exchange.shut_down_sockets(trio.current_time(), after=600)
            if told:
                event = {"e": "serverShutdown", "E": 1_793_491_200_000}
                assert await peer.next() == ({"stream": "!serverShutdown", "data": event} if combined else event)
            assert closed(await skip_pings(peer, patience=700))[0] == 1001
            assert trio.current_time() == 600

    async def test_the_log_has_handshakes(self, autojump_clock: MockClock) -> None:
        """With account and status, and without a key; a repr has none either."""
        exchange = open_exchange(connect_limit=3)
        key = told(exchange.handle(ask(), 0))["listenKey"]
        for target in (f"/private/ws/{key}", f"/private/stream?listenKey={key}", f"/pm/ws/{key}", "/ws/x"):
            await shake(exchange, target)
        told_of = [(entry.verb, entry.path, entry.account, entry.status) for entry in exchange.log[1:]]
        assert told_of == [
            ("connect", "/private/ws/***", "alice", 101),
            ("connect", "/private/stream", "alice", 101),
            ("connect", "/pm/ws/***", None, 404),
            ("connect", "/ws/***", None, 429),
        ]
        session = Exchange().connect(f"/ws/{key}", 0)
        assert isinstance(session, Session)
        for thing in (exchange.log, exchange.sockets(0), session, exchange):
            assert key not in repr(thing)

    async def test_handshakes_in_five_minutes_are_limited(self, autojump_clock: MockClock) -> None:
        """The next window lets others in; the limit is a plain attribute."""
        exchange = open_exchange(connect_limit=1)
        assert [(await shake(exchange, "/ws/x")).status for _ in range(2)] == [101, 429]
        await trio.sleep(300)
        assert (await shake(exchange, "/ws/x")).status == 101
        assert exchange.connect_limit == 1
        exchange.connect_limit = None
        assert (await shake(exchange, "/ws/x")).status == 101


class TestInMemory:
    """The stream itself."""

    @pytest.mark.parametrize(
        "request_bytes",
        [
            b"GET /ws/x HTTP/1.1\r\nHost: x\r\n\r\n",
            b"POST /ws/x HTTP/1.1\r\nHost: x\r\n\r\n",
            b"\x16\x03\x01 \r\n\r\n",
            b"GET /ws/x HTTP/1.1\r\nHost: \xff..x\r\n\r\n",
            b"x" * 100_000,
        ],
    )
    async def test_what_is_no_handshake(self, request_bytes: bytes, autojump_clock: MockClock) -> None:
        """Gets HTTP 400, and the end."""
        async with in_memory(open_exchange()) as stream:
            await stream.send_all(request_bytes)
            data = b"".join([bytes(piece) async for piece in stream])
        assert data.startswith((b"HTTP/1.1 400", b"HTTP/1.1 426"))

    async def test_another_version_is_told(self, autojump_clock: MockClock) -> None:
        """A client of another version of the protocol gets HTTP 426."""
        head = b"GET /ws/x HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        head += b"Sec-WebSocket-Version: 8\r\n\r\n"
        async with in_memory(open_exchange()) as stream:
            await stream.send_all(head)
            assert b"".join([bytes(piece) async for piece in stream]).startswith(b"HTTP/1.1 426")

    async def test_it_may_be_left_before_anything_was_said(self, autojump_clock: MockClock) -> None:
        """Nothing happens."""
        exchange = open_exchange()
        for data in (b"", b"GET /ws"):
            async with in_memory(exchange) as stream:
                await stream.wait_send_all_might_not_block()
                await stream.send_all(data)
            await trio.testing.wait_all_tasks_blocked()
        async with in_memory(exchange) as stream:
            assert isinstance(stream, trio.abc.HalfCloseableStream)
            await stream.send_eof()
            assert await stream.receive_some() == b""
        assert exchange.log == ()

    async def test_two_clocks_are_a_mistake_that_is_told(self, autojump_clock: MockClock) -> None:
        """An exchange that was told a later time than trio's cannot go back; who connects learns of it."""
        exchange = open_exchange()
        exchange.freeze(1, 1e6)
        async with in_memory(exchange) as stream:
            peer = Peer(stream)
            with pytest.raises(UsageError, match="backwards"):
                await peer.shake_hands("/ws/x")


def test_an_account_that_is_none() -> None:
    """Events of nobody are a mistake."""
    exchange = Exchange()
    exchange.add_account(API_KEY, name="alice")
    with pytest.raises(UsageError, match="bob"):
        exchange.emit("bob", 0)


@pytest.mark.parametrize("end", [CloseSocket(1001), Reset()])
def test_nothing_follows_the_end(end: Effect) -> None:
    """An event that is late is not sent after the connection has ended, however late the front end itself looks."""
    exchange = open_exchange(dialects=[COINM], faults=[Fault(verb="event", effect=Delay(2.0))])
    session = exchange.connect(URL[COINM].format(new_key(exchange, COINM, 0)), 0)
    assert isinstance(session, Session)
    exchange.emit("alice", 1)
    exchange.strike_sockets(end, 2)
    assert [type(frame).__name__ for frame in session.due(5)] == ["Goodbye" if end != Reset() else "Reset"]
    assert session.due(6) == []
