"""Accounts told apart by ``name=``: in logs, errors, statistics, ``repr`` and by instruments."""

from __future__ import annotations

import logging
import pickle
import time
from typing import Any

import pytest
import trio
from stream_watch import ALICE, PROMPT, USDM, Connects, an_exchange, begin
from trio.testing import MockClock

from trio_listenkey import (
    Credentials,
    CredentialsError,
    Gap,
    Instrument,
    KeyLostError,
    ListenKeyError,
    SlowConsumerError,
    UnavailableError,
    UsageError,
    open_listen_key,
    open_user_stream,
    venues,
)
from trio_listenkey.testing import (
    SPOT,
    Exchange,
    Fault,
    MemoryConnector,
    MemoryTransport,
    Reset,
    Status,
    service_unavailable,
)

BOB = Credentials("the-api-key-of-bob")
NAME = "alice's desk"


@pytest.fixture
def exchange() -> Exchange:
    exchange = an_exchange()
    exchange.add_account(BOB.api_key, name="bob")
    return exchange


@pytest.fixture
def ports(exchange: Exchange) -> dict[str, Any]:
    return {"transport": MemoryTransport(exchange), "connector": Connects(exchange), "timing": PROMPT}


class Names(Instrument):
    """What each method was told first."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []
        self.errors: list[Exception] = []

    def created(self, venue: str, generation: int) -> None:
        self.told.append((venue, "created"))

    def retrying(self, venue: str, generation: int, error: ListenKeyError, delay: float) -> None:
        self.told.append((venue, "retrying"))
        self.errors.append(error)

    def lost(self, venue: str, generation: int, error: ListenKeyError) -> None:
        self.told.append((venue, "lost"))
        self.errors.append(error)

    def connected(self, venue: str, generation: int) -> None:
        self.told.append((venue, "connected"))

    def dropped(self, venue: str, generation: int, error: Exception) -> None:
        self.told.append((venue, "dropped"))

    def gap(self, venue: str, generation: int, gap: Gap) -> None:
        self.told.append((venue, "gap"))

    def closed(self, venue: str, generation: int, error: ListenKeyError | None) -> None:
        self.told.append((venue, "closed"))


async def test_one_observer_of_several_accounts(
    exchange: Exchange, ports: dict[str, Any], caplog: pytest.LogCaptureFixture, autojump_clock: MockClock
) -> None:
    """It is told whom each thing happens to; and so is whoever reads the log, line by line."""
    caplog.set_level(logging.DEBUG, "trio_listenkey")
    names = Names()
    async with (
        open_user_stream(USDM, ALICE, name="alice", instrument=names, **ports) as alice,
        open_user_stream(USDM, BOB, name="bob", instrument=names, **ports) as bob,
    ):
        await trio.sleep(100)
        exchange.kill_key("bob", trio.current_time())
        exchange.strike_sockets(Reset(), trio.current_time(), account="bob")
        await trio.sleep(100)
        assert (alice.name, bob.name) == (alice.key.name, bob.key.name) == ("alice", "bob")
        assert (alice.venue, bob.venue) == (USDM, USDM)
        assert bob.statistics().name == "bob"
        assert bob.key.statistics().name == "bob"
        assert repr(bob) == "<UserStream of bob, live, 1 buffered>"
        assert repr(bob.key) == "<ListenKey of bob, held, generation 2>"
    of_bob = ["created", "connected", "gap", "dropped", "lost", "connected", "gap", "closed"]
    assert [what for name, what in names.told if name == "bob"] == of_bob
    assert [what for name, what in names.told if name == "alice"] == ["created", "connected", "gap", "closed"]
    assert {name for name, _ in names.told} == {"alice", "bob"}
    assert {record.getMessage().partition(":")[0] for record in caplog.records} == {"alice", "bob"}


async def test_without_one_it_is_the_venues(exchange: Exchange, autojump_clock: MockClock) -> None:
    """As it always was, in each of them."""
    names = Names()
    async with open_listen_key(USDM, ALICE, transport=MemoryTransport(exchange), instrument=names) as key:
        assert (key.name, key.statistics().name) == ("binance-usdm", "binance-usdm")
        assert repr(key) == "<ListenKey of binance-usdm, held, generation 1>"
    assert names.told == [("binance-usdm", "created"), ("binance-usdm", "closed")]


async def test_a_stream_without_a_key_has_one_too(autojump_clock: MockClock) -> None:
    """Where there is nothing but a socket."""
    exchange = Exchange(seed=1, dialects=[SPOT], epoch=time.time() - trio.current_time())
    exchange.add_account("key", name="alice", secret="secret")
    names = Names()
    async with open_user_stream(
        venues.BINANCE_SPOT,
        Credentials("key", "secret"),
        connector=MemoryConnector(exchange),
        name="alice",
        instrument=names,
    ) as stream:
        assert (stream.name, stream.statistics().name) == ("alice", "alice")
        assert repr(stream) == "<UserStream of alice, live, 1 buffered>"
    assert names.told == [("alice", "connected"), ("alice", "gap")]


async def test_an_error_says_whose_it_is(exchange: Exchange, ports: dict[str, Any], autojump_clock: MockClock) -> None:
    """Besides the exchange; and also when it comes out of the middle of the block."""
    with pytest.raises(CredentialsError) as caught:
        async with open_user_stream(USDM, ALICE, name=NAME, **ports):
            exchange.revoke(ALICE.api_key)
            await trio.sleep_forever()
    assert (caught.value.name, caught.value.venue) == (NAME, "binance-usdm")
    assert str(caught.value).startswith("alice's desk (binance-usdm) keepalive: the exchange does not accept ")
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (str(copy), copy.name) == (str(caught.value), NAME)


async def test_of_streams_too(exchange: Exchange, ports: dict[str, Any], autojump_clock: MockClock) -> None:
    """A socket that cannot be opened, and a consumer that is too slow."""
    exchange.add_faults(Fault(verb="connect", effect=Status(503), count=100))
    with pytest.raises(UnavailableError, match=r"^alice's desk \(binance-usdm\) connect: no socket"):
        async with open_user_stream(USDM, ALICE, name=NAME, **ports):
            raise AssertionError
    exchange.clear_faults()
    with pytest.raises(SlowConsumerError, match=r"^alice's desk \(binance-usdm\): ") as caught:
        async with open_user_stream(USDM, ALICE, name=NAME, buffer=1, on_full="fail", **ports) as stream:
            await begin(stream)
            exchange.emit("alice", trio.current_time(), count=5)
            await trio.sleep(1)
            async for _ in stream:
                pass
    assert caught.value.name == NAME


async def test_what_observers_are_told_says_it_too(exchange: Exchange, autojump_clock: MockClock) -> None:
    """A failed keepalive, and a key that died."""
    exchange.add_faults(Fault(verb="keepalive", effect=service_unavailable(), count=1))
    names = Names()
    with pytest.raises(KeyLostError, match=r"^alice's desk "):
        async with open_listen_key(
            USDM,
            ALICE,
            transport=MemoryTransport(exchange),
            timing=PROMPT,
            on_lost="raise",
            name=NAME,
            instrument=names,
        ):
            await trio.sleep(2000)
            exchange.kill_key("alice", trio.current_time())
            await trio.sleep(2000)
    retrying, lost = names.errors
    assert [str(error).partition(":")[0] for error in (retrying, lost)] == ["alice's desk (binance-usdm) keepalive"] * 2


@pytest.mark.parametrize("open_it", [open_listen_key, open_user_stream])
@pytest.mark.parametrize("name", ["", "  ", "two\nlines", "bell\x07", "x" * 65, b"bytes", 5, "of " + ALICE.api_key])
def test_a_bad_name_is_told_at_the_call(open_it: Any, name: Any) -> None:
    """It gets into logs: so it is one that can be printed, and no secret."""
    with pytest.raises(UsageError, match=r"^name ") as caught:
        open_it(USDM, ALICE, name=name)
    assert ALICE.api_key not in str(caught.value)


def test_a_bad_name_where_there_is_no_key() -> None:
    """Nor may the secret be in it."""
    with pytest.raises(UsageError, match="name contains a secret"):
        open_user_stream(venues.BINANCE_SPOT, Credentials("key", "hush-hush"), name="hush-hush")
