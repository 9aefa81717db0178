"""The real ``open_listen_key`` against the exchange in memory, walked at random through faults and virtual days."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
import trio
from driver import Driver
from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from trio_listenkey import (
    Credentials,
    KeyLostError,
    ListenKey,
    ListenKeyError,
    RateLimitedError,
    Timing,
    UnavailableError,
    open_listen_key,
    venues,
)
from trio_listenkey.testing import (
    Delay,
    Effect,
    Exchange,
    Fault,
    Garbage,
    Hang,
    Huge,
    KillKey,
    MemoryTransport,
    Reset,
    Truncate,
    bad_gateway_html,
    banned,
    rate_limited,
    service_unavailable,
)

TIMING = Timing(suspend_check_every=900)
EFFECTS: list[Effect] = [
    Delay(7),
    Garbage(),
    Hang(),
    Hang(after_work=True),
    Huge(None),
    KillKey(),
    Reset(after_work=False),
    Reset(after_work=True),
    Truncate(20),
    bad_gateway_html(),
    banned(600),
    banned(180, header=True),
    rate_limited(45),
    service_unavailable(),
    service_unavailable(after_work=True),
]


class BodyError(Exception):
    """What a block raises."""


class OneAtATime:
    """A transport that sees to K1: one request of an account at a time. Each account has one API key here."""

    def __init__(self, transport: MemoryTransport) -> None:
        self._transport = transport
        self._busy: set[str] = set()

    async def request(self, request: Any) -> Any:
        api_key = dict(request.headers)["X-MBX-APIKEY"]
        assert api_key not in self._busy
        self._busy.add(api_key)
        try:
            return await self._transport.request(request)
        finally:
            self._busy.remove(api_key)

    async def aclose(self) -> None:
        await self._transport.aclose()


@dataclass(eq=False)
class Holder:
    """A block in a task of its own."""

    account: str
    on_exit: Any
    on_lost: Any
    scope: trio.CancelScope
    leave: trio.Event
    key: ListenKey | None = None
    error: BaseException | None = None
    raises: bool = False
    told_at: float | None = None
    ended_at: float | None = None


class OpenListenKeyMachine(RuleBasedStateMachine):
    @initialize(named=st.booleans())
    def begin(self, named: bool) -> None:
        self.driver = Driver()
        self.venue = venues.BINANCE_US if named else venues.BINANCE_USDM
        self.exchange = Exchange(seed=1)
        for name in ("alice", "bob"):
            self.exchange.add_account(f"the-api-key-of-{name}", name=name)
        self.memory = MemoryTransport(self.exchange)
        self.transport = OneAtATime(self.memory)
        self.holders: list[Holder] = []
        self.now = 0.0
        self.meddled = False

    def _do(self, what: Any = None, *, seconds: float = 0.0) -> None:
        async def step(nursery: trio.Nursery) -> None:
            if what is not None:
                what(nursery)
            await trio.sleep(seconds)
            await trio.testing.wait_all_tasks_blocked()
            self.now = trio.current_time()

        self.driver.do(step)

    async def _hold(self, holder: Holder) -> None:
        try:
            with holder.scope:
                async with open_listen_key(
                    self.venue,
                    Credentials(f"the-api-key-of-{holder.account}"),
                    transport=self.transport,
                    timing=TIMING,
                    on_exit=holder.on_exit,
                    on_lost=holder.on_lost,
                ) as holder.key:
                    await holder.leave.wait()
                    if holder.raises:
                        raise BodyError
        except BaseException as error:  # noqa: ASYNC103 - kept in the holder
            holder.error = error
        holder.ended_at = trio.current_time()

    # What may happen.

    @precondition(lambda self: sum(holder.ended_at is None for holder in self.holders) < 3)
    @rule(
        account=st.sampled_from(["alice", "bob"]),
        on_exit=st.sampled_from(["close", "close", "leave"]),
        on_lost=st.sampled_from(["replace", "replace", "raise"]),
    )
    def open(self, account: str, on_exit: str, on_lost: str) -> None:
        holder = Holder(account, on_exit, on_lost, trio.CancelScope(), trio.Event())
        self.holders.append(holder)
        self._do(lambda nursery: nursery.start_soon(self._hold, holder))

    @rule(
        effect=st.sampled_from(EFFECTS),
        verb=st.sampled_from(["create", "keepalive", "close", "any"]),
        nth=st.integers(1, 4),
        count=st.integers(1, 6),
    )
    def something_will_go_wrong(self, effect: Effect, verb: Any, nth: int, count: int) -> None:
        self.exchange.add_faults(Fault(effect=effect, verb=verb, nth=nth, count=count))

    @rule(seconds=st.sampled_from([0.3, 2.0, 11.0, 40.0, 600.0, 1800.0, 4000.0, 86400.0]))
    def time_passes(self, seconds: float) -> None:
        self._do(seconds=seconds)

    @rule(account=st.sampled_from(["alice", "bob"]))
    def key_dies(self, account: str) -> None:
        self.meddled = True
        self.exchange.kill_key(account, self.now)

    @rule()
    def network_comes_and_goes(self) -> None:
        self.memory.reachable = not self.memory.reachable

    @precondition(lambda self: any(holder.told_at is None and holder.ended_at is None for holder in self.holders))
    @rule(how=st.sampled_from(["leave", "raise", "cancel"]), data=st.data())
    def block_ends(self, how: str, data: Any) -> None:
        running = [holder for holder in self.holders if holder.told_at is None and holder.ended_at is None]
        holder = data.draw(st.sampled_from(running))
        # A block that has not begun can only be cancelled: the others would wait for it to open.
        self._end(holder, how if holder.key else "cancel")

    def _end(self, holder: Holder, how: str) -> None:
        def end(nursery: trio.Nursery) -> None:
            holder.told_at = trio.current_time()
            holder.raises = how == "raise"
            holder.scope.cancel() if how == "cancel" else holder.leave.set()

        self._do(end)

    # What must hold after every step.

    @invariant()
    def bans_are_respected(self) -> None:
        """K3."""
        assert not hasattr(self, "exchange") or self.exchange.requests_during_bans == 0

    @invariant()
    def leaving_is_prompt(self) -> None:
        """L2: the rest of a create and the close, each within the limit."""
        for holder in getattr(self, "holders", ()):
            if holder.told_at is not None:
                end = self.now if holder.ended_at is None else holder.ended_at
                assert end - holder.told_at <= 2 * TIMING.close_timeout + 1e-6

    @invariant()
    def errors_are_bare_and_ours(self) -> None:
        """L4: the block's own, or one of ours; never a group, never a cancellation of ours."""
        for holder in getattr(self, "holders", ()):
            match holder.error:
                case None:
                    assert holder.ended_at is None or holder.told_at is not None
                case BodyError():
                    assert holder.raises
                case KeyLostError():
                    assert holder.on_lost == "raise"
                case ListenKeyError() as error:
                    # Nothing here is refused: it can only be that no key was to be had in time.
                    assert holder.key is None
                    assert isinstance(error, UnavailableError | RateLimitedError)
                case error:
                    raise AssertionError(error)

    @invariant()
    def presumption_of_life_is_true(self) -> None:
        """K2: whoever is told that a key is alive has one, if nobody killed it behind the exchange's back."""
        if self._someone_killed_a_key():
            return
        for holder in getattr(self, "holders", ()):
            is_open = holder.key is not None and holder.told_at is None and holder.ended_at is None
            if is_open and self.now < holder.key.statistics().expires_at:
                assert holder.key.value in self.exchange.open_keys(self.now)

    def _someone_killed_a_key(self) -> bool:
        return getattr(self, "meddled", False) or any(
            isinstance(entry.effect, KillKey) for entry in getattr(self, "exchange", Exchange()).log
        )

    def teardown(self) -> None:
        if not hasattr(self, "driver"):
            return
        try:
            for holder in self.holders:
                if holder.told_at is None and holder.ended_at is None:
                    self._end(holder, "cancel")
            self._do(seconds=100)
            self.leaving_is_prompt()
            assert all(holder.ended_at is not None for holder in self.holders)
            self._no_key_is_left_behind()
        finally:
            self.driver.close()

    def _no_key_is_left_behind(self) -> None:
        """L1 and L5: all keys are closed, or it was said that one may not be, or wished that it is not."""
        for name in ("alice", "bob"):
            mine = [holder for holder in self.holders if holder.account == name]
            wished = any(holder.on_exit == "leave" for holder in mine)
            told = any(holder.key is None or holder.key.statistics().closed is False for holder in mine)
            if mine and not wished and not told:
                assert self.exchange.key_of(name, self.now) is None


OpenListenKeyMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
TestOpenListenKey = pytest.mark.no_cover(OpenListenKeyMachine.TestCase)
