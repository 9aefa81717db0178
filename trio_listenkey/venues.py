"""The exchanges that this library knows, as data.

Every value that is not obvious names its source. Binance's documents are those at
https://developers.binance.com/docs and https://github.com/binance/binance-spot-api-docs, as of 2026.

On all of these, one account has one key: a second create returns the same one and a close ends it for
*every* holder, in whatever process, Binance's own web page included.
"""

from __future__ import annotations

from ._core._venue import Venue
from ._core._venue_parts import Answer, Call, Heartbeat, Sharing, Signing, StreamShape
from ._errors import UsageError

__all__ = [
    "BINANCE_COINM",
    "BINANCE_SPOT_CLASSIC",
    "BINANCE_US",
    "BINANCE_USDM",
    "Answer",
    "Call",
    "Heartbeat",
    "Sharing",
    "Signing",
    "StreamShape",
    "by_name",
    "known",
]

BINANCE_SPOT_CLASSIC = Venue(
    name="binance-spot-classic",
    rest_url="https://api.binance.com",
    stream_url="wss://stream.binance.com:9443",
    path="/api/v3/userDataStream",
    stream_path="/ws/{key}",
    # Removed from the testnet on 2026-02-04 and from production on 2026-02-20: HTTP 410 with an HTML page.
    retired="Binance took the listen keys of spot away on 2026-02-20; its WebSocket API serves these events now",
)
"""Binance spot as it was: ``/api/v3/userDataStream``. binance.com answers HTTP 410 since 2026-02-20; the dialect
lives on at Binance.US and at exchanges that follow it."""

BINANCE_US = Venue(
    name="binance-us",
    rest_url="https://api.binance.us",
    stream_url="wss://stream.binance.us:9443",
    path="/api/v3/userDataStream",
    stream_path="/ws/{key}",
)
"""Binance.US. Its documents (2024-06) name no event for an expired key: a dead stream may stay open and silent."""

# The routed form with an explicit list of events is the one that the change notice of 2026-03 gives and against
# which nobody reports silence; "/private/ws/<key>" delivers nothing to some, and the unrouted "/ws/<key>" delivers
# nothing to all since 2026-04-23. An unknown name in the list silences the others, so each is a documented one.
_USDM_EVENTS = (
    "ORDER_TRADE_UPDATE/ACCOUNT_UPDATE/ACCOUNT_CONFIG_UPDATE/MARGIN_CALL/TRADE_LITE/ALGO_UPDATE/STRATEGY_UPDATE"
    "/GRID_UPDATE/CONDITIONAL_ORDER_TRIGGER_REJECT/listenKeyExpired"
)

BINANCE_USDM = Venue(
    name="binance-usdm",
    rest_url="https://fapi.binance.com",
    stream_url="wss://fstream.binance.com",
    path="/fapi/v1/listenKey",
    stream_path="/private/ws?listenKey={key}&events=" + _USDM_EVENTS,
    key_in="account",
    # The documents advise a keepalive "about every 60 minutes", the moment at which the key dies: taken for an error.
)
"""Binance USD-M futures: ``/fapi/v1/listenKey``, stream on the routed ``/private`` path."""

BINANCE_COINM = Venue(
    name="binance-coinm",
    rest_url="https://dapi.binance.com",
    stream_url="wss://dstream.binance.com",
    path="/dapi/v1/listenKey",
    stream_path="/ws/{key}",
    key_in="account",
)
"""Binance COIN-M futures: ``/dapi/v1/listenKey``; its streams are not routed."""


def known() -> tuple[Venue, ...]:
    """Every venue of this module, by name."""
    return (BINANCE_COINM, BINANCE_SPOT_CLASSIC, BINANCE_US, BINANCE_USDM)


def by_name(name: str) -> Venue:
    """The venue of that name, for example ``"binance-usdm"``.

    Raises:
        UsageError: There is none; the message lists those that there are.
    """
    for venue in known():
        if venue.name == name:
            return venue
    raise UsageError(f"no venue is named {name!r}", advice="Known are: " + ", ".join(venue.name for venue in known()))


# Tracebacks, pickles and the documentation name things by where users find them, not by the file they are in.
for _part in (Answer, Call, Heartbeat, Sharing, Signing, StreamShape):
    _part.__module__ = __name__
del _part
