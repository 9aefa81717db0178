"""Rate-limit bans for each host, and listen keys for each account, shared by all contexts of this process.

It is one process, with all of its runs and threads. Two facts about the exchanges make its keys depend on each other:

* A ban (429, 418) is for the IP address: once one key of a host is told to wait, they all are.
* On most exchanges an account has one key in each dialect (Binance spot, USD-M, COIN-M and Binance.US documents: a
  second create "will return the currently active listenKey"). Two contexts on one account hold the same key, and a
  close by one would silence the other. So a key is closed by the last one that leaves.

``Sharing`` says what else a second create may do. Where it makes a new key, each context has an account of its own, and
the keys that it may have lost are remembered until they are closed.

Contexts of this process that share an account are its *holders*. The processes that share a key by a register are
*members*, and are no concern of this file: see ``_sharing``.
"""

from __future__ import annotations

from typing import Any

from .._errors import UsageError
from .._venue._parts import SecondCreate
from ._budget import RequestBudget

__all__ = ["Account", "Host"]


class Host:
    """One REST host, as this process sees it."""

    __slots__ = ("__weakref__", "_allies", "accounts", "accounts_by_key", "allowed_at", "budget", "clock")

    allowed_at: float
    """No request may be sent to this host before that time."""

    budget: RequestBudget
    """How much all requests to this host may cost together; unlimited where no limit is known."""

    clock: float
    """Seconds that its clock is ahead of ours; 0 until an answer corrected it."""

    accounts: dict[tuple[str, str], Account]
    """Accounts with holders, by path and API key: one host may serve several dialects, each with a key of its own."""

    accounts_by_key: dict[tuple[str, str], tuple[Account, ...]]
    """The accounts that hold each listen key of a path: several, if their API keys belong to one at the exchange."""

    _allies: set[Host]
    """Hosts that count the requests of an IP address together with this one, as their venues say."""

    def __init__(self) -> None:
        self.allowed_at = float("-inf")
        self.budget = RequestBudget()
        self.clock = 0.0
        self.accounts = {}
        self.accounts_by_key = {}
        self._allies = set()

    def share_limits_with(self, other: Host) -> None:
        """A ban of one of the two holds for both from now on."""
        self._allies.add(other)
        other._allies.add(self)

    def block(self, until: float) -> None:
        """Send nothing to this host, and to those that share its limits, before ``until``.

        An earlier, longer ban stays in force.
        """
        for host in (self, *self._allies):
            host.allowed_at = max(host.allowed_at, until)

    def is_blank(self, now: float) -> bool:
        """Whether it holds nothing to remember: no ban, no clock correction, no spent budget."""
        return self.allowed_at <= now and not self.clock and self.budget.is_blank(now)

    def register(self, path: str, api_key: str, second_create: SecondCreate = "same", load: float = 0.0) -> Account:
        """Become a holder of the account that ``api_key`` belongs to, before anything is sent for it.

        ``load`` is what its key costs at least, in weight a minute.

        Raises:
            UsageError: It has a holder, and a second create would end the first one's key.
        """
        if second_create == "new":
            account = Account(self, path, api_key, second_create)
        else:
            fresh = Account(self, path, api_key, second_create)
            account = self.accounts.setdefault((path, api_key), fresh)
        if second_create == "replaces" and account.holders:
            raise UsageError(
                "this exchange ends an account's key when it makes another, and a block of this process has one",
                advice="Share the one that is open, or use another account",
            )
        if not account.holders:
            account.load = load
            self.budget.load += load
        account.holders += 1
        return account


class Account:
    """One API key in one dialect of a host, shared by every context that uses it.

    Its ``repr`` is the default one: no secrets.
    """

    __slots__ = (
        "__weakref__",
        "_api_key",
        "_path",
        "_second_create",
        "confirmed_at",
        "expires_at",
        "holders",
        "host",
        "key",
        "load",
        "may_hold_unknown_key",
        "older_keys",
        "turn",
    )

    host: Host
    """Where it is."""

    key: str | None
    """The listen key that a holder last saw alive: the last holder to leave closes it."""

    confirmed_at: float
    """When the request was sent that last found ``key`` alive, whichever holder sent it."""

    expires_at: float
    """``key`` is presumed alive before then."""

    load: float
    """What keeping its key costs at least, in weight a minute: once for all holders."""

    holders: int
    """How many contexts are open on this account. One counts from before its first create, since that may return a key
    which others hold, until its close has ended."""

    older_keys: tuple[str, ...]
    """Keys seen before ``key`` and not seen dead, where an account may have several."""

    may_hold_unknown_key: bool
    """A create whose answer was lost may have made a key."""

    turn: Any
    """The lock by which its holders take turns. The shell stores it here; the core never reads it."""

    def __init__(self, host: Host, path: str, api_key: str, second_create: SecondCreate = "same") -> None:
        self.host = host
        self._path = path
        self._api_key = api_key
        self._second_create = second_create
        self.key = None
        self.confirmed_at = self.expires_at = float("-inf")
        self.load = 0.0
        self.older_keys = ()
        self.holders = 0
        self.may_hold_unknown_key = False
        self.turn = None

    def learn(self, key: str, sent_at: float = float("-inf"), expires_at: float = float("-inf")) -> None:
        """A request sent at ``sent_at`` found ``key`` alive; where an account has one key, no other is."""
        self.may_hold_unknown_key = False
        self.confirmed_at, self.expires_at = sent_at, expires_at
        if key != self.key:
            if self.key is not None and self._second_create in {"new", "unknown"}:
                self.older_keys += (self.key,)
            self._let_go()
            self.key = key
            self.older_keys = tuple([other for other in self.older_keys if other != key])
            accounts = self.host.accounts_by_key.get((self._path, key), ())
            self.host.accounts_by_key[self._path, key] = (*accounts, self)

    def forget(self, key: str | None) -> None:
        """Forget ``key``: the exchange has just said that it is dead. Other keys of the account may be alive."""
        self.older_keys = tuple([other for other in self.older_keys if other != key])
        if key == self.key:
            self._let_go()

    def to_close(self) -> str | None:
        """The next key to close: first ``key``, then the older ones; never a key that others hold."""
        if self.key is not None:
            return self.key
        return next((other for other in self.older_keys if (self._path, other) not in self.host.accounts_by_key), None)

    def is_shared(self) -> bool:
        """Whether anyone else in this process holds this account's key, or is about to.

        Two API keys may belong to one account; then the key itself tells that they share it.
        """
        return self.holders > 1 or (self.key is not None and len(self.host.accounts_by_key[self._path, self.key]) > 1)

    def release(self) -> None:
        """Stop being a holder."""
        self.holders -= 1
        if not self.holders:
            self.host.budget.load -= self.load
            self._let_go()
            if self._second_create != "new":
                del self.host.accounts[self._path, self._api_key]

    def _let_go(self) -> None:
        if self.key is not None:
            accounts = self.host.accounts_by_key.pop((self._path, self.key))
            if len(accounts) > 1:
                others = tuple([account for account in accounts if account is not self])
                self.host.accounts_by_key[self._path, self.key] = others
            self.key = None
