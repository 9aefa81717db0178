"""From nothing to the first key: what is sent when, and when opening fails with what."""

from math import inf

import pytest
from life import ACCOUNT, FORM, GONE, NEVER_SENT, NO_ANSWER, ODD_KEY, REFUSED, Life, alive, banned

from trio_listenkey import RateLimitedError, Timing, UnavailableError, UsageError, Venue, venues
from trio_listenkey._core._accounts import Host
from trio_listenkey._core._key_lifecycle import KeepaliveSchedule, Send
from trio_listenkey._core._notices import Retrying
from trio_listenkey._core._outcomes import Outcome, Transient


class TestPace:
    def test_it_is_the_venues_word(self) -> None:
        """Without a word of the user's, the venue's counts."""
        assert KeepaliveSchedule.of(FORM, Timing()) == KeepaliveSchedule(3600, 1800)

    def test_another_validity_has_its_half_for_a_pause(self) -> None:
        """Who overrides how long a key lives has it kept alive at half of that."""
        assert KeepaliveSchedule.of(FORM, Timing(validity=60)) == KeepaliveSchedule(60, 30)

    def test_the_users_word_counts(self) -> None:
        """Both may be given, or the pause alone."""
        assert KeepaliveSchedule.of(FORM, Timing(validity=60, keepalive_every=50)) == KeepaliveSchedule(60, 50)
        assert KeepaliveSchedule.of(FORM, Timing(keepalive_every=600)) == KeepaliveSchedule(3600, 600)

    @pytest.mark.parametrize(
        "timing",
        [
            Timing(keepalive_every=3600),
            Timing(keepalive_every=1e9),
            Timing(validity=60, keepalive_every=60),
            Timing(validity=60, keepalive_every=1800),
        ],
    )
    def test_a_keepalive_that_comes_too_late_is_an_error(self, timing: Timing) -> None:
        """Keys that die between two keepalives are a mistake of the call, before anything is sent."""
        with pytest.raises(UsageError, match="too late"):
            KeepaliveSchedule.of(FORM, timing)
        with pytest.raises(UsageError, match="too late"):
            Life(FORM, timing=timing)


class TestFirstKey:
    def test_the_first_create_is_due_at_once(self) -> None:
        """Opening begins with a create, now."""
        life = Life(now=100.0)
        assert life.machine.next_request_at == 100
        life.sends(100.0, "create", None)
        assert life.state == "CREATING"

    def test_nothing_else_is_sent_meanwhile(self) -> None:
        """With a request in flight there is nothing to send (K1)."""
        life = Life()
        life.sends(0.0, "create", None)
        assert life.machine.next_request_at == inf
        assert life.next_request(5.0) is None

    def test_the_first_key_is_generation_one(self) -> None:
        """Before it there is none, after it there is one, and observers hear of it once."""
        life = Life()
        assert (life.machine.key, life.machine.generation, life.machine.expires_at) == (None, 0, -inf)
        life.sends(0.0, "create", None)
        life.gets(alive("K1"), 1.0)
        assert (life.machine.key, life.machine.generation, life.state) == ("K1", 1, "HELD")
        assert life.kinds == ["created"]
        assert life.machine.notices() == []

    def test_it_lives_from_when_it_was_asked_for(self) -> None:
        """Validity counts from when the create was sent, however slow the answer was (K2)."""
        life = Life()
        life.sends(2.0, "create", None)
        life.gets(alive("K1"), 9.0)
        assert life.machine.expires_at == 3602
        assert life.machine.give_up_at == 3602

    def test_an_answer_is_waited_for_as_long_as_a_request_may_take(self) -> None:
        """The first limit is the request's own."""
        life = Life()
        life.sends(1.0, "create", None)
        assert life.machine.answer_deadline == 11

    def test_an_answer_is_not_waited_for_beyond_the_end_of_opening(self) -> None:
        """A later create has what is left of ``open_timeout``."""
        life = Life(timing=Timing(open_timeout=30))
        life.sends(25.0, "create", None)
        assert life.machine.answer_deadline == 30

    def test_what_is_to_be_sent_shows_no_key(self) -> None:
        """The ``repr`` of a request to send has its verb alone (T1)."""
        assert repr(Send("close", "K1")) == "<Send close>"

    def test_a_create_cannot_miss_its_key(self) -> None:
        """``GONE`` as the answer to a create is a bug of the reader's, and says so."""
        life = Life()
        life.sends(0.0, "create", None)
        with pytest.raises(AssertionError, match=r"CREATING.*GONE"):
            life.machine.receive(GONE, 0.0, 0.0)


class TestRetries:
    def test_creates_are_retried_with_growing_delays(self) -> None:
        """Each delay is drawn from a range twice as wide as the one before (K3)."""
        life = Life(timing=Timing(open_timeout=1000, retry_base=1, retry_cap=60))
        now = 0.0
        for ceiling in (1, 2, 4, 8, 16, 32, 60, 60):
            life.sends(now, "create", None)
            life.gets(NO_ANSWER, now, draw=0.5)
            delay = 0.1 + (ceiling - 0.1) / 2
            assert life.machine.next_request_at == pytest.approx(now + delay)
            assert life.told(Retrying).delay == pytest.approx(delay)
            assert life.told(Retrying).error is NO_ANSWER.error
            now = life.machine.next_request_at

    def test_nothing_is_sent_before_the_delay_is_over(self) -> None:
        """The next try has its time."""
        life = Life()
        life.sends(0.0, "create", None)
        life.gets(NO_ANSWER, 0.0, draw=0.5)
        assert life.next_request(0.54) is None
        life.sends(0.55, "create", None)

    def test_an_unlucky_draw_does_not_end_it_early(self) -> None:
        """However long the backoff has become, there is a try shortly before the time for opening is over."""
        life = Life(timing=Timing(open_timeout=30, retry_base=1, retry_cap=60))
        now = 0.0
        for due in (1, 3, 7, 15, 29):
            life.sends(now, "create", None)
            life.gets(NO_ANSWER, now, draw=0.999999)
            now = life.machine.next_request_at
            assert now == pytest.approx(due, abs=0.01)
        life.sends(now, "create", None)
        assert life.gets(alive("K1"), now) == "HELD"

    def test_success_after_retries_is_success(self) -> None:
        """Once there is a key, the failures before do not matter, and there is no limit to life."""
        life = Life(timing=Timing(open_timeout=30))
        life.sends(0.0, "create", None)
        life.gets(NO_ANSWER, 10.0)
        life.sends(29.0, "create", None)
        life.gets(alive("K1"), 29.5)
        assert life.tick(1000.0) == "HELD"
        assert life.machine.failure is None
        assert life.kinds == ["retrying", "created"]

    def test_a_refusal_fails_at_once(self) -> None:
        """What the exchange would refuse again is not tried again (K3)."""
        life = Life()
        life.sends(0.0, "create", None)
        assert life.gets(REFUSED, 1.0) == "FAILED"
        assert life.failure is REFUSED.error
        assert life.machine.next_request_at == inf
        assert life.machine.give_up_at == inf
        assert life.next_request(100.0) is None


class TestGivingUp:
    def test_opening_fails_with_the_last_error(self) -> None:
        """When ``open_timeout`` is over, the last failure is what is raised."""
        life = Life(timing=Timing(open_timeout=30))
        life.sends(0.0, "create", None)
        life.gets(NEVER_SENT, 10.0)
        life.sends(20.0, "create", None)
        assert life.gets(NO_ANSWER, 30.0) == "FAILED"
        assert life.failure is NO_ANSWER.error

    def test_it_does_not_wait_for_a_try_that_would_come_too_late(self) -> None:
        """If the next try would come after ``open_timeout``, opening fails now rather than then."""
        life = Life(timing=Timing(open_timeout=30, retry_base=20))
        life.sends(0.0, "create", None)
        assert life.gets(NO_ANSWER, 10.0, draw=0.99) == "VACANT"
        life.sends(29.9, "create", None)
        assert life.gets(NO_ANSWER, 29.9, draw=0.5) == "FAILED"

    @pytest.mark.parametrize(("now", "state"), [(29.999, "VACANT"), (30.0, "FAILED")])
    def test_the_limit_counts_from_the_beginning(self, now: float, state: str) -> None:
        """A key that may not be asked for in time is given up at ``open_timeout``, and not before."""
        assert Life(timing=Timing(open_timeout=30)).tick(now) == state

    def test_who_never_had_a_turn_says_so(self) -> None:
        """Without any answer of one's own there is an error that says what was in the way."""
        life = Life(timing=Timing(open_timeout=30))
        life.tick(30.0)
        assert isinstance(life.failure, UnavailableError)
        assert (life.failure.venue, life.failure.verb) == ("binance-us", "create")
        assert "30 s" in life.failure.problem

    @pytest.mark.parametrize("outcome", [NO_ANSWER, banned(300)], ids=["no answer", "ban"])
    def test_no_retry_is_told_that_does_not_come(self, outcome: Outcome) -> None:
        """Observers hear of another try only if there is time for one."""
        life = Life(timing=Timing(open_timeout=30))
        life.sends(29.95, "create", None)
        assert life.gets(outcome, 29.95) == "FAILED"
        assert life.kinds == []
        assert life.machine.statistics().retries == 0

    def test_once_there_was_a_key_there_is_no_limit(self) -> None:
        """A replacement is tried for as long as the block lasts."""
        life = Life(timing=Timing(open_timeout=30))
        life.sends(0.0, "create", None)
        life.gets(alive("K1"), 0.0)
        assert life.tick(4000.0) == "VACANT"
        life.sends(4000.0, "create", "K1")
        life.gets(NO_ANSWER, 4010.0)
        assert life.tick(400_000.0) == "VACANT"
        assert life.machine.give_up_at == inf


class TestSilence:
    def test_a_wait_within_the_limit_is_waited_out(self) -> None:
        """Silence that ends before ``open_timeout`` delays the next create."""
        life = Life(timing=Timing(open_timeout=30))
        life.sends(0.0, "create", None)
        assert life.gets(banned(20), 1.0) == "VACANT"
        assert life.next_request(20.9) is None
        life.sends(21.0, "create", None)
        assert life.kinds == ["retrying"]
        assert life.told(Retrying).delay == 20

    @pytest.mark.parametrize("status", [418, 429])
    def test_a_wait_beyond_the_limit_fails_at_once(self, status: int) -> None:
        """Silence for longer than ``open_timeout`` is raised now, with all that the exchange said."""
        life = Life(timing=Timing(open_timeout=30))
        life.sends(0.0, "create", None)
        assert life.gets(banned(300, status), 1.0) == "FAILED"
        failure = life.failure
        assert isinstance(failure, RateLimitedError)
        assert failure.retry_after == 300
        assert (failure.venue, failure.verb) == ("binance-us", "create")
        assert (failure.status, failure.code, failure.message) == (status, -1003, "Too much.")

    def test_a_ban_of_another_account_is_ours(self) -> None:
        """A ban that another key of the host was told fails an opening that cannot outlast it, without a request."""
        host = Host()
        host.block(100.0)
        life = Life(timing=Timing(open_timeout=30), account=host.register("/path", "api-key"), now=10.0)
        assert life.tick(10.0) == "FAILED"
        assert isinstance(life.failure, RateLimitedError)
        assert life.failure.retry_after == 90
        assert (life.failure.status, life.failure.code, life.failure.message) == (None, None, None)
        assert life.machine.statistics().requests == 0

    def test_a_ban_of_another_account_that_ends_in_time_is_waited_out(self) -> None:
        """Nothing is sent before the ban of the host is over."""
        host = Host()
        host.block(20.0)
        life = Life(timing=Timing(open_timeout=30), account=host.register("/path", "api-key"))
        assert life.next_request(19.9) is None
        life.sends(20.0, "create", None)

    def test_what_is_left_of_the_ban_is_told(self) -> None:
        """The time in the error counts from when it is raised, not from when the ban was told."""
        life = Life(timing=Timing(open_timeout=30))
        life.sends(0.0, "create", None)
        life.gets(banned(20), 1.0)
        life.account.host.block(500.0)
        assert life.tick(5.0) == "FAILED"
        assert isinstance(life.failure, RateLimitedError)
        assert life.failure.retry_after == 495

    def test_the_end_of_a_ban_is_no_starting_signal(self) -> None:
        """After a ban, creates are spread over ``retry_base`` by each key's own draw (K3, K6)."""
        host = Host()
        lives = [Life(timing=Timing(open_timeout=60), account=host.register("/path", f"api-key-{n}")) for n in range(3)]
        for number, life in enumerate(lives):
            life.sends(0.0, "create", None)
            life.gets(NEVER_SENT, 0.0, draw=number * 0.25)
        host.block(20.0)
        assert [life.machine.next_request_at for life in lives] == [20.0, 20.25, 20.5]

    def test_who_comes_during_a_ban_has_a_moment_of_its_own(self) -> None:
        """Contexts that open during a ban start at different moments after it, each by the draw that it came with."""
        host = Host()
        host.block(20.0)
        lives = [Life(account=host.register("/path", f"api-key-{n}"), now=5.0, draw=n * 0.25) for n in range(3)]
        assert [life.machine.next_request_at for life in lives] == [20.0, 20.25, 20.5]

    @pytest.mark.parametrize("seconds", [2, 29])
    def test_the_spread_makes_no_failure_of_a_short_ban(self, seconds: float) -> None:
        """However wide ``retry_base`` is, the spread takes half of what is left of ``open_timeout`` at most."""
        life = Life(timing=Timing(open_timeout=30, retry_base=40))
        life.sends(0.0, "create", None)
        assert life.gets(banned(seconds), 0.0, draw=0.999) == "VACANT"
        assert life.machine.next_request_at == pytest.approx(seconds + (30 - seconds) / 2, abs=0.02)

    def test_another_failure_lends_a_ban_no_facts(self) -> None:
        """A ban that was told to another account has no status and no words, whatever went wrong here before."""
        life = Life(timing=Timing(open_timeout=30))
        life.sends(0.0, "create", None)
        error = UnavailableError("no", advice="Wait", status=503, code=-1000, message="Maintenance.")
        life.gets(Transient(error, may_be_done=False), 1.0)
        life.account.host.block(500.0)
        assert life.tick(2.0) == "FAILED"
        assert isinstance(life.failure, RateLimitedError)
        assert (life.failure.status, life.failure.code, life.failure.message) == (None, None, None)

    def test_waits_are_counted(self) -> None:
        """Answers that asked for silence are told apart from other failures."""
        life = Life()
        life.sends(0.0, "create", None)
        life.gets(banned(5), 0.0)
        life.sends(6.0, "create", None)
        life.gets(NO_ANSWER, 6.0)
        statistics = life.machine.statistics()
        assert (statistics.requests, statistics.retries, statistics.waits) == (2, 2, 1)


@pytest.mark.parametrize("venue", [FORM, ACCOUNT, venues.BINANCE_COINM], ids=lambda venue: venue.name)
def test_a_key_that_no_url_may_hold_fails_the_opening(venue: Venue) -> None:
    """An answer whose key cannot be used is raised at once, and remembered as a key that may have been made."""
    life = Life(venue)
    life.sends(0.0, "create", None)
    assert life.gets(ODD_KEY, 0.0) == "FAILED"
    assert life.failure is ODD_KEY.error
    assert life.stops(1.0) == ("CLOSED" if venue is FORM else "LEAVING")
