"""The exchange in memory, under a virtual clock."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest
import trio
from asking import API_KEY, ask, told
from trio.testing import MockClock

from trio_listenkey import UsageError
from trio_listenkey._errors import TransportError
from trio_listenkey.testing import (
    Delay,
    Drip,
    Effect,
    Exchange,
    Fault,
    Garbage,
    Hang,
    Huge,
    KillKey,
    MemoryTransport,
    Redirect,
    Reset,
    Truncate,
    bad_gateway_html,
    rate_limited,
    unsafe_key,
)
from trio_listenkey.transports._base import MAX_BODY, Transport


def open_exchange(*effects: Effect) -> Exchange:
    """An exchange on which the first requests have these effects, one after the other."""
    exchange = Exchange(faults=[Fault(effect=effect, nth=n) for n, effect in enumerate(effects, 1)])
    exchange.add_account(API_KEY, name="alice")
    return exchange


async def test_it_is_a_transport(autojump_clock: MockClock) -> None:
    """It has the port's two methods, and brings the exchange's answer back as it is."""
    exchange = open_exchange()
    transport: Transport = MemoryTransport(exchange)
    response = await transport.request(ask())
    assert response.status == 200
    assert told(response) == {"listenKey": exchange.key_of("alice", trio.current_time())}
    assert response.header("x-mbx-used-weight-1m") == "1"


async def test_latency_is_the_time_of_each_way(autojump_clock: MockClock) -> None:
    """The exchange sees the request after one latency, the client the answer after two."""
    exchange = open_exchange()
    await MemoryTransport(exchange, latency=0.25).request(ask())
    assert exchange.log[0].when == 0.25
    assert trio.current_time() == 0.5


@pytest.mark.parametrize(
    ("effect", "reason"),
    [
        (Reset(), "reset"),
        (Reset(after_work=True), "reset"),
        (Truncate(10), "ended before"),
        (Garbage(), "not HTTP"),
        (Huge(), "more than"),
        (Huge(MAX_BODY + 1), "more than"),
        (Delay(3, Reset()), "reset"),
    ],
)
async def test_no_complete_answer_is_a_transport_error(effect: Effect, reason: str, autojump_clock: MockClock) -> None:
    """What the wire would break is a TransportError that does not claim the request was unsent."""
    transport = MemoryTransport(open_exchange(effect))
    with pytest.raises(TransportError, match=reason) as caught:
        await transport.request(ask())
    assert not caught.value.unsent
    assert (await transport.request(ask())).status == 200


@pytest.mark.parametrize(
    ("effect", "status"),
    [
        (bad_gateway_html(), 502),
        (rate_limited(5), 429),
        (Redirect("https://elsewhere.test/"), 307),
        (unsafe_key(), 200),
        (KillKey(), 200),
        (Huge(MAX_BODY), 200),
    ],
)
async def test_a_complete_answer_comes_back_whatever_it_is(
    effect: Effect, status: int, autojump_clock: MockClock
) -> None:
    """Refusals, redirects and nonsense are answers."""
    assert (await MemoryTransport(open_exchange(effect)).request(ask())).status == status


async def test_a_delayed_answer_is_late_and_its_work_is_not(autojump_clock: MockClock) -> None:
    """The key is made when the request arrives, and told when the delay is over."""
    exchange = open_exchange(Delay(30))
    await MemoryTransport(exchange).request(ask())
    assert trio.current_time() == 30
    assert exchange.open_keys(3599.5) != ()
    assert exchange.open_keys(3600) == ()


async def test_a_dripping_answer_takes_its_bytes_in_time(autojump_clock: MockClock) -> None:
    """Head and body come at the stated rate, and the answer is whole."""
    response = await MemoryTransport(open_exchange(Drip(0.1))).request(ask())
    assert response.status == 200
    assert 15 < trio.current_time() < 30


@pytest.mark.parametrize(("after_work", "keys"), [(False, 0), (True, 1)])
async def test_a_hanging_request_can_be_cancelled(after_work: bool, keys: int, autojump_clock: MockClock) -> None:
    """Hang never answers; whether it did the work is its own choice."""
    exchange = open_exchange(Hang(after_work=after_work))
    with trio.move_on_after(1e6):
        await MemoryTransport(exchange).request(ask())
    assert trio.current_time() == 1e6
    assert len(exchange.keys_ever) == keys


class _CancelAt(trio.abc.Instrument):
    """Call ``act`` after the k-th step of any task."""

    def __init__(self, k: int, act: Callable[[], None]) -> None:
        self._left, self._act = k, act
        self.fired = False

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        self.fired = self.fired or self._left == 0
        if self._left == 0:
            self._act()
        self._left -= 1


@pytest.mark.parametrize("effect", [KillKey(), Delay(5), Reset(after_work=True), Drip(1)])
def test_what_was_sent_is_done_at_whatever_moment_its_client_leaves(effect: Effect) -> None:
    """Cancelled before it was sent a request does nothing, afterwards everything, and there are moments of both."""
    done: list[bool] = []
    told_of_it: list[bool] = []

    async def cancel_at(k: int) -> bool:
        exchange = open_exchange(effect)
        transport = MemoryTransport(exchange, latency=1)
        with trio.CancelScope() as scope:
            at_step = _CancelAt(k, scope.cancel)
            trio.lowlevel.add_instrument(at_step)
            with suppress(TransportError):
                await transport.request(ask())
        trio.lowlevel.remove_instrument(at_step)
        sent = transport.in_flight + len(exchange.log)
        await trio.sleep(60)
        assert transport.in_flight == 0
        assert len(exchange.log) == len(exchange.keys_ever) == sent
        done.append(sent == 1)
        told_of_it.append(not scope.cancelled_caught)
        return at_step.fired

    k = 0
    while trio.run(cancel_at, k, clock=MockClock(autojump_threshold=0)):
        k += 1
    assert done == sorted(done)
    assert done.count(False) >= 3
    assert done.count(True) - told_of_it.count(True) >= 6


async def test_an_unreachable_exchange_gets_nothing(autojump_clock: MockClock) -> None:
    """Without a connection the request was certainly not sent."""
    exchange = open_exchange()
    transport = MemoryTransport(exchange)
    transport.reachable = False
    with pytest.raises(TransportError, match="refused") as caught:
        await transport.request(ask())
    assert caught.value.unsent
    assert exchange.log == ()


async def test_a_closed_transport_sends_nothing(autojump_clock: MockClock) -> None:
    """After aclose a request fails, and says why."""
    exchange = open_exchange()
    transport = MemoryTransport(exchange)
    await transport.aclose()
    assert transport.closed
    with pytest.raises(TransportError, match="closed") as caught:
        await transport.request(ask())
    assert caught.value.unsent
    assert exchange.log == ()


async def test_a_mistake_of_the_test_is_told_to_the_test(autojump_clock: MockClock) -> None:
    """An error in the exchange reaches the client's task as it is, and not trio as an internal error."""
    exchange = open_exchange()
    exchange.kill_key("alice", 1000)
    with pytest.raises(UsageError, match="backwards"):
        await MemoryTransport(exchange).request(ask())


async def test_many_requests_at_once(autojump_clock: MockClock) -> None:
    """Requests of several tasks are served side by side."""
    exchange = open_exchange(Delay(10), Hang())
    transport = MemoryTransport(exchange, latency=1)
    with trio.move_on_after(20):
        async with trio.open_nursery() as nursery:
            for _ in range(10):
                nursery.start_soon(transport.request, ask())
    assert [entry.when for entry in exchange.log] == [1] * 10


async def test_thirty_days_under_faults(autojump_clock: MockClock) -> None:
    """A month of half-hourly renewals through one per cent of failures leaves no second without a key."""
    exchange = Exchange(seed=3, faults=[Fault(probability=0.01, effect=Reset())])
    exchange.add_account(API_KEY, name="alice")
    transport = MemoryTransport(exchange)
    while trio.current_time() < 30 * 86400:
        try:
            await transport.request(ask())
        except TransportError:
            continue
        await trio.sleep(1800)
    assert exchange.seconds_without_key("alice", trio.current_time()) == 0
    assert len(exchange.keys_ever) == 1
    assert any(entry.effect for entry in exchange.log)
