"""The end of the block: what is closed, by whom, how often it is tried, and what is said of it."""

from math import inf

import pytest
from life import ACCOUNT, FORM, GONE, NEVER_SENT, NO_ANSWER, ODD_KEY, OK, REFUSED, Life, alive, banned, held

from trio_listenkey import Timing, UnavailableError, Venue
from trio_listenkey._core._accounts import Host
from trio_listenkey._core._notices import Closed
from trio_listenkey._core._outcomes import Ok, Outcome

both_dialects = pytest.mark.parametrize("venue", [FORM, ACCOUNT], ids=lambda venue: venue.name)
HOURS = Timing(open_timeout=3600, close_timeout=3600)


class TestClose:
    @both_dialects
    def test_a_held_key_is_closed(self, venue: Venue) -> None:
        """The end of the block sends a close, and its success ends it all (L1)."""
        life = held(venue)
        assert life.stops(5.0) == "LEAVING"
        life.sends(5.0, "close", "K1")
        assert life.state == "CLOSING"
        assert life.gets(OK, 6.0) == "CLOSED"
        assert life.machine.closed is True
        assert life.heard[-1] == Closed(life.machine.generation, None)
        assert life.machine.expires_at == 6
        assert life.account.key is None
        assert (life.machine.next_request_at, life.machine.failure) == (inf, None)

    def test_a_key_that_is_gone_is_closed(self) -> None:
        """-1125 to a close: someone was faster, and nothing is left behind."""
        life = held()
        life.stops(5.0)
        life.sends(5.0, "close", "K1")
        assert life.gets(GONE, 6.0) == "CLOSED"
        assert life.machine.closed is True
        assert life.heard[-1] == Closed(life.machine.generation, None)

    def test_a_close_that_is_refused_is_told(self) -> None:
        """A refused close is not retried and raises nothing: it is reported (L1)."""
        life = held()
        life.stops(5.0)
        life.sends(5.0, "close", "K1")
        assert life.gets(REFUSED, 6.0) == "CLOSED"
        assert life.machine.closed is False
        assert life.heard[-1] == Closed(life.machine.generation, REFUSED.error)
        assert life.machine.failure is None

    def test_a_close_is_retried_until_the_limit(self) -> None:
        """Tries go on, with backoff, until ``close_timeout`` is over; then it is reported (L1, L2)."""
        life = held(timing=Timing(close_timeout=10))
        life.stops(100.0)
        now = 100.0
        for ceiling in (1, 2, 4):
            life.sends(now, "close", "K1")
            assert life.gets(NO_ANSWER, now, draw=1.0) == "LEAVING"
            assert life.machine.next_request_at == pytest.approx(now + ceiling)
            now = life.machine.next_request_at
        life.sends(now, "close", "K1")
        assert life.machine.answer_deadline == 110
        assert life.gets(NO_ANSWER, 110.0) == "CLOSED"
        assert life.machine.closed is False
        assert life.heard[-1] == Closed(life.machine.generation, NO_ANSWER.error)
        assert life.machine.statistics().requests == 5

    def test_no_close_is_waited_for_that_would_come_too_late(self) -> None:
        """If the next try would come after the limit, leaving does not wait for it."""
        life = held(timing=Timing(close_timeout=10, retry_base=9))
        life.stops(100.0)
        life.sends(100.0, "close", "K1")
        assert life.gets(NO_ANSWER, 105.0, draw=0.9) == "CLOSED"
        assert life.machine.closed is False

    def test_a_request_is_bounded_by_its_own_limit_too(self) -> None:
        """One close takes ``request_timeout`` at most."""
        life = held(timing=Timing(close_timeout=60, request_timeout=5))
        life.stops(100.0)
        life.sends(100.0, "close", "K1")
        assert life.machine.answer_deadline == 105

    @pytest.mark.parametrize(("now", "state"), [(109.9, "LEAVING"), (110.0, "CLOSED")])
    def test_a_turn_is_not_waited_for_beyond_the_limit(self, now: float, state: str) -> None:
        """A close that never had its turn is given up at ``close_timeout``, and says so."""
        life = held(timing=Timing(close_timeout=10))
        life.stops(100.0)
        assert life.machine.give_up_at == 110
        assert life.tick(now) == state
        if state == "CLOSED":
            error = life.told(Closed).error
            assert isinstance(error, UnavailableError)
            assert (error.venue, error.verb) == ("binance-us", "close")
            assert "close_timeout (10 s)" in error.problem

    def test_an_older_failure_is_not_blamed(self) -> None:
        """A failed keepalive is no reason why a close was not sent."""
        life = held()
        life.sends(1800.0, "keepalive", "K1")
        life.gets(NO_ANSWER, 1800.0)
        life.stops(1801.0)
        life.tick(1811.0)
        assert life.told(Closed).error is not NO_ANSWER.error

    def test_backoff_begins_anew(self) -> None:
        """Failed keepalives do not make the close slower."""
        life = held()
        for now in (1800.0, 1801.0, 1803.0):
            life.sends(now, "keepalive", "K1")
            life.gets(NO_ANSWER, now)
        life.stops(1803.05)
        life.sends(1803.05, "close", "K1")
        life.gets(NO_ANSWER, 1803.05, draw=1.0)
        assert life.machine.next_request_at == pytest.approx(1804.05)

    def test_it_is_the_newest_key_that_is_closed(self) -> None:
        """After a replacement the new key is named."""
        life = held()
        life.tick(3600.0)
        life.sends(3600.0, "create", "K1")
        life.gets(alive("K2"), 3600.0)
        life.stops(3601.0)
        life.sends(3601.0, "close", "K2")


class TestSilence:
    def test_a_ban_that_ends_in_time_is_waited_out(self) -> None:
        """A close told to wait is sent again after the wait, if there is time for it."""
        life = held(timing=Timing(close_timeout=10))
        life.stops(100.0)
        life.sends(100.0, "close", "K1")
        assert life.gets(banned(5), 100.0, draw=0.9) == "LEAVING"
        assert life.next_request(104.9) is None
        life.sends(105.0, "close", "K1")

    def test_a_ban_beyond_the_limit_ends_it(self) -> None:
        """A close that may not be sent in time is given up at once, with what the exchange said (L2)."""
        life = held(timing=Timing(close_timeout=10))
        life.stops(100.0)
        life.sends(100.0, "close", "K1")
        ban = banned(60)
        assert life.gets(ban, 101.0) == "CLOSED"
        assert life.machine.closed is False
        assert life.heard[-1] == Closed(life.machine.generation, ban.error)

    def test_no_retry_is_told_that_does_not_come(self) -> None:
        """Observers hear of another close only if there is time for one."""
        life = held(timing=Timing(close_timeout=10))
        life.stops(100.0)
        life.sends(100.0, "close", "K1")
        life.gets(banned(60), 101.0)
        assert life.kinds == ["created", "closed"]
        assert life.machine.statistics().retries == 0

    def test_a_ban_keeps_closes_back(self) -> None:
        """No close is sent to a host that wants silence, not even by who was not told (K3)."""
        life = held(timing=Timing(close_timeout=10))
        life.account.host.block(105.0)
        assert life.stops(100.0) == "LEAVING"
        assert life.next_request(104.9) is None
        life.sends(105.0, "close", "K1")

    def test_a_long_ban_of_another_account_ends_it_at_once(self) -> None:
        """Leaving does not wait for what cannot come."""
        life = held(timing=Timing(close_timeout=10))
        life.account.host.block(500.0)
        assert life.stops(100.0) == "CLOSED"
        assert life.machine.closed is False
        assert life.told(Closed).error is not None


class TestNothingToClose:
    def test_before_the_first_request(self) -> None:
        """A block that is over before anything was sent has nothing to close."""
        life = Life()
        assert life.stops(0.0) == "CLOSED"
        assert life.machine.closed is None
        assert life.heard == []  # there never was a key
        assert life.machine.statistics().requests == 0

    def test_after_a_request_that_was_never_sent(self) -> None:
        """No connection, no key."""
        life = Life()
        life.sends(0.0, "create", None)
        life.gets(NEVER_SENT, 1.0)
        assert life.stops(1.0) == "CLOSED"
        assert life.machine.closed is None

    def test_after_a_refused_create(self) -> None:
        """A refusal makes no key."""
        life = Life()
        life.sends(0.0, "create", None)
        life.gets(REFUSED, 1.0)
        assert life.stops(1.0) == "CLOSED"
        assert life.machine.closed is None
        assert life.failure is REFUSED.error

    def test_after_the_key_was_gone(self) -> None:
        """What the exchange said is dead is not closed."""
        life = held(on_lost="raise")
        life.sends(1800.0, "keepalive", "K1")
        life.gets(GONE, 1800.0)
        assert life.stops(1800.0) == "CLOSED"
        assert life.machine.closed is None
        assert isinstance(life.failure, Exception)

    @both_dialects
    def test_when_the_key_is_to_be_left(self, venue: Venue) -> None:
        """``on_exit="leave"`` never closes (L5)."""
        life = held(venue, on_exit="leave")
        assert life.stops(5.0) == "CLOSED"
        assert life.machine.closed is None
        assert life.machine.statistics().requests == 1

    @both_dialects
    def test_when_a_lost_key_is_to_be_left(self, venue: Venue) -> None:
        """``on_exit="leave"`` neither asks again nor closes (L5)."""
        life = Life(venue, on_exit="leave")
        life.sends(0.0, "create", None)
        life.gets(NO_ANSWER, 1.0)
        assert life.stops(1.0) == "CLOSED"
        assert life.machine.closed is None


class TestStopInFlight:
    def test_a_keepalive_is_cut_short(self) -> None:
        """Nobody waits for the answer to a keepalive of a key that is to be closed (L2)."""
        life = held()
        life.sends(1800.0, "keepalive", "K1")
        assert life.stops(1802.0) == "RENEWING"
        assert life.machine.answer_deadline == 1802
        assert life.gets(NO_ANSWER, 1802.0) == "LEAVING"
        life.sends(1802.0, "close", "K1")

    def test_a_keepalive_that_was_cut_is_no_failure(self) -> None:
        """What we cut short ourselves is neither counted nor told as a retry."""
        life = held()
        life.sends(1800.0, "keepalive", "K1")
        life.stops(1802.0)
        life.gets(NO_ANSWER, 1802.0)
        assert life.kinds == ["created"]
        assert life.machine.statistics().retries == 0

    @pytest.mark.parametrize("outcome", [OK, alive("K2"), NO_ANSWER, banned(2)], ids=["ok", "other", "none", "wait"])
    def test_whatever_the_keepalive_brings_the_key_is_closed(self, outcome: Outcome) -> None:
        """The answer that comes all the same tells which key to close."""
        life = held(ACCOUNT, timing=Timing(close_timeout=10))
        life.sends(1800.0, "keepalive", "K1")
        life.stops(1800.0)
        assert life.gets(outcome, 1800.0) == "LEAVING"
        life.sends(1802.0, "close", (outcome.key if isinstance(outcome, Ok) else None) or "K1")

    @pytest.mark.parametrize("on_lost", ["replace", "raise"])
    def test_a_key_that_was_gone_then_needs_no_close(self, on_lost: str) -> None:
        """Nor is a block that is over told that its key was lost."""
        life = held(on_lost="raise" if on_lost == "raise" else "replace")
        life.sends(1800.0, "keepalive", "K1")
        life.stops(1800.0)
        assert life.gets(GONE, 1800.0) == "CLOSED"
        assert life.machine.closed is None
        assert life.machine.failure is None

    def test_a_failure_after_the_block_is_not_the_blocks(self) -> None:
        """A keepalive refused after the end is not raised over the block's own outcome, and the key is closed."""
        life = held()
        life.sends(1800.0, "keepalive", "K1")
        life.stops(1800.0)
        assert life.gets(REFUSED, 1800.0) == "LEAVING"
        assert life.machine.failure is None

    @pytest.mark.parametrize(("sent_at", "until"), [(0.0, 10.0), (9.0, 19.0)])
    def test_a_create_may_take_what_its_request_may(self, sent_at: float, until: float) -> None:
        """A create in flight keeps its own limit where that is the shorter one."""
        life = Life(timing=Timing(close_timeout=10))
        life.sends(sent_at, "create", None)
        life.stops(9.0)
        assert life.machine.answer_deadline == until

    def test_a_create_gets_the_close_timeout_to_tell_its_key(self) -> None:
        """A create that may take longer is bounded by ``close_timeout`` (L2)."""
        life = Life(timing=Timing(close_timeout=3, request_timeout=20))
        life.sends(0.0, "create", None)
        assert life.stops(1.0) == "CREATING"
        assert life.machine.answer_deadline == 4

    def test_a_create_that_succeeds_then_is_closed(self) -> None:
        """The key that came too late for its block is closed, within a ``close_timeout`` of its own (L1)."""
        life = Life(timing=Timing(close_timeout=10))
        life.sends(0.0, "create", None)
        life.stops(1.0)
        assert life.gets(alive("K1"), 8.0) == "LEAVING"
        assert life.machine.give_up_at == 18
        life.sends(8.0, "close", "K1")

    def test_a_create_that_is_refused_then_is_not_told(self) -> None:
        """The block is over: it is not told that opening would have failed."""
        life = Life()
        life.sends(0.0, "create", None)
        life.stops(1.0)
        assert life.gets(REFUSED, 2.0) == "CLOSED"
        assert life.machine.failure is None

    def test_giving_up_then_is_not_told(self) -> None:
        """Nor that there was no time for another try."""
        life = Life(timing=Timing(close_timeout=10))
        life.sends(0.0, "create", None)
        life.stops(1.0)
        life.gets(NO_ANSWER, 10.0)
        life.tick(11.0)
        assert life.state == "CLOSED"
        assert life.machine.failure is None


class TestStopAtRest:
    def test_between_two_tries(self) -> None:
        """A block that ends while a keepalive waits to be retried closes now, not then."""
        life = held()
        life.sends(1800.0, "keepalive", "K1")
        life.gets(NO_ANSWER, 1800.0, draw=0.9)
        assert life.stops(1800.1) == "LEAVING"
        life.sends(1800.1, "close", "K1")

    def test_with_a_key_that_ran_out(self) -> None:
        """A key that is dead by our clock may be alive by the exchange's: it is closed."""
        life = held()
        life.tick(3600.0)
        assert life.stops(3600.5) == "LEAVING"
        life.sends(3600.5, "close", "K1")

    def test_with_a_key_that_ran_out_unseen(self) -> None:
        """The same where nobody looked before the end, and a block that is over hears of no loss."""
        life = held()
        assert life.stops(4000.0) == "LEAVING"
        life.sends(4000.0, "close", "K1")
        assert life.kinds == ["created"]

    def test_after_a_failure(self) -> None:
        """A key that could not be kept alive is closed all the same, and the failure stays."""
        life = held()
        life.sends(1800.0, "keepalive", "K1")
        life.gets(REFUSED, 1800.0)
        assert life.stops(1900.0) == "LEAVING"
        life.sends(1900.0, "close", "K1")
        life.gets(OK, 1900.0)
        assert life.failure is REFUSED.error

    def test_a_failed_life_waits_for_its_block(self) -> None:
        """Nothing is closed before the block is over: the body goes first (L3)."""
        life = held(on_lost="raise")
        life.tick(3600.0)
        assert life.tick(100_000.0) == "FAILED"
        assert life.next_request(100_000.0) is None


class TestLostAnswers:
    """A create whose answer was lost may have made a key."""

    def test_the_account_closes_what_nobody_was_told(self) -> None:
        """Where the exchange knows the key by the account, a close needs no name (L1)."""
        life = Life(ACCOUNT)
        life.sends(0.0, "create", None)
        life.gets(NO_ANSWER, 10.0)
        assert life.stops(10.0) == "LEAVING"
        life.sends(10.0, "close", None)
        life.gets(OK, 10.0)
        assert life.machine.closed is True

    def test_a_named_key_is_asked_for_once_more(self) -> None:
        """Where the close takes the key's name, one more create tells it, and then it is closed (L1)."""
        life = Life(FORM, timing=Timing(close_timeout=10, retry_base=2))
        life.sends(0.0, "create", None)
        life.gets(NO_ANSWER, 10.0, draw=0.9)
        assert life.stops(10.5) == "UNSURE"
        life.sends(10.5, "create", None)
        assert life.machine.answer_deadline == 20.5
        assert life.gets(alive("K1"), 12.0) == "LEAVING"
        life.sends(12.0, "close", "K1")
        life.gets(OK, 12.0)
        assert life.machine.closed is True

    def test_it_is_asked_for_once_only(self) -> None:
        """Whoever leaves is in a hurry: a second lost answer is reported (L2)."""
        life = Life(FORM, timing=Timing(close_timeout=10))
        life.sends(0.0, "create", None)
        life.gets(NO_ANSWER, 5.0)
        life.stops(5.0)
        life.sends(5.0, "create", None)
        assert life.gets(NO_ANSWER, 6.0) == "CLOSED"
        assert life.machine.closed is False
        assert life.heard[-1] == Closed(life.machine.generation, NO_ANSWER.error)
        assert life.kinds == ["retrying", "closed"]

    def test_it_is_not_asked_for_while_others_stay(self) -> None:
        """Where others hold the account it is theirs to close: whoever leaves sends nothing and is gone at once."""
        host = Host()
        leaving = Life(FORM, account=host.register("/path", "A"))
        staying = Life(FORM, account=host.register("/path", "A"))
        leaving.sends(0.0, "create", None)
        leaving.gets(NO_ANSWER, 5.0)
        assert leaving.stops(5.0) == "CLOSED"
        assert leaving.machine.closed is None
        assert staying.account.may_hold_unknown_key

    def test_a_ban_in_place_of_the_name_is_respected(self) -> None:
        """The one create more is not repeated, and nothing else is sent before the ban ends (K3)."""
        life = Life(FORM)
        life.sends(0.0, "create", None)
        life.gets(NO_ANSWER, 10.0, draw=0.9)
        life.stops(10.5)
        life.sends(10.5, "create", None)
        assert life.gets(banned(300), 11.0) == "CLOSED"
        assert life.machine.closed is False
        assert life.account.host.allowed_at == 311.0

    def test_another_block_has_its_turn_first_and_is_told(self) -> None:
        """While who leaves waits for a turn, another block opens and is left: then the key is known."""
        life = Life(FORM, timing=Timing(close_timeout=10))
        life.sends(0.0, "create", None)
        life.gets(NO_ANSWER, 10.0)
        assert life.stops(10.0) == "UNSURE"
        other = Life(FORM, account=life.account.host.register("/path", "api-key"), now=10.1)
        other.sends(10.1, "create", None)
        other.gets(alive("K1"), 10.2)
        other.stops(10.3)
        other.leaves()
        assert life.tick(10.4) == "LEAVING"
        life.sends(10.4, "close", "K1")

    def test_another_block_opens_first(self) -> None:
        """While who leaves waits for a turn: then it is up to that one."""
        life = Life(FORM, timing=Timing(close_timeout=10))
        life.sends(0.0, "create", None)
        life.gets(NO_ANSWER, 10.0)
        assert life.stops(10.0) == "UNSURE"
        life.account.host.register("/path", "api-key")
        assert life.tick(10.1) == "CLOSED"
        assert life.machine.closed is None

    def test_the_answer_may_be_lost_after_the_end(self) -> None:
        """A create that was in flight when the block ended, and whose answer is lost, is asked again, too."""
        life = Life(FORM, timing=Timing(close_timeout=10))
        life.sends(0.0, "create", None)
        life.stops(1.0)
        assert life.gets(NO_ANSWER, 2.0, draw=0.0) == "UNSURE"
        assert life.machine.next_request_at == pytest.approx(2.1)
        life.sends(2.1, "create", None)
        assert life.machine.answer_deadline == 11
        life.gets(alive("K1"), 3.0)
        life.sends(3.0, "close", "K1")

    def test_in_a_ban_it_is_not_asked_for(self) -> None:
        """A ban beyond the limit leaves only the report (L2)."""
        life = Life(FORM, timing=Timing(open_timeout=60, close_timeout=10))
        life.sends(0.0, "create", None)
        life.gets(NO_ANSWER, 1.0)
        life.sends(2.0, "create", None)
        ban = banned(50)
        life.gets(ban, 2.0)
        assert life.stops(3.0) == "CLOSED"
        assert life.machine.closed is False
        assert life.heard[-1] == Closed(life.machine.generation, ban.error)
        assert life.machine.failure is None

    def test_a_refusal_of_the_last_create_is_reported(self) -> None:
        """If the exchange will not say, a key may be left behind, and that is said."""
        life = Life(FORM)
        life.sends(0.0, "create", None)
        life.gets(NO_ANSWER, 1.0)
        life.stops(1.0)
        life.sends(1.0, "create", None)
        assert life.gets(REFUSED, 1.0) == "CLOSED"
        assert life.machine.closed is False
        assert life.heard[-1] == Closed(life.machine.generation, REFUSED.error)

    def test_a_later_success_settles_it(self) -> None:
        """With one key per account, the key that was told is the one that was made."""
        life = Life(FORM)
        life.sends(0.0, "create", None)
        life.gets(NO_ANSWER, 1.0)
        life.sends(2.0, "create", None)
        life.gets(alive("K1"), 2.0)
        life.sends(1802.0, "keepalive", "K1")
        life.gets(GONE, 1802.0)
        assert life.stops(1802.0) == "CLOSED"
        assert life.machine.closed is None

    def test_a_doubt_that_was_not_settled_lasts(self) -> None:
        """A try that was certainly not sent does not settle what became of the one before."""
        life = Life(ACCOUNT)
        life.sends(0.0, "create", None)
        life.gets(NO_ANSWER, 1.0)
        life.sends(2.0, "create", None)
        life.gets(NEVER_SENT, 2.0)
        assert life.stops(2.0) == "LEAVING"

    def test_a_key_that_no_url_may_hold_is_closed_by_the_account(self) -> None:
        """A key that we cannot name was made all the same."""
        life = Life(ACCOUNT)
        life.sends(0.0, "create", None)
        life.gets(ODD_KEY, 0.0)
        life.stops(1.0)
        life.sends(1.0, "close", None)

    def test_and_is_reported_where_it_must_be_named(self) -> None:
        """Where the close takes its name, it expires by itself, and that is said."""
        life = Life(FORM)
        life.sends(0.0, "create", None)
        life.gets(ODD_KEY, 0.0)
        assert life.stops(1.0) == "CLOSED"
        assert life.machine.closed is False
        assert life.heard[-1] == Closed(life.machine.generation, ODD_KEY.error)

    def test_giving_up_opening_closes_by_the_account(self) -> None:
        """An opening that timed out may have made a key: it is closed before the failure is raised (L1)."""
        life = Life(ACCOUNT, timing=Timing(open_timeout=10))
        life.sends(0.0, "create", None)
        assert life.gets(NO_ANSWER, 10.0) == "FAILED"
        assert life.stops(10.0) == "LEAVING"
        assert life.failure is NO_ANSWER.error

    def test_and_is_reported_where_the_close_takes_a_name(self) -> None:
        """An opening that timed out asks nobody again: that a key may be left is said, and no request follows."""
        life = Life(FORM, timing=Timing(open_timeout=10))
        life.sends(0.0, "create", None)
        assert life.gets(NO_ANSWER, 10.0) == "FAILED"
        assert life.stops(10.0) == "CLOSED"
        assert life.machine.closed is False
        assert life.heard[-1] == Closed(life.machine.generation, NO_ANSWER.error)
        assert life.machine.statistics().requests == 1

    def test_a_replacement_that_was_lost_is_asked_for_once_more(self) -> None:
        """If the last key ran out and the create of another one was lost, one create more tells which to close."""
        life = _with_a_lost_replacement(FORM)
        assert life.stops(3610.0) == "UNSURE"
        life.sends(3610.0, "create", "K1")
        assert life.gets(alive("K2"), 3611.0) == "LEAVING"
        life.sends(3611.0, "close", "K2")

    @pytest.mark.parametrize(("answer", "closed"), [(GONE, False), (OK, True)], ids=["gone", "ok"])
    def test_that_the_old_key_is_gone_says_nothing_of_the_lost_one(self, answer: Outcome, closed: bool) -> None:
        """Who cannot name the new key closes the old one; only if that was alive is it the one there is."""
        life = _with_a_lost_replacement(FORM)
        life.stops(3610.0)
        life.sends(3610.0, "create", "K1")
        assert life.gets(NO_ANSWER, 3611.0) == "LEAVING"
        life.sends(3611.0, "close", "K1")
        assert life.gets(answer, 3612.0) == "CLOSED"
        assert life.machine.closed is closed
        assert life.heard[-1] == Closed(life.machine.generation, None if isinstance(answer, Ok) else answer.error)

    def test_an_account_without_a_key_has_no_lost_one(self) -> None:
        """Where the account tells the key, "gone" is said of all that there may be."""
        life = _with_a_lost_replacement(ACCOUNT)
        assert life.stops(3610.0) == "LEAVING"
        life.sends(3610.0, "close", "K1")
        life.gets(GONE, 3611.0)
        assert life.machine.closed is True
        assert life.heard[-1] == Closed(life.machine.generation, None)


def _with_a_lost_replacement(venue: Venue) -> Life:
    """Its key ran out at 3600, and the answer to the create that followed did not come."""
    life = held(venue)
    life.tick(3600.0)
    life.sends(3600.0, "create", "K1")
    life.gets(NO_ANSWER, 3610.0)
    return life


class TestNeighbours:
    @both_dialects
    def test_only_the_last_holder_closes(self, venue: Venue) -> None:
        """The first to leave says nothing to the exchange; the last one closes (L5)."""
        host = Host()
        first, last = held(venue, account=host.register("/path", "A")), held(venue, account=host.register("/path", "A"))
        assert first.stops(5.0) == "CLOSED"
        assert first.machine.closed is None
        first.leaves()
        assert last.stops(6.0) == "LEAVING"
        last.sends(6.0, "close", "K1")

    def test_two_api_keys_with_one_listen_key_are_one_holder_too_many(self) -> None:
        """Sub-keys of one account share its listen key: the last of them closes it (L5)."""
        host = Host()
        first, last = held(account=host.register("/path", "A")), held(account=host.register("/path", "B"))
        assert first.stops(5.0) == "CLOSED"
        first.leaves()
        assert last.stops(6.0) == "LEAVING"
        last.sends(6.0, "close", "K1")

    def test_strangers_close_each_their_own(self) -> None:
        """Two accounts have two keys, and the end of one is nothing to the other."""
        host = Host()
        one = held(account=host.register("/path", "A"), key="KA")
        other = held(account=host.register("/path", "B"), key="KB")
        one.stops(5.0)
        one.sends(5.0, "close", "KA")
        one.gets(OK, 5.0)
        assert other.tick(5.0) == "HELD"
        assert other.account.key == "KB"

    def test_who_is_about_to_open_is_a_holder(self) -> None:
        """A context that waits for its first create may be given this very key: it is not closed under it (L5)."""
        host = Host()
        first, second = held(account=host.register("/path", "A")), Life(account=host.register("/path", "A"), now=5.0)
        assert first.stops(5.0) == "CLOSED"
        first.leaves()
        second.sends(5.0, "create", None)
        second.gets(alive("K1"), 5.0)
        second.stops(6.0)
        second.sends(6.0, "close", "K1")

    def test_who_never_had_a_key_closes_the_one_that_it_was_left(self) -> None:
        """The last member closes the account's key, even if its own opening failed (L1)."""
        host = Host()
        first, second = held(account=host.register("/path", "A")), Life(account=host.register("/path", "A"))
        first.stops(5.0)
        first.leaves()
        second.sends(6.0, "create", None)
        second.gets(REFUSED, 6.0)
        assert second.stops(6.0) == "LEAVING"
        second.sends(6.0, "close", "K1")

    def test_who_comes_while_a_close_waits_saves_the_key(self) -> None:
        """A close that is not yet sent is not sent once there is another holder (L5)."""
        host = Host()
        first = held(account=host.register("/path", "A"))
        first.stops(5.0)
        first.sends(5.0, "close", "K1")
        first.gets(NO_ANSWER, 5.0)
        second = Life(account=host.register("/path", "A"), now=5.05)
        assert first.next_request(6.0) is None
        assert first.state == "CLOSED"
        assert first.machine.closed is None
        first.leaves()
        second.sends(6.0, "create", None)

    def test_who_hears_that_the_key_is_gone_saves_others_the_close(self) -> None:
        """A close that waits for another try is not sent, without a name, once another holder knows the key dead."""
        host = Host()
        first = held(account=host.register("/path", "A"))
        first.stops(5.0)
        first.sends(5.0, "close", "K1")
        first.gets(NO_ANSWER, 5.0, draw=0.99)
        timing = Timing(keepalive_every=0.5)
        second = Life(account=host.register("/path", "A"), timing=timing, on_lost="raise", now=5.1)
        second.sends(5.1, "create", None)
        second.gets(alive("K2"), 5.1)
        second.sends(5.6, "keepalive", "K2")
        second.gets(GONE, 5.6)
        second.stops(5.6)
        second.leaves()
        assert first.next_request(7.0) is None
        assert first.state == "CLOSED"
        assert first.machine.closed is None

    def test_a_lost_answer_is_the_accounts_to_remember(self) -> None:
        """The last member closes what a create of another member may have made (L1)."""
        host = Host()
        first = Life(ACCOUNT, account=host.register("/path", "A"))
        last = Life(ACCOUNT, account=host.register("/path", "A"))
        first.sends(0.0, "create", None)
        first.gets(NO_ANSWER, 1.0)
        assert first.stops(1.0) == "CLOSED"
        first.leaves()
        assert last.stops(1.0) == "LEAVING"
        last.sends(1.0, "close", None)
