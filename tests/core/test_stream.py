"""A stream's sockets at exact times: opened, dropped, doubted, and followed by the next."""

from itertools import pairwise
from math import inf

import pytest
from flow import LOCAL, SHUTDOWN, UNIX, Flow, draining, expired, live, moving, order

from trio_listenkey import Gap, KeyStatistics, RefusedError, Timing, UnavailableError, UserEvent
from trio_listenkey._core._connect_limiter import ConnectLimiter
from trio_listenkey._core._notices import Dropped, Unconnected
from trio_listenkey._core._stream_actions import AskAboutKey, AskOnSocket, Open
from trio_listenkey._core._stream_socket import StreamSocket
from trio_listenkey.connectors._base import SocketError

DAY = 86_400.0
KEY_STATISTICS = KeyStatistics("held", 1, 1, 1, 0, 0, 0, 0, 3600.0, 1800.0, None, 0, 0.0)


class TestOpening:
    def test_a_key_opens_a_socket(self) -> None:
        """As soon as there is a key there is a handshake, and then the stream is live."""
        flow = Flow()
        assert flow.tick(0.0) == "WAITING"
        assert flow.wants() == []
        flow.held(1.0)
        socket = flow.opens(1.0)
        assert flow.state == "CONNECTING"
        assert not flow.was_open()
        assert flow.opened(socket, 1.5) == "LIVE"
        assert flow.was_open()
        assert flow.kinds == ["connected"]

    def test_there_is_no_gap_before_the_first(self) -> None:
        """What happened before the stream was open is not its business."""
        flow, _ = live()
        assert flow.items() == []

    def test_it_takes_no_longer_than_open_timeout(self) -> None:
        """Without a socket by then it has failed, and says why; nothing is tried after that."""
        flow = Flow(timing=Timing(feed_lag=0, open_timeout=5))
        assert flow.stream.deadline == 5
        flow.held(1.0)
        socket = flow.opens(1.0)
        assert flow.stream.deadline == 5
        flow.fails(socket, 4.95, draw=0.999, status=503)
        flow.stream.tick(5.0)
        failure = flow.stream.failure
        assert isinstance(failure, UnavailableError)
        assert (failure.status, failure.venue, failure.verb) == (503, "somewhere", "connect")
        assert "no way" in failure.problem
        flow.stream.tick(500.0)
        flow.held(500.0)
        assert flow.stream.failure is failure
        assert flow.wants() == []

    def test_a_host_that_is_not_trusted_is_final(self) -> None:
        """Another try does not help: the error says what is wrong, and comes at once (T2, T4)."""
        flow = Flow()
        flow.held(1.0)
        socket = flow.opens(1.0)
        flow.stream.open_failed(socket, SocketError("TLS certificate refused: expired", untrusted=True), 1.1)
        failure = flow.stream.failure
        assert isinstance(failure, RefusedError)
        assert "expired" in failure.problem
        assert (failure.venue, failure.verb) == ("somewhere", "connect")

    def test_once_it_was_open_that_may_be_mended(self) -> None:
        """The stream goes on trying, and each try is told."""
        flow, first = live()
        flow.ends(first, 50.0)
        flow.asks()
        flow.held(50.0)
        socket = flow.opens(50.0)
        flow.stream.open_failed(socket, SocketError("TLS certificate refused: expired", untrusted=True), 50.1)
        assert flow.stream.failure is None
        assert flow.kinds == ["connected", "dropped", "doubted", "unconnected"]
        assert flow.opened(flow.opens(flow.stream.deadline), 60.0) == "LIVE"

    def test_without_a_key_it_fails_as_well(self) -> None:
        """There is no failure to blame then, and none is made up."""
        flow = Flow()
        flow.stream.tick(30.0)
        assert flow.stream.failure is not None
        assert "last failure" not in str(flow.stream.failure)
        assert flow.stream.failure.status is None

    def test_later_there_is_no_limit(self) -> None:
        """A stream that was open once tries for ever."""
        flow, socket = live()
        flow.ends(socket, 100.0)
        flow.lost(100.0)
        assert flow.stream.deadline == inf
        flow.tick(1e6)
        assert flow.stream.failure is None

    def test_handshakes_that_fail_back_off(self) -> None:
        """Each wait may be twice as long as that before, up to the cap."""
        flow, now = Flow(timing=Timing(feed_lag=0, open_timeout=1e6)), 0.0
        flow.held(now)
        for ceiling in (1, 2, 4, 8, 15, 15, 15, 15):
            flow.held(now)
            socket = flow.opens(now)
            assert flow.fails(socket, now, draw=0.5) == "WAITING"
            flow.kinds  # noqa: B018 - collects what was told
            last = flow.heard[-1]
            assert isinstance(last, Unconnected)
            assert last.delay is not None
            assert last.delay == pytest.approx(0.1 + (ceiling - 0.1) / 2)
            assert flow.stream.deadline == pytest.approx(now + last.delay)
            assert flow.tick(flow.stream.deadline - 0.01) == "WAITING"
            now = flow.stream.deadline
        assert flow.kinds == ["unconnected"] * 8

    @pytest.mark.parametrize(("at", "follows"), [(1.0, True), (29.5, False), (30.0, False)])
    def test_the_last_failure_promises_no_other_try(self, at: float, follows: bool) -> None:
        """Where the next one would come after ``open_timeout``, none is told of: opening fails instead."""
        flow = Flow(timing=Timing(feed_lag=0, open_timeout=30))
        flow.held(0.0)
        flow.fails(flow.opens(0.0), at, draw=0.99)
        told = [notice.delay is not None for notice in flow.stream.notices() if isinstance(notice, Unconnected)]
        assert told == [follows]
        flow.stream.tick(30.0)
        assert flow.stream.failure is not None

    def test_a_refusal_holds_up_all_streams_of_the_host(self) -> None:
        """A host that wants silence gets it, from all of its streams."""
        flow, other = Flow(timing=Timing(feed_lag=0, open_timeout=1e6)), Flow()
        other = Flow(timing=Timing(feed_lag=0, open_timeout=1e6), limiter=flow.limiter)
        flow.held(0.0)
        flow.fails(flow.opens(0.0), 0.0, status=429)
        assert flow.stream.deadline == pytest.approx(30)
        other.held(1.0)
        assert other.wants() == []
        assert other.stream.deadline == pytest.approx(30)
        other.held(30.1)
        assert other.wants() == ["Open"]

    def test_each_socket_counts_at_the_connect_limiter(self) -> None:
        """Attempts are counted, the planned ones too."""
        limiter = ConnectLimiter()
        for _ in range(238):
            limiter.record_attempt(0.0)
        flow, socket = live(limiter=limiter)
        assert limiter.allowed_at == -inf
        flow.held(100.0)
        flow.brings(socket, 100.0, SHUTDOWN)
        assert flow.wants() == ["Open"]
        assert limiter.allowed_at == 300

    def test_a_key_that_dies_meanwhile_is_not_used(self) -> None:
        """The handshake is given up, and begins again when there is another key; its end is of no interest."""
        flow = Flow()
        flow.held(0.0)
        socket = flow.opens(0.0)
        assert flow.lost(0.1) == "WAITING"
        flow.closes(socket, politely=False)
        flow.opened(socket, 0.2)
        flow.fails(socket, 0.3)
        assert (flow.state, flow.wants()) == ("WAITING", [])
        flow.held(0.5, 2)
        assert flow.opens(0.5).generation == 2

    def test_a_key_that_is_replaced_meanwhile_is_followed(self) -> None:
        """The socket is opened with the old one, and left at once for one with the new; gaps begin where they can."""
        flow = Flow()
        flow.held(0.0)
        first = flow.opens(0.0)
        flow.held(0.1, 2)
        assert flow.opened(first, 0.2) == "MOVING"
        assert flow.items() == []
        assert not flow.is_live()
        second = flow.opens(0.2)
        flow.opened(second, 0.3)
        flow.ponged(first, 0.3, 0.4)
        gap = flow.gap()
        assert gap.started_at == LOCAL
        assert (gap.generation_before, gap.generation_after) == (1, 2)


class TestDrops:
    def test_it_is_told_before_the_next_event(self) -> None:
        """From what was certain last to when the next socket is open: that may have been missed."""
        flow, first = live()
        flow.brings(first, 90.0, 1)
        flow.ponged(first, 95.0, 95.1)
        assert flow.ends(first, 100.0) == "WAITING"
        flow.delivers(1)
        flow.asks()
        flow.held(100.2)
        second = flow.opens(100.2)
        flow.opened(second, 100.5)
        flow.brings(second, 101.0, 2)
        gap, event = flow.items()
        assert (gap.started_at, gap.ended_at) == (95 + LOCAL, 100.5 + LOCAL)  # type: ignore[union-attr]
        assert (gap.unix_started_at, gap.unix_ended_at) == (95 + UNIX, 100.5 + UNIX)  # type: ignore[union-attr]
        assert (gap.cause, gap.last_event_time, gap.missed) == ("disconnected", 1, None)  # type: ignore[union-attr]
        assert event.raw == order(2)  # type: ignore[union-attr]
        assert flow.kinds == ["connected", "dropped", "doubted", "connected", "gap"]

    def test_reading_an_event_proves_nothing_of_those_after_it(self) -> None:
        """Messages are under way for a time that nobody knows; without an answered ping nothing is certain."""
        flow, first = live()
        for now in range(1, 14):
            flow.brings(first, float(now), now)
        flow.ends(first, 14.0)
        flow.items()
        flow.held(14.0)
        flow.opened(flow.opens(20.0), 20.5)
        assert flow.gap().started_at == LOCAL

    def test_who_lived_for_long_is_followed_at_once(self) -> None:
        """There is no reason to wait, but to ask whether the key is alive."""
        flow, socket = live()
        flow.held(60.0)
        flow.ends(socket, 60.0)
        assert flow.wants() == ["Open"]

    def test_who_ends_soon_is_not(self) -> None:
        """Sockets that end as soon as they are open must not make a hot loop."""
        flow, socket, now = *live(), 0.0
        pauses = []
        for _ in range(8):
            now += 1
            flow.ends(socket, now, draw=0.999999)
            flow.held(now)
            assert flow.wants() == []
            pauses.append(round(flow.stream.deadline - now))
            now = flow.stream.deadline
            flow.held(now)
            socket = flow.opens(now)
            flow.opened(socket, now)
        assert pauses == [1, 2, 4, 8, 15, 15, 15, 15]

    def test_half_a_life_is_long(self) -> None:
        """Where sockets live shorter than the cap of all pauses, their end is nothing unusual."""
        flow, socket = live(timing=Timing(feed_lag=0, socket_lifetime=10))
        flow.held(5.0)
        flow.ends(socket, 5.0)
        assert flow.wants() == ["Open"]

    def test_a_key_is_confirmed_before_it_is_used(self) -> None:
        """The exchange is asked, and has two seconds to answer; then a socket is opened all the same."""
        flow, socket = live()
        flow.ends(socket, 100.0)
        flow.asks()
        assert flow.stream.deadline == 102
        assert flow.tick(101.9) == "WAITING"
        assert flow.wants() == []
        flow.opens(102.0)
        assert flow.stream.statistics(KEY_STATISTICS, 0.0).silence_checks == 1

    def test_an_answer_to_another_question_is_none(self) -> None:
        """A request from before the drop says nothing: the answer to the one after it is waited for."""
        flow, socket = live()
        flow.ends(socket, 100.0)
        flow.asks()
        assert flow.held(100.5, confirmed_at=99.0) == "WAITING"
        assert flow.wants() == []
        flow.held(100.7)
        assert flow.wants() == ["Open"]

    def test_a_key_that_cannot_be_confirmed_is_used(self) -> None:
        """Where requests fail there is no use in waiting for one."""
        flow, socket = live()
        flow.ends(socket, 100.0)
        flow.asks()
        flow.stream.key_request_failing(100.3)
        assert flow.wants() == ["Open"]

    def test_a_key_that_turns_out_dead_is_not_used(self) -> None:
        """The gap then begins where it was alive for certain."""
        flow, socket = live()
        flow.brings(socket, 50.0, 1)
        flow.ponged(socket, 99.0, 99.1)
        flow.ends(socket, 100.0)
        flow.asks()
        assert flow.lost(100.2) == "WAITING"
        assert flow.stream.deadline == inf
        flow.held(100.4, 2)
        flow.items()
        flow.opened(flow.opens(100.4), 100.5)
        gap = flow.gap()
        assert (gap.cause, gap.started_at, gap.ended_at) == ("disconnected", LOCAL, 100.5 + LOCAL)
        assert (gap.generation_before, gap.generation_after) == (1, 2)

    def test_a_question_that_is_old_is_asked_again(self) -> None:
        """While no socket may be opened for an hour the key may die as well."""
        flow, socket = live()
        flow.held(100.0)
        flow.ends(socket, 100.0)
        flow.fails(flow.opens(100.0), 100.0, status=429)
        assert flow.tick(130.1) == "CONNECTING"
        flow.stream.actions()
        flow.fails(flow.stream.sockets.next, 170.0)  # type: ignore[arg-type]
        flow.tick(flow.stream.deadline)
        flow.asks()

    def test_a_dead_peer_is_dropped_at_once(self) -> None:
        """A ping that was not answered ends the socket without a goodbye."""
        flow, socket = live()
        flow.ponged(socket, 20.0, 20.1)
        assert socket.ping_at == 40
        assert flow.unanswered(socket, 40.0, 60.0) == "WAITING"
        assert flow.wants() == ["Close", "AskAboutKey"]
        flow.kinds  # noqa: B018 - collects what was told
        dropped = flow.heard[1]
        assert isinstance(dropped, Dropped)
        assert "has not answered a ping for 20 s" in str(dropped.error)
        flow.held(60.0)
        flow.opened(flow.opens(60.0), 60.1)
        gap = flow.gap()
        assert (gap.cause, gap.started_at) == ("unresponsive", 20 + LOCAL)

    def test_it_is_closed_without_a_goodbye(self) -> None:
        """There is nobody to say it to."""
        flow, socket = live()
        flow.stream.key_request_failing(50.0)
        flow.unanswered(socket, 80.0, 100.0)
        action = flow.stream.actions()[0]
        assert (action.socket, action.politely) == (socket, False)  # type: ignore[union-attr]

    def test_who_does_not_listen_hears_no_answer(self) -> None:
        """A consumer that is slow never costs the socket; the next ping is due at once."""
        flow, socket = live()
        flow.stream.paused(socket)
        assert flow.unanswered(socket, 20.0, 40.0) == "LIVE"
        assert (socket.ping_at, flow.wants()) == (40, [])
        flow.stream.resumed(socket, 50.0)
        assert socket.ping_at == 50
        assert flow.unanswered(socket, 40.0, 60.0) == "LIVE"
        assert flow.unanswered(socket, 60.0, 80.0) == "WAITING"

    def test_what_was_given_up_is_of_no_interest(self) -> None:
        """Whatever comes from a socket that ended, nothing follows from it."""
        flow, socket = live()
        flow.ends(socket, 100.0)
        flow.asks()
        flow.brings(socket, 100.1, 1)
        flow.ends(socket, 100.2)
        flow.ponged(socket, 90.0, 100.3)
        flow.unanswered(socket, 90.0, 110.0)
        assert (flow.state, flow.items(), flow.wants()) == ("WAITING", [], [])

    def test_what_is_confirmed_without_a_socket_counts(self) -> None:
        """A key that was alive after the drop was alive before it: the gap begins with the drop's."""
        flow, first = live()
        flow.ponged(first, 99.0, 99.1)
        flow.ends(first, 100.0)
        flow.asks()
        flow.held(100.1)
        flow.fails(flow.stream.sockets.next, 100.2)  # type: ignore[arg-type]
        flow.stream.actions()
        flow.lost(100.2)
        flow.held(100.3, 2)
        flow.opened(flow.opens(101.0), 101.1)
        assert flow.gap().started_at == 99 + LOCAL

    def test_what_is_confirmed_during_a_handshake_counts(self) -> None:
        """The minute of silence begins then."""
        flow = Flow()
        flow.held(0.0)
        socket = flow.opens(0.0)
        flow.held(0.5)
        flow.opened(socket, 0.7)
        assert flow.stream.deadline == 60.5

    def test_a_second_gap_begins_with_its_sockets_handshake(self) -> None:
        """Of a socket that was open for a moment nothing is certain."""
        flow, first = live()
        flow.ends(first, 100.0)
        flow.asks()
        second = flow.opens(102.0)
        flow.opened(second, 102.0)
        flow.items()
        flow.ends(second, 103.0)
        flow.held(103.0)
        flow.opened(flow.opens(110.0), 110.0)
        gap = flow.gap()
        assert (gap.started_at, gap.ended_at) == (102 + LOCAL, 110 + LOCAL)


class TestSilence:
    def test_after_a_minute_the_exchange_is_asked(self) -> None:
        """A quiet account is not a dead one: an answer is all that it takes."""
        flow, socket = live()
        assert flow.stream.deadline == 60
        flow.ponged(socket, 59.0, 59.1)
        assert flow.tick(59.9) == "LIVE"
        assert flow.wants() == []
        assert flow.tick(60.0) == "SILENT"
        flow.asks()
        assert flow.held(60.2, confirmed_at=60.0) == "LIVE"
        assert flow.is_live()
        assert flow.stream.deadline == 120

    def test_a_question_is_a_doubt_when_nobody_answers(self) -> None:
        """For two seconds the stream counts as live; when the exchange itself says that the key is dead, at no time."""
        flow, socket = live()
        flow.ponged(socket, 59.0, 59.1)
        flow.tick(60.0)
        assert flow.is_live()
        flow.tick(61.9)
        assert flow.is_live()
        flow.tick(62.0)
        assert not flow.is_live()
        flow.held(62.5, confirmed_at=62.0)
        assert flow.is_live()
        flow.brings(socket, 70.0, b'{"e":"listenKeyExpired"}')
        assert not flow.is_live()

    def test_an_event_is_as_good(self) -> None:
        """A minute counts from the last event, and a doubt is over when one comes."""
        flow, socket = live()
        flow.ponged(socket, 40.0, 40.1)
        flow.brings(socket, 50.0, 1)
        assert flow.stream.deadline == 110
        flow.ponged(socket, 109.0, 109.1)
        assert flow.tick(110.0) == "SILENT"
        assert flow.brings(socket, 111.0, 2) == "LIVE"
        assert flow.is_live()

    @pytest.mark.parametrize("raw", [b"", b"hello", b"[]", b'{"result":null}', b'{"e":5}', b'{"e":""}'])
    def test_not_all_that_comes_is_an_event(self, raw: bytes) -> None:
        """What a server says to a socket whose key is dead proves nothing; it is delivered all the same."""
        flow, socket = live()
        flow.tick(60.0)
        assert flow.brings(socket, 61.0, raw) == "SILENT"
        assert [item.raw for item in flow.items()] == [raw]  # type: ignore[union-attr]

    def test_a_question_is_repeated(self) -> None:
        """An exchange that does not answer is asked once a minute, and not more often."""
        flow, _ = live()
        for now in (60.0, 120.0, 180.0):
            assert flow.stream.deadline == now
            assert flow.tick(now) == "SILENT"
            flow.asks()
        assert flow.stream.statistics(KEY_STATISTICS, 0.0).silence_checks == 3

    def test_old_news_is_no_proof(self) -> None:
        """What was read late may have been sent before the key died."""
        flow, socket = live()
        flow.stream.paused(socket)
        flow.tick(60.0)
        flow.stream.resumed(socket, 61.0)
        assert flow.brings(socket, 61.0, 1) == "SILENT"
        flow.ponged(socket, 61.0, 61.1)
        assert flow.brings(socket, 62.0, 2) == "LIVE"

    def test_an_open_question_makes_no_socket_live(self) -> None:
        """One that was opened without an answer is silent as soon as the last proof is old; it is not asked twice."""
        flow, first = live()
        flow.held(40.0)
        flow.ends(first, 90.0)
        flow.asks()
        second = flow.opens(92.0)
        assert flow.opened(second, 92.1) == "LIVE"
        assert flow.tick(100.0) == "SILENT"
        assert flow.wants() == []
        assert flow.stream.deadline == 150

    def test_a_handshake_proves_nothing(self) -> None:
        """A socket opens with a dead key, too: the gap begins when the exchange last said that it was alive."""
        flow, first = live()
        flow.held(40.0)
        flow.ends(first, 100.0)
        flow.stream.key_request_failing(100.0)
        second = flow.stream.sockets.next
        assert second is not None
        flow.opened(second, 100.1)
        flow.items()
        flow.ponged(second, 120.0, 120.1)
        flow.lost(121.0)
        flow.stream.actions()
        flow.held(121.5, 2)
        third = flow.opens(121.5)
        flow.opened(third, 121.6)
        flow.ponged(second, 121.6, 121.7)
        assert flow.gap().started_at == 40 + LOCAL

    def test_a_dead_key_is_replaced(self) -> None:
        """The gap begins when the key was alive for certain, not when its death was noticed."""
        flow, first = live()
        flow.ponged(first, 20.0, 20.1)
        flow.brings(first, 25.0, 1)
        flow.ponged(first, 80.0, 80.1)
        flow.tick(85.0)
        flow.asks()
        assert flow.lost(85.2) == "SILENT"
        assert flow.stream.deadline == inf
        assert not flow.is_live()
        assert flow.held(85.4, 2) == "MOVING"
        second = flow.opens(85.4)
        flow.opened(second, 85.6)
        flow.ponged(first, 85.6, 85.7)
        event, gap = flow.items()
        assert event.raw == order(1)  # type: ignore[union-attr]
        assert (gap.cause, gap.started_at, gap.ended_at) == (  # type: ignore[union-attr]
            "key_lost",
            20 + LOCAL,
            85.6 + LOCAL,
        )
        assert flow.is_live()

    def test_a_key_may_be_lost_without_a_doubt(self) -> None:
        """A keepalive finds it dead, and the stream is silent from then on."""
        flow, _ = live()
        assert flow.lost(10.0) == "SILENT"
        assert flow.wants() == []

    def test_a_key_that_comes_back_was_never_dead(self) -> None:
        """Keys are random: with the same value it is the same key, and the socket has had all of its events."""
        flow, first = live()
        assert flow.lost(10.0) == "SILENT"
        assert flow.brings(first, 10.5, 1) == "SILENT"
        assert flow.held(11.0) == "LIVE"
        assert flow.wants() == []
        flow.brings(first, 11.5, 2)
        flow.delivers(1, 2)

    def test_a_doubt_survives_a_handshake(self) -> None:
        """A move that comes to nothing does not make a silent socket live."""
        flow, first = live()
        flow.brings(first, 55.0, SHUTDOWN)
        second = flow.opens(55.0)
        flow.tick(59.0)
        assert flow.fails(second, 62.0, draw=0.9) == "SILENT"
        flow.asks()


class TestLiveIsSound:
    """``is_live`` is true only while the peer answers and the key was proven alive a short time ago (S8)."""

    def test_a_move_does_not_end_a_doubt(self) -> None:
        """Nor does one that comes to nothing, nor the next socket: a handshake proves nothing."""
        flow, first = live()
        flow.tick(60.0)
        flow.ponged(first, 62.0, 62.1)
        flow.asks()
        flow.tick(62.2)
        assert not flow.is_live()
        assert flow.brings(first, 63.0, SHUTDOWN) == "MOVING"
        assert not flow.is_live()
        assert flow.fails(flow.opens(63.0), 63.1, draw=0.9) == "SILENT"
        assert not flow.is_live()
        second = flow.opens(flow.stream.deadline)
        assert flow.opened(second, 65.0) == "DRAINING"
        assert not flow.is_live()
        assert flow.ponged(first, 65.0, 65.1) == "SILENT"
        assert not flow.is_live()
        flow.held(66.0)
        assert flow.is_live()

    def test_a_doubt_is_raised_while_sockets_move(self) -> None:
        """A handshake may hang for long, and a first socket of two may have little to say."""
        flow, first, second = moving()
        flow.ponged(first, 1059.0, 1059.1)
        assert flow.stream.deadline == 1060
        flow.tick(1060.0)
        flow.asks()
        assert flow.is_live()
        flow.tick(1062.0)
        assert not flow.is_live()
        flow.opened(second, 1062.1)
        flow.ponged(first, 1062.1, 1062.2)
        assert flow.state == "SILENT"

    def test_a_leap_of_the_clock_leaves_no_time_for_a_question(self) -> None:
        """The two seconds are counted from when it was due, not from when it was noticed that it was."""
        flow, socket = live()
        flow.ponged(socket, 7200.0, 7200.0)
        flow.tick(7200.0)
        flow.asks()
        assert not flow.is_live()
        flow.held(7200.3, confirmed_at=7200.0)
        assert flow.is_live()

    def test_a_question_from_before_was_asked_then(self) -> None:
        """It is not asked twice; and its two seconds are over."""
        flow, socket = live()
        flow.held(40.0)
        flow.brings(socket, 50.0, b'{"e":"listenKeyExpired"}')
        flow.asks()
        flow.held(50.2, confirmed_at=40.0)
        flow.ponged(socket, 50.2, 50.3)
        flow.brings(socket, 50.3, 1)
        flow.ponged(socket, 110.0, 110.2)
        assert flow.tick(110.4) == "SILENT"
        flow.asks()
        assert flow.is_live()
        flow, socket = live()
        flow.held(40.0)
        flow.ends(socket, 90.0)
        flow.asks()
        flow.opened(flow.opens(92.0), 92.1)
        assert flow.is_live()
        assert flow.tick(100.0) == "SILENT"
        assert not flow.is_live()

    def test_where_nothing_can_be_asked_there_is_no_time_for_an_answer(self) -> None:
        """A host that wants silence gets it, and its streams are in doubt as soon as they have a question."""
        flow, socket = live()
        flow.ponged(socket, 59.0, 59.1)
        flow.stream.cannot_ask(59.5)
        assert flow.is_live()
        flow.tick(60.0)
        flow.asks()
        flow.stream.cannot_ask(60.0)
        assert not flow.is_live()
        flow.stream.cannot_ask(60.1)
        assert flow.held(61.0) == "LIVE"

    def test_a_peer_that_was_not_heard_is_not_relied_upon(self) -> None:
        """While nobody reads, no answer to a ping is seen, and a socket may die unnoticed, whatever REST says."""
        flow, socket = live()
        flow.ponged(socket, 20.0, 20.1)
        flow.stream.paused(socket)
        flow.held(59.0)
        assert flow.is_live()
        flow.held(60.0)
        assert not flow.is_live()
        flow.stream.resumed(socket, 61.0)
        assert not flow.is_live()
        flow.ponged(socket, 61.0, 61.1)
        assert flow.is_live()

    def test_what_was_held_back_is_no_news(self) -> None:
        """A next socket's events may be some time old when they are delivered."""
        flow, first, second = draining()
        flow.brings(second, 1001.0, 1)
        flow.brings(first, 1001.1, expired())
        flow.ponged(first, 1000.5, 1001.2)
        assert len(flow.items()) == 2
        assert not flow.is_live()

    def test_a_denial_is_unsaid_by_an_answer(self) -> None:
        """The exchange said that our key is dead. What it answers to a request from before does not contradict it."""
        flow, socket = live()
        flow.brings(socket, 10.0, expired())
        flow.asks()
        assert not flow.is_live()
        flow.held(10.3, confirmed_at=9.9)  # asked before it was said
        assert not flow.is_live()
        flow.held(10.4, confirmed_at=10.3)
        assert flow.is_live()

    def test_or_by_an_event(self) -> None:
        """One that is read after it was sent after it."""
        flow, socket = live()
        flow.brings(socket, 10.0, expired())
        assert not flow.is_live()
        flow.brings(socket, 10.1, 1)
        assert flow.is_live()

    def test_or_by_another_key(self) -> None:
        """That is the one which counts then, and the stream moves to it."""
        flow, socket = live()
        flow.brings(socket, 10.0, expired())
        flow.asks()
        flow.stream.key_confirmed(2, "K2", 10.1, 10.2)
        second = flow.opens(10.2)
        flow.opened(second, 10.3)
        flow.ponged(socket, 10.3, 10.4)
        assert flow.is_live()

    def test_an_answer_that_is_old_itself_proves_nothing(self) -> None:
        """It was under way for longer than proofs count."""
        flow, socket = live()
        flow.tick(62.0)
        flow.ponged(socket, 90.0, 90.1)
        flow.held(100.0, confirmed_at=39.0)
        assert not flow.is_live()

    def test_what_proved_the_key_proves_it_on_the_next_socket(self) -> None:
        """An event was read from the first: the key is the second one's, too."""
        flow, first, _ = draining()
        flow.ponged(first, 1000.4, 1000.6)
        flow.brings(first, 1000.9, 1)
        flow.ponged(first, 1000.5, 1001.0)
        assert flow.stream.deadline == pytest.approx(1060.9)

    def test_a_new_subscription_was_answered(self) -> None:
        """That ends the doubt in the one before, which had a life of its own."""
        flow, first = live(subscribes=True)
        flow.tick(62.0)
        flow.ends(first, 63.0)
        flow.stream.actions()
        flow.stream.key_request_failing(65.0)
        second = flow.stream.sockets.next
        assert second is not None
        flow.opened(second, 66.0)
        assert flow.is_live()


class TestExpired:
    @pytest.mark.parametrize(
        "raw", [expired(), b'{"e":"listenKeyExpired"}', b'{"e":"listenKeyExpired","listenKey":null}']
    )
    def test_the_exchange_is_asked(self, raw: bytes) -> None:
        """An announcement is a reason to doubt, and delivered like any other event."""
        flow, socket = live()
        assert flow.brings(socket, 10.0, raw) == "SILENT"
        flow.asks()
        assert [item.raw for item in flow.items()] == [raw]  # type: ignore[union-attr]

    @pytest.mark.parametrize(
        "form",
        [
            b"[%b]",
            b'[{"e":"ORDER","E":1},%b]',
            b'{"stream":"K1","data":[%b]}',
            b'{"data":[%b]}',
            b'{"data":%b}',
            b"\xef\xbb\xbf%b",
        ],
    )
    def test_so_it_is_in_whatever_form_it_comes(self, form: bytes) -> None:
        """In a list, in an envelope, with others."""
        flow, socket = live()
        assert flow.brings(socket, 10.0, form % expired()) == "SILENT"
        flow.asks()
        flow, socket = live()
        assert flow.brings(socket, 10.0, form % expired("K2")) == "LIVE"

    def test_an_event_in_a_list_with_it_is_one(self) -> None:
        """Of the account, whichever is first: a gap after it begins no earlier than it."""
        for raw in (b"[%b,%b]" % (expired(), order(9)), b"[%b,%b]" % (order(9), expired())):
            flow, socket = live()
            flow.brings(socket, 10.0, raw)
            assert flow.stream.buffer.latest is not None
            assert flow.stream.buffer.latest.raw == raw

    @pytest.mark.parametrize(
        "raw",
        [
            expired("K2"),
            b'{"e":"ORDER","o":{"c":"listenKeyExpired"}}',
            b'{"e":"listenKeyExpired","listenKey":[{}]}',
            b'{"e":"listenKeyExpired","listenKey":1}',
            b'["listenKeyExpired"]',
            b'[{"e":"listenKeyExpired","listenKey":"K2"},{"e":[]},5]',
            b"listenKeyExpired",
            b'{"stream":"listenKeyExpired","data":["listenKeyExpired"]}',
            b'{"e":"listenKeyExpired","a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
            b'{"e":"listenKeyExpired","E":' + b"1" * 5000 + b"}",
        ],
        ids=lambda raw: repr(raw[:40]),
    )
    def test_not_everything_is_about_our_key(self, raw: bytes) -> None:
        """Another key's end, an order that is called so, and nonsense: none is a reason to ask, none does harm."""
        flow, socket = live()
        assert flow.brings(socket, 10.0, raw) == "LIVE"
        assert flow.wants() == []

    @pytest.mark.parametrize(
        ("raw", "state"),
        [
            (b'{"msg":"Invalid listen key"}', "SILENT"),
            (b"Invalid listen key", "SILENT"),
            (b'{"e":"order","c":"Invalid listen key"}', "LIVE"),
            (b'{"msg":"Invalid listen key' + b" " * 300 + b'"}', "LIVE"),
            (expired(), "LIVE"),
        ],
    )
    def test_an_exchange_may_have_words_for_it(self, raw: bytes, state: str) -> None:
        """Where it is no event, but a text that says so, that is a reason to ask as well."""
        flow, socket = live(expired="Invalid listen key")
        assert flow.brings(socket, 10.0, raw) == state

    def test_one_that_only_looks_like_an_event_does_no_harm(self) -> None:
        """It is decoded to see whose key it names; where that fails it names none."""
        flow, socket = live()
        flow.brings(socket, 10.0, b'{"e":"listenKeyExpired","listenKey":"K1","x":1e999}')
        assert flow.state == "LIVE"

    def test_it_is_asked_once_a_second_at_most(self) -> None:
        """An exchange may repeat itself without end; what it says meanwhile is not forgotten."""
        flow, socket = live()
        flow.brings(socket, 10.0, *[expired()] * 1000)
        flow.asks()
        flow.held(10.2, confirmed_at=10.0)
        flow.brings(socket, 10.5, *[expired()] * 1000)
        assert flow.wants() == []
        assert flow.stream.deadline == 11
        flow.tick(11.0)
        flow.asks()
        assert flow.stream.deadline > 60

    def test_it_proves_nothing(self) -> None:
        """Events in the same read may be from before the end."""
        flow, socket = live()
        assert flow.brings(socket, 10.0, 1, expired()) == "SILENT"
        assert flow.brings(socket, 10.1, 2, expired()) == "SILENT"

    def test_who_is_known_to_be_dead_is_not_asked_about(self) -> None:
        """The key is being replaced; a doubt from before is settled."""
        flow, socket = live()
        flow.brings(socket, 10.0, expired())
        flow.asks()
        flow.brings(socket, 10.1, expired())
        flow.lost(10.2)
        flow.brings(socket, 10.3, expired())
        assert flow.stream.deadline == inf

    def test_the_key_we_have_counts_wherever_it_is_named(self) -> None:
        """On a socket of the key before, too; one that is not named there is that one."""
        flow, first, _ = moving()
        flow.held(1000.1, 2)
        flow.brings(first, 1001.0, b'{"e":"listenKeyExpired"}')
        assert flow.wants() == []
        assert flow.brings(first, 1001.0, expired("K2")) == "MOVING"
        flow.asks()

    def test_a_doubt_is_not_lost_with_its_socket(self) -> None:
        """It is asked for when it is due, in whatever state."""
        flow, first = live()
        flow.brings(first, 10.0, expired())
        flow.brings(first, 10.5, expired(), SHUTDOWN)
        assert flow.wants() == ["AskAboutKey", "Open"]
        assert flow.stream.deadline == 11
        assert flow.tick(11.0) == "MOVING"
        flow.asks()


class TestMoving:
    @pytest.mark.parametrize(("draw", "at"), [(0.0, 0.95 * DAY), (1.0, 0.9 * DAY)])
    def test_a_socket_is_left_before_its_time(self, draw: float, at: float) -> None:
        """Some hours before the day is over, and not all at once."""
        flow, first = live(draw=draw)
        flow.held(at - 1)
        assert first.move_at == pytest.approx(at)
        flow.tick(at - 0.5)
        assert flow.wants() == []
        flow.tick(at + 0.1)
        assert (flow.state, flow.wants()) == ("MOVING", ["Open"])
        assert "moving" in flow.kinds

    def test_its_time_is_the_exchanges(self) -> None:
        """Exchanges say how long their sockets live; the user's word outranks that."""
        assert live(lifetime=1000.0)[0].stream.deadline == 60
        _, socket = live(lifetime=1000.0)
        assert socket.move_at == 950
        _, socket = live(timing=Timing(feed_lag=0, socket_lifetime=100), lifetime=1000.0)
        assert socket.move_at == 95

    def test_its_time_may_be_another(self) -> None:
        """An exchange that runs faster than life ends its sockets earlier."""
        _, first = live(timing=Timing(feed_lag=0, socket_lifetime=100))
        assert first.move_at == pytest.approx(95)

    def test_the_first_delivers_meanwhile(self) -> None:
        """Until the next one is open, and has all that comes from then on, nothing changes."""
        flow, first, second = moving()
        flow.brings(first, 1000.2, 1)
        flow.opened(second, 1000.5)
        flow.brings(first, 1000.6, 2)
        flow.delivers(1, 2)
        flow.ponged(first, 1000.4, 1000.7)
        assert flow.is_live()

    def test_it_is_left_when_it_has_delivered_all(self) -> None:
        """It is pinged at once; when it has answered, the next one goes on where it ended, without a gap."""
        flow, first, second = draining()
        assert first.ping_at == 1000.5
        flow.brings(second, 1000.6, 2, 3)
        flow.brings(first, 1000.7, 1, 2)
        assert flow.ponged(first, 1000.4, 1000.7) == "DRAINING"
        assert flow.ponged(first, 1000.5, 1000.8) == "LIVE"
        flow.closes(first, politely=True)
        flow.brings(second, 1000.9, 4)
        flow.delivers(1, 2, 3, 4)
        statistics = flow.stream.statistics(KEY_STATISTICS, 0.0)
        assert (statistics.moves, statistics.gaps, statistics.duplicates, statistics.events) == (1, 1, 1, 5)
        assert statistics.connected_since == 1000.5 + LOCAL

    def test_what_comes_twice_later_is_left_out_as_well(self) -> None:
        """The next socket may be slower than the first: until it has answered a ping, too."""
        flow, first, second = draining()
        flow.brings(first, 1000.6, 1, 2)
        flow.ponged(first, 1000.5, 1000.7)
        flow.brings(second, 1000.8, 1)
        assert second.ping_at == 1000.7
        flow.brings(second, 1000.9, 2, 3)
        flow.ponged(second, 1000.7, 1001.0)
        flow.delivers(1, 2, 3)
        assert second.skip is None

    def test_a_question_that_is_in_the_way_does_not_keep_it(self) -> None:
        """A ping under way when the next one opens does not put off that which says that all was delivered."""
        flow, first, second = moving()
        flow.opened(second, 1000.5)
        flow.ponged(first, 1000.4, 1000.6)
        assert first.ping_at == 1000.5

    def test_a_first_that_ends_leaves_no_gap_if_both_have_an_event(self) -> None:
        """Everything before it came from one, everything after it comes from the other."""
        flow, first, second = draining()
        flow.brings(first, 1000.6, 1, 2)
        flow.brings(second, 1000.6, 2, 3)
        assert flow.ends(first, 1000.7) == "LIVE"
        flow.delivers(1, 2, 3)

    def test_but_otherwise_it_does(self) -> None:
        """What it had not delivered when the next one opened is lost, and told before what is held."""
        flow, first, second = draining()
        flow.ponged(first, 999.0, 1000.55)
        flow.brings(first, 1000.6, 1)
        flow.brings(second, 1000.6, 3)
        flow.ends(first, 1000.7)
        _, gap, _ = items = flow.items()
        assert [type(item).__name__ for item in items] == ["UserEvent", "Gap", "UserEvent"]
        assert (gap.started_at, gap.ended_at) == (999 + LOCAL, 1000.5 + LOCAL)  # type: ignore[union-attr]

    @pytest.mark.parametrize("announcement", [SHUTDOWN, expired()])
    def test_an_announcement_on_both_is_no_such_event(self, announcement: bytes) -> None:
        """The exchange says it on every socket at the same time, on one that is deaf for the account's events, too."""
        flow, first, second = draining()
        flow.ponged(first, 999.0, 1000.55)
        flow.brings(first, 1000.6, announcement)
        flow.brings(second, 1000.6, announcement, 3)
        flow.ends(first, 1000.7)
        _, gap, _ = items = flow.items()
        assert [type(item).__name__ for item in items] == ["UserEvent", "Gap", "UserEvent"]
        assert (gap.started_at, gap.ended_at) == (999 + LOCAL, 1000.5 + LOCAL)  # type: ignore[union-attr]

    def test_what_was_lost_with_both_is_told(self) -> None:
        """With an event on both there is no gap between them; but what one had sent before it was open may be lost."""
        flow, first, second = draining()
        flow.brings(first, 1000.6, 1)
        flow.brings(second, 1000.6, 1)
        flow.ends(first, 1000.7)
        flow.ends(second, 1000.8)
        flow.items()
        flow.held(1001.0)
        flow.opened(flow.opens(1001.0), 1001.2)
        assert flow.gap().started_at == 1000 + LOCAL

    def test_it_has_five_seconds_to_answer(self) -> None:
        """A first that is dead does not hold up the next one's events for longer."""
        flow, first, second = draining()
        flow.brings(second, 1000.6, 1)
        assert flow.tick(1005.4) == "DRAINING"
        assert flow.tick(1005.5) == "LIVE"
        flow.closes(first, politely=False)
        flow.delivers("unresponsive", 1)

    @pytest.mark.parametrize("late", [5.0, 20.0, 7200.0])
    def test_a_program_that_computes_meanwhile_reads_its_answer_first(self, late: float) -> None:
        """Time in which nobody read is none that the first one has had (S4)."""
        flow, first, second = draining()
        flow.brings(second, 1000.6, 1, 2)
        flow.held(1000.6 + late)
        flow.stream.tick(1000.6 + late)
        assert flow.state == "DRAINING"
        flow.brings(first, 1000.7 + late, 1, 2)
        assert flow.ponged(first, 1000.6, 1000.8 + late) == "LIVE"
        flow.closes(first, politely=True)
        flow.delivers(1, 2)

    def test_but_there_is_an_end_to_it(self) -> None:
        """One that computes again and again has the first one dead after the eighth time."""
        flow, _, second = draining()
        flow.brings(second, 1000.6, 1)
        for nth in range(1, 9):
            assert flow.state == "DRAINING"
            flow.stream.tick(1000.6 + nth * 40)
        assert flow.state != "DRAINING"
        flow.delivers("unresponsive", 1)

    def test_a_key_that_changed_meanwhile_is_followed_at_once(self) -> None:
        """What is wanted when patience ends does not wait for another tick."""
        flow, _, _ = draining()
        flow.held(1000.6, 2)
        assert flow.tick(1005.5) == "MOVING"
        assert flow.wants() == ["Close", "Open"]

    def test_it_has_the_time_in_which_nobody_reads(self) -> None:
        """A slow consumer keeps the first socket from showing anything: the five seconds begin when it is read from."""
        flow, first, second = draining()
        flow.stream.paused(first)
        flow.held(1020.0)
        assert flow.stream.deadline == 1060.5
        flow.brings(second, 1030.0, 2)
        assert flow.tick(1040.0) == "DRAINING"
        flow.stream.resumed(first, 1050.0)
        assert flow.tick(1054.9) == "DRAINING"
        flow.brings(first, 1054.95, 1, 2)
        assert flow.ponged(first, 1000.5, 1054.96) == "LIVE"
        flow.delivers(1, 2)

    def test_nor_has_one_that_nobody_reads_from_when_the_next_one_opens(self) -> None:
        """The same holds if it was so before."""
        flow, first, second = moving()
        flow.stream.paused(first)
        flow.opened(second, 1000.5)
        flow.held(1020.0)
        assert flow.stream.deadline == 1060.5
        flow.stream.resumed(first, 1050.0)
        assert flow.tick(1055.0) == "LIVE"
        flow.delivers("unresponsive")

    def test_there_is_an_end_to_patience(self) -> None:
        """A consumer that is stuck must not keep the stream from asking whether the key lives (S5)."""
        flow, first, _ = draining()
        flow.stream.paused(first)
        flow.stream.resumed(first, 1058.0)
        flow.stream.paused(first)
        assert flow.tick(1060.0) == "DRAINING"
        assert flow.wants() == ["AskAboutKey"]
        assert flow.stream.deadline == 1060.5
        assert flow.tick(1060.5) == "SILENT"
        assert flow.wants() == ["Close"]
        flow.delivers("unresponsive")

    def test_an_event_on_both_says_nothing_where_channels_are_subscribed_to_in_turn(self) -> None:
        """It came on a channel that the second had already; one on another was lost with the first."""
        flow, first, second = draining(overlaps=False)
        flow.brings(first, 1000.6, 1)
        flow.brings(second, 1000.6, 1, 3)
        flow.ends(first, 1000.7)
        flow.delivers(1, "disconnected", 3)

    def test_it_has_a_ping_at_most(self) -> None:
        """Where pings are more frequent than that, so is the end of patience."""
        flow, first = live(timing=Timing(feed_lag=0, ping_every=2))
        flow.held(100.0)
        flow.brings(first, 100.0, SHUTDOWN)
        second = flow.opens(100.0)
        flow.opened(second, 101.0)
        assert flow.tick(102.9) == "DRAINING"
        assert flow.tick(103.0) == "LIVE"

    def test_a_first_that_does_not_answer_a_ping_is_left(self) -> None:
        """The next one takes over."""
        flow, first, _ = draining()
        assert flow.unanswered(first, 990.0, 1001.0) == "LIVE"
        flow.closes(first, politely=False)
        assert flow.gap().cause == "unresponsive"

    def test_memory_is_bounded(self) -> None:
        """A next one that brings more than there is room for does not wait any longer."""
        flow, first = live(limit=3)
        flow.held(100.0)
        flow.brings(first, 100.0, SHUTDOWN)
        second = flow.opens(100.0)
        flow.opened(second, 100.5)
        flow.brings(second, 101.0, 1, 2, 3)
        assert flow.state == "DRAINING"
        flow.brings(second, 101.0, 4)
        assert flow.state == "LIVE"
        flow.closes(first, politely=False)
        assert len(flow.items()) == 6

    def test_a_handshake_that_fails_changes_nothing(self) -> None:
        """The first goes on; the next try backs off; nothing is remembered for it."""
        flow, first, second = moving()
        flow.brings(first, 1000.1, 1)
        assert flow.fails(second, 1000.2, draw=0.5) == "LIVE"
        assert flow.stream.deadline == pytest.approx(1000.2 + 0.55)
        flow.brings(first, 1000.3, 2)
        flow.delivers(1, 2)
        assert flow.opens(flow.stream.deadline) is not second

    def test_a_next_one_that_ends_changes_nothing(self) -> None:
        """What it held the first will bring as well; what comes late from it is of no interest."""
        flow, first, second = draining()
        flow.brings(second, 1000.6, 1)
        assert flow.ends(second, 1000.7, draw=0.5) == "LIVE"
        flow.brings(second, 1000.8, *range(200))
        flow.brings(first, 1000.8, 1)
        flow.delivers(1)
        assert flow.wants() == []
        assert flow.stream.deadline == pytest.approx(1000.7 + 0.55)
        assert flow.stream.statistics(KEY_STATISTICS, 0.0).disconnects == 1

    def test_a_next_one_that_does_not_answer_neither(self) -> None:
        """It is closed without a goodbye."""
        flow, _, second = draining()
        assert flow.unanswered(second, 1000.6, 1004.0) == "LIVE"
        flow.closes(second, politely=False)
        assert flow.items() == []

    def test_a_first_that_ends_early_leaves_one_handshake(self) -> None:
        """The next socket is then the only one, and may bring again what the first has brought."""
        flow, first, second = moving()
        flow.brings(first, 1000.1, 1)
        assert flow.ends(first, 1000.2) == "CONNECTING"
        assert flow.wants() == []
        assert flow.opened(second, 1000.5) == "LIVE"
        flow.brings(second, 1000.6, 1, 2)
        flow.delivers(1, "disconnected", 2)

    def test_one_that_is_opened_after_it_brings_nothing_twice(self) -> None:
        """If that handshake fails, too, nothing is remembered for the one after it."""
        flow, first, second = moving()
        flow.brings(first, 1000.1, 1)
        flow.ends(first, 1000.2)
        flow.fails(second, 1000.3)
        flow.held(1001.0)
        third = flow.opens(1001.0)
        flow.opened(third, 1001.1)
        assert third.skip is None

    def test_a_key_that_dies_meanwhile_ends_the_handshake(self) -> None:
        """The first goes on, silently, until there is another key."""
        flow, _, second = moving()
        assert flow.lost(1000.1) == "SILENT"
        flow.closes(second, politely=False)
        assert flow.held(1000.3, 2) == "MOVING"

    def test_a_key_that_dies_while_both_are_open_ends_neither(self) -> None:
        """What they have is delivered; then they are silent, and left when there is another key."""
        flow, first, _ = draining()
        assert flow.lost(1000.6) == "DRAINING"
        flow.brings(first, 1000.7, 1)
        assert flow.ponged(first, 1000.5, 1000.7) == "SILENT"
        flow.delivers(1)
        assert flow.stream.deadline == inf
        flow.stream.actions()
        assert flow.held(1001.0, 2) == "MOVING"

    def test_a_key_may_change_twice(self) -> None:
        """Each is followed, one after the other, and each change is told."""
        flow, first = live()
        flow.held(100.0, 2)
        second = flow.opens(100.0)
        flow.held(100.1, 3)
        flow.opened(second, 100.2)
        assert flow.ponged(first, 100.2, 100.3) == "MOVING"
        _, action = flow.stream.actions()
        assert isinstance(action, Open)
        flow.opened(action.socket, 100.5)
        flow.ponged(second, 100.5, 100.6)
        gap = flow.gap()
        assert (gap.generation_before, gap.generation_after) == (1, 3)
        assert (gap.started_at, gap.ended_at) == (LOCAL, 100.5 + LOCAL)

    def test_a_key_that_was_replaced_while_the_old_one_works_leaves_no_gap(self) -> None:
        """If an event comes on both there is nothing between."""
        flow, first = live()
        flow.held(100.0, 2)
        second = flow.opens(100.0)
        flow.opened(second, 100.2)
        flow.brings(first, 100.3, 1)
        flow.brings(second, 100.3, 1, 2)
        flow.ponged(first, 100.2, 100.4)
        flow.delivers(1, 2)

    def test_a_next_one_for_another_key_has_all_that_there_is(self) -> None:
        """If it ends before it took over, what it held is delivered; the first is of a dead key."""
        flow, first = live()
        flow.lost(100.0)
        flow.held(100.0, 2)
        second = flow.opens(100.0)
        flow.opened(second, 100.2)
        flow.brings(second, 100.3, 1)
        assert flow.ends(second, 100.4) == "WAITING"
        assert flow.wants()[0] == "Close"
        flow.delivers("key_lost", 1)
        flow.brings(first, 100.5, 2)
        assert flow.items() == []

    def test_what_was_held_proves_its_key_for_when_it_was_read(self) -> None:
        """A ping that the next socket answers later proves nothing of a key that may have died since (S10)."""
        flow, first, second = draining()
        flow.brings(second, 1000.9, 1)
        flow.ponged(second, 1003.0, 1003.1)
        flow.ponged(first, 1003.0, 1003.2)
        flow.closes(first, politely=True)
        flow.lost(1004.0)
        flow.held(1004.1, 2)
        third = flow.opens(1004.1)
        flow.opened(third, 1004.2)
        flow.ponged(second, 1004.3, 1004.4)
        event, gap = flow.items()
        assert isinstance(event, UserEvent)
        assert isinstance(gap, Gap)
        assert gap.started_at == 1000 + LOCAL, "the handshake: what was read after it was sent later"

    def test_nothing_moves_in_a_hot_loop(self) -> None:
        """An exchange that says of each socket that it will end it is believed at growing intervals."""
        flow, socket, now = *live(draw=0.999999), 100.0
        moved_at = []
        for _ in range(8):
            flow.held(now)
            flow.brings(socket, now, SHUTDOWN)
            if flow.state != "MOVING":
                now = flow.stream.deadline
                flow.held(now)
            second = flow.opens(now)
            moved_at.append(now)
            flow.opened(second, now)
            flow.ponged(socket, now, now)
            flow.stream.actions()
            socket = second
        assert [round(later - earlier) for earlier, later in pairwise(moved_at)] == [10, 20, 40, 60, 60, 60, 60]

    def test_an_announcement_is_about_the_socket_that_brings_it(self) -> None:
        """One that was held is heeded when its socket has taken over, even if it looks like one that came before."""
        flow, first, second = draining()
        flow.brings(first, 1000.6, SHUTDOWN)
        flow.brings(second, 1000.6, SHUTDOWN)
        flow.ponged(first, 1000.5, 1000.7)
        assert second.move_at == 1005.5  # not at once: the first one has announced its end a moment ago

    def test_a_long_message_is_no_announcement(self) -> None:
        """An order may be called so."""
        flow, first = live()
        flow.brings(first, 10.0, b'{"e":"serverShutdown","E":1,"x":"%b"}' % (b"x" * 256))
        assert flow.state == "LIVE"


class TestLastEventTime:
    """A gap's ``last_event_time`` is that of an event of the account: none that was missed is older (S10)."""

    @pytest.mark.parametrize("said", [expired(), SHUTDOWN, b"[%b]" % expired(), b"[%b,%b]" % (SHUTDOWN, expired())])
    def test_what_is_said_of_key_and_socket_is_none(self, said: bytes) -> None:
        """The exchange says that a key is dead when it notices, which may be long after the first missed event."""
        flow, first = live()
        flow.brings(first, 10.0, 7, said)
        flow.brings(first, 11.0, said)
        flow.ends(first, 12.0)
        flow.held(12.0)
        flow.wants()
        flow.held(30.0)
        second = flow.stream.sockets.next
        assert second is not None
        flow.opened(second, 30.0)
        gap = flow.items()[-1]
        assert gap.last_event_time == 7  # type: ignore[union-attr]

    def test_nor_where_it_is_words(self) -> None:
        """Some exchanges have no event for it."""
        flow, first = live(expired="Invalid listen key")
        flow.brings(first, 10.0, 7, b'{"msg":"Invalid listen key"}', b'{"e":"x","E":9,"c":"Invalid listen key"}')
        assert flow.stream.buffer.latest is not None
        assert flow.stream.buffer.latest.time == 9

    def test_nor_where_events_were_dropped(self) -> None:
        """Neither of what was taken before, nor of what stayed."""
        flow, first = live(limit=1, on_full="drop_oldest")
        flow.brings(first, 1.0, 5)
        flow.items()
        flow.brings(first, 1.5, expired())
        flow.items()
        flow.brings(first, 2.0, 6, 7)
        assert flow.gap().last_event_time == 5


class TestFeedsThatLag:
    """An account's feed may lag behind pongs, and behind that of another gateway, by ``feed_lag`` (S3, S10)."""

    def test_a_reader_that_waits_while_they_overlap_changes_nothing(self) -> None:
        """The first one was not asked yet: there is no patience to lose with it."""
        flow, first, _ = draining(timing=Timing())
        due = flow.stream.deadline
        flow.stream.paused(first)
        flow.stream.resumed(first, 1000.6)
        assert flow.stream.deadline == due

    def test_both_sockets_overlap(self) -> None:
        """For feed_lag until the next one has all for certain, and for another until the first one has shown that."""
        flow, first, second = draining(timing=Timing())
        assert flow.ponged(first, 1002.4, 1002.45) == "DRAINING"
        assert flow.stream.deadline == 1002.5
        assert flow.tick(1002.5) == "DRAINING"
        assert first.ping_at == 1002.5
        flow.brings(first, 1002.6, 1, 2)
        flow.brings(second, 1002.6, 2, 3)
        assert flow.ponged(first, 1002.5, 1002.7) == "LIVE"
        flow.delivers(1, 2, 3)

    def test_a_subscription_is_asked_about_then(self) -> None:
        """The question belongs to the same moment as the ping."""
        flow, first, _ = draining(timing=Timing(), subscribes=True)
        assert flow.wants() == []
        flow.tick(1002.5)
        assert flow.stream.actions() == [AskOnSocket(first)]

    def test_the_time_to_answer_begins_when_it_is_asked(self) -> None:
        """However late that is: while nobody let time pass, nobody read."""
        flow, first, _ = draining(timing=Timing())
        assert flow.tick(1020.0) == "DRAINING"
        assert flow.tick(1024.9) == "DRAINING"
        assert flow.ponged(first, 1020.0, 1024.9) == "LIVE"
        assert flow.items() == []

    def test_a_dead_key_holds_nothing_up(self) -> None:
        """Not much is to be had of its socket, and the next one's events are waited for."""
        flow, first = live(timing=Timing())
        flow.lost(50.0)
        flow.held(50.1, 2)
        second = flow.opens(50.1)
        flow.opened(second, 50.2)
        assert flow.ponged(first, 50.2, 50.3) == "LIVE"
        assert flow.gap().ended_at == 51.2 + LOCAL

    def test_but_one_that_came_back_was_not_dead(self) -> None:
        """The exchange named it again, and then another one: the first may deliver still."""
        flow, first = live(timing=Timing())
        flow.lost(50.0)
        flow.held(50.1)
        flow.held(50.2, 2)
        flow.opened(flow.opens(50.2), 50.3)
        assert flow.ponged(first, 50.3, 50.4) == "DRAINING"

    def test_a_gap_is_wider_by_it(self) -> None:
        """What happened before an answered ping may not have come; nor what happened after a handshake."""
        flow, first = live(timing=Timing())
        flow.ponged(first, 95.0, 95.1)
        flow.ends(first, 100.0)
        flow.held(100.2)
        flow.stream.actions()
        flow.opened(flow.stream.sockets.next, 100.5)  # type: ignore[arg-type]
        gap = flow.gap()
        assert (gap.started_at, gap.ended_at) == (94 + LOCAL, 101.5 + LOCAL)
        assert (gap.unix_started_at, gap.unix_ended_at) == (94 + UNIX, 101.5 + UNIX)

    def test_a_next_gateway_that_is_behind_delivers_nothing_twice(self) -> None:
        """After a drop it brings what was delivered up to feed_lag before; and later, until its feed is past that."""
        flow, first = live(timing=Timing())
        flow.brings(first, 98.0, 1)
        flow.brings(first, 99.9, 2, 3)
        flow.held(100.0)
        flow.ends(first, 100.0)
        second = flow.opens(100.0)
        flow.opened(second, 100.1)
        flow.brings(second, 100.3, 2)
        flow.ponged(second, 100.9, 101.0)
        flow.brings(second, 101.05, 3)
        flow.ponged(second, 101.1, 101.2)
        flow.brings(second, 101.3, 4, 3)
        flow.delivers(1, 2, 3, "disconnected", 4, 3)

    def test_nor_does_one_after_two(self) -> None:
        """What was delivered counts, by whichever socket."""
        flow, first, second = draining(timing=Timing())
        flow.tick(1002.5)
        flow.brings(first, 1002.6, 1)
        flow.ponged(first, 1002.5, 1002.7)
        flow.held(1002.8)
        flow.ends(second, 1002.8)
        flow.held(1003.0)
        third = flow.opens(flow.stream.deadline) if flow.state == "WAITING" else flow.stream.sockets.next
        assert third is not None
        flow.opened(third, 1003.1)
        flow.brings(third, 1003.2, 1, 2)
        flow.delivers(1, "disconnected", 2)

    def test_no_event_is_late_for_an_announcement(self) -> None:
        """What is said of a socket may be ahead of the events: none that no gap covers is left out for it (S2)."""
        flow, first, second = draining(timing=Timing())
        flow.brings(second, 1003.0, 1_003_000)
        flow.brings(first, 1004.0, b'{"e":"serverShutdown","E":1004000}')
        flow.ends(first, 1004.1)
        shutdown, gap, event = flow.items()
        assert isinstance(gap, Gap)
        assert gap.ended_at < 1003 + LOCAL
        assert (shutdown.time, event.time) == (1_004_000, 1_003_000)  # type: ignore[union-attr]

    def test_more_than_that_is_told(self) -> None:
        """The next one has read an event so early that the first one should have delivered it: some may be missing."""
        flow, first, second = draining(timing=Timing())
        flow.brings(second, 1001.0, 3)
        flow.brings(first, 1001.2, 1)
        flow.tick(1002.5)
        flow.ponged(first, 1002.5, 1002.6)
        event, gap, later = flow.items()
        assert (event.raw, later.raw) == (order(1), order(3))  # type: ignore[union-attr]
        assert (gap.started_at, gap.ended_at) == (999 + LOCAL, 1001.5 + LOCAL)  # type: ignore[union-attr]


class TestSubscriptions:
    """Where each socket has a subscription of its own, which may die by itself."""

    def test_one_proves_nothing_of_another(self) -> None:
        """What was not confirmed on the socket itself may be missing from it, whatever holds for the key."""
        flow, first = live(subscribes=True)
        flow.confirmed(first, 5.0, 5.1)
        flow.ponged(first, 12.0, 12.1)
        flow.held(13.0)
        flow.ends(first, 14.0)
        flow.items()
        flow.held(14.0)
        flow.opened(flow.opens(20.0), 20.5)
        assert flow.gap().started_at == LOCAL + 5

    def test_it_was_alive_when_it_was_answered(self) -> None:
        """The answer to it is younger than its handshake: there is no doubt for a minute, and a gap begins there."""
        flow, first = live(subscribes=True)
        flow.confirmed(first, 59.0, 59.1)
        flow.ends(first, 100.0)
        flow.asks()
        flow.stream.key_request_failing(100.0)
        second = flow.opens(100.0)
        flow.opened(second, 100.5)
        assert flow.stream.deadline == 160
        flow.items()
        flow.ponged(second, 140.0, 140.1)
        flow.ends(second, 150.0)
        flow.opened(flow.opens(150.0), 150.5)
        assert flow.gap().started_at == LOCAL + 100

    def test_the_one_before_proves_nothing_of_it(self) -> None:
        """A minute after its own proof it is asked about, though the first was confirmed later than that (S8).

        What was observed on the first is observed all the same (S10).
        """
        flow, first, second = draining(subscribes=True)
        flow.confirmed(first, 1004.0, 1004.1)
        assert flow.ponged(first, 1004.0, 1004.1) == "LIVE"
        flow.wants()
        flow.ponged(second, 1050.0, 1050.1)
        assert flow.tick(1060.0) == "SILENT"
        flow.asks()
        flow.tick(1062.0)
        assert not flow.is_live()
        flow.ends(second, 1063.0)
        flow.asks()
        flow.held(1063.0)
        flow.opened(flow.opens(1063.0), 1063.5)
        assert flow.gap().started_at == LOCAL + 1004

    def test_a_doubt_is_over_when_it_is_confirmed(self) -> None:
        """It is asked about on its socket; an answer on another, or one that is late, is none."""
        flow, first = live(subscribes=True)
        assert flow.tick(60.0) == "SILENT"
        flow.asks()
        assert flow.held(60.1) == "SILENT"
        assert flow.confirmed(first, 60.0, 60.2) == "LIVE"
        assert flow.stream.deadline == 120

    def test_a_quiet_one_is_left_without_a_gap(self) -> None:
        """Once the next one is open the first is pinged and asked; when both are answered, nothing was missed."""
        flow, first, second = draining(subscribes=True)
        assert flow.stream.actions() == [AskOnSocket(first)]
        assert first.ping_at == 1000.5
        assert flow.ponged(first, 1000.5, 1000.6) == "DRAINING"
        assert flow.wants() == []
        assert flow.confirmed(first, 1000.5, 1000.7) == "LIVE"
        flow.closes(first, politely=True)
        flow.brings(second, 1000.8, 1)
        flow.delivers(1)

    def test_the_answers_may_come_in_any_order(self) -> None:
        """That the subscription was alive is not enough: something may be under way."""
        flow, first, second = draining(subscribes=True)
        assert flow.confirmed(first, 1000.5, 1000.6) == "DRAINING"
        flow.brings(second, 1000.6, 2)
        flow.brings(first, 1000.6, 1)
        assert flow.ponged(first, 1000.5, 1000.7) == "LIVE"
        flow.delivers(1, 2)

    def test_an_older_answer_does_not_do(self) -> None:
        """What was asked before the next one was open says nothing of the moment at which it was."""
        flow, first, _ = draining(subscribes=True)
        flow.ponged(first, 1000.5, 1000.6)
        assert flow.confirmed(first, 1000.4, 1000.6) == "DRAINING"
        assert flow.confirmed(first, 1000.5, 1000.7) == "LIVE"
        assert flow.items() == []

    def test_an_answer_on_the_next_one_does_not_do(self) -> None:
        """Nor what holds for the key; the next one's answer is kept for later."""
        flow, first, second = draining(subscribes=True)
        flow.ponged(first, 1000.5, 1000.6)
        assert flow.confirmed(second, 1000.7, 1000.8) == "DRAINING"
        assert second.proof_at == 1000.7
        assert flow.held(1000.9) == "DRAINING"
        assert flow.tick(1005.4) == "DRAINING"
        assert flow.tick(1005.5) != "DRAINING"

    def test_no_answer_is_a_gap_in_bounded_time(self) -> None:
        """It begins with the last proof, and what the next one holds follows it."""
        flow, first, second = draining(subscribes=True)
        flow.stream.actions()
        flow.ponged(first, 1000.5, 1000.6)
        flow.brings(second, 1000.7, 1)
        assert flow.tick(1005.4) == "DRAINING"
        assert flow.tick(1005.5) == "LIVE"
        flow.closes(first, politely=False)
        gap, event = flow.items()
        assert (gap.cause, gap.started_at, gap.ended_at) == (  # type: ignore[union-attr]
            "unresponsive",
            1000 + LOCAL,
            1000.5 + LOCAL,
        )
        assert event.raw == order(1)  # type: ignore[union-attr]
        flow.kinds  # noqa: B018 - collects what was told
        told = next(notice.error for notice in flow.heard if notice.kind == "dropped")
        assert "has not shown that it has delivered everything for 5 s" in str(told)

    def test_one_that_was_dead_is_a_gap(self) -> None:
        """The exchange does not know it any more, which ends the socket: since its last proof much may be missing."""
        flow, first, _ = draining(subscribes=True)
        flow.ponged(first, 1000.5, 1000.6)
        assert flow.ends(first, 1000.7) == "LIVE"
        gap = flow.gap()
        assert (gap.cause, gap.started_at, gap.ended_at) == ("disconnected", 1000 + LOCAL, 1000.5 + LOCAL)

    def test_an_event_that_both_have_is_as_good_as_an_answer(self) -> None:
        """An exchange that does not answer costs a busy account some seconds, but no gap."""
        flow, first, second = draining(subscribes=True)
        flow.ponged(first, 1000.5, 1000.6)
        flow.brings(first, 1000.7, 1)
        flow.brings(second, 1000.7, 1, 2)
        assert flow.tick(1005.5) == "LIVE"
        flow.delivers(1, 2)

    def test_a_token_is_renewed_without_a_gap(self) -> None:
        """The subscription by the old one lives on, and says so."""
        flow, first = live(subscribes=True)
        flow.held(1000.0, 2)
        second = flow.opens(1000.0)
        flow.opened(second, 1000.5)
        assert flow.stream.actions() == [AskOnSocket(first)]
        flow.confirmed(first, 1000.5, 1000.6)
        assert flow.ponged(first, 1000.5, 1000.6) == "LIVE"
        assert flow.items() == []
        assert flow.is_live()

    def test_the_first_goes_on_if_the_next_one_fails(self) -> None:
        """A token that was replaced is no dead one: the socket by it is kept, and the move is tried again."""
        flow, first = live(subscribes=True)
        flow.confirmed(first, 1000.0, 1000.0)
        flow.stream.actions()
        flow.held(1000.0, 2)
        second = flow.opens(1000.0)
        flow.opened(second, 1000.5)
        flow.stream.actions()
        flow.brings(second, 1000.6, 1)
        assert flow.ends(second, 1000.7, draw=0.5) == "LIVE"
        flow.brings(first, 1000.8, 1)
        flow.delivers(1)
        assert flow.stream.deadline == pytest.approx(1000.7 + 0.55)
        third = flow.opens(flow.stream.deadline)
        assert third.generation == 2

    def test_what_is_confirmed_on_one_that_was_given_up_is_of_no_interest(self) -> None:
        """What it brought besides was not delivered."""
        flow, first = live(subscribes=True)
        flow.ends(first, 100.0)
        flow.stream.actions()
        flow.confirmed(first, 99.0, 100.1)
        assert first.proof_at == 0

    def test_without_a_socket_there_is_no_one_to_ask(self) -> None:
        """The question says on which socket, or that there is none."""
        flow, first = live(subscribes=True)
        flow.ends(first, 100.0)
        assert flow.stream.actions() == [AskAboutKey()]

    def test_a_slow_consumer_costs_no_gap(self) -> None:
        """While nobody reads from the first socket, neither pong nor answer is seen; there is time for that later."""
        flow, first, second = draining(subscribes=True)
        flow.stream.paused(first)
        flow.brings(second, 1001.0, 2)
        assert flow.tick(1040.0) == "DRAINING"
        flow.stream.resumed(first, 1040.0)
        flow.brings(first, 1040.1, 1, 2)
        flow.confirmed(first, 1000.5, 1040.2)
        assert flow.ponged(first, 1040.0, 1040.3) == "LIVE"
        flow.delivers(1, 2)


class TestLeaps:
    def test_hours_pass_between_two_ticks(self) -> None:
        """Whatever was due meanwhile is due now, once."""
        flow, _ = live()
        assert flow.tick(30 * 3600.0) == "MOVING"
        assert flow.wants() == ["AskAboutKey", "Open"]
        flow, _ = live()
        assert flow.tick(3600.0) == "SILENT"
        flow.asks()
        flow, socket = live()
        flow.ends(socket, 100.0)
        flow.stream.actions()
        assert flow.tick(3600.0) == "WAITING"
        flow.asks()

    def test_a_handover_is_over_soon_after(self) -> None:
        """The first has some seconds of its time left."""
        flow, _, second = draining()
        flow.held(9000.0)
        assert flow.tick(9000.0) == "DRAINING"
        assert flow.tick(9005.0) == "LIVE"
        assert flow.stream.sockets.current is second


class TestOverflow:
    def test_what_is_dropped_is_a_gap(self) -> None:
        """It says since when, and how many; the first of them was not sent before all that was observed."""
        flow, socket = live(limit=2, on_full="drop_newest")
        flow.brings(socket, 1.0, 1, 2)
        flow.ponged(socket, 2.0, 2.1)
        flow.brings(socket, 3.0, 3)
        flow.brings(socket, 4.0, 4)
        gap = flow.items()[-1]
        assert (gap.cause, gap.missed, gap.last_event_time) == ("overflow", 2, 2)  # type: ignore[union-attr]
        assert (gap.started_at, gap.ended_at) == (2 + LOCAL, 4 + LOCAL)  # type: ignore[union-attr]
        assert (gap.unix_started_at, gap.unix_ended_at) == (2 + UNIX, 4 + UNIX)  # type: ignore[union-attr]
        assert flow.kinds == ["connected", "gap"]
        statistics = flow.stream.statistics(KEY_STATISTICS, 0.0)
        assert (statistics.dropped, statistics.gaps, statistics.events) == (2, 2, 4)

    def test_before_the_first_event_there_is_none(self) -> None:
        """A gap at the beginning comes after nothing."""
        flow, socket = live(limit=1, on_full="drop_oldest")
        flow.brings(socket, 1.0, 1, 2)
        assert flow.gap().last_event_time is None


class TestEnd:
    @pytest.mark.parametrize("make", [live, moving, draining])
    def test_every_socket_is_closed(self, make: object) -> None:
        """With a goodbye, once; and after that nothing happens, whatever comes."""
        flow, *sockets = make()  # type: ignore[operator]
        flow.stream.stop()
        assert [(action.socket, action.politely) for action in flow.stream.actions()] == [
            (socket, True) for socket in sockets
        ]
        flow.stream.stop()
        for socket in sockets:
            flow.brings(socket, 2000.0, *range(200))
            flow.ends(socket, 2000.0)
            flow.fails(socket, 2000.0)
            flow.opened(socket, 2000.0)
            flow.ponged(socket, 1999.0, 2000.0)
            flow.unanswered(socket, 1999.0, 2000.0)
        flow.lost(2000.0)
        flow.held(2000.0, 7)
        flow.stream.key_request_failing(2000.0)
        assert flow.tick(1e9) == "CLOSED"
        assert (flow.stream.deadline, flow.wants(), flow.items()) == (inf, [], [])
        assert flow.stream.failure is None

    def test_it_may_end_before_it_began(self) -> None:
        """There is nothing to close then."""
        flow = Flow()
        flow.stream.stop()
        assert (flow.tick(1e9), flow.wants()) == ("CLOSED", [])


class TestStatistics:
    def test_it_says_what_it_is(self) -> None:
        """Times are on the user's clock; counts are of what observers have heard."""
        flow, socket = live()
        flow.brings(socket, 5.0, 1, 2)
        statistics = flow.stream.statistics(KEY_STATISTICS, 77.0)
        assert (statistics.state, statistics.is_live, statistics.generation) == ("live", True, 1)
        assert (statistics.connected_since, statistics.last_frame_at) == (LOCAL, 5 + LOCAL)
        assert (statistics.presumed_valid_until, statistics.buffered) == (77, 2)
        assert (statistics.connects, statistics.events, statistics.key) == (1, 2, KEY_STATISTICS)

    def test_it_says_since_when_a_ping_waits_for_its_answer(self) -> None:
        """From when it was due until the answer is read; then there is none to wait for."""
        flow, socket = live()
        due = socket.ping_at

        def waits(now: float) -> float | None:
            flow.stream.tick(now)
            return flow.stream.statistics(KEY_STATISTICS, 77.0).ping_unanswered_since

        assert [waits(due), waits(due + 3)] == [None, due + LOCAL]
        flow.ponged(socket, due, due + 4)
        assert waits(due + 5) is None

    def test_without_a_socket_there_are_no_times(self) -> None:
        """Nothing is connected, and nothing was heard."""
        flow, socket = live()
        flow.ends(socket, 100.0)
        flow.stream.actions()
        flow.held(100.0)
        flow.fails(flow.opens(100.0), 100.0)
        statistics = flow.stream.statistics(KEY_STATISTICS, 77.0)
        assert (statistics.connected_since, statistics.last_frame_at) == (None, None)
        assert statistics.ping_unanswered_since is None
        assert (statistics.failed_connects, statistics.disconnects, statistics.is_live) == (1, 1, False)

    def test_news_are_told_once(self) -> None:
        """What was asked for is not there again."""
        flow = Flow()
        assert not flow.has_news()
        flow.held(0.0)
        assert flow.has_news()
        socket: StreamSocket = flow.opens(0.0)
        assert not flow.has_news()
        flow.opened(socket, 0.1)
        assert flow.has_news()
        assert flow.kinds == ["connected"]
        assert not flow.has_news()
