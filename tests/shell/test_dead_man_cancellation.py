"""Something comes between at every moment of a dead-man switch's life: a cancellation, or Ctrl-C."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
import trio
import trio._core._run as trio_run
from injection import Act, _AtStep
from stream_watch import our_tasks
from trio.testing import MockClock

from trio_listenkey import Credentials, Gap, Timing, dead_man_switch, open_user_stream, venues
from trio_listenkey.testing import USDM, Exchange, MemoryConnector, MemoryTransport

ALICE = Credentials("the-api-key-of-alice", "the-secret-of-alice")
QUIET = Timing(suspend_check_every=600, jitter=0)


@dataclass
class Result:
    """What one run showed."""

    fired: bool = False
    seconds: float = 0.0
    was_entered: bool = False
    was_over: bool = False
    countdowns: int = -1
    left: list[str] = field(default_factory=list)


async def scenario(act: Act, k: int, result: Result) -> None:
    """Open a stream undisturbed; enter, hold for a while, and leave, with something at the ``k``-th step."""
    exchange = Exchange(seed=1, dialects=[USDM], epoch=time.time() - trio.current_time())
    exchange.add_account(ALICE.api_key, name="alice", secret=ALICE.api_secret)
    transport, connector = MemoryTransport(exchange), MemoryConnector(exchange)
    scope = trio.CancelScope()
    acted_at = trio.current_time()

    def do() -> None:
        nonlocal acted_at
        acted_at = trio.current_time()
        if act == "cancel":
            scope.cancel()
        else:
            signal.raise_signal(signal.SIGINT)

    at_step = _AtStep(k, do)
    trio.lowlevel.add_instrument(at_step)
    interrupt = None
    async with open_user_stream(
        venues.BINANCE_USDM, ALICE, transport=transport, connector=connector, timing=QUIET
    ) as stream:
        gap = await stream.receive()
        assert isinstance(gap, Gap)
        try:
            with scope:
                at_step.armed = True
                try:
                    async with dead_man_switch(stream, ["BTCUSDT", "ETHUSDT"]) as switch:
                        result.was_entered = True
                        switch.resynchronised(gap)
                        await trio.sleep(35)
                        result.was_over = True
                finally:
                    at_step.armed = False
                    result.fired = at_step.fired
                    result.seconds = trio.current_time() - acted_at
        except KeyboardInterrupt as error:
            interrupt = error
        result.left = [name for name in our_tasks() if "dead-man" in name]
        arrived_at = trio.current_time() + 5
        while trio.current_time() < arrived_at:  # what was sent; and a Ctrl-C that came too late for the block
            try:
                with trio.CancelScope(shield=True):
                    await trio.sleep_until(arrived_at)
            except KeyboardInterrupt as error:
                interrupt = error
        result.countdowns = len(exchange.book.countdowns())
    if interrupt is not None:
        raise interrupt


def run_once(act: Act, k: int, seed: int) -> Result:
    result = Result()
    trio_run._ALLOW_DETERMINISTIC_SCHEDULING = True  # type: ignore[misc]  # no public way
    trio_run._r.seed(seed)
    random.seed(seed)
    run: Callable[..., None] = trio.run
    try:
        run(scenario, act, k, result, clock=MockClock(autojump_threshold=0))
    except KeyboardInterrupt:
        assert act == "interrupt"
    return result


@pytest.mark.no_cover
@pytest.mark.parametrize("act", ["cancel", "interrupt"])
def test_whatever_comes_between(act: Act) -> None:
    """No task is left. A block that was not entered leaves no countdown; one that was cut off leaves them to run."""
    seen = set()
    for seed in range(2):
        k = 0
        while (result := run_once(act, k, seed)).fired:
            where = f"step {k} of seed {seed}: {result}"
            assert result.left == [], where
            assert result.seconds <= QUIET.close_timeout + 1, where
            if not result.was_entered:
                assert result.countdowns == 0, where
            elif not result.was_over:
                assert result.countdowns == 2, where
            else:
                assert result.countdowns in {0, 1, 2}, where
            seen.add((result.was_entered, result.was_over, result.countdowns))
            k += 1
        assert result.countdowns == 0
        assert k > 20
    assert {(False, False, 0), (True, False, 2), (True, True, 0)} <= seen
