"""The dead-man switch at an exchange that keeps orders and countdowns: it cancels when nobody hears, and only then."""

from __future__ import annotations

import hashlib
import hmac
import logging
import random
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import pytest
import trio
from stream_watch import our_tasks
from trio.testing import MockClock

from trio_listenkey import (
    Credentials,
    CredentialsError,
    DeadManSwitch,
    Gap,
    ListenKeyError,
    RateLimitedError,
    RefusedError,
    Timing,
    UnavailableError,
    UsageError,
    UserStream,
    Venue,
    dead_man_switch,
    open_user_stream,
    venues,
)
from trio_listenkey.testing import (
    COINM,
    SPOT,
    USDM,
    CloseSocket,
    Delay,
    Dialect,
    Effect,
    Exchange,
    Fault,
    Garbage,
    HalfOpen,
    Hang,
    MemoryConnector,
    MemoryTransport,
    Reset,
    Truncate,
    api_error,
    bad_gateway_html,
    rate_limited,
    serve_exchange,
    service_unavailable,
)
from trio_listenkey.transports import Request, Response

ALICE = Credentials("the-api-key-of-alice", "the-secret-of-alice")
PROMPT = Timing(jitter=0)
COUNTDOWN = 120.0
NOTICED = 2 * PROMPT.ping_every + 1
"""Seconds until a stream knows that its peer is gone."""
HOUR, DAY = 3600, 86_400


def an_exchange(dialect: Dialect = USDM, **options: Any) -> Exchange:
    exchange = Exchange(seed=1, dialects=[dialect], **{"epoch": time.time() - trio.current_time(), **options})
    exchange.add_account(ALICE.api_key, name="alice", secret=ALICE.api_secret)
    return exchange


@dataclass
class Desk:
    """A program with an order in the market, and what it hears."""

    exchange: Exchange
    stream: UserStream
    switch: DeadManSwitch
    symbol: str = "BTCUSDT"
    catches_up: bool = True
    gaps: list[Gap] = field(default_factory=list)

    def place(self) -> None:
        self.exchange.book.place("alice", self.symbol, "BUY", 1, trio.current_time(), price=100)

    @property
    def orders(self) -> int:
        """How many are open."""
        self.exchange.book.set_price(self.symbol, 1000, trio.current_time())  # lets its time pass
        return len(self.exchange.book.orders("alice", open_only=True))

    @property
    def state(self) -> str:
        return self.switch.statistics().state

    async def listen(self) -> None:
        async for item in self.stream:
            if isinstance(item, Gap):
                self.gaps.append(item)
                if self.catches_up:
                    self.catch_up()

    def catch_up(self) -> None:
        self.switch.resynchronised(self.gaps[-1])


@asynccontextmanager
async def at_the_desk(
    exchange: Exchange,
    *,
    venue: Venue = venues.BINANCE_USDM,
    symbol: str = "BTCUSDT",
    countdown: float = COUNTDOWN,
    timing: Timing = PROMPT,
    **options: Any,
) -> AsyncIterator[Desk]:
    """A stream, a switch and an order; the order is minded for a while before anything happens."""
    async with (
        open_user_stream(
            venue, ALICE, transport=MemoryTransport(exchange), connector=MemoryConnector(exchange), timing=timing
        ) as stream,
        trio.open_nursery() as nursery,
        dead_man_switch(stream, [symbol], countdown, **options) as switch,
    ):
        desk = Desk(exchange, stream, switch, symbol)
        nursery.start_soon(desk.listen)
        desk.place()
        await trio.sleep(45)  # nothing is on its way then
        assert desk.state == "holding"
        yield desk
        nursery.cancel_scope.cancel()


def counted(exchange: Exchange) -> list[float]:
    """When countdowns were begun or ended."""
    return [entry.when for entry in exchange.log if "countdown" in entry.path and entry.status == 200]


# --- While all is well


@pytest.mark.parametrize(
    ("venue", "dialect", "symbol"),
    [(venues.BINANCE_USDM, USDM, "BTCUSDT"), (venues.BINANCE_COINM, COINM, "BTCUSD_PERP")],
    ids=lambda each: getattr(each, "name", None),
)
async def test_orders_are_left_alone_while_the_stream_is_live(
    venue: Venue, dialect: Dialect, symbol: str, autojump_clock: MockClock
) -> None:
    """Though the stream moves to another socket; leaving in order ends the countdown."""
    exchange = an_exchange(dialect)
    timing = Timing(jitter=0, socket_lifetime=7200)
    async with at_the_desk(exchange, venue=venue, symbol=symbol, timing=timing) as desk:
        await trio.sleep(3 * HOUR)
        assert desk.stream.statistics().moves == 1
        assert desk.orders == 1
        statistics = desk.switch.statistics()
        assert (statistics.state, statistics.failures, statistics.expirations) == ("holding", 0, 0)
        assert statistics.renewals == pytest.approx(3 * HOUR / 30, rel=0.02)
        assert trio.current_time() < statistics.armed_until <= statistics.cancelled_by
        (running,) = exchange.book.countdowns()
        assert statistics.armed_until <= running.ends_at <= statistics.cancelled_by
        assert repr(desk.switch) == f"<DeadManSwitch of {venue.name}, holding, 1 symbols>"
    assert exchange.book.countdowns() == ()
    assert desk.switch.statistics().state == "closed"
    assert desk.orders == 1
    assert our_tasks() == []


async def test_each_symbol_has_its_own(autojump_clock: MockClock) -> None:
    """And one request at a time begins them; a symbol that is named twice is one."""
    exchange = an_exchange()
    async with (
        open_user_stream(
            venues.BINANCE_USDM, ALICE, transport=MemoryTransport(exchange), connector=MemoryConnector(exchange)
        ) as stream,
        dead_man_switch(stream, ["BTCUSDT", "ETHUSDT", "BTCUSDT"], renew_every=50) as switch,
    ):
        assert switch.symbols == ("BTCUSDT", "ETHUSDT")
        assert switch.stream is stream
        assert {each.symbol for each in exchange.book.countdowns()} == {"BTCUSDT", "ETHUSDT"}
        gap = await stream.receive()
        assert isinstance(gap, Gap)
        switch.resynchronised(gap)
        await trio.sleep(1000)
        assert switch.statistics().renewals == pytest.approx(2 * 1000 / 47.5, abs=4)


async def test_a_quiet_account_is_not_a_deaf_one(autojump_clock: MockClock) -> None:
    """An answer that takes three seconds makes the stream doubt, and nothing was missed: it goes on by itself."""
    exchange = an_exchange()
    async with at_the_desk(exchange) as desk:
        exchange.add_faults(Fault(verb="keepalive", effect=Delay(3)))
        seen = set()
        for _ in range(2000):
            await trio.sleep(0.5)
            seen.add(desk.state)
        assert seen == {"holding", "deaf"}
        assert len(desk.gaps) == 1
        assert desk.orders == 1


# --- When nobody hears


async def cancelled_by(desk: Desk, within: float) -> float:
    """When the order was cancelled; it has to be in that time."""
    with trio.fail_after(within):
        while desk.orders:
            await trio.sleep(1)
    return trio.current_time()


async def test_half_open(autojump_clock: MockClock) -> None:
    """The peer is gone, and nobody can be reached: the exchange cancels within the countdown after that is noticed."""
    exchange = an_exchange()
    async with at_the_desk(exchange) as desk:
        exchange.add_faults(Fault(verb="connect", effect=Hang()))
        exchange.strike_sockets(HalfOpen(), trio.current_time())
        await cancelled_by(desk, NOTICED + COUNTDOWN)
        assert desk.state == "expired"
        assert desk.switch.statistics().expirations == 1


async def test_a_key_that_died_silently(autojump_clock: MockClock) -> None:
    """Requests about the key fail from then on; so nobody can say whether it lives."""
    exchange = an_exchange()
    async with at_the_desk(exchange) as desk:
        exchange.kill_key("alice", trio.current_time())
        exchange.add_faults(Fault(verb="any", effect=service_unavailable()))
        await cancelled_by(desk, PROMPT.silence_check_every + 2 + COUNTDOWN)


async def test_a_ban(autojump_clock: MockClock) -> None:
    """Nothing may be sent, not even this; nothing is. Afterwards it holds again."""
    exchange = an_exchange()
    async with at_the_desk(exchange, renew_every=40) as desk:
        exchange.ban(rate_limited(1000), trio.current_time())
        await cancelled_by(desk, COUNTDOWN + 1)
        await trio.sleep(10)
        assert desk.state == "expired"
        await trio.sleep(1100)
        assert desk.state == "holding"
    assert exchange.requests_during_bans == 1  # the first, before anyone knew


async def test_a_machine_that_slept(autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ran out meanwhile; on waking nothing is renewed before the stream has proven that it is live."""
    slept, unix_time = [0.0], time.time
    monkeypatch.setattr(time, "time", lambda: unix_time() + slept[0])
    exchange = an_exchange()
    async with at_the_desk(exchange) as desk:
        exchange.add_faults(Fault(verb="any", effect=Hang()), Fault(verb="connect", effect=Hang()))
        before = len(counted(exchange))
        exchange.strike_sockets(HalfOpen(), trio.current_time())
        slept[0] += 3600
        await trio.sleep(PROMPT.suspend_check_every + 1)
        assert desk.state == "expired"
        await trio.sleep(COUNTDOWN)  # the exchange's clock is the virtual one
        assert desk.orders == 0
        assert len(counted(exchange)) == before


async def test_a_program_that_is_cancelled(autojump_clock: MockClock) -> None:
    """As one that crashes, or is killed: nothing is sent, and the exchange cancels."""
    exchange = an_exchange()
    with trio.move_on_after(100):
        async with at_the_desk(exchange) as desk:
            await trio.sleep_forever()
    assert trio.current_time() <= 101
    assert desk.switch.statistics().state == "closed"
    assert desk.orders == 1
    await cancelled_by(desk, COUNTDOWN)


PROGRAM = """
import sys, trio
from trio_listenkey import Credentials, dead_man_switch, open_user_stream, venues

async def main():
    venue = venues.BINANCE_USDM.at(*sys.argv[1:3])
    async with open_user_stream(venue, Credentials(*sys.argv[3:])) as stream:
        async with dead_man_switch(stream, ["BTCUSDT"], 3.0) as switch:
            switch.resynchronised(await stream.receive())
            print("holding", flush=True)
            await trio.sleep_forever()

trio.run(main)
"""


async def test_a_process_that_is_killed() -> None:
    """It cannot say anything any more: the exchange cancels within the countdown, over real sockets."""
    exchange = Exchange(seed=1, dialects=[USDM])
    exchange.add_account(ALICE.api_key, name="alice", secret=ALICE.api_secret)
    async with serve_exchange(exchange) as served, trio.open_nursery() as nursery:
        command = [sys.executable, "-c", PROGRAM, served.rest_url, served.stream_url, ALICE.api_key]
        process = await nursery.start(
            partial(trio.run_process, [*command, str(ALICE.api_secret)], stdout=subprocess.PIPE, check=False)
        )
        with trio.fail_after(30):
            assert await process.stdout.receive_some() in {b"holding", b"holding\n"}
        exchange.book.place("alice", "BTCUSDT", "BUY", 1, served.now(), price=100)
        process.kill()
        killed_at = trio.current_time()
        with trio.fail_after(30):
            while exchange.book.orders("alice", open_only=True):
                await trio.sleep(0.05)
                exchange.book.set_price("BTCUSDT", 1000, served.now())  # lets its time pass
        assert trio.current_time() - killed_at <= 3.0 + 2.0  # what a busy machine may take


async def test_it_goes_on_after_the_program_has_caught_up(autojump_clock: MockClock) -> None:
    """A reset, and it is live a second later; but nobody knows what happened in between."""
    exchange = an_exchange()
    async with at_the_desk(exchange) as desk:
        desk.catches_up = False
        exchange.strike_sockets(Reset(), trio.current_time())
        await trio.sleep(35)
        assert desk.stream.statistics().is_live
        assert desk.state == "behind"
        renewed = len(counted(exchange))
        await trio.sleep(50)
        assert len(counted(exchange)) == renewed
        desk.switch.resynchronised(desk.gaps[0])  # the wrong one
        assert desk.state == "behind"
        desk.catch_up()
        assert desk.state == "holding"
        await trio.sleep(1)
        assert len(counted(exchange)) == renewed + 1
        assert desk.orders == 1


async def test_a_gap_that_was_not_taken_yet(autojump_clock: MockClock) -> None:
    """Who has made up for the one before is not up to date."""
    exchange = an_exchange()
    async with (
        open_user_stream(
            venues.BINANCE_USDM,
            ALICE,
            transport=MemoryTransport(exchange),
            connector=MemoryConnector(exchange),
            timing=PROMPT,
        ) as stream,
        dead_man_switch(stream, ["BTCUSDT"]) as switch,
    ):
        (first,) = await stream.receive_batch()
        assert isinstance(first, Gap)
        exchange.emit("alice", trio.current_time())
        exchange.strike_sockets(Reset(), trio.current_time())
        await trio.sleep(10)
        switch.resynchronised(first)
        assert switch.statistics().state == "behind"
        event, second = await stream.receive_batch()
        switch.resynchronised(first)
        assert switch.statistics().state == "behind"
        assert isinstance(second, Gap)
        switch.resynchronised(second)
        assert switch.statistics().state == "holding"
        with pytest.raises(UsageError, match="gap is of type"):
            switch.resynchronised(event)  # type: ignore[arg-type]


async def test_while_the_block_cleans_up_the_orders_are_minded(autojump_clock: MockClock) -> None:
    """For as long as it takes, however it was cancelled."""
    exchange = an_exchange()
    with trio.move_on_after(100):
        async with at_the_desk(exchange) as desk:
            try:
                await trio.sleep_forever()
            finally:
                with trio.CancelScope(shield=True):
                    await trio.sleep(500)
                    assert desk.orders == 1


@pytest.mark.parametrize("renew_every", [30, 40])  # which wait for longer than that, and for less
async def test_a_budget_that_is_spent(renew_every: float, autojump_clock: MockClock) -> None:
    """Renewals wait for their place in it, and what waits is not sent when the stream has gone deaf meanwhile."""
    exchange = an_exchange()
    venue = replace(venues.BINANCE_USDM, weight_budget=20)
    async with at_the_desk(exchange, venue=venue, renew_every=renew_every) as desk:
        await trio.sleep(1000)
        assert desk.orders == 1
        times = counted(exchange)
        assert max(sum(at <= other < at + 60 for other in times) for at in times) <= 2
        assert len(times) < 1000 / renew_every  # some were late
        while desk.switch._block._machine.due_at > trio.current_time():  # until one waits
            await trio.sleep(0.5)
        exchange.add_faults(Fault(verb="connect", effect=Hang()))
        exchange.strike_sockets(Reset(), trio.current_time())
        renewed = len(counted(exchange))
        await cancelled_by(desk, COUNTDOWN)
        assert len(counted(exchange)) == renewed


# --- Faults without deafness


REQUESTS: list[Effect] = [
    Delay(3),
    Garbage(),
    Hang(),
    Hang(after_work=True),
    Reset(),
    Reset(after_work=True),
    Truncate(30),
    bad_gateway_html(),
    service_unavailable(),
    rate_limited(30),
]
SOCKETS: list[Effect] = [CloseSocket(1001), Garbage(), HalfOpen(), Reset()]


@pytest.mark.no_cover
async def test_thirty_days_with_one_percent_of_every_fault(autojump_clock: MockClock) -> None:
    """Without real deafness no order is cancelled, and no request breaks a ban or the budget."""
    random.seed(1)
    timing = Timing(suspend_check_every=3600, ping_every=1200, silence_check_every=2400)
    exchange = an_exchange()
    async with at_the_desk(exchange, countdown=6 * HOUR, timing=timing) as desk:
        for effect in REQUESTS:
            exchange.add_faults(Fault(verb="any", effect=effect, probability=0.01))
            exchange.add_faults(Fault(verb="order", effect=effect, probability=0.01))
        for effect in SOCKETS:
            exchange.add_faults(Fault(verb="event", effect=effect, probability=0.01))
        exchange.emit_rate("alice", 1 / 1200, trio.current_time())
        await trio.sleep(30 * DAY)
        statistics = desk.switch.statistics()
        assert desk.orders == 1
        assert statistics.expirations == 0
        assert statistics.renewals > 30 * DAY / (6 * HOUR) * 4 * 0.9
        # It was no walk in the park:
        assert statistics.failures > 20
        assert len(desk.gaps) > 30
    assert exchange.requests_during_bans == 0


# --- Entering


async def open_switch(exchange: Exchange, symbols: Any = ("BTCUSDT",), **options: Any) -> None:
    """Enter a block, which is expected to fail."""
    async with (
        open_user_stream(
            venues.BINANCE_USDM,
            options.pop("credentials", ALICE),
            transport=MemoryTransport(exchange),
            connector=MemoryConnector(exchange),
            timing=PROMPT,
            name="alice",
        ) as stream,
        dead_man_switch(stream, symbols, **options),
    ):
        raise AssertionError("the block was entered")


async def test_an_unknown_symbol(autojump_clock: MockClock) -> None:
    """It says which one; those that were begun before are ended, for nobody relies on them."""
    exchange = an_exchange()
    with pytest.raises(RefusedError, match=r"^alice \(binance-usdm\) countdown: .* the symbol 'BTCUSD'") as caught:
        await open_switch(exchange, ["BTCUSDT", "BTCUSD"])
    assert (caught.value.code, caught.value.status, caught.value.verb) == (-1121, 400, "countdown")
    assert exchange.book.countdowns() == ()
    assert our_tasks() == []


async def test_a_missing_permission(autojump_clock: MockClock) -> None:
    """As for every API key that is not accepted."""
    exchange = an_exchange(faults=[Fault(verb="order", effect=api_error(401, -2015, "Invalid API-key, IP, or perms."))])
    with pytest.raises(CredentialsError, match="permissions") as caught:
        await open_switch(exchange)
    assert caught.value.name == "alice"
    for secret in (ALICE.api_key, ALICE.api_secret):
        assert str(secret) not in str(caught.value)


async def test_an_exchange_that_does_not_answer(autojump_clock: MockClock) -> None:
    """For as long as opening may take."""
    exchange = an_exchange(faults=[Fault(verb="order", effect=service_unavailable())])
    with pytest.raises(UnavailableError):
        await open_switch(exchange)
    assert trio.current_time() <= PROMPT.open_timeout + PROMPT.close_timeout + 1


async def test_a_ban_on_entering(autojump_clock: MockClock) -> None:
    """It takes longer than opening may."""
    exchange = an_exchange(faults=[Fault(verb="order", effect=rate_limited(300))])
    with pytest.raises(RateLimitedError) as caught:
        await open_switch(exchange)
    assert caught.value.retry_after > 200
    assert trio.current_time() < 2


async def test_a_clock_that_is_wrong_is_corrected(autojump_clock: MockClock) -> None:
    """By what the exchange says."""
    exchange = an_exchange(epoch=time.time() - trio.current_time() + 600)
    async with at_the_desk(exchange) as desk:
        assert desk.switch.statistics().failures == 1


async def test_cancelled_on_entering(autojump_clock: MockClock) -> None:
    """What was begun until then is ended, and leaving is bounded."""
    exchange = an_exchange(faults=[Fault(verb="order", effect=Hang(), nth=2, count=1)])
    with trio.move_on_after(5):
        await open_switch(exchange, ["BTCUSDT", "ETHUSDT"])
    assert exchange.book.countdowns() == ()
    assert trio.current_time() < 5 + PROMPT.close_timeout + 1
    assert our_tasks() == []


async def test_a_block_is_entered_once(autojump_clock: MockClock) -> None:
    """Another needs another call."""
    exchange = an_exchange()
    async with open_user_stream(
        venues.BINANCE_USDM, ALICE, transport=MemoryTransport(exchange), connector=MemoryConnector(exchange)
    ) as stream:
        block = dead_man_switch(stream, ["BTCUSDT"])
        async with block:
            pass
        with pytest.raises(UsageError, match="entered before"):
            await block.__aenter__()
        with trio.CancelScope() as scope:
            scope.cancel()
            await dead_man_switch(stream, ["BTCUSDT"]).__aenter__()
        assert scope.cancelled_caught


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"symbols": "BTCUSDT"}, "no list of symbols"),
        ({"symbols": 5}, "no list of symbols"),
        ({"symbols": []}, "symbols is empty"),
        ({"symbols": [5]}, "a symbol is of type int"),
        ({"symbols": ["BTC USDT"]}, "a symbol is empty, too long"),
        ({"symbols": [""]}, "a symbol is empty, too long"),
        ({"symbols": [f"COIN{number}" for number in range(100)]}, "a weight of 2000 a minute.* is 1200"),
        ({"countdown": 0.5}, "countdown is 0.5"),
        ({"countdown": 90_000}, "countdown is of type int, or out of bounds"),
        ({"countdown": float("nan")}, "countdown is nan"),
        ({"countdown": True}, "countdown is of type bool"),
        ({"countdown": "120"}, "countdown is of type str"),
        ({"renew_every": 61}, "renew_every is"),
        ({"renew_every": 0.0}, "renew_every is 0"),
        ({"on_exit": "cancel"}, "on_exit is 'cancel'"),
    ],
)
async def test_wrong_arguments_are_told_at_the_call(
    arguments: dict[str, Any], told: str, autojump_clock: MockClock
) -> None:
    """Before anything is sent."""
    exchange = an_exchange()
    with pytest.raises(UsageError, match=told):
        await open_switch(exchange, **arguments)
    assert counted(exchange) == []


async def test_what_cannot_work_is_told_at_the_call(autojump_clock: MockClock) -> None:
    """Without a secret, without a countdown, and without a stream."""
    exchange = an_exchange()
    with pytest.raises(UsageError, match="API secret is missing"):
        await open_switch(exchange, credentials=Credentials(ALICE.api_key))
    with pytest.raises(UsageError, match="stream is of type"):
        dead_man_switch(exchange, ["BTCUSDT"])  # type: ignore[arg-type]
    spot = an_exchange(SPOT)
    async with open_user_stream(venues.BINANCE_SPOT, ALICE, connector=MemoryConnector(spot)) as stream:
        with pytest.raises(UsageError, match="no countdown that cancels orders"):
            dead_man_switch(stream, ["BTCUSDT"])


# --- Leaving


class BodyError(Exception):
    """What a block raises."""


async def test_what_the_block_raises_leaves_unchanged(autojump_clock: MockClock) -> None:
    """And the countdown is left to run."""
    exchange, error = an_exchange(), BodyError()
    async with open_user_stream(
        venues.BINANCE_USDM, ALICE, transport=MemoryTransport(exchange), connector=MemoryConnector(exchange)
    ) as stream:
        with pytest.raises(BodyError) as caught:
            async with dead_man_switch(stream, ["BTCUSDT"]):
                raise error
    assert caught.value is error
    assert error.__context__ is None
    assert len(exchange.book.countdowns()) == 1


async def test_left_to_run_on_purpose(autojump_clock: MockClock) -> None:
    """``on_exit="run"`` sends nothing on the way out."""
    exchange = an_exchange()
    async with at_the_desk(exchange, on_exit="run"):
        pass
    assert len(exchange.book.countdowns()) == 1


async def test_left_in_order_while_deaf(autojump_clock: MockClock, caplog: pytest.LogCaptureFixture) -> None:
    """Nobody knows what becomes of the orders: it runs out."""
    caplog.set_level(logging.DEBUG, "trio_listenkey")
    exchange = an_exchange()
    async with at_the_desk(exchange) as desk:
        desk.catches_up = False
        exchange.strike_sockets(Reset(), trio.current_time())
        await trio.sleep(35)
    assert len(exchange.book.countdowns()) == 1
    lines = [record.getMessage() for record in caplog.records if "dead-man" in record.getMessage()]
    assert lines[0] == "binance-usdm: dead-man switch: BTCUSDT: renewed"
    assert lines[1] == "binance-usdm: dead-man switch: 120 s for BTCUSDT"
    assert any("the program has not re-synchronised; orders are cancelled in" in line for line in lines)
    assert lines[-1].startswith("binance-usdm: dead-man switch: left to run; orders are cancelled in ")


async def test_leaving_is_bounded(autojump_clock: MockClock) -> None:
    """The exchange does not answer: the countdown runs out, and that is told."""
    exchange = an_exchange()
    async with at_the_desk(exchange) as desk:
        exchange.add_faults(Fault(verb="order", effect=Hang()))
        left_at = trio.current_time()
    assert trio.current_time() - left_at <= PROMPT.close_timeout + 1
    assert len(exchange.book.countdowns()) == 1
    assert desk.switch.statistics().armed_until > left_at


async def test_a_renewal_in_flight_is_waited_for(autojump_clock: MockClock) -> None:
    """It may arrive after what ends the countdown, and then would begin it again."""
    exchange = an_exchange()
    async with at_the_desk(exchange, renew_every=10) as desk:
        exchange.add_faults(Fault(verb="order", effect=Delay(2), count=1))
        renewals = desk.switch.statistics().renewals
        await trio.sleep(10)
        left_at = trio.current_time()
    assert trio.current_time() - left_at < 3
    assert desk.switch.statistics().renewals == renewals + 1
    assert exchange.book.countdowns() == ()


async def test_refused_later(autojump_clock: MockClock) -> None:
    """It cannot hold any more, and the program must not go on as if it did: the block is cancelled."""
    exchange = an_exchange()
    with pytest.raises(CredentialsError) as caught:
        async with (
            open_user_stream(
                venues.BINANCE_USDM,
                ALICE,
                transport=MemoryTransport(exchange),
                connector=MemoryConnector(exchange),
                timing=PROMPT,
            ) as stream,
            dead_man_switch(stream, ["BTCUSDT"]) as switch,
        ):
            gap = await stream.receive()
            assert isinstance(gap, Gap)
            switch.resynchronised(gap)
            exchange.add_faults(Fault(verb="order", effect=api_error(401, -2015, "Invalid API-key, IP, or perms.")))
            await trio.sleep_forever()
    assert trio.current_time() == pytest.approx(30, abs=1)
    assert caught.value.__context__ is None
    assert len(exchange.book.countdowns()) == 1


async def test_a_byte_order_mark_is_no_part_of_an_answer(autojump_clock: MockClock) -> None:
    """Where a proxy puts one before every answer, orders are minded all the same."""

    class Marking(MemoryTransport):
        async def request(self, request: Request) -> Response:
            answer = await super().request(request)
            return Response(answer.status, answer.headers, b"\xef\xbb\xbf" + answer.body)

    exchange = an_exchange()
    async with (
        open_user_stream(
            venues.BINANCE_USDM, ALICE, transport=Marking(exchange), connector=MemoryConnector(exchange), timing=PROMPT
        ) as stream,
        dead_man_switch(stream, ["BTCUSDT"], COUNTDOWN) as switch,
    ):
        gap = await stream.receive()
        assert isinstance(gap, Gap)
        switch.resynchronised(gap)
        await trio.sleep(2 * COUNTDOWN)
        assert switch.statistics().state == "holding"
    assert len(counted(exchange)) > 5


async def test_a_signer_that_fails_later(autojump_clock: MockClock) -> None:
    """Nothing is sent, and the block ends with what to do about it, without the signer's own words."""
    signs = [True]

    def sign(payload: bytes) -> str:
        assert signs, "secret"
        return hmac.new(b"the-secret-of-alice", payload, hashlib.sha256).hexdigest()

    exchange = an_exchange()
    with pytest.raises(UsageError, match="the signer raised AssertionError") as caught:
        async with (
            open_user_stream(
                venues.BINANCE_USDM,
                Credentials(ALICE.api_key, signer=sign),
                transport=MemoryTransport(exchange),
                connector=MemoryConnector(exchange),
            ) as stream,
            dead_man_switch(stream, ["BTCUSDT"]) as switch,
        ):
            gap = await stream.receive()
            assert isinstance(gap, Gap)
            switch.resynchronised(gap)
            signs.clear()
            await trio.sleep_forever()
    assert "secret" not in str(caught.value)


def test_ctrl_c_while_leaving() -> None:
    """It arrives bare, and the countdown is ended all the same."""
    exchanges: list[Exchange] = []

    class Interrupted(MemoryTransport):
        async def request(self, request: Any) -> Any:
            if "countdownTime=0" in request.url:
                signal.raise_signal(signal.SIGINT)
            return await super().request(request)

    async def main() -> None:
        exchange = an_exchange()
        exchanges.append(exchange)
        async with (
            open_user_stream(
                venues.BINANCE_USDM, ALICE, transport=Interrupted(exchange), connector=MemoryConnector(exchange)
            ) as stream,
            dead_man_switch(stream, ["BTCUSDT"]) as switch,
        ):
            gap = await stream.receive()
            assert isinstance(gap, Gap)
            switch.resynchronised(gap)

    with pytest.raises(KeyboardInterrupt):
        trio.run(main, clock=MockClock(autojump_threshold=0))
    assert exchanges[0].book.countdowns() == ()


class Broken:
    """A transport that keeps its contract until it is told not to."""

    in_memory = True

    def __init__(self, exchange: Exchange) -> None:
        self._inner = MemoryTransport(exchange)
        self.fault: BaseException | None = None

    async def request(self, request: Any) -> Any:
        if "countdown" in request.url and self.fault is not None:
            await trio.lowlevel.checkpoint()
            raise self.fault
        return await self._inner.request(request)

    async def aclose(self) -> None:
        """There is nothing to close."""


@pytest.mark.parametrize("enters", [True, False])
@pytest.mark.parametrize("fault", [ValueError("secret"), KeyboardInterrupt(), SystemExit(3)], ids=repr)
async def test_a_transport_that_raises_anything(fault: BaseException, enters: bool, autojump_clock: MockClock) -> None:
    """The task does not die of it, and the block ends with what it means, bare."""
    exchange = an_exchange()
    transport = Broken(exchange)
    expected = ListenKeyError if isinstance(fault, ValueError) else type(fault)
    caught: BaseException | None = None
    try:
        async with open_user_stream(
            venues.BINANCE_USDM, ALICE, transport=transport, connector=MemoryConnector(exchange), timing=PROMPT
        ) as stream:
            if not enters:
                transport.fault = fault
            began = trio.current_time()
            async with dead_man_switch(stream, ["BTCUSDT"]) as switch:
                transport.fault = fault
                gap = await stream.receive()
                assert isinstance(gap, Gap)
                switch.resynchronised(gap)
                await trio.sleep_forever()
    except BaseException as error:  # noqa: ASYNC103 - it is what is looked at
        caught = error
    assert isinstance(caught, expected)
    # Whoever interrupts does not wait for what is tried again and again on entering.
    assert enters or expected is ListenKeyError or trio.current_time() - began < PROMPT.open_timeout
    assert not isinstance(caught, BaseExceptionGroup)
    assert "secret" not in str(caught)
    assert our_tasks() == []


# --- Over real sockets


async def test_over_real_sockets() -> None:
    """It holds an order for seconds; then nobody is up to date, and the exchange cancels it."""
    exchange = Exchange(seed=1, dialects=[USDM])
    exchange.add_account(ALICE.api_key, name="alice", secret=ALICE.api_secret)
    async with (
        serve_exchange(exchange) as served,
        open_user_stream(served.venue_at(venues.BINANCE_USDM), ALICE) as stream,
        dead_man_switch(stream, ["BTCUSDT"], 2.0) as switch,
    ):
        gap = await stream.receive()
        assert isinstance(gap, Gap)
        switch.resynchronised(gap)
        exchange.book.place("alice", "BTCUSDT", "BUY", 1, served.now(), price=100)
        await stream.receive()
        await trio.sleep(3)
        if switch.statistics().expirations == 0:  # a machine that is too busy for half a second proves nothing
            assert exchange.book.orders("alice", open_only=True)
        exchange.strike_sockets(Reset(), served.now())
        with trio.fail_after(20):
            while exchange.book.orders("alice", open_only=True):
                await trio.sleep(0.1)
        assert switch.statistics().state in {"behind", "deaf", "expired"}
