"""What one member knows to have been written into the register, and so whether the register has forgotten something.

A register may forget: a restart without a disk, a replica that lagged, a backup. Whoever does not find what it knows to
have been written begins a new *epoch*. Nobody closes before it has had ``patience`` beats in one epoch, so that all who
live have had the time to be there again.
"""

from __future__ import annotations

from math import inf

from .._value import replace
from ._sharing_record import Document

__all__ = ["Writes"]


class Writes:
    """What one member knows to have been written.

    Args:
        me: The member's id.
    """

    __slots__ = ("_beats", "_me", "_version", "attempt", "document", "swapped_at")

    document: Document | None
    """What was agreed last, as far as we know: the last document of ours that the register took."""

    swapped_at: float
    """When that document was planned. Whatever another one wrote after it is younger."""

    attempt: int
    """Counts each try to write, so that what is ours can be told from what is not though an answer was lost."""

    _version: tuple[int, str]
    """The newest document that we know to have been there, whoever wrote it: which of all, and whose."""

    _beats: int
    """Our counter, as it is known to have been written. It is the number of the try."""

    def __init__(self, me: str) -> None:
        self._me = me
        self.document = None
        self.swapped_at = -inf
        self.attempt = self._beats = 0
        self._version = (0, "")

    # Questions. None of them changes anything.

    def has_forgotten(self, found: Document | None) -> bool:
        """Whether something is missing in ``found`` that we know to have been written."""
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
        """Whether we are new in ``found``: never written, taken for dead, or in an epoch that began without us."""
        return not self.is_of_our_epoch(found) or self._me not in found.members

    def is_own(self, found: Document) -> bool:
        """Whether it was us who wrote ``found``."""
        return found.writer.startswith(f"{self._me}.")

    def base(self, found: Document | None, *, has_forgotten: bool, fingerprint: str | None) -> Document:
        """What to build on: what was found; in a new epoch, if that is not all that there was.

        ``fingerprint`` is of the key that is known, and not in the register if that is empty.
        """
        if found is None:
            return Document(epoch=self._token, writes=self._version[0], fingerprint=fingerprint)
        return replace(found, epoch=self._token) if has_forgotten else found

    def sealed(self, document: Document) -> Document:
        """``document`` as it is to be written by this try."""
        return replace(document, writes=document.writes + 1, writer=self._token)

    @property
    def _token(self) -> str:
        """A word that nobody has ever written."""
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
