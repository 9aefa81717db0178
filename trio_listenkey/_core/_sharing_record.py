"""The contents of the register of processes that share a key: one document for each account, and one index.

It has no listen key, no API key and no secret in it: the register need not be trusted. A listen key appears as a
fingerprint, which only shows whether two members mean the same one; so does the API key, in the name of the document.
Both are long and random, so that they cannot be guessed.

A document that cannot be decoded, or is of another version than ours, is not changed: see ``ForeignDocumentError``.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Annotated, Final, Literal

import msgspec

__all__ = [
    "INDEX",
    "Close",
    "Document",
    "Entry",
    "ForeignDocumentError",
    "account_name",
    "dump_document",
    "fingerprint_of",
    "load_document",
    "load_index",
    "with_account",
]

INDEX: Final = "accounts"
"""The name of the index of all accounts, for programs that show them."""

_Count = Annotated[int, msgspec.Meta(ge=0)]
_Seconds = Annotated[float, msgspec.Meta(ge=0)]
_Word = Annotated[str, msgspec.Meta(max_length=128)]


class ForeignDocumentError(Exception):
    """The register holds something else than our documents, or one of another version of this library."""


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One member, as it last described itself.

    Attributes:
        beats: Its counter, higher with each beat: the only sign that it is alive.
        every: Seconds between two of its beats.
        who: Host and process, or the name that its user gave it; for people to read.
        quiet: Whether one of its streams has been silent for so long that it will soon have to ask the exchange.
    """

    beats: _Count
    every: _Seconds
    who: _Word = ""
    quiet: bool = False


class Close(msgspec.Struct, frozen=True):
    """A close that is under way; no key may be created meanwhile.

    Attributes:
        by: The member that was found to be the last one.
        within: Seconds within which it may be sent, counted by that member.
    """

    by: _Word
    within: _Seconds


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """The common knowledge of all members that share an account's key.

    Attributes:
        version: Of this format.
        epoch: A new one begins when a member finds that the register has forgotten something.
        writes: How often the document was written in all epochs.
        writer: The member that wrote it last, and the number of its try.
        keeper: The member that keeps the key alive.
        fence: How often there was another keeper.
        generation: How often there was another key.
        fingerprint: Of the key that was confirmed last; ``None`` if there is none, or it was closed.
        age: When this was written, the last confirmation of that key was at most so many seconds old; ``None`` if its
            writer did not know.
        members: By their ids.
        closing: The close that is under way.
    """

    version: Literal[1] = 1
    epoch: _Word = ""
    writes: _Count = 0
    writer: _Word = ""
    keeper: _Word | None = None
    fence: _Count = 0
    generation: _Count = 0
    fingerprint: _Word | None = None
    age: _Seconds | None = None
    members: dict[_Word, Entry] = {}
    closing: Close | None = None


class _Index(msgspec.Struct, frozen=True):
    accounts: dict[_Word, _Word]
    version: Literal[1] = 1


_document = msgspec.json.Decoder(Document)
_index = msgspec.json.Decoder(_Index)


def load_document(raw: bytes | None) -> Document | None:
    """Read what the register holds; ``None`` if it holds nothing.

    Raises:
        ForeignDocumentError: It is not one of our documents.
    """
    try:
        return None if raw is None else _document.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ForeignDocumentError(str(error)) from None


def dump_document(document: Document) -> bytes:
    """What to write into the register."""
    return msgspec.json.encode(document)


def load_index(raw: bytes | None) -> dict[str, str]:
    """The accounts that share a key by this register: the label of each, by the name of its document.

    Raises:
        ForeignDocumentError: What is there is none of ours.
    """
    try:
        return {} if raw is None else _index.decode(raw).accounts
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ForeignDocumentError(str(error)) from None


def with_account(raw: bytes | None, name: str, label: str) -> bytes:
    """The index with this account in it.

    Raises:
        ForeignDocumentError: What is there is none of ours.
    """
    return msgspec.json.encode(_Index({**load_index(raw), name: label}))


def account_name(dialect: str, account: str) -> str:
    """The name of an account's document: the same for all members of an account, and useless to others.

    Args:
        dialect: The venue's name and where its keys are made: one API key may have a listen key in each of several.
        account: The API key, or the name that those who share gave the account.
    """
    return f"key-{_digest(dialect.encode(), account)}"


def fingerprint_of(name: str, key: str) -> str:
    """The fingerprint by which two members compare listen keys. ``name`` is that of the account's document."""
    return _digest(name.encode(), key)[:16]


def _digest(key: bytes, text: str) -> str:
    return hmac.new(b"trio-listenkey sharing " + key, text.encode(), hashlib.sha256).hexdigest()[:32]
