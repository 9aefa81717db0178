"""What an exchange's error codes mean, as data: six kinds, and which code is of which.

A code is looked up in what its venue says first (:class:`Answer`), and then in the table of Binance's engine, which
most of the others have taken over. What is in neither is unknown: what follows from that is no fact of a venue, and is
decided in ``_protocol._refusals``.
"""

from __future__ import annotations

from typing import Final, Literal

__all__ = ["BINANCE_CODES", "KINDS", "Code", "CodeKind", "is_fine"]

Code = int | str
"""An exchange's error code: a number, or a text like ``"ERR-5012"`` or ``"0003"``, with its zeros."""

CodeKind = Literal["gone", "silence", "transient", "clock", "credentials", "refused"]

KINDS: Final[tuple[CodeKind, ...]] = ("gone", "silence", "transient", "clock", "credentials", "refused")
"""In the order in which they are looked up, should a code be listed twice."""

# Binance: binance-spot-api-docs/errors.md, 2026-07; "Error Code" of margin, USD-M, COIN-M, options, portfolio margin
# and portfolio margin pro, 2026-05. Only what a call for a listen key, or for a subscription, can be answered.
# -1004: "Server is busy, please wait and try again" at margin and portfolio margin pro. (At USD-M it is about lists of
# addresses, which none of our calls touches.) -1008: throttled, overloaded.
# -1005, -1011: the address is not allowed. -1109, -4109: the account is invalid, or inactive. -2017: keys are locked.
# -1016, "This service is no longer available", is left out on purpose: SERVICE_SHUTTING_DOWN may pass, or not.
BINANCE_CODES: Final[dict[CodeKind, frozenset[Code]]] = {
    "gone": frozenset(),  # the venue's own, each time
    "silence": frozenset({-1003, -1034}),
    "transient": frozenset({-1000, -1001, -1004, -1006, -1007, -1008}),
    "clock": frozenset(),
    "credentials": frozenset({-1002, -1005, -1011, -1022, -1099, -1109, -2008, -2014, -2015, -2017, -4109}),
    "refused": frozenset({-1020, -1100, -1101, -1102, -1103, -1104, -1105, -1106, -1130, -1131}),
}
"""By kind, the codes of Binance's engine."""


def is_fine(code: Code | None) -> bool:
    """Whether a code says that nothing is wrong: 0, ``"0000"`` (HashKey) and 200 do, and so does none."""
    return code is None or code in {0, 200} or (isinstance(code, str) and not code.strip("0"))
