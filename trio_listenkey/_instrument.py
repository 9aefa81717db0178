"""The port for those who want to watch: metrics, alarms, a status line."""

from __future__ import annotations

import logging
from typing import Final

from ._errors import ListenKeyError
from ._events import Gap
from ._statistics import SharingStatistics

__all__ = ["Instrument", "Observer"]

_log: Final = logging.getLogger("trio_listenkey")


class Instrument:
    """Told of everything that happens to a key, or to a stream and its key.

    Override what you need; each method does nothing by default.

    In the manner of :class:`trio.abc.Instrument`: methods are synchronous and should be quick, for the keeper
    waits for them; one that raises is logged and not called again. To tell accounts apart use ``name=``, or one
    instance for each.

    In all methods ``venue`` is what the account is called: the venue's name, unless ``name=`` said otherwise. And
    ``generation`` is the key's: 0 before there is one, then 1, and one more with each different key.
    """

    __slots__ = ()

    def created(self, venue: str, generation: int) -> None:
        """The first key was made."""

    def renewed(self, venue: str, generation: int) -> None:
        """The exchange has confirmed that the key is alive for another while."""

    def retrying(self, venue: str, generation: int, error: ListenKeyError, delay: float) -> None:
        """A request failed with ``error``; the next try comes after ``delay`` seconds."""

    def lost(self, venue: str, generation: int, error: ListenKeyError) -> None:
        """The key is dead, or must be presumed so: events may be missed from now on."""

    def replaced(self, venue: str, generation: int) -> None:
        """There is another key; ``generation`` is the new one's."""

    def closed(self, venue: str, generation: int, error: ListenKeyError | None) -> None:
        """The block is over, and with it our part. ``error`` says why a key may be left at the exchange."""

    def sharing_changed(self, name: str, generation: int, sharing: SharingStatistics) -> None:
        """With ``sharing=``: this process's part, or the number of those who share, has changed."""

    def connected(self, venue: str, generation: int) -> None:
        """A stream has opened a socket with the key of that generation."""

    def dropped(self, venue: str, generation: int, error: Exception) -> None:
        """A stream's socket has ended, or could not be opened. Another will be; a gap will say what may be missing."""

    def gap(self, venue: str, generation: int, gap: Gap) -> None:
        """A stream has told its user that events may be missing; of several that were dropped in a row, the first.

        The first one of each stream has the cause ``"opened"``, and says only that the stream begins.
        """


class Observer:
    """Calls an instrument's methods until one of them raises.

    Args:
        instrument: The user's; ``None`` for none.
        name: What the account is called, which each method is told first.
    """

    __slots__ = ("_instrument", "_name")

    def __init__(self, instrument: Instrument | None, name: str) -> None:
        self._instrument = instrument
        self._name = name

    def tell(self, method: str, generation: int, *facts: object) -> None:
        """Call ``method`` of the instrument."""
        if self._instrument is None:
            return
        try:
            getattr(self._instrument, method)(self._name, generation, *facts)
        except BaseException:  # noqa: ASYNC103, BLE001 - someone else's code, and who calls this never raises
            _log.exception(
                "instrument %s raised in %s and is not called again", type(self._instrument).__name__, method
            )
            self._instrument = None
