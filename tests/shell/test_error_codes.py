"""What the exchanges' error codes do to a key: on one that lives, and before there is any."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
import trio
from test_venue_lives import ALICE, DIALECTS, an_exchange, credentials_for, every_venue
from trio.testing import MockClock

from trio_listenkey import (
    CredentialsError,
    Instrument,
    ListenKeyError,
    RateLimitedError,
    RefusedError,
    Timing,
    UnavailableError,
    UsageError,
    Venue,
    open_listen_key,
    testing as t,
    venues,
)
from trio_listenkey._core._backoff import DOUBTFUL_TRIES
from trio_listenkey._core._outcomes import Failure, Gone, Ok, Refused, Transient, Wait
from trio_listenkey._http import Response
from trio_listenkey._protocol._responses import read_answer
from trio_listenkey.testing import Dialect, Exchange, Fault, MemoryTransport, Status, api_error

OFTEN = Timing(keepalive_every=60, jitter=0)

# What ended blocks although it passes: busy exchanges, request limits, and a clock.
PASSING: list[tuple[Venue, int, int | str, type[ListenKeyError]]] = [
    (venues.BINGX, 200, 100410, RateLimitedError),
    (venues.BINGX, 200, 100500, UnavailableError),
    (venues.BINGX, 200, 109500, UnavailableError),
    (venues.BINGX, 200, 100421, RefusedError),
    (venues.HASHKEY, 400, "0003", RateLimitedError),
    (venues.TOOBIT, 400, -1015, RateLimitedError),
    (venues.MEXC, 400, 510, RateLimitedError),
    (venues.MEXC, 400, 501, UnavailableError),
    (venues.MEXC, 200, 500, UnavailableError),
    (venues.BITRUE, 200, 1, UnavailableError),
    (venues.BINANCE_US, 400, -1004, UnavailableError),
    (venues.BINANCE_USDM, 400, -1016, RefusedError),
    (venues.BINANCE_OPTIONS, 400, -1008, RateLimitedError),
    (venues.GMO_COIN, 400, -987654, RefusedError),
]

NOT_LET_IN: list[tuple[Venue, int, int | str]] = [
    *[(venues.BINGX, 200, code) for code in (100412, 100419, 100004, 100001, 100413)],
    *[(venues.HASHKEY, 400, code) for code in ("0002", "0102", "0103", "0202")],
    *[(venues.TOOBIT, 400, code) for code in (-1023, -1107)],
    *[(venues.MEXC, 400, code) for code in (700006, 402)],
    *[(venues.COINS_PH, 400, code) for code in (-2017, -2018, -1023)],
    (venues.BINANCE_USDM, 400, -1011),
]


def name_of(value: object) -> str:
    return value.name if isinstance(value, Venue) else value.__name__ if isinstance(value, type) else str(value)


def by_the_calendar(venue: Venue) -> Exchange:
    exchange = an_exchange(DIALECTS[venue], validity=3600)
    exchange.epoch = time.time() - trio.current_time()
    return exchange


@pytest.mark.parametrize(("venue", "status", "code", "told"), PASSING, ids=name_of)
async def test_a_living_key_outlasts_it(
    venue: Venue, status: int, code: int | str, told: type[ListenKeyError], autojump_clock: MockClock
) -> None:
    """Three keepalives fail with it, each is told as a retry, and the key lives on as it was (K3)."""
    exchange, heard = by_the_calendar(venue), []

    class Ear(Instrument):
        def retrying(self, venue: str, generation: int, error: ListenKeyError, delay: float) -> None:
            heard.append(type(error))

    exchange.add_faults(Fault(verb="keepalive", count=3, effect=api_error(status, code, "Not now.")))
    if venue.keepalive is None or (venue.sharing.second_create == "same" and venue.key_in == "account"):
        exchange.add_faults(
            Fault(verb="create", after=trio.current_time() + 1, count=3, effect=api_error(status, code, ""))
        )
    transport = MemoryTransport(exchange)
    async with open_listen_key(venue, ALICE, transport=transport, timing=OFTEN, instrument=Ear()) as key:
        value = key.value
        while key.statistics().renewed < 3:
            await trio.sleep(10)
        assert (key.value, key.generation) == (value, 1)
    assert heard.count(told) >= 3
    assert exchange.requests_during_bans == 0


@pytest.mark.parametrize(("venue", "status", "code"), NOT_LET_IN, ids=name_of)
async def test_who_is_not_let_in_is_told_so(
    venue: Venue, status: int, code: int | str, autojump_clock: MockClock
) -> None:
    """Key, signature, address and permissions are errors about credentials, at once, with the code as it is spelt."""
    exchange = by_the_calendar(venue)
    exchange.add_faults(Fault(verb="create", effect=api_error(status, code, "No.")))
    with pytest.raises(CredentialsError) as caught:
        async with open_listen_key(venue, ALICE, transport=MemoryTransport(exchange)):
            raise AssertionError
    assert (caught.value.code, caught.value.status) == (code, status)
    assert len(exchange.log) == 1


@pytest.mark.parametrize(("venue", "status", "code"), NOT_LET_IN[::4], ids=name_of)
async def test_who_is_let_in_no_longer_is_told_so(
    venue: Venue, status: int, code: int | str, autojump_clock: MockClock
) -> None:
    """On a key that lives they are final, too: another try would be answered in the same way."""
    exchange = by_the_calendar(venue)
    exchange.add_faults(Fault(verb="keepalive", effect=api_error(status, code, "No.")))
    with pytest.raises(CredentialsError):
        async with open_listen_key(venue, ALICE, transport=MemoryTransport(exchange), timing=OFTEN):
            await trio.sleep_forever()
    assert [entry.verb for entry in exchange.log].count("keepalive") == 1


HOLLOW = [b"", b'{"listenKey":null}', b'{"code":0,"msg":"","data":{}}']


@every_venue
@pytest.mark.parametrize("body", HOLLOW, ids=["empty", "null", "no data"])
async def test_a_hollow_create_ends_no_stream_that_worked(
    venue: Venue, dialect: Dialect, body: bytes, autojump_clock: MockClock
) -> None:
    """The key is gone, and three creates answer 200 and name none: each is told, and the fourth replaces the key."""
    exchange = by_the_calendar(venue)
    heard: list[ListenKeyError] = []

    class Ear(Instrument):
        def retrying(self, venue: str, generation: int, error: ListenKeyError, delay: float) -> None:
            heard.append(error)

    transport = MemoryTransport(exchange)
    async with open_listen_key(
        venue, credentials_for(venue), transport=transport, timing=OFTEN, instrument=Ear()
    ) as key:
        await trio.sleep(3700)
        before = key.value
        exchange.kill_key("alice", trio.current_time())
        exchange.add_faults(Fault(verb="create", count=3, effect=t.WrongShape(body)))
        await trio.sleep(600)
        assert key.value != before
        assert key.value in exchange.open_keys(trio.current_time())
        assert key.generation == 2
    assert len(heard) == 3


@every_venue
@pytest.mark.parametrize("body", HOLLOW[1:], ids=["null", "no data"])
async def test_a_hollow_create_opens_no_block(
    venue: Venue, dialect: Dialect, body: bytes, autojump_clock: MockClock
) -> None:
    """At the first opening it is an error: at once where the venue says how a success looks, and that is one."""
    exchange = by_the_calendar(venue)
    exchange.add_faults(Fault(verb="create", effect=t.WrongShape(body)))
    with pytest.raises((RefusedError, UnavailableError)):
        async with open_listen_key(venue, credentials_for(venue), transport=MemoryTransport(exchange)):
            raise AssertionError
    assert trio.current_time() <= Timing().open_timeout


UNKNOWN = [(venues.BINANCE_US, 400), (venues.BINANCE_US, 200), (venues.MEXC, 200), (venues.BINGX, 404 + 18)]


@pytest.mark.parametrize(("venue", "status"), UNKNOWN, ids=name_of)
class TestACodeThatNobodyDocuments:
    async def test_before_the_key_has_worked(self, venue: Venue, status: int, autojump_clock: MockClock) -> None:
        """It is refused at once: this may be the wrong exchange."""
        exchange = by_the_calendar(venue)
        exchange.add_faults(Fault(verb="create", effect=api_error(status, 987654, "?")))
        with pytest.raises(RefusedError) as caught:
            async with open_listen_key(venue, ALICE, transport=MemoryTransport(exchange)):
                raise AssertionError
        assert caught.value.code == 987654
        assert len(exchange.log) == 1

    async def test_once_it_has_worked(self, venue: Venue, status: int, autojump_clock: MockClock) -> None:
        """It is tried again with backoff, so many times, and then raised."""
        exchange = by_the_calendar(venue)
        exchange.add_faults(
            Fault(verb="keepalive", after=trio.current_time() + 100, effect=api_error(status, 987654, "?"))
        )
        with pytest.raises(RefusedError) as caught:
            async with open_listen_key(venue, ALICE, transport=MemoryTransport(exchange), timing=OFTEN):
                await trio.sleep_forever()
        assert caught.value.code == 987654
        refused = [entry.when for entry in exchange.log if entry.verb == "keepalive" and entry.work is None]
        assert len(refused) == 1 + DOUBTFUL_TRIES
        assert 60 < refused[-1] - refused[0] < 900


# The library's reading of an answer, by what the exchange means by it.
MEANINGS: dict[str, tuple[type[Failure], type[ListenKeyError], bool]] = {
    "no_api_key": (Refused, CredentialsError, False),
    "api_key": (Refused, CredentialsError, False),
    "signature": (Refused, CredentialsError, False),
    "unsigned": (Refused, CredentialsError, False),
    "address": (Refused, CredentialsError, False),
    "clock": (Refused, RefusedError, True),
    "gone": (Gone, RefusedError, False),
    "busy": (Transient, UnavailableError, False),
    "limited": (Wait, RateLimitedError, False),
}
# HashKey says of a missing API key what it says of any missing field; nothing that is sent lacks one.
DIFFERENT = {("hashkey", "no_api_key"), ("hashkey-hk", "no_api_key")}


@every_venue
@pytest.mark.parametrize("field", MEANINGS)
def test_library_and_exchange_agree(venue: Venue, dialect: Dialect, field: str) -> None:
    """The two were written from the documents apart: what each dialect answers means to the library what it is for."""
    answer: Status | None = getattr(dialect.refusals, field)
    if answer is None or (venue.name, field) in DIFFERENT:
        return
    response = Response(answer.code, answer.headers, answer.body)
    outcome = read_answer(venue, "keepalive", response, epoch=time.time(), hide=())
    kind, error, doubtful = MEANINGS[field]
    assert not isinstance(outcome, Ok)
    assert (type(outcome), type(outcome.error)) == (kind, error)
    assert not isinstance(outcome, Refused) or outcome.doubtful is doubtful


@every_venue
def test_they_agree_on_who_says_that_a_key_has_expired(venue: Venue, dialect: Dialect) -> None:
    """The library says that the documents have that event where the exchange, by the same documents, sends it."""
    shape = venue.stream
    assert dialect.stream.announces_expiry is (shape.expired == "listenKeyExpired" and shape.expired_is_documented)


@every_venue
async def test_the_exchange_s_own_limit_is_respected(venue: Venue, dialect: Dialect, autojump_clock: MockClock) -> None:
    """Told in each dialect's words that there were too many requests, nothing more is sent to that host (K3)."""
    exchange = by_the_calendar(venue)
    exchange.add_faults(Fault(verb="keepalive", effect=t.rate_limited(40), count=1))
    if venue.keepalive is None:
        exchange.add_faults(Fault(verb="create", nth=2, effect=t.rate_limited(40), count=1))
    async with open_listen_key(venue, credentials_for(venue), transport=MemoryTransport(exchange), timing=OFTEN) as key:
        while key.statistics().renewed < 2:
            await trio.sleep(10)
        assert key.statistics().waits == 1
    assert exchange.requests_during_bans == 0


@pytest.mark.parametrize("is_shared", [True, False])
async def test_a_ban_holds_wherever_limits_are_shared(is_shared: bool, autojump_clock: MockClock) -> None:
    """USD-M and COIN-M are two hosts that count together: told to wait by one, neither is asked (K3)."""
    exchange = Exchange(seed=1, dialects=[t.USDM, t.COINM])
    exchange.add_account(ALICE.api_key, name="alice")
    transport = MemoryTransport(exchange)
    usdm, coinm = venues.BINANCE_USDM, venues.BINANCE_COINM
    if not is_shared:
        usdm, coinm = replace(usdm, limits_shared_with=()), replace(coinm, limits_shared_with=())
    async with (
        open_listen_key(coinm, ALICE, transport=transport, timing=Timing(keepalive_every=10, jitter=0)) as asked_often,
        open_listen_key(usdm, ALICE, transport=transport, timing=Timing(keepalive_every=63, jitter=0)) as told,
    ):
        await trio.sleep(61)
        exchange.add_faults(Fault(verb="keepalive", count=1, effect=t.rate_limited(45)))
        while not told.statistics().waits:
            await trio.sleep(0.1)
        await trio.sleep(60)
        assert asked_often.statistics().renewed >= 6
    assert (exchange.requests_during_bans == 0) is is_shared


def test_at_another_address_nothing_is_shared() -> None:
    """A testnet has limits of its own; and what is no address is told at once."""
    assert venues.BINANCE_USDM.at("https://a.test", "wss://b.test").limits_shared_with == ()
    with pytest.raises(UsageError, match="limits_shared_with"):
        replace(venues.BINANCE_USDM, limits_shared_with=("dapi.binance.com",))
