"""Many streams at once, and one stream again and again: sockets are opened neither all together nor in a hot loop."""

from itertools import pairwise
from math import inf
from random import Random

import pytest
from flow import SHUTDOWN, Flow, live

from trio_listenkey import RateLimitedError, Timing
from trio_listenkey._core._connect_limiter import ConnectLimiter
from trio_listenkey._core._stream_actions import AskAboutKey, Close, Open
from trio_listenkey._core._stream_socket import StreamSocket

LONG = Timing(feed_lag=0, open_timeout=1e6)


class Crowd:
    """Streams at one host, each of an account of its own; what they want is done at once, and kept with its time."""

    def __init__(self, number: int, *, announces: bool = False) -> None:
        random = Random(7)
        limiter = ConnectLimiter()
        self.announces = announces
        self.now = 0.0
        self.asked: list[float] = []
        self.opened: list[tuple[float, int]] = []
        self.flows: list[Flow] = []
        self.sockets: list[StreamSocket] = []
        for _ in range(number):
            flow, socket = live(limiter=limiter)
            flow.stream._pacing._draw = random.random
            self.flows.append(flow)
            self.sockets.append(socket)
        limiter._attempts.clear()  # as after five minutes

    def run(self, until: float) -> None:
        for number, flow in enumerate(self.flows):
            self.follow(number, flow)
        while (now := min(flow.stream.deadline for flow in self.flows)) <= until:
            self.now = max(self.now, now)
            for number, flow in enumerate(self.flows):
                if flow.stream.deadline <= self.now:
                    flow.stream.tick(self.now)
                self.follow(number, flow)
        self.now = until

    def follow(self, number: int, flow: Flow) -> None:
        while actions := flow.stream.actions():
            for action in actions:
                match action:
                    case AskAboutKey():
                        self.asked.append(self.now)
                        flow.held(self.now)
                    case Open(socket):
                        self.opened.append((self.now, number))
                        first = flow.stream.sockets.current
                        flow.opened(socket, self.now)
                        if first is not None:
                            flow.ponged(first, self.now, self.now)
                        self.sockets[number] = socket
                        if self.announces:
                            flow.brings(socket, self.now, SHUTDOWN)
                    case Close():
                        pass


def busiest(times: list[float], window: float) -> int:
    """The most within one ``window``."""
    return max(sum(at <= other < at + window for other in times) for at in times)


class TestManyFallTogether:
    def test_they_are_followed_one_after_the_other(self) -> None:
        """A hundred sockets that worked and fell together: requests and handshakes come within seconds, not at once."""
        crowd = Crowd(100)
        crowd.now = 50.0
        for flow, socket in zip(crowd.flows, crowd.sockets, strict=True):
            flow.ends(socket, 50.0, draw=0.5)
        crowd.run(59.0)
        opened = [at for at, _ in crowd.opened]
        assert len(opened) == len(crowd.asked) == 100
        assert 54 < max(opened) < 56
        for times in (opened, crowd.asked):
            assert busiest(times, 0.1) <= 7
            assert busiest(times, 1.0) <= 25
        assert all(flow.is_live() for flow in crowd.flows)

    def test_one_alone_is_followed_at_once(self) -> None:
        """Each moment without a socket may cost an event: there is nothing to spread."""
        crowd = Crowd(100)
        crowd.now = 50.0
        crowd.flows[3].ends(crowd.sockets[3], 50.0)
        crowd.run(50.0)
        assert crowd.opened == [(50.0, 3)]

    def test_statistics_say_that_it_is_not_its_turn(self) -> None:
        """Who waits for others is told until when."""
        crowd = Crowd(30)
        for flow, socket in zip(crowd.flows, crowd.sockets, strict=True):
            flow.ends(socket, 50.0)
        waits = [flow.stream.statistics(None, inf) for flow in crowd.flows]
        assert (waits[0].waits_for, waits[0].next_connect_at) == (None, None)
        assert waits[-1].waits_for == "backoff"
        assert waits[-1].next_connect_at == pytest.approx(50 + 25 * 0.05 + flow.stream.axes.to_local)


class TestShutdownIsAnnounced:
    def test_on_each_new_socket_at_once(self) -> None:
        """Twenty streams, each of whose sockets is told so as soon as it is open: a handful of moves each, no loop."""
        crowd = Crowd(20, announces=True)
        crowd.now = 50.0
        for number, (flow, socket) in enumerate(zip(crowd.flows, crowd.sockets, strict=True)):
            flow.held(50.0)
            flow.brings(socket, 50.0, SHUTDOWN)
            crowd.follow(number, flow)
        crowd.run(80.0)
        assert 40 <= len(crowd.opened) <= 80  # it was 211
        for number in range(20):
            times = [at for at, who in crowd.opened if who == number]
            assert all(later - earlier >= 5 for earlier, later in pairwise(times)), "the unluckiest one, too"
        assert all(flow.stream.sockets.current is not None for flow in crowd.flows)

    def test_each_move_has_a_draw_of_its_own(self) -> None:
        """Nobody is first for ever."""
        crowd = Crowd(20, announces=True)
        for number, (flow, socket) in enumerate(zip(crowd.flows, crowd.sockets, strict=True)):
            flow.held(1.0)
            flow.brings(socket, 1.0, SHUTDOWN)
            crowd.follow(number, flow)
        crowd.run(50.0)
        ranks = []
        for move in (1, 2):
            when = {who: [at for at, each in crowd.opened if each == who][move] for who in range(20)}
            last = {who: [at for at, each in crowd.opened if each == who][move - 1] for who in range(20)}
            ranks.append(sorted(range(20), key=lambda who: when[who] - last[who]))
        assert ranks[0] != ranks[1]

    def test_a_socket_that_lasted_is_left_at_once(self) -> None:
        """The floor is between moves in a row: a restart of the exchange in the evening is not that of the morning."""
        flow, first = live(draw=0.9)
        for now in (1000.0, 2000.0):
            flow.held(now)
            assert flow.brings(first, now, SHUTDOWN) == "MOVING"
            second = flow.opens(now)
            flow.opened(second, now)
            flow.ponged(first, now, now)
            flow.stream.actions()
            first = second

    def test_it_is_news_to_the_driver(self) -> None:
        """A move that has to wait for its turn is due earlier than whatever the driver waits for."""
        crowd = Crowd(10)
        for flow, socket in zip(crowd.flows, crowd.sockets, strict=True):
            flow.held(100.0)
            flow.stream.notices()
            flow.brings(socket, 100.0, SHUTDOWN)
        last = crowd.flows[-1]
        assert last.state == "LIVE"
        assert last.stream.deadline < 101
        assert last.has_news()

    def test_what_is_said_twice_counts_once(self) -> None:
        """An exchange that repeats itself does not push the move further away."""
        flow, first = live(draw=0.9)
        flow.held(100.0)
        flow.brings(first, 100.0, *[SHUTDOWN] * 50)
        assert flow.state == "MOVING"
        second = flow.opens(100.0)
        flow.opened(second, 100.0)
        flow.ponged(first, 100.0, 100.0)
        flow.brings(second, 100.0, SHUTDOWN)
        due = flow.stream.deadline
        flow.brings(second, 105.0, *[SHUTDOWN] * 50)
        assert flow.stream.deadline == due == second.move_at


class TestANewKey:
    def test_it_is_connected_to_at_once(self) -> None:
        """That handshakes with the old key failed says nothing of the new one."""
        flow, first = live(timing=LONG, draw=0.99)
        flow.ends(first, 50.0)
        flow.asks()
        now = 50.0
        for _ in range(6):
            flow.held(now)
            flow.fails(flow.opens(now), now, draw=0.99)
            now = flow.stream.deadline
        flow.lost(now + 0.1)
        flow.held(now + 0.2, 2)
        assert flow.opens(now + 0.2).generation == 2

    def test_the_same_one_again_is_none(self) -> None:
        """A key that is confirmed in the middle of a back-off does not end it."""
        flow, first = live(timing=LONG)
        flow.ends(first, 50.0)
        flow.asks()
        flow.held(50.0)
        flow.fails(flow.opens(50.0), 50.0, draw=0.99)
        flow.held(50.1)
        assert flow.wants() == []
        assert flow.stream.deadline > 50.9

    def test_a_host_that_wants_silence_gets_it_all_the_same(self) -> None:
        """A ban is the host's, and not the key's."""
        flow, first = live(timing=LONG)
        flow.ends(first, 50.0)
        flow.asks()
        flow.held(50.0)
        flow.fails(flow.opens(50.0), 50.0, status=429)
        flow.lost(50.1)
        flow.held(50.2, 2)
        assert flow.wants() == []
        statistics = flow.stream.statistics(None, inf)
        assert statistics.waits_for == "exchange"
        assert statistics.next_connect_at == pytest.approx(80 + flow.stream.axes.to_local)


class TestOurOwnLimit:
    @staticmethod
    def shut(until: float) -> ConnectLimiter:
        limiter = ConnectLimiter()
        for _ in range(240):
            limiter.record_attempt(until - 300)
        return limiter

    def test_opening_fails_at_once_and_says_so(self) -> None:
        """It is our own pace, and it is said when it goes on; nobody is sent to look at the network."""
        flow = Flow(limiter=self.shut(200.0))
        flow.held(1.0)
        assert flow.wants() == []
        failure = flow.stream.failure
        assert isinstance(failure, RateLimitedError)
        assert failure.retry_after == 199
        assert "240 sockets" in failure.problem
        assert "own" in failure.problem
        assert "reachable" not in str(failure)

    def test_it_waits_where_that_is_enough(self) -> None:
        """What is allowed before opening has failed is waited for."""
        flow = Flow(limiter=self.shut(20.0))
        flow.held(1.0)
        statistics = flow.stream.statistics(None, inf)
        assert statistics.waits_for == "own_limit"
        assert statistics.next_connect_at == pytest.approx(20 + flow.stream.axes.to_local)
        flow.held(20.0)
        assert flow.opened(flow.opens(20.0), 20.1) == "LIVE"

    def test_a_stream_that_was_open_goes_on(self) -> None:
        """It says what it waits for, and fails for nothing."""
        flow, first = live(limiter=self.shut(-100.0))
        for _ in range(240):
            flow.limiter.record_attempt(0.0)
        flow.ends(first, 100.0)
        assert flow.stream.failure is None
        assert flow.stream.statistics(None, inf).waits_for == "own_limit"
        flow.held(300.0)
        assert flow.opened(flow.opens(300.0), 300.1) == "LIVE"

    def test_a_move_that_waits_says_so(self) -> None:
        """A socket that should be replaced works meanwhile."""
        flow, first = live(limiter=self.shut(-100.0))
        for _ in range(240):
            flow.limiter.record_attempt(0.0)
        flow.ponged(first, 99.0, 100.0)
        flow.held(100.0)
        flow.brings(first, 100.0, SHUTDOWN)
        statistics = flow.stream.statistics(None, inf)
        assert (statistics.waits_for, statistics.is_live) == ("own_limit", True)

    def test_nothing_waits_for_a_key_that_is_not_there_for_a_time(self) -> None:
        """Nobody knows when there will be one."""
        flow = Flow()
        statistics = flow.stream.statistics(None, inf)
        assert (statistics.waits_for, statistics.next_connect_at) == ("key", None)
        flow, _ = live()
        statistics = flow.stream.statistics(None, inf)
        assert (statistics.waits_for, statistics.next_connect_at) == (None, None)


@pytest.mark.parametrize("draw", [0.0, 0.5, 0.999])
def test_a_handshake_comes_when_the_host_said(draw: float) -> None:
    """ "Retry-After: 5" is five seconds, and a little more so that not all come at once."""
    flow = Flow(timing=LONG, draw=draw)
    flow.held(0.0)
    socket = flow.opens(0.0)
    flow.draw = draw
    error = OSError()
    error.status, error.retry_after = 429, 5.0  # type: ignore[attr-defined]
    flow.stream.open_failed(socket, error, 0.0)
    assert 5 <= flow.stream.deadline == pytest.approx(5 + 0.5 * draw)
