"""What one member knows about earlier writes, and so whether the register has forgotten something.

A register may forget: a restart without a disk, a replica that lagged, a backup. A member that does not find an earlier
write begins a new *epoch*. No member closes before it has had ``patience`` beats in one epoch, so that all living
members have had the time to register again.
"""

from __future__ import annotations

from math import inf

from .._value import replace
from ._sharing_record import Document

__all__ = ["Writes"]


class Writes:
    """What one member knows about earlier writes.

    Args:
        me: The member's id.
    """

    __slots__ = ("_beats", "_me", "_version", "attempt", "document", "swapped_at")

    document: Document | None
    """The last document of ours that the register took."""

    swapped_at: float
    """When that document was planned. A later write of another member is younger."""

    attempt: int
    """Counts the tries to write, so that we recognise our own write when its answer was lost."""

    _version: tuple[int, str]
    """The newest document that was in the register as far as we know: its number, and its writer."""

    _beats: int
    """Our counter in the last document of ours: the number of that try."""

    def __init__(self, me: str) -> None:
        self._me = me
        self.document = None
        self.swapped_at = -inf
        self.attempt = self._beats = 0
        self._version = (0, "")

    # Questions. None of them changes anything.

    def has_forgotten(self, found: Document | None) -> bool:
        """Whether an earlier write is missing in ``found``."""
        if self.document is None:
            return False  # we have never been there
        if found is None:
            return True
        if found.epoch != self.document.epoch:
            return False  # somebody else has noticed already
        mine = found.members.get(self._me)
        writes, writer = self._version
        return (
            found.writes < writes
            or (found.writes == writes and found.writer != writer)
            or (mine is not None and mine.beats < self._beats)
        )

    def is_of_our_epoch(self, found: Document) -> bool:
        """Whether ``found`` is of the epoch in which we last wrote."""
        return self.document is not None and found.epoch == self.document.epoch

    def is_new_in(self, found: Document) -> bool:
        """Whether we are new in ``found``: never there, presumed dead, or in an epoch that began without us."""
        return not self.is_of_our_epoch(found) or self._me not in found.members

    def is_own(self, found: Document) -> bool:
        """Whether we wrote ``found``."""
        return found.writer.startswith(f"{self._me}.")

    def base(self, found: Document | None, *, has_forgotten: bool, fingerprint: str | None) -> Document:
        """The document to change: the one that was found; in a new epoch, if the register has forgotten something.

        ``fingerprint`` is that of the known key, which an empty register does not have.
        """
        if found is None:
            return Document(epoch=self._token, writes=self._version[0], fingerprint=fingerprint)
        return replace(found, epoch=self._token) if has_forgotten else found

    def sealed(self, document: Document) -> Document:
        """``document`` with the writer and number of this try."""
        return replace(document, writes=document.writes + 1, writer=self._token)

    @property
    def _token(self) -> str:
        """A unique word for this try."""
        return f"{self._me}.{self.attempt}"

    # Steps.

    def read(self, found: Document | None) -> None:
        """This is what the register holds; another try begins."""
        if found is not None:
            self._version = found.writes, found.writer
        self.attempt += 1

    def taken(self, document: Document, begun_at: float) -> None:
        """The register took ``document``, which was planned at ``begun_at``."""
        self.document, self.swapped_at = document, begun_at
        self._version = document.writes, document.writer
        if self._me in document.members:
            self._beats = document.members[self._me].beats
