"""Programs that share a key, as processes of their own, before an exchange and a register that really exist.

The judge is the exchange's log: was the account ever without a key while a program lived, who closed it, and how much
was asked. A scenario takes an :class:`Office`; ``SCENARIOS`` has all of them.
"""

from __future__ import annotations

import json
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol

import trio

from trio_listenkey.testing import Exchange, ServedExchange, serve_exchange

__all__ = ["BEAT", "PATIENCE", "SCENARIOS", "Bot", "Engine", "Office", "open_office"]

BOT: Final = Path(__file__).with_name("sharing_bot.py")
BEAT: Final = 0.5
PATIENCE: Final = 4
# A process starts, and a machine of two processors is busy with ten of them.
SLOW: Final = 30.0


class Engine(Protocol):
    """What keeps the register; the scenarios hurt it."""

    url: str

    def stop(self) -> None:
        """It is gone."""
        ...

    def start(self) -> None:
        """It is back, and has forgotten all."""
        ...

    def freeze(self, *, frozen: bool) -> None:
        """It does not answer; or it goes on, and has forgotten nothing."""
        ...

    def forget(self) -> None:
        """It goes on, and has forgotten all."""
        ...


class Bot:
    """One program, and what it has said."""

    def __init__(self, process: trio.Process) -> None:
        self.process = process
        self.said: list[dict[str, Any]] = []

    def hears(self, what: str, **more: object) -> bool:
        """Whether it has said that."""
        return any(each["what"] == what and more.items() <= each.items() for each in self.said)

    @property
    def role(self) -> str:
        """What it said of it last."""
        return next((each["role"] for each in reversed(self.said) if each["what"] == "role"), "")

    async def until(self, is_so: Callable[[], bool], limit: float = SLOW) -> float:
        """Wait until ``is_so``; return how long that took, in seconds."""
        start = time.monotonic()
        with trio.fail_after(limit):
            while not is_so():
                await trio.sleep(0.02)
        return time.monotonic() - start

    def send(self, number: int) -> None:
        """A signal."""
        self.process.send_signal(number)

    async def stop(self) -> dict[str, Any]:
        """SIGTERM; return its last words."""
        self.send(signal.SIGTERM)
        return await self.over()

    async def over(self) -> dict[str, Any]:
        """Wait for its end; return its last words."""
        await self.until(lambda: self.hears("left"))
        with trio.fail_after(SLOW):
            await self.process.wait()
        return self.said[-1]


class Office:
    """An exchange on loopback, a register, and the programs."""

    def __init__(self, served: ServedExchange, exchange: Exchange, engine: Engine, nursery: trio.Nursery) -> None:
        self.served, self.exchange, self.engine = served, exchange, engine
        self._nursery = nursery
        self.bots: list[Bot] = []
        self.measured: dict[str, float] = {}

    async def start(self, *, alone: bool = False) -> Bot:
        """One more program, up to where it has its key."""
        bot = await self.spawn(alone=alone)
        await bot.until(lambda: bot.hears("open"))
        return bot

    async def spawn(self, *, alone: bool = False) -> Bot:
        """One more program, as far as its start."""
        register = "alone" if alone else self.engine.url
        command = [sys.executable, str(BOT), self.served.rest_url, register]
        ready = await self._nursery.start(partial(trio.run_process, command, stdout=-1, check=False))
        bot = Bot(ready)
        self.bots.append(bot)
        self._nursery.start_soon(self._listen, bot)
        return bot

    async def _listen(self, bot: Bot) -> None:
        rest = b""
        assert bot.process.stdout is not None
        async for data in bot.process.stdout:
            *lines, rest = (rest + data).split(b"\n")
            bot.said += map(json.loads, lines)

    async def two(self) -> tuple[Bot, Bot]:
        """A keeper and a follower, who are sure of each other."""
        keeper = await self.start()
        await keeper.until(lambda: keeper.role == "keeper")
        follower = await self.start()
        await follower.until(lambda: follower.role == "follower")
        await trio.sleep((PATIENCE + 1) * BEAT)
        return keeper, follower

    @property
    def verbs(self) -> Counter[str | None]:
        """What the exchange was asked."""
        return Counter(entry.verb for entry in self.exchange.log)

    @property
    def has_key(self) -> bool:
        """Whether the account has one now."""
        return bool(self.exchange.open_keys(self.served.now()))

    @property
    def seconds_without(self) -> float:
        """Since the first key."""
        return self.exchange.seconds_without_key("alice", self.served.now())

    def never_without(self) -> None:
        """Nobody who lived was without a key."""
        assert self.seconds_without == 0, self.exchange.log


@asynccontextmanager
async def open_office(engine: Engine) -> AsyncIterator[Office]:
    """Open it; at the end no program is left."""
    exchange = Exchange(validity=20)
    exchange.add_account("the-api-key-of-alice", name="alice")
    async with serve_exchange(exchange) as served, trio.open_nursery() as nursery:
        office = Office(served, exchange, engine, nursery)
        try:
            yield office
        finally:
            for bot in office.bots:
                if bot.process.poll() is None:
                    bot.process.kill()


# --- The keeper


async def keeper_killed(office: Office) -> None:
    """It is replaced within ``patience`` + 2 beats, the key never missed, and one close comes at the end."""
    keeper, follower = await office.two()
    keeper.send(signal.SIGKILL)
    took = await follower.until(lambda: follower.role == "keeper")
    office.measured["takeover"] = took
    assert took < (PATIENCE + 2) * BEAT + 7  # of which 7 s are for a busy machine
    await trio.sleep(6)
    office.never_without()
    await follower.stop()
    assert office.verbs["close"] == 1
    assert not office.has_key


async def keeper_stopped_and_woken(office: Office) -> None:
    """SIGSTOP for longer than patience: the follower keeps the office, also when the first one is back."""
    keeper, follower = await office.two()
    keeper.send(signal.SIGSTOP)
    await follower.until(lambda: follower.role == "keeper")
    await trio.sleep(4)
    keeper.send(signal.SIGCONT)
    await keeper.until(lambda: keeper.role == "follower")
    await trio.sleep((PATIENCE + 3) * BEAT + 5)
    assert (keeper.role, follower.role) == ("follower", "keeper")
    assert [each["role"] for each in follower.said if each["what"] == "role"].count("follower") <= 2
    await keeper.stop()
    assert office.verbs["close"] == 0
    office.never_without()
    await follower.stop()
    assert office.verbs["close"] == 1


# --- The register


async def register_stops_and_goes_on(office: Office) -> None:
    """Ten seconds without it: everybody keeps the key alive, nobody looks dead after it."""
    keeper, follower = await office.two()
    office.engine.freeze(frozen=True)
    await trio.sleep(10)
    assert (keeper.role, follower.role) == ("alone", "alone")
    office.engine.freeze(frozen=False)
    for bot in (keeper, follower):
        await bot.until(lambda bot=bot: bot.role in {"keeper", "follower"})  # type: ignore[misc]
    await keeper.stop()
    assert office.verbs["close"] == 0
    office.never_without()
    await follower.stop()
    assert office.verbs["close"] <= 1


async def register_restarts_empty(office: Office) -> None:
    """It is back and knows nothing: they find each other again."""
    keeper, follower = await office.two()
    office.engine.stop()
    await trio.sleep(3)
    office.engine.start()
    for bot in (keeper, follower):
        await bot.until(lambda bot=bot: bot.role in {"keeper", "follower"})  # type: ignore[misc]
    await trio.sleep((PATIENCE + 2) * BEAT)
    await keeper.stop()
    await trio.sleep(6)
    office.never_without()
    await follower.stop()
    assert office.verbs["close"] == 1


async def register_forgets_and_one_leaves(office: Office) -> None:
    """FLUSHALL, and at the same moment one leaves: it closes nothing."""
    keeper, follower = await office.two()
    office.engine.forget()
    await keeper.stop()
    assert office.verbs["close"] == 0
    await trio.sleep(6)
    office.never_without()
    await follower.stop()
    assert office.verbs["close"] == 1


async def leaving_without_the_register(office: Office) -> None:
    """It is bounded, and says that the key is left."""
    keeper, follower = await office.two()
    office.engine.freeze(frozen=True)
    for bot in (keeper, follower):
        words = await bot.stop()
        assert words["closed"] is False
        assert words["took"] < 4 + 2
    assert office.verbs["close"] == 0
    office.engine.freeze(frozen=False)


# --- Coming and going


async def two_leave_at_once(office: Office) -> None:
    """One close."""
    both = await office.two()
    for bot in both:
        bot.send(signal.SIGTERM)
    for bot in both:
        await bot.over()
    assert office.verbs["close"] == 1
    assert not office.has_key


async def one_joins_while_another_closes(office: Office) -> None:
    """Again and again: whoever comes has a key that lives."""
    bot = await office.start()
    for pause in (0.0, 0.05, 0.2):
        await trio.sleep((PATIENCE + 2) * BEAT)
        following = await office.spawn()
        # It takes a Python a while to start; the other one leaves at about the time at which it joins.
        await trio.sleep(0.3 + pause)
        await bot.stop()
        await following.until(partial(following.hears, "open"))
        assert office.has_key
        await trio.sleep(1)
        assert office.has_key
        assert not following.hears("lost")
        bot = following
    await bot.stop()


async def ten_at_random(office: Office, *, seconds: float = 60.0, seed: int = 7) -> None:
    """Started and stopped at random: whoever lives has a key."""
    chance = random.Random(seed)
    bots = [await office.start() for _ in range(3)]
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        await trio.sleep(chance.random())
        if len(bots) > 2 and chance.random() < 0.5:
            leaving = bots.pop(chance.randrange(len(bots)))
            if chance.random() < 0.3:
                leaving.send(signal.SIGKILL)
            else:
                await leaving.stop()
        elif len(bots) < 10:
            bots.append(await office.start())
        assert office.has_key
        assert not any(bot.hears("lost") for bot in bots)
    office.never_without()
    assert office.verbs["close"] == 0
    for bot in bots:
        await bot.stop()
    assert office.verbs["close"] <= 1


SCENARIOS: Final[tuple[Callable[[Office], Awaitable[None]], ...]] = (
    keeper_killed,
    keeper_stopped_and_woken,
    register_stops_and_goes_on,
    register_restarts_empty,
    register_forgets_and_one_leaves,
    leaving_without_the_register,
    two_leave_at_once,
    one_joins_while_another_closes,
    ten_at_random,
)
