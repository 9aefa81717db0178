"""The handle that a block works with."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import final

import trio
from msgspec.structs import replace

from .._core._key_lifecycle import Lifecycle, Notice
from .._core._key_states import State
from .._statistics import KeyStatistics
from .._venue._venue import Venue
from ._clock import SteadyClock

__all__ = ["ListenKey"]


def _never() -> float:
    return inf


@final
class ListenKey:
    """A listen key that is kept alive. :func:`open_listen_key` yields it; there is no other way to get one.

    Whoever knows ``value`` or ``stream_url`` can read the account's private events: log neither. The ``repr``
    hides both.
    """

    __slots__ = ("_changed", "_clock", "_look_again", "_machine", "_silent_at", "_watchers", "name", "venue")

    venue: Venue
    """The exchange that it belongs to."""

    name: str
    """What the account is called."""

    def __init__(
        self, venue: Venue, name: str, machine: Lifecycle, clock: SteadyClock, look_again: Callable[[], None]
    ) -> None:
        self.venue, self.name = venue, name
        self._machine = machine
        self._clock = clock
        self._look_again = look_again
        self._changed: trio.Event | None = None  # made when someone waits: most keys are never waited for
        self._watchers: tuple[Callable[[Notice], None], ...] = ()
        self._silent_at: Callable[[], float] = _never  # when a stream will ask, if it hears nothing more

    @property
    def value(self) -> str:
        """The key as it is now. It changes when it is replaced; see ``generation``."""
        assert self._machine.key is not None  # the handle is given out when there is one
        return self._machine.key

    @property
    def stream_url(self) -> str:
        """The URL of the private stream that ``value`` opens."""
        return self.venue.stream_url_for(self.value)

    @property
    def generation(self) -> int:
        """1 for the first value, and one more whenever ``value`` changes."""
        return self._machine.generation

    @property
    def expires_at(self) -> float:
        """Until when the key is presumed alive, on trio's clock.

        A lower bound: it counts from the moment at which the last successful request was sent, and time in which
        the machine slept counts. A time in the past says that the key is lost and not replaced yet, or closed.
        """
        if self._machine.state is not State.CLOSED:
            self._clock.now()
        return self._machine.expires_at - self._clock.slept

    def statistics(self) -> KeyStatistics:
        """What happened to the key so far; after the block, how it ended."""
        return replace(self._machine.statistics(-self._clock.slept), name=self.name)

    async def wait_replaced(self, generation: int) -> int:
        """Wait until the key's generation is a later one than ``generation``; return it.

        Args:
            generation: The one that you know of. If it is past already, this returns at once.

        Raises:
            trio.ClosedResourceError: The block was left: no other key will come.
        """
        await trio.lowlevel.checkpoint()
        while self.generation <= generation:
            await self._wait_for_news()
        return self.generation

    async def check(self) -> int:
        """Ask the exchange whether the key is alive, and wait until it has said so; return the generation.

        For whoever has reason to doubt it: a socket that ended, or an event that says ``listenKeyExpired``. If the key
        turns out to be dead, what comes back is the generation of its replacement. It costs one request, which waits
        for bans and is tried again like any keepalive; there is no limit in time, so bring a cancel scope.

        Raises:
            trio.ClosedResourceError: The block was left.
        """
        await trio.lowlevel.checkpoint()
        asked_at = self._clock.now()
        self._ask(asked_at)
        while self._machine.confirmed_at < asked_at:
            await self._wait_for_news()
        return self.generation

    async def _wait_for_news(self) -> None:
        if self._machine.state is State.CLOSED:
            raise trio.ClosedResourceError("the listen key's block was left")
        if self._changed is None:
            self._changed = trio.Event()
        await self._changed.wait()

    def _ask(self, now: float, since: float | None = None) -> None:
        self._machine.ask(now, since)
        self._look_again()

    def _leave_open(self) -> None:
        """The key is somebody else's, and not to be closed at the end; for the command line."""
        self._machine.leave_open()

    def _notify(self, notice: Notice) -> None:
        if self._changed is not None:
            self._changed.set()
            self._changed = None
        for watcher in self._watchers:
            watcher(notice)

    def __repr__(self) -> str:
        state = self._machine.state.name.lower()
        return f"<ListenKey of {self.name}, {state}, generation {self.generation}>"
