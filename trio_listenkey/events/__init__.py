"""What the venues send, as frozen structs: what ``UserEvent.parsed`` is.

One module for each product, each with a union of all its events. Import the one that you use::

    from trio_listenkey.events import usdm

    match item.parsed:
        case usdm.OrderTradeUpdate(order=order):
            print(order.symbol, order.status, order.filled_accumulated_quantity)

Each struct names the page of the exchange's documents that it is from, and each field its name on the wire. What the
documents say is always sent is required; what they say is sent at times is ``None`` where it is not, or empty if it is
a list. What is not known here is ignored. Words such as a status are texts and no enumerations, so that one that the
exchange adds later does no harm.

The modules are imported when they are first used. In this folder::

    usdm              Binance USD-M futures
    coinm             Binance COIN-M futures
    spot              Binance spot, its margin, and Binance.US
    options           Binance European options
    portfolio_margin  Binance portfolio margin
    aster_futures     Aster futures
    aster_spot        Aster spot
    _futures          what USD-M and COIN-M futures have in common
    _execution        what the reports of spot and portfolio margin have in common
    _record           the base of all structs, and the types of their fields
    _types            EventTypes and EventReader: what messages are read as, and who reads them
    _decoders         the reading itself
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._types import EventReader as EventReader, EventTypes as EventTypes

if TYPE_CHECKING:
    from . import (
        aster_futures as aster_futures,
        aster_spot as aster_spot,
        coinm as coinm,
        options as options,
        portfolio_margin as portfolio_margin,
        spot as spot,
        usdm as usdm,
    )
else:
    # Hidden from type checkers: a __getattr__ here would mean to them that every name exists.
    def __getattr__(name: str) -> Any:
        """Import a module of events when its name is first used."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return import_module(f"{__name__}.{name}")


__all__ = [
    "EventReader",
    "EventTypes",
    "aster_futures",
    "aster_spot",
    "coinm",
    "options",
    "portfolio_margin",
    "spot",
    "usdm",
]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


# Tracebacks, pickles and the documentation name things by where users find them, not by the file they are in.
for _part in (EventReader, EventTypes):
    _part.__module__ = __name__
del _part
