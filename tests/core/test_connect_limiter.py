"""How many sockets may be opened at a host, and when."""

from math import inf

import pytest

from trio_listenkey._core._connect_limiter import ConnectLimiter

THREE_DAYS = 3 * 86_400


def after_attempts(number: int, *, every: float = 0.0) -> ConnectLimiter:
    limiter = ConnectLimiter()
    for attempt in range(number):
        limiter.record_attempt(attempt * every)
    return limiter


class TestAttempts:
    def test_it_is_open_at_first(self) -> None:
        """Who was never refused may come at any time."""
        assert after_attempts(239).allowed_at == -inf

    def test_it_is_shut_after_very_many(self) -> None:
        """Of 300 attempts in five minutes four fifths are ours; the next one is due five minutes after the first."""
        assert after_attempts(240, every=0.1).allowed_at == 300

    def test_each_attempt_counts_for_five_minutes(self) -> None:
        """What is older does not count, and is not remembered."""
        limiter = after_attempts(240, every=1.0)
        limiter.record_attempt(300.0)
        assert limiter.allowed_at == 301
        limiter.record_attempt(1000.0)
        assert limiter.allowed_at == -inf


class TestTurns:
    def test_the_first_few_come_at_once(self) -> None:
        """Who is alone has nothing to wait for; each of very many has a time of its own."""
        limiter = ConnectLimiter()
        turns = [limiter.take_turn(100.0) for _ in range(8)]
        assert turns == pytest.approx([100, 100, 100, 100, 100, 100.05, 100.1, 100.15])

    def test_they_are_given_away_anew_when_all_are_over(self) -> None:
        """The storm of yesterday holds nobody up."""
        limiter = ConnectLimiter()
        for _ in range(50):
            limiter.take_turn(100.0)
        assert [limiter.take_turn(200.0) for _ in range(5)] == pytest.approx([200.0] * 5)

    def test_turns_are_no_attempts(self) -> None:
        """They hold up nobody whose socket could not be opened."""
        limiter = ConnectLimiter()
        for _ in range(1000):
            limiter.take_turn(100.0)
        assert limiter.allowed_at == -inf


class TestRefusals:
    @pytest.mark.parametrize("status", [None, 101, 400, 401, 404, 500, 503])
    def test_most_failures_say_nothing_of_the_host(self, status: int | None) -> None:
        """A failure that does not ask for silence holds up nobody else."""
        limiter = ConnectLimiter()
        limiter.refused(status, None, 10.0, 1, 0.5)
        assert limiter.allowed_at == -inf

    @pytest.mark.parametrize("status", [429, 418, 403])
    def test_silence_grows(self, status: int) -> None:
        """A refusal that asks for silence without saying for how long gets longer ones, up to five minutes."""
        waits = []
        for attempt in (1, 2, 3, 4, 5, 50):
            limiter = ConnectLimiter()
            limiter.refused(status, None, 10.0, attempt, 0.999999999)
            waits.append(limiter.allowed_at - 10)
        assert waits == pytest.approx([30, 60, 120, 240, 300, 300])

    def test_there_is_always_some_silence(self) -> None:
        """The luckiest draw is seconds, too."""
        limiter = ConnectLimiter()
        limiter.refused(429, None, 10.0, 1, 0.0)
        assert limiter.allowed_at == pytest.approx(13)

    @pytest.mark.parametrize("status", [None, 429, 403, 418, 503])
    @pytest.mark.parametrize(("said", "spread"), [(1.0, 0.1), (5.0, 0.5), (30.0, 3.0), (180.5, 5.0)])
    @pytest.mark.parametrize("attempt", [1, 2, 20])
    def test_what_is_asked_for_is_given(self, status: int | None, said: float, spread: float, attempt: int) -> None:
        """A time that the exchange names is kept to, whatever the status, and spread by a little."""
        limiter = ConnectLimiter()
        limiter.refused(status, said, 10.0, attempt, 0.5)
        assert limiter.allowed_at == 10 + said
        assert limiter.spread == pytest.approx(spread)

    def test_it_is_never_less_than_our_own(self) -> None:
        """An exchange that asks for no time at all again and again means more than that."""
        limiter = ConnectLimiter()
        limiter.refused(429, 0.0, 10.0, 5, 0.999999999)
        assert limiter.allowed_at == pytest.approx(310)

    @pytest.mark.parametrize("seconds", [999_999_999.0, inf])
    def test_nobody_is_silent_for_years(self, seconds: float) -> None:
        """Bans end at three days; a longer one is a mistake."""
        limiter = ConnectLimiter()
        limiter.refused(429, seconds, 10.0, 1, 0.0)
        assert limiter.allowed_at == 10 + THREE_DAYS

    def test_a_longer_silence_stays_in_force(self) -> None:
        """A second refusal does not shorten the first."""
        limiter = ConnectLimiter()
        limiter.refused(418, 1000.0, 0.0, 1, 0.0)
        limiter.refused(429, 5.0, 10.0, 1, 0.0)
        assert limiter.allowed_at == 1000

    def test_both_limits_hold(self) -> None:
        """The later one of silence and attempts decides."""
        limiter = after_attempts(240)
        limiter.refused(429, 100.0, 0.0, 1, 0.0)
        assert limiter.allowed_at == 300
        limiter.refused(429, 500.0, 0.0, 1, 0.0)
        assert limiter.allowed_at == 500
