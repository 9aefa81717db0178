"""What an account's events have to come to: everything that was emitted was delivered once, or a gap covers it.

A :class:`Watch` emits events and writes down when; takes what a stream delivers; and holds the one against the other.
A :class:`Connects` is a connector that writes down whether the key of each handshake was alive.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import trio

from trio_listenkey import Credentials, Gap, Instrument, Timing, UserEvent, UserStream, Venue, open_user_stream, venues
from trio_listenkey.connectors import Connection
from trio_listenkey.testing import Exchange, MemoryConnector, MemoryTransport, event_number

ALICE = Credentials("the-api-key-of-alice")
USDM = venues.BINANCE_USDM
PROMPT = Timing(jitter=0)


def an_exchange(**kwargs: Any) -> Exchange:
    """One on which alice has an account."""
    exchange = Exchange(**{"seed": 1, **kwargs})
    exchange.add_account(ALICE.api_key, name="alice")
    return exchange


class Connects(MemoryConnector):
    """Writes down when sockets were asked for, and whether their key was alive."""

    def __init__(self, exchange: Exchange) -> None:
        super().__init__(exchange)
        self._watched = exchange
        self.made: list[tuple[float, bool]] = []

    def connect(self, url: str) -> AbstractAsyncContextManager[Connection]:
        now = trio.current_time()
        self.made.append((now, any(key in url for key in self._watched.open_keys(now))))
        return super().connect(url)


class Diary(Instrument):
    """What an instrument was told, and when."""

    def __init__(self) -> None:
        self.entries: list[tuple[float, str]] = []

    def _write(self, what: str) -> None:
        self.entries.append((trio.current_time(), what))

    def lost(self, venue: str, generation: int, error: object) -> None:
        self._write("lost")

    def replaced(self, venue: str, generation: int) -> None:
        self._write("replaced")

    def connected(self, venue: str, generation: int) -> None:
        self._write("connected")

    def dropped(self, venue: str, generation: int, error: object) -> None:
        self._write("dropped")

    def gap(self, venue: str, generation: int, gap: Gap) -> None:
        self._write("opened" if gap.cause == "opened" else "gap")

    def times(self, what: str) -> list[float]:
        """When that happened."""
        return [when for when, each in self.entries if each == what]


@dataclass
class Watch:
    """What was emitted on an account, and what a stream made of it."""

    exchange: Exchange
    account: str = "alice"
    emitted: dict[int, float] = field(default_factory=dict)
    items: list[UserEvent | Gap] = field(default_factory=list)

    def emit(self, count: int = 1) -> None:
        """Let something happen now."""
        now = trio.current_time()
        self.emitted.update(dict.fromkeys(self.exchange.emit(self.account, now, count=count), now))

    async def emit_every(self, seconds: float) -> None:
        """Let something happen now and then, until cancelled."""
        while True:
            await trio.sleep(seconds)
            self.emit()

    async def take_from(self, stream: UserStream, *, pause: float = 0.0) -> None:
        """Take what comes, resting so many seconds after each."""
        async for item in stream:
            self.items.append(item)
            if pause:
                await trio.sleep(pause)

    @property
    def gaps(self) -> list[Gap]:
        """All but the one that the stream begins with."""
        return [item for item in self.items if isinstance(item, Gap) and item.cause != "opened"]

    @property
    def numbers(self) -> list[int]:
        """Of the events that were delivered, in order of delivery."""
        return [number for item in self.items if (number := number_of(item)) is not None]

    @property
    def lost(self) -> list[int]:
        delivered = set(self.numbers)
        return [number for number in self.emitted if number not in delivered]

    def check(self) -> None:
        """Delivered + covered by a gap told in their place == emitted, none doubled, in order."""
        assert self.emitted, "a test in which nothing happens shows nothing"
        missing = sorted(self.emitted)
        gaps: list[Gap] = []
        causes = [item.cause if isinstance(item, Gap) else None for item in self.items]
        assert "opened" not in causes[1:], "a stream begins once"
        for item in self.items:
            if isinstance(item, Gap):
                latest = trio.current_time() + PROMPT.feed_lag  # its end is where the next socket has all for certain
                assert item.started_at <= item.ended_at <= latest, "a gap is told in times of trio's clock"
                gaps.append(item)
            elif (number := number_of(item)) is not None:
                assert number in missing, f"event {number} was doubled, or came after a later one"
                place = missing.index(number)
                self._check_told(missing[:place], gaps)
                del missing[: place + 1]
                gaps = []
        self._check_told(missing, gaps)

    def _check_told(self, missing: list[int], gaps: list[Gap]) -> None:
        untold = [
            number
            for number in missing
            if not any(gap.started_at <= self.emitted[number] <= gap.ended_at for gap in gaps)
        ]
        assert not untold, f"events {untold} were missed silently; emitted at {[self.emitted[each] for each in untold]}"


async def begin(stream: UserStream) -> None:
    """Take the gap that the stream begins with; ``test_stream_beginning`` has what there is to say of it."""
    item = await stream.receive()
    assert isinstance(item, Gap)
    assert item.cause == "opened"


def number_of(item: UserEvent | Gap) -> int | None:
    """An account event's number; ``None`` for gaps and the exchange's announcements."""
    if isinstance(item, Gap) or item.type in {"listenKeyExpired", "serverShutdown"}:
        return None
    return event_number(item.data)


@dataclass
class Course:
    """A stream that is being watched."""

    exchange: Exchange
    transport: MemoryTransport
    connector: Connects
    stream: UserStream
    watch: Watch
    diary: Diary

    @property
    def now(self) -> float:
        return trio.current_time()


@asynccontextmanager
async def watched(
    exchange: Exchange,
    *,
    every: float = 0.5,
    pause: float = 0.0,
    settle: float = 5.0,
    venue: Venue = USDM,
    timing: Timing = PROMPT,
    **options: Any,
) -> AsyncIterator[Course]:
    """Open a stream, let something happen ``every`` so often, and take it; afterwards, everything has to add up.

    Args:
        settle: Seconds after the block for what is on its way.
        pause: Seconds that the consumer rests after each item.
    """
    transport, connector = MemoryTransport(exchange), Connects(exchange)
    diary, watch = Diary(), Watch(exchange)
    async with (
        open_user_stream(
            venue, ALICE, transport=transport, connector=connector, timing=timing, instrument=diary, **options
        ) as stream,
        trio.open_nursery() as nursery,
    ):
        emitting = trio.CancelScope()
        nursery.start_soon(_within, emitting, watch.emit_every, every)
        nursery.start_soon(lambda: watch.take_from(stream, pause=pause))
        yield Course(exchange, transport, connector, stream, watch, diary)
        emitting.cancel()
        await trio.sleep(settle)
        nursery.cancel_scope.cancel()
    watch.check()
    first = watch.items[0]
    assert isinstance(first, Gap)
    assert first.cause == "opened", "a stream begins with a gap"
    assert all(alive for _, alive in connector.made), "a handshake was made with a dead key"
    assert await what_is_left(exchange) == []
    assert exchange.requests_during_bans == 0


async def _within(scope: trio.CancelScope, run: Callable[[float], Awaitable[None]], argument: float) -> None:
    with scope:
        await run(argument)


async def what_is_left(exchange: Exchange) -> list[str]:
    """Keys and sockets at the exchange, and tasks here, that outlive their stream."""
    left = [f"key {number}" for number, _ in enumerate(exchange.open_keys(trio.current_time()), 1)]
    with trio.CancelScope(shield=True):
        await trio.sleep(30)  # what was sent arrives
    left += [str(info) for info in exchange.sockets(trio.current_time())]
    return left + our_tasks()


def our_tasks() -> list[str]:
    """The names of all tasks that have to do with us."""
    root = trio.lowlevel.current_root_task()
    tasks, names = [root] if root else [], []
    while tasks:
        task = tasks.pop()
        tasks += [child for nursery in task.child_nurseries for child in nursery.child_tasks]
        names.append(task.name)
    return [name for name in names if any(ours in name for ours in ("user stream", "listen key", "trio_listenkey"))]
