"""The states of a member of those who share a key, and every way from one to the other.

The two rules of ``_key_states`` hold here, too: what may come next is decided in this file and nowhere else, and this
file does not know why.

Theory of operation
===================

A member is one process's share in an account's key. It has four parts of a life::

    before it has said that it is there   JOINING
    while it shares                       KEEPER    it keeps the key alive, for all
                                          FOLLOWER  another one does
                                          WAITING   another one is closing the key: none may be created until that ended
    without the register                  ALONE     it keeps the key alive by itself, as if nobody shared
    on the way out                        LEAVING   it is yet to be said that it leaves
                                          CLOSING   it was found to be the last one: it alone may send a close
                                          REPORTING it is yet to be said how the close ended
                                          LEFT      nothing is left to do

Each successful beat of a member that stays ends in one of three events, whatever it was before: ELECTED, FOLLOWS or
BARRED. So the states say what the register said last, and carry no history.

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
    """Its first beat is due. Until then it may not create a key: one that is being closed would be handed to it."""
    KEEPER = auto()
    """It keeps the key alive, and tells the others when it was confirmed."""
    FOLLOWER = auto()
    """Another one does. It sends a keepalive only when it is asked to prove the key, or when the key would die."""
    WAITING = auto()
    """Another one is closing the key. When that has ended, or its closer is presumed dead, a key may be created."""
    ALONE = auto()
    """The register cannot be used. It keeps the key alive by itself, and asks again at each beat."""
    LEAVING = auto()
    """The block is over. It is yet to be said, and to be asked whether anybody else is there."""
    CLOSING = auto()
    """Nobody else is there. A close may be sent, for a short time."""
    REPORTING = auto()
    """The close has ended, or was not sent. The others wait to be told."""
    LEFT = auto()
    """It is no member any more."""


class SharingEvent(Name):
    """What happens to a member."""

    ELECTED = auto()
    """The register took a beat in which it is the keeper."""
    FOLLOWS = auto()
    """The register took a beat in which another one is."""
    BARRED = auto()
    """The register took a beat in which another one is closing the key."""
    AWAY = auto()
    """The register did not answer, refused, or holds what cannot be read."""
    STOP = auto()
    """The block is over."""
    ALLOWED = auto()
    """The register found nobody else, and took the word that the key is being closed."""
    GONE = auto()
    """The register took the last word. Nothing is to be closed, or no longer."""
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
        # Nobody knows whether others are there: the key is left to expire.
        SharingEvent.AWAY: SharingState.LEFT,
    },
    SharingState.CLOSING: {SharingEvent.ENDED: SharingState.REPORTING},
    SharingState.REPORTING: {
        SharingEvent.GONE: SharingState.LEFT,
        # The others find out by themselves that the close is over: they count their beats.
        SharingEvent.AWAY: SharingState.LEFT,
    },
    SharingState.LEFT: {},
}
