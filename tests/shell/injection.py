"""Run a scenario once for every moment at which something can come between: cancel, or Ctrl-C, at the k-th step.

A step is what any task does between two suspensions, so the k's together are every checkpoint of every task: the
block's, the keeper's and the exchange's. Time is virtual and the scheduler is seeded, so that the k-th moment is
the same one every time.
"""

from __future__ import annotations

import random
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Literal

import trio
import trio._core._run as trio_run
from trio.testing import MockClock

from trio_listenkey import Credentials, ListenKey, Timing, Venue, open_listen_key, venues
from trio_listenkey.sharing import MemoryRegister, SharedKey
from trio_listenkey.testing import Exchange, Fault, MemoryTransport

API_KEY = "the-api-key-of-alice"

# Two looks at the other clocks in an hour do where no machine sleeps, and make for fewer moments.
QUIET = Timing(suspend_check_every=600)

Act = Literal["cancel", "interrupt"]
BodyScope = Callable[[ListenKey], Awaitable[None]]


@dataclass(frozen=True)
class Scenario:
    """What goes on while the something comes between."""

    name: str
    body: BodyScope
    faults: tuple[Fault, ...] = ()
    latency: float = 0.0
    timing: Timing = QUIET
    on_lost: Literal["replace", "raise"] = "replace"
    venue: Venue = venues.BINANCE_USDM
    outcomes: frozenset[type[BaseException] | None] = frozenset({None})
    """How it may end if nothing comes between in time."""
    shares: bool = False
    """Whether the key is shared with programs that are not there."""
    may_leave_key: bool = False
    """Whether the exchange does not answer, so that nobody could close the key."""

    def open(self, transport: MemoryTransport) -> AbstractAsyncContextManager[ListenKey, None]:
        return open_listen_key(
            self.venue,
            Credentials(API_KEY),
            transport=transport,
            timing=self.timing,
            on_lost=self.on_lost,
            sharing=SharedKey(MemoryRegister(latency=0.1), beat_every=900, patience=2) if self.shares else None,
        )


@dataclass
class Result:
    """What one run showed."""

    k: int
    fired: bool = False
    raised: BaseException | None = None
    interrupted: bool = False
    absorbed: bool = False
    exit_seconds: float = 0.0
    left_open: tuple[object, ...] = ()


class _AtStep(trio.abc.Instrument):
    def __init__(self, k: int, act: Callable[[], None]) -> None:
        self._left, self._act = k, act
        self.armed = self.fired = False

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        if self.armed and not self.fired:
            if self._left == 0:
                self.fired = True
                self._act()
            self._left -= 1


def run_once(scenario: Scenario, act: Act, k: int, seed: int) -> Result:
    """Run ``scenario``; at its ``k``-th step, do ``act``."""
    result = Result(k)
    trio_run._ALLOW_DETERMINISTIC_SCHEDULING = True  # type: ignore[misc]  # no public way
    trio_run._r.seed(seed)
    random.seed(seed)
    try:
        trio.run(_main, scenario, act, result, clock=MockClock(autojump_threshold=0))
    except KeyboardInterrupt:
        result.interrupted = True
    return result


async def _main(scenario: Scenario, act: Act, result: Result) -> None:
    exchange = Exchange(seed=1, faults=scenario.faults)
    exchange.add_account(API_KEY, name="alice")
    transport = MemoryTransport(exchange, latency=scenario.latency)
    scope = trio.CancelScope()
    acted_at = trio.current_time()

    def do() -> None:
        nonlocal acted_at
        acted_at = trio.current_time()
        if act == "cancel":
            scope.cancel()
        else:
            signal.raise_signal(signal.SIGINT)

    at_step = _AtStep(result.k, do)
    trio.lowlevel.add_instrument(at_step)
    interrupt = None
    try:
        with scope:
            at_step.armed = True
            try:
                async with scenario.open(transport) as key:
                    await scenario.body(key)
            except BaseException as error:
                result.raised = error
                raise
            finally:
                at_step.armed = False
                result.fired = at_step.fired
                result.exit_seconds = trio.current_time() - acted_at
    except KeyboardInterrupt as error:
        interrupt = error
    except Exception:
        pass
    result.absorbed = scope.cancelled_caught
    # What was sent arrives, whoever still waits for it; a Ctrl-C that came too late for the block arrives here.
    while transport.in_flight or trio.current_time() < acted_at + 60:
        try:
            with trio.CancelScope(shield=True):
                await trio.sleep(60)
        except KeyboardInterrupt as error:
            interrupt = error
    result.left_open = exchange.open_keys(trio.current_time())
    if interrupt is not None:
        raise interrupt


def every_moment(scenario: Scenario, act: Act, seeds: range) -> Iterator[Result]:
    """One result for every moment, for every seed of the scheduler; the last of a seed is the undisturbed run."""
    for seed in seeds:
        k = 0
        while True:
            result = run_once(scenario, act, k, seed)
            yield result
            if not result.fired:
                break
            k += 1
