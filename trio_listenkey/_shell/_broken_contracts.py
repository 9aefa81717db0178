"""What to say of a transport or a connector that raises what its contract does not allow.

Such an exception may hold a request's headers, or a URL with the listen key in it, and so may its text (T1). So neither
is passed on: only what kind it was, and where it was raised.
"""

from __future__ import annotations

import traceback

from .._core._outcomes import Outcome, Refused
from .._errors import ListenKeyError
from .._venue._venue import Venue

__all__ = ["place_of", "transport_fault"]


def place_of(fault: BaseException) -> str:
    """The file and the line where it was raised."""
    frames = traceback.extract_tb(fault.__traceback__)
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "an unknown place"


def transport_fault(venue: Venue, verb: str, fault: Exception) -> Outcome:
    """What a request has become whose transport raised ``fault``. It may have been done all the same."""
    error = ListenKeyError(
        f"the transport raised {type(fault).__name__} at {place_of(fault)}, where only TransportError is allowed",
        advice="Fix the transport: its contract is trio_listenkey.transports.Transport",
        venue=venue.name,
        verb=verb,
    )
    return Refused(error, may_be_done=True)
