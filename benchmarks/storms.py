"""What many streams do when all of them are hit at once, in virtual time: how they return, and what they say meanwhile.

``python benchmarks/storms.py`` for 100 streams and 1,000; or name the numbers. The exchange in memory is the judge: it
takes 300 handshakes in five minutes and a weight of 2,400 a minute, and knows which account could hear something when.

It takes a machine with nothing else to do: five seconds of real time in which virtual time stands still count as a
machine asleep, and then the limits are kept by another clock than the exchange's.
"""

from __future__ import annotations

import logging
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from statistics import median

import trio
from _measuring import BROKEN, row
from trio.testing import MockClock

from trio_listenkey import Credentials, Gap, Timing, UserStream, open_user_stream, venues
from trio_listenkey.testing import Exchange, MemoryConnector, MemoryTransport, Reset, banned

HANDSHAKES, WEIGHT = 300, 2400
BUDGET = venues.BINANCE_USDM.weight_budget or 0
BAN = 120.0
TIMING = Timing(open_timeout=7200)
LONGEST = 7200.0
LOOK_EVERY = 0.5


@dataclass
class Fleet:
    """Streams of an account each, and what they told."""

    exchange: Exchange
    streams: dict[str, UserStream] = field(default_factory=dict)
    gaps: Counter[str] = field(default_factory=Counter)
    """How many gaps each was told."""

    async def follow(self, name: str) -> None:
        """Open one, and take what comes."""
        self.exchange.add_account(name, name=name)
        block = open_user_stream(
            venues.BINANCE_USDM,
            Credentials(name),
            transport=MemoryTransport(self.exchange),
            connector=MemoryConnector(self.exchange),
            timing=TIMING,
        )
        async with block as stream:
            self.streams[name] = stream
            async for item in stream:
                self.gaps[name] += isinstance(item, Gap)

    def hearing(self) -> set[str]:
        """The accounts that are sent what happens."""
        open_now = (each for each in self.exchange.sockets(trio.current_time()) if each.state == "open")
        return {name for each in open_now if each.live_keys and not each.half_open for name in each.accounts}

    def saying(self) -> set[str]:
        """Those whose streams say that they are live."""
        return {name for name, stream in self.streams.items() if stream.statistics().is_live}


def reset_sockets(fleet: Fleet, now: float) -> None:
    fleet.exchange.strike_sockets(Reset(), now)


def kill_keys(fleet: Fleet, now: float) -> None:
    for name in fleet.streams:
        fleet.exchange.kill_key(name, now)


def ban_host(fleet: Fleet, now: float) -> None:
    """The keys are killed, too: else nobody would have to ask for anything."""
    fleet.exchange.ban(banned(BAN), now)
    kill_keys(fleet, now)


STORMS: dict[str, tuple[Callable[[Fleet, float], None], float]] = {
    "all sockets reset": (reset_sockets, 0.0),
    "all keys killed silently": (kill_keys, TIMING.silence_check_every + 2),
    "host banned, keys killed": (ban_host, TIMING.silence_check_every + 2),
}
"""What is done; and for how many seconds a stream may go on saying that it is live, for it cannot know yet."""


async def storm(count: int, what: str) -> None:
    exchange = Exchange(seed=1, log_size=200_000)
    exchange.connect_limit, exchange.weight_limit = HANDSHAKES, WEIGHT
    fleet = Fleet(exchange)
    act, blind = STORMS[what]
    async with trio.open_nursery() as nursery:
        for number in range(count):
            nursery.start_soon(fleet.follow, f"account-{number}")
            await trio.sleep(0.01)
        while len(fleet.hearing() & fleet.saying()) < count:
            await trio.sleep(10)
        await trio.sleep(600)  # what opening them has cost is over
        fleet.gaps.clear()
        began = trio.current_time()
        act(fleet, began)
        back, false = await watch(fleet, began)
        nursery.cancel_scope.cancel()
    tell(f"{count:,} streams, {what}", fleet, began, back, false, blind)


async def watch(fleet: Fleet, began: float) -> tuple[dict[str, float], Counter[str]]:
    """When each had told a gap and was back; and at how many looks each said that it was live, and was not."""
    back: dict[str, float] = {}
    false: Counter[str] = Counter()
    while len(back) < len(fleet.streams) and trio.current_time() < began + LONGEST:
        await trio.sleep(LOOK_EVERY)
        hearing, saying = fleet.hearing(), fleet.saying()
        false.update(saying - hearing)
        for name in (saying & hearing & fleet.gaps.keys()) - back.keys():
            back[name] = trio.current_time() - began
    return back, false


def busiest(times: Iterable[float], seconds: float) -> int:
    """How many there were in any ``seconds``, at most."""
    most, sorted_times, first = 0, sorted(times), 0
    for last, time in enumerate(sorted_times):
        while sorted_times[first] <= time - seconds:
            first += 1
        most = max(most, last - first + 1)
    return most


def tell(what: str, fleet: Fleet, began: float, back: dict[str, float], false: Counter[str], blind: float) -> None:
    log = [entry for entry in fleet.exchange.log if entry.when >= began]
    handshakes = [entry.when for entry in log if entry.verb == "connect"]
    requests = [entry.when for entry in log if entry.verb in {"create", "keepalive"}]
    times = sorted(back.values()) or [0.0]
    ones = sum(fleet.gaps[name] == 1 for name in fleet.streams)
    row(f"{what}: not back", len(fleet.streams) - len(back), "", 0, promise=0)
    print(f"    back after {times[0]:.1f} s, {median(times):.1f} s and {times[-1]:.1f} s: first, median, last")
    print(f"    {len(handshakes):,} handshakes, {busiest(handshakes, 1):,} in the busiest second")
    row("    handshakes in the busiest five minutes", busiest(handshakes, 300), "", HANDSHAKES, promise=HANDSHAKES)
    row("    weight in the busiest minute", busiest(requests, 60), "", BUDGET, promise=BUDGET)
    blindest = LOOK_EVERY * max(false.values(), default=0)
    ban = fleet.exchange.requests_during_bans
    row("    requests while the host wanted silence; the first one is told that it does", ban, "", 1, promise=1)
    row("    streams that were not told one gap", len(fleet.streams) - ones, "", 0, promise=0)
    row('    seconds of "live" without hearing', blindest, "s", blind + 1, promise=blind + 1)


if __name__ == "__main__":
    logging.disable()  # thousands of lines say what the rows do
    for number in map(int, sys.argv[1:] or ("100", "1000")):
        for name in STORMS:
            trio.run(storm, number, name, clock=MockClock(autojump_threshold=0))
    sys.exit(bool(BROKEN))
