"""What a run comes to in figures, and what is required of this library. Arithmetic only: no clock, no process."""

from __future__ import annotations

import bisect
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

__all__ = ["Figures", "Promise", "Run", "broken_promises", "judge"]

_NEAR = 1.0
"""Seconds by which what the user is told may be away from a hole, and still tell of it: peers give no bounds."""

_STOPPING_SLACK = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What was seen of one player in one scenario. All times are of one clock.

    Attributes:
        emitted: When each event was, by its number, in order.
        received: Number and time of every event that reached the user, in order of arrival.
        gaps: Beginning and end of every stretch in which, as the user was told, events may have been missed.
        told: When the user was told that something is wrong, but not from when to when.
        asked_to_stop_at: When the player was asked to stop; at that time nothing was on its way any more.
        stopped_at: When it had, or ``None`` if it had to be killed.
        requests_in_bans: How many requests came although the exchange had asked for silence.
        keys_left: How many keys were alive at the exchange when the player had stopped.
        handshakes: When a socket was asked for, after the scenario began; by the exchange's clock.
    """

    emitted: Mapping[int, float]
    received: Sequence[tuple[int, float]]
    gaps: Sequence[tuple[float, float]]
    told: Sequence[float]
    asked_to_stop_at: float
    stopped_at: float | None
    requests_in_bans: int
    keys_left: int
    handshakes: Sequence[float] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One cell of the table.

    Attributes:
        deaf: The longest time in seconds from any event to the next one that reached the user, be it the same or a
            later one; or to the end of the scenario. Without faults that is an event's way to the user.
        deaf_to_the_end: Whether nothing more came after that.
        lost: Events that never reached the user.
        untold: How many of these no gap covers, and no other message is near: the user cannot know.
        outside_gaps: How many of these no gap covers.
        doubled: Events that came again.
        disordered: Events that came after a later one, and not again.
        gaps: How many gaps the user was told of.
        gap_seconds: The sum of their lengths.
        stopping: Seconds from being asked to stop until everything was closed; ``None`` if that did not happen.
        requests_in_bans: As in :class:`Run`.
        keys_left: As in :class:`Run`.
        busiest_second: The most handshakes within any one second.
    """

    deaf: float
    deaf_to_the_end: bool
    lost: int
    untold: int
    outside_gaps: int
    doubled: int
    disordered: int
    gaps: int
    gap_seconds: float
    stopping: float | None
    requests_in_bans: int
    keys_left: int
    busiest_second: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """What is required of this library in one scenario, besides what is required in all.

    Attributes:
        deaf_at_most: Seconds.
        gapless: Whether nothing may be lost and no gap told.
        leaves_key: Whether the exchange does not let the key be closed.
        handshakes_a_second: How many may come within any one second.
    """

    deaf_at_most: float = math.inf
    gapless: bool = False
    leaves_key: bool = False
    handshakes_a_second: float = math.inf


def judge(run: Run) -> Figures:
    """Compare what was emitted with what arrived."""
    # What came twice counts as it came first.
    first: dict[int, float] = {}
    for number, at in run.received:
        first.setdefault(number, at)
    deaf, to_the_end = _deafness(run)
    lost = [number for number in run.emitted if number not in first]
    outside = [number for number in lost if not _is_covered(run.emitted[number], run.gaps)]
    untold = set(outside) - _told_of(run, lost)
    return Figures(
        deaf=deaf,
        deaf_to_the_end=to_the_end,
        lost=len(lost),
        untold=len(untold),
        outside_gaps=len(outside),
        doubled=sum(count - 1 for count in Counter(number for number, _ in run.received).values()),
        disordered=_count_disordered(list(first)),
        gaps=len(run.gaps),
        gap_seconds=sum(end - start for start, end in run.gaps),
        stopping=None if run.stopped_at is None else run.stopped_at - run.asked_to_stop_at,
        requests_in_bans=run.requests_in_bans,
        keys_left=run.keys_left,
        busiest_second=_busiest_second(sorted(run.handshakes)),
    )


def broken_promises(figures: Figures, promise: Promise, *, close_timeout: float) -> list[str]:
    """What is not as it has to be with this library, in sentences; empty if all is well."""
    stopping = math.inf if figures.stopping is None else figures.stopping
    checks = (
        (figures.outside_gaps == 0, f"{figures.outside_gaps} events were lost that no gap covers"),
        (figures.doubled == 0, f"{figures.doubled} events came again"),
        (figures.disordered == 0, f"{figures.disordered} events came after a later one"),
        (figures.requests_in_bans == 0, f"{figures.requests_in_bans} requests were sent during a ban"),
        (
            stopping <= close_timeout + _STOPPING_SLACK,
            f"stopping took {stopping:.2f} s, and {close_timeout + _STOPPING_SLACK} s are allowed",
        ),
        (
            figures.deaf <= promise.deaf_at_most,
            f"the user heard nothing for {figures.deaf:.2f} s, and {promise.deaf_at_most} s are allowed",
        ),
        (
            not promise.gapless or figures.gaps == figures.lost == 0,
            f"nothing was to be missed, and {figures.lost} events were lost, {figures.gaps} gaps told",
        ),
        (promise.leaves_key or figures.keys_left == 0, f"{figures.keys_left} keys were left open"),
        (
            figures.busiest_second <= promise.handshakes_a_second,
            f"{figures.busiest_second} handshakes came within a second, and {promise.handshakes_a_second} are allowed",
        ),
    )
    return [message for kept, message in checks if not kept]


def _busiest_second(times: Sequence[float]) -> int:
    """The most of ``times``, which are sorted, within any one second."""
    return max((bisect.bisect_left(times, at + 1.0) - place for place, at in enumerate(times)), default=0)


def _deafness(run: Run) -> tuple[float, bool]:
    arrivals = sorted(at for _, at in run.received)
    longest = (0.0, False)
    for emitted in run.emitted.values():
        place = bisect.bisect_left(arrivals, emitted)
        to_the_end = place == len(arrivals)
        until = run.asked_to_stop_at if to_the_end else arrivals[place]
        longest = max(longest, (until - emitted, to_the_end))
    return longest


def _is_covered(at: float, gaps: Sequence[tuple[float, float]]) -> bool:
    return any(start <= at <= end for start, end in gaps)


def _told_of(run: Run, lost: Sequence[int]) -> set[int]:
    """Those of the lost events that belong to a hole about which the user was told something."""
    arrivals = sorted(at for _, at in run.received)
    numbers: set[int] = set()
    for hole in _holes(list(run.emitted), set(lost)):
        begin, end = run.emitted[hole[0]], run.emitted[hole[-1]]
        place = bisect.bisect_left(arrivals, end)
        over = arrivals[place] if place < len(arrivals) else run.asked_to_stop_at
        if any(begin - _NEAR <= told <= over + _NEAR for told in run.told):
            numbers.update(hole)
    return numbers


def _holes(numbers: Sequence[int], lost: set[int]) -> Iterator[list[int]]:
    """The lost events, those together that follow on each other."""
    hole: list[int] = []
    for number in numbers:
        if number in lost:
            hole.append(number)
        elif hole:
            yield hole
            hole = []
    if hole:
        yield hole


def _count_disordered(numbers: Sequence[int]) -> int:
    latest, count = -math.inf, 0
    for number in numbers:
        count += number < latest
        latest = max(latest, number)
    return count
