"""Generated misfortune for tests of your own, by `Hypothesis <https://hypothesis.readthedocs.io>`_.

A :class:`Life` is what happens to an account and at its exchange: events, orders, faults, keys that end, bans, cut
cables. :func:`lives` generates them, and :func:`run_life` walks your program through one, in memory and under a virtual
clock, where hours take milliseconds::

    @settings(deadline=None)
    @given(lives())
    def test_my_bot(life: Life) -> None:
        bot = MyBot()
        run_life(life, bot.run, lambda environment: bot.check(environment.exchange))

It needs Hypothesis and the extra ``testing``: ``pip install 'trio-listenkey[testing]' hypothesis``.
"""

from __future__ import annotations

from ._lives._environment import Environment
from ._lives._generation import account_histories, exchange_timings, fault_scripts, faults, lives
from ._lives._life import Life
from ._lives._walk import live, run_life

__all__ = [
    "Environment",
    "Life",
    "account_histories",
    "exchange_timings",
    "fault_scripts",
    "faults",
    "live",
    "lives",
    "run_life",
]

# Tracebacks, pickles and the documentation name things by where users find them, not by the file they are in.
for _name in __all__:
    globals()[_name].__module__ = __name__
del _name
