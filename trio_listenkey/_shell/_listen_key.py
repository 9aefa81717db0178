"""The handle that a block works with."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import final

import trio

from .._core._key_lifecycle import Lifecycle, Notice
from .._core._key_states import State
from .._statistics import KeyStatistics
from .._value import replace
from .._venue._venue import Venue
from ._clock import SteadyClock

__all__ = ["ListenKey"]


def _never() -> float:
    return inf


@final
class ListenKey:
    """A listen key that is kept alive. :func:`open_listen_key` yields it; there is no other way to get one.

    Anyone who knows ``value`` or ``stream_url`` can read the account's private events: log neither. The ``repr`` hides
    both.
    """

    __slots__ = ("_changed", "_clock", "_machine", "_silent_at", "_wake", "_watchers", "name", "venue")

    venue: Venue
    """The exchange."""

    name: str
    """The account's name."""

    def __init__(
        self, venue: Venue, name: str, machine: Lifecycle, clock: SteadyClock, wake: Callable[[], None]
    ) -> None:
        self.venue, self.name = venue, name
        self._machine = machine
        self._clock = clock
        self._wake = wake
        self._changed: trio.Event | None = None  # made when someone waits: most keys are never waited for
        self._watchers: tuple[Callable[[Notice], None], ...] = ()
        self._silent_at: Callable[[], float] = _never  # when a stream asks, if it receives nothing more

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

        A lower bound: it counts from when the last successful request was sent, and includes time in which the machine
        slept. A time in the past means that the key is lost and not replaced yet, or closed.
        """
        if self._machine.state is not State.CLOSED:
            self._clock.now()
        return self._machine.expires_at - self._clock.slept

    def statistics(self) -> KeyStatistics:
        """The key's statistics; after the block, how it ended."""
        return replace(self._machine.statistics(-self._clock.slept), name=self.name)

    async def wait_replaced(self, generation: int) -> int:
        """Wait until the key's generation is greater than ``generation``; return it.

        Args:
            generation: The generation that you know. If there is a later one already, this returns at once.

        Raises:
            trio.ClosedResourceError: The block has ended: there will be no other key.
        """
        await trio.lowlevel.checkpoint()
        while self.generation <= generation:
            await self._wait_for_news()
        return self.generation

    async def check(self) -> int:
        """Ask the exchange whether the key is alive, and wait for its confirmation; return the generation.

        Call it when the key may be dead: after a socket ended, or after an event ``listenKeyExpired``. If the key is
        dead, this returns the generation of its replacement. It costs one request, which waits for rate limits and is
        retried like any keepalive. There is no time limit: use a cancel scope.

        Raises:
            trio.ClosedResourceError: The block has ended.
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
        self._wake()

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
