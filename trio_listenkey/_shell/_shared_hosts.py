"""What is known of the hosts, shared by all runs and threads of this process: bans, accounts, turns, the pace.

An exchange sees one IP address and one account, whatever number of ``trio.run`` calls and threads there are behind it.
So there is one :class:`SharedHosts` for the process, and all runs that go by the system's clock see it on one axis of
time, that of :class:`ProcessClock`.

A run under another clock, as tests have it, keeps one of its own: its days pass in milliseconds, and a ban of one test
is none of the next one's.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Final, Protocol, TypeVar
from weakref import WeakKeyDictionary, WeakSet

import trio

from .._core._accounts import Account, Host
from .._core._connect_limiter import ConnectLimiter
from .._errors import UsageError
from ._clock import SteadyClock
from ._gate import BudgetGate
from ._turn import Turn

if TYPE_CHECKING:  # most keys are not shared between processes
    from ._share import Share

    MakeShare = Callable[[Share | None], Share]
    """Takes the one that there is, if others may become a part of it; gives back that, or a new one."""

__all__ = ["ProcessClock", "SharedHosts", "clock_and_hosts"]

_Known = TypeVar("_Known", Host, ConnectLimiter)
_Address = tuple[str | None, int]


class Run(Protocol):
    """A run of trio, in whatever thread."""

    def wake(self, account: Account) -> None:
        """Have its contexts on the account look at it; called from any thread."""
        ...


class SharedHosts:
    """Hosts by their address.

    Attributes:
        lock: Hold it over each step that reads or changes what is in here, and over nothing that waits or calls
            anybody else's code: it stops the loops of other threads.
    """

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Reset; in the child of a fork, in which no block of the parent continues."""
        self.lock: AbstractContextManager[object] = threading.RLock()
        self._hosts: dict[_Address, Host] = {}
        self._connect_limiters: dict[_Address, ConnectLimiter] = {}
        # The users of each host and connect limiter. Without users, it is deleted as soon as no limit or ban is in
        # force.
        self._users: WeakKeyDictionary[Host | ConnectLimiter, WeakSet[object]] = WeakKeyDictionary()
        self._shares: WeakKeyDictionary[Account, Share] = WeakKeyDictionary()
        self._gates: WeakKeyDictionary[Host, BudgetGate] = WeakKeyDictionary()
        # What has a dead-man switch: the exchange has one countdown for each.
        self._minded: set[tuple[Host, str, str]] = set()
        self._runs: WeakSet[Run] = WeakSet()

    @property
    def runs(self) -> list[Run]:
        """Those that see these hosts."""
        with self.lock:
            return list(self._runs)

    def see(self, run: Run) -> None:
        """``run`` sees these hosts from now on, until it is gone."""
        with self.lock:
            self._runs.add(run)

    def host(self, address: _Address, user: object, now: float) -> Host:
        """Where REST calls go to; it is kept for as long as ``user`` exists, at least."""
        with self.lock:
            self._drop_blank(self._hosts, now)
            known = self._hosts.get(address)
            if known is None:
                known = self._hosts[address] = Host()
            return self._use(known, user)

    def connect_limiter(self, address: _Address, user: object, now: float) -> ConnectLimiter:
        """What limits connecting to a host of sockets; it is kept for as long as ``user`` exists, at least."""
        with self.lock:
            self._drop_blank(self._connect_limiters, now)
            return self._use(self._connect_limiters.setdefault(address, ConnectLimiter(self.lock)), user)

    def turn(self, account: Account) -> Turn:
        """Who has it may send. One request at a time: the key is the same one for all holders of the account."""
        with self.lock:
            account.turn = turn = account.turn or Turn(self.lock)
            return turn

    def share(self, account: Account, make: MakeShare | None) -> Share | None:
        """This process's share in the account's key; made by ``make`` for the first context that joins with one.

        Raises:
            UsageError: Another context of this process shares the key, and this one does not mean to; or reversely; or
                in another way.
        """
        with self.lock:
            share = self._shares.get(account)
            if account.holders > 1 and (share is None) is not (make is None):
                raise UsageError(
                    "of the blocks of this process that use this account, some have sharing= and some have not",
                    advice="Pass the same SharedKey to all of them, or to none",
                )
            if make is not None:
                share = self._shares[account] = make(share if share is not None and share.takes_in else None)
            return share

    def gate(self, host: Host) -> BudgetGate:
        """Where requests to ``host`` wait for their place in its budget."""
        with self.lock:
            gate = self._gates.get(host)
            if gate is None:
                gate = self._gates[host] = BudgetGate(host.budget, self.lock)
            return gate

    def mind(self, host: Host, api_key: str, symbols: Iterable[str]) -> None:
        """These symbols of an account have a dead-man switch from now on.

        Raises:
            UsageError: One of them has one already. The exchange has one countdown for both, and each would tell of it
                what the other has made untrue.
        """
        minded = {(host, api_key, symbol) for symbol in symbols}
        with self.lock:
            if taken := sorted(symbol for _, _, symbol in minded & self._minded):
                raise UsageError(
                    f"a dead-man switch of this process minds {', '.join(map(repr, taken))} already",
                    advice="Have one switch for all who trade in a symbol of this account",
                )
            self._minded |= minded

    def mind_no_more(self, host: Host, api_key: str, symbols: Iterable[str]) -> None:
        """Their switch is over."""
        with self.lock:
            self._minded -= {(host, api_key, symbol) for symbol in symbols}

    def _use(self, known: _Known, user: object) -> _Known:
        users = self._users.get(known)
        if users is None:
            users = self._users[known] = WeakSet()
        users.add(user)
        return known

    def _drop_blank(self, known: dict[_Address, _Known], now: float) -> None:
        for address, one in list(known.items()):
            if not self._users[one] and one.is_blank(now):
                del known[address]


_process: Final = SharedHosts()
# Not on Windows, which does not fork.
getattr(os, "register_at_fork", lambda **_: None)(after_in_child=_process.forget)


class ProcessClock(SteadyClock):
    """Trio's clock of one run, as a part of one axis of time for the whole process, time in suspend included.

    Each run of trio has a clock that starts somewhere else, so they cannot be compared; but each goes as fast as
    :func:`time.perf_counter`.
    """

    __slots__ = ("_behind",)

    _one: Final = SteadyClock(base=time.perf_counter)

    def __init__(self) -> None:
        self._behind = time.perf_counter() - trio.current_time()
        self.slept = self._behind
        self.now()

    def unix(self) -> float:
        """Unix time, as far as this machine knows."""
        with _process.lock:
            return self._one.unix()

    def now(self) -> float:
        """The time, on the process's axis."""
        with _process.lock:
            now = self._one.now()
            self.slept = self._behind + self._one.slept
        return now


def clock_and_hosts() -> tuple[SteadyClock, SharedHosts]:
    """The clock and the hosts of the current run."""
    # By name, because trio does not export the class. Another clock may run at any speed, so its run shares nothing.
    if type(trio.lowlevel.current_clock()).__name__ == "SystemClock":
        return ProcessClock(), _process
    return SteadyClock(), SharedHosts()
