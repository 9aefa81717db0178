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
        limiter.refused(status, None, 10.0)
        assert limiter.allowed_at == -inf

    @pytest.mark.parametrize(
        ("status", "silences"),
        [
            (403, [15, 30, 60, 120, 240, 300, 300]),
            (429, [30, 60, 120, 240, 300, 300]),
            (418, [120, 240, 300, 300]),
        ],
    )
    def test_silence_grows(self, status: int, silences: list[float]) -> None:
        """One that names no time is no lottery: it is doubled up to five minutes, and spread by a little."""
        limiter, now = ConnectLimiter(), 10.0
        for silence in [*silences, *[300] * 5000]:
            limiter.refused(status, None, now)
            assert limiter.allowed_at == now + silence
            assert limiter.spread == pytest.approx(min(silence / 10, 5.0))
            now = limiter.allowed_at

    def test_a_firewall_sees_a_handful_of_tries(self) -> None:
        """In five minutes of it, however many streams there are: it is the host that refuses, and not one of them."""
        limiter, now, tries = ConnectLimiter(), 0.0, 0
        while now < 300:
            limiter.refused(403, None, now)
            tries += 1
            now = limiter.allowed_at
        assert tries == 5

    def test_what_was_under_way_is_the_same_refusal(self) -> None:
        """A hundred handshakes that are refused together ask for silence once."""
        limiter = ConnectLimiter()
        for late in range(100):
            limiter.refused(403, None, 10.0 + late / 100)
        assert limiter.allowed_at == 25

    def test_a_socket_ends_it(self) -> None:
        """The next refusal is the first one again; but a silence that was asked for is kept."""
        limiter = ConnectLimiter()
        limiter.refused(403, None, 10.0)
        limiter.refused(403, None, 25.0)
        limiter.admitted()
        assert limiter.allowed_at == 55
        limiter.refused(403, None, 100.0)
        assert limiter.allowed_at == 115

    @pytest.mark.parametrize("status", [None, 429, 403, 418, 503])
    @pytest.mark.parametrize(("said", "spread"), [(1.0, 0.1), (5.0, 0.5), (30.0, 3.0), (180.5, 5.0)])
    @pytest.mark.parametrize("before", [0, 1, 20])
    def test_what_is_asked_for_is_given(self, status: int | None, said: float, spread: float, before: int) -> None:
        """A time that the exchange names is kept to, whatever the status and whatever was before, and spread a bit."""
        limiter = ConnectLimiter()
        for nth in range(before):
            limiter.refused(429, None, nth * 1000.0)
        limiter.refused(status, said, 50_000.0)
        assert limiter.allowed_at == 50_000 + said
        assert limiter.spread == pytest.approx(spread)

    @pytest.mark.parametrize(("status", "silence"), [(None, 15), (503, 15), (403, 15), (429, 30), (418, 120)])
    def test_a_time_of_nothing_is_none(self, status: int | None, silence: float) -> None:
        """An exchange that asks for no time at all again and again means more than that."""
        limiter = ConnectLimiter()
        limiter.refused(status, 0.0, 10.0)
        assert limiter.allowed_at == 10 + silence
        limiter.refused(status, 0.5, 1000.0)
        assert limiter.allowed_at == 1000 + 2 * silence

    @pytest.mark.parametrize("seconds", [999_999_999.0, inf])
    def test_nobody_is_silent_for_years(self, seconds: float) -> None:
        """Bans end at three days; a longer one is a mistake."""
        limiter = ConnectLimiter()
        limiter.refused(429, seconds, 10.0)
        assert limiter.allowed_at == 10 + THREE_DAYS

    def test_a_longer_silence_stays_in_force(self) -> None:
        """A second refusal does not shorten the first."""
        limiter = ConnectLimiter()
        limiter.refused(418, 1000.0, 0.0)
        limiter.refused(429, 5.0, 10.0)
        assert limiter.allowed_at == 1000

    def test_both_limits_hold(self) -> None:
        """The later one of silence and attempts decides."""
        limiter = after_attempts(240)
        limiter.refused(429, 100.0, 0.0)
        assert limiter.allowed_at == 300
        limiter.refused(429, 500.0, 0.0)
        assert limiter.allowed_at == 500
