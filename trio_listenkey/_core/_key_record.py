"""What is known of one context's key, and how often such keys are kept alive."""

from __future__ import annotations

from math import inf
from typing import Final

import msgspec

from .._errors import UsageError
from .._settings import Timing
from .._statistics import KeyStatistics, SharingStatistics
from .._venue._venue import Venue
from ._budget import margin_of
from ._notices import Notice

__all__ = ["KeepaliveSchedule", "KeyRecord", "KeyReport"]


class KeepaliveSchedule(msgspec.Struct, frozen=True, gc=False):
    """How long a key lives and how often it is kept alive, in seconds: the venue's values, or the user's instead.

    Raises:
        UsageError: Keys would die between one keepalive and the next.
    """

    validity: float
    keepalive_every: float

    @classmethod
    def of(cls, venue: Venue, timing: Timing) -> KeepaliveSchedule:
        """The schedule for ``venue`` and ``timing``."""
        validity = venue.validity if timing.validity is None else timing.validity
        every = venue.keepalive_every if timing.validity is None else validity / 2
        pace = cls(validity, every if timing.keepalive_every is None else timing.keepalive_every)
        if pace.keepalive_every >= pace.validity:
            raise UsageError(
                f"a keepalive every {pace.keepalive_every:g} s is too late for keys that live {pace.validity:g} s",
                advice="Pass Timing with a keepalive_every of about half the validity",
            )
        return pace

    def load(self, venue: Venue) -> float:
        """The weight a minute that a key costs, kept alive as late as its margin allows."""
        call = venue.call("keepalive")
        assert call is not None  # a create takes the place of a missing keepalive
        return 60 * call.weight / (self.validity - margin_of(self.validity))


class KeyRecord:
    """The last answers of the exchange about one context's key. Only the key's lifecycle changes it."""

    __slots__ = ("asked_at", "confirmed_at", "expires_at", "generation", "untold_until", "value")

    value: str | None
    """The last key that the exchange told us. It is presumed alive before ``expires_at`` and no longer."""

    generation: int
    """How many different values ``value`` has had. It never falls; 0 exactly while ``value`` is ``None``."""

    expires_at: float
    """The key is presumed alive before then. Counted from when the last success was *sent*: the exchange may have
    counted from then, and not from earlier. Moved forward by ``hold`` alone."""

    confirmed_at: float
    """When the last request was sent whose answer proved that this key is alive; at that time it was."""

    asked_at: float
    """When someone last doubted that the key is alive. A request that was sent before then does not answer that
    doubt."""

    untold_until: float
    """Before then another key may be alive, whose answer was lost and which no other create returns."""

    def __init__(self) -> None:
        self.value = None
        self.generation = 0
        self.expires_at = self.confirmed_at = self.asked_at = self.untold_until = -inf

    def hold(self, value: str, sent_at: float, validity: float) -> bool:
        """A request sent at ``sent_at`` found ``value`` alive; return whether that is another key than before."""
        is_new = value != self.value
        self.value = value
        self.generation += is_new
        self.confirmed_at = sent_at
        self.expires_at = sent_at + validity
        return is_new

    def presume_dead(self, now: float) -> None:
        """Presume the key dead from ``now`` on."""
        self.expires_at = min(self.expires_at, now)


# Separate attributes: a dictionary would be a twentieth of the memory of a key.
_COUNTED: Final = {
    "requests": "_requests",
    "created": "_created",
    "renewed": "_renewed",
    "retries": "_retries",
    "waits": "_waits",
    "losses": "_losses",
    "throttled": "_throttled",
}


class KeyReport:
    """Counters of one lifecycle, and its notices until the driver takes them."""

    __slots__ = (*_COUNTED.values(), "_notices", "_throttled_for")

    def __init__(self) -> None:
        for counter in _COUNTED.values():
            setattr(self, counter, 0)
        self._notices: tuple[Notice, ...] = ()
        self._throttled_for = 0.0

    def count(self, what: str) -> None:
        """Add one to ``what``, a counter of ``KeyStatistics``."""
        counter = _COUNTED[what]
        setattr(self, counter, getattr(self, counter) + 1)

    def throttled(self, seconds: float) -> None:
        """A request waited that long for its place in the host's budget."""
        self._throttled_for = seconds
        if seconds:
            self.count("throttled")

    def tell(self, notice: Notice) -> None:
        """Keep it for ``take``."""
        self._notices += (notice,)

    def take(self) -> list[Notice]:
        """The notices since the last call."""
        notices, self._notices = self._notices, ()
        return list(notices)

    def statistics(
        self,
        record: KeyRecord,
        *,
        state: str,
        next_request_at: float,
        closed: bool | None,
        to_local: float,
        sharing: SharingStatistics | None,
    ) -> KeyStatistics:
        """Counters and times; ``to_local`` is added to the times."""
        return KeyStatistics(
            state=state,
            generation=record.generation,
            expires_at=record.expires_at + to_local,
            next_request_at=next_request_at + to_local,
            closed=closed,
            throttled_for=self._throttled_for,
            name="",  # the record does not know it
            sharing=sharing,
            **{what: getattr(self, counter) for what, counter in _COUNTED.items()},
        )
