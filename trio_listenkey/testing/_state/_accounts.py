"""Whose which API key is, and how the requests of each are to be signed."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from ..._errors import UsageError
from ._public_keys import PublicKey

__all__ = ["Accounts"]


class Accounts:
    """The accounts of one exchange.

    Attributes:
        names: Of all accounts.
        by_key: The account of each API key that is known.
        secrets: By API key, for HMAC, where it is known ...
        public_keys: ... and the other kinds, where that is known.
    """

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.by_key: dict[str, str] = {}
        self.secrets: dict[str, str] = {}
        self.public_keys: dict[str, PublicKey] = {}

    def add(self, api_keys: Iterable[str], name: str | None, secret: str | None, public_key: str | bytes | None) -> str:
        """Let ``api_keys`` in; see :meth:`Exchange.add_account`."""
        new = list(api_keys)
        if not new or any(not key or key in self.by_key for key in new):
            raise UsageError("an API key is missing, empty or taken", advice="Pass new API keys")
        if secret is not None and public_key is not None:
            raise UsageError("an API key is of one kind", advice="Pass a secret or a public key")
        verifier = None if public_key is None else PublicKey(public_key)
        if name is None:
            free = (f"account-{n}" for n in itertools.count(len(self.names) + 1))
            name = next(each for each in free if each not in self.names)
        self.names.add(name)
        self.by_key.update(dict.fromkeys(new, name))
        if secret is not None:
            self.secrets.update(dict.fromkeys(new, secret))
        if verifier is not None:
            self.public_keys.update(dict.fromkeys(new, verifier))
        return name

    def revoke(self, api_key: str) -> None:
        """Know this API key no more."""
        if api_key not in self.by_key:
            raise UsageError("no account has this API key", advice="Pass one that was added")
        for known in (self.by_key, self.secrets, self.public_keys):
            known.pop(api_key, None)
