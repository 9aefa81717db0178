"""The states of a member of those who share a key, and every way from one to the other.

The two rules of ``_key_states`` hold here, too: this file alone decides what may come next, and it does not know why.

Theory of operation
===================

A member is one process's share in an account's key. Its life has four parts::

    before its first write  JOINING
    while it shares         KEEPER     it keeps the key alive, for all
                            FOLLOWER   another one does
                            WAITING    another one is closing the key: none may be created until that ended
    without the register    ALONE      it keeps the key alive by itself, as if nobody shared
    while leaving           LEAVING    it has to write that it leaves
                            CLOSING    it was found to be the last one: it alone may send a close
                            REPORTING  it has to write how the close ended
                            LEFT       nothing is left to do

Each successful beat of a member that stays ends in one of three events, in any state: ELECTED, FOLLOWS or BARRED. So
the state is the last answer of the register, and carries no history.

The one dangerous way is LEAVING to CLOSING. It has one event, ALLOWED, which means that the register has taken, in one
atomic step, a document in which nobody else is, and in which everybody can read that the key is being closed.

WARNING: the diagram in the documentation is drawn from ``SHARING_TRANSITIONS``; a new state needs a place there.
"""

from __future__ import annotations

from enum import auto

from ._tables import Name

__all__ = ["SHARING_TRANSITIONS", "SharingEvent", "SharingState"]


class SharingState(Name):
    """Where a member is."""

    JOINING = auto()
    """Its first beat is due. Until then it may not create a key: the create might return one that is being closed."""
    KEEPER = auto()
    """It keeps the key alive, and writes when it was confirmed."""
    FOLLOWER = auto()
    """Another one keeps the key alive. It sends a keepalive only to answer a doubt, or when the key would die."""
    WAITING = auto()
    """Another one is closing the key. When that has ended, or its closer is presumed dead, a key may be created."""
    ALONE = auto()
    """The register cannot be used. It keeps the key alive by itself, and asks again at each beat."""
    LEAVING = auto()
    """The block is over. It has to write that, and to read whether another member is there."""
    CLOSING = auto()
    """No other member is there. A close may be sent, for a short time."""
    REPORTING = auto()
    """The close has ended, or was not sent. The others wait for that news."""
    LEFT = auto()
    """It has left: nothing more is read or written."""


class SharingEvent(Name):
    """What happens to a member."""

    ELECTED = auto()
    """The register took a beat in which it is the keeper."""
    FOLLOWS = auto()
    """The register took a beat in which another one is."""
    BARRED = auto()
    """The register took a beat in which another one is closing the key."""
    AWAY = auto()
    """The register did not answer, refused, or holds something else than our document."""
    STOP = auto()
    """The block is over."""
    ALLOWED = auto()
    """The register has no other member, and took the document with the close."""
    GONE = auto()
    """The register took the last write. There is no key to close, or it was closed."""
    ENDED = auto()
    """The close has ended, whether it was sent or not."""


_BEATS = {
    SharingEvent.ELECTED: SharingState.KEEPER,
    SharingEvent.FOLLOWS: SharingState.FOLLOWER,
    SharingEvent.BARRED: SharingState.WAITING,
    SharingEvent.AWAY: SharingState.ALONE,
    SharingEvent.STOP: SharingState.LEAVING,
}

SHARING_TRANSITIONS: dict[SharingState, dict[SharingEvent, SharingState]] = {
    SharingState.JOINING: _BEATS,
    SharingState.KEEPER: _BEATS,
    SharingState.FOLLOWER: _BEATS,
    SharingState.WAITING: _BEATS,
    SharingState.ALONE: _BEATS,
    SharingState.LEAVING: {
        SharingEvent.ALLOWED: SharingState.CLOSING,
        SharingEvent.GONE: SharingState.LEFT,
        # Whether others are there is unknown: the key is left to expire.
        SharingEvent.AWAY: SharingState.LEFT,
    },
    SharingState.CLOSING: {SharingEvent.ENDED: SharingState.REPORTING},
    SharingState.REPORTING: {
        SharingEvent.GONE: SharingState.LEFT,
        # The others notice by themselves that the close is over: they count their beats.
        SharingEvent.AWAY: SharingState.LEFT,
    },
    SharingState.LEFT: {},
}
