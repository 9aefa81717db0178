"""Something comes between at every single moment: L1 to L4, for every path through the keeper."""

from __future__ import annotations

import pytest
import trio
from injection import Act, Result, Scenario, every_moment

from trio_listenkey import CredentialsError, KeyLostError, ListenKey, Timing, UnavailableError, venues
from trio_listenkey.testing import (
    Delay,
    Fault,
    Hang,
    KillKey,
    Reset,
    api_error,
    service_unavailable,
)

HOURS = 3600.0
CLOSE_TIMEOUT = Timing().close_timeout


class BodyError(Exception):
    """What the block itself raises."""


async def _stays(key: ListenKey) -> None:
    await trio.sleep(1.2 * HOURS)


async def _raises(key: ListenKey) -> None:
    await trio.sleep(0.6 * HOURS)
    raise BodyError


async def _cleans_up(key: ListenKey) -> None:
    try:
        await trio.sleep(0.7 * HOURS)
    finally:
        with trio.move_on_after(3, shield=True):
            await trio.sleep(2)


async def _groups(key: ListenKey) -> None:
    await trio.sleep(1)
    raise ExceptionGroup("the block's own", [BodyError()])


_revoked = api_error(401, -2015, "Invalid API-key, IP, or permissions for action.")

SCENARIOS = [
    Scenario("clean", _stays),
    Scenario("clean, slow network", _stays, latency=0.4),
    Scenario("clean, key named in requests", _stays, venue=venues.BINANCE_US),
    Scenario("body raises", _raises, outcomes=frozenset({BodyError})),
    Scenario("body raises a group", _groups, outcomes=frozenset({ExceptionGroup})),
    Scenario("body cleans up under a shield", _cleans_up),
    Scenario(
        "keepalive fails now and then",
        _stays,
        faults=(Fault(verb="keepalive", nth=1, count=3, effect=service_unavailable()),),
    ),
    Scenario(
        "keepalive refused",
        _stays,
        faults=(Fault(verb="keepalive", effect=_revoked),),
        outcomes=frozenset({CredentialsError}),
    ),
    Scenario(
        "keepalive hangs until the key is dead",
        _stays,
        faults=(Fault(verb="keepalive", effect=Hang()),),
        timing=Timing(retry_base=60, retry_cap=600, suspend_check_every=600),
        on_lost="raise",
        outcomes=frozenset({KeyLostError}),
    ),
    Scenario(
        "gone and replaced",
        _stays,
        faults=(Fault(verb="keepalive", nth=2, effect=KillKey()),),
    ),
    Scenario(
        "gone and replaced slowly",
        _stays,
        faults=(
            Fault(verb="keepalive", nth=1, effect=KillKey()),
            Fault(verb="create", nth=2, effect=Delay(6)),
        ),
    ),
    Scenario(
        "gone and raised",
        _stays,
        faults=(Fault(verb="keepalive", nth=1, effect=KillKey()),),
        on_lost="raise",
        outcomes=frozenset({KeyLostError}),
    ),
    Scenario("create slow", _stays, faults=(Fault(verb="create", effect=Delay(8)),)),
    Scenario(
        "create done, answer lost",
        _stays,
        faults=(Fault(verb="create", nth=1, effect=Reset(after_work=True)),),
    ),
    Scenario(
        "create done, answer lost, key named in requests",
        _stays,
        faults=(Fault(verb="create", nth=1, effect=Reset(after_work=True)),),
        venue=venues.BINANCE_US,
    ),
    Scenario(
        "create hangs",
        _stays,
        faults=(Fault(verb="create", effect=Hang()),),
        outcomes=frozenset({UnavailableError}),
    ),
    Scenario(
        "create done, but hangs",
        _stays,
        faults=(Fault(verb="create", effect=Hang(after_work=True)),),
        outcomes=frozenset({UnavailableError}),
    ),
    Scenario("close slow", _stays, faults=(Fault(verb="close", effect=Delay(8)),)),
    Scenario("close fails once", _stays, faults=(Fault(verb="close", nth=1, effect=service_unavailable()),)),
    # Who has shared a key for a moment cannot know whether others do, and leaves it to expire.
    Scenario(
        "shared, gone and replaced",
        _stays,
        faults=(Fault(verb="keepalive", nth=1, effect=KillKey()),),
        shares=True,
        may_leave_key=True,
    ),
    Scenario("close hangs", _stays, faults=(Fault(verb="close", effect=Hang()),), may_leave_key=True),
]


def _case(scenario: Scenario) -> object:
    # The first one is for coverage, too: Ctrl-C while a block waits for its keeper comes only at a moment of its own.
    marks = [] if scenario is SCENARIOS[0] else [pytest.mark.no_cover]
    return pytest.param(scenario, id=scenario.name.replace(" ", "-"), marks=marks)


@pytest.mark.parametrize("act", ["cancel", "interrupt"])
@pytest.mark.parametrize("scenario", [_case(each) for each in SCENARIOS])
def test_at_every_moment(scenario: Scenario, act: Act) -> None:
    """Whenever it comes: no key is left, leaving is quick, and the caller sees the exact exception."""
    moments = 0
    for result in every_moment(scenario, act, seeds=range(3)):
        moments += result.fired
        _check(scenario, act, result)
    print(f"{moments} moments tried: {scenario.name}, {act}")  # noqa: T201 - shown by `pytest -rP`
    assert moments > 20


def _check(scenario: Scenario, act: Act, result: Result) -> None:
    where = f"moment {result.k}: {result}"
    assert scenario.may_leave_key or not result.left_open, where
    # L2: what is left of a create, then the close, each within the limit; and this body's own clean-up.
    if result.fired:
        assert result.exit_seconds <= 2 * CLOSE_TIMEOUT + 3 + 8 * scenario.latency + 1e-6, where
    raised = None if result.raised is None else type(result.raised)
    if not result.fired:
        assert raised in scenario.outcomes, where
        assert not result.interrupted
    elif act == "cancel":
        # Either it came in time, and then it is bare; or the block had already gone its own way.
        assert raised in {*scenario.outcomes, None, trio.Cancelled}, where
        assert result.absorbed == (raised is trio.Cancelled), where
    else:
        assert result.interrupted, where
        assert raised in {*scenario.outcomes, None, KeyboardInterrupt}, where
