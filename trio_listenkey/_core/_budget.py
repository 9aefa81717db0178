"""How much all requests of this process to one host may cost in a minute, and who goes first when that is little.

How to drive it (``_shell._gate`` does)::

    budget.admit(ticket, now)         a request that is to be sent as soon as there is room; whether that is now
    budget.leave(ticket)              it is not to be sent any more
    budget.serve(now)                 the ticket whose request is to be sent now, paid; None if none may be
    budget.next_at(now)               when to call ``serve`` again, if nothing happens before

The exchange counts in minutes that begin at an unknown second. So *no* 60 seconds may see more than the budget: then no
minute of the exchange's does. There is no rate limit within the minute: a thousand keys may be opened at once if the
minute before was quiet.

Who goes first
==============

1. A key that would die within its margin. It goes before everything else, or the key is lost.
2. An account that has no key yet, in the order of arrival.
3. Keepalives that are due, the key that dies first before all others. They may wait until the margin, so that with many
   keys each is kept alive less often, down to once in the validity less the margin.
4. Silence checks, in the order of arrival. So they are further apart the more accounts there are. A check whose key
   comes into its margin meanwhile counts as a keepalive, and goes first. Checks leave a quarter of the budget free:
   else the replacement of a dead key would wait until the minute is over.
"""

from __future__ import annotations

from collections import deque
from enum import Enum, auto
from heapq import heappop, heappush
from itertools import count
from math import inf
from typing import Final

import msgspec

__all__ = ["RequestBudget", "Ticket", "Urgency"]

_WINDOW: Final = 60.0
# Seconds over which spent weight is added up: a minute is stored as 60 sums, however large the budget is.
_GRAIN: Final = 1.0
# The part of a key's validity that is its margin: 10 minutes of an hour, for retries, outages and bans.
_MARGIN: Final = 1 / 6


# The part of the budget that silence checks may spend.
_OF_CHECKS: Final = 0.75


class Urgency(Enum):
    """What a request is for."""

    CREATE = auto()
    """The account has no key."""

    KEEPALIVE = auto()
    """The key's keepalive is due."""

    CHECK = auto()
    """Someone asks whether the key is alive, long before its keepalive is due."""

    LEAVE = auto()
    """The block is over. Leaving is bounded in time, so this request never waits; its weight is counted."""


class Ticket(msgspec.Struct, eq=False):
    """One request that waits for its place in the budget.

    Attributes:
        urgency: What it is for.
        weight: What it costs.
        margin_at: From when on its key is in danger; infinity if there is none.
        is_waiting: Whether it waits to be served. The queues drop other tickets when they reach them.
    """

    urgency: Urgency
    weight: int
    margin_at: float = inf
    is_waiting: bool = False


def margin_of(validity: float) -> float:
    """Seconds before the end of its validity from which on a key goes before all else."""
    return validity * _MARGIN


class RequestBudget:
    """One host's budget.

    Args:
        per_minute: What may be spent in any 60 seconds.
    """

    __slots__ = (
        "_checks",
        "_creates",
        "_endangered",
        "_keepalives",
        "_number",
        "_spent",
        "_total",
        "load",
        "per_minute",
    )

    per_minute: float
    """The weight that may be spent in any 60 seconds; lowered by a venue with a smaller limit."""

    load: float
    """The least weight a minute that all held keys cost, each kept alive as late as its margin allows."""

    def __init__(self, per_minute: float = inf) -> None:
        self.per_minute = per_minute
        self.load = 0.0
        self._spent: deque[list[float]] = deque()  # [beginning of the grain, weight]
        self._total = 0.0  # of what is in ``_spent``
        self._number = count()  # so that heaps never compare tickets, and equal ones go in the order of arrival
        self._endangered: list[tuple[float, int, Ticket]] = []  # all that have a key, by when it comes into its margin
        self._keepalives: list[tuple[float, int, Ticket]] = []
        self._creates: deque[Ticket] = deque()
        self._checks: deque[Ticket] = deque()

    def limit(self, per_minute: float) -> None:
        """Spend no more than ``per_minute``. Of several limits for one host the smallest counts."""
        self.per_minute = min(self.per_minute, per_minute)

    @property
    def fits(self) -> bool:
        """Whether the budget can keep all held keys alive.

        Of what is spent without a pause only 60 parts in 61 can be counted on: a grain that is a minute old at its
        beginning is not so at its end. Of 60,000 keys that seem to fit to the last one, 200 would never be opened.
        """
        usable = self.per_minute * _WINDOW / (_WINDOW + _GRAIN)
        return self.load <= usable * (1 + 1e-9)  # a sum of many small parts

    def is_blank(self, now: float) -> bool:
        """Whether it holds nothing to remember: no weight was spent in the last minute."""
        self._forget(now)
        return not self._spent

    def _spend(self, weight: int, now: float) -> None:
        self._forget(now)
        self._total += weight
        if self._spent and now < self._spent[-1][0] + _GRAIN:
            self._spent[-1][1] += weight
        else:
            self._spent.append([now, weight])

    def admit(self, ticket: Ticket, now: float) -> bool:
        """Whether to send the request of ``ticket`` now: then its weight is spent; else the ticket waits."""
        is_admitted = ticket.urgency is Urgency.LEAVE or (self._head(now) is None and self._room_at(ticket, now) <= now)
        if is_admitted:
            self._spend(ticket.weight, now)
        else:
            self._enter(ticket)
        return is_admitted

    def _enter(self, ticket: Ticket) -> None:
        ticket.is_waiting = True
        place = next(self._number)
        if ticket.margin_at < inf:
            heappush(self._endangered, (ticket.margin_at, place, ticket))
        match ticket.urgency:
            case Urgency.CREATE:
                self._creates.append(ticket)
            case Urgency.KEEPALIVE:
                heappush(self._keepalives, (ticket.margin_at, place, ticket))
            case _:
                self._checks.append(ticket)

    def leave(self, ticket: Ticket) -> None:
        """Remove ``ticket``, which was not served, from the queue."""
        ticket.is_waiting = False

    def serve(self, now: float) -> Ticket | None:
        """The ticket whose request is to be sent now; its weight is spent."""
        ticket = self._head(now)
        if ticket is None or self._room_at(ticket, now) > now:
            return None
        ticket.is_waiting = False
        self._spend(ticket.weight, now)
        return ticket

    def next_at(self, now: float) -> float:
        """When there is room for the ticket that is first then; infinity if none waits."""
        ticket = self._head(now)
        at = inf if ticket is None else self._room_at(ticket, now)
        if self._endangered:  # it may come into its margin before, and there may be room for it then
            margin_at, _, ticket = self._endangered[0]
            at = min(at, self._room_at(ticket, max(now, margin_at)))
        return at

    def _head(self, now: float) -> Ticket | None:
        self._forget(now)
        for heap in (self._endangered, self._keepalives):
            while heap and not heap[0][2].is_waiting:
                heappop(heap)
        for queue in (self._creates, self._checks):
            while queue and not queue[0].is_waiting:
                queue.popleft()
        if self._endangered and self._endangered[0][0] <= now:
            return self._endangered[0][2]
        if self._creates:
            return self._creates[0]
        if self._keepalives:
            return self._keepalives[0][2]
        return self._checks[0] if self._checks else None

    def _room_at(self, ticket: Ticket, at: float) -> float:
        """When there is room for ``ticket``: at ``at``, or when enough of what was spent is a minute ago."""
        is_check = ticket.urgency is Urgency.CHECK and ticket.margin_at > at
        limit = self.per_minute * _OF_CHECKS if is_check else self.per_minute
        # A weight above the whole limit would never fit: such a request is sent when nothing was sent for a minute.
        too_much = min(self._total + ticket.weight - limit, self._total)
        for began_at, spent in self._spent:
            if too_much <= 0:
                break
            too_much -= spent
            at = max(at, began_at + _GRAIN + _WINDOW)
        return at

    def _forget(self, now: float) -> None:
        while self._spent and now >= self._spent[0][0] + _GRAIN + _WINDOW:
            self._total -= self._spent.popleft()[1]
