"""Programs that share a key, under a virtual clock: each a process of its own, as far as this library can tell.

What makes two blocks of one run the same process is the exchange's address. So each program here is given an address
of its own; the exchange in memory does not mind.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import Any

import trio

from trio_listenkey import (
    Credentials,
    Instrument,
    ListenKey,
    SharingStatistics,
    Timing,
    UserStream,
    Venue,
    open_listen_key,
    open_user_stream,
    venues,
)
from trio_listenkey.sharing import MemoryRegister, SharedKey
from trio_listenkey.testing import Exchange, MemoryConnector, MemoryTransport

ALICE = Credentials("the-api-key-of-alice")
BEAT = 5.0
PATIENCE = 4
HOUR = 3600.0


class Watcher(Instrument):
    """What an instrument was told of the sharing, and of the key."""

    def __init__(self) -> None:
        self.roles: list[tuple[str, int]] = []
        self.ends: list[Exception | None] = []
        self.replaced_at: list[float] = []

    def sharing_changed(self, venue: str, generation: int, sharing: SharingStatistics) -> None:
        self.roles.append((sharing.role, sharing.members))

    def closed(self, venue: str, generation: int, error: Exception | None) -> None:
        self.ends.append(error)

    def replaced(self, venue: str, generation: int) -> None:
        self.replaced_at.append(trio.current_time())


class Office:
    """An exchange, a register, and programs that share alice's key."""

    def __init__(self, **kwargs: Any) -> None:
        self.exchange = Exchange(seed=1, **kwargs)
        self.exchange.add_account(ALICE.api_key, name="alice")
        self.transport = MemoryTransport(self.exchange)
        self.register = MemoryRegister()
        self.sharing = SharedKey(self.register, beat_every=BEAT, patience=PATIENCE)
        self.started = 0

    def venue(self, venue: Venue = venues.BINANCE_USDM) -> Venue:
        """At an address that no other program uses."""
        self.started += 1
        return venue.at(f"http://127.0.0.1:{self.started}", f"ws://127.0.0.1:{self.started}")

    def open(self, venue: Venue = venues.BINANCE_USDM, **kwargs: Any) -> AbstractAsyncContextManager[ListenKey]:
        """One more program, with a key."""
        arguments = {"transport": self.transport, "sharing": self.sharing, "timing": Timing(jitter=0), **kwargs}
        credentials = arguments.pop("credentials", ALICE)
        return open_listen_key(self.venue(venue), credentials, **arguments)

    def open_stream(self, **kwargs: Any) -> AbstractAsyncContextManager[UserStream]:
        """One more program, with a stream."""
        return open_user_stream(
            self.venue(),
            ALICE,
            **{
                "transport": self.transport,
                "connector": MemoryConnector(self.exchange),
                "sharing": self.sharing,
                "timing": Timing(jitter=0),
                **kwargs,
            },
        )

    @property
    def verbs(self) -> Counter[str | None]:
        """What the exchange was asked."""
        return Counter(entry.verb for entry in self.exchange.log if entry.verb != "connect")

    def document(self, which: int = 0) -> Any:
        """What the register knows of an account."""
        snapshot = self.register.snapshot()
        return json.loads(snapshot[sorted(name for name in snapshot if name != "accounts")[which]][0])

    @property
    def is_open(self) -> bool:
        """Whether alice has a key."""
        return bool(self.exchange.open_keys(trio.current_time()))


@asynccontextmanager
async def two_programs(office: Office, **kwargs: Any) -> AsyncIterator[tuple[ListenKey, ListenKey]]:
    """The first is the keeper; both have been there for long enough to be sure of each other."""
    async with office.open(**kwargs) as keeper:
        await trio.sleep(1)
        async with office.open(**kwargs) as follower:
            await trio.sleep((PATIENCE + 2) * BEAT)
            yield keeper, follower


def role(key: ListenKey) -> str:
    """What part a program has."""
    sharing = key.statistics().sharing
    assert sharing is not None
    return sharing.role


def unknown(venue: Venue) -> Venue:
    """The same, of which nobody has said what a second create does."""
    return replace(venue, sharing=replace(venue.sharing, second_create="unknown"))
