"""What is kept for a consumer, what is not, and what he is told then."""

import pytest
from hypothesis import given, strategies as st

from trio_listenkey._core._buffer import Buffer, OnFull, Room, size_of
from trio_listenkey._events import Gap, GapCause, StreamItem, UserEvent

DROPPING: list[OnFull] = ["drop_oldest", "drop_newest"]


def event(number: int) -> UserEvent:
    """An event that was received at ``number`` and not sent half a second before that."""
    return UserEvent(b'{"e":"x","E":%d}' % number, float(number), number - 0.5)


def events(*numbers: int) -> list[UserEvent]:
    return [event(number) for number in numbers]


def gap(
    started_at: float, ended_at: float, cause: GapCause = "disconnected", missed: int | None = None, generation: int = 1
) -> Gap:
    return Gap(
        cause=cause,
        started_at=started_at,
        ended_at=ended_at,
        unix_started_at=1000 + started_at,
        unix_ended_at=1000 + ended_at,
        last_event_time=None,
        generation_before=generation,
        generation_after=generation + 1,
        missed=missed,
    )


def overflow(first: UserEvent, before: UserEvent | None) -> Gap:
    return Gap(
        cause="overflow",
        started_at=first.sent_after,
        ended_at=first.received_at,
        unix_started_at=1000 + first.sent_after,
        unix_ended_at=1000 + first.received_at,
        last_event_time=before.time if before else None,
        generation_before=1,
        generation_after=1,
        missed=1,
    )


def buffer(on_full: OnFull, limit: int = 3, limit_bytes: int = 10_000) -> Buffer:
    return Buffer(Room(limit, limit_bytes, on_full), overflow)


def add(kept: Buffer, them: list[UserEvent]) -> None:
    kept.add(them, size_of(them))


def take(kept: Buffer) -> StreamItem:
    item = kept.items.popleft()
    kept.took(item)
    return item


def shown(kept: Buffer) -> list[int | Gap]:
    return [int(item.received_at) if isinstance(item, UserEvent) else item for item in kept.items]


@pytest.mark.parametrize("on_full", ["wait", "drop_oldest", "drop_newest", "fail"])
class TestRoom:
    def test_what_has_room_is_kept_in_order(self, on_full: OnFull) -> None:
        """Up to the limit every policy does the same: nothing."""
        kept = buffer(on_full)
        add(kept, events(1, 2))
        add(kept, events(3))
        assert shown(kept) == [1, 2, 3]
        assert (kept.dropped, kept.overflowed) == (0, False)

    def test_at_its_limit_it_is_not_too_much(self, on_full: OnFull) -> None:
        """Whoever reads on there answers pings until there is more."""
        kept = buffer(on_full)
        add(kept, events(1, 2, 3))
        assert not kept.is_overfull
        kept.items.append(event(4))
        assert kept.is_overfull

    def test_the_latest_is_the_last_that_was_added(self, on_full: OnFull) -> None:
        """It is known when it was taken long since, and none was before the first."""
        kept = buffer(on_full)
        assert kept.latest is None
        add(kept, events(1, 2))
        take(kept), take(kept)
        add(kept, [])
        assert kept.latest == event(2)

    def test_a_gap_has_room_always(self, on_full: OnFull) -> None:
        """A gap is kept where it was told, be the buffer full."""
        kept = buffer(on_full)
        add(kept, events(1, 2, 3))
        kept.add_gap(gap(3, 4))
        assert shown(kept) == [1, 2, 3, gap(3, 4)]

    def test_gaps_without_an_event_between_are_one(self, on_full: OnFull) -> None:
        """A stream that fails for days, and nobody looks, is one gap from the first to the last."""
        kept = buffer(on_full)
        add(kept, events(1))
        for number in range(1000):
            kept.add_gap(gap(number, number + 2, generation=number))
        add(kept, events(2000))
        assert len(kept.items) == 3
        joined = kept.items[1]
        assert isinstance(joined, Gap)
        assert (joined.started_at, joined.ended_at) == (0, 1001)
        assert (joined.generation_before, joined.generation_after) == (0, 1000)


class TestWait:
    def test_nothing_is_dropped(self) -> None:
        """What one read brings is kept whole; who reads is to wait."""
        kept = buffer("wait")
        add(kept, events(1, 2, 3, 4, 5))
        assert shown(kept) == [1, 2, 3, 4, 5]
        assert kept.dropped == 0


class TestFail:
    def test_after_too_much_nothing_is_accepted(self) -> None:
        """What was there can be taken, what comes later is lost, and that is said."""
        kept = buffer("fail")
        add(kept, events(1, 2, 3, 4))
        assert kept.overflowed
        add(kept, events(5, 6))
        assert shown(kept) == [1, 2, 3, 4]
        assert kept.dropped == 2


class TestDropOldest:
    def test_the_oldest_make_room(self) -> None:
        """The gap stands in their place, takes a place itself, and says how many and since when."""
        kept = buffer("drop_oldest")
        add(kept, events(1, 2, 3))
        add(kept, events(4, 5))
        told, *rest = shown(kept)
        assert rest == [4, 5]
        assert isinstance(told, Gap)
        assert (told.cause, told.missed, told.last_event_time) == ("overflow", 3, None)
        assert (told.started_at, told.ended_at) == (0.5, 3)
        assert (told.unix_started_at, told.unix_ended_at) == (1000.5, 1003)
        assert kept.dropped == 3

    def test_what_was_taken_comes_before_it(self) -> None:
        """The gap names the time of the last event that was taken, not of a gap that was."""
        kept = buffer("drop_oldest")
        add(kept, events(1))
        kept.add_gap(gap(1, 2))
        take(kept), take(kept)
        add(kept, events(3, 4, 5, 6))
        told = kept.items[0]
        assert isinstance(told, Gap)
        assert told.last_event_time == 1

    def test_a_gap_grows(self) -> None:
        """What is dropped next to a gap of the same kind widens it."""
        kept = buffer("drop_oldest")
        for number in range(1, 10):
            add(kept, events(number))
        told, *rest = shown(kept)
        assert rest == [8, 9]
        assert isinstance(told, Gap)
        assert (told.started_at, told.ended_at, told.missed) == (0.5, 7, 7)

    def test_a_gap_of_another_kind_is_widened_too(self) -> None:
        """It keeps its cause, and how many are missing is not known any more."""
        kept = buffer("drop_oldest")
        kept.add_gap(gap(1, 2))
        add(kept, events(3, 4, 5, 6))
        assert shown(kept)[1:] == [5, 6]
        told = kept.items[0]
        assert isinstance(told, Gap)
        assert (told.cause, told.started_at, told.ended_at, told.missed) == ("disconnected", 1, 4, None)

    def test_gaps_that_meet_are_one(self) -> None:
        """Between two gaps nothing is left: they are one, with the cause of that which was not our doing."""
        kept = buffer("drop_oldest")
        add(kept, events(1, 2))
        kept.add_gap(gap(2, 3, generation=4))
        add(kept, events(4, 5))
        told, *rest = shown(kept)
        assert rest == [4, 5]
        assert isinstance(told, Gap)
        assert (told.cause, told.started_at, told.ended_at, told.missed) == ("disconnected", 0.5, 3, None)
        assert (told.generation_before, told.generation_after) == (1, 5)
        assert (told.unix_started_at, told.unix_ended_at) == (1000.5, 1003)

    def test_two_that_know_their_number_know_their_sum(self) -> None:
        """Both say how many are missing, and so does the gap that they make."""
        kept = buffer("drop_oldest", limit=2)
        add(kept, events(1))
        kept.add_gap(gap(1, 2, "overflow", missed=4))
        add(kept, events(3))
        told = kept.items[0]
        assert isinstance(told, Gap)
        assert (told.cause, told.missed) == ("overflow", 5)

    def test_time_does_not_go_back(self) -> None:
        """What was received before the gap's end moves it nowhere."""
        kept = buffer("drop_oldest", limit=2)
        kept.add_gap(gap(1, 50))
        add(kept, events(3, 4))
        told = kept.items[0]
        assert isinstance(told, Gap)
        assert (told.ended_at, told.unix_ended_at) == (50, 1050)


class TestDropNewest:
    def test_the_newest_have_no_room(self) -> None:
        """The gap stands in their place, at the end, after the last that was kept."""
        kept = buffer("drop_newest")
        add(kept, events(1, 2))
        add(kept, events(3, 4, 5))
        *rest, told = shown(kept)
        assert rest == [1, 2, 3]
        assert isinstance(told, Gap)
        assert (told.cause, told.missed, told.last_event_time) == ("overflow", 2, 3)
        assert (told.started_at, told.ended_at) == (3.5, 5)
        assert kept.dropped == 2

    def test_a_gap_grows(self) -> None:
        """What is dropped next widens it; beyond the limit there is one gap and no more."""
        kept = buffer("drop_newest")
        for number in range(1, 10):
            add(kept, events(number))
        *rest, told = shown(kept)
        assert rest == [1, 2, 3]
        assert isinstance(told, Gap)
        assert (told.missed, told.ended_at, told.last_event_time) == (6, 9, 3)

    def test_it_goes_on_when_there_is_room(self) -> None:
        """What comes later is kept after the gap."""
        kept = buffer("drop_newest")
        add(kept, events(1, 2, 3, 4))
        take(kept), take(kept)
        add(kept, events(5))
        assert [type(item) for item in kept.items] == [UserEvent, Gap, UserEvent]

    def test_a_gap_of_another_kind_is_widened_too(self) -> None:
        """A second gap in the same place would say no more."""
        kept = buffer("drop_newest")
        add(kept, events(1, 2, 3))
        kept.add_gap(gap(3, 4))
        add(kept, events(5))
        told = kept.items[-1]
        assert len(kept.items) == 4
        assert isinstance(told, Gap)
        assert (told.cause, told.started_at, told.ended_at, told.missed) == ("disconnected", 3, 5, None)


class TestBytes:
    """The buffer is bounded in bytes as it is in events: a message may have a megabyte."""

    SIZE = 100

    def of(self, *numbers: int) -> list[UserEvent]:
        return [UserEvent((b'{"e":"x","E":%d}' % number).ljust(self.SIZE), number, number - 0.5) for number in numbers]

    def kept(self, on_full: OnFull) -> Buffer:
        return buffer(on_full, 50, 3 * self.SIZE)

    def test_a_reader_that_can_wait_does(self) -> None:
        """Beyond the bytes that there is room for, whatever the number of events."""
        kept = self.kept("wait")
        add(kept, self.of(1, 2, 3))
        overfull = [kept.is_overfull]
        add(kept, self.of(4))
        overfull.append(kept.is_overfull)
        take(kept)
        overfull.append(kept.is_overfull)
        add(kept, self.of(5, 6))
        overfull.append(kept.is_overfull)
        kept.take_all()
        assert [*overfull, kept.is_overfull] == [False, True, False, True, False]
        assert kept.size == 0

    def test_the_oldest_are_dropped(self) -> None:
        """As many as it takes."""
        kept = self.kept("drop_oldest")
        add(kept, self.of(1, 2, 3, 4, 5))
        told, *rest = shown(kept)
        assert rest == [3, 4, 5]
        assert isinstance(told, Gap)
        assert (told.missed, kept.dropped, kept.size) == (2, 2, 300)

    def test_the_newest_are_dropped(self) -> None:
        """All from the first one on for which there is no room: what comes later is not let in before it."""
        kept = self.kept("drop_newest")
        add(kept, self.of(1, 2))
        add(kept, [*self.of(3, 4), event(5)])
        *rest, told = shown(kept)
        assert rest == [1, 2, 3]
        assert isinstance(told, Gap)
        assert (told.missed, kept.dropped, kept.size) == (2, 2, 300)

    def test_it_is_too_much(self) -> None:
        """Where that is to be an error, bytes are one, too."""
        kept = self.kept("fail")
        assert [self.overflows(kept, number) for number in (1, 2, 3, 4)] == [False, False, False, True]

    def overflows(self, kept: Buffer, number: int) -> bool:
        add(kept, self.of(number))
        return kept.overflowed

    def test_one_that_is_too_large_by_itself(self) -> None:
        """It is dropped, and told; what comes after it is kept."""
        kept = buffer("drop_oldest", 50, 99)
        add(kept, self.of(1))
        add(kept, events(2))
        told, *rest = shown(kept)
        assert rest == [2]
        assert isinstance(told, Gap)
        assert told.missed == 1


Step = tuple[str, int]


@given(
    on_full=st.sampled_from(DROPPING),
    limit=st.integers(1, 6),
    limit_bytes=st.sampled_from([18, 40, 70, 10_000]),
    steps=st.lists(st.tuples(st.sampled_from(["add", "take", "take all", "gap"]), st.integers(1, 8)), max_size=40),
)
def test_nothing_goes_missing_untold(on_full: OnFull, limit: int, limit_bytes: int, steps: list[Step]) -> None:
    """Whatever comes and is taken: order holds, memory is bounded, and what is missing lies within a gap."""
    kept, now = buffer(on_full, limit, limit_bytes), 0
    out: list[StreamItem] = []
    for step, size in steps:
        if step == "add":
            add(kept, events(*range(now + 1, now + size + 1)))
            now += size
        elif step == "gap":
            kept.add_gap(gap(now - 0.5, now + 0.25))
        elif step == "take all":
            out += kept.take_all()
        else:
            out += [take(kept) for _ in range(min(size, len(kept.items)))]
        assert len(kept.items) <= limit + 1
        assert kept.size == size_of([item for item in kept.items if isinstance(item, UserEvent)]) <= limit_bytes
    out += kept.items
    last, gaps = 0, list[Gap]()
    for item in [*out, event(now + 1)]:
        if isinstance(item, Gap):
            gaps.append(item)
            continue
        number = int(item.received_at)
        assert number > last
        assert all(any(told.started_at < n <= told.ended_at for told in gaps) for n in range(last + 1, number))
        last, gaps = number, []
    delivered = [item for item in out if isinstance(item, UserEvent)]
    assert len(delivered) + kept.dropped == now


def test_what_is_said_of_the_socket_is_no_event_of_the_account() -> None:
    """A gap comes after the last event, whatever was said since; and only where something may be said it is asked."""
    asked: list[UserEvent] = []

    def is_said(item: UserEvent) -> bool:
        asked.append(item)
        return item.raw == b"said"

    kept = Buffer(Room(10, 10_000, "wait"), overflow, is_said)
    kept.add(events(1), 0, may_be_said=False)
    assert not asked
    kept.add([event(2), UserEvent(b"said", 3.0)], 0)
    assert kept.latest == event(2)
    taken = []
    while kept.items:
        take(kept)
        taken.append(kept.taken)
    assert taken == [event(1), event(2), event(2)]
    asked.clear()
    kept.add(events(4), 0, may_be_said=False)
    assert (kept.latest, take(kept), kept.taken) == (event(4),) * 3
    assert not asked
