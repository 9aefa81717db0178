"""One player in one scenario: the exchange, the trickle of events, and the tape of what the user got."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final, TextIO

import trio

from trio_listenkey.testing import USDM, Exchange, ServedExchange, serve_exchange

from .gateways import serve_gateways
from .judge import Run
from .part import API_KEY, Line, Part
from .scenarios import ACCOUNT, Act, Scenario

__all__ = ["PLAYERS", "PlayerError", "perform"]

PLAYERS: Final = {
    "trio-listenkey": "ours",
    "python-binance": "python_binance",
    "ccxt": "ccxt_pro",
    "trio-binance": "trio_binance",
}
"""The modules in ``players``, by the names of the libraries."""

_START: Final = 60.0  # seconds that a player has to open its stream: some take long to import
_REST: Final = 1.0  # seconds between the last event and the request to stop: what is on its way arrives
_PATIENCE: Final = 20.0  # seconds that a player has to stop, before it is killed


class PlayerError(Exception):
    """A player did not play: that says nothing about its library."""


async def perform(scenario: Scenario, player: str, logs: Path) -> Run:
    """Have ``player`` live through ``scenario``.

    Args:
        scenario: What goes wrong.
        player: One of :data:`PLAYERS`.
        logs: Where its standard error goes, as ``SCENARIO.PLAYER.log``, and its tape, as ``.jsonl``, after a line with
            the time of each event.

    Raises:
        PlayerError: It did not open a stream.
    """
    settings = scenario.settings
    rules = replace(
        USDM.stream,
        announces_expiry=scenario.announces_expiry,
        announces_shutdown=scenario.announces_shutdown,
        lifetime=settings.socket_lifetime,
    )
    dialect = replace(USDM, stream=rules, keepalive_tells_key=scenario.keepalive_tells_key)
    exchange = Exchange(validity=settings.validity, dialects=[dialect], faults=scenario.faults)
    exchange.add_account(API_KEY, name=ACCOUNT)
    log = logs / f"{scenario.name}.{player}.log"
    with log.open("wb") as stderr, log.with_suffix(".jsonl").open("w") as copy:
        async with serve_exchange(exchange) as served, trio.open_nursery() as nursery:
            stream_url = served.stream_url
            if scenario.feed is not None:
                stream_url = await nursery.start(serve_gateways, scenario.feed, stream_url)
            part = Part(
                rest_url=served.rest_url,
                stream_url=stream_url,
                consumers=scenario.consumers,
                settings=settings,
            )
            command = [sys.executable, "-m", f"survival.players.{PLAYERS[player]}", part.to_json()]
            process: trio.Process = await nursery.start(
                partial(
                    trio.run_process,
                    command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=stderr,
                    check=False,
                    deliver_cancel=_kill,
                )
            )
            stage = _Stage(scenario, served, process)
            nursery.start_soon(stage.keep_tape)
            nursery.start_soon(stage.pass_commands)
            opened = await stage.wait_open()
            if opened:
                await stage.play()
                await stage.stop()
            nursery.cancel_scope.cancel()
        stage.write_tape(copy)
    if not opened:
        last = log.read_text(errors="replace").strip().rpartition("\n")[2]
        raise PlayerError(f"no stream was opened: {last or 'nothing was said'}")
    return stage.run


async def _kill(process: trio.Process) -> None:
    # At once, for it may be one that stands still.
    process.kill()


@dataclass(frozen=True, slots=True)
class _Stop:
    asked_at: float
    at: float | None
    keys_left: int


class _Stage:
    """What an act may do something to, and what happens on it."""

    def __init__(self, scenario: Scenario, served: ServedExchange, process: trio.Process) -> None:
        self.exchange = served.exchange
        self._scenario = scenario
        self._served = served
        self._process = process
        self._commands, self._commands_out = trio.open_memory_channel[str](10)
        self._began_at = math.inf
        self._emitted: dict[int, float] = {}
        self._tape: list[Line] = []
        self._stopped = trio.Event()
        self._ended = trio.Event()
        self._stop: _Stop | None = None

    # --- For acts

    def now(self) -> float:
        return self._served.now()

    def emit(self, count: int) -> None:
        at = time.monotonic()
        for number in self.exchange.emit(ACCOUNT, self.now(), count=count):
            self._emitted[number] = at

    def tell(self, command: str) -> None:
        self._commands.send_nowait(command)

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    # --- What happens

    async def wait_open(self) -> bool:
        """Wait until each consumer has a socket with a live key; and say whether that came about."""
        with trio.move_on_after(_START):
            while not self._ended.is_set():
                live = [each for each in self.exchange.sockets(self.now()) if each.live_keys]
                if len(live) >= len(self._scenario.consumers):
                    return True
                await trio.sleep(0.05)
        return False

    async def play(self) -> None:
        """Let events trickle, and things go wrong."""
        if self._scenario.feed is not None:
            await trio.sleep(self._scenario.feed.begins_late)
        rate = self._scenario.events_per_second
        self._began_at = self.now()
        begin = trio.current_time()
        async with trio.open_nursery() as nursery:
            for after, act in self._scenario.acts:
                nursery.start_soon(self._act_at, begin + after, act)
            for nth in range(int(self._scenario.seconds * rate)):
                await trio.sleep_until(begin + nth / rate)
                self.emit(1)
        await trio.sleep(_REST)

    async def _act_at(self, when: float, act: Act) -> None:
        await trio.sleep_until(when)
        act(self)

    async def stop(self) -> None:
        """Ask the player to stop, and wait until it has."""
        asked_at = time.monotonic()
        self.tell("stop")
        with trio.move_on_after(_PATIENCE):
            await self._stopped.wait()
        at = next((line.at for line in self._tape if line.what == "stopped"), None)
        self._stop = _Stop(asked_at, at, len(self.exchange.open_keys(self.now())))

    async def keep_tape(self) -> None:
        assert self._process.stdout is not None
        rest = b""
        async for data in self._process.stdout:
            *lines, rest = (rest + bytes(data)).split(b"\n")
            self._tape += map(Line.from_json, lines)
            if self._tape and self._tape[-1].what == "stopped":
                self._stopped.set()
        self._ended.set()
        self._stopped.set()  # or it is over without having said so

    async def pass_commands(self) -> None:
        assert self._process.stdin is not None
        async for command in self._commands_out:
            try:
                await self._process.stdin.send_all(command.encode() + b"\n")
            except trio.BrokenResourceError:
                return  # it is over: keep_tape() notices

    # --- What comes of it

    def write_tape(self, file: TextIO) -> None:
        print(json.dumps({"what": "emitted", "at": self._emitted}), file=file)
        for line in self._tape:
            print(line.to_json(), file=file)

    @property
    def run(self) -> Run:
        assert self._stop is not None
        judged = [line for line in self._tape if line.who == self._scenario.consumers[-1]]
        return Run(
            emitted=self._emitted,
            received=[(line.number, line.at) for line in judged if line.what == "event"],
            gaps=[(line.started_at, line.ended_at) for line in judged if line.what == "gap"],
            told=[line.at for line in judged if line.what == "told"],
            asked_to_stop_at=self._stop.asked_at,
            stopped_at=self._stop.at,
            requests_in_bans=self.exchange.requests_during_bans,
            keys_left=self._stop.keys_left,
            handshakes=[
                entry.when for entry in self.exchange.log if entry.verb == "connect" and entry.when >= self._began_at
            ],
        )
