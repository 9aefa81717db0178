"""Which key was last confirmed, to us or to another member as far as we know, and how old that confirmation is.

The clocks of other machines are not used. But a document of another member was written after our own last one: the swap
guarantees that. So the key was alive ``age`` seconds before our own last swap.
"""

from __future__ import annotations

from math import inf
from typing import NamedTuple

from .._value import replace
from ._sharing_record import Document, fingerprint_of
from ._sharing_writes import Writes

__all__ = ["Confirmation", "Known"]


class Known(NamedTuple):
    """A key that the exchange has confirmed."""

    fingerprint: str
    at: float
    """When, at the earliest."""


class Confirmation:
    """The last confirmation of the account's key.

    Args:
        name: That of the account's document; a fingerprint depends on it.
    """

    __slots__ = ("_name", "is_announced", "known")

    known: Known | None
    """The key that was last confirmed: to us, or to others as far as we know."""

    is_announced: bool
    """Whether that is in the register. Only confirmations of our own have to be written there."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.known, self.is_announced = None, True

    # Questions. None of them changes anything.

    @property
    def fingerprint(self) -> str | None:
        """Of the key that was last confirmed."""
        return None if self.known is None else self.known.fingerprint

    def at(self, key: str) -> float:
        """When, at the earliest, ``key`` was last confirmed to any member; minus infinity if it was not."""
        return self.known.at if self.known is not None and self._is_of(key, self.known.fingerprint) else -inf

    def is_another(self, key: str, document: Document | None) -> bool:
        """Whether ``document`` has another key than ``key``, or none; ``False`` while ours is not written there."""
        return self.is_announced and document is not None and not self._is_of(key, document.fingerprint)

    def is_older_than(self, seconds: float, now: float) -> bool:
        """Whether the last confirmation is at least ``seconds`` old; ``False`` if there was none."""
        return self.known is not None and now >= self.known.at + seconds

    def is_younger_than(self, seconds: float, now: float) -> bool:
        """Whether the last confirmation is younger than ``seconds``; ``False`` if there was none."""
        return self.known is not None and now - self.known.at < seconds

    def _is_of(self, key: str, fingerprint: str | None) -> bool:
        return fingerprint == fingerprint_of(self._name, key)

    # Steps.

    def confirm(self, key: str, sent_at: float) -> bool:
        """A request of ours that was sent at ``sent_at`` found ``key`` alive; return whether that is news."""
        told = Known(fingerprint_of(self._name, key), sent_at)
        if self.known is not None and told.fingerprint == self.known.fingerprint and told.at <= self.known.at:
            return False
        self.known, self.is_announced = told, False
        return True

    def hear(self, found: Document, writes: Writes) -> None:
        """Take over the confirmation that another member wrote into ``found``.

        Only if it wrote after our own last swap, in the same epoch: only then do we know when it was written, and that
        it is not restored from a backup.
        """
        if not writes.is_of_our_epoch(found) or writes.is_own(found):
            return
        if found.fingerprint is None or found.age is None:
            return
        heard = Known(found.fingerprint, writes.swapped_at - found.age)
        if self.known is None or heard.fingerprint != self.known.fingerprint:
            is_better = self.is_announced  # else ours is the exchange's latest answer, and is news to the others
        else:
            is_better = heard.at > self.known.at
        if is_better:
            self.known, self.is_announced = heard, True

    def told_in(self, document: Document, now: float) -> Document:
        """``document`` with a confirmation that the others do not know, and with the present age of the last one."""
        known = self.known
        if known is not None and not self.is_announced and document.fingerprint != known.fingerprint:
            document = replace(document, fingerprint=known.fingerprint, generation=document.generation + 1)
        is_known = known is not None and document.fingerprint == known.fingerprint
        return replace(document, age=max(0.0, now - known.at) if known is not None and is_known else None)
