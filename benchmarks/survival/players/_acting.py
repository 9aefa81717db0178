"""What all players do: write the tape, and obey.

The commands are ``slow SECONDS``, ``block SECONDS``, ``leave CONSUMER`` and ``stop``.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from functools import partial

import trio

from ..part import Line, Part

__all__ = ["Tape", "play_in_asyncio", "play_in_trio", "read_part"]

RETRY_AFTER = 1.0
"""Seconds after which a player calls its library again that has raised an exception."""

Consume = Callable[[str], Awaitable[None]]


def read_part() -> Part:
    """What this process was started with."""
    return Part.from_json(sys.argv[1])


class Tape:
    """Writes down what a user is shown.

    Attributes:
        pause: Seconds that the user takes for each event.
    """

    def __init__(self) -> None:
        self.pause = 0.0

    def event(self, who: str, number: int) -> None:
        self._write(Line(what="event", at=time.monotonic(), who=who, number=number))

    def told(self, who: str, what: object) -> None:
        text = f"{type(what).__name__}: {what}" if isinstance(what, BaseException) else str(what)
        self._write(Line(what="told", at=time.monotonic(), who=who, text=text[:200]))

    def gap(self, who: str, started_at: float, ended_at: float, cause: object) -> None:
        now = time.monotonic()
        self._write(Line(what="gap", at=now, who=who, started_at=started_at, ended_at=ended_at, text=str(cause)[:200]))

    def stopped(self) -> None:
        self._write(Line(what="stopped", at=time.monotonic()))

    def _write(self, line: Line) -> None:
        print(line.to_json(), flush=True)


def block(seconds: float) -> None:
    """Compute, and let nothing else of the program run meanwhile."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        pass


def play_in_asyncio(tape: Tape, consumers: tuple[str, ...], consume: Consume) -> None:
    """Run ``consume`` for each consumer until it is told to stop: by cancellation, as asyncio does it."""

    async def main() -> None:
        tasks = {who: asyncio.ensure_future(consume(who)) for who in consumers}
        while (command := await asyncio.to_thread(sys.stdin.readline)).strip() not in {"", "stop"}:
            name, argument = command.split()
            if name == "slow":
                tape.pause = float(argument)
            elif name == "block":
                block(float(argument))
            else:
                tasks[argument].cancel()
        for task in tasks.values():
            task.cancel()
        for who, result in zip(tasks, await asyncio.gather(*tasks.values(), return_exceptions=True), strict=True):
            if isinstance(result, Exception):
                tape.told(who, result)
        tape.stopped()

    asyncio.run(main())


def play_in_trio(tape: Tape, consumers: tuple[str, ...], consume: Consume) -> None:
    """Run ``consume`` for each consumer until it is told to stop: by cancellation, as trio does it."""
    scopes = {who: trio.CancelScope() for who in consumers}

    async def act(who: str) -> None:
        with scopes[who]:
            try:
                await consume(who)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is what the user gets
                tape.told(who, error)

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            for who in consumers:
                nursery.start_soon(act, who)
            # A thread of its own waits in readline(); if this is cancelled, it may wait on.
            read = partial(trio.to_thread.run_sync, sys.stdin.readline, abandon_on_cancel=True)
            while (command := await read()).strip() not in {"", "stop"}:
                name, argument = command.split()
                if name == "slow":
                    tape.pause = float(argument)
                elif name == "block":
                    block(float(argument))
                else:
                    scopes[argument].cancel()
            for scope in scopes.values():
                scope.cancel()
        tape.stopped()

    trio.run(main)
