"""``open_listen_key`` from the outside: each promise at exact times, in memory, under a virtual clock."""

from __future__ import annotations

import gc
import time
import traceback
import weakref
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from trio_listenkey import (
    Credentials,
    CredentialsError,
    EndpointGoneError,
    Instrument,
    KeyLostError,
    ListenKeyError,
    RateLimitedError,
    RefusedError,
    Timing,
    UnavailableError,
    UsageError,
    open_listen_key,
    venues,
)
from trio_listenkey.testing import (
    SPOT_CLASSIC,
    Delay,
    Exchange,
    Fault,
    Hang,
    KillKey,
    MemoryTransport,
    Reset,
    api_error,
    long_key,
    rate_limited,
    service_unavailable,
    unsafe_key,
)
from trio_listenkey.transports import Response

USDM = venues.BINANCE_USDM
ALICE = Credentials("the-api-key-of-alice")
BOB = Credentials("the-api-key-of-bob")
PROMPT = Timing(jitter=0)


class BodyError(Exception):
    """What a block raises."""


@pytest.fixture
def exchange() -> Exchange:
    exchange = Exchange(seed=1)
    exchange.add_account(ALICE.api_key, name="alice")
    exchange.add_account(BOB.api_key, name="bob")
    return exchange


@pytest.fixture
def transport(exchange: Exchange) -> MemoryTransport:
    return MemoryTransport(exchange)


def requests(exchange: Exchange) -> list[tuple[float, str | None, int]]:
    return [(round(entry.when - exchange.log[0].when, 3), entry.verb, entry.status) for entry in exchange.log]


def verbs(exchange: Exchange) -> list[str | None]:
    return [entry.verb for entry in exchange.log]


# --- Lifetime


async def test_lives_as_long_as_its_block(
    exchange: Exchange, transport: MemoryTransport, autojump_clock: MockClock
) -> None:
    """Created on the way in, kept alive every half hour, closed on the way out."""
    async with open_listen_key(USDM, ALICE, transport=transport, timing=PROMPT) as key:
        assert exchange.open_keys(trio.current_time()) == (key.value,)
        assert key.stream_url == USDM.stream_url_for(key.value)
        assert key.generation == 1
        assert key.venue is USDM
        assert key.expires_at == trio.current_time() + 3600
        await trio.sleep(4000)
        assert key.expires_at == pytest.approx(3600 + 3600)
    assert exchange.open_keys(trio.current_time()) == ()
    assert requests(exchange) == [
        (0, "create", 200),
        (1800, "keepalive", 200),
        (3600, "keepalive", 200),
        (4000, "close", 200),
    ]
    assert key.statistics().closed is True
    assert key.expires_at <= trio.current_time()


async def test_nothing_is_sent_for_a_block_that_is_cancelled_already(
    exchange: Exchange, transport: MemoryTransport, autojump_clock: MockClock
) -> None:
    """Entered within a cancelled scope, it sends nothing at all."""
    with trio.CancelScope() as scope:
        scope.cancel()
        async with open_listen_key(USDM, ALICE, transport=transport):
            raise AssertionError
    assert scope.cancelled_caught
    assert exchange.log == ()


async def test_body_exception_arrives_as_it_was(transport: MemoryTransport, autojump_clock: MockClock) -> None:
    """The same object, with its own context and with no frame of ours in its traceback."""
    error = BodyError()
    with pytest.raises(BodyError) as caught:
        async with open_listen_key(USDM, ALICE, transport=transport):
            try:
                raise LookupError
            except LookupError as context:
                the_context = context
                raise error  # noqa: B904 - an implicit context is what is looked at
    assert caught.value is error
    assert error.__context__ is the_context
    assert error.__cause__ is None
    assert not hasattr(error, "__notes__")
    assert {frame.filename for frame in traceback.extract_tb(error.__traceback__)} == {__file__}


async def test_body_group_arrives_as_it_was(
    exchange: Exchange, transport: MemoryTransport, autojump_clock: MockClock
) -> None:
    """A group of the block's own is not rebuilt, even if the key fails at the same time."""
    exchange.add_faults(Fault(verb="keepalive", effect=api_error(401, -2015, "Invalid API-key.")))
    group = ExceptionGroup("the block's own", [BodyError()])
    raised: BaseException | None = None
    try:
        async with open_listen_key(USDM, ALICE, transport=transport):
            try:
                await trio.sleep_forever()
            finally:
                raise group
    except ExceptionGroup as error:
        raised = error
    assert raised is group
    assert "Besides, the listen key failed" in group.__notes__[0]


async def test_cancellation_in_a_body_group_is_ours_to_take(
    exchange: Exchange, transport: MemoryTransport, autojump_clock: MockClock
) -> None:
    """Of a group, our own cancellation is taken out and the rest arrives."""
    exchange.add_faults(Fault(verb="keepalive", effect=api_error(401, -2015, "Invalid API-key.")))

    async def clean_up_badly() -> None:
        try:
            await trio.sleep_forever()
        finally:
            raise BodyError

    with pytest.RaisesGroup(BodyError) as caught:
        async with open_listen_key(USDM, ALICE, transport=transport), trio.open_nursery() as nursery:
            nursery.start_soon(clean_up_badly)
            await trio.sleep_forever()
    assert "Besides, the listen key failed" in caught.value.__notes__[0]


async def test_failed_keepalive_cancels_the_body(
    exchange: Exchange, transport: MemoryTransport, autojump_clock: MockClock
) -> None:
    """It arrives as one bare error of ours, whose context is clean; the key is closed all the same."""
    exchange.add_faults(Fault(verb="keepalive", effect=api_error(401, -2015, "Invalid API-key.")))
    cancelled = False
    with pytest.raises(CredentialsError) as caught:
        async with open_listen_key(USDM, ALICE, transport=transport, timing=PROMPT):
            try:
                await trio.sleep_forever()
            except trio.Cancelled:
                cancelled = True
                raise
    assert cancelled
    assert caught.value.__context__ is None
    assert (caught.value.status, caught.value.code, caught.value.verb) == (401, -2015, "keepalive")
    assert requests(exchange) == [(0, "create", 200), (1800, "keepalive", 401), (1800, "close", 200)]


async def test_body_error_wins_over_a_failed_keepalive(
    exchange: Exchange, transport: MemoryTransport, autojump_clock: MockClock
) -> None:
    """If both happen, the block's error arrives, with a note and nothing else changed."""
    exchange.add_faults(Fault(verb="keepalive", effect=api_error(401, -2015, "Invalid API-key.")))
    with pytest.raises(BodyError) as caught:
        async with open_listen_key(USDM, ALICE, transport=transport):
            try:
                await trio.sleep_forever()
            finally:
                raise BodyError
    (note,) = caught.value.__notes__
    assert "HTTP 401" in note


async def test_body_goes_first(exchange: Exchange, transport: MemoryTransport, autojump_clock: MockClock) -> None:
    """Cancelled from outside, the block cleans up while the key is still kept alive; only then is it closed."""
    with trio.move_on_after(1700):
        async with open_listen_key(USDM, ALICE, transport=transport, timing=PROMPT) as key:
            try:
                await trio.sleep_forever()
            finally:
                with trio.CancelScope(shield=True):
                    await trio.sleep(300)
                assert exchange.open_keys(trio.current_time()) == (key.value,)
    assert requests(exchange) == [(0, "create", 200), (1800, "keepalive", 200), (2000, "close", 200)]


@pytest.mark.parametrize("verb", ["create", "keepalive", "close"])
async def test_leaving_is_prompt_although_the_exchange_hangs(verb: Any, autojump_clock: MockClock) -> None:
    """Cancelled while a request hangs, the block is left within ``close_timeout`` for each verb that is needed."""
    exchange = Exchange(seed=1, faults=[Fault(verb=verb, effect=Hang())])
    exchange.add_account(ALICE.api_key)
    timing = Timing(jitter=0, close_timeout=2)
    with trio.move_on_after(1805) as scope:
        if verb == "create":
            scope.deadline = trio.current_time() + 5
        async with open_listen_key(USDM, ALICE, transport=MemoryTransport(exchange), timing=timing):
            await trio.sleep_forever()
    assert scope.cancelled_caught
    assert trio.current_time() - scope.deadline == {"create": 2, "keepalive": 0, "close": 2}[verb]


async def test_close_that_fails_is_told_and_not_raised(
    exchange: Exchange, transport: MemoryTransport, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """It is tried again within the limit; then statistics, log and instrument tell, and the block's outcome stands."""
    exchange.add_faults(Fault(verb="close", effect=service_unavailable()))
    watcher = Watcher()
    async with open_listen_key(USDM, ALICE, transport=transport, instrument=watcher) as key:
        pass
    assert verbs(exchange).count("close") > 1
    assert trio.current_time() <= Timing().close_timeout
    assert key.statistics().closed is False
    assert "may be left behind" in caplog.text
    name, error = watcher.seen[-1]
    assert name == "closed"
    assert isinstance(error, UnavailableError)


async def test_close_is_tried_again(exchange: Exchange, transport: MemoryTransport, autojump_clock: MockClock) -> None:
    """One 503 to the close leaves no key behind."""
    exchange.add_faults(Fault(verb="close", nth=1, effect=service_unavailable()))
    async with open_listen_key(USDM, ALICE, transport=transport) as key:
        pass
    assert key.statistics().closed is True
    assert exchange.open_keys(trio.current_time()) == ()


async def test_close_of_a_key_that_is_gone_is_a_success(
    exchange: Exchange, transport: MemoryTransport, autojump_clock: MockClock
) -> None:
    """-1125 to a close says what we wanted."""
    async with open_listen_key(USDM, ALICE, transport=transport) as key:
        exchange.kill_key("alice", trio.current_time())
    assert key.statistics().closed is True


async def test_close_waits_out_a_short_ban_only(
    exchange: Exchange, transport: MemoryTransport, autojump_clock: MockClock
) -> None:
    """A ban that ends within ``close_timeout`` is waited for; in a longer one nothing is sent and leaving is quick."""
    exchange.add_faults(Fault(verb="close", nth=1, effect=rate_limited(4)))
    async with open_listen_key(USDM, ALICE, transport=transport) as key:
        pass
    assert requests(exchange) == [(0, "create", 200), (0, "close", 429), (4, "close", 200)]
    exchange.add_faults(Fault(verb="close", nth=1, effect=rate_limited(40)))
    start = trio.current_time()
    async with open_listen_key(USDM, ALICE, transport=transport) as key:
        pass
    assert trio.current_time() == start
    assert key.statistics().closed is False
    assert exchange.requests_during_bans == 0


async def test_on_exit_leave_never_closes(
    exchange: Exchange, transport: MemoryTransport, autojump_clock: MockClock
) -> None:
    """``on_exit="leave"`` lets the key expire by itself."""
    async with open_listen_key(USDM, ALICE, transport=transport, on_exit="leave") as key:
        pass
    assert verbs(exchange) == ["create"]
    assert exchange.open_keys(trio.current_time()) == (key.value,)
    assert key.statistics().closed is None


@pytest.mark.parametrize("second", [ALICE, Credentials("another-api-key-of-alice")], ids=["same-api-key", "another"])
async def test_only_the_last_holder_closes(
    second: Credentials, exchange: Exchange, transport: MemoryTransport, autojump_clock: MockClock
) -> None:
    """Two blocks on one account hold one key; the first to leave must not silence the other."""
    if second is not ALICE:
        exchange.add_account(second.api_key, name="alice")
    async with open_listen_key(USDM, ALICE, transport=transport) as longer:
        async with open_listen_key(USDM, second, transport=transport) as shorter:
            assert shorter.value == longer.value
        assert shorter.statistics().closed is None
        assert exchange.open_keys(trio.current_time()) == (longer.value,)
    assert verbs(exchange) == ["create", "create", "close"]


async def test_whoever_comes_while_the_key_is_closed_gets_a_new_one(
    exchange: Exchange, transport: MemoryTransport, autojump_clock: MockClock
) -> None:
    """A create waits for a close of the same account in flight, and is not undone by it."""
    exchange.add_faults(Fault(verb="close", nth=1, effect=Delay(3)))

    async def leave_at_once() -> None:
        async with open_listen_key(USDM, ALICE, transport=transport):
            pass

    async with trio.open_nursery() as nursery:
        nursery.start_soon(leave_at_once)
        await trio.sleep(1)
        async with open_listen_key(USDM, ALICE, transport=transport) as key:
            assert exchange.open_keys(trio.current_time()) == (key.value,)
            assert trio.current_time() == 3
    assert verbs(exchange) == ["create", "close", "create", "close"]


async def test_a_turn_that_does_not_come_ends_in_a_clear_error(
    exchange: Exchange, transport: MemoryTransport, autojump_clock: MockClock
) -> None:
    """Another context's hanging request holds up ours; ``open_timeout`` ends that."""
    exchange.add_faults(Fault(verb="create", nth=1, effect=Hang()))
    async with trio.open_nursery() as nursery:

        async def hang() -> None:
            async with open_listen_key(USDM, ALICE, transport=transport):
                raise AssertionError

        nursery.start_soon(hang)
        await trio.sleep(1)
        with pytest.raises(UnavailableError, match="no create could be sent"):
            async with open_listen_key(USDM, ALICE, transport=transport, timing=Timing(open_timeout=5)):
                raise AssertionError
        assert trio.current_time() == 6
        nursery.cancel_scope.cancel()


async def test_key_is_closed_under_a_block_that_breaks_trio(
    exchange: Exchange, transport: MemoryTransport, autojump_clock: MockClock
) -> None:
    """A block that leaves a cancel scope open is told so by trio, and its key is closed all the same."""
    with pytest.raises(RuntimeError, match="Cancel scope"):
        async with open_listen_key(USDM, ALICE, transport=transport):
            trio.CancelScope().__enter__()
    assert exchange.open_keys(trio.current_time()) == ()


async def test_each_call_is_for_one_block(transport: MemoryTransport, autojump_clock: MockClock) -> None:
    """Entering the same context twice is refused with a clear error."""
    context = open_listen_key(USDM, ALICE, transport=transport)
    async with context:
        pass
    with pytest.raises(UsageError, match="entered before"):
        async with context:
            raise AssertionError


async def test_nothing_is_kept_after_the_block(transport: MemoryTransport, autojump_clock: MockClock) -> None:
    """No reference cycle holds the block's error: it is freed without the collector."""

    async def fail() -> weakref.ref[BodyError]:
        try:
            async with open_listen_key(USDM, ALICE, transport=transport):
                raise BodyError
        except BodyError as error:
            return weakref.ref(error)

    gc.disable()
    try:
        assert (await fail())() is None
    finally:
        gc.enable()


# --- Keeping alive


async def test_one_failed_keepalive_is_nothing(
    exchange: Exchange, transport: MemoryTransport, autojump_clock: MockClock
) -> None:
    """A transient failure is tried again soon, as often as the key's life allows."""
    exchange.add_faults(Fault(verb="keepalive", nth=1, count=5, effect=service_unavailable()))
    async with open_listen_key(USDM, ALICE, transport=transport, timing=PROMPT) as key:
        await trio.sleep(1900)
        statistics = key.statistics()
    assert (statistics.retries, statistics.renewed, statistics.losses) == (5, 1, 0)
    assert key.generation == 1


async def test_exchange_that_is_down_for_hours(
    exchange: Exchange, transport: MemoryTransport, autojump_clock: MockClock
) -> None:
    """The key is presumed dead when its validity is over; another is made as soon as the exchange is back."""
    async with open_listen_key(USDM, ALICE, transport=transport, timing=PROMPT) as key:
        first = key.value
        transport.reachable = False
        await trio.sleep(4 * 3600)
        assert key.expires_at < trio.current_time()
        assert key.statistics().state == "vacant"
        assert key.statistics().losses == 1
        transport.reachable = True
        await trio.sleep(61)
        assert (key.generation, key.value != first) == (2, True)
        assert key.expires_at > trio.current_time()


async def test_raise_on_lost_by_expiry(
    exchange: Exchange, transport: MemoryTransport, autojump_clock: MockClock
) -> None:
    """With ``on_lost="raise"`` an outage that outlasts the key ends the block, and says what failed last."""
    with pytest.raises(KeyLostError, match="connection refused"):
        async with open_listen_key(USDM, ALICE, transport=transport, on_lost="raise"):
            transport.reachable = False
            await trio.sleep_forever()
    assert trio.current_time() == pytest.approx(3600, abs=15)


async def test_lost_key_is_replaced(exchange: Exchange, transport: MemoryTransport, autojump_clock: MockClock) -> None:
    """A key that is gone is replaced at once; waiters are woken with the new generation."""
    exchange.add_faults(Fault(verb="keepalive", nth=1, effect=KillKey()))
    async with open_listen_key(USDM, ALICE, transport=transport, timing=PROMPT) as key:
        first = key.value
        assert await key.wait_replaced(1) == 2
        assert trio.current_time() == 1800
        assert key.value != first
        assert exchange.open_keys(trio.current_time()) == (key.value,)
        assert await key.wait_replaced(1) == 2
    with pytest.raises(trio.ClosedResourceError):
        await key.wait_replaced(2)


async def test_lost_key_is_raised(exchange: Exchange, transport: MemoryTransport, autojump_clock: MockClock) -> None:
    """``on_lost="raise"`` ends the block, and makes no other key."""
    exchange.add_faults(Fault(verb="keepalive", nth=1, effect=KillKey()))
    with pytest.raises(KeyLostError) as caught:
        async with open_listen_key(USDM, ALICE, transport=transport, on_lost="raise"):
            await trio.sleep_forever()
    assert caught.value.code == -1125
    assert verbs(exchange) == ["create", "keepalive"]


async def test_key_that_a_stranger_replaced_is_taken(
    exchange: Exchange, transport: MemoryTransport, autojump_clock: MockClock
) -> None:
    """Where the keepalive's answer has another key, that one is ours from then on."""
    async with open_listen_key(USDM, ALICE, transport=transport, timing=PROMPT) as key:
        theirs = exchange.replace_key("alice", trio.current_time())
        assert await key.wait_replaced(1) == 2
        assert key.value == theirs
    assert verbs(exchange) == ["create", "keepalive", "close"]


async def test_waiters_are_told_when_the_block_is_left(transport: MemoryTransport, autojump_clock: MockClock) -> None:
    """Who waits for a replacement beyond the block is not left waiting."""
    async with trio.open_nursery() as nursery, open_listen_key(USDM, ALICE, transport=transport) as key:

        async def wait() -> None:
            with pytest.raises(trio.ClosedResourceError):
                await key.wait_replaced(1)

        nursery.start_soon(wait)
        nursery.start_soon(wait)
        await wait_all_tasks_blocked()


async def test_ban_holds_for_every_key_of_the_host(
    exchange: Exchange, transport: MemoryTransport, autojump_clock: MockClock
) -> None:
    """One key's 429 silences all keys of that host until it is over, and they do not come back all at once."""
    exchange.add_faults(Fault(verb="keepalive", account="alice", nth=1, effect=rate_limited(100)))
    async with (
        open_listen_key(USDM, ALICE, transport=transport, timing=PROMPT),
        open_listen_key(USDM, BOB, transport=transport, timing=Timing(jitter=0, keepalive_every=1810)),
    ):
        await trio.sleep(2000)
    later = [when for when, verb, status in requests(exchange) if verb == "keepalive"][1:]
    assert len(later) == 2
    assert all(1900 <= when < 1960 for when in later)
    assert exchange.requests_during_bans == 0


async def test_ban_that_begins_while_a_turn_is_awaited(
    exchange: Exchange, transport: MemoryTransport, autojump_clock: MockClock
) -> None:
    """Who was next when the ban began does not send either."""
    exchange.add_faults(Fault(verb="keepalive", nth=1, effect=Delay(5, then=rate_limited(100))))
    async with (
        open_listen_key(USDM, ALICE, transport=transport, timing=PROMPT),
        open_listen_key(USDM, ALICE, transport=transport, timing=Timing(jitter=0, keepalive_every=1802)),
    ):
        await trio.sleep(2000)
    assert [when for when, verb, status in requests(exchange) if verb == "keepalive" and 1800 < when < 1900] == []
    assert exchange.requests_during_bans == 0


async def test_ban_is_not_for_another_host(
    exchange: Exchange, transport: MemoryTransport, autojump_clock: MockClock
) -> None:
    """Another host's keys go on."""
    exchange.add_faults(Fault(verb="keepalive", account="alice", nth=1, effect=service_unavailable()))
    other = USDM.at("https://other.example", "wss://other.example")
    refusing = Exchange(seed=2, faults=[Fault(verb="keepalive", effect=rate_limited(1000))])
    refusing.add_account(ALICE.api_key)
    async with (
        open_listen_key(other, ALICE, transport=MemoryTransport(refusing), timing=PROMPT),
        open_listen_key(USDM, ALICE, transport=transport, timing=PROMPT),
    ):
        await trio.sleep(1900)
    assert [status for _, verb, status in requests(exchange) if verb == "keepalive"] == [503, 200]


async def test_dialects_of_one_host_have_each_a_key(
    exchange: Exchange, transport: MemoryTransport, autojump_clock: MockClock
) -> None:
    """On a testnet that serves two dialects at one address, each closes its own key, and both keep to one ban."""
    exchange.add_faults(Fault(verb="keepalive", nth=1, effect=rate_limited(100)))
    address, later = ("https://testnet.example", "wss://testnet.example"), Timing(jitter=0, keepalive_every=1810)
    async with (
        open_listen_key(venues.BINANCE_COINM.at(*address), ALICE, transport=transport, timing=PROMPT) as longer,
        open_listen_key(USDM.at(*address), ALICE, transport=transport, timing=later) as shorter,
    ):
        assert longer.value != shorter.value
        await trio.sleep(2000)
    assert (shorter.statistics().closed, longer.statistics().closed) == (True, True)
    assert exchange.open_keys(trio.current_time()) == ()
    assert exchange.requests_during_bans == 0


async def test_keepalives_are_spread(exchange: Exchange, transport: MemoryTransport, autojump_clock: MockClock) -> None:
    """A hundred keys opened together ping at a hundred different times, each within the last tenth."""
    for number in range(100):
        exchange.add_account(f"api-key-{number}")
    async with trio.open_nursery() as nursery:

        async def hold(number: int) -> None:
            async with open_listen_key(USDM, Credentials(f"api-key-{number}"), transport=transport):
                await trio.sleep_forever()

        for number in range(100):
            nursery.start_soon(hold, number)
        await trio.sleep(1800)
        nursery.cancel_scope.cancel()
    pings = [when for when, verb, _ in requests(exchange) if verb == "keepalive"]
    assert len(pings) == 100
    assert all(1620 <= when <= 1800 for when in pings)
    assert len({round(when) for when in pings}) > 50


async def test_machine_that_slept(
    exchange: Exchange, transport: MemoryTransport, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key that died while the machine slept is noticed within ten seconds of wake-up; trio's clock stood still."""
    slept = 0.0
    unix_time = time.time
    monkeypatch.setattr(time, "time", lambda: unix_time() + slept)
    async with open_listen_key(USDM, ALICE, transport=transport, timing=PROMPT) as key:
        await trio.sleep(100)
        slept = 2 * 3600.0
        exchange.kill_key("alice", trio.current_time())
        assert key.expires_at < trio.current_time()
        with trio.fail_after(10.001):
            await key.wait_replaced(1)
        assert key.expires_at == trio.current_time() + 3600
        slept = 0.0  # and a clock that is set back changes nothing
        await trio.sleep(100)
        assert key.generation == 2


# --- Opening


async def test_first_create_is_tried_again(
    exchange: Exchange, transport: MemoryTransport, autojump_clock: MockClock
) -> None:
    """A hiccup on opening is no reason to fail."""
    exchange.add_faults(Fault(verb="create", nth=1, count=2, effect=Reset(after_work=False)))
    async with open_listen_key(USDM, ALICE, transport=transport) as key:
        assert key.statistics().retries == 2


async def test_opening_has_an_end(exchange: Exchange, transport: MemoryTransport, autojump_clock: MockClock) -> None:
    """No key within ``open_timeout`` is an error that says what the last failure was."""
    transport.reachable = False
    with pytest.raises(UnavailableError, match="connection refused"):
        async with open_listen_key(USDM, ALICE, transport=transport, timing=Timing(open_timeout=20)):
            raise AssertionError
    assert trio.current_time() <= 20


async def test_ban_beyond_open_timeout_is_raised_at_once(
    exchange: Exchange, transport: MemoryTransport, autojump_clock: MockClock
) -> None:
    """There is no point in waiting in silence for what cannot come in time."""
    exchange.add_faults(Fault(verb="create", effect=rate_limited(90)))
    with pytest.raises(RateLimitedError) as caught:
        async with open_listen_key(USDM, ALICE, transport=transport):
            raise AssertionError
    assert caught.value.retry_after == 90
    assert (caught.value.status, caught.value.code) == (429, -1003)
    assert trio.current_time() == 0
    # And the next one knows: nothing is sent.
    with pytest.raises(RateLimitedError):
        async with open_listen_key(USDM, BOB, transport=transport):
            raise AssertionError
    assert len(exchange.log) == 1


async def test_short_ban_is_waited_out_on_opening(
    exchange: Exchange, transport: MemoryTransport, autojump_clock: MockClock
) -> None:
    """A ban that ends within ``open_timeout`` only delays the key."""
    exchange.add_faults(Fault(verb="create", nth=1, effect=rate_limited(5)))
    async with open_listen_key(USDM, ALICE, transport=transport):
        assert 5 <= trio.current_time() <= 6
    assert exchange.requests_during_bans == 0


async def test_end_of_a_ban_is_no_starting_signal(
    exchange: Exchange, transport: MemoryTransport, autojump_clock: MockClock
) -> None:
    """Ten keys that are opened during a ban are asked for at ten different moments after it."""
    exchange.add_faults(Fault(verb="create", account="bob", nth=1, effect=rate_limited(10)))
    with pytest.raises(RateLimitedError):
        async with open_listen_key(USDM, BOB, transport=transport, timing=Timing(open_timeout=5)):
            raise AssertionError

    async def hold(api_key: str) -> None:
        async with open_listen_key(USDM, Credentials(api_key), transport=transport):
            await trio.sleep(100)

    async with trio.open_nursery() as nursery:
        for number in range(10):
            exchange.add_account(f"api-key-{number}")
            nursery.start_soon(hold, f"api-key-{number}")
    moments = [entry.when for entry in exchange.log if entry.verb == "create"][1:]
    assert all(10 <= when <= 11 for when in moments)
    assert len(set(moments)) == 10


async def test_wrong_credentials_are_raised_at_once(
    exchange: Exchange, transport: MemoryTransport, autojump_clock: MockClock
) -> None:
    """The error names venue, verb, status and code, says what to do, and not what the key was."""
    with pytest.raises(CredentialsError) as caught:
        async with open_listen_key(USDM, Credentials("nobodys-api-key"), transport=transport):
            raise AssertionError
    text = str(caught.value)
    assert all(part in text for part in ["binance-usdm", "create", "HTTP 401", "-2015", "whitelist"])
    assert "nobodys" not in text
    assert verbs(exchange) == ["create"]


async def test_retired_endpoint_is_raised_at_once(
    exchange: Exchange, transport: MemoryTransport, autojump_clock: MockClock
) -> None:
    """HTTP 410 with an HTML page says that the mechanism is gone, and the error says what replaced it."""
    exchange.retired.add(SPOT_CLASSIC)
    with pytest.raises(EndpointGoneError, match="open_user_stream"):
        async with open_listen_key(venues.BINANCE_SPOT_CLASSIC, ALICE, transport=transport):
            raise AssertionError
    assert len(exchange.log) == 1


@pytest.mark.parametrize("effect", [unsafe_key(), long_key()], ids=["path traversal", "10 kB"])
async def test_listen_key_that_is_none_is_refused(
    effect: Any, exchange: Exchange, transport: MemoryTransport, autojump_clock: MockClock
) -> None:
    """What cannot become part of a URL never does; what was made with it is closed where that takes no key."""
    exchange.add_faults(Fault(verb="create", effect=effect))
    with pytest.raises(RefusedError, match="not valid in a URL") as caught:
        async with open_listen_key(USDM, ALICE, transport=transport):
            raise AssertionError
    assert len(str(caught.value)) < 400
    assert verbs(exchange) == ["create", "close"]
    assert exchange.open_keys(trio.current_time()) == ()


async def test_lost_answer_and_cancellation_leave_no_key(autojump_clock: MockClock) -> None:
    """Where a key must be named to be closed and its answer was lost, one create more tells it on the way out."""
    exchange = Exchange(seed=1, faults=[Fault(verb="create", nth=1, effect=Reset(after_work=True))])
    exchange.add_account(ALICE.api_key)
    transport = MemoryTransport(exchange)
    timing = Timing(retry_base=20)
    with trio.move_on_after(1):
        async with open_listen_key(venues.BINANCE_US, ALICE, transport=transport, timing=timing):
            raise AssertionError
    assert verbs(exchange) == ["create", "create", "close"]
    assert exchange.open_keys(trio.current_time()) == ()


# --- Bad calls


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"venue": "binance"}, "venue is of type str"),
        ({"credentials": "an-api-key-by-mistake"}, "credentials is of type str"),
        ({"timing": 30}, "timing is of type int"),
        ({"transport": object()}, "transport is of type object"),
        ({"instrument": object()}, "instrument is of type object"),
        ({"on_exit": "delete"}, "on_exit is 'delete'"),
        ({"on_lost": "ignore"}, "on_lost is 'ignore'"),
        ({"timing": Timing(keepalive_every=3600)}, "too late for keys that live 3600 s"),
        ({"timing": Timing(keepalive_every=30, validity=20)}, "too late for keys that live 20 s"),
    ],
)
def test_bad_calls_are_refused_at_once(changes: dict[str, Any], message: str) -> None:
    """A wrong argument is a clear error at the call, before anything is sent, and quotes no secret."""
    arguments = {"venue": USDM, "credentials": ALICE, **changes}
    with pytest.raises(UsageError, match=message) as caught:
        open_listen_key(**arguments)
    assert isinstance(caught.value, ValueError)
    assert "by-mistake" not in str(caught.value)


# --- Others' code


class Watcher(Instrument):
    """Writes down all that it is told."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, Any]] = []

    def created(self, venue: str, generation: int) -> None:
        self.seen.append(("created", generation))

    def renewed(self, venue: str, generation: int) -> None:
        self.seen.append(("renewed", generation))

    def retrying(self, venue: str, generation: int, error: ListenKeyError, delay: float) -> None:
        self.seen.append(("retrying", error.status))

    def lost(self, venue: str, generation: int, error: ListenKeyError) -> None:
        self.seen.append(("lost", error.code))

    def replaced(self, venue: str, generation: int) -> None:
        self.seen.append(("replaced", generation))

    def closed(self, venue: str, generation: int, error: ListenKeyError | None) -> None:
        self.seen.append(("closed", error))


async def test_instrument_is_told_everything(
    exchange: Exchange, transport: MemoryTransport, autojump_clock: MockClock
) -> None:
    """In order, once each."""
    exchange.add_faults(Fault(verb="keepalive", nth=1, effect=service_unavailable()))
    exchange.add_faults(Fault(verb="keepalive", nth=3, effect=KillKey()))
    watcher = Watcher()
    async with open_listen_key(USDM, ALICE, transport=transport, timing=PROMPT, instrument=watcher) as key:
        await key.wait_replaced(1)
    assert watcher.seen == [
        ("created", 1),
        ("retrying", 503),
        ("renewed", 1),
        ("lost", -1125),
        ("replaced", 2),
        ("closed", None),
    ]


async def test_plain_instrument_needs_nothing_overridden(
    exchange: Exchange, transport: MemoryTransport, autojump_clock: MockClock
) -> None:
    """Each method of the base class does nothing."""
    exchange.add_faults(Fault(verb="keepalive", nth=1, effect=service_unavailable()))
    exchange.add_faults(Fault(verb="keepalive", nth=3, effect=KillKey()))
    async with open_listen_key(USDM, ALICE, transport=transport, instrument=Instrument()) as key:
        await key.wait_replaced(1)


async def test_instrument_that_raises_is_not_called_again(
    exchange: Exchange, transport: MemoryTransport, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Somebody's metrics must not cost anybody their key."""

    class Broken(Instrument):
        calls = 0

        def created(self, venue: str, generation: int) -> None:
            Broken.calls += 1
            raise ZeroDivisionError

        def closed(self, venue: str, generation: int, error: ListenKeyError | None) -> None:
            Broken.calls += 1

    async with open_listen_key(USDM, ALICE, transport=transport, instrument=Broken()):
        pass
    assert Broken.calls == 1
    assert "Broken raised in created" in caplog.text
    assert exchange.open_keys(trio.current_time()) == ()


async def test_transport_that_breaks_its_contract(autojump_clock: MockClock) -> None:
    """Whatever it raises becomes one clear error of ours that tells the type and the place, and no text of it."""

    class Broken:
        async def request(self, request: Any) -> Response:
            await trio.lowlevel.checkpoint()
            raise KeyError(dict(request.headers)["X-MBX-APIKEY"])

        async def aclose(self) -> None:
            raise AssertionError

    with pytest.raises(ListenKeyError, match="the transport raised KeyError") as caught:
        async with open_listen_key(USDM, ALICE, transport=Broken()):
            raise AssertionError
    assert __file__ in str(caught.value)
    assert ALICE.api_key not in "".join(traceback.format_exception(caught.value))


async def test_quiet_when_all_is_well(
    transport: MemoryTransport, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """A healthy run logs nothing above INFO."""
    caplog.set_level("DEBUG")
    async with open_listen_key(USDM, ALICE, transport=transport):
        await trio.sleep(7200)
    assert {record.levelname for record in caplog.records} == {"INFO", "DEBUG"}


async def test_repr_tells_the_state_and_no_secret(transport: MemoryTransport, autojump_clock: MockClock) -> None:
    """The handle may be printed."""
    async with open_listen_key(USDM, ALICE, transport=transport) as key:
        assert repr(key) == "<ListenKey of binance-usdm, held, generation 1>"
    assert repr(key) == "<ListenKey of binance-usdm, closed, generation 1>"
