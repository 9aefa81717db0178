"""Keeping a key alive, losing it, and replacing it."""

from dataclasses import replace
from itertools import pairwise
from math import inf
from typing import Any

import pytest
from hypothesis import given, strategies as st
from life import (
    ACCOUNT,
    FORM,
    GONE,
    NEVER_SENT,
    NO_ANSWER,
    ODD_KEY,
    OK,
    REFUSED,
    UNTRUSTED,
    Life,
    alive,
    banned,
    held,
)

from trio_listenkey import KeyLostError, KeyStatistics, RefusedError, Timing, Venue, venues
from trio_listenkey._core._accounts import Host
from trio_listenkey._core._backoff import DOUBTFUL_TRIES
from trio_listenkey._core._key_lifecycle import Lifecycle
from trio_listenkey._core._notices import Lost, Retrying
from trio_listenkey._core._outcomes import Outcome, Refused, Transient


class TestPing:
    def test_a_keepalive_is_due_half_way(self) -> None:
        """Half an hour after the create was sent a keepalive is, and names the key."""
        life = held()
        assert life.machine.next_request_at == 1800
        assert life.next_request(1799.9) is None
        life.sends(1800.0, "keepalive", "K1")
        assert life.state == "RENEWING"

    @pytest.mark.parametrize(("draw", "due"), [(0.0, 1800), (0.5, 1710), (0.999, 1620.18)])
    def test_it_comes_a_little_earlier(self, draw: float, due: float) -> None:
        """A random tenth of the pause is left out, so that keys that were opened together part (K6)."""
        assert held(draw=draw).machine.next_request_at == pytest.approx(due)

    @given(
        draw=st.floats(0, 1, exclude_max=True),
        jitter=st.floats(0, 0.9),
        every=st.floats(0.001, 3599),
        sent_at=st.floats(0, 1e6),
        took=st.floats(0, 10),
    )
    def test_the_range_of_a_keepalive(
        self, draw: float, jitter: float, every: float, sent_at: float, took: float
    ) -> None:
        """It is due within ``jitter`` before the full pause, counted from when the last success was sent (K2, K6)."""
        life = Life(timing=Timing(jitter=jitter, keepalive_every=every, open_timeout=20), now=sent_at)
        life.sends(sent_at, "create", None)
        life.gets(alive("K1"), sent_at + took, draw)
        pause = life.machine.next_request_at - sent_at
        assert every * (1 - jitter) - 1e-6 <= pause <= every + 1e-6

    @pytest.mark.parametrize("answer", [OK, alive("K1")], ids=["bare", "with the key"])
    def test_a_success_gives_another_hour(self, answer: Outcome) -> None:
        """Validity counts anew from when the keepalive was sent, not from its answer (K2)."""
        life = held()
        life.sends(1800.0, "keepalive", "K1")
        assert life.gets(answer, 1809.0) == "HELD"
        assert life.machine.expires_at == 5400
        assert life.machine.next_request_at == 3600
        assert (life.machine.key, life.machine.generation) == ("K1", 1)
        assert life.kinds == ["created", "renewed"]

    def test_a_failure_gives_nothing(self) -> None:
        """A keepalive that failed moves no expiry, whatever the exchange may have done (K2)."""
        for outcome in (NO_ANSWER, NEVER_SENT, banned(5)):
            life = held()
            life.sends(1800.0, "keepalive", "K1")
            life.gets(outcome, 1801.0)
            assert life.machine.expires_at == 3600

    def test_an_answer_is_not_waited_for_beyond_the_keys_life(self) -> None:
        """A late keepalive has what is left of the key's validity."""
        life = held()
        life.sends(3595.0, "keepalive", "K1")
        assert (life.machine.answer_deadline, life.machine.give_up_at) == (3600, 3600)
        life = held()
        life.sends(1800.0, "keepalive", "K1")
        assert life.machine.answer_deadline == 1810

    def test_a_late_success_is_a_success(self) -> None:
        """An answer that comes when the key would have run out still counts from when it was asked for."""
        life = held()
        life.sends(3595.0, "keepalive", "K1")
        assert life.gets(OK, 3600.0) == "HELD"
        assert life.machine.expires_at == 7195

    def test_thirty_days_are_nothing_special(self) -> None:
        """A key that is confirmed each time is the same key after a month."""
        life, now = held(draw=0.3), 0.0
        while now < 30 * 86400:
            now = life.machine.next_request_at
            life.sends(now, "keepalive", "K1")
            life.gets(alive("K1"), now + 0.1, draw=0.3)
        assert life.machine.generation == 1
        assert set(life.kinds) == {"created", "renewed"}
        assert life.machine.statistics().renewed == life.kinds.count("renewed") >= 1440


class TestRetries:
    def test_a_keepalive_is_retried_while_the_key_lives(self) -> None:
        """Delays double up to the cap, and the key is presumed alive all the while (K3)."""
        life, now = held(), 1800.0
        for ceiling in (1, 2, 4, 8, 16, 32, 60, 60):
            life.sends(now, "keepalive", "K1")
            assert life.gets(NO_ANSWER, now, draw=0.5) == "HELD"
            assert life.machine.next_request_at == pytest.approx(now + 0.1 + (ceiling - 0.1) / 2)
            now = life.machine.next_request_at
        assert life.kinds == ["created", *["retrying"] * 8]

    def test_a_success_makes_the_next_failure_the_first(self) -> None:
        """Backoff begins anew after a success."""
        life = held()
        for now in (1800.0, 1801.0, 1803.0):
            life.sends(now, "keepalive", "K1")
            life.gets(NO_ANSWER, now, draw=0.0)
        life.sends(1810.0, "keepalive", "K1")
        life.gets(OK, 1810.0)
        life.sends(3610.0, "keepalive", "K1")
        life.gets(NO_ANSWER, 3610.0, draw=1.0)
        assert life.machine.next_request_at == pytest.approx(3611)

    def test_a_refusal_fails_and_is_told(self) -> None:
        """A keepalive that was refused is not retried: the block is told with the exchange's error (K3)."""
        life = held()
        life.sends(1800.0, "keepalive", "K1")
        assert life.gets(REFUSED, 1801.0) == "FAILED"
        assert life.failure is REFUSED.error
        assert life.machine.next_request_at == inf

    def test_a_failure_that_was_followed_by_a_success_is_forgotten(self) -> None:
        """A key that ran out does not blame a failure that was overcome."""
        life = held()
        life.sends(1800.0, "keepalive", "K1")
        life.gets(NO_ANSWER, 1800.0)
        life.sends(1801.0, "keepalive", "K1")
        life.gets(OK, 1801.0)
        life.tick(6000.0)
        assert "no answer" not in str(life.told(Lost).error)


class TestSilence:
    def test_nothing_is_sent_while_the_exchange_wants_silence(self) -> None:
        """A keepalive that was told to wait waits for as long as it was told (K3)."""
        life = held()
        life.sends(1800.0, "keepalive", "K1")
        assert life.gets(banned(120), 1801.0) == "HELD"
        assert life.machine.next_request_at == 1921
        assert life.next_request(1920.9) is None
        life.sends(1921.0, "keepalive", "K1")

    def test_silence_is_for_all_keys_of_the_host(self) -> None:
        """One key's ban keeps back the keepalives and the creates of all others (K3)."""
        host = Host()
        one = held(account=host.register("/path", "A"), key="KA")
        other = held(account=host.register("/path", "B"), key="KB")
        one.sends(1800.0, "keepalive", "KA")
        one.gets(banned(120), 1800.0)
        assert other.next_request(1900.0) is None
        opening = Life(account=host.register("/path", "C"), timing=Timing(open_timeout=500), now=1900.0)
        assert opening.next_request(1900.0) is None
        other.sends(1920.0, "keepalive", "KB")

    def test_a_longer_ban_outlasts_a_shorter_one(self) -> None:
        """A later answer with a shorter wait does not end the longer one."""
        host = Host()
        one = held(account=host.register("/path", "A"), key="KA")
        other = held(account=host.register("/path", "B"), key="KB")
        one.sends(1800.0, "keepalive", "KA")
        other.sends(1800.0, "keepalive", "KB")
        one.gets(banned(120), 1800.0)
        other.gets(banned(5), 1800.0)
        assert other.machine.next_request_at == 1920

    def test_dialects_of_one_host_share_its_ban_and_nothing_else(self) -> None:
        """The same API key at two paths of a host is two accounts, each with its key, and both are banned at once."""
        host = Host()
        usdm = held(ACCOUNT, account=host.register(ACCOUNT.path, "A"), key="KU")
        coinm = held(venues.BINANCE_COINM, account=host.register(venues.BINANCE_COINM.path, "A"), key="KC")
        assert (usdm.account.key, coinm.account.key) == ("KU", "KC")
        usdm.sends(1800.0, "keepalive", "KU")
        usdm.gets(banned(120), 1800.0)
        assert coinm.machine.next_request_at == 1920
        assert coinm.stops(1920.0) == "LEAVING"
        coinm.sends(1920.0, "close", "KC")

    def test_words_of_silence_one_after_the_other_are_taken_ever_more_seriously(self) -> None:
        """From the second wait in a row on, it is at least as long as the longest backoff, up to the cap."""
        life, now, pauses = held(), 1800.0, []
        for _ in range(9):
            life.sends(now, "keepalive", "K1")
            life.gets(banned(1, 418), now)
            pauses.append(life.machine.next_request_at - now)
            now = life.machine.next_request_at
        assert pauses == [1, 1, 2, 4, 8, 16, 32, 60, 60]

    def test_a_longer_word_is_never_shortened(self) -> None:
        """However many waits there were in a row, the exchange's word counts where it is the longer one."""
        life, now = held(), 1800.0
        for seconds in (1, 1, 50, 100):
            life.sends(now, "keepalive", "K1")
            life.gets(banned(seconds), now)
            assert life.machine.next_request_at == now + seconds
            now = life.machine.next_request_at

    def test_a_success_makes_the_next_wait_the_first(self) -> None:
        """A wait after a success is as long as the exchange says."""
        life, now = held(), 1800.0
        for outcome in (banned(1), banned(1), banned(1), OK):
            life.sends(now, "keepalive", "K1")
            life.gets(outcome, now)
            now = life.machine.next_request_at
        life.sends(now, "keepalive", "K1")
        life.gets(banned(1), now)
        assert life.machine.next_request_at == now + 1

    def test_keepalives_are_spread_after_a_ban(self) -> None:
        """They come within ``retry_cap`` after its end, by each key's own draw, and leave half of the key's life."""
        for draw, allowed_at, due in (
            (0.0, 2000, 2000),
            (0.5, 2000, 2030),
            (0.5, 3560, 3570),
            (0.9, 3700, 3700),
        ):
            life = held(draw=draw)
            life.account.host.block(allowed_at)
            assert life.machine.next_request_at == pytest.approx(due)

    def test_a_ban_that_is_over_delays_nothing(self) -> None:
        """A keepalive that was not due in the ban is not spread after it."""
        life = held(draw=0.5)
        life.account.host.block(100.0)
        assert life.machine.next_request_at == 1710

    def test_a_key_may_die_in_a_ban(self) -> None:
        """A ban for longer than the key lives loses it, and the create waits for the end of the ban (K2, K3)."""
        life = held()
        life.sends(1800.0, "keepalive", "K1")
        life.gets(banned(7200, 418), 1800.0)
        assert life.machine.give_up_at == 3600
        assert life.tick(3600.0) == "VACANT"
        assert life.next_request(8999.0) is None
        life.sends(9000.0, "create", "K1")
        assert life.kinds == ["created", "retrying", "lost"]


class TestExpiry:
    @pytest.mark.parametrize(("now", "state"), [(3599.99, "HELD"), (3600.0, "VACANT"), (9000.0, "VACANT")])
    def test_no_key_is_presumed_alive_past_its_validity(self, now: float, state: str) -> None:
        """At the end of its validity it is lost, and not before (K2)."""
        assert held().tick(now) == state

    def test_a_key_that_ran_out_is_replaced_at_once(self) -> None:
        """The first create after a loss is due now (K4)."""
        life = held()
        life.tick(3600.0)
        life.sends(3600.0, "create", "K1")
        life.gets(alive("K2"), 3601.0)
        assert (life.machine.key, life.machine.generation) == ("K2", 2)
        assert life.machine.expires_at == 7200
        assert life.kinds == ["created", "lost", "replaced"]

    def test_the_same_key_again_is_no_other(self) -> None:
        """If the create returns the key that ran out by our clock, there is nothing to reconnect for."""
        life = held()
        life.tick(3600.0)
        life.sends(3600.0, "create", "K1")
        life.gets(alive("K1"), 3600.0)
        assert life.machine.generation == 1
        assert life.kinds == ["created", "lost", "renewed"]
        assert life.machine.statistics().created == 2

    def test_the_error_says_why(self) -> None:
        """A key that ran out after failures quotes the last of them."""
        life = held()
        life.sends(1800.0, "keepalive", "K1")
        life.gets(NO_ANSWER, 1800.0)
        life.tick(3600.0)
        error = life.told(Lost).error
        assert isinstance(error, KeyLostError)
        assert (error.venue, error.verb) == ("binance-us", "keepalive")
        assert "3600 s" in str(error)
        assert "no answer" in str(error)

    def test_a_machine_that_slept_finds_out_at_the_next_look(self) -> None:
        """A keepalive is not sent for a key whose time ran out unseen: a create is (K2)."""
        life = held()
        life.sends(90_000.0, "create", "K1")
        assert life.kinds == ["created", "lost"]

    def test_who_wants_to_hear_of_it_does(self) -> None:
        """``on_lost="raise"`` ends in a ``KeyLostError``, and no create follows (K4)."""
        life = held(on_lost="raise")
        assert life.tick(3600.0) == "FAILED"
        assert isinstance(life.failure, KeyLostError)
        assert life.failure is life.told(Lost).error
        assert life.next_request(4000.0) is None
        assert life.kinds == ["created", "lost"]


class TestGone:
    def test_a_key_that_is_gone_is_replaced_at_once(self) -> None:
        """-1125 to a keepalive: the key is dead from now on, and a create is due (K3, K4)."""
        life = held()
        life.sends(1800.0, "keepalive", "K1")
        assert life.gets(GONE, 1801.0) == "VACANT"
        assert life.machine.expires_at == 1801
        assert life.machine.next_request_at == 1801
        assert life.told(Lost).error is GONE.error
        life.sends(1801.0, "create", "K1")
        life.gets(alive("K2"), 1802.0)
        assert life.machine.generation == 2

    def test_who_wants_to_hear_of_it_does(self) -> None:
        """``on_lost="raise"`` says what the exchange said (K4)."""
        life = held(on_lost="raise")
        life.sends(1800.0, "keepalive", "K1")
        assert life.gets(GONE, 1801.0) == "FAILED"
        failure = life.failure
        assert isinstance(failure, KeyLostError)
        assert (failure.venue, failure.verb) == ("binance-us", "keepalive")
        assert (failure.status, failure.code, failure.message) == (400, -1125, "?")

    def test_a_replacement_is_retried_like_any_create(self) -> None:
        """Failures of the create after a loss back off from the beginning, however often a keepalive failed before."""
        life = held()
        for now in (1800.0, 1810.0, 1820.0):
            life.sends(now, "keepalive", "K1")
            life.gets(NO_ANSWER, now)
        life.tick(3600.0)
        life.sends(3600.0, "create", "K1")
        life.gets(NO_ANSWER, 3600.0, draw=1.0)
        assert life.machine.next_request_at == pytest.approx(3601)
        life.sends(3601.0, "create", "K1")
        life.gets(NO_ANSWER, 3601.0, draw=1.0)
        assert life.machine.next_request_at == pytest.approx(3603)

    def test_a_replacement_that_is_refused_fails(self) -> None:
        """Credentials may be revoked between two keys."""
        life = held()
        life.tick(3600.0)
        life.sends(3600.0, "create", "K1")
        assert life.gets(REFUSED, 3600.0) == "FAILED"
        assert life.failure is REFUSED.error

    def test_keys_that_die_one_after_the_other_make_no_hot_loop(self) -> None:
        """From the second loss in a row, replacing backs off up to the cap (K4)."""
        life, pauses = held(timing=Timing(retry_cap=16)), []
        for number in range(1, 8):
            lost_at = life.machine.next_request_at
            life.sends(lost_at, "keepalive", f"K{number}")
            life.gets(GONE, lost_at, draw=1.0)
            created_at = life.machine.next_request_at
            life.sends(created_at, "create", f"K{number}")
            life.gets(alive(f"K{number + 1}"), created_at, draw=1.0)
            pauses.append(created_at - lost_at)
        assert pauses == pytest.approx([0, 1, 2, 4, 8, 16, 16])

    def test_keys_that_run_out_at_once_make_no_hot_loop(self) -> None:
        """An exchange that hands out keys and never renews them is asked for one at a growing distance (K4)."""
        life = Life(timing=Timing(validity=0.01, retry_cap=8, open_timeout=100))
        times = []
        for number in range(7):
            times.append(life.machine.next_request_at)
            life.sends(times[-1], "create", f"K{number - 1}" if number else None)
            life.gets(alive(f"K{number}"), times[-1], draw=1.0)
            life.tick(times[-1] + 0.01)
        pauses = [later - sooner for sooner, later in pairwise(times)]
        assert pauses == pytest.approx([0.01, 1.01, 2.01, 4.01, 8.01, 8.01])

    def test_a_keepalive_that_succeeds_ends_the_row(self) -> None:
        """After a keepalive succeeded, the next loss is the first again."""
        life = held()
        life.sends(1800.0, "keepalive", "K1")
        life.gets(GONE, 1800.0)
        life.sends(1800.0, "create", "K1")
        life.gets(alive("K2"), 1800.0)
        life.sends(3600.0, "keepalive", "K2")
        life.gets(OK, 3600.0)
        life.sends(5400.0, "keepalive", "K2")
        life.gets(GONE, 5400.0, draw=1.0)
        assert life.machine.next_request_at == 5400


class TestReplacedByTheExchange:
    def test_another_key_in_the_answer_is_taken(self) -> None:
        """Where a keepalive returns another key, that one is alive and the old one is not (K5)."""
        life = held(ACCOUNT)
        life.sends(1800.0, "keepalive", "K1")
        life.gets(alive("K2"), 1800.0)
        assert (life.machine.key, life.machine.generation) == ("K2", 2)
        assert life.account.key == "K2"
        assert life.kinds == ["created", "replaced"]
        life.sends(3600.0, "keepalive", "K2")

    @pytest.mark.parametrize("venue", [ACCOUNT, FORM], ids=lambda venue: venue.name)
    def test_another_key_in_the_answer_is_a_loss(self, venue: Venue) -> None:
        """With ``on_lost="raise"`` it is raised that ours is dead; the other one is not ours to close (L5)."""
        life = held(venue, on_lost="raise")
        life.sends(1800.0, "keepalive", "K1")
        assert life.gets(alive("K2"), 1801.0) == "FAILED"
        assert isinstance(life.failure, KeyLostError)
        assert life.kinds == ["created", "lost"]
        assert life.stops(1801.0) == "CLOSED"
        assert life.machine.closed is None


def told_nothing(**kwargs: Any) -> Life:
    """A life at 1800, after a keepalive whose success named no key."""
    life = held(ACCOUNT, **kwargs)
    life.sends(1800.0, "keepalive", "K1")
    assert life.gets(OK, 1801.0) == "HELD"
    return life


class TestKeptAliveWithoutAName:
    """Where neither request nor answer names the key, a success says that the account has one, not which (S5)."""

    def test_it_proves_nothing(self) -> None:
        """The key is presumed alive no longer than before, nobody is told, and a create is due at once."""
        life = told_nothing()
        assert (life.machine.confirmed_at, life.machine.expires_at) == (0.0, 3600.0)
        assert life.kinds == ["created"]
        life.sends(1801.0, "create", "K1")

    def test_a_create_that_tells_our_key_renews_it(self) -> None:
        """From then on creates are sent in place of keepalives: one request each time."""
        life = told_nothing()
        life.sends(1801.0, "create", "K1")
        life.gets(alive("K1"), 1802.0)
        assert (life.machine.confirmed_at, life.machine.expires_at) == (1801.0, 5401.0)
        assert life.kinds == ["created", "renewed"]
        life.sends(3601.0, "create", "K1")
        life.gets(alive("K1"), 3602.0)
        assert life.machine.statistics().requests == 4

    def test_a_create_that_tells_another_key_replaces_ours(self) -> None:
        """That one is taken, under another generation, and closed in the end (K5)."""
        life = told_nothing()
        life.sends(1801.0, "create", "K1")
        life.gets(alive("K2"), 1802.0)
        assert (life.machine.key, life.machine.generation) == ("K2", 2)
        assert life.kinds == ["created", "replaced"]
        life.stops(1900.0)
        life.sends(1900.0, "close", "K2")

    def test_with_raise_another_key_is_a_loss(self) -> None:
        """It is raised; that key may be the create's own doing, and is closed (L1)."""
        life = told_nothing(on_lost="raise")
        life.sends(1801.0, "create", "K1")
        assert life.gets(alive("K2"), 1802.0) == "FAILED"
        assert isinstance(life.failure, KeyLostError)
        life.stops(1803.0)
        life.sends(1803.0, "close", "K2")

    def test_a_create_gets_time_to_tell_its_key(self) -> None:
        """The end of the block cuts a keepalive short, but no create: it may have made a key (L1)."""
        life = told_nothing()
        life.sends(1801.0, "create", "K1")
        assert life.stops(1802.0) == "RENEWING"
        assert life.machine.answer_deadline == 1811.0
        assert life.gets(alive("K2"), 1803.0) == "LEAVING"
        life.sends(1803.0, "close", "K2")

    def test_a_create_without_an_answer_is_tried_again(self) -> None:
        """It may have made a key: should ours be dead by the end, that one is closed all the same."""
        life = told_nothing()
        life.sends(1801.0, "create", "K1")
        assert life.gets(NO_ANSWER, 1802.0) == "HELD"
        assert life.account.may_hold_unknown_key
        life.sends(life.machine.next_request_at, "create", "K1")

    @pytest.mark.parametrize("venue", [FORM, venues.MEXC], ids=lambda venue: venue.name)
    def test_a_keepalive_that_names_the_key_is_proof(self, venue: Venue) -> None:
        """Where the request names the key, an answer need not."""
        life = held(venue)
        life.sends(1800.0, "keepalive", "K1")
        life.gets(OK, 1801.0)
        assert life.machine.confirmed_at == 1800.0
        life.sends(3600.0, "keepalive", "K1")


WRONG_CLOCK = Refused(RefusedError("your clock is two hours fast", advice="Set it"), doubtful=True)
FEW_SECONDS = Refused(RefusedError("your clock is slow", advice="Set it"), clock=30.0, doubtful=True)


class TestTroubleThatMayPass:
    """What is final at the first opening is tried again once a key has lived here, and is told each time."""

    @pytest.mark.parametrize("outcome", [ODD_KEY, WRONG_CLOCK, UNTRUSTED], ids=["hollow", "clock", "certificate"])
    def test_at_the_first_opening_it_is_final(self, outcome: Refused | Transient) -> None:
        """Then this is not the exchange that the venue describes, or a machine whose clock was never set."""
        life = Life()
        life.sends(0.0, "create", None)
        assert life.gets(outcome, 0.0) == "FAILED"
        assert life.failure is outcome.error

    def test_a_hollow_success_after_a_good_life(self) -> None:
        """The keepalive says that the key is gone, and the create that it made one, but not which."""
        life = held()
        life.sends(1800.0, "keepalive", "K1")
        life.gets(GONE, 1801.0)
        for _ in range(20):
            now = life.machine.next_request_at
            life.sends(now, "create", "K1")
            assert life.gets(ODD_KEY, now) == "VACANT"
            assert life.told(Retrying).error is ODD_KEY.error
        life.sends(life.machine.next_request_at, "create", "K1")
        life.gets(alive("K2"), 9000.0)
        assert (life.machine.key, life.machine.generation) == ("K2", 2)

    def test_a_certificate_that_is_refused_later(self) -> None:
        """That is the exchange's to mend: the key is presumed alive as long as it was, and each try is told."""
        life = held()
        for _ in range(5):
            now = life.machine.next_request_at
            life.sends(now, "keepalive", "K1")
            assert life.gets(UNTRUSTED, now) == "HELD"
            assert life.told(Retrying).error is UNTRUSTED.error

    def test_a_hollow_success_in_place_of_a_keepalive(self) -> None:
        """The key is presumed alive as long as it was, and the create is tried again."""
        life = told_nothing()
        life.sends(1801.0, "create", "K1")
        assert life.gets(ODD_KEY, 1802.0) == "HELD"
        assert life.told(Retrying).error is ODD_KEY.error
        life.sends(life.machine.next_request_at, "create", "K1")

    @pytest.mark.parametrize("outcome", [ODD_KEY, WRONG_CLOCK], ids=["hollow", "clock"])
    def test_it_ends(self, outcome: Refused) -> None:
        """The try after the last one that is granted is raised as it is, whatever else failed between them."""
        life = held(timing=Timing(validity=1e6, keepalive_every=1800.0, jitter=0))
        life.sends(1800.0, "keepalive", "K1")
        life.gets(NO_ANSWER, 1800.0)
        for _ in range(DOUBTFUL_TRIES):
            now = life.machine.next_request_at
            life.sends(now, "keepalive", "K1")
            assert life.gets(outcome, now) == "HELD"
            now = life.machine.next_request_at
            life.sends(now, "keepalive", "K1")
            life.gets(NO_ANSWER, now)
        now = life.machine.next_request_at
        life.sends(now, "keepalive", "K1")
        assert life.gets(outcome, now) == "FAILED"
        assert life.failure is outcome.error

    def test_a_success_grants_all_tries_anew(self) -> None:
        """Trouble that passed and comes back a day later is new trouble."""
        life = held(timing=Timing(validity=1e6, keepalive_every=1800.0, jitter=0))
        for _ in range(3):
            for _ in range(DOUBTFUL_TRIES):
                now = life.machine.next_request_at
                life.sends(now, "keepalive", "K1")
                assert life.gets(WRONG_CLOCK, now) == "HELD"
            now = life.machine.next_request_at
            life.sends(now, "keepalive", "K1")
            life.gets(OK, now)
            assert life.kinds[-1] == "renewed"

    def test_a_close_is_not_tried_again_for_it(self) -> None:
        """When the block is over, there is nothing to keep: what is refused is left to expire, at once."""
        life = held()
        life.stops(100.0)
        life.sends(100.0, "close", "K1")
        assert life.gets(WRONG_CLOCK, 101.0) == "CLOSED"
        assert life.machine.closed is False

    def test_a_clock_that_is_wrong_for_a_while(self) -> None:
        """A keepalive is refused for it until the clock is right again."""
        life = held()
        life.sends(1800.0, "keepalive", "K1")
        assert life.gets(WRONG_CLOCK, 1801.0) == "HELD"
        assert life.told(Retrying).error is WRONG_CLOCK.error
        life.sends(life.machine.next_request_at, "keepalive", "K1")
        life.gets(OK, 1803.0)
        assert life.kinds[-1] == "renewed"

    def test_what_was_learnt_of_the_clock_is_corrected(self) -> None:
        """Two refusals in a row: the second try is at once, the third after a pause, and each is by what was told."""
        life = held()
        life.sends(1800.0, "keepalive", "K1")
        life.gets(FEW_SECONDS, 1801.0)
        assert life.account.host.clock == 30.0
        life.sends(1801.0, "keepalive", "K1")
        assert life.gets(FEW_SECONDS, 1802.0) == "HELD"
        assert life.machine.next_request_at > 1802.0


def two_contexts(venue: Venue) -> tuple[Life, Life]:
    """Two of one account that hold K1, the second of which is told at 600 that the key is now K2."""
    host = Host()
    one = held(venue, account=host.register("/path", "A"))
    other = held(venue, account=host.register("/path", "A"), timing=Timing(keepalive_every=600))
    other.sends(600.0, "keepalive", "K1")
    other.gets(alive("K2"), 600.0)
    return one, other


class TestReplacedByANeighbour:
    def test_it_is_asked_about_at_once(self) -> None:
        """When another context of the account has learned another key, a keepalive is due at the next look."""
        one, _ = two_contexts(ACCOUNT)
        assert one.machine.next_request_at == 1800
        assert one.tick(601.0) == "HELD"
        assert one.machine.next_request_at == 601
        one.sends(601.0, "keepalive", "K1")

    def test_nothing_is_put_off_by_it(self) -> None:
        """A keepalive that is overdue when the other key is noticed stays so."""
        one, _ = two_contexts(ACCOUNT)
        one.tick(1900.0)
        assert one.machine.next_request_at == 1800

    @given(turns=st.lists(st.integers(0, 2), min_size=60, max_size=60))
    def test_holders_whose_keys_are_all_alive_ask_once_about_each(self, turns: list[int]) -> None:
        """K4: where each create makes a key, and all of them live, three holders do not ask by turns for ever."""
        several = replace(venues.BINANCE_US, sharing=venues.Sharing(second_create="unknown"))
        host, sent = Host(), 0
        three = []
        for number in range(3):
            life = Life(several, account=host.register("/path", "A", "unknown"))
            life.sends(0.0, "create", None)
            life.gets(alive(f"K{number}"), 0.0)
            three.append(life)
        for life in (three[turn] for turn in turns):
            life.tick(601.0)
            if life.machine.next_request_at <= 601.0:
                sent += 1
                life.sends(601.0, "keepalive", life.machine.key)
                life.gets(OK, 601.0)
        assert sent <= 3 * 2

    def test_what_another_holder_found_counts_for_who_looks_late(self) -> None:
        """K2: the key that another context kept alive is not called dead by one that looks after its own bound."""
        host = Host()
        late, other = (held(ACCOUNT, account=host.register("/path", "A")) for _ in range(2))
        other.sends(1800.0, "keepalive", "K1")
        other.gets(alive("K1"), 1800.0)
        assert late.tick(3700.0) == "HELD"
        assert (late.machine.expires_at, late.machine.statistics().losses) == (5400.0, 0)
        assert late.tick(5400.0) == "VACANT"

    def test_it_is_no_answer_to_a_later_doubt(self) -> None:
        """S5: what another context asked before somebody doubted does not put our own request off."""
        host = Host()
        one, other = (held(ACCOUNT, account=host.register("/path", "A")) for _ in range(2))
        other.sends(1800.0, "keepalive", "K1")
        one.machine.ask(1800.5)
        other.gets(alive("K1"), 1801.0)
        one.tick(1801.0)
        assert one.machine.expires_at == 5400.0
        assert one.machine.next_request_at <= 1800.5

    def test_it_is_asked_about_once(self) -> None:
        """Once the exchange has told which key is alive, the next keepalive is due in its time."""
        one, other = two_contexts(ACCOUNT)
        one.tick(601.0)
        one.sends(601.0, "keepalive", "K1")
        one.gets(alive("K2"), 601.0)
        assert (one.machine.key, one.machine.generation) == ("K2", 2)
        assert one.kinds == ["created", "replaced"]
        for life, due in ((one, 2401), (other, 1201)):
            life.tick(602.0)
            assert life.machine.next_request_at == due

    @pytest.mark.parametrize("draw", [0.0, 0.9])
    def test_a_failed_attempt_is_followed_by_a_pause(self, draw: float) -> None:
        """If the exchange does not say, it is asked again with backoff, not at every look."""
        one, _ = two_contexts(ACCOUNT)
        one.tick(601.0)
        now = 601.0
        for ceiling in (1, 2, 4, 8):
            one.sends(now, "keepalive", "K1")
            one.gets(NO_ANSWER, now, draw)
            due = now + 0.1 + (ceiling - 0.1) * draw
            one.tick(now + 0.05)
            assert one.machine.next_request_at == pytest.approx(due)
            now = one.machine.next_request_at

    def test_a_ban_is_waited_out_first(self) -> None:
        """Nor is a host asked that wants silence."""
        one, other = two_contexts(ACCOUNT)
        other.account.host.block(700.0)
        assert one.next_request(601.0) is None
        assert one.machine.next_request_at == 700

    def test_a_confirmation_without_any_name_confirms_nothing(self) -> None:
        """Where neither a keepalive nor its answer names a key, a create asks which one the account has (K5)."""
        one, _ = two_contexts(venues.BINANCE_COINM)
        one.tick(601.0)
        one.sends(601.0, "keepalive", "K1")
        one.gets(OK, 601.0)
        assert (one.machine.key, one.account.key) == ("K1", "K2")
        one.sends(601.0, "create", "K1")
        one.gets(alive("K2"), 602.0)
        assert (one.machine.key, one.account.key) == ("K2", "K2")
        assert one.kinds == ["created", "replaced"]

    def test_a_confirmation_of_a_name_is_for_that_key(self) -> None:
        """Where a keepalive names the key, its success is that key's, whatever another holder was told."""
        one, _ = two_contexts(FORM)
        one.tick(601.0)
        one.sends(601.0, "keepalive", "K1")
        one.gets(OK, 601.0)
        assert (one.machine.key, one.account.key) == ("K1", "K1")

    def test_two_keys_that_are_both_alive_are_no_reason_to_go_on_asking(self) -> None:
        """Where an account has several keys, two contexts that hold one each ask once, and then in their time."""
        one, other = two_contexts(FORM)
        one.tick(601.0)
        one.sends(601.0, "keepalive", "K1")
        one.gets(OK, 601.0)
        other.tick(602.0)
        other.sends(602.0, "keepalive", "K2")
        other.gets(OK, 602.0)
        one.tick(603.0)
        other.tick(603.0)
        assert (one.machine.next_request_at, other.machine.next_request_at) == (2401, 1202)


class TestStatistics:
    def test_they_tell_all_that_happened(self) -> None:
        """Each counter counts what it says, and times are moved by what is asked for."""
        life = held()
        life.sends(1800.0, "keepalive", "K1")
        life.gets(OK, 1800.0)
        life.sends(3600.0, "keepalive", "K1")
        life.gets(banned(10), 3600.0)
        life.sends(3700.0, "keepalive", "K1")
        life.gets(NO_ANSWER, 3700.0)
        life.sends(3800.0, "keepalive", "K1")
        life.gets(GONE, 3800.0)
        life.sends(3800.0, "create", "K1")
        life.gets(alive("K2"), 3800.0)
        life.machine.throttled(2.5)
        assert life.machine.statistics(-100.0) == KeyStatistics(
            state="held",
            generation=2,
            requests=6,
            created=2,
            renewed=1,
            retries=2,
            waits=1,
            losses=1,
            expires_at=7300.0,
            next_request_at=5500.0,
            closed=None,
            throttled=1,
            throttled_for=2.5,
        )

    def test_asking_changes_nothing(self) -> None:
        """Questions have no effect: asked twice, they answer the same."""

        def everything(machine: Lifecycle) -> tuple[object, ...]:
            return (
                machine.statistics(),
                machine.next_request_at,
                machine.give_up_at,
                machine.expires_at,
                machine.answer_deadline,
            )

        life = held(draw=0.5)
        for allowed_at in (0.0, 2000.0):
            life.account.host.block(allowed_at)
            assert everything(life.machine) == everything(life.machine)
        life.sends(2030.0, "keepalive", "K1")
        assert life.machine.statistics().next_request_at == inf
        assert life.machine.statistics().state == "renewing"


@pytest.mark.parametrize("venue", [FORM, ACCOUNT], ids=lambda venue: venue.name)
def test_two_contexts_of_one_account_hold_one_key(venue: Venue) -> None:
    """Another holder's news that the key is gone does not make us forget the newer one."""
    host = Host()
    one, other = held(venue, account=host.register("/path", "A")), held(venue, account=host.register("/path", "A"))
    one.sends(1800.0, "keepalive", "K1")
    one.gets(GONE, 1800.0)
    assert host.accounts_by_key == {}
    one.sends(1800.0, "create", "K1")
    one.gets(alive("K2"), 1800.0)
    other.sends(1801.0, "keepalive", "K1")
    other.gets(GONE, 1801.0)
    assert one.account.key == "K2"
    other.sends(1801.0, "create", "K1")
    other.gets(alive("K2"), 1801.0)
    assert (one.machine.key, other.machine.key, other.machine.generation) == ("K2", "K2", 2)
