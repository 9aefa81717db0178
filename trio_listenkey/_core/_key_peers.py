"""What others know about one context's key: other contexts of this process, and other processes.

They may know that the key is alive, or that the account has another one. That the key is alive is taken over, with the
time of their request (E1). That there is another key is only a reason to ask the exchange, once for each such key: its
answer says which key is ours (K4).

Where another process keeps the key alive, or closes it, some requests wait: see :meth:`KeyPeers.held_back_until`.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Final

from .._settings import Timing
from .._statistics import SharingStatistics
from ._accounts import Account
from ._key_record import KeyRecord
from ._key_states import Phase, State
from ._sharing_states import SharingState

if TYPE_CHECKING:  # costs something at import, and most keys are not shared between processes
    from ._sharing import Member

__all__ = ["KeyPeers"]

_REMEMBERED: Final = 16  # keys of other holders; more contexts with keys of their own are no usual account


class KeyPeers:
    """Who else knows about one key.

    Args:
        account: What all contexts of this process know together.
        member: What other processes know, by way of the register; ``None`` where nothing is shared.
        timing: ``open_timeout`` and ``close_timeout``.
        keepalive_every: Seconds from one keepalive to the next.
    """

    __slots__ = ("_account", "_asked_about", "_asked_about_news", "_keepalive_every", "_member", "_timing", "_told")

    _member: Member | None
    """Shared with the other contexts of this process, like the account, and told of the key by whichever of them asked.
    It never makes a key dead or alive that the exchange has not. It knows no key, only whether two are the same."""

    _asked_about: tuple[str, ...]
    """The keys that other holders of the account had, and that made us ask for ours: each does so but once. Holders
    whose keys are all alive would else ask by turns without an end (K4); to remember the last key alone is not enough
    with three of them."""

    _asked_about_news: str
    """The same for the last key of another process: the member's word for that key. Without it, a register that shows
    the same other key at each beat would make us ask at each beat (E2)."""

    _told: tuple[SharingState, int] | None
    """The sharing that was last reported to observers: its state and the number of processes."""

    def __init__(self, account: Account, member: Member | None, timing: Timing, keepalive_every: float) -> None:
        self._account, self._member, self._timing = account, member, timing
        self._keepalive_every = keepalive_every
        self._asked_about = ()  # an empty deque would be a tenth of what a key takes
        self._asked_about_news, self._told = "", None

    # What others know.

    def statistics(self, to_local: float) -> SharingStatistics | None:
        """The statistics of this process's share in the key; ``to_local`` is added to times."""
        return None if self._member is None else self._member.statistics(to_local)

    def change_to_tell(self) -> SharingStatistics | None:
        """The change of the sharing to report to observers, once for each change; ``None`` for nothing."""
        if self._member is None or self._member.summary in {None, self._told}:
            return None
        self._told = self._member.summary
        return self._member.statistics()

    def tell(self, key: str, sent_at: float) -> None:
        """A request that we sent at ``sent_at`` found ``key`` alive: other processes need not ask (E1)."""
        if self._member is not None:
            self._member.tell(key, sent_at)

    def hear_of_processes(self, record: KeyRecord) -> bool:
        """Take over what other processes know of a key that is held; return whether it is a reason to ask.

        It is written to the account and not to ``record``, so that every holder reads it in its own ``tick``.
        """
        member, account, key = self._member, self._account, record.value
        # With another key in the account, that key is asked about first.
        if member is None or key is None or account.key != key:
            return False
        heard_at = member.confirmed_at(key)
        # The bound grows a little with each beat; that is no news.
        answers = account.confirmed_at < record.asked_at <= heard_at
        if answers or heard_at > account.confirmed_at + member.beat_every:
            account.confirmed_at, account.expires_at = heard_at, account.expires_at - account.confirmed_at + heard_at
        # The register has fingerprints only. Another fingerprint does not say which key is alive.
        has_another = member.is_another(key) and member.news != self._asked_about_news
        if has_another:
            self._asked_about_news = member.news
        # Some member's stream is silent, and this process is the one that asks for all of them.
        must_check, member.check_is_due = member.check_is_due, False
        return has_another or must_check

    def has_another_key(self, own: str | None) -> bool:
        """Whether another holder in this process has seen a key alive that is not ``own``; each counts once.

        If the answer says that ours is alive, both are, and another question would get the same answer.
        """
        other = self._account.key
        if other is None or other == own or other in self._asked_about:
            return False
        self._asked_about = (*self._asked_about, other)[-_REMEMBERED:]
        return True

    # Where we wait for others.

    def held_back_until(self, state: State, phase: Phase, record: KeyRecord, trying_ends_at: float) -> float:
        """Until when a due request has to wait: another process makes it, or has to be asked first."""
        if self._member is None:
            return -inf
        match state:
            case State.VACANT if phase is Phase.OPENING:
                # Another process may be closing the key. If that takes for ever, opening must not fail for it.
                return min(self._member.barred_until, trying_ends_at - self._timing.open_timeout / 3)
            case State.VACANT if phase is Phase.RUNNING:
                # Here there is no time limit: the next key may wait for the end of that close.
                return self._member.barred_until
            case State.HELD if self._member.follows and record.asked_at <= record.confirmed_at:
                # Another process keeps the key alive. A doubt of our own is not delayed (S5). Otherwise we send as the
                # last resort, half-way between the keepalive that is missing and the end of the key's life.
                life = record.expires_at - record.confirmed_at
                return record.confirmed_at + (min(self._keepalive_every, life) + life) / 2
            case State.LEAVING if self._member.state is SharingState.LEAVING:
                # The register has not said yet whether we are the last. Half of the time is kept for the close (P6).
                return trying_ends_at - self._timing.close_timeout / 2
            case _:
                return -inf
