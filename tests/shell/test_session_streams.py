"""Streams that are asked for on the socket: Binance spot by signature, Binance margin by token."""

from __future__ import annotations

import base64
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
import trio
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from stream_watch import begin, what_is_left
from trio.testing import MockClock

from trio_listenkey import (
    Credentials,
    CredentialsError,
    Gap,
    RefusedError,
    Timing,
    UnavailableError,
    UsageError,
    UserEvent,
    UserStream,
    open_listen_key,
    open_user_stream,
    venues,
)
from trio_listenkey._core._backoff import DOUBTFUL_TRIES
from trio_listenkey.testing import (
    MARGIN,
    SPOT,
    CloseSocket,
    Delay,
    Dialect,
    Effect,
    Exchange,
    Fault,
    HalfOpen,
    Hang,
    KillKey,
    MemoryConnector,
    MemoryTransport,
    Reset,
    api_error,
    event_number,
    rate_limited,
    serve_exchange,
)

ALICE = Credentials("the-api-key-of-alice", "the-secret-of-alice")
PROMPT = Timing(jitter=0)
DAY = 86_400.0

both = pytest.mark.parametrize(
    "venue",
    [venues.BINANCE_SPOT, venues.BINANCE_MARGIN, venues.binance_margin_isolated("BTCUSDT")],
    ids=lambda v: v.name,
)

each = pytest.mark.parametrize(
    ("venue", "dialect"),
    [(venues.BINANCE_SPOT, SPOT), (venues.BINANCE_MARGIN, MARGIN)],
    ids=["binance-spot", "binance-margin"],
)


def an_exchange(**kwargs: Any) -> Exchange:
    """One on which alice has an account, by this machine's calendar: what is signed has a time in it."""
    options = {"seed": 1, "dialects": [SPOT, MARGIN], "epoch": time.time() - trio.current_time()}
    exchange = Exchange(**{**options, **kwargs})
    exchange.add_account(ALICE.api_key, name="alice", secret=ALICE.api_secret)
    return exchange


@asynccontextmanager
async def stream_of(
    exchange: Exchange, venue: Any = venues.BINANCE_SPOT, credentials: Credentials = ALICE, **options: Any
) -> AsyncIterator[UserStream]:
    async with open_user_stream(
        venue,
        credentials,
        transport=MemoryTransport(exchange),
        connector=MemoryConnector(exchange),
        **{"timing": PROMPT, **options},
    ) as stream:
        await begin(stream)
        yield stream


def happens(exchange: Exchange, count: int = 1, dialect: Dialect = SPOT) -> None:
    exchange.emit("alice", trio.current_time(), count=count, dialect=dialect)


async def take(stream: Any, count: int) -> list[Any]:
    items = []
    with trio.fail_after(300):
        for _ in range(count):
            items.append(await stream.receive())  # noqa: PERF401 - checkers of checkpoints see this one
    return items


async def test_events_arrive_out_of_their_envelope(autojump_clock: MockClock) -> None:
    """Type, time and data are the event's own; ``raw`` has the envelope."""
    exchange = an_exchange()
    async with stream_of(exchange) as stream:
        happens(exchange)
        (event,) = await take(stream, 1)
    assert isinstance(event, UserEvent)
    assert event.type == "executionReport" == event.data["e"]
    assert event.time == event.data["E"]
    assert event.raw.startswith(b'{"subscriptionId":0,"event":{')
    assert event.payload in event.raw


@pytest.mark.no_cover
async def test_a_day_passes_without_a_loss(autojump_clock: MockClock) -> None:
    """A socket lives for a day; the next one is subscribed before it is left, and nothing comes twice."""
    exchange = an_exchange()
    numbers: list[Any] = []
    async with stream_of(exchange) as stream:
        exchange.emit_rate("alice", 0.005, trio.current_time(), dialect=SPOT)
        with trio.move_on_after(DAY + 1):
            async for item in stream:
                assert isinstance(item, UserEvent)
                numbers.append(item.data["E"])
        statistics = stream.statistics()
    assert (statistics.moves, statistics.gaps) == (1, 1)
    assert numbers == sorted(set(numbers))
    assert len(numbers) == exchange.emitted("alice", dialect=SPOT)
    assert await what_is_left(exchange) == []


async def test_nobody_is_told_of_a_key_where_there_is_none(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Nor is there a number of one."""
    caplog.set_level("INFO", logger="trio_listenkey")
    async with stream_of(an_exchange()):
        pass
    assert [record.getMessage() for record in caplog.records] == [
        "binance-spot: user stream connected",
        "binance-spot: user stream open; earlier events are not known",
    ]


@pytest.mark.no_cover
async def test_a_quiet_day_passes_without_a_gap(autojump_clock: MockClock) -> None:
    """Without an event to prove anything, the socket that is left says itself that it has missed nothing."""
    async with stream_of(an_exchange()) as stream:
        with trio.move_on_after(DAY + 1):
            item = await stream.receive()
            raise AssertionError(f"nothing happened, and yet there was {item}")
        statistics = stream.statistics()
        assert (statistics.moves, statistics.gaps, statistics.disconnects) == (1, 1, 0)
        assert statistics.is_live


async def test_an_announced_end_is_no_gap_on_a_quiet_account(autojump_clock: MockClock) -> None:
    """The exchange says that it will end the socket; the stream moves, and what happens next comes from the other."""
    exchange = an_exchange()
    async with stream_of(exchange) as stream:
        await trio.sleep(30)
        exchange.shut_down_sockets(trio.current_time(), after=20)
        await trio.sleep(60)
        happens(exchange)
        shutdown, event = await take(stream, 2)
        assert [shutdown.type, event.type] == ["serverShutdown", "executionReport"]
        assert (stream.statistics().moves, stream.statistics().gaps) == (1, 1)
        assert len(exchange.sockets(trio.current_time())) == 1


@pytest.mark.no_cover
async def test_nothing_is_lost_or_doubled_by_moves_on_a_busy_account(autojump_clock: MockClock) -> None:
    """The first socket's answer does not overtake its events."""
    exchange = an_exchange()
    timing = Timing(jitter=0, socket_lifetime=100)
    async with stream_of(exchange, timing=timing) as stream:
        exchange.emit_rate("alice", 40, trio.current_time(), dialect=SPOT)
        numbers = [item.data["E"] for item in await take(stream, 40 * 250)]
        assert stream.statistics().moves == 2
    assert numbers == sorted(set(numbers))
    assert len(numbers) == 40 * 250


@each
async def test_a_subscription_that_died_before_a_move_is_covered(
    venue: Any, dialect: Dialect, autojump_clock: MockClock
) -> None:
    """The socket that is left is asked, too, and does not know it any more: the gap begins with its last proof."""
    exchange = an_exchange()
    async with stream_of(exchange, venue) as stream:
        await trio.sleep(1)
        exchange.strike_sockets(KillKey(announced=False), trio.current_time())
        await trio.sleep(10)
        happens(exchange, dialect=dialect)
        lost_at = trio.current_time()
        await trio.sleep(10)
        exchange.shut_down_sockets(trio.current_time(), after=30)
        moved_at = trio.current_time()
        shutdown, gap = await take(stream, 2)
        assert shutdown.type == "serverShutdown"
        assert isinstance(gap, Gap)
        assert trio.current_time() <= moved_at + 6
        assert gap.started_at <= 1
        assert lost_at <= gap.ended_at
        happens(exchange, dialect=dialect)
        assert isinstance((await take(stream, 1))[0], UserEvent)


@pytest.mark.parametrize("effect", [Hang(), api_error(500, -1000, "Unknown.")], ids=["silent", "cannot-say"])
async def test_a_socket_that_does_not_say_what_became_of_it_is_a_gap(effect: Effect, autojump_clock: MockClock) -> None:
    """It is given five seconds after both have overlapped; then what was not proven is told, and events follow."""
    exchange = an_exchange()
    async with stream_of(exchange) as stream:
        await trio.sleep(80)
        # Of what is said from now on, the first is the next socket's subscription, and the second is the question.
        exchange.add_faults(Fault(verb="api", effect=effect, nth=2, count=1))
        exchange.shut_down_sockets(trio.current_time(), after=30)
        moved_at = trio.current_time()
        shutdown, gap = await take(stream, 2)
        assert shutdown.type == "serverShutdown"
        assert isinstance(gap, Gap)
        assert moved_at + 3 < trio.current_time() <= moved_at + 8
        assert 58 <= gap.started_at <= 60  # when it was last asked in silence, and feed_lag before
        assert gap.ended_at == pytest.approx(moved_at + 1)
        happens(exchange)
        assert isinstance((await take(stream, 1))[0], UserEvent)


async def test_a_move_while_the_consumer_is_slow_loses_nothing(autojump_clock: MockClock) -> None:
    """Where nobody reads, no answer is seen; the socket is not given up for that."""
    exchange = an_exchange()
    timing = Timing(jitter=0, socket_lifetime=100)
    async with stream_of(exchange, timing=timing, buffer=10) as stream:
        await trio.sleep(80)
        happens(exchange, 10)  # there is no room for more: nobody reads from here on
        await trio.sleep(5)
        happens(exchange, 3)
        await trio.sleep(35)
        assert stream.statistics().state == "draining"
        happens(exchange, 3)
        await trio.sleep(10)
        items = await take(stream, 16)
        assert [item.type for item in items] == ["executionReport"] * 16
        numbers = [event_number(item.data) for item in items]
        assert numbers == sorted(set(numbers))
        await trio.sleep(5)
        assert (stream.statistics().moves, stream.statistics().gaps) == (1, 1)


async def test_a_quiet_account_is_asked_about_on_the_socket(autojump_clock: MockClock) -> None:
    """Once a minute the exchange is asked whether the subscription is there; it takes no REST call."""
    exchange = an_exchange()
    async with stream_of(exchange) as stream:
        await trio.sleep(200)
        assert stream.statistics().silence_checks == 3
        assert stream.statistics().is_live
    asked = [entry for entry in exchange.log if entry.method == "session.subscriptions"]
    assert len(asked) == 3
    assert not [entry for entry in exchange.log if entry.method in {"POST", "PUT", "DELETE"}]


@pytest.mark.parametrize("then", [None, Reset()], ids=["asked", "socket-ends"])
async def test_a_subscription_that_dies_silently_is_covered(then: Effect | None, autojump_clock: MockClock) -> None:
    """However it comes to light, the gap begins when the subscription was last known to be alive."""
    exchange = an_exchange()
    async with stream_of(exchange) as stream:
        await trio.sleep(1)
        exchange.strike_sockets(KillKey(announced=False), trio.current_time())
        await trio.sleep(10)
        happens(exchange)
        lost_at = trio.current_time()
        await trio.sleep(30)
        if then is not None:
            exchange.strike_sockets(then, trio.current_time())
        (gap,) = await take(stream, 1)
        assert isinstance(gap, Gap)
        assert gap.started_at <= lost_at <= gap.ended_at


@pytest.mark.parametrize("effect", [Reset(), CloseSocket(1001), HalfOpen()], ids=["reset", "1001", "half-open"])
async def test_a_socket_that_ends_is_a_gap(effect: Effect, autojump_clock: MockClock) -> None:
    """Another one is opened and subscribed, and what may be missing is told before the next event."""
    exchange = an_exchange()
    async with stream_of(exchange) as stream:
        happens(exchange)
        await take(stream, 1)
        await trio.sleep(30)
        lost_at = trio.current_time()
        exchange.strike_sockets(effect, lost_at)
        happens(exchange)
        (gap,) = await take(stream, 1)
        assert isinstance(gap, Gap)
        assert gap.started_at <= lost_at <= gap.ended_at
        assert gap.ended_at - lost_at <= 2 * PROMPT.ping_every + 5
        happens(exchange)
        (event,) = await take(stream, 1)
        assert isinstance(event, UserEvent)


async def test_a_subscription_that_is_gone_is_noticed(autojump_clock: MockClock) -> None:
    """The exchange that ends it says so; the stream begins again, with a gap."""
    exchange = an_exchange()
    async with stream_of(exchange) as stream:
        await trio.sleep(5)
        exchange.kill_key("alice", trio.current_time(), dialect=SPOT)
        (gap,) = await take(stream, 1)
        assert isinstance(gap, Gap)
        happens(exchange)
        assert isinstance((await take(stream, 1))[0], UserEvent)


async def test_a_wrong_secret_is_told_at_once(autojump_clock: MockClock) -> None:
    """It is an error of the credentials', without them in it."""
    exchange = an_exchange()
    with pytest.raises(CredentialsError) as caught:
        async with stream_of(exchange, credentials=Credentials(ALICE.api_key, "another-secret")):
            raise AssertionError("the block was entered")
    assert trio.current_time() == 0
    assert caught.value.code == -1022
    assert caught.value.verb == "subscribe"
    assert ALICE.api_key not in str(caught.value)
    assert await what_is_left(exchange) == []


def test_a_missing_secret_is_told_at_the_call() -> None:
    """Nothing is sent for that."""
    with pytest.raises(UsageError, match="API secret is missing"):
        open_user_stream(venues.BINANCE_SPOT, Credentials("key"))


def test_there_is_no_key_to_open() -> None:
    """Who asks for one is told what to use."""
    with pytest.raises(UsageError, match=r"has no listen keys.*open_user_stream"):
        open_listen_key(venues.BINANCE_SPOT, ALICE)


async def test_a_stream_without_a_key_says_so(autojump_clock: MockClock) -> None:
    """Its statistics have none, and asking for it is an error."""
    async with stream_of(an_exchange()) as stream:
        assert stream.statistics().key is None
        assert stream.statistics().generation == 1
        with pytest.raises(UsageError, match="has no listen keys"):
            _ = stream.key
        assert stream.venue is venues.BINANCE_SPOT


async def test_a_revoked_api_key_ends_the_block(autojump_clock: MockClock) -> None:
    """What the exchange refuses for good cancels the block, and leaves it as one error."""
    exchange = an_exchange()
    with pytest.raises(CredentialsError) as caught:
        async with stream_of(exchange):
            exchange.revoke(ALICE.api_key)
            await trio.sleep(1000)
    assert caught.value.code == -2015
    assert trio.current_time() < 100
    assert await what_is_left(exchange) == []


async def test_a_clock_that_is_wrong_is_set(autojump_clock: MockClock) -> None:
    """A refusal for the time's sake is answered by asking for the time, once."""
    exchange = an_exchange(epoch=time.time() - trio.current_time() + 600)
    async with stream_of(exchange) as stream:
        happens(exchange)
        await take(stream, 1)
    assert [entry.method for entry in exchange.log if entry.verb == "api"][:3] == [
        "userDataStream.subscribe.signature",
        "time",
        "userDataStream.subscribe.signature",
    ]


async def test_silence_is_kept_when_it_is_asked_for(autojump_clock: MockClock) -> None:
    """No socket is opened before the exchange said so."""
    exchange = an_exchange()
    async with stream_of(exchange) as stream:
        await trio.sleep(60.5)
        exchange.add_faults(Fault(verb="api", effect=rate_limited(120), count=1))
        exchange.strike_sockets(Reset(), trio.current_time())
        refused_at = trio.current_time()
        (gap,) = await take(stream, 1)
        assert isinstance(gap, Gap)
        assert trio.current_time() - refused_at >= 120
    assert exchange.requests_during_bans == 0


async def test_an_exchange_that_does_not_answer_is_given_up(autojump_clock: MockClock) -> None:
    """Opening ends with ``open_timeout``, and nothing is left."""
    exchange = an_exchange(faults=[Fault(verb="api", effect=Hang())])
    with pytest.raises(UnavailableError):
        async with stream_of(exchange):
            raise AssertionError("the block was entered")
    assert trio.current_time() <= PROMPT.open_timeout + 1
    assert await what_is_left(exchange) == []


async def test_a_passing_failure_is_tried_again(autojump_clock: MockClock) -> None:
    """The exchange's own trouble is no refusal."""
    exchange = an_exchange(faults=[Fault(verb="api", effect=api_error(500, -1001, "Internal error."), count=2)])
    async with stream_of(exchange) as stream:
        happens(exchange)
        assert isinstance((await take(stream, 1))[0], UserEvent)


async def test_a_signer_may_sign(autojump_clock: MockClock) -> None:
    """Ed25519, with a key that this library never sees; the signature goes out in base64."""
    private = Ed25519PrivateKey.generate()
    pem = private.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    exchange = Exchange(seed=1, dialects=[SPOT], epoch=time.time() - trio.current_time())
    exchange.add_account("an-ed25519-key", name="alice", public_key=pem)
    async with stream_of(exchange, credentials=Credentials("an-ed25519-key", signer=private.sign)) as stream:
        happens(exchange)
        assert isinstance((await take(stream, 1))[0], UserEvent)
    with pytest.raises(RefusedError):
        async with stream_of(
            exchange, credentials=Credentials("an-ed25519-key", signer=lambda _: base64.b64encode(bytes(64)).decode())
        ):
            raise AssertionError("the block was entered")


@pytest.mark.parametrize("signer", [lambda _: 1 / 0, lambda _: None], ids=["raises", "returns-nothing"])
async def test_a_bad_signer_is_told(signer: Callable[[bytes], Any], autojump_clock: MockClock) -> None:
    """Its own words are not, for they may be secret."""
    with pytest.raises(UsageError, match="the signer") as caught:
        async with stream_of(an_exchange(), credentials=Credentials("a-key", signer=signer)):
            raise AssertionError("the block was entered")
    assert caught.value.__cause__ is None


# --- Margin


@pytest.mark.no_cover
async def test_a_token_is_replaced_before_it_ends(autojump_clock: MockClock) -> None:
    """The stream moves to the next one while the old one lives, again and again, on a quiet account, too."""
    exchange = an_exchange()
    async with stream_of(exchange, venues.BINANCE_MARGIN) as stream:
        with trio.move_on_after(DAY + 5):
            item = await stream.receive()
            raise AssertionError(f"nothing happened, and yet there was {item}")
        assert stream.key.generation == 3
        assert (stream.statistics().moves, stream.statistics().gaps) == (2, 1)
        happens(exchange, dialect=MARGIN)
        assert isinstance((await take(stream, 1))[0], UserEvent)


async def test_a_token_that_died_before_it_was_replaced_is_covered(autojump_clock: MockClock) -> None:
    """The socket by the old token is asked once the next one is subscribed, and does not know it any more."""
    exchange = an_exchange()
    async with stream_of(exchange, venues.BINANCE_MARGIN) as stream:
        await trio.sleep(DAY / 2 - 20)
        exchange.strike_sockets(KillKey(announced=False), trio.current_time())
        await trio.sleep(5)
        happens(exchange, dialect=MARGIN)
        lost_at = trio.current_time()
        (gap,) = await take(stream, 1)
        assert isinstance(gap, Gap)
        assert gap.started_at <= lost_at <= gap.ended_at
        assert (gap.generation_before, gap.generation_after) == (1, 2)


async def test_a_next_socket_that_fails_costs_nothing(autojump_clock: MockClock) -> None:
    """When a token is replaced the socket by the old one goes on until there is another that takes over."""
    exchange = an_exchange()
    async with stream_of(exchange, venues.BINANCE_MARGIN) as stream:
        await trio.sleep(DAY / 2 - 5)
        assert stream.key.generation == 1
        # The second request from now on is the question on the first socket: while its answer is under way, there is
        # time for the next one, which is the second to which that may happen, to fail.
        exchange.add_faults(Fault(verb="api", effect=Delay(2), nth=2, count=1))
        exchange.add_faults(Fault(verb="socket", effect=Delay(1, Reset()), nth=2, count=1))
        with trio.move_on_after(60):
            item = await stream.receive()
            raise AssertionError(f"nothing happened, and yet there was {item}")
        assert stream.statistics().moves == 1
        assert stream.statistics().disconnects == 1


async def test_a_token_that_is_not_known_is_fetched_anew(autojump_clock: MockClock) -> None:
    """The exchange that says so on the socket is asked for another at once, not in half a day."""
    exchange = an_exchange()
    async with stream_of(exchange, venues.BINANCE_MARGIN) as stream:
        exchange.add_faults(Fault(verb="api", effect=api_error(400, -1209, "Invalid listenToken."), count=1))
        exchange.strike_sockets(Reset(), trio.current_time())
        (gap,) = await take(stream, 1)
        assert isinstance(gap, Gap)
        assert gap.generation_after == 2


# --- Over real sockets


@both
async def test_over_real_sockets(venue: Any) -> None:
    """The demo of a whole life: subscribed, heard, dropped, subscribed again, left with nothing open."""
    exchange = Exchange(seed=1, dialects=[SPOT, MARGIN])
    exchange.add_account(ALICE.api_key, name="alice", secret=ALICE.api_secret)
    with trio.fail_after(20):
        async with serve_exchange(exchange, tls=False) as served:
            dialect = SPOT if venue is venues.BINANCE_SPOT else MARGIN
            async with open_user_stream(served.venue_at(venue), ALICE, timing=PROMPT) as stream:
                await begin(stream)
                here = served.now
                if "isolated" not in venue.name:
                    exchange.emit("alice", here(), count=2, dialect=dialect)
                    assert [item.type for item in await take(stream, 2)] == ["executionReport"] * 2
                exchange.strike_sockets(Reset(), here())
                assert isinstance((await take(stream, 1))[0], Gap)
                assert stream.statistics().is_live


class TestACodeThatNobodyDocuments:
    """What holds of a listen key holds of a subscription (K3)."""

    async def test_before_there_was_a_subscription(self, autojump_clock: MockClock) -> None:
        """It is refused at once."""
        exchange = an_exchange(faults=[Fault(verb="api", effect=api_error(400, -987654, "?"))])
        began = trio.current_time()
        with pytest.raises(RefusedError, match="-987654"):
            async with stream_of(exchange):
                raise AssertionError
        assert trio.current_time() == began

    @pytest.mark.parametrize("code", [-987654, -1016])
    async def test_a_stream_that_has_worked_outlasts_it(self, code: int, autojump_clock: MockClock) -> None:
        """Another socket tries again, and there is a gap in between."""
        exchange = an_exchange()
        async with stream_of(exchange) as stream:
            fault = Fault(verb="api", after=trio.current_time(), count=5, effect=api_error(400, code, "?"))
            exchange.add_faults(fault)
            exchange.strike_sockets(CloseSocket(1001), trio.current_time())
            (gap,) = await take(stream, 1)
            happens(exchange)
            (event,) = await take(stream, 1)
            assert stream.statistics().failed_connects == 5
        assert isinstance(gap, Gap)
        assert isinstance(event, UserEvent)

    async def test_it_does_not_go_on_for_ever(self, autojump_clock: MockClock) -> None:
        """After so many tries the block is told what the exchange says."""
        exchange = an_exchange()
        with pytest.raises(RefusedError, match="-987654"):
            async with stream_of(exchange) as stream:
                exchange.add_faults(Fault(verb="api", effect=api_error(400, -987654, "?")))
                exchange.strike_sockets(CloseSocket(1001), trio.current_time())
                await trio.sleep(1000)
        assert stream.statistics().failed_connects == 1 + DOUBTFUL_TRIES


class TestRecvWindow:
    @pytest.mark.parametrize("window", [5000, "5000", 6000.346, "6000.346"])
    async def test_it_goes_out_as_a_number(self, window: float | str, autojump_clock: MockClock) -> None:
        """However it is written, the exchange, which refuses a text, is sent a number, and that is signed."""
        venue = replace(venues.BINANCE_SPOT, parameters=(("recvWindow", window),))
        exchange = an_exchange()
        async with stream_of(exchange, venue) as stream:
            happens(exchange)
            (event,) = await take(stream, 1)
        assert isinstance(event, UserEvent)

    @pytest.mark.parametrize("window", ["", "-1", "soon", "5000.0001", "1e3", "60 000"])
    def test_what_is_no_number_is_told_at_the_call(self, window: str) -> None:
        """The exchange would say so later, and in other words."""
        with pytest.raises(UsageError, match="recvWindow"):
            replace(venues.BINANCE_SPOT, parameters=(("recvWindow", window),))

    def test_other_parameters_stay_as_they_are(self) -> None:
        """What the exchange comes to have, the user knows best."""
        venue = replace(venues.BINANCE_SPOT, parameters=(("newOption", "1"), ("other", 2)))
        assert venue.parameters == (("newOption", "1"), ("other", 2))
