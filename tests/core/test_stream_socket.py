"""What one socket has seen, and what two have seen both."""

from math import inf

import pytest

from trio_listenkey._core._delivered import Delivered
from trio_listenkey._core._stream_socket import StreamSocket
from trio_listenkey._events import UserEvent

EVERY = 20.0


def event(number: int, *, envelope: str = "") -> UserEvent:
    text = f'{{"e":"x","E":{number}}}'
    return UserEvent((f'{{"stream":"{envelope}","data":{text}}}' if envelope else text).encode(), 0.0)


def make_socket(
    *, generation: int = 1, began_at: float = 10.0, opened_at: float = 11.0, proof_at: float = 5.0
) -> StreamSocket:
    """An open one."""
    made = StreamSocket(generation, began_at, proof_at)
    made.open(opened_at, EVERY)
    return made


class TestObservation:
    def test_it_begins_with_the_handshake(self) -> None:
        """Until a ping is answered nothing is certain but that nothing came before."""
        made = make_socket()
        assert (made.observed_at, made.opened_at, made.heard_at) == (10, 11, 11)
        assert made.ping_at == 31

    def test_before_it_is_open_no_ping_is_due(self) -> None:
        """There is nobody to ask."""
        made = StreamSocket(1, 10.0, 5.0)
        assert (made.ping_at, made.move_at, made.opened_at) == (inf, inf, inf)

    def test_an_answered_ping_proves_all_before_it(self) -> None:
        """What the exchange had sent when the ping was sent was read; what came after it may not have been."""
        made = make_socket()
        made.ponged(31.0, 33.0, EVERY)
        assert (made.observed_at, made.heard_at, made.ping_at) == (31, 33, 51)

    def test_it_never_goes_back(self) -> None:
        """An answer to an older ping says less than is known."""
        made = make_socket()
        made.ponged(31.0, 33.0, EVERY)
        made.ponged(30.0, 34.0, EVERY)
        assert made.observed_at == 31

    def test_a_ping_that_was_wanted_meanwhile_stays_wanted(self) -> None:
        """An answer to a ping that was sent before does not put off the one that is due."""
        made = make_socket()
        made.ping_at = 32.0
        made.ponged(31.0, 33.0, EVERY)
        assert made.ping_at == 32

    def test_an_event_proves_the_key_and_nothing_else(self) -> None:
        """The key was alive some time after all that was observed; how long the event was under way is unknown."""
        made = make_socket()
        made.ponged(31.0, 33.0, EVERY)
        made.prove(40.0, is_news=True)
        assert (made.proof_at, made.event_at, made.alive_at, made.observed_at) == (31, 40, 40, 31)

    def test_a_better_proof_stays(self) -> None:
        """What the exchange has said counts for more than an event from before."""
        made = make_socket(proof_at=50.0)
        made.prove(40.0, is_news=True)
        assert (made.proof_at, made.alive_at) == (50, 50)


class TestSubscription:
    def test_what_holds_for_the_key_holds_for_a_socket_with_it(self) -> None:
        """It never goes back."""
        made = make_socket()
        made.key_proven(30.0)
        made.key_proven(20.0)
        assert made.proof_at == 30

    def test_but_not_for_one_with_a_subscription_of_its_own(self) -> None:
        """That was alive when it was answered, and whenever it is confirmed."""
        made = StreamSocket(1, 10.0, 5.0, is_subscribed=True)
        made.open(11.0, EVERY)
        assert made.proof_at == 10
        made.key_proven(30.0)
        assert made.proof_at == 10
        made.confirmed(20.0)
        made.confirmed(15.0)
        assert made.proof_at == 20

    @pytest.mark.parametrize(("is_subscribed", "until"), [(False, 30.0), (True, 20.0)])
    def test_what_it_has_for_certain(self, is_subscribed: bool, until: float) -> None:
        """Nothing is under way; and if it has a subscription of its own, that was alive."""
        made = StreamSocket(1, 10.0, 5.0, is_subscribed=is_subscribed)
        made.open(11.0, EVERY)
        made.ponged(30.0, 30.1, EVERY)
        made.confirmed(20.0)
        assert made.certain_at == 20
        assert made.has_all_until(until)
        assert not made.has_all_until(until + 0.1)


class TestPause:
    def test_who_does_not_read_cannot_be_answered(self) -> None:
        """While paused, and for pings from before, a missing answer means nothing."""
        made = make_socket()
        assert made.must_answer(31.0)
        made.pause()
        assert made.is_paused
        assert not made.must_answer(31.0)
        made.resume(60.0, EVERY)
        assert [made.is_paused] == [False]
        assert not made.must_answer(59.0)
        assert made.must_answer(60.0)

    def test_after_it_a_ping_is_due(self) -> None:
        """It will say when all that was missed was read."""
        made = make_socket()
        made.pause()
        made.resume(60.0, EVERY)
        assert made.ping_at == 60

    def test_pings_are_a_second_apart_however_often_it_pauses(self) -> None:
        """An exchange counts them, and ends the socket of a client that says too much."""
        made = make_socket()
        made.ponged(59.5, 59.6, EVERY)
        made.pause()
        made.resume(60.0, EVERY)
        assert made.ping_at == 60.5

    def test_or_half_of_what_is_asked_for(self) -> None:
        """Whoever wants pings more often than once a second gets them: there is a time limit on their answers."""
        made = StreamSocket(1, 0.0, 0.0)
        made.open(1.0, 0.5)
        made.ponged(59.9, 59.95, 0.5)
        made.pause()
        made.resume(60.0, 0.5)
        assert made.ping_at == pytest.approx(60.15)

    def test_what_comes_then_is_old_news(self) -> None:
        """Events prove nothing of the present until a ping that was sent after the pause is answered."""
        made = make_socket()
        made.pause()
        made.resume(60.0, EVERY)
        made.prove(60.5, is_news=not made.is_lagging)
        made.ponged(59.0, 61.0, EVERY)
        made.prove(61.0, is_news=not made.is_lagging)
        assert (made.event_at, made.is_lagging) == (-inf, True)
        made.ponged(60.0, 62.0, EVERY)
        made.prove(63.0, is_news=not made.is_lagging)
        assert (made.event_at, made.is_lagging) == (63, False)

    def test_a_second_pause_is_one_too(self) -> None:
        """An answer that comes when it is paused again says nothing of being up to date."""
        made = make_socket()
        made.pause()
        made.resume(60.0, EVERY)
        made.pause()
        made.ponged(60.0, 62.0, EVERY)
        assert made.is_lagging


class TestAnswers:
    def test_a_peer_answers_until_two_pings_were_due(self) -> None:
        """One that does not is dropped by then; what is not known while nobody reads is not presumed."""
        made = make_socket()
        assert made.is_answering(50.9, EVERY)
        assert not made.is_answering(51.0, EVERY)
        made.ponged(31.0, 33.0, EVERY)
        made.ponged(30.0, 34.0, EVERY)
        assert made.is_answering(70.9, EVERY)
        assert not made.is_answering(71.0, EVERY)


class TestDoubles:
    def followed(self, delivered: Delivered, now: float = 100.0, feed_lag: float = 0.0) -> StreamSocket:
        new = make_socket(began_at=98.0, opened_at=99.0)
        new.leave_out(delivered.since(90.0), now, feed_lag)
        return new

    def delivered(self, *numbers: int) -> Delivered:
        made = Delivered()
        made.add([event(number) for number in numbers], 0, 95.0, 90.0)
        return made

    def test_what_is_old_is_forgotten(self) -> None:
        """Where no feed lags and no socket is being opened, nothing is remembered."""
        made = Delivered()
        made.add([event(1)], 0, 95.0, 95.0)
        assert not made.since(-inf)
        made.add([event(1)], 0, 95.0, 94.0)
        made.add([event(2)], 0, 96.0, 95.0)
        made.add([], 0, 96.0, 95.0)
        assert made.since(95.5).counts.total() == 1
        assert made.since(95.0).counts.total() == 2
        made.add([event(3)], 0, 97.0, 96.5)
        assert list(made.since(-inf).counts) == [event(3).payload]

    def test_memory_is_bounded_in_events(self) -> None:
        """The oldest are forgotten; never those that came last."""
        made = Delivered()
        for number in range(4):
            made.add([event(number)] * 20_000, 0, 95.0, 90.0)
        assert sorted(made.since(-inf).counts.values()) == [20_000, 20_000]
        made.add([event(9)] * 70_000, 0, 95.0, 90.0)
        assert made.since(-inf).counts == {event(9).payload: 70_000}

    def test_memory_is_bounded_in_bytes(self) -> None:
        """The same, where messages are very large."""
        made = Delivered()
        for number in range(4):
            made.add([event(number)], 15 * 2**20, 95.0, 90.0)
        assert list(made.since(-inf).counts) == [event(2).payload, event(3).payload]
        made.add([event(9)], 99 * 2**20, 95.0, 90.0)
        assert list(made.since(-inf).counts) == [event(9).payload]

    def test_an_event_on_both_is_known(self) -> None:
        """One that both have delivered, even in another key's envelope, is enough."""
        old = self.delivered(1, 2).since(90.0)
        assert old.joins([event(2), event(3)])
        assert old.joins([event(2, envelope="K2"), event(3)])
        assert not old.joins([event(3)])
        assert not old.joins([event(3), event(2)])  # the first has missed what is before the one that both have
        assert not old.joins([])

    @pytest.mark.parametrize("raw", [b"", b"hello", b'{"e":"x"}', b'{"e":"x","E":true}'])
    def test_what_has_no_time_is_never_the_same(self, raw: bytes) -> None:
        """Two messages that look alike are one event only if they are of one time."""
        old = self.delivered()
        old.add([UserEvent(raw, 0.0)], 0, 95.0, 90.0)
        assert not old.since(90.0).joins([UserEvent(raw, 0.0)])

    def test_a_long_one_without_a_time_is_left_out(self) -> None:
        """GMO Coin's events have theirs elsewhere, and MEXC's are no JSON; but what is like them closes no gap."""
        long, words = UserEvent(b"x" * 65, 0.0), UserEvent(b"x" * 64, 0.0)
        old = self.delivered()
        old.add([long, words], 0, 95.0, 90.0)
        assert not old.since(90.0).joins([long])
        assert old.since(90.0).take_out([long, words, long]) == ([words, long], 0)

    def test_each_is_left_out_once(self) -> None:
        """What came twice on the first, and so on the second, is left out twice, and not three times."""
        old = self.delivered(1, 1, 2).since(90.0)
        assert old.take_out([event(1), event(3), event(1), event(1), event(2)]) == ([event(3), event(1)], 0)

    def test_what_is_late_is_left_out_where_a_gap_was_told(self) -> None:
        """A feed that began late has missed what is before the first event it had: that comes in order no more."""
        old = self.delivered(5).since(90.0)
        old.after_gap = True
        assert old.take_out([event(3), event(4)]) == ([], 2)
        assert old.take_out([event(7), event(5), event(8)]) == ([event(8)], 1)
        assert old.take_out([event(4), event(9)]) == ([event(9)], 1)

    def test_what_is_late_stays_where_none_was(self) -> None:
        """Nothing is left out and not told."""
        old = self.delivered(5).since(90.0)
        assert old.take_out([event(3), event(5), event(4)]) == ([event(3), event(4)], 0)

    def test_without_doubles_all_are_new(self) -> None:
        """Nothing was delivered since the second socket began, so nothing can come twice."""
        new = self.followed(self.delivered())
        assert new.skip is None
        assert new.ping_at == 119

    def test_a_ping_ends_it(self) -> None:
        """When one that is sent feed_lag later is answered, everything that could come twice has come."""
        new = self.followed(self.delivered(1), feed_lag=1.0)
        assert new.ping_at == 101
        new.ponged(100.9, 101.5, EVERY)
        assert new.skip is not None
        new.ponged(101.0, 101.6, EVERY)
        assert new.skip is None

    def test_knowledge_is_handed_on(self) -> None:
        """What was known of the same key is known still; of another it says nothing."""
        old = make_socket()
        old.ponged(98.5, 98.6, EVERY)
        old.prove(98.7, is_news=True)
        new = make_socket(began_at=98.0, opened_at=99.0)
        new.follow(old)
        assert (new.proof_at, new.observed_at, new.event_at) == (98.5, 98.5, 98.7)
        other = make_socket(generation=2, began_at=98.0, opened_at=99.0)
        other.follow(old)
        assert (other.proof_at, other.observed_at) == (5, 98)
