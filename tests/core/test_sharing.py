"""One member of those who share a key, driven by hand: what it writes, and what it makes of what others wrote."""

from __future__ import annotations

from math import inf
from typing import Any

import msgspec
import pytest

from trio_listenkey._core._sharing import Member
from trio_listenkey._core._sharing_record import (
    Document,
    Entry,
    ForeignDocumentError,
    account_name,
    dump_document,
    fingerprint_of,
    load_document,
    load_index,
    with_account,
)
from trio_listenkey._core._sharing_states import SHARING_TRANSITIONS, SharingEvent, SharingState
from trio_listenkey._core._tables import after

BEAT, PATIENCE, KEEPALIVE = 5.0, 4, 100.0
HOLES = [(state, event) for state in SharingState for event in SharingEvent if event not in SHARING_TRANSITIONS[state]]


class Register:
    """Holds one document, and takes beats of members at given times."""

    def __init__(self) -> None:
        self.raw: bytes | None = None
        self.is_up = True

    @property
    def document(self) -> Document:
        document = load_document(self.raw)
        assert document is not None
        return document

    def change(self, **changes: Any) -> None:
        """Somebody else has written."""
        document = msgspec.structs.replace(self.document, writes=self.document.writes + 1, writer="else.1")
        self.raw = dump_document(msgspec.structs.replace(document, **changes))

    def beat(self, member: Member, now: float) -> str:
        """One visit; return the name of the state that it leads to."""
        if not self.is_up:
            member.failed(now, 0.5)
        elif (plan := member.plan(self.raw, now)) is not None:
            self.raw = plan.raw
            member.taken(plan, now, 0.5)
        return member.state.name

    def beats(self, member: Member, now: float, count: int) -> float:
        """So many, each in its time; return when the next one is."""
        for _ in range(count):
            self.beat(member, now)
            now += BEAT
        return now


def a_member(me: str = "a", **kwargs: Any) -> Member:
    arguments = {"beat_every": BEAT, "patience": PATIENCE, "keepalive_every": KEEPALIVE, "now": 0.0, **kwargs}
    return Member(me=me, name="key-1", who="host:1", **arguments)


def stop(member: Member, now: float, *, close: bool = True) -> None:
    member.stop(now, close=close, by=now + 5)


# --- The table


def test_every_state_is_in_the_table_and_every_life_can_end() -> None:
    """The table has a row for each state, and each leads to the end."""
    assert set(SHARING_TRANSITIONS) == set(SharingState)
    assert SHARING_TRANSITIONS[SharingState.LEFT] == {}
    ends = {SharingState.LEFT}
    for _ in SharingState:
        ends |= {state for state, ways in SHARING_TRANSITIONS.items() if ends & set(ways.values())}
    assert ends == set(SharingState)


def test_a_close_has_one_door() -> None:
    """Only who leaves comes to close, and only by the register's word."""
    doors = [
        (state, event) for state, ways in SHARING_TRANSITIONS.items() for event in ways
        if ways[event] is SharingState.CLOSING
    ]  # fmt: skip
    assert doors == [(SharingState.LEAVING, SharingEvent.ALLOWED)]


@pytest.mark.parametrize(("state", "event"), HOLES, ids=lambda value: value.name)
def test_a_hole_names_state_and_event(state: SharingState, event: SharingEvent) -> None:
    """What cannot happen is a bug of ours, and says which."""
    with pytest.raises(AssertionError, match=rf"\b{state.name}\b.*\b{event.name}\b"):
        after(SHARING_TRANSITIONS, state, event)


# --- Who is the keeper


def test_the_first_is_the_keeper_and_stays_it() -> None:
    """Whoever comes later follows."""
    register, first, second = Register(), a_member("a"), a_member("b")
    assert register.beat(first, 0) == "KEEPER"
    assert register.beat(second, 1) == "FOLLOWER"
    assert register.beat(first, 5) == "KEEPER"
    assert (register.document.fence, second.members) == (1, 2)


def test_a_silent_keeper_is_replaced_after_patience_beats() -> None:
    """Not one earlier; and it is no member any more."""
    register, first, second = Register(), a_member("a"), a_member("b")
    register.beat(first, 0)
    register.beat(second, 1)
    for number in range(1, PATIENCE):
        assert register.beat(second, 1 + number * BEAT) == "FOLLOWER"
    assert register.beat(second, 1 + PATIENCE * BEAT) == "KEEPER"
    assert list(register.document.members) == ["b"]
    assert register.beat(first, 100) == "FOLLOWER"


def test_beats_that_come_too_soon_prove_no_silence() -> None:
    """There was something to tell; the others have not had their turn."""
    register, first, second = Register(), a_member("a"), a_member("b")
    register.beat(first, 0)
    for number in range(20):
        second.tell(f"key {number}", 1 + number * 0.1)
        assert second.due_at <= 1 + number * 0.1
        assert register.beat(second, 1 + number * 0.1) == "FOLLOWER"


def test_a_slow_member_is_given_as_many_of_its_own_beats() -> None:
    """Not all need to beat equally often."""
    register, slow, quick = Register(), a_member("a", beat_every=60.0), a_member("b")
    register.beat(slow, 0)
    now = 1.0
    while now < 0.8 * 60 * PATIENCE:
        assert register.beat(quick, now) == "FOLLOWER"
        now += BEAT
    now = register.beats(quick, now, 20)
    assert quick.state is SharingState.KEEPER


def test_a_keeper_that_does_not_confirm_is_overruled_after_patience_beats() -> None:
    """Its beats come, its keepalives do not."""
    register, first, second = Register(), a_member("a"), a_member("b")
    register.beat(first, 0)
    second.tell("key", 0)
    now = 1.0
    while now < KEEPALIVE:
        register.beat(first, now)
        assert register.beat(second, now + 1) == "FOLLOWER"
        now += BEAT
    roles = []
    for _ in range(PATIENCE + 1):
        register.beat(first, now)
        roles.append(register.beat(second, now + 1))
        now += BEAT
    assert roles[: PATIENCE - 1] == ["FOLLOWER"] * (PATIENCE - 1)
    assert "KEEPER" in roles
    assert register.beat(first, now) == "FOLLOWER"


def test_who_wakes_does_not_take_the_office_back() -> None:
    """What it heard last is old; the second beat tells how young the confirmation is."""
    register, first, second = Register(), a_member("a"), a_member("b")
    first.tell("key", 0)
    register.beat(first, 0)
    second.tell("key", 1)
    now = register.beats(second, 1, PATIENCE + 1)
    assert second.state is SharingState.KEEPER
    now += 10 * KEEPALIVE
    second.tell("key", now)
    for number in range(3 * PATIENCE):
        register.beat(second, now + number * BEAT)
        assert register.beat(first, now + number * BEAT + 1) == "FOLLOWER"
    assert register.document.fence == 2
    assert now - 2 * BEAT <= first.confirmed_at("key") <= now


def test_beats_that_come_too_soon_overrule_nobody() -> None:
    """However late the confirmation is."""
    register, first, second = Register(), a_member("a"), a_member("b")
    register.beat(first, 0)
    second.tell("key", 0)
    now = register.beats(second, 1, 2)
    for number in range(20):
        register.beat(first, KEEPALIVE + now + number * 0.1)
        second.due_at = 0
        assert register.beat(second, KEEPALIVE + now + number * 0.1) == "FOLLOWER"


# --- What is heard


def test_a_confirmation_of_another_member_is_heard_with_its_age() -> None:
    """A bound, from our own last swap on; and never of another key."""
    register, first, second = Register(), a_member("a"), a_member("b")
    register.beat(first, 0)
    second.tell("key", 1)
    register.beat(second, 1)
    register.beat(second, 6)
    first.tell("key", 7)
    register.beat(first, 8)
    register.beat(second, 11)
    assert second.confirmed_at("key") == 6 - 1
    assert second.confirmed_at("another key") == -inf
    assert not second.is_another("key")
    assert second.is_another("another key")


def test_of_an_epoch_that_began_without_us_no_age_is_believed() -> None:
    """It may be of any time."""
    register, first = Register(), a_member("a")
    first.tell("key", 0)
    register.beat(first, 0)
    register.beat(first, 50)
    register.change(epoch="another", age=0.0, members={"b": Entry(1, BEAT)})
    register.beat(first, 55)
    assert first.confirmed_at("key") == 0


def test_a_register_that_went_back_begins_a_new_epoch() -> None:
    """What we wrote is missing, by its number or by its writer."""
    for undo in ("older", "another's", "our entry"):
        register, first = Register(), a_member("a")
        register.beat(first, 0)
        before = register.raw
        register.beat(first, 5)
        if undo == "older":
            register.raw = before
        elif undo == "another's":
            register.raw = dump_document(msgspec.structs.replace(register.document, writer="b.7"))
        else:
            register.change(members={"a": Entry(1, BEAT)}, writes=99)
        epoch = register.document.epoch
        register.beat(first, 10)
        assert register.document.epoch != epoch, undo


def test_one_that_finds_a_new_epoch_begins_no_other() -> None:
    """Somebody has noticed already."""
    register, first = Register(), a_member("a")
    register.beats(first, 0, 3)
    register.raw = dump_document(Document(epoch="another", writes=1, writer="b.1", members={"b": Entry(1, BEAT)}))
    register.beat(first, 15)
    assert register.document.epoch == "another"


def test_a_lost_answer_is_no_loss() -> None:
    """What was written although nobody said so is found, and is ours."""
    register, first = Register(), a_member("a")
    register.beat(first, 0)
    plan = first.plan(register.raw, 5)
    assert plan is not None
    register.raw = plan.raw
    first.failed(5, 0.5)
    assert first.state is SharingState.ALONE
    epoch = register.document.epoch
    assert register.beat(first, 10) == "KEEPER"
    assert register.document.epoch == epoch


def test_what_is_told_while_a_beat_is_under_way_is_told_next() -> None:
    """And at once."""
    register, first = Register(), a_member("a")
    register.beat(first, 0)
    plan = first.plan(register.raw, 5)
    first.tell("key", 5.1)
    assert plan is not None
    register.raw = plan.raw
    first.taken(plan, 5.2, 0.5)
    assert first.due_at == 5.2
    register.beat(first, 5.2)
    assert register.document.fingerprint == fingerprint_of("key-1", "key")


def test_who_has_never_been_there_knows_nothing() -> None:
    """Of no key, and in no epoch."""
    first = a_member("a")
    assert (first.news, first.epoch, first.members) == ("", "", 0)
    assert not first.is_another("key")


def test_an_older_confirmation_is_no_news() -> None:
    """Two blocks of a process may tell theirs in any order."""
    first = a_member("a")
    first.tell("key", 5)
    first.tell("key", 4)
    assert first.confirmed_at("key") == 5


# --- Silence of streams


def test_the_keeper_asks_for_all_that_are_quiet() -> None:
    """Once, and not again before there was time for the answer to be heard."""
    register, first, second = Register(), a_member("a"), a_member("b")
    first.tell("key", 0)
    register.beat(first, 0)
    register.beat(second, 1)
    second.silence_at = 60
    now = 5.0
    while not first.check_is_due:
        register.beat(first, now)
        register.beat(second, now + 1)
        now += BEAT
    asked_at = now - BEAT
    assert 60 - 4 * BEAT < asked_at < 60 - BEAT
    assert not second.check_is_due
    first.check_is_due = False
    first.tell("key", now)
    register.beat(first, now)
    assert not first.check_is_due


# --- Leaving


def test_who_is_last_may_close_for_a_short_time() -> None:
    """Counted from when the register was asked."""
    register, first = Register(), a_member("a")
    now = register.beats(first, 0, PATIENCE + 1)
    stop(first, now)
    assert first.why_not_to_close(now) == "unknown yet"
    assert register.beat(first, now) == "CLOSING"
    assert first.why_not_to_close(now + 1.9) is None
    assert first.why_not_to_close(now + 2.0) == "late"
    assert register.document.closing is not None
    first.close_ended(now + 1, done=True, by=now + 2)
    assert register.beat(first, now + 1) == "LEFT"
    document = register.document
    assert document.closing is None
    assert document.fingerprint is None


@pytest.mark.parametrize("beats", range(PATIENCE + 1))
def test_who_has_just_come_may_not(beats: int) -> None:
    """The first beat does not count."""
    register, first = Register(), a_member("a")
    now = register.beats(first, 0, beats)
    stop(first, now)
    register.beat(first, now)
    assert first.why_not_to_close(now) == "early"


def test_a_failed_beat_begins_the_count_anew() -> None:
    """Others may have had no more luck with the register."""
    register, first, second = Register(), a_member("a"), a_member("b")
    register.beat(first, 0)
    now = register.beats(second, 1, PATIENCE)
    register.is_up = False
    register.beat(second, now)
    register.is_up = True
    assert register.beat(second, now + BEAT) == "FOLLOWER"
    assert "a" in register.document.members
    stop(second, now + 2 * BEAT)
    register.beat(second, now + 2 * BEAT)
    assert second.left_because == "others"


def test_who_has_nothing_to_close_says_that_it_leaves() -> None:
    """And leaves the rest as it is."""
    register, first, second = Register(), a_member("a"), a_member("b")
    register.beat(first, 0)
    register.beat(second, 1)
    stop(second, 2, close=False)
    assert register.beat(second, 2) == "LEFT"
    assert list(register.document.members) == ["a"]
    assert register.document.keeper == "a"
    assert second.why_not_to_close(3) == "others"


def test_a_register_that_forgot_ends_a_leaving_without_a_close() -> None:
    """There is nothing to be taken out of it."""
    for close, because in ((True, "early"), (False, "nothing")):
        register, first = Register(), a_member("a")
        now = register.beats(first, 0, PATIENCE + 2)
        register.raw = None
        stop(first, now, close=close)
        assert register.beat(first, now) == "LEFT"
        assert (first.left_because, first.due_at, register.raw) == (because, inf, None)


def test_a_word_that_was_taken_and_not_confirmed_is_said_again() -> None:
    """It is still the last one; and if somebody came since, it is not."""
    for somebody_came in (False, True):
        register, first = Register(), a_member("a")
        now = register.beats(first, 0, PATIENCE + 2)
        stop(first, now)
        plan = first.plan(register.raw, now)
        assert plan is not None
        register.raw = plan.raw
        first.failed(now + 0.1, 0.5)
        assert first.state is SharingState.LEAVING
        if somebody_came:
            assert register.beat(a_member("b"), now + 0.2) == "WAITING"
        assert register.beat(first, now + 0.4) == ("LEFT" if somebody_came else "CLOSING")
        assert (register.document.closing is None) is somebody_came


def test_leaving_ends_though_the_register_does_not_answer() -> None:
    """P6."""
    register, first = Register(), a_member("a")
    now = register.beats(first, 0, PATIENCE + 2)
    register.is_up = False
    first.stop(now, close=True, by=now + 1)
    tries = 0
    while register.beat(first, now) != "LEFT":
        now, tries = first.due_at, tries + 1
    assert tries == 3
    assert first.why_not_to_close(now) == "away"


def test_a_register_that_is_away_already_is_tried_once() -> None:
    """Who leaves is in a hurry."""
    register, first = Register(), a_member("a")
    now = register.beats(first, 0, PATIENCE + 2)
    register.is_up = False
    assert register.beat(first, now) == "ALONE"
    stop(first, now + 1)
    assert register.beat(first, now + 1) == "LEFT"


def test_a_block_that_ends_while_a_beat_is_under_way_leaves_next() -> None:
    """The beat was taken, and is not the last word."""
    register, first = Register(), a_member("a")
    now = register.beats(first, 0, PATIENCE + 2)
    plan = first.plan(register.raw, now)
    stop(first, now)
    assert plan is not None
    register.raw = plan.raw
    first.taken(plan, now + 0.1, 0.5)
    assert first.state is SharingState.LEAVING
    assert first.due_at == now + 0.1
    assert register.beat(first, now + 0.1) == "CLOSING"


def test_a_report_that_nobody_waits_for_is_not_written() -> None:
    """Somebody has put an end to our close already; or the register has forgotten it."""
    for forgets in (False, True):
        register, first = Register(), a_member("a")
        now = register.beats(first, 0, PATIENCE + 2)
        stop(first, now)
        register.beat(first, now)
        first.close_ended(now + 1, done=True, by=now + 2)
        if forgets:
            register.raw = None
        else:
            register.change(closing=None)
        before = register.raw
        assert register.beat(first, now + 1) == "LEFT"
        assert register.raw == before


def test_a_close_that_was_not_sent_leaves_the_key_known() -> None:
    """It lives, for all that anybody knows."""
    register, first = Register(), a_member("a")
    first.tell("key", 0)
    now = register.beats(first, 0, PATIENCE + 2)
    stop(first, now)
    register.beat(first, now)
    first.close_ended(now + 3, done=False, by=now + 4)
    register.beat(first, now + 3)
    assert register.document.fingerprint == fingerprint_of("key-1", "key")


def test_what_was_not_told_yet_is_told_on_leaving() -> None:
    """A key that was made in the last moment."""
    register, first, second = Register(), a_member("a"), a_member("b")
    register.beat(first, 0)
    register.beat(second, 1)
    second.tell("key", 2)
    stop(second, 2)
    register.beat(second, 2)
    assert register.document.fingerprint == fingerprint_of("key-1", "key")


# --- Another one's close


def test_who_comes_meanwhile_waits_for_its_end() -> None:
    """No key may be created; and its word is enough to go on."""
    register, first, second = Register(), a_member("a"), a_member("b")
    now = register.beats(first, 0, PATIENCE + 2)
    stop(first, now)
    register.beat(first, now)
    assert not second.may_create
    assert register.beat(second, now + 0.1) == "WAITING"
    assert not second.may_create
    assert second.barred_until > now + PATIENCE * BEAT
    first.close_ended(now + 1, done=True, by=now + 2)
    register.beat(first, now + 1)
    assert register.beat(second, now + BEAT) == "KEEPER"
    assert second.barred_until == -inf


def test_a_closer_that_died_is_waited_for_for_patience_beats() -> None:
    """And for its time and twice as much, where beats are quick. Its key is presumed closed."""
    register, first, second = Register(), a_member("a"), a_member("b", beat_every=0.1)
    first.tell("key", 0)
    now = register.beats(first, 0, PATIENCE + 2)
    stop(first, now)
    register.beat(first, now)
    begun_at = now
    while register.beat(second, now) == "WAITING":
        now += 0.1
    assert now - begun_at == pytest.approx(6, abs=0.2)
    assert register.document.fingerprint is None


def test_who_leaves_while_another_one_closes_closes_nothing() -> None:
    """It has not even created a key."""
    register, first, second = Register(), a_member("a"), a_member("b")
    now = register.beats(first, 0, PATIENCE + 2)
    stop(first, now)
    register.beat(first, now)
    register.beat(second, now)
    stop(second, now)
    assert register.beat(second, now) == "LEFT"
    assert second.left_because == "nothing"


def test_who_was_taken_for_dead_asks_about_the_key() -> None:
    """Somebody may have closed it: the register says that there is none."""
    register, first, second = Register(), a_member("a"), a_member("b")
    first.tell("key", 0)
    register.beat(first, 0)
    now = register.beats(second, 1, 2 * PATIENCE + 2)
    stop(second, now)
    register.beat(second, now)
    second.close_ended(now, done=True, by=now + 1)
    register.beat(second, now)
    news = first.news
    register.beat(first, now + 1)
    assert first.is_another("key")
    assert first.news != news


# --- Somebody is faster


def test_who_is_outrun_tries_again_and_not_for_ever() -> None:
    """Soon; after twenty times the register is as good as away."""
    first = a_member("a")
    for _ in range(20):
        first.outrun(1.0, 0.5)
        assert 1.0 < first.due_at < 1.1
        assert first.state is SharingState.JOINING
    first.outrun(1.0, 0.5)
    assert first.state is SharingState.ALONE


# --- What is written


def test_what_is_none_of_ours_is_refused() -> None:
    """Whatever it is."""
    for raw in (b"", b"[]", b"{", b"\xff", b'{"version":2}', b'{"age":-1}', b'{"members":{"a":{}}}', b'{"writer":7}'):
        with pytest.raises(ForeignDocumentError):
            load_document(raw)
        with pytest.raises(ForeignDocumentError):
            a_member().plan(raw, 0)
    with pytest.raises(ForeignDocumentError):
        load_index(b'{"version":2,"accounts":{}}')


def test_a_field_of_a_later_version_is_passed_over() -> None:
    """As long as it says that it is the same version."""
    assert load_document(b'{"version":1,"epoch":"e","more":[1]}') == Document(epoch="e")


def test_the_index_names_each_account_once() -> None:
    """However often it is written."""
    raw = with_account(None, "key-1", "binance-usdm")
    assert with_account(raw, "key-1", "binance-usdm") == raw
    raw = with_account(raw, "key-2", "binance-coinm")
    assert load_index(raw) == {"key-1": "binance-usdm", "key-2": "binance-coinm"}
    assert load_index(None) == {}


def test_names_and_fingerprints_tell_nothing() -> None:
    """They differ by account, dialect and key, and hold none of them."""
    names = {account_name(dialect, key) for dialect in ("usdm", "coinm") for key in ("k1", "k2")}
    prints = {fingerprint_of(name, "listen key") for name in names}
    assert len(names) == len(prints) == 4
    assert not any("usdm" in name or "k1" in name for name in names)
