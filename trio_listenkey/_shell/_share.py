"""One process's share in a key that other processes hold, too: the task that goes to the register.

It is built like the keeper, beside which it runs: shielded, every wait in it bounded, and it reports and never raises.
What to write, and what follows from what was read, is decided in ``_core._sharing``.

A process has one share in each account, however many of its blocks use that, in whatever runs and threads. Each block
brings a task; the one that has the turn goes to the register, and tells all blocks to look again after each visit.
"""

from __future__ import annotations

import logging
import os
import random
import secrets
import socket
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from math import inf
from typing import Final, final

import trio
from trio.lowlevel import enable_ki_protection

from .._core._sharing import Member
from .._core._sharing_plan import Plan
from .._core._sharing_record import INDEX, ForeignDocumentError, account_name, with_account
from .._core._sharing_states import SharingState
from .._errors import RegisterAway, RegisterRefused, UsageError
from .._settings import Credentials
from .._validation import check_type
from .._venue._venue import Venue
from ..sharing._shared_key import SharedKey
from ._alarm import Alarm
from ._clock import SteadyClock
from ._turn import Turn

__all__ = ["Share", "ShareTask", "check_sharing"]

_log: Final = logging.getLogger("trio_listenkey")
_VISIT_LIMIT: Final = 5.0  # seconds for one visit: a read and a swap
_INDEX_EVERY: Final = 1800.0  # seconds
_LEAVE_LIMIT: Final = 1.0  # seconds that the last words to the register may delay the end of a block


def check_sharing(venue: Venue, sharing: SharedKey) -> bool:
    """Whether there is anything to share: not where each create makes a key of its own.

    Raises:
        UsageError: It is no :class:`SharedKey`, or the exchange's keys cannot be shared.
    """
    check_type("sharing", sharing, SharedKey, "SharedKey(SQLiteRegister(path))")
    second = venue.sharing.second_create
    if second in {"replaces", "unknown"}:
        why = "ends the first one" if second == "replaces" else "does something that its documents do not say"
        raise UsageError(
            f"a second create at {venue.name} {why}, so its keys cannot be shared",
            advice="Open the key in one program only"
            if second == "replaces"
            else "If you know that it returns the first key, pass dataclasses.replace(venue, sharing=Sharing())",
            venue=venue.name,
        )
    if second == "new":
        _log.info("%s: each create returns a new key at this exchange, so sharing= has no effect", venue.name)
    return second == "same"


@final
class Share:
    """What the blocks of a process have in common that share an account's key.

    Attributes:
        member: The machine. Each step of it is taken under the lock of the hosts that the account belongs to.
        turn: Who has it goes to the register.
    """

    __slots__ = ("__weakref__", "_blocks", "_tasks", "_terms", "label", "member", "turn")

    def __init__(
        self,
        venue: Venue,
        credentials: Credentials,
        sharing: SharedKey,
        keepalive_every: float,
        lock: AbstractContextManager[object],
        now: float,
    ) -> None:
        account = credentials.api_key if sharing.account is None else sharing.account
        # Not by the host: programs that reach the exchange by different ones share the key all the same.
        dialect = f"{venue.sharing.keys_of or venue.name} {venue.path}#{venue.answer.key}"
        self.label: str = venue.name if sharing.account is None else f"{venue.name} {sharing.account}"
        self.member: Member = Member(
            me=secrets.token_hex(8),
            name=account_name(dialect, account),
            who=f"{socket.gethostname()[:80]}:{os.getpid()}",
            beat_every=float(sharing.beat_every),
            patience=sharing.patience,
            keepalive_every=keepalive_every,
            now=now,
        )
        self.turn: Turn = Turn(lock)
        self._terms = _terms_of(sharing)
        self._blocks: set[object] = set()
        self._tasks: set[ShareTask] = set()

    @property
    def takes_in(self) -> bool:
        """Whether another block may become a part of it: not when it has begun to leave."""
        return bool(self._blocks) and self.member.state not in _ON_THE_WAY_OUT

    @property
    def is_over(self) -> bool:
        """Whether no block is a part of it any more."""
        return not self._blocks

    def check(self, sharing: SharedKey) -> None:
        """Another block means to share in the same way.

        Raises:
            UsageError: It does not. One member cannot be in two documents, nor keep two times.
        """
        if _terms_of(sharing) != self._terms:
            raise UsageError(
                "the blocks of this process that use this account share it in different ways",
                advice="Pass the same SharedKey to all of them, or one with the same kind of register, beat_every,"
                " patience and account",
            )

    def join(self, block: object) -> None:
        """A block becomes a part of it."""
        self._blocks.add(block)

    def leave(self, block: object, now: float, *, closed: bool) -> None:
        """A block is over, and with the last one the share: ``closed`` if that block has closed the key."""
        self._blocks.discard(block)
        if self._blocks:
            return
        if self.member.state is SharingState.CLOSING:
            self.member.close_ended(now, done=closed, by=now + _LEAVE_LIMIT)
        elif self.member.state not in _ON_THE_WAY_OUT:
            self.member.stop(now, close=False, by=now + _LEAVE_LIMIT)
        self.rouse()

    def rouse(self) -> None:
        """The machine has something to write: wake the task that calls the register."""
        for task in list(self._tasks):
            task.call(task.alarm.ring)

    def spread(self) -> None:
        """The register has said something: all blocks are to look."""
        for task in list(self._tasks):
            task.call(task.wake_keeper)

    def silent_at(self) -> float:
        """When one of the blocks' streams asks the exchange if it receives nothing more."""
        return min((task.silent_at() for task in list(self._tasks)), default=inf)


def _terms_of(sharing: SharedKey) -> tuple[object, ...]:
    # Of the register only its kind can be compared: each run and thread has an object of its own for the same place.
    return type(sharing.register), float(sharing.beat_every), sharing.patience, sharing.account


_ON_THE_WAY_OUT: Final = frozenset(
    {SharingState.LEAVING, SharingState.CLOSING, SharingState.REPORTING, SharingState.LEFT}
)


@final
class ShareTask:
    """One block's part in the share: it goes to the register whenever it has the turn.

    Args:
        share: The process's.
        sharing: The user's word; its register belongs to this block's run.
        lock: Held over each step of the machine.
        clock: What the machine's times are told by.
        alarm: To wait by.
        wake_keeper: Have the block look at what the register said.
        silent_at: When the block's stream asks the exchange if it receives nothing more.
        interrupt: Ctrl-C came out of the register: the block ends with it.
    """

    def __init__(
        self,
        share: Share,
        sharing: SharedKey,
        lock: AbstractContextManager[object],
        clock: SteadyClock,
        alarm: Alarm,
        *,
        wake_keeper: Callable[[], None],
        silent_at: Callable[[], float],
        interrupt: Callable[[BaseException], None],
    ) -> None:
        self.alarm, self.wake_keeper, self.silent_at = alarm, wake_keeper, silent_at
        self._share, self._member, self._register = share, share.member, sharing.register
        self._lock, self._clock, self._interrupt = lock, clock, interrupt
        self._token = trio.lowlevel.current_trio_token()
        self._scope = trio.CancelScope(shield=True)
        self._done = trio.Event()
        self._trouble = ""
        self._indexed, self._index_until = "", -inf
        share._tasks.add(self)  # noqa: SLF001 - the other half of it

    def call(self, wake: Callable[[], None]) -> None:
        """Call it in this block's run."""
        if trio.lowlevel.current_trio_token() is self._token:
            wake()
        else:
            with suppress(trio.RunFinishedError):
                self._token.run_sync_soon(wake)

    def rouse(self) -> None:
        """The block has taken a step: if that is worth telling the others, do it now."""
        if self._member.due_at <= self._clock.now():
            self._share.rouse()

    @enable_ki_protection
    async def run(self) -> None:
        """Go to the register whenever the machine wants to, until it has left or the block is over."""
        with self._scope:
            await self._share.turn.acquire()
            try:
                while self._member.state is not SharingState.LEFT:
                    await self._take_step()
            finally:
                self._share.turn.release()
        self._done.set()

    async def finish(self) -> None:
        """The block is over. If it was the process's last one, the last words to the register come first."""
        with trio.move_on_after(_LEAVE_LIMIT, shield=True):
            if self._share.is_over:
                await self._done.wait()
        self._share._tasks.discard(self)  # noqa: SLF001 - the other half of it
        self._scope.cancel(reason="the block is over")

    async def _take_step(self) -> None:
        if self._clock.now() < self._member.due_at:
            await self.alarm.wait_until(self._member.due_at)
        else:
            await self._visit()
            self._share.spread()

    async def _visit(self) -> None:
        """Read, plan and swap, once."""
        member, plan, is_taken, trouble = self._member, None, False, ""
        try:
            with trio.fail_after(_VISIT_LIMIT):
                raw, version = await self._register.read(member.name)
                plan = self._plan(raw)
                is_taken = plan is not None and await self._register.swap(member.name, version, plan.raw)
        except trio.Cancelled:
            raise
        except BaseException as fault:  # noqa: ASYNC103, BLE001 - parked, or told: this task never raises
            trouble = self._meaning(fault)
            await trio.lowlevel.checkpoint_if_cancelled()
        now, draw = self._clock.now(), random.random()  # noqa: S311 - spreads load
        with self._lock:
            if trouble:
                member.failed(now, draw)
            elif plan is not None and is_taken:
                member.taken(plan, now, draw)
            elif plan is not None:
                member.outrun(now, draw)
        self._report(trouble)
        if is_taken and (member.epoch != self._indexed or now >= self._index_until):
            self._indexed, self._index_until = member.epoch, now + _INDEX_EVERY
            with suppress(RegisterAway, RegisterRefused, ForeignDocumentError), trio.move_on_after(_VISIT_LIMIT):
                await self._write_index()

    def _meaning(self, fault: BaseException) -> str:
        """What is wrong with the register, in words without secrets; Ctrl-C is passed on to the block."""
        match fault:
            case RegisterAway() | RegisterRefused():
                return str(fault)
            case trio.TooSlowError():
                return f"it did not answer within {_VISIT_LIMIT:g} s"
            case ForeignDocumentError():
                return "it contains a document of another version of trio-listenkey, which is left unchanged"
            case Exception():
                # A register may be anyone's. Its text may hold a password.
                return f"it raised {type(fault).__name__}, where only RegisterAway and RegisterRefused are allowed"
        rest = fault.split(trio.Cancelled)[1] if isinstance(fault, BaseExceptionGroup) else fault
        if rest is not None:
            self._interrupt(rest)
        return "it was interrupted"

    async def _write_index(self) -> None:
        """Add this account to the register's index, for ``members``. Other processes may add it, too."""
        raw, version = await self._register.read(INDEX)
        # Written again although it is there: a register may delete what is not written for hours.
        index = with_account(raw, self._member.name, self._share.label)
        if not await self._register.swap(INDEX, version, index):
            self._index_until = -inf  # somebody else was faster: at the next beat again

    def _report(self, trouble: str) -> None:
        """Log that the register is away, why, and that it is back: once each."""
        if trouble and not self._trouble:
            _log.warning("%s: the register of sharing= cannot be used: %s", self._share.label, trouble)
        elif self._trouble and not trouble:
            _log.info("%s: the register of sharing= can be used again", self._share.label)
        self._trouble = trouble

    def _plan(self, raw: bytes | None) -> Plan | None:
        silent_at, now = self._share.silent_at(), self._clock.now()
        with self._lock:
            self._member.silence_at = silent_at
            return self._member.plan(raw, now)
