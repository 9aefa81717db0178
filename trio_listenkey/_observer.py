"""Tells a user's instrument what happens, and survives what that does."""

from __future__ import annotations

import logging
from typing import Final

from ._instrument import Instrument

__all__ = ["Observer"]

_log: Final = logging.getLogger("trio_listenkey")


class Observer:
    """Calls an instrument's methods until one of them raises.

    Args:
        instrument: The user's; ``None`` for none.
        venue: The venue's name, which each method is told first.
    """

    __slots__ = ("_instrument", "_venue")

    def __init__(self, instrument: Instrument | None, venue: str) -> None:
        self._instrument = instrument
        self._venue = venue

    def tell(self, method: str, generation: int, *facts: object) -> None:
        """Call ``method`` of the instrument."""
        if self._instrument is None:
            return
        try:
            getattr(self._instrument, method)(self._venue, generation, *facts)
        except BaseException:  # noqa: ASYNC103, BLE001 - someone else's code, and who calls this never raises
            _log.exception(
                "instrument %s raised in %s and is not called again", type(self._instrument).__name__, method
            )
            self._instrument = None
