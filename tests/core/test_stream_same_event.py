"""An event that two sockets bring in two ways is delivered once (S1); two that are alike are two."""

import pytest
from flow import Flow, draining, live

from trio_listenkey import Timing, venues
from trio_listenkey._core._stream_socket import StreamSocket
from trio_listenkey._events import Gap, UserEvent
from trio_listenkey._protocol._same_event import canonical_for

ONE = b'{"e":"ORDER","E":1,"i":7}'
ONE_OTHERWISE = b'{ "i": 7, "E": 1, "e": "\\u004fRDER" }'
TWO = b'{"e":"ORDER","E":2,"i":8}'
TWO_OTHERWISE = b'{"i":8,"e":"ORDER","E":2}'
USDM = canonical_for(venues.BINANCE_USDM.stream)


def raws(flow: Flow) -> list[bytes]:
    return [item.raw for item in flow.items() if isinstance(item, UserEvent)]


def followed(flow: Flow, first: StreamSocket, now: float) -> StreamSocket:
    """``first`` has ended, and another socket is open a second later."""
    flow.ends(first, now)
    flow.wants()
    flow.held(now + 0.5)
    second = flow.opens(now + 0.5)
    flow.opened(second, now + 1.0)
    return second


class TestAtAMove:
    def test_it_is_delivered_once(self) -> None:
        """The next gateway writes it otherwise."""
        flow, first, second = draining(canonical=USDM)
        flow.brings(second, 1000.6, ONE_OTHERWISE, TWO)
        flow.brings(first, 1000.7, ONE, TWO_OTHERWISE)
        flow.ponged(first, 1000.6, 1000.8)
        assert raws(flow) == [ONE, TWO_OTHERWISE]
        assert flow.stream.statistics(None, 0.0).duplicates == 2

    def test_it_says_that_there_is_nothing_between(self) -> None:
        """So a gap that is none is not told, though the first socket died."""
        flow, first, second = draining(canonical=USDM)
        flow.brings(first, 1000.6, ONE)
        flow.brings(second, 1000.6, ONE_OTHERWISE, TWO)
        flow.ends(first, 1000.7)
        assert raws(flow) == [ONE, TWO]
        assert flow.kinds.count("gap") == 0

    def test_one_member_that_differs_makes_two(self) -> None:
        """A trailing stop's second ``ALGO_UPDATE`` of state ``NEW``, for example."""
        flow, first, second = draining(canonical=USDM)
        new, again = (b'{"e":"ALGO_UPDATE","E":%d,"o":{"aid":1,"X":"NEW"}}' % time for time in (1, 2))
        flow.brings(first, 1000.6, new)
        flow.brings(second, 1000.6, new, again)
        flow.ponged(first, 1000.6, 1000.8)
        assert raws(flow) == [new, again]

    def test_what_came_twice_comes_twice(self) -> None:
        """And no third time, however it is written."""
        flow, first, second = draining(canonical=USDM)
        flow.brings(first, 1000.6, ONE, ONE)
        flow.brings(second, 1000.6, ONE_OTHERWISE, ONE, ONE_OTHERWISE)
        flow.ponged(first, 1000.6, 1000.8)
        assert raws(flow) == [ONE, ONE, ONE_OTHERWISE]


class TestAFeedThatBeganLate:
    """The first socket's feed began some time after its handshake: it has missed what is before its first event."""

    def test_its_gap_is_told_and_order_holds(self) -> None:
        """That both have an event says nothing of what is before it; and that comes in order no more."""
        flow, first, second = draining(timing=Timing(feed_lag=1.0), canonical=USDM)
        flow.brings(second, 1000.6, ONE, TWO)
        flow.brings(first, 1000.7, TWO_OTHERWISE)
        flow.ends(first, 1000.8)
        two, gap = flow.items()
        assert isinstance(gap, Gap)
        assert isinstance(two, UserEvent)
        assert two.raw == TWO_OTHERWISE
        assert gap.started_at < 1000.6 + flow.stream.axes.to_local < gap.ended_at
        assert flow.stream.statistics(None, 0.0).duplicates == 1

    def test_so_it_is_after_a_drop(self) -> None:
        """What is older than the last event before the gap is left out, whether or not that one comes again."""
        flow, first = live(timing=Timing(feed_lag=1.0), canonical=USDM)
        flow.brings(first, 50.0, TWO)
        second = followed(flow, first, 50.1)
        flow.items()
        flow.brings(second, 51.2, ONE)
        flow.brings(second, 51.3, TWO_OTHERWISE, b'{"e":"ORDER","E":3}')
        assert raws(flow) == [b'{"e":"ORDER","E":3}']


class TestAfterADrop:
    LAGS = Timing(feed_lag=1.0)

    def test_what_the_next_gateway_brings_again_is_left_out(self) -> None:
        """Its feed is behind."""
        flow, first = live(timing=self.LAGS, canonical=USDM)
        flow.brings(first, 50.0, ONE)
        second = followed(flow, first, 50.1)
        flow.items()
        flow.brings(second, 51.2, ONE_OTHERWISE, TWO)
        assert raws(flow) == [TWO]

    @pytest.mark.parametrize(
        ("before", "after", "delivered"),
        [
            ([b"[%b,%b]" % (ONE, TWO)], [b"[%b]" % ONE_OTHERWISE, b"[%b]" % TWO], []),
            ([b"[%b]" % ONE, b"[%b]" % TWO], [b"[%b,%b]" % (TWO, ONE_OTHERWISE)], []),
            ([b"[%b]" % ONE], [ONE_OTHERWISE], []),
            ([b"[%b]" % ONE], [b"[%b,%b]" % (ONE, TWO)], [b"[%b]" % TWO]),
            ([b"[%b]" % ONE], [b'{"stream":"K1","data":[%b,%b]}' % (ONE_OTHERWISE, TWO)], [b"[%b]" % TWO]),
            ([b"[%b]" % ONE], [b"[%b, %b]" % (TWO, TWO)], [b"[%b, %b]" % (TWO, TWO)]),
            ([b"[]"], [b"[1]"], [b"[1]"]),
        ],
        ids=[
            "two lists of one",
            "a list of two",
            "no list",
            "half of it",
            "half, in an envelope",
            "none of it",
            "none",
        ],
    )
    def test_lists_are_what_is_in_them(self, before: list[bytes], after: list[bytes], delivered: list[bytes]) -> None:
        """Toobit and HashKey send lists: which events share one is the gateway's doing."""
        flow, first = live(timing=self.LAGS, canonical=canonical_for(venues.TOOBIT.stream))
        flow.brings(first, 50.0, *before)
        second = followed(flow, first, 50.1)
        flow.items()
        flow.brings(second, 51.2, *after)
        assert raws(flow) == delivered

    def test_what_is_left_of_a_list_keeps_its_times(self) -> None:
        """It was received when its message was."""
        flow, first = live(timing=self.LAGS, canonical=USDM)
        flow.brings(first, 50.0, b"[%b]" % ONE)
        second = followed(flow, first, 50.1)
        flow.items()
        flow.brings(second, 51.2, b"[%b,%b]" % (ONE, TWO))
        (left,) = flow.items()
        assert isinstance(left, UserEvent)
        assert (left.time, left.type, left.received_at) == (2, "ORDER", 51.2 + flow.stream.axes.to_local)
        assert left.data == [{"e": "ORDER", "E": 2, "i": 8}]

    def test_a_list_that_is_none(self) -> None:
        """What begins like a list and cannot be read is compared byte for byte."""
        flow, first = live(timing=self.LAGS, canonical=USDM)
        broken = b"[" + b"x" * 80
        flow.brings(first, 50.0, broken)
        second = followed(flow, first, 50.1)
        flow.items()
        flow.brings(second, 51.2, broken, broken + b"y")
        assert raws(flow) == [broken + b"y"]


def test_held_events_are_bounded_in_bytes() -> None:
    """The next socket's wait for the first one to be read to its end; not for ever, and not whatever their size."""
    flow, first, second = draining(limit_bytes=1000, canonical=USDM)
    large = [b'{"e":"ORDER","E":%d,"c":"%b"}' % (number, b"x" * 400) for number in range(3)]
    flow.brings(second, 1000.6, *large[:2])
    assert flow.state == "DRAINING"
    flow.brings(second, 1000.7, large[2])
    assert flow.state in {"LIVE", "SILENT"}
    flow.closes(first, politely=False)
    assert raws(flow) == large
    assert second.held is None


class TestWordsOfTheExchange:
    """What it says of a key or a socket is no event of the account, and puts none in the wrong order (S2, S10)."""

    def test_the_last_word_of_a_dead_key_makes_no_event_late(self) -> None:
        """It came on the first socket, after events that only the next one has had."""
        flow, first = live(canonical=USDM)
        flow.held(1000.0, 2)
        second = flow.opens(1000.0)
        flow.opened(second, 1000.5)
        flow.brings(second, 1000.6, ONE, TWO)
        word = b'{"e":"listenKeyExpired","E":3,"listenKey":"K1"}'
        flow.brings(first, 1000.7, word)
        flow.ends(first, 1000.8)
        assert [item.raw if isinstance(item, UserEvent) else item.cause for item in flow.items()] == [
            word,
            "disconnected",
            ONE,
            TWO,
        ]

    def test_a_word_that_comes_on_both_sockets_is_delivered_once_and_makes_no_event_late(self) -> None:
        """On the next socket it comes behind events that the first one, whose key is dead, has not had."""
        flow, first = live(canonical=USDM)
        flow.held(1000.0, 2)
        second = flow.opens(1000.0)
        flow.opened(second, 1000.5)
        word = b'{"e":"listenKeyExpired","E":3,"listenKey":"K1"}'
        flow.brings(first, 1000.6, word)
        flow.brings(second, 1000.7, ONE, word, TWO)
        flow.ends(first, 1000.8)
        assert raws(flow) == [word, ONE, TWO]
