"""The panel of ``watch`` and ``hold`` at 60, 80 and 120 columns: live, deaf, half-open, banned."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import StringIO
from typing import Any

import pytest
import trio
from rich.console import Console, RenderableType
from trio.testing import MockClock

from trio_listenkey import Credentials, Timing, UserStream, open_listen_key, open_user_stream, venues
from trio_listenkey._cli._headline import Headline, Verdict
from trio_listenkey._cli._narration import Narrator
from trio_listenkey._cli._panel import AccountPanel, Board, KeyPanel, StreamPanel
from trio_listenkey._cli._prior_key import NOTHING_PRIOR
from trio_listenkey._cli._status import clear_of_the_edge
from trio_listenkey._core._key_lifecycle import KeepaliveSchedule
from trio_listenkey.testing import (
    SPOT,
    CloseSocket,
    Exchange,
    Fault,
    HalfOpen,
    Hang,
    MemoryConnector,
    MemoryTransport,
    Status,
    banned,
    rate_limited,
    service_unavailable,
)

USDM = venues.BINANCE_USDM
WIDTHS = (60, 80, 120)
TIMING = Timing(jitter=0)


def screen(picture: RenderableType | None, width: int = 80) -> list[str]:
    """What a terminal of that width shows, in lines."""
    assert picture is not None
    console = Console(file=StringIO(), width=width, force_terminal=True, color_system=None)
    with console.capture() as shown:
        console.print(clear_of_the_edge(console, picture))
    return shown.get().splitlines()


def text_of(lines: list[str]) -> str:
    """The words on a screen, wherever their lines are broken; without frames, bars and large letters."""
    return " ".join(re.sub("[│╭╮╰╯─█▀▄━╸╺]", " ", " ".join(lines)).split())


class Watched:
    """A stream that is watched, and its exchange."""

    def __init__(self) -> None:
        self.exchange = Exchange(seed=1, epoch=time.time())
        self.exchange.add_account("test-api-key", name="alice", secret="test-secret")
        self.told: list[str] = []
        self.panel: AccountPanel

    def narrator(self, venue: Any) -> Narrator:
        return Narrator(lambda what, *_: self.told.append(what), venue, NOTHING_PRIOR)

    @property
    def ports(self) -> dict[str, Any]:
        return {"transport": MemoryTransport(self.exchange), "connector": MemoryConnector(self.exchange)}

    def strike(self, effect: Any) -> None:
        assert self.exchange.strike_sockets(effect, trio.current_time()) == 1

    def shows(self, *words: str, width: int = 80) -> None:
        lines = screen(self.panel(), width)
        assert all(word in text_of(lines) for word in words), "\n".join(lines)


@asynccontextmanager
async def watched(venue: Any = USDM, timing: Timing = TIMING) -> AsyncIterator[Watched]:
    here = Watched()
    narrator = here.narrator(venue)
    credentials = Credentials("test-api-key", "test-secret")
    async with open_user_stream(venue, credentials, timing=timing, instrument=narrator, **here.ports) as stream:
        pace = KeepaliveSchedule.of(venue, timing) if venue is USDM else None
        here.panel = panel = StreamPanel("main", stream, pace, narrator)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(follow, stream, panel)
            yield here
            nursery.cancel_scope.cancel()


async def follow(stream: UserStream, panel: StreamPanel) -> None:
    async for item in stream:
        panel.saw(item)


# The whole screen.


async def test_live_at_80_columns(autojump_clock: MockClock) -> None:
    """Letters that are read from afar, and all that is known below."""
    async with watched() as here:
        here.panel()
        await trio.sleep(10)
        here.exchange.emit("alice", trio.current_time())
        await trio.sleep(5)
        assert screen(here.panel()) == [
            "╭─ main ───────────────────────────────────────────────────────────────────╮",
            "│ █   █ █ █ █▀▀   LIVE for 15 s                                            │",
            "│ █   █ █ █ █▀    the events of the account are being received             │",
            "│ ▀▀▀ ▀  ▀  ▀▀▀                                                            │",
            "│                                                                          │",
            "│ key        1, held, 15 s old                                             │",
            "│ keepalive  ━━━━━━━━━━━━━━━━━━━━━━━━━━━╸  in 29:45                        │",
            "│ expiry     ━━━━━━━━━━━━━━━━━━━━━━━━━━━╸  in 59:45                        │",
            "│ socket     open for 15 s, last frame 5 s ago                             │",
            "│ events     1, 0.1 a second                                               │",
            "│ last       ORDER_TRADE_UPDATE, 5 s ago                                   │",
            "│ gaps       none                                                          │",
            "╰──────────────────────────────────────────────────────────────────────────╯",
        ]


async def test_deaf_at_60_columns(autojump_clock: MockClock) -> None:
    """Why is told beside it, in as many lines as it takes; nothing is wider than the terminal."""
    async with watched() as here:
        await trio.sleep(30)
        here.panel()
        here.exchange.add_faults(Fault(verb="connect", effect=Status(503)))
        here.strike(CloseSocket(1001))
        await trio.sleep(0.2)
        here.panel()
        await trio.sleep(7)
        lines = screen(here.panel(), 60)
        assert lines[1:4] == [
            "│ █▀▄ █▀▀ ▄▀▄ █▀▀   DEAF for 7 s                       │",
            "│ █ █ █▀  █▀█ █▀    there is no connection: handshake  │",
            "│ ▀▀  ▀▀▀ ▀ ▀ ▀     refused with HTTP 503              │",
        ]
        assert "│ socket     none                                      │" in lines
        assert {len(line) for line in lines} == {56}


@pytest.mark.parametrize("width", WIDTHS)
class TestAtEveryWidth:
    async def test_live(self, width: int, autojump_clock: MockClock) -> None:
        """For as long as it is."""
        async with watched() as here:
            here.panel()
            await trio.sleep(90)
            here.shows("LIVE for 1:30", "gaps none", width=width)

    async def test_deaf(self, width: int, autojump_clock: MockClock) -> None:
        """From when the socket was seen to be gone."""
        async with watched() as here:
            await trio.sleep(30)
            here.exchange.add_faults(Fault(verb="connect", effect=Hang()))
            here.strike(CloseSocket(1001))
            await trio.sleep(0.2)
            here.panel()
            await trio.sleep(7)
            here.shows("DEAF for 7 s there is no connection: ", width=width)

    async def test_half_open(self, width: int, autojump_clock: MockClock) -> None:
        """A ping that is not answered for 15 s is nothing that is live; one that was just sent is no trouble."""
        async with watched() as here:
            await trio.sleep(5)
            here.strike(HalfOpen())
            await trio.sleep(17)
            here.shows("LIVE", width=width)
            await trio.sleep(13)
            words = "DEAF for 15 s a ping is not answered: the connection may be half open"
            here.shows(words, "last frame 35 s ago", width=width)

    async def test_banned(self, width: int, autojump_clock: MockClock) -> None:
        """Nothing can be asked, and how long it lasts is told."""
        async with watched(timing=Timing(silence_check_every=20)) as here:
            here.exchange.add_faults(Fault(verb="keepalive", effect=banned(60)))
            here.exchange.add_faults(Fault(verb="create", effect=banned(60)))
            await trio.sleep(40)
            here.shows("DEAF for ", "banned: next request in ", width=width)


# Other reasons.


async def test_a_host_that_wants_no_connections(autojump_clock: MockClock) -> None:
    """It has refused a handshake so."""
    async with watched() as here:
        await trio.sleep(30)
        here.exchange.add_faults(Fault(verb="connect", effect=Status(429)))
        here.strike(CloseSocket(1001))
        await trio.sleep(10)
        here.shows("DEAF for ", "banned: next connection in ")


async def test_a_key_that_is_not_confirmed(autojump_clock: MockClock) -> None:
    """It is asked for, and the answers are none."""
    async with watched(timing=Timing(silence_check_every=20)) as here:
        here.exchange.add_faults(Fault(verb="keepalive", effect=service_unavailable()))
        await trio.sleep(30)
        here.shows("DEAF", "the exchange has not confirmed that the key is alive: keepalive: ", "HTTP 503")


async def test_a_key_that_is_asked_for_without_an_answer(autojump_clock: MockClock) -> None:
    """There is nothing more to say about it."""
    async with watched(timing=Timing(silence_check_every=20)) as here:
        here.exchange.add_faults(Fault(verb="keepalive", effect=Hang()))
        await trio.sleep(25)
        here.shows("DEAF", "the exchange has not confirmed that the key is alive ")


@pytest.mark.parametrize("effect", [service_unavailable(), Hang()])
async def test_a_key_that_is_dead(effect: Any, autojump_clock: MockClock) -> None:
    """It was closed by somebody, and none can be had in its place."""
    async with watched(timing=Timing(silence_check_every=20)) as here:
        here.exchange.add_faults(Fault(verb="create", effect=effect))
        here.exchange.kill_key("alice", trio.current_time())
        await trio.sleep(23)
        here.shows("DEAF", "the key is dead, and not replaced yet", "lost once")
        assert ("HTTP 503" in text_of(screen(here.panel()))) == (effect != Hang())


async def test_gaps_are_shown(autojump_clock: MockClock) -> None:
    """How many, and the last."""
    async with watched() as here:
        await trio.sleep(30)
        here.strike(CloseSocket(1001))
        await trio.sleep(20)
        here.shows("LIVE", "gaps ", "the last of ", "(disconnected)", "last none yet")


async def test_where_there_are_no_keys(autojump_clock: MockClock) -> None:
    """Nothing is said of one."""
    async with watched(venues.BINANCE_SPOT) as here:
        here.exchange.emit("alice", trio.current_time(), dialect=SPOT)
        await trio.sleep(1)
        here.shows("LIVE for 1 s", "executionReport")
        assert "key" not in text_of(screen(here.panel()))


# A key alone.


async def test_a_key_alone(autojump_clock: MockClock) -> None:
    """It lives although a keepalive fails, which is told; then it is dead."""
    here = Watched()
    narrator = here.narrator(USDM)
    timing = Timing(validity=60, keepalive_every=30, jitter=0, retry_cap=5)
    async with open_listen_key(
        USDM, Credentials("test-api-key"), timing=timing, instrument=narrator, transport=MemoryTransport(here.exchange)
    ) as key:
        here.panel = KeyPanel("main", key, KeepaliveSchedule.of(USDM, timing), narrator)
        await trio.sleep(29)
        here.shows("LIVE for 29 s the key is kept alive", "key 1, held, 29 s old", "keepalive", "expiry")
        here.exchange.add_faults(Fault(effect=service_unavailable()))
        await trio.sleep(11)
        here.shows("LIVE for 40 s but keepalive: ", "HTTP 503")
        await trio.sleep(31)
        here.shows("DEAD for ", "the key is not replaced yet: create: ", "expiry now")
        here.exchange.clear_faults()
        await trio.sleep(10)
        here.shows("LIVE for ", "the key is kept alive", "lost once")
        here.exchange.add_faults(Fault(verb="keepalive", effect=rate_limited(20)))
        await trio.sleep(31)
        here.shows("but banned: next request in ")


async def test_a_key_that_was_lost_without_a_word(autojump_clock: MockClock) -> None:
    """Nothing was tried yet that could have failed."""
    here = Watched()
    narrator = here.narrator(USDM)
    timing = Timing(validity=60, keepalive_every=30, jitter=0, request_timeout=100)
    async with open_listen_key(
        USDM, Credentials("test-api-key"), timing=timing, instrument=narrator, transport=MemoryTransport(here.exchange)
    ) as key:
        here.panel = KeyPanel("main", key, KeepaliveSchedule.of(USDM, timing), narrator)
        here.exchange.add_faults(Fault(verb="create", effect=Hang()))
        here.exchange.kill_key("alice", trio.current_time())
        await trio.sleep(35)
        here.shows("DEAD for ", "the key is not replaced yet ")


# Several accounts.


async def test_several_accounts_are_a_line_each(autojump_clock: MockClock) -> None:
    """What one reads first: who is live, and why another is not."""
    board = Board("main", "hedge", "third")
    async with watched() as here, watched() as there:
        with board.shown("main", here.panel), board.shown("hedge", there.panel):
            await trio.sleep(30)
            there.exchange.add_faults(Fault(verb="connect", effect=Status(503)))
            there.strike(CloseSocket(1001))
            await trio.sleep(0.2)
            there.panel()
            await trio.sleep(8)
            assert screen(board()) == [
                "╭──────────────────────────────────────────────────────────────────────────╮",
                "│ main   LIVE for 38 s                                                     │",
                "│ hedge  DEAF for 8 s: there is no connection: handshake refused with HTTP │",
                "│        503                                                               │",
                "│ third  not open                                                          │",
                "╰──────────────────────────────────────────────────────────────────────────╯",
            ]
        assert "main not open hedge not open" in text_of(screen(board()))


async def test_one_account_is_shown_whole(autojump_clock: MockClock) -> None:
    """And nothing, before there is something to show."""
    board = Board("main")
    assert board() is None
    async with watched() as here:
        with board.shown("main", here.panel):
            assert screen(board()) == screen(here.panel())


def test_a_verdict_lasts_until_there_is_another() -> None:
    """And may have begun before anybody looked."""
    headline = Headline(0.0)
    live, deaf = Verdict("LIVE", ""), Verdict("DEAF", "", since=20.0)
    assert [headline.duration(live, now) for now in (1.0, 5.0)] == [1.0, 5.0]
    assert [headline.duration(deaf, now) for now in (21.0, 30.0)] == [1.0, 10.0]
    assert headline.duration(live, 31.0) == 0.0
