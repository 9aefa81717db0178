"""Who keeps an account's key alive, and who may close it: several processes agree by one document that is swapped.

How to drive it (``_share`` of the shell does; so do the tests, without a clock)::

    member.due_at                    when to go to the register next
    plan = member.plan(raw, now)     what was just read there goes in; what to swap in comes out; ``None`` for nothing
    member.taken(plan, now, draw)    the register took it
    member.outrun(now, draw)         it did not: somebody else wrote in between
    member.failed(now, draw)         it did not answer, or refused, or holds what cannot be read
    member.tell(key, sent_at)        the exchange has confirmed a key to us
    member.stop(...)                 the block is over
    member.close_ended(...)          in CLOSING: the close has ended, or was not sent

All that is asked of the register is a compare-and-swap. Four ideas carry the agreement:

* **Silence is counted, not timed.** A member raises a counter with each beat. Another one is presumed dead once its
  counter has not moved during ``patience`` of *our own successful beats*. A register that was away, and a machine that
  slept, make nobody look dead: in that time nobody has had a beat. No two clocks are compared.
* **An epoch.** A register may forget: a restart without a disk, a replica that lagged, a backup. Whoever does not find
  what it knows to have been written begins a new epoch. Nobody closes before it has had ``patience`` beats in one
  epoch, so that all who live have had the time to be there again.
* **Two keepers are harmless, only a close is not.** A create returns the key that there is, and a keepalive may be sent
  by anybody. So who is the keeper is a matter of economy, and whoever doubts asks the exchange itself. The close has
  one door: the swap which finds that nobody else is there writes, in the same step, that the key is being closed. Who
  comes meanwhile waits for its end.
* **A confirmation has an age.** No time of another machine is believed. But a document that another member wrote was
  written after our own last one: the swap sees to that. So ``age`` seconds before our own last swap the key was alive.

The file is long because all of it reads and writes one document: each rule about that can only be understood together
with the others.

Times are seconds on the axis of the process's clock, which goes on while the machine sleeps. ``draw`` is a random
number in [0, 1).
"""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import Any, Final, Literal

from msgspec.structs import replace

from .._statistics import SharingStatistics
from ._sharing_plan import NEARLY, Barrier, Known, LeftBecause, Plan, Silence
from ._sharing_record import Close, Document, Entry, dump_document, fingerprint_of, load_document
from ._sharing_states import SharingEvent, SharingState, sharing_after

__all__ = ["Member"]

_CLOSE_WITHIN: Final = 2.0  # seconds from asking the register to sending the close; less where beats are faster
_JITTER: Final = 0.1
_QUIET: Final = 3.5  # beats before a silence check is due: one until the keeper reads it, two until its answer is read
_JOIN_WITHIN: Final = 10.0  # seconds; the first beat comes at once, and ends by itself before then
_RETRY: Final = 0.02  # seconds, at most, until another try after somebody else was faster
_RETRIES: Final = 20
_LEAVE_RETRY: Final = 0.25  # seconds until another try to leave

_OF_INTEREST: Final = frozenset({SharingState.KEEPER, SharingState.FOLLOWER, SharingState.WAITING, SharingState.ALONE})
_BEATS: Final = frozenset({SharingEvent.ELECTED, SharingEvent.FOLLOWS, SharingEvent.BARRED})
_SHARES: Final = frozenset({SharingState.JOINING, SharingState.KEEPER, SharingState.FOLLOWER, SharingState.WAITING})


class Member:
    """One process's share in an account's key.

    Args:
        me: Its id, which nobody has ever had before.
        name: That of the account's document.
        who: What people are to see of it.
        beat_every: Seconds between two beats.
        patience: Beats in which another one must not have moved to be presumed dead.
        keepalive_every: Seconds after which a confirmation of the key is overdue.
        now: The present.
    """

    __slots__ = (
        "_announced",
        "_attempt",
        "_barrier",
        "_beats",
        "_counted_at",
        "_document",
        "_done",
        "_epoch_beats",
        "_known",
        "_leave_by",
        "_outrun",
        "_overdue",
        "_seen",
        "_since",
        "_slowest",
        "_swapped_at",
        "_version",
        "_wants_close",
        "beat_every",
        "check_is_due",
        "close_by",
        "due_at",
        "keepalive_every",
        "last_beat_at",
        "left_because",
        "me",
        "name",
        "patience",
        "silence_at",
        "state",
        "who",
    )

    state: SharingState
    """Changed by ``_fire`` alone, by the table."""

    due_at: float
    """When to go to the register next; infinity while there is nothing to be said."""

    last_beat_at: float
    """When the register last took a beat; minus infinity before the first."""

    silence_at: float
    """When one of our streams will ask the exchange if it hears nothing more. Set by whoever drives this."""

    check_is_due: bool
    """A stream, of ours or of another member, has heard nothing for a while, and we are the keeper: ask the exchange,
    once for all. Whoever does takes it back."""

    close_by: float
    """In CLOSING: a close may be sent before then."""

    left_because: LeftBecause
    """In LEFT: why nothing was closed. Of no meaning elsewhere, and after a close."""

    _document: Document | None
    """What was agreed last, as far as we know: the last document of ours that the register took."""

    _version: tuple[int, str]
    """The newest document that we know to have been there, whoever wrote it: which of all, and whose."""

    _attempt: int
    """Counts each try to write, so that what is ours can be told from what is not though an answer was lost."""

    _beats: int
    """Our counter, as it is known to have been written. It is the number of the try."""

    _epoch_beats: int
    """Successful beats in this epoch, in which we were never missing. It is what a close is allowed for."""

    _counted_at: float
    """When the last of them was. Beats that come sooner, with something to tell, prove no silence of others."""

    _swapped_at: float
    """When the last document of ours that was taken was planned. Whatever another one wrote after it is younger."""

    _since: float
    """When it began."""

    _seen: Mapping[str, Silence]
    """The others."""

    _slowest: float
    """Seconds between two beats of the slowest member that we ever saw, ourselves included: it is to be waited for."""

    _barrier: Barrier | None
    """The close of another member that is under way."""

    _known: Known | None
    """The key that was last confirmed: to us, or to others as far as we heard."""

    _announced: bool
    """Whether that is in the register. Only what the exchange told us, and not others, has to be said there."""

    _overdue: int
    """Beats in a row in which a confirmation was overdue, under the same keeper."""

    def __init__(
        self, *, me: str, name: str, who: str, beat_every: float, patience: int, keepalive_every: float, now: float
    ) -> None:
        self.me: str = me
        self.name: str = name
        self.who: str = who
        self.beat_every: float = beat_every
        self.patience: int = patience
        self.keepalive_every: float = keepalive_every
        self.state, self.due_at = SharingState.JOINING, now
        self._since = now
        self.last_beat_at = self._counted_at = self._swapped_at = -inf
        self.silence_at = self.close_by = self._leave_by = inf
        self.check_is_due = self._wants_close = self._done = False
        self.left_because = "nothing"
        self._document, self._known, self._barrier = None, None, None
        self._version, self._announced = (0, ""), True
        self._attempt = self._beats = self._epoch_beats = self._overdue = self._outrun = 0
        self._seen, self._slowest = {}, beat_every

    # Questions. None of them changes anything.

    @property
    def may_create(self) -> bool:
        """Whether a key may be created, for all that this member knows: none is being closed."""
        return self.state not in {SharingState.JOINING, SharingState.WAITING}

    @property
    def barred_until(self) -> float:
        """Until when no key may be created, if nothing else is heard by then; minus infinity if one may be now."""
        if self.may_create:
            return -inf
        if self._barrier is None:
            return self._since + _JOIN_WITHIN
        counted = (self.patience + 2) * self.beat_every * (1 + _JITTER)
        return self._barrier.since + counted + 3 * self._barrier.close.within

    @property
    def follows(self) -> bool:
        """Whether another one keeps the key alive, or is closing it."""
        return self.state in {SharingState.FOLLOWER, SharingState.WAITING}

    @property
    def is_away(self) -> bool:
        """Whether the register cannot be used."""
        return self.state is SharingState.ALONE

    @property
    def summary(self) -> tuple[SharingState, int] | None:
        """What observers want to know of, in short; ``None`` on the way in and out, which passes."""
        return (self.state, self.members) if self.state in _OF_INTEREST else None

    def statistics(self, to_local: float = 0.0) -> SharingStatistics:
        """What it is at; ``to_local`` is added to times."""
        return SharingStatistics(self.state.name.lower(), self.members, self.last_beat_at + to_local, self.is_away)

    def why_not_to_close(self, now: float) -> Literal["others", "early", "away", "late", "unknown yet"] | None:
        """Of one that was stopped: why a close must not be sent at ``now``; ``None`` if it may be."""
        match self.state:
            case SharingState.CLOSING:
                return None if now < self.close_by else "late"
            case SharingState.LEFT:
                return self.left_because if self.left_because != "nothing" else "others"
            case _:
                return "unknown yet"

    @property
    def members(self) -> int:
        """How many there are, this one included, as the register said last."""
        return len(self._document.members) if self._document else 0

    @property
    def news(self) -> str:
        """Of which key the register tells: another word for each, and for each time that there is none."""
        document = self._document
        if document is None:
            return ""
        return document.fingerprint or f"none, {document.epoch} {document.generation}"

    @property
    def epoch(self) -> str:
        """The epoch in which this member last wrote."""
        return self._document.epoch if self._document else ""

    @property
    def close_within(self) -> float:
        """Seconds within which a close may be sent, and again for its answer."""
        return min(_CLOSE_WITHIN, self.patience * self.beat_every / 2)

    def confirmed_at(self, key: str) -> float:
        """When, at the earliest, the exchange last confirmed ``key``, to whomever; minus infinity if it did not."""
        return self._known.at if self._known and self._known.fingerprint == self._print(key) else -inf

    def is_another(self, key: str) -> bool:
        """Whether the register tells of another key than ``key``, or that it was closed."""
        if self.state not in {SharingState.KEEPER, SharingState.FOLLOWER} or not self._announced:
            return False
        return self._document is not None and self._document.fingerprint != self._print(key)

    def _print(self, key: str) -> str:
        return fingerprint_of(self.name, key)

    # Steps.

    def tell(self, key: str, sent_at: float) -> None:
        """A request that was sent at ``sent_at`` found ``key`` alive. The others are told at once."""
        told = Known(self._print(key), sent_at)
        if self._known is None or told.fingerprint != self._known.fingerprint or told.at > self._known.at:
            self._known, self._announced = told, False
            self._overdue = 0
            if self.state in _SHARES:
                self.due_at = min(self.due_at, sent_at)

    def stop(self, now: float, *, close: bool, by: float) -> None:
        """The block is over. ``close``: there is a key to close, if nobody else is there. ``by``: when to give up."""
        # One that could not be used a beat ago is tried once: who leaves is in a hurry.
        self._wants_close, self._leave_by = close, now if self.is_away else by
        self._fire(SharingEvent.STOP)
        self.due_at, self._outrun = now, 0

    def close_ended(self, now: float, *, done: bool, by: float) -> None:
        """In CLOSING: the close has ended; ``done`` if the key is dead. The others are told, until ``by``."""
        self._fire(SharingEvent.ENDED)
        self._done, self._leave_by = done, by
        self.due_at, self._outrun = now, 0

    def failed(self, now: float, draw: float) -> None:
        """The register could not be used. What we wanted to write may have been written all the same."""
        if self.state in {SharingState.LEAVING, SharingState.REPORTING}:
            if now + _LEAVE_RETRY < self._leave_by:
                self.due_at = now + _LEAVE_RETRY
                return
            self.left_because = "away"
        self._fire(SharingEvent.AWAY)
        # Beats are counted in a row. The others may have had no more luck with the register than we, and live.
        self._overdue, self._epoch_beats, self._seen = 0, 0, {}
        self._wait_a_beat(now, draw)

    def outrun(self, now: float, draw: float) -> None:
        """Somebody else wrote between our read and our swap: once more. For ever is as good as away."""
        self._outrun += 1
        if self._outrun > _RETRIES:
            self._outrun = 0
            self.failed(now, draw)
        else:
            self.due_at = now + _RETRY * draw

    def plan(self, raw: bytes | None, now: float) -> Plan | None:
        """``raw`` is what the register holds: what to write in its place? ``None`` if nothing is to be.

        Raises:
            ForeignDocumentError: It is none of ours.
        """
        found = load_document(raw)
        has_forgotten = self._has_forgotten(found)
        if found is not None:
            self._version = found.writes, found.writer
        self._attempt += 1
        match self.state:
            case SharingState.LEAVING:
                return self._plan_to_leave(found, now, has_forgotten=has_forgotten)
            case SharingState.REPORTING:
                return self._plan_to_report(found, now)
            case _:
                return self._plan_a_beat(found, now, has_forgotten=has_forgotten)

    def taken(self, plan: Plan, now: float, draw: float) -> None:
        """The register took it."""
        document = plan.document
        if plan.is_news:
            self._epoch_beats, self._counted_at = 0, plan.begun_at
        elif plan.counts:
            self._epoch_beats, self._counted_at = self._epoch_beats + 1, plan.begun_at
        self._seen, self._overdue, self._barrier = plan.seen, plan.overdue, plan.barrier
        self._document, self._version = document, (document.writes, document.writer)
        self._beats = document.members[self.me].beats if self.me in document.members else self._beats
        self._slowest = max(self._slowest, *(entry.every for entry in document.members.values()), 0.0)
        self._swapped_at, self._outrun = plan.begun_at, 0
        self._announced = self._announced or plan.told is self._known
        self.left_because = plan.because
        if self.state is SharingState.LEAVING and plan.event in _BEATS:
            # The block ended between the read and the swap of a beat. It is yet to be said.
            self.due_at = now
            return
        self._fire(plan.event)
        if self.state in _SHARES:
            self.last_beat_at = now
            self._notice_silence(document, now)
            self._wait_a_beat(now, draw)
            if not self._announced:
                self.due_at = now
        else:
            self.due_at = inf
            self.close_by = plan.begun_at + self.close_within

    def _wait_a_beat(self, now: float, draw: float) -> None:
        self.due_at = (
            now + self.beat_every * (1 + _JITTER * (draw - 0.5)) if self.state is not SharingState.LEFT else inf
        )

    # What the register knows and we do not, and the other way round.

    def _has_forgotten(self, found: Document | None) -> bool:
        """Whether something is missing that we know to have been written."""
        if self._document is None:
            return False  # we have never been there
        if found is None:
            return True
        if found.epoch != self._document.epoch:
            return False  # somebody else has noticed already
        mine = found.members.get(self.me)
        writes, writer = self._version
        return (
            found.writes < writes
            or (found.writes == writes and found.writer != writer)
            or (mine is not None and mine.beats < self._beats)
        )

    def _is_unknown_in(self, found: Document) -> bool:
        """Whether we are new there: never written, taken for dead, or in an epoch that began without us."""
        return self._document is None or found.epoch != self._document.epoch or self.me not in found.members

    def _hear(self, found: Document) -> None:
        """Take over what others say of the key's confirmation.

        Only what another one wrote after our own last swap, in the same epoch: for that alone we know when it was
        written, and that it was not restored from an earlier time.
        """
        if self._document is None or found.epoch != self._document.epoch:
            return
        if found.writer.startswith(f"{self.me}.") or found.fingerprint is None or found.age is None:
            return
        heard = Known(found.fingerprint, self._swapped_at - found.age)
        if self._known is None or heard.fingerprint != self._known.fingerprint:
            is_better = self._announced  # else ours is what the exchange has just said, and is news to the others
        else:
            is_better = heard.at > self._known.at
        if is_better:
            self._known, self._announced = heard, True

    # A beat.

    def _plan_a_beat(self, found: Document | None, now: float, *, has_forgotten: bool) -> Plan:
        is_news = found is None or has_forgotten or self._is_unknown_in(found)
        if found is not None and not has_forgotten:
            self._hear(found)
        document = self._tell_of_the_key(self._in_epoch(found, has_forgotten=has_forgotten), now)
        barrier = self._watch(document.closing, now)
        if barrier is not None and barrier.is_over(self.patience, now):
            # Whoever wanted to close is gone, and may have done it.
            barrier = None
            document = replace(document, closing=None, fingerprint=None, age=None, generation=document.generation + 1)
        seen = {other: self._listen(other, entry, now, is_news=is_news) for other, entry in self._others(document)}
        members = {other: entry for other, entry in self._others(document) if seen[other].unmoved < self.patience}
        is_quiet = self.silence_at - now < _QUIET * self.beat_every
        members[self.me] = Entry(self._attempt, self.beat_every, self.who, quiet=is_quiet)
        document = replace(document, members=members)
        counts = now - self._counted_at >= NEARLY * self._slowest
        event, overdue = SharingEvent.BARRED, 0
        if barrier is None:
            document, overdue = self._elect(document, now)
            event = SharingEvent.ELECTED if document.keeper == self.me else SharingEvent.FOLLOWS
        return self._sealed(
            document, event, now, is_news=is_news, counts=counts, overdue=overdue, seen=seen, barrier=barrier
        )

    def _in_epoch(self, found: Document | None, *, has_forgotten: bool) -> Document:
        """What was found; in a new epoch, if that is not all that there was."""
        if found is None:
            fingerprint = self._known.fingerprint if self._known else None
            return Document(epoch=self._token, writes=self._version[0], fingerprint=fingerprint)
        return replace(found, epoch=self._token) if has_forgotten else found

    def _tell_of_the_key(self, document: Document, now: float) -> Document:
        """Tell what the exchange told us and the others do not know; and how old the last confirmation is by now."""
        known = self._known
        if known is not None and not self._announced and document.fingerprint != known.fingerprint:
            document = replace(document, fingerprint=known.fingerprint, generation=document.generation + 1)
        is_known = known is not None and document.fingerprint == known.fingerprint
        return replace(document, age=max(0.0, now - known.at) if known is not None and is_known else None)

    def _watch(self, close: Close | None, now: float) -> Barrier | None:
        if close is None:
            return None
        if self._barrier is None or self._barrier.close != close:
            return Barrier(close, Silence(0, 0, now), now)
        return self._barrier._replace(silence=self._barrier.silence.after(self.beat_every, now))

    def _listen(self, other: str, entry: Entry, now: float, *, is_news: bool) -> Silence:
        before = None if is_news else self._seen.get(other)
        if before is None or before.beats != entry.beats:
            return Silence(entry.beats, 0, now)
        # Its beats may be slower than ours: it is given as many of its own.
        return before.after(max(self.beat_every, entry.every), now)

    def _others(self, document: Document) -> list[tuple[str, Entry]]:
        return [(other, entry) for other, entry in document.members.items() if other != self.me]

    def _elect(self, document: Document, now: float) -> tuple[Document, int]:
        """The keeper is the one that there is. If there is none, or it does not do its work, it is us.

        It does not if a confirmation was overdue at each of ``patience`` of our beats. One beat would not do: of what
        happened while we slept we learn the age only at the second one, from who wrote after our first.
        """
        keeper = document.keeper if document.keeper in document.members else None
        before = self._document.keeper if self._document else None
        overdue = self._overdue
        if keeper == self.me or keeper != before or not self._is_overdue(now):
            overdue = 0
        elif now - self._counted_at >= NEARLY * self.beat_every:
            overdue += 1
        if keeper is not None and overdue < self.patience:
            return replace(document, keeper=keeper), overdue
        return replace(document, keeper=self.me, fence=document.fence + 1), 0

    def _is_overdue(self, now: float) -> bool:
        return self._known is not None and now >= self._known.at + self.keepalive_every

    def _notice_silence(self, document: Document, now: float) -> None:
        """If we are the keeper, ask for all whose streams are silent; but not again at once."""
        is_fresh = self._known is not None and now - self._known.at < 3 * self.beat_every
        if self.state is SharingState.KEEPER and not is_fresh:
            self.check_is_due = any(entry.quiet for entry in document.members.values())

    # The way out.

    def _plan_to_leave(self, found: Document | None, now: float, *, has_forgotten: bool) -> Plan | None:
        """Say that we leave; and if nobody else is there, that we close."""
        if found is None:
            self._end("early" if self._wants_close else "nothing")
            return None
        is_news = has_forgotten or self._is_unknown_in(found)
        if found.closing is not None and found.closing.by == self.me:
            # Our word was taken, and its answer was lost. It is as if we had not asked yet, and are still there.
            is_news = has_forgotten or self._document is None or found.epoch != self._document.epoch
            found = replace(found, closing=None)
        keeper = None if found.keeper == self.me else found.keeper
        document = replace(self._tell_of_the_key(found, now), members=dict(self._others(found)), keeper=keeper)
        because = self._reason_to_leave_it(document, is_news=is_news)
        if because is not None:
            return self._sealed(document, SharingEvent.GONE, now, because=because)
        close = Close(self.me, self.close_within)
        return self._sealed(replace(document, closing=close), SharingEvent.ALLOWED, now)

    def _reason_to_leave_it(self, document: Document, *, is_news: bool) -> LeftBecause | None:
        """Why the key must not be closed; ``None`` if it may be."""
        if not self._wants_close or document.closing is not None:
            return "nothing"
        if document.members:
            return "others"
        # Too early: if the register has forgotten somebody, that one may not have had a beat since.
        return "early" if is_news or self._epoch_beats < self.patience else None

    def _plan_to_report(self, found: Document | None, now: float) -> Plan | None:
        if found is None or found.closing is None or found.closing.by != self.me:
            self._end("nothing")
            return None
        document = replace(found, closing=None)
        if self._done:
            document = replace(document, fingerprint=None, age=None, generation=document.generation + 1)
        return self._sealed(document, SharingEvent.GONE, now)

    def _end(self, because: LeftBecause) -> None:
        """There is nothing to be said."""
        self.left_because, self.due_at = because, inf
        self._fire(SharingEvent.GONE)

    # Parts.

    @property
    def _token(self) -> str:
        """A word that nobody has ever written."""
        return f"{self.me}.{self._attempt}"

    def _sealed(self, document: Document, event: SharingEvent, now: float, **more: Any) -> Plan:
        document = replace(document, writes=document.writes + 1, writer=self._token)
        return Plan(dump_document(document), document, event, now, self._known, **more)

    def _fire(self, event: SharingEvent) -> None:
        self.state = sharing_after(self.state, event)
