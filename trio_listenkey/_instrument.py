"""The port for observers: metrics, alarms, a status line."""

from __future__ import annotations

import logging
from typing import Final

from ._errors import ListenKeyError
from ._events import Gap
from ._statistics import SharingStatistics

__all__ = ["Instrument", "Observer"]

_log: Final = logging.getLogger("trio_listenkey")


class Instrument:
    """Its methods are called when something happens to a key, or to a stream and its key.

    Override what you need; each method does nothing by default.

    As with :class:`trio.abc.Instrument`, methods are synchronous and should return quickly, because the stream waits
    for them. If one raises, the error is logged, and the instrument is not called again. To distinguish accounts, use
    ``name=``, or one instance for each.

    In all methods ``venue`` is the account's name: the venue's name, unless ``name=`` is set. ``generation`` is the
    key's: 0 before there is one, then 1, and one more with each different key.
    """

    __slots__ = ()

    def created(self, venue: str, generation: int) -> None:
        """The first key was created."""

    def renewed(self, venue: str, generation: int) -> None:
        """A keepalive succeeded."""

    def retrying(self, venue: str, generation: int, error: ListenKeyError, delay: float) -> None:
        """A request failed with ``error``, and is retried after ``delay`` seconds."""

    def lost(self, venue: str, generation: int, error: ListenKeyError) -> None:
        """The key is dead, or must be presumed so: events may be missed from now on."""

    def replaced(self, venue: str, generation: int) -> None:
        """The key was replaced; ``generation`` is that of the new one."""

    def closed(self, venue: str, generation: int, error: ListenKeyError | None) -> None:
        """The block is over. ``error`` is ``None``, or says why a key may be left open at the exchange."""

    def sharing_changed(self, name: str, generation: int, sharing: SharingStatistics) -> None:
        """With ``sharing=``: this process's role, or the number of processes that share the key, has changed."""

    def connected(self, venue: str, generation: int) -> None:
        """A stream has opened a socket with the key of that generation."""

    def dropped(self, venue: str, generation: int, error: Exception) -> None:
        """A stream's socket was lost, or could not be opened. The stream reconnects, and then reports a gap."""

    def gap(self, venue: str, generation: int, gap: Gap) -> None:
        """A stream has reported a gap; if several events in a row are dropped, once for all.

        The first gap of each stream has the cause ``"opened"``: the stream begins.
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
