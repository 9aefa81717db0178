"""``ListenKey.check``: a doubt, and the exchange's word on it; in memory, under a virtual clock."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from trio_listenkey import Credentials, ListenKey, Timing, open_listen_key, venues
from trio_listenkey.testing import Delay, Exchange, Fault, MemoryTransport, rate_limited, service_unavailable

USDM = venues.BINANCE_USDM
ALICE = Credentials("the-api-key-of-alice")
PROMPT = Timing(jitter=0)


@pytest.fixture
def exchange() -> Exchange:
    exchange = Exchange(seed=1)
    exchange.add_account(ALICE.api_key, name="alice")
    return exchange


@pytest.fixture
def transport(exchange: Exchange) -> MemoryTransport:
    return MemoryTransport(exchange)


def verbs(exchange: Exchange) -> list[str | None]:
    return [entry.verb for entry in exchange.log]


async def test_a_living_key_is_confirmed(
    exchange: Exchange, transport: MemoryTransport, autojump_clock: MockClock
) -> None:
    """One keepalive is sent at once; it counts as one, and the generation stays."""
    async with open_listen_key(USDM, ALICE, transport=transport, timing=PROMPT) as key:
        await trio.sleep(100)
        asked_at = trio.current_time()
        assert await key.check() == 1
        assert key.expires_at == asked_at + 3600
        assert verbs(exchange) == ["create", "keepalive"]


async def test_a_dead_key_is_replaced(
    exchange: Exchange, transport: MemoryTransport, autojump_clock: MockClock
) -> None:
    """What comes back is the generation of the one that lives."""
    async with open_listen_key(USDM, ALICE, transport=transport, timing=PROMPT) as key:
        before = key.value
        await trio.sleep(100)
        exchange.kill_key("alice", trio.current_time())
        assert await key.check() == 2
        assert key.value != before
        assert key.value in exchange.open_keys(trio.current_time())


async def test_it_waits_for_an_answer(
    exchange: Exchange, transport: MemoryTransport, autojump_clock: MockClock
) -> None:
    """An exchange that fails is asked again, like for any keepalive."""
    async with open_listen_key(USDM, ALICE, transport=transport, timing=PROMPT) as key:
        exchange.add_faults(Fault(effect=service_unavailable(), verb="keepalive", count=3))
        await trio.sleep(1)
        assert await key.check() == 1
        assert verbs(exchange) == ["create", *["keepalive"] * 4]


async def test_it_waits_for_a_ban_to_end(
    exchange: Exchange, transport: MemoryTransport, autojump_clock: MockClock
) -> None:
    """A doubt is no reason to talk to a host that wants silence."""
    async with open_listen_key(USDM, ALICE, transport=transport, timing=PROMPT) as key:
        exchange.add_faults(Fault(effect=rate_limited(77), verb="keepalive", count=1))
        await trio.sleep(1)
        asked_at = trio.current_time()
        await key.check()
        assert trio.current_time() >= asked_at + 77


async def test_a_request_under_way_does_not_count(
    exchange: Exchange, transport: MemoryTransport, autojump_clock: MockClock
) -> None:
    """It was sent before the doubt arose: two who ask after it share the next one."""
    async with open_listen_key(USDM, ALICE, transport=transport, timing=PROMPT) as key:
        exchange.add_faults(Fault(effect=Delay(2), verb="keepalive", count=1))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(key.check)
            await trio.sleep(1)
            nursery.start_soon(key.check)
            nursery.start_soon(key.check)
        assert verbs(exchange) == ["create", "keepalive", "keepalive"]


async def test_it_can_be_given_up(exchange: Exchange, transport: MemoryTransport, autojump_clock: MockClock) -> None:
    """It has no limit of its own, but is cancelled like anything else, and the key goes on."""
    async with open_listen_key(USDM, ALICE, transport=transport, timing=PROMPT) as key:
        exchange.add_faults(Fault(effect=service_unavailable(), verb="keepalive", count=3))
        await trio.sleep(1)
        with trio.move_on_after(0.01) as scope:
            await key.check()
        assert scope.cancelled_caught
        await trio.sleep(300)
        assert key.expires_at > trio.current_time() + 3000


async def test_after_the_block_there_is_nothing_to_ask(
    exchange: Exchange, transport: MemoryTransport, autojump_clock: MockClock
) -> None:
    """The key is closed by then, and that is said, also to those who wait."""
    raised: list[BaseException] = []

    async def wait(key: ListenKey) -> None:
        try:
            await key.check()
        except trio.ClosedResourceError as error:
            raised.append(error)

    async with (
        trio.open_nursery() as nursery,
        open_listen_key(USDM, ALICE, transport=transport, timing=PROMPT) as key,
    ):
        exchange.add_faults(Fault(effect=service_unavailable(), verb="keepalive"))
        await trio.sleep(1)
        nursery.start_soon(wait, key)  # noqa: ASYNC111 - it is to be there when the key's block is left
        await trio.sleep(5)
    await wait(key)
    assert len(raised) == 2
