"""A clock that goes on while the machine sleeps; time passes here by a mock clock and by hand."""

import time

import pytest
import trio
import trio.testing
from hypothesis import given, strategies as st

from trio_listenkey._shell._clock import SteadyClock


class Watch:
    """Another clock, to be set by hand."""

    def __init__(self, at: float) -> None:
        self.at = at

    def __call__(self) -> float:
        return self.at


def pass_time(mock: trio.testing.MockClock, seconds: float, *watches: Watch) -> None:
    """Let ``seconds`` go by on trio's clock and on ``watches``."""
    mock.jump(seconds)
    for watch in watches:
        watch.at += seconds


async def test_awake_it_is_trios_clock(mock_clock: trio.testing.MockClock) -> None:
    """As long as the machine is awake, nothing is added."""
    unix, boot = Watch(1.7e9), Watch(50.0)
    clock = SteadyClock([unix, boot])
    for seconds in (0.0, 0.1, 10.0, 3600.0):
        pass_time(mock_clock, seconds, unix, boot)
        assert clock.now() == trio.current_time()
    assert clock.slept == 0


@pytest.mark.parametrize("which", [(0,), (1,), (0, 1)], ids=["unix", "boot", "both"])
async def test_a_sleep_is_noticed(mock_clock: trio.testing.MockClock, which: tuple[int, ...]) -> None:
    """What any other clock counted while trio's stood still has passed, and counts once (K2)."""
    watches = Watch(1.7e9), Watch(50.0)
    clock = SteadyClock(watches)
    pass_time(mock_clock, 10, *watches)
    for index in which:
        watches[index].at += 5000
    assert clock.now() == pytest.approx(trio.current_time() + 5000)
    pass_time(mock_clock, 10, *watches)
    assert clock.now() == pytest.approx(trio.current_time() + 5000)
    assert clock.slept == pytest.approx(5000)


async def test_sleeps_add_up(mock_clock: trio.testing.MockClock) -> None:
    """Each sleep is added to those before."""
    boot = Watch(50.0)
    clock = SteadyClock([boot])
    for number in (1, 2, 3):
        pass_time(mock_clock, 1, boot)
        boot.at += 100
        assert clock.now() == pytest.approx(trio.current_time() + 100 * number)


async def test_the_fastest_clock_counts(mock_clock: trio.testing.MockClock) -> None:
    """Where two clocks tell of different sleeps, it was the longer one."""
    unix, boot = Watch(1.7e9), Watch(50.0)
    clock = SteadyClock([unix, boot])
    unix.at += 100
    boot.at += 300
    assert clock.now() == pytest.approx(trio.current_time() + 300)


async def test_a_clock_that_is_set_back_changes_nothing(mock_clock: trio.testing.MockClock) -> None:
    """Time does not go backwards because someone set a clock, and a sleep after that is noticed all the same."""
    unix, boot = Watch(1.7e9), Watch(50.0)
    clock = SteadyClock([unix, boot])
    pass_time(mock_clock, 10, unix, boot)
    unix.at -= 86400
    assert clock.now() == trio.current_time()
    unix.at += 60
    assert clock.now() == pytest.approx(trio.current_time() + 60)
    assert clock.slept == pytest.approx(60)


async def test_naps_add_up(mock_clock: trio.testing.MockClock) -> None:
    """Sleeps too short to count alone are counted together: at no time are more than five seconds missing."""
    boot = Watch(1024.0)
    clock = SteadyClock([boot])
    for number in range(1, 1000):
        pass_time(mock_clock, 10, boot)
        boot.at += 0.25
        assert 0 <= trio.current_time() + number * 0.25 - clock.now() <= 5


@pytest.mark.parametrize(("leap", "slept"), [(5.0, 0.0), (5.03125, 5.03125)])
async def test_five_seconds_are_noticeable(mock_clock: trio.testing.MockClock, leap: float, slept: float) -> None:
    """Up to five seconds are nothing, and more is a sleep."""
    boot = Watch(64.0)
    clock = SteadyClock([boot])
    boot.at += leap
    clock.now()
    assert clock.slept == slept


async def test_time_before_the_first_look_does_not_count(mock_clock: trio.testing.MockClock) -> None:
    """Other clocks have other origins: only what passes after the beginning counts."""
    clock = SteadyClock([Watch(9e9)])
    assert clock.now() == trio.current_time()


async def test_it_never_goes_back(mock_clock: trio.testing.MockClock) -> None:
    """Whatever the other clocks do, the time does not go back."""
    unix, boot = Watch(1.7e9), Watch(50.0)
    clock = SteadyClock([unix, boot])
    last = clock.now()
    for step in (5.0, -7.0, 1e6, -1e6, 0.4, 0.4, -0.2, 60.0):
        pass_time(mock_clock, 0.25, boot)
        unix.at += step
        assert clock.now() >= last
        last = clock.now()


async def test_it_asks_the_systems_clocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Left alone it takes Unix time, and the clock that counts suspend where there is one."""
    unix = Watch(1.7e9)
    monkeypatch.setattr(time, "time", unix)
    monkeypatch.setattr(time, "CLOCK_BOOTTIME", 7, raising=False)
    boot = Watch(50.0)
    monkeypatch.setattr(time, "clock_gettime", lambda which: boot() if which == 7 else -1.0, raising=False)
    clock = SteadyClock()
    boot.at += 1000
    clock.now()
    assert clock.slept == pytest.approx(1000, abs=5)
    unix.at += 1000  # it is set right only now: the same sleep, not another one
    clock.now()
    assert clock.slept == pytest.approx(1000, abs=5)
    unix.at += 4000
    clock.now()
    assert clock.slept == pytest.approx(5000, abs=5)


async def test_it_does_without_a_clock_of_suspend(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system has no clock that counts suspend, Unix time has to do."""
    unix = Watch(1.7e9)
    monkeypatch.setattr(time, "time", unix)
    monkeypatch.delattr(time, "CLOCK_BOOTTIME", raising=False)
    clock = SteadyClock()
    unix.at += 4000
    clock.now()
    assert clock.slept == pytest.approx(4000, abs=5)


async def test_unix_time_is_read_anew(monkeypatch: pytest.MonkeyPatch, mock_clock: trio.testing.MockClock) -> None:
    """A system clock that was two hours ahead and is set right is believed; virtual time that passes is added."""
    ahead, system = 7200.0, time.time
    monkeypatch.setattr(time, "time", lambda: system() + ahead)
    clock = SteadyClock()
    assert clock.unix() == pytest.approx(system() + 7200, abs=1)
    ahead = 0.0
    assert clock.unix() == pytest.approx(system(), abs=1)
    mock_clock.jump(86400)
    assert clock.unix() == pytest.approx(system() + 86400, abs=1)
    ahead = -50.0
    assert clock.unix() == pytest.approx(system() + 86350, abs=1)


@given(slept=st.floats(0, 1e7), when=st.floats(-1e7, 1e10))
def test_a_time_is_reached_when_trio_says_so(slept: float, when: float) -> None:
    """Once trio's clock is there, this one is: not a rounding step before it. Nor is it noticeably later."""

    async def main() -> None:
        clock = SteadyClock([])
        clock.slept = slept
        assert when <= clock.to_trio(when) + slept <= when + 1e-5

    trio.run(main)
