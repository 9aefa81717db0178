"""Who shares a key though nothing but the key says so, and who must be told that they do not agree."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

import pytest
import trio
from sharing import ALICE, BEAT, PATIENCE, Office
from trio.testing import MockClock

from trio_listenkey import UsageError, Venue, open_listen_key, venues
from trio_listenkey.sharing import SharedKey, SQLiteRegister


@pytest.fixture
def office() -> Office:
    return Office()


async def test_two_venues_with_the_same_key_share_it(office: Office, autojump_clock: MockClock) -> None:
    """PM Pro takes the listen key of USD-M: a program for one does not close it under a program for the other."""
    async with office.open(venues.BINANCE_USDM) as ours:
        await trio.sleep(1)
        async with office.open(venues.BINANCE_PM_PRO) as theirs:
            await trio.sleep((PATIENCE + 2) * BEAT)
            assert theirs.value == ours.value
        assert office.verbs["close"] == 0
        assert office.is_open


async def test_the_log_says_who_closed_the_key(
    office: Office, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Who leaves it to others has not closed it."""
    caplog.set_level(logging.INFO, "trio_listenkey")
    async with office.open():
        await trio.sleep(1)
        async with office.open():
            await trio.sleep((PATIENCE + 2) * BEAT)
        ends = [text for text in caplog.messages if "listen key 1" in text]
        assert ends[-1] == "binance-usdm: listen key 1 left as it is"
    assert caplog.messages[-1] == "binance-usdm: listen key 1 closed"


def test_venues_with_one_key_say_whose_it_is() -> None:
    """Wherever a create at one venue returns the key of another, programs for the two find each other."""
    known = [venue for venue in vars(venues).values() if isinstance(venue, Venue)]
    places: dict[tuple[str, str, str], set[str]] = {}
    for venue in known:
        if venue.sharing.second_create == "same":
            place = venue.rest_url, venue.path, venue.answer.key
            places.setdefault(place, set()).add(venue.sharing.keys_of or venue.name)
    assert {len(owners) for owners in places.values()} == {1}
    assert {venue.sharing.keys_of for venue in known} <= {None, *(venue.name for venue in known)}


@pytest.mark.parametrize(
    "other",
    [
        lambda shared: replace(shared, account="main"),
        lambda shared: replace(shared, beat_every=2 * BEAT),
        lambda shared: replace(shared, patience=PATIENCE + 1),
        lambda shared: replace(shared, register=SQLiteRegister("another.db")),
    ],
    ids=["account", "beat_every", "patience", "register"],
)
async def test_blocks_of_one_program_share_in_one_way(
    office: Office, autojump_clock: MockClock, other: Callable[[SharedKey], SharedKey]
) -> None:
    """They are one member, so what the second says could not be kept. An object that says the same is as good."""
    venue, transport = office.venue(), office.transport
    async with open_listen_key(venue, ALICE, transport=transport, sharing=office.sharing):
        with pytest.raises(UsageError, match="in different ways"):
            async with open_listen_key(venue, ALICE, transport=transport, sharing=other(office.sharing)):
                raise AssertionError
        async with open_listen_key(venue, ALICE, transport=transport, sharing=replace(office.sharing)) as key:
            assert key.value
