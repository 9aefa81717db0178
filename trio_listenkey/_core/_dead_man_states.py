"""The states of a dead-man switch and every way from one to the other.

Theory of operation
===================

The exchange has a countdown for each symbol. When it runs out, the exchange cancels the account's orders there. The
switch begins it again and again, but only on two conditions: the stream is live, and the program has re-synchronised
after the last gap. Otherwise nobody watches the orders, and the countdown runs::

    ARMING    the countdowns are being begun for the first time; the block is not entered yet
    HOLDING   they are begun again in time
    DEAF      the stream is not live: they run
    BEHIND    the stream is live, but the program is not up to date: they run
    EXPIRED   one has run out: the exchange has cancelled the orders there. Beginning it again leads back
    ENDING    the block is over, and was left in order, or it was never entered: they are being ended
    CLOSED    nothing is left to do; those that were not ended run out

EXPIRED is also the state after a countdown that ran out because no renewal arrived, although the stream is live: the
program must not rely on orders that are gone.

WARNING: the diagram in the documentation is drawn from this table; a new state needs a place there.
"""

from __future__ import annotations

from enum import auto

from ._tables import Name

__all__ = ["SWITCH_TRANSITIONS", "SwitchEvent", "SwitchState"]


class SwitchState(Name):
    """What a dead-man switch does."""

    ARMING = auto()
    """The countdowns are being begun for the first time."""
    HOLDING = auto()
    """They are begun again and again."""
    DEAF = auto()
    """The stream is not live, and they run."""
    BEHIND = auto()
    """The program has not re-synchronised, and they run."""
    EXPIRED = auto()
    """One has run out."""
    ENDING = auto()
    """They are being ended."""
    CLOSED = auto()
    """Nothing is left to do."""


class SwitchEvent(Name):
    """What happens to it."""

    ARMED = auto()
    """All countdowns run, and were begun in time."""
    HEARS = auto()
    """The stream is live, and the program is up to date."""
    DEAF = auto()
    """The stream is not live."""
    BEHIND = auto()
    """The stream is live, and there was a gap that the program has not made up for."""
    RAN_OUT = auto()
    """A countdown has had its time."""
    END = auto()
    """The block is over in order, or could not be entered: the countdowns are to end."""
    LEAVE = auto()
    """The block is over, and the countdowns are left to run."""
    ENDED = auto()
    """All were ended, or there is no time left for it."""


# Each look at the stream and the program decides between the first three, whatever the state was before.
_RUNNING = {
    SwitchEvent.HEARS: SwitchState.HOLDING,
    SwitchEvent.DEAF: SwitchState.DEAF,
    SwitchEvent.BEHIND: SwitchState.BEHIND,
    SwitchEvent.RAN_OUT: SwitchState.EXPIRED,
    SwitchEvent.END: SwitchState.ENDING,
    SwitchEvent.LEAVE: SwitchState.CLOSED,
}

SWITCH_TRANSITIONS: dict[SwitchState, dict[SwitchEvent, SwitchState]] = {
    SwitchState.ARMING: {
        SwitchEvent.ARMED: SwitchState.HOLDING,
        SwitchEvent.END: SwitchState.ENDING,
    },
    SwitchState.HOLDING: _RUNNING,
    SwitchState.DEAF: _RUNNING,
    SwitchState.BEHIND: _RUNNING,
    SwitchState.EXPIRED: {
        SwitchEvent.ARMED: SwitchState.HOLDING,
        SwitchEvent.LEAVE: SwitchState.CLOSED,
    },
    SwitchState.ENDING: {
        SwitchEvent.ENDED: SwitchState.CLOSED,
    },
    SwitchState.CLOSED: {},
}
