"""Who keeps an account's key alive, and who may close it: processes agree by compare-and-swap of one document.

How to drive it (``_share`` of the shell does; so do the tests, without a clock)::

    member.due_at                    when to go to the register next
    plan = member.plan(raw, now)     what was just read there goes in; what to swap in comes out; ``None`` for nothing
    member.taken(plan, now, draw)    the register took it
    member.outrun(now, draw)         it did not: somebody else wrote in between
    member.failed(now, draw)         it did not answer, or refused, or holds what cannot be read
    member.tell(key, sent_at)        the exchange has confirmed a key to us
    member.stop(...)                 the block is over
    member.close_ended(...)          in CLOSING: the close has ended, or was not sent

The register only has to offer a compare-and-swap. The agreement rests on four ideas; three of them have a file of their
own:

* **Silence is counted, not timed**: ``_sharing_watch``.
* **An epoch**, for a register may forget: ``_sharing_writes``.
* **A confirmation has an age**: ``_sharing_confirmation``.
* **Two keepers are harmless, only a close is not.** A create returns the key that there is, and a keepalive may be sent
  by anybody. So a keeper only saves requests, and a member in doubt asks the exchange itself. There is one way to a
  close: the swap which finds that nobody else is there writes, in the same step, that the key is being closed. A member
  that joins meanwhile waits for its end. That is decided here.

Times are seconds on the axis of the process's clock, which goes on while the machine sleeps. ``draw`` is a random
number in [0, 1).

Where the promises of the contract are kept
===========================================

* P1, a close by the last one alone: ``_plan_to_leave`` writes that the key is being closed, in the same swap that finds
  nobody else; ``why_not_to_close`` allows it for ``close_within`` seconds after that; and ``may_create`` makes a
  joining member wait for its end.
* P2, the key lives while one member does: ``_elect`` replaces a keeper that is gone, or that does not do its work; and
  ALONE keeps the key alive by itself.
* P3, one keeper: it is written in the document, and changed by a swap.
* P4, a register that is away, empty or from yesterday: ``failed``, ``Writes.has_forgotten``, and an epoch that begins
  anew. None of them leads to a close.
* P5, no secrets: only ``fingerprint_of`` a key gets into a document.
* P6, leaving is bounded: ``_leave_by``, an argument of ``stop``.

A swap may fail in two ways
===========================

``outrun``: somebody else wrote in between. Our copy is old; read it again. ``failed``: there was no answer. Our
document may have been written nevertheless: the next read may find it, and ``Writes`` recognises it by the number of
the try. In both cases the plan changes nothing here: only ``taken`` does.

The file is longer than others for its comments. Parts that can be understood alone are in the files named above. The
rest reads one document and writes the next, so that each rule depends on the others.
"""

from __future__ import annotations

from math import inf
from typing import Any, Final, Literal

from .._statistics import SharingStatistics
from .._value import replace
from ._sharing_confirmation import Confirmation
from ._sharing_plan import LeftBecause, Plan
from ._sharing_record import Close, Document, Entry, dump_document, load_document
from ._sharing_states import SHARING_TRANSITIONS, SharingEvent, SharingState
from ._sharing_watch import Watch
from ._sharing_writes import Writes
from ._tables import after

__all__ = ["Member"]

_CLOSE_WITHIN: Final = 2.0  # seconds from asking the register to sending the close; less where beats are faster
_JITTER: Final = 0.1
_QUIET: Final = 3.5  # beats before a silence check is due: one until the keeper reads it, two until its answer is read
_JOIN_WITHIN: Final = 10.0  # seconds; the first beat comes at once, and ends by itself before then
_RETRY: Final = 0.02  # seconds, at most, until another try after somebody else was faster
_RETRIES: Final = 20
_LEAVE_RETRY: Final = 0.25  # seconds until another try to leave

# Groups of states and events:
#   _OF_INTEREST  states that observers are told of; joining and leaving are short
#   _BEATS        how a beat may end, unlike the last write of a member that leaves
#   _SHARES       states of a member that is, or will be, in the register: it writes a confirmation at once
_OF_INTEREST: Final = frozenset({SharingState.KEEPER, SharingState.FOLLOWER, SharingState.WAITING, SharingState.ALONE})
_BEATS: Final = frozenset({SharingEvent.ELECTED, SharingEvent.FOLLOWS, SharingEvent.BARRED})
_SHARES: Final = frozenset({SharingState.JOINING, SharingState.KEEPER, SharingState.FOLLOWER, SharingState.WAITING})


class Member:
    """One process's share in an account's key.

    Args:
        me: Its id, which nobody has ever had before.
        name: That of the account's document.
        who: Its name, for people.
        beat_every: Seconds between two beats. It is jittered, so that members do not come at once.
        patience: Beats in which another one must not have moved to be presumed dead.
        keepalive_every: Seconds after which a confirmation of the key is overdue.
        now: The present.
    """

    __slots__ = (
        "_confirmation",
        "_is_done",
        "_leave_by",
        "_outrun",
        "_since",
        "_wants_close",
        "_watch",
        "_who",
        "_writes",
        "beat_every",
        "check_is_due",
        "close_by",
        "due_at",
        "keepalive_every",
        "last_beat_at",
        "left_because",
        "me",
        "name",
        "silence_at",
        "state",
    )

    state: SharingState
    """Only ``_fire`` changes it, by the table. It is the last answer of the register, and carries no history:
    ``_writes``, ``_confirmation`` and ``_watch`` remember what is needed from one beat to the next."""

    due_at: float
    """When to go to the register next; infinity while there is nothing to write. ``tell`` and ``stop`` may make it
    earlier: read it again after each step."""

    last_beat_at: float
    """When the register last took a beat; minus infinity before the first. It is for people only."""

    silence_at: float
    """When one of our streams will ask the exchange if no event comes. Set by the driver."""

    check_is_due: bool
    """A stream, of ours or of another member, has been silent for a while, and we are the keeper: ask the exchange,
    once for all (E1). ``KeyPeers`` does, and resets this."""

    close_by: float
    """In CLOSING: a close may be sent before then, and not later, for the others wait only so long for it. It counts
    from when the swap was planned: the register may have taken it at any moment since."""

    left_because: LeftBecause
    """In LEFT: why nothing was closed. Of no meaning elsewhere, and after a close."""

    _writes: Writes
    """What we know to be in the register."""

    _confirmation: Confirmation
    """The last confirmed key, and when that was."""

    _watch: Watch
    """What we have seen of the others, as of the last beat that the register took."""

    _since: float
    """When it began. A member without a first beat may create a key some time after that."""

    _outrun: int
    """How often in a row somebody else wrote first. More than ``_RETRIES`` counts as a register that is away: many
    members have short beats, or one writes in a loop."""

    _wants_close: bool
    """While leaving: there is a key to close, if nobody else is there."""

    _leave_by: float
    """While leaving: until when to retry if the register does not answer."""

    _is_done: bool
    """In REPORTING: the key is dead."""

    def __init__(
        self, *, me: str, name: str, who: str, beat_every: float, patience: int, keepalive_every: float, now: float
    ) -> None:
        self.me: str = me
        self.name: str = name
        self._who = who
        self.beat_every: float = beat_every
        self.keepalive_every: float = keepalive_every
        # The first beat is due at once: until the register took it, no key may be created.
        self.state, self.due_at = SharingState.JOINING, now
        self._since = now
        self.last_beat_at = -inf
        self.silence_at = self.close_by = self._leave_by = inf
        self.check_is_due = self._wants_close = self._is_done = False
        self.left_because = "nothing"
        self._writes, self._confirmation = Writes(me), Confirmation(name)
        self._watch = Watch(beat_every, patience, slowest=beat_every)
        self._outrun = 0

    # Questions. None of them changes anything.

    @property
    def may_create(self) -> bool:
        """Whether a key may be created: as far as this member knows, none is being closed.

        A create returns the existing key. If that is being closed, we would hold a dead key a moment later.
        """
        return self.state not in {SharingState.JOINING, SharingState.WAITING}

    @property
    def barred_until(self) -> float:
        """Until when no key may be created, without other news; minus infinity if one may be created now."""
        if self.may_create:
            return -inf
        barrier, patience = self._watch.barrier, self._watch.patience
        if barrier is None:
            return self._since + _JOIN_WITHIN
        # As long as it takes until the close is over by ``Barrier.is_over``: the beats, and two more for those that
        # came too soon to count; and the time of the close with the network's.
        counted = (patience + 2) * self.beat_every * (1 + _JITTER)
        return barrier.since + counted + 3 * barrier.close.within

    @property
    def follows(self) -> bool:
        """Whether another one keeps the key alive, or is closing it: then keepalives of our own are not needed."""
        return self.state in {SharingState.FOLLOWER, SharingState.WAITING}

    @property
    def is_away(self) -> bool:
        """Whether the register cannot be used."""
        return self.state is SharingState.ALONE

    @property
    def summary(self) -> tuple[SharingState, int] | None:
        """The state and number of members that observers are told of; ``None`` while joining and leaving."""
        return (self.state, self.members) if self.state in _OF_INTEREST else None

    def statistics(self, to_local: float = 0.0) -> SharingStatistics:
        """The statistics of the sharing; ``to_local`` is added to times."""
        return SharingStatistics(self.state.name.lower(), self.members, self.last_beat_at + to_local, self.is_away)

    def why_not_to_close(self, now: float) -> Literal["others", "early", "away", "late", "unknown yet"] | None:
        """After ``stop``: why a close must not be sent at ``now``; ``None`` if it may be sent (P1).

        Only CLOSING allows a close, and only the swap of ``_plan_to_leave`` leads to CLOSING. Between this check and
        the request on the wire time passes, in which the process may be suspended: see the documentation.
        """
        match self.state:
            case SharingState.CLOSING:
                return None if now < self.close_by else "late"
            case SharingState.LEFT:
                return self.left_because if self.left_because != "nothing" else "others"
            case _:
                return "unknown yet"

    @property
    def members(self) -> int:
        """How many members there are, this one included, as of the last document."""
        document = self._writes.document
        return len(document.members) if document else 0

    @property
    def news(self) -> str:
        """A word for the key in the register: a different one for each key, and for each time that there is none.

        A caller that asks the exchange because of it remembers the word, and does not ask again for the same one (E2).
        """
        document = self._writes.document
        if document is None:
            return ""
        return document.fingerprint or f"none, {document.epoch} {document.generation}"

    @property
    def epoch(self) -> str:
        """The epoch in which this member last wrote; empty before its first beat."""
        return self._writes.document.epoch if self._writes.document else ""

    @property
    def close_within(self) -> float:
        """Seconds within which a close may be sent, and again for its answer.

        It is written into the document, for others wait three times as long. Where beats are fast it is shorter than
        the time in which a member that has fallen silent is counted out.
        """
        return min(_CLOSE_WITHIN, self._watch.patience * self.beat_every / 2)

    def confirmed_at(self, key: str) -> float:
        """When, at the earliest, the exchange last confirmed ``key`` to any member; minus infinity if it did not."""
        return self._confirmation.at(key)

    def is_another(self, key: str) -> bool:
        """Whether the register has another key than ``key``, or that it was closed."""
        is_told = self.state in {SharingState.KEEPER, SharingState.FOLLOWER}
        return is_told and self._confirmation.is_another(key, self._writes.document)

    # Steps.

    def tell(self, key: str, sent_at: float) -> None:
        """A request that was sent at ``sent_at`` found ``key`` alive: write that to the register at once.

        So no other member asks for the same, and a follower's own request in an emergency does not replace the keeper.
        """
        if self._confirmation.confirm(key, sent_at):
            self._watch = replace(self._watch, overdue=0)
            if self.state in _SHARES:
                self.due_at = min(self.due_at, sent_at)

    def stop(self, now: float, *, close: bool, by: float) -> None:
        """The block is over. ``close``: there is a key to close, if nobody else is there. ``by``: when to give up."""
        # A register that could not be used a beat ago is tried only once more: leaving is bounded in time.
        self._wants_close, self._leave_by = close, now if self.is_away else by
        self._fire(SharingEvent.STOP)
        self.due_at, self._outrun = now, 0

    def close_ended(self, now: float, *, done: bool, by: float) -> None:
        """In CLOSING: the close has ended; ``done`` if the key is dead. The others are told, until ``by``.

        If the register is away, they notice by themselves: they count the beats in which nothing changed.
        """
        self._fire(SharingEvent.ENDED)
        self._is_done, self._leave_by = done, by
        self.due_at, self._outrun = now, 0

    def failed(self, now: float, draw: float) -> None:
        """The register could not be used. Our document may have been written nevertheless.

        While leaving it is retried as long as there is time. After that it is unknown whether others are there: the key
        is left to expire (P4).
        """
        if self.state in {SharingState.LEAVING, SharingState.REPORTING}:
            if now + _LEAVE_RETRY < self._leave_by:
                self.due_at = now + _LEAVE_RETRY
                return
            self.left_because = "away"
        self._fire(SharingEvent.AWAY)
        self._watch = self._watch.interrupted()
        self._wait_a_beat(now, draw)

    def outrun(self, now: float, draw: float) -> None:
        """Somebody else wrote between our read and our swap: retry. After too many retries the register counts as away.

        The pause is short and random, so that two members which collide do not collide again.
        """
        self._outrun += 1
        if self._outrun > _RETRIES:
            self._outrun = 0
            self.failed(now, draw)
        else:
            self.due_at = now + _RETRY * draw

    def plan(self, raw: bytes | None, now: float) -> Plan | None:
        """The document to write in place of ``raw``, which the register holds; ``None`` for nothing.

        Raises:
            ForeignDocumentError: It is none of ours.
        """
        found = load_document(raw)
        has_forgotten = self._writes.has_forgotten(found)
        self._writes.read(found)
        match self.state:
            case SharingState.LEAVING:
                return self._plan_to_leave(found, now, has_forgotten=has_forgotten)
            case SharingState.REPORTING:
                return self._plan_to_report(found, now)
            case _:
                return self._plan_a_beat(found, now, has_forgotten=has_forgotten)

    def taken(self, plan: Plan, now: float, draw: float) -> None:
        """The register took the plan: only now does it change anything here."""
        if plan.watch is not None:
            self._watch = plan.watch
        self._writes.taken(plan.document, plan.begun_at)
        self._outrun = 0
        if plan.told is self._confirmation.known:  # else there was another one meanwhile, which has to be written
            self._confirmation.is_announced = True
        self.left_because = plan.because
        # A beat that was under way when the block ended is a beat all the same. But it must not lead back from LEAVING.
        if self.state is SharingState.LEAVING and plan.event in _BEATS:
            # The block ended between the read and the swap of a beat. The leaving has to be written.
            self.due_at = now
            return
        self._fire(plan.event)
        if self.state not in _SHARES:
            self.due_at = inf
            self.close_by = plan.begun_at + self.close_within
            return
        self.last_beat_at = now
        self._notice_silence(plan.document, now)
        self._wait_a_beat(now, draw)
        if not self._confirmation.is_announced:
            self.due_at = now

    def _wait_a_beat(self, now: float, draw: float) -> None:
        """Set the time of the next beat, unless this was the last write. The jitter goes both ways."""
        self.due_at = (
            now + self.beat_every * (1 + _JITTER * (draw - 0.5)) if self.state is not SharingState.LEFT else inf
        )

    # A beat.

    # In this order: what others know of the key; which epoch it is; who is still there; and last, who is the keeper.
    # Each step works on the document of the step before it.

    def _plan_a_beat(self, found: Document | None, now: float, *, has_forgotten: bool) -> Plan:
        writes, confirmation = self._writes, self._confirmation
        # New there: other members may not have seen us, nor we them. All counts begin again.
        is_new = found is None or has_forgotten or writes.is_new_in(found)
        if found is not None and not has_forgotten:
            confirmation.hear(found, writes)
        base = writes.base(found, has_forgotten=has_forgotten, fingerprint=confirmation.fingerprint)
        document = confirmation.told_in(base, now)
        others = self._others(document)
        watch = self._watch.beat(others, document.closing, now, is_new=is_new)
        if document.closing is not None and watch.barrier is None:
            # The member that wanted to close is gone, and may have closed the key.
            document = replace(document, closing=None, fingerprint=None, age=None, generation=document.generation + 1)
        is_quiet = self.silence_at - now < _QUIET * self.beat_every
        members = {other: others[other] for other in watch.alive_of(watch.seen)}
        members[self.me] = Entry(writes.attempt, self.beat_every, self._who, quiet=is_quiet)
        document = replace(document, members=members)
        # While the key is being closed no keeper is needed, and none is elected.
        event = SharingEvent.BARRED
        if watch.barrier is None:
            document, watch = self._elect(document, watch, now)
            event = SharingEvent.ELECTED if document.keeper == self.me else SharingEvent.FOLLOWS
        return self._sealed(document, event, now, watch=watch)

    def _others(self, document: Document) -> dict[str, Entry]:
        """The other members in ``document``: whether they live is for ``Watch`` to say."""
        return {other: entry for other, entry in document.members.items() if other != self.me}

    def _elect(self, document: Document, watch: Watch, now: float) -> tuple[Document, Watch]:
        """Keep the present keeper. If there is none, or it does not do its work, become the keeper.

        It does not work if a confirmation was overdue at ``patience`` of our beats in a row. One beat is not enough:
        after a suspend, we learn the age of a confirmation only at the second beat, from a member that wrote after our
        first.
        """
        keeper = document.keeper if document.keeper in document.members else None
        before = self._writes.document.keeper if self._writes.document else None
        is_same_other = keeper == before and keeper != self.me
        is_overdue = is_same_other and self._confirmation.is_older_than(self.keepalive_every, now)
        overdue = watch.overdue_after(self._watch, is_overdue=is_overdue, now=now)
        if keeper is not None and overdue < watch.patience:
            return replace(document, keeper=keeper), replace(watch, overdue=overdue)
        return replace(document, keeper=self.me, fence=document.fence + 1), watch

    def _notice_silence(self, document: Document, now: float) -> None:
        """If we are the keeper, ask the exchange for all members with silent streams; but not again at once.

        A member writes that it is quiet some beats ahead, so that the answer is there in time (``_QUIET``).
        """
        is_fresh = self._confirmation.is_younger_than(3 * self.beat_every, now)
        if self.state is SharingState.KEEPER and not is_fresh:
            self.check_is_due = any(entry.quiet for entry in document.members.values())

    # Leaving.

    def _plan_to_leave(self, found: Document | None, now: float, *, has_forgotten: bool) -> Plan | None:
        """Write that we leave; and if nobody else is there, that we close.

        An empty register does not say who is there: then no key is closed.
        """
        if found is None:
            self._end("early" if self._wants_close else "nothing")
            return None
        is_new = has_forgotten or self._writes.is_new_in(found)
        if found.closing is not None and found.closing.by == self.me:
            # Our write was taken, and its answer was lost. Go on as if we had not written it, and were still a member.
            is_new = has_forgotten or not self._writes.is_of_our_epoch(found)
            found = replace(found, closing=None)
        # The others elect a keeper at their next beat: nobody has to be told that we were the keeper.
        keeper = None if found.keeper == self.me else found.keeper
        document = replace(self._confirmation.told_in(found, now), members=self._others(found), keeper=keeper)
        because = self._reason_to_leave_it(document, is_new=is_new)
        if because is not None:
            return self._sealed(document, SharingEvent.GONE, now, because=because)
        close = Close(self.me, self.close_within)
        return self._sealed(replace(document, closing=close), SharingEvent.ALLOWED, now)

    def _reason_to_leave_it(self, document: Document, *, is_new: bool) -> LeftBecause | None:
        """Why the key must not be closed; ``None`` if it may be.

        ``document`` is what would be written: without us, and with all other members in the register. A silent member
        counts here: it may be suspended, and its patience is not over.
        """
        if not self._wants_close or document.closing is not None:
            return "nothing"
        if document.members:
            return "others"
        # Too early: a member that the register has forgotten may not have had a beat since then.
        return "early" if is_new or self._watch.epoch_beats < self._watch.patience else None

    def _plan_to_report(self, found: Document | None, now: float) -> Plan | None:
        """Write that the close has ended: members that wait for it may create a key.

        A document without our close was written by a member that presumed us dead, and does not wait for us any more.
        """
        if found is None or found.closing is None or found.closing.by != self.me:
            self._end("nothing")
            return None
        document = replace(found, closing=None)
        # Only a confirmed close removes the fingerprint: otherwise the key may be alive, and the others go on with it.
        if self._is_done:
            document = replace(document, fingerprint=None, age=None, generation=document.generation + 1)
        return self._sealed(document, SharingEvent.GONE, now)

    def _end(self, because: LeftBecause) -> None:
        """There is nothing to write: leave without the register."""
        self.left_because, self.due_at = because, inf
        self._fire(SharingEvent.GONE)

    # Parts. Every plan is sealed in one place, so that none goes out without a writer and a number.

    def _sealed(self, document: Document, event: SharingEvent, now: float, **more: Any) -> Plan:
        """``document`` as a plan: with our id and the number of the try, and with its effect once it is taken.

        It keeps its confirmation: another one may come before the register has answered.
        """
        document = self._writes.sealed(document)
        return Plan(dump_document(document), document, event, now, self._confirmation.known, **more)

    def _fire(self, event: SharingEvent) -> None:
        # The one place where the state changes. An event that the table does not have in this state is a bug, and
        # raises.
        self.state = after(SHARING_TRANSITIONS, self.state, event)
