"""The gap that a stream begins with (S9), seen from the stream's machine."""

from __future__ import annotations

import pytest
from flow import LOCAL, PROMPT, UNIX, Flow, expired, live, order

from trio_listenkey import Timing
from trio_listenkey._core._buffer import OnFull
from trio_listenkey._core._notices import ToldGap
from trio_listenkey._core._stream_socket import StreamSocket
from trio_listenkey._events import Gap, UserEvent

SINCE = int(UNIX * 1000) - 3_600_000
"""An hour before the time 0 of these streams."""


def opening(
    *, since: int | None = None, timing: Timing = PROMPT, limit: int = 100, on_full: OnFull = "wait"
) -> tuple[Flow, StreamSocket]:
    """A stream whose first socket was asked for at 10."""
    flow = Flow(timing=timing, limit=limit, on_full=on_full, since=since)
    flow.held(10.0)
    return flow, flow.opens(10.0)


def begun(*, since: int | None = None, limit: int = 100, on_full: OnFull = "wait") -> tuple[Flow, StreamSocket]:
    """One whose first socket was opened at 12, and of which nothing was taken."""
    flow, socket = opening(since=since, limit=limit, on_full=on_full)
    flow.opened(socket, 12.0)
    return flow, socket


def first_of(flow: Flow) -> Gap:
    """Its first item, and the only one that says that it begins."""
    first, *others = flow.stream.buffer.items
    assert isinstance(first, Gap)
    assert first.cause == "opened"
    assert all(isinstance(item, UserEvent) or item.cause != "opened" for item in others)
    return first


def test_it_is_there_when_the_first_socket_is() -> None:
    """Not before, and nothing comes before it."""
    flow, socket = opening()
    assert not flow.stream.buffer.items
    flow.opened(socket, 12.0)
    flow.brings(socket, 12.0, 1)
    assert [type(item) for item in flow.stream.buffer.items] == [Gap, UserEvent]
    gap = first_of(flow)
    assert (gap.ended_at, gap.unix_ended_at) == (12.0 + LOCAL, 12.0 + UNIX)
    assert (gap.generation_before, gap.generation_after) == (0, 1)
    assert gap.missed is None


def test_it_begins_with_unix_time() -> None:
    """Nothing is known of what was before, and the figures are such that one can calculate with them."""
    gap = first_of(begun()[0])
    assert gap.unix_started_at == 0
    assert gap.started_at == LOCAL - UNIX
    assert gap.duration == pytest.approx(UNIX + 12.0)
    assert gap.last_event_time is None


def test_it_begins_with_the_last_event_that_the_program_had() -> None:
    """Which is what is asked for; the times are the exchange's, and this machine's."""
    gap = first_of(begun(since=SINCE)[0])
    assert gap.last_event_time == SINCE
    assert gap.unix_started_at == pytest.approx(UNIX - 3600)
    assert gap.started_at == pytest.approx(LOCAL - 3600)


def test_feeds_may_lag_at_both_ends() -> None:
    """As with every gap."""
    flow, socket = opening(since=SINCE, timing=Timing(feed_lag=2.0))
    flow.opened(socket, 12.0)
    gap = first_of(flow)
    assert gap.unix_started_at == pytest.approx(UNIX - 3602)
    assert (gap.ended_at, gap.unix_ended_at) == (14.0 + LOCAL, 14.0 + UNIX)


@pytest.mark.parametrize(("since", "started_at"), [(int(UNIX * 1000) + 60_000, UNIX + 12.0), (0, 0.0)])
def test_a_time_that_cannot_be_is_borne(since: int, started_at: float) -> None:
    """Two clocks differ: a gap does not end before it begins, and does not begin before 1970."""
    gap = first_of(begun(since=since)[0])
    assert gap.unix_started_at == pytest.approx(started_at)
    assert gap.started_at <= gap.ended_at
    assert gap.last_event_time == since


def test_it_is_told_to_all() -> None:
    """To observers after the socket, and in the statistics."""
    flow, _ = begun()
    connected, gap = flow.stream.notices()
    assert isinstance(gap, ToldGap)
    assert (connected.kind, gap.gap) == ("connected", first_of(flow))
    assert flow.stream.statistics(None, 0.0).gaps == 1


def test_without_a_socket_there_is_none() -> None:
    """A stream that could not be opened has not begun."""
    flow, socket = opening()
    flow.fails(socket, 11.0)
    flow.stream.tick(60.0)
    assert flow.stream.failure is not None
    assert not flow.stream.buffer.items
    assert flow.stream.statistics(None, 0.0).gaps == 0


def test_a_socket_that_failed_before_changes_nothing() -> None:
    """Nor does a key that was replaced meanwhile: the gap ends with the socket that was opened, by the key it has."""
    flow, socket = opening()
    flow.fails(socket, 11.0)
    flow.lost(11.0)
    flow.held(12.0, 2)
    flow.opened(flow.opens(15.0), 16.0)
    gap = first_of(flow)
    assert gap.ended_at == 16.0 + LOCAL
    assert (gap.generation_before, gap.generation_after) == (0, 2)


def test_the_next_socket_begins_nothing() -> None:
    """Not even where the first one was lost before anything was taken: then the two gaps are one."""
    flow, socket = begun()
    lose(flow, socket)
    gap = first_of(flow)
    assert len(flow.stream.buffer.items) == 1
    assert (gap.ended_at, gap.unix_started_at) == (31.0 + LOCAL, 0)
    assert flow.stream.statistics(None, 0.0).gaps == 2


@pytest.mark.parametrize("on_full", ["drop_oldest", "drop_newest"])
def test_what_is_dropped_at_once_is_told_by_it(on_full: OnFull) -> None:
    """The smallest buffer is full with it: it becomes the longer, by what has no room."""
    flow, socket = begun(limit=1, on_full=on_full)
    flow.brings(socket, 13.0, 1, 2)
    flow.brings(socket, 14.0, 3)
    gap = first_of(flow)
    assert len(flow.stream.buffer.items) == 1
    assert gap.ended_at == 14.0 + LOCAL
    assert gap.missed is None, "how many are missing from before nobody knows"
    assert flow.stream.buffer.dropped == 3


def test_gaps_that_follow_without_an_event_come_after_what_was_before() -> None:
    """``last_event_time`` is ``since`` until there was an event: nothing that was missed is older."""
    flow, socket = begun(since=SINCE, limit=2, on_full="drop_newest")
    took_all(flow)
    lose(flow, socket)
    assert flow.gap().last_event_time == SINCE
    flow, socket = begun(since=SINCE, limit=1, on_full="drop_oldest")
    took_all(flow)
    flow.brings(socket, 13.0, 1, 2)
    assert flow.gap().last_event_time == SINCE


def lose(flow: Flow, socket: StreamSocket) -> None:
    """Its socket ends at 20, and the next one is open at 31."""
    flow.ends(socket, 20.0)
    flow.held(30.0)
    flow.opened(flow.opens(30.0), 31.0)


def took_all(flow: Flow) -> None:
    flow.stream.buffer.take_all()


def test_what_the_next_stream_goes_on_from() -> None:
    """The last event of the account that was taken; what is in the buffer was not, and words about the key are none."""
    flow, socket = begun(since=SINCE)
    assert flow.stream.last_event_time == SINCE
    flow.brings(socket, 13.0, order(SINCE + 5), expired("K7"))
    assert flow.stream.last_event_time == SINCE
    took_all(flow)
    assert flow.stream.last_event_time == SINCE + 5
    assert live()[0].stream.last_event_time is None
