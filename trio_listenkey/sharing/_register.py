"""The port through which the programs that share a key agree, and the contract of those who implement it."""

from __future__ import annotations

from typing import Final, Protocol, runtime_checkable

from .._errors import RegisterRefused, UsageError

__all__ = ["ABSENT", "MAX_DOCUMENT", "Register", "check_size", "check_timeout"]

ABSENT: Final = "0"
"""The version of a document that is not there."""

MAX_DOCUMENT: Final = 1024 * 1024
"""Bytes of a document that a register takes and brings at most. One member of an account takes some hundred."""


@runtime_checkable
class Register(Protocol):
    """Keeps one small document for each name. A program that has read its newest version can replace it.

    Anything with these three methods will do; the contract is what it must keep to. One conformance suite holds every
    register of this library to it:

    * All who have the same place (file, server and prefix) have the same documents, whatever process or machine they
      are on. A document is kept byte by byte; it may be empty, which is not the same as absent.
    * ``swap`` is **one atomic step** of the engine: of all that are called with the same version, one at most writes.
    * A version is a text that means nothing but itself; ``"0"`` is that of a document that is absent. Each write gives
      a version that this name has never had before. If the register loses its memory, an old version must not come
      back for another document: so make it random, or count in something that outlives the loss.
    * It is **bounded in time**: a call ends within a few seconds by itself, and sooner when it is cancelled. It is
      bounded in size by :data:`MAX_DOCUMENT`.
    * When ``swap`` raises, or is cancelled, the document may have been written, or be written a moment later. Who needs
      to know reads it again. Never does it return ``False`` for a document that it has written.
    * Cancelled at any checkpoint, it stays usable, and no later call is given the answer of an earlier one.
    * Its methods may be called by several tasks of one ``trio.run`` at once.
    * It raises :exc:`RegisterAway` or :exc:`RegisterRefused`, and nothing else, whatever its engine raises; no text has
      a password in it. Neither ends its life: it is asked again at the next beat, and answers when it can. So it holds
      on to nothing that is broken, such as a dead connection.
    """

    async def read(self, name: str) -> tuple[bytes | None, str]:
        """The document of ``name`` and its version; ``(None, "0")`` if there is none.

        Args:
            name: Up to 128 ASCII letters, digits, ``-``, ``_``, ``.`` and ``:``.

        Raises:
            RegisterAway: It cannot be reached now.
            RegisterRefused: It refuses until it is fixed.
            trio.ClosedResourceError: It was closed.
        """
        ...

    async def swap(self, name: str, version: str, document: bytes) -> bool:
        """Write ``document`` if the version of ``name`` is still ``version``; return whether it was written.

        Args:
            name: As for :meth:`read`.
            version: What :meth:`read` returned; ``"0"`` to write where nothing is.
            document: The new document, of up to :data:`MAX_DOCUMENT` bytes.

        Raises:
            RegisterAway: It cannot be reached now. The document may have been written.
            RegisterRefused: It refuses until it is fixed.
            trio.ClosedResourceError: It was closed.
        """
        ...

    async def aclose(self) -> None:
        """Close file, connection and thread: within a few seconds, even when cancelled. It may be called twice."""
        ...


def check_size(document: bytes) -> None:
    """``document`` has to be one that every register takes.

    Raises:
        RegisterRefused: It is too large.
    """
    if len(document) > MAX_DOCUMENT:
        raise RegisterRefused(
            f"a register takes no document of {len(document):,} bytes, but {MAX_DOCUMENT:,} at most",
            advice="Share the key with fewer programs",
        )


def check_timeout(timeout: float) -> None:
    """``timeout`` has to leave time for an answer, and to be over before anybody is presumed dead.

    Raises:
        UsageError: It is not one.
    """
    if not 0 < timeout <= 60:
        raise UsageError(f"timeout={timeout!r} is not between 0 and 60 seconds", advice="Pass seconds, such as 2.0")
