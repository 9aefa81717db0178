"""Who else in this process shares a host's patience, and who else an account's key.

Two facts about the exchanges make keys neighbours:

* A ban (429, 418) is for the IP address: once one key of a host is told to wait, they all are.
* An account has one key in each dialect (Binance spot, USD-M, COIN-M and Binance.US documents: a second create "will
  return the currently active listenKey"). Two contexts on one account hold the same key, and a close by one would
  silence the other. So a key is closed by the last one that leaves.
"""

from __future__ import annotations

__all__ = ["Account", "Host"]


class Host:
    """One REST host, as this process sees it."""

    __slots__ = ("accounts", "clear_at", "holders")

    clear_at: float
    """Nothing may be sent to this host before that time."""

    accounts: dict[tuple[str, str], Account]
    """Those that have members, by path and API key: one host may serve several dialects, each with a key of its own."""

    holders: dict[tuple[str, str], set[Account]]
    """The accounts that hold each listen key of a path: several, if their API keys belong to one at the exchange."""

    def __init__(self) -> None:
        self.clear_at = float("-inf")
        self.accounts = {}
        self.holders = {}

    def block(self, until: float) -> None:
        """Send nothing to this host before ``until``. An earlier, longer ban stays in force."""
        self.clear_at = max(self.clear_at, until)

    def join(self, path: str, api_key: str) -> Account:
        """Become a member of the account that ``api_key`` belongs to, before anything is sent for it."""
        account = self.accounts.setdefault((path, api_key), Account(self, path, api_key))
        account.members += 1
        return account


class Account:
    """One API key in one dialect of a host, shared by every context that uses it.

    Its ``repr`` is the default one: no secrets.
    """

    __slots__ = ("_api_key", "_path", "host", "key", "members", "unsure")

    host: Host
    """Where it is."""

    key: str | None
    """The listen key that was last seen alive, by whichever member: what the last one to leave has to close."""

    members: int
    """Contexts that are open on this account. One counts from before its first create, since that may return a key
    which others hold, until its close has ended."""

    unsure: bool
    """A create may have made a key that no member was told."""

    def __init__(self, host: Host, path: str, api_key: str) -> None:
        self.host = host
        self._path = path
        self._api_key = api_key
        self.key = None
        self.members = 0
        self.unsure = False

    def learn(self, key: str) -> None:
        """The exchange has just said that ``key`` is alive; with one key per account, no other is."""
        self.unsure = False
        if key != self.key:
            self._let_go()
            self.key = key
            self.host.holders.setdefault((self._path, key), set()).add(self)

    def forget(self, key: str | None) -> None:
        """The exchange has just said that ``key`` is dead. It says nothing of a newer one that we know of."""
        if key == self.key:
            self._let_go()

    def is_shared(self) -> bool:
        """Whether anyone else in this process holds this account's key, or is about to.

        Two API keys may belong to one account; then the key itself tells that they are neighbours.
        """
        return self.members > 1 or (self.key is not None and len(self.host.holders[self._path, self.key]) > 1)

    def leave(self) -> None:
        """Be a member no longer."""
        self.members -= 1
        if not self.members:
            self._let_go()
            del self.host.accounts[self._path, self._api_key]

    def _let_go(self) -> None:
        if self.key is not None:
            holders = self.host.holders[self._path, self.key]
            holders.discard(self)
            if not holders:
                del self.host.holders[self._path, self.key]
            self.key = None
