"""A key at every venue: who is let in, what is signed, and what each exchange has of its own."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
import trio

from trio_listenkey import (
    Credentials,
    CredentialsError,
    EndpointGoneError,
    RefusedError,
    Timing,
    UsageError,
    UserEvent,
    Venue,
    open_listen_key,
    testing as t,
    venues,
)
from trio_listenkey.testing import Dialect, Exchange, MemoryTransport

ALICE = Credentials("the-api-key-of-alice", "the-secret-of-alice")
WALLET = Credentials("0x63DD5aCC6b1aa0f563956C0e534DD30B6dcF7C4e", signer=lambda _: "0xsigned")
QUICK = Timing(
    validity=2, keepalive_every=0.1, request_timeout=1, open_timeout=5, close_timeout=2, retry_base=0.05, retry_cap=0.2
)

DIALECTS: dict[Venue, Dialect] = {
    venues.ASTER_FUTURES: t.ASTER_FUTURES,
    venues.ASTER_FUTURES_V3.with_parameters(signer="0x21"): t.ASTER_FUTURES_V3,
    venues.ASTER_PREDICTION_V3.with_parameters(signer="0x21"): t.ASTER_PREDICTION_V3,
    venues.ASTER_SPOT: t.ASTER_SPOT,
    venues.ASTER_SPOT_V3.with_parameters(signer="0x21"): t.ASTER_SPOT_V3,
    venues.BINANCE_COINM: t.COINM,
    venues.BINANCE_COINM_TESTNET: t.COINM,
    venues.BINANCE_MARGIN_RISK: t.MARGIN_RISK,
    venues.BINANCE_OPTIONS: t.OPTIONS,
    venues.BINANCE_OPTIONS_TESTNET: t.OPTIONS,
    venues.BINANCE_PM_PRO: t.PM_PRO,
    venues.BINANCE_PORTFOLIO_MARGIN: t.PORTFOLIO_MARGIN,
    venues.BINANCE_SPOT_CLASSIC: t.SPOT_CLASSIC,
    venues.BINANCE_STOCKS: t.STOCKS,
    venues.BINANCE_TH: t.THAILAND,
    venues.BINANCE_TH_SITE: t.THAILAND,
    venues.BINANCE_US: t.SPOT_US,
    venues.BINANCE_USDM: t.USDM,
    venues.BINANCE_USDM_TESTNET: t.USDM,
    venues.BINGX: t.BINGX,
    venues.BINGX_COINM: t.BINGX_COINM,
    venues.BINGX_SPOT: t.BINGX_SPOT,
    venues.BITRUE: t.BITRUE,
    venues.BITRUE_FUTURES: t.BITRUE_FUTURES,
    venues.COINS_PH: t.COINS_PH,
    venues.GMO_COIN: t.GMO_COIN,
    venues.GMO_COIN_FX: t.GMO_COIN_FX,
    venues.HASHKEY: t.HASHKEY,
    venues.HASHKEY_HK: t.HASHKEY_HK,
    venues.MEXC: t.MEXC,
    venues.TOOBIT: t.TOOBIT,
    venues.TOOBIT_USDTM: t.TOOBIT_USDTM,
}
# A token is said on the socket: that of Binance margin lives in the tests of sessions, the others in those of tokens.
ELSEWHERE = {venues.BINANCE_MARGIN, venues.BINANCE_TR, venues.TOKOCRYPTO}

every_venue = pytest.mark.parametrize(("venue", "dialect"), DIALECTS.items(), ids=[each.name for each in DIALECTS])


def credentials_for(venue: Venue) -> Credentials:
    return WALLET if venue.signing is not None and venue.signing.by == "signer" else ALICE


def an_exchange(dialect: Dialect, *, validity: float = 2.0) -> Exchange:
    exchange = Exchange(seed=1, validity=validity, dialects=[dialect])
    exchange.add_account(ALICE.api_key, name="alice", secret=ALICE.api_secret)
    exchange.add_account(WALLET.api_key, name="alice")
    return exchange


def is_of_the_account(event: UserEvent) -> bool:
    """Not an answer of the exchange's. GMO Coin's events have no type where the others have theirs."""
    return event.type is not None or b"msgType" in event.raw


def test_every_venue_has_a_life_here() -> None:
    """A new venue needs a dialect that somebody wrote from the exchange's documents."""
    assert {each.name for each in DIALECTS} == {each.name for each in set(venues.known()) - ELSEWHERE}


SIGNED = [venue for venue in DIALECTS if venue.signing is not None]
HMAC = [venues.BINGX, venues.MEXC, venues.TOOBIT, venues.GMO_COIN, venues.BITRUE_FUTURES]


@pytest.mark.parametrize("venue", SIGNED, ids=lambda each: each.name)
async def test_without_a_secret_nothing_is_sent(venue: Venue) -> None:
    """A venue that signs says so at the call; where it need not, the call is made without."""
    exchange = an_exchange(DIALECTS[venue])
    bare = Credentials(ALICE.api_key)
    assert venue.signing is not None
    if venue.signing.required:
        with pytest.raises(UsageError, match="signed"):
            open_listen_key(venue, bare, transport=MemoryTransport(exchange))
        assert exchange.log == ()
    else:
        async with open_listen_key(venue, bare, transport=MemoryTransport(exchange)) as key:
            assert key.generation == 1


@every_venue
async def test_a_stranger_is_refused(venue: Venue, dialect: Dialect) -> None:
    """An unknown API key is an error about credentials, whatever the exchange's words for it."""
    stranger = Credentials("a-strangers-api-key", "a-strangers-secret", signer=credentials_for(venue).signer)
    exchange = an_exchange(dialect)
    exchange.epoch = time.time() - trio.current_time()
    with pytest.raises(CredentialsError) as caught:
        async with open_listen_key(venue, stranger, transport=MemoryTransport(exchange)):
            raise AssertionError
    assert caught.value.venue == venue.name


@pytest.mark.parametrize("venue", HMAC, ids=lambda each: each.name)
async def test_a_wrong_secret_is_refused(venue: Venue) -> None:
    """A signature by another secret is an error about credentials."""
    exchange = an_exchange(DIALECTS[venue])
    exchange.epoch = time.time() - trio.current_time()
    wrong = Credentials(ALICE.api_key, "another-secret")
    with pytest.raises(CredentialsError, match="signature"):
        async with open_listen_key(venue, wrong, transport=MemoryTransport(exchange)):
            raise AssertionError


@every_venue
async def test_a_retired_endpoint_is_told(venue: Venue, dialect: Dialect) -> None:
    """410 is an error that names what to use instead, where that is known."""
    exchange = an_exchange(dialect)
    exchange.retired.add(dialect)
    with pytest.raises(EndpointGoneError) as caught:
        async with open_listen_key(venue, credentials_for(venue), transport=MemoryTransport(exchange)):
            raise AssertionError
    assert ("BINANCE_SPOT," in caught.value.advice) == (venue is venues.BINANCE_SPOT_CLASSIC)


@every_venue
async def test_another_exchange_is_refused(venue: Venue, dialect: Dialect) -> None:
    """A venue pointed at an exchange that has no such endpoint is an error that names the address."""
    other = t.COINM if dialect is not t.COINM else t.USDM
    with pytest.raises(RefusedError, match="no such endpoint") as caught:
        async with open_listen_key(venue, credentials_for(venue), transport=MemoryTransport(an_exchange(other))):
            raise AssertionError
    assert venue.rest_url in caught.value.advice


@pytest.mark.parametrize("venue", [venues.MEXC, venues.GMO_COIN, venues.GMO_COIN_FX], ids=lambda each: each.name)
async def test_a_second_create_makes_a_second_key(venue: Venue) -> None:
    """Two blocks on one account have two keys, and each closes its own, whichever leaves first (L5)."""
    exchange = an_exchange(DIALECTS[venue], validity=3600)
    exchange.epoch = time.time() - trio.current_time()
    transport = MemoryTransport(exchange)
    async with open_listen_key(venue, ALICE, transport=transport) as first:
        async with open_listen_key(venue, ALICE, transport=transport) as second:
            assert first.value != second.value
            assert set(exchange.open_keys(trio.current_time())) == {first.value, second.value}
        assert exchange.open_keys(trio.current_time()) == (first.value,)
    assert exchange.open_keys(trio.current_time()) == ()


async def test_the_sixth_token_of_gmo_ends_the_first() -> None:
    """GMO Coin silently ends a token when there are too many: that is noticed by its keepalive, and mended."""
    exchange = an_exchange(t.GMO_COIN, validity=3600)
    exchange.epoch = time.time() - trio.current_time()
    transport = MemoryTransport(exchange)
    timing = Timing(keepalive_every=0.2, jitter=0)
    async with open_listen_key(venues.GMO_COIN, ALICE, transport=transport, timing=timing) as first:
        for _ in range(5):
            async with open_listen_key(venues.GMO_COIN, ALICE, transport=transport, on_exit="leave"):
                pass
        assert first.value not in exchange.open_keys(trio.current_time())
        with trio.fail_after(5):
            await first.wait_replaced(1)


async def test_portfolio_margin_pro_and_usdm_are_one_key() -> None:
    """Holders of both count as holders of one key: it is closed by the last (L5)."""
    exchange = an_exchange(t.USDM, validity=3600)
    transport = MemoryTransport(exchange)
    async with open_listen_key(venues.BINANCE_USDM, ALICE, transport=transport) as key:
        async with open_listen_key(venues.BINANCE_PM_PRO, ALICE, transport=transport) as same:
            assert same.value == key.value
            assert same.stream_url.endswith("/pm-classic/ws/" + key.value)
        assert exchange.open_keys(trio.current_time()) == (key.value,)
    assert exchange.open_keys(trio.current_time()) == ()


class TestClock:
    @pytest.mark.parametrize("off", [-1000.0, -7.0, 7.0, 1000.0])
    @pytest.mark.parametrize("venue", [*HMAC, venues.HASHKEY], ids=lambda each: each.name)
    async def test_a_clock_that_is_off_is_corrected(self, venue: Venue, off: float) -> None:
        """One refusal, one more try by the exchange's clock; and no refusal after that."""
        exchange = an_exchange(DIALECTS[venue])
        exchange.epoch = time.time() - trio.current_time() + off
        async with open_listen_key(venue, ALICE, transport=MemoryTransport(exchange), timing=QUICK) as key:
            while key.statistics().renewed < 2:
                await trio.sleep(0.02)
        assert [entry.work for entry in exchange.log][:3] == [None, "created", "renewed"]
        assert exchange.open_keys(trio.current_time()) == ()

    @pytest.mark.parametrize("off", [-4000.0, 86400.0])
    async def test_a_clock_that_is_hours_off_is_told(self, off: float) -> None:
        """Beyond an hour, it is not for us to correct: an ordinary error says that the machine's clock is wrong."""
        exchange = an_exchange(t.TOOBIT)
        exchange.epoch = time.time() - trio.current_time() + off
        with pytest.raises(RefusedError, match="this machine's clock is"):
            async with open_listen_key(venues.TOOBIT, ALICE, transport=MemoryTransport(exchange)):
                raise AssertionError
        assert len(exchange.log) == 1

    async def test_an_exchange_that_will_not_have_it(self) -> None:
        """Refused again by its own clock, there is one error and no third try."""
        exchange = an_exchange(t.TOOBIT)
        exchange.epoch = time.time() - trio.current_time() + 10
        exchange.add_faults(t.Fault(effect=t.TOOBIT.refusals.clock))
        with pytest.raises(RefusedError, match="-1021"):
            async with open_listen_key(venues.TOOBIT, ALICE, transport=MemoryTransport(exchange)):
                raise AssertionError
        assert len(exchange.log) == 2


async def test_a_signer_that_fails_is_told() -> None:
    """What a signer of the user's raises is no fault of the transport's, and its text is not quoted."""

    def broken(payload: bytes) -> str:
        raise ValueError("the-vault-password")

    exchange = an_exchange(t.ASTER_SPOT_V3)
    credentials = Credentials(WALLET.api_key, signer=broken)
    with pytest.raises(UsageError, match="the signer raised ValueError") as caught:
        async with open_listen_key(venues.ASTER_SPOT_V3, credentials, transport=MemoryTransport(exchange)):
            raise AssertionError
    assert "vault" not in str(caught.value)
    assert exchange.log == ()


async def test_where_a_create_ends_the_first_a_second_block_is_refused() -> None:
    """The error says so before anything is sent, and the first block lives on (L5)."""
    venue = replace(venues.BINANCE_US, sharing=venues.Sharing(second_create="replaces"))
    exchange = an_exchange(t.SPOT_US, validity=3600)
    transport = MemoryTransport(exchange)
    async with open_listen_key(venue, ALICE, transport=transport) as key:
        with pytest.raises(UsageError, match="ends an account's key"):
            async with open_listen_key(venue, ALICE, transport=transport):
                raise AssertionError
        assert len(exchange.log) == 1
        assert exchange.open_keys(trio.current_time()) == (key.value,)
    assert exchange.open_keys(trio.current_time()) == ()


async def test_the_risk_stream_s_first_address_is_the_same() -> None:
    """All three calls work there as at the second."""
    venue = replace(venues.BINANCE_MARGIN_RISK, path="/sapi/v1/margin/listen-key")
    exchange = an_exchange(t.MARGIN_RISK_V1)
    async with open_listen_key(venue, ALICE, transport=MemoryTransport(exchange), timing=QUICK) as key:
        while key.statistics().renewed < 1:
            await trio.sleep(0.02)
    assert [entry.work for entry in exchange.log] == ["created", "renewed", "closed"]
