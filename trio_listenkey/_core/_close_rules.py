"""Which key is closed when the block ends, whether by us, and when a close must not be sent: all of the rules.

A close cannot be taken back, and on most exchanges it silences everybody who uses the account. So every doubt ends in
not closing (L5, P4). In this order:

1. ``on_exit="leave"``, and an exchange that closes no keys: nothing is closed.
2. Another context of this process holds the account, or the same key: the last one to leave closes it (L5).
3. The account has a key that was seen alive: that one is closed, and then the older ones that nobody else holds.
4. A create whose answer was lost may have made a key. Where a close names no key, a close ends that one as well. Where
   it names one, and an account has one key, one create more tells its name. Otherwise the key is left to expire.
5. Other processes share the key by a register: only the member that the register found to be the last one may close,
   and only for a short time after that (P1).

The answers to rules 1 to 4 may change until the request is sent, for other contexts come and go: so they are checked
again before each close. The member decides rule 5.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Literal

from .._venue._venue import Venue
from ._accounts import Account

if TYPE_CHECKING:  # costs something at import, and most keys are not shared between processes
    from ._sharing import Member

__all__ = ["CloseRules", "Objection", "OnExit"]

OnExit = Literal["close", "leave"]

Objection = Literal["not ours", "unknown yet", "early", "away", "late"]
"""Why a close must not be sent. ``"not ours"``: somebody else closes the key, or there is none. ``"unknown yet"``: the
register has not answered. The others say why it cannot be relied upon: see ``_key_errors.left_to_expire``."""


class CloseRules:
    """The rules for one context's key. It decides nothing by time, and keeps no state but the user's choice.

    Args:
        venue: Whose key.
        account: Shared by all contexts of this process that hold the key.
        member: This process's share in the key, where other processes have one, too.
        on_exit: The user's choice.
    """

    __slots__ = ("_account", "_member", "_venue", "on_exit")

    on_exit: OnExit
    """Changed from ``"close"`` to ``"leave"`` only: a key that belongs to another program stays open."""

    def __init__(self, venue: Venue, account: Account, member: Member | None, on_exit: OnExit) -> None:
        self._venue, self._account, self._member = venue, account, member
        self.on_exit = on_exit

    @property
    def names_key(self) -> bool:
        """Whether a close names its key. Else it closes the account's key, whichever that is."""
        return self._venue.key_place("close") != "account"

    @property
    def is_ours(self) -> bool:
        """Whether this context has to close the account's key: rules 1 and 2."""
        return self.on_exit == "close" and self._venue.close is not None and not self._account.is_shared()

    @property
    def has_something_to_close(self) -> bool:
        """Whether a close would end a key: rule 3, and the first half of rule 4."""
        return self._account.to_close() is not None or (self._account.may_hold_unknown_key and not self.names_key)

    def must_recover(self, *, is_known_key_alive: bool) -> bool:
        """Whether one create more has to tell the name of a key that a lost answer did not: the second half of rule 4.

        With one key per account it returns that very key. ``False`` where a living key is known: it is the key of the
        lost answer. ``False`` where each create makes a new key. ``False`` where others hold the account: they close
        it.
        """
        return (
            self._account.may_hold_unknown_key
            and not (is_known_key_alive and self._account.key is not None)
            and self.names_key
            and self._venue.sharing.second_create != "new"
            and self.is_ours
        )

    def objection(self, now: float) -> Objection | None:
        """Why a close that is due must not be sent ``now``; ``None`` if it may be sent."""
        if self._account.is_shared() or not self.has_something_to_close:
            # A block that was opened while we waited for our turn got the same key. It closes it when it is left.
            return "not ours"
        because = None if self._member is None else self._member.why_not_to_close(now)
        return "not ours" if because == "others" else because  # P1: the last of them will close it

    def close_is_due(self, now: float, by: float) -> None:
        """Have the register asked whether other processes need the key, ``by`` some time at the latest."""
        if self._member is not None:
            self._member.stop(now, close=True, by=by)

    @property
    def answer_by(self) -> float:
        """Until when to wait for the answer to a close: other processes wait for its end."""
        return inf if self._member is None else self._member.close_by + self._member.close_within
