"""``sharing=``: one key for many programs, under a virtual clock (P1 to P6)."""

from __future__ import annotations

import json
import logging
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from math import inf
from typing import Any

import pytest
import trio
from sharing import ALICE, BEAT, HOUR, PATIENCE, Office, Watcher, role, two_programs, unknown
from trio.testing import MockClock

from trio_listenkey import Credentials, KeyLostError, Timing, UsageError, open_listen_key, open_user_stream, venues
from trio_listenkey._venue._parts import Sharing
from trio_listenkey.sharing import MemoryRegister, RegisterRefused, SharedKey
from trio_listenkey.testing import Fault, Hang, MemoryTransport, service_unavailable


@pytest.fixture
def office() -> Office:
    return Office()


# --- Together


async def test_one_keeps_it_alive_and_the_last_closes_it(office: Office, autojump_clock: MockClock) -> None:
    """Three programs for two hours: each creates once, one keepalive each half hour, one close."""
    async with office.open() as first, office.open() as second, office.open() as third:
        await trio.sleep(2 * HOUR)
        assert sorted(map(role, (first, second, third))) == ["follower", "follower", "keeper"]
        assert first.value == second.value == third.value
        for key in (first, second, third):
            assert key.expires_at > trio.current_time() + HOUR / 2 - 3 * BEAT
    assert office.verbs["create"] == 3
    assert 3 <= office.verbs["keepalive"] <= 4
    assert office.verbs["close"] == 1
    assert not office.is_open
    assert office.exchange.seconds_without_key("alice", trio.current_time()) == 0


async def test_who_leaves_hurts_nobody(office: Office, autojump_clock: MockClock) -> None:
    """P1: with another one there, nothing is closed, whoever leaves; the follower takes over within a beat."""
    async with office.open() as follower:
        async with two_programs(office) as (_, _):
            pass
        assert office.verbs["close"] == 0
        await trio.sleep(2 * BEAT)
        assert role(follower) == "keeper"
        await trio.sleep(2 * HOUR)
        assert office.is_open
    assert office.verbs["close"] == 1


async def test_a_follower_knows_how_long_the_key_lives(office: Office, autojump_clock: MockClock) -> None:
    """``expires_at`` is a lower bound: never later than the truth, and earlier by a beat or two at most."""
    async with two_programs(office) as (keeper, follower):
        for _ in range(25):
            await trio.sleep(197)
            asked_at = [entry.when for entry in office.exchange.log]
            told_at = max(when for when in asked_at if when < trio.current_time() - 2 * BEAT)
            for key in (keeper, follower):
                assert told_at + HOUR - 3 * BEAT <= key.expires_at <= max(asked_at) + HOUR
        assert follower.statistics().requests <= 2


async def test_two_that_leave_at_once_close_once(office: Office, autojump_clock: MockClock) -> None:
    """One of them is the last as the register sees it."""
    async with two_programs(office), trio.open_nursery() as nursery:
        nursery.cancel_scope.cancel()
    assert office.verbs["close"] == 1
    assert not office.is_open


async def test_what_is_told(office: Office, autojump_clock: MockClock) -> None:
    """Role, members and beats, by statistics and instrument; nothing of it without ``sharing=``."""
    watcher = Watcher()
    async with office.open(instrument=watcher) as key:
        async with office.open():
            await trio.sleep(2 * BEAT)
        await trio.sleep(2 * BEAT)
        sharing = key.statistics().sharing
        assert sharing is not None
        assert (sharing.role, sharing.members, sharing.register_away) == ("keeper", 1, False)
        assert sharing.last_beat_at > trio.current_time() - 2 * BEAT
    assert watcher.roles == [("keeper", 1), ("keeper", 2), ("keeper", 1)]
    async with office.open(sharing=None) as key:
        assert key.statistics().sharing is None


async def test_blocks_of_one_program_are_one_member(office: Office, autojump_clock: MockClock) -> None:
    """L5 stays: a process is one member, however many blocks it has; the last of them leaves."""
    venue = office.venue()
    arguments: dict[str, Any] = {"transport": office.transport, "sharing": office.sharing}
    async with open_listen_key(venue, ALICE, **arguments):
        async with open_listen_key(venue, ALICE, **arguments) as key:
            await trio.sleep(8 * BEAT)
            assert len(office.document()["members"]) == 1
        await trio.sleep(8 * BEAT)
        assert office.document()["members"]
        assert key.statistics().closed is None
    assert office.document()["members"] == {}
    assert office.verbs["close"] == 1


async def test_another_block_goes_on_with_the_beats(office: Office, autojump_clock: MockClock) -> None:
    """The block that goes to the register may end first; the next one of the process takes its place."""
    venue = office.venue()

    async def stay(seconds: float) -> None:
        async with open_listen_key(venue, ALICE, transport=office.transport, sharing=office.sharing):
            await trio.sleep(seconds)

    async with trio.open_nursery() as nursery:
        for seconds in (10 * BEAT, 20 * BEAT, 40 * BEAT):
            nursery.start_soon(stay, seconds)
        for _ in range(12):
            before = office.register.snapshot()
            await trio.sleep(3 * BEAT)
            assert office.register.snapshot() != before
    assert office.verbs["close"] == 1
    assert office.document()["members"] == {}


# --- The keeper fails


async def test_a_keeper_that_is_cut_off_is_replaced(office: Office, autojump_clock: MockClock) -> None:
    """P2: after ``patience`` beats and the one in which it moved last."""
    cut_off = MemoryRegister()
    async with office.open(sharing=replace(office.sharing, register=office.register)) as follower:
        await trio.sleep(1)
        assert role(follower) == "keeper"
        snapshot = office.register.snapshot()
        name, (raw, version) = next((name, it) for name, it in snapshot.items() if name != "accounts")
        document = json.loads(raw)
        dead = {"beats": 1, "every": BEAT, "who": "a host that is gone:1"}
        document |= {
            "keeper": "dead",
            "members": {**document["members"], "dead": dead},
            "writes": 99,
            "writer": "dead.1",
        }
        office.register.restore({name: (json.dumps(document).encode(), version)})
        await trio.sleep(BEAT * 1.2)
        assert role(follower) == "follower"
        await trio.sleep((PATIENCE + 1) * BEAT)
        assert role(follower) == "keeper"
        assert list(office.document()["members"]) != ["dead"]
    assert cut_off.snapshot() == {}


async def test_a_keeper_that_does_not_keep_is_overruled(office: Office, autojump_clock: MockClock) -> None:
    """P2: it lives, but gets nothing through to the exchange."""
    async with office.open(transport=Deaf(office), timing=Timing(jitter=0, retry_cap=600)) as keeper:
        await trio.sleep(1)
        async with office.open() as follower:
            await trio.sleep(HOUR / 2 + (PATIENCE + 3) * BEAT)
            assert (role(keeper), role(follower)) == ("follower", "keeper")
            await trio.sleep(2 * HOUR)
            assert office.exchange.seconds_without_key("alice", trio.current_time()) == 0
            assert keeper.statistics().losses == 0
            assert keeper.expires_at > trio.current_time()


class Deaf(MemoryTransport):
    """Gets a create through, and then nothing."""

    def __init__(self, office: Office) -> None:
        super().__init__(office.exchange)
        self.asked = 0

    async def request(self, request: Any) -> Any:
        self.asked += 1
        if self.asked > 1:
            await trio.sleep_forever()
        return await super().request(request)


async def test_all_follow_to_another_key(office: Office, autojump_clock: MockClock) -> None:
    """A key that died is replaced by whoever notices; the others hear of it, and ask once."""
    async with two_programs(office) as (keeper, follower):
        office.exchange.kill_key("alice", trio.current_time())
        await keeper.check()
        assert keeper.generation == 2
        with trio.fail_after(2 * BEAT):
            assert await follower.wait_replaced(1) == 2
        assert follower.value == keeper.value
        requests = follower.statistics().requests
        await trio.sleep(20 * BEAT)
        assert follower.statistics().requests == requests


async def test_a_follower_may_ask(office: Office, autojump_clock: MockClock) -> None:
    """``check`` is a request of one's own, and the answer is told to all."""
    async with two_programs(office) as (keeper, follower):
        before = office.verbs.total()
        await follower.check()
        assert 1 <= office.verbs.total() - before <= 2
        await trio.sleep(2 * BEAT)
        assert keeper.expires_at > trio.current_time() + HOUR - 5 * BEAT


async def test_with_raise_another_key_is_a_loss(office: Office, autojump_clock: MockClock) -> None:
    """``on_lost="raise"`` means the same as without sharing."""
    with pytest.raises(KeyLostError):
        async with two_programs(office, on_lost="raise"):
            office.exchange.replace_key("alice", trio.current_time())
            await trio.sleep(2 * HOUR)


# --- The register fails


async def test_a_register_that_is_away_ends_nothing(office: Office, autojump_clock: MockClock) -> None:
    """P4, P6: everybody keeps the key alive by itself; it is told; and at the end the key is left to expire."""
    watcher = Watcher()
    async with two_programs(office, instrument=watcher) as (keeper, follower):
        office.register.away = True
        await trio.sleep(2 * HOUR)
        assert (role(keeper), role(follower)) == ("alone", "alone")
        sharing = follower.statistics().sharing
        assert sharing is not None
        assert sharing.register_away
        assert office.is_open
        start = trio.current_time()
    assert trio.current_time() - start <= Timing().close_timeout
    assert ("alone", 2) in watcher.roles
    assert [type(error).__name__ for error in watcher.ends] == ["UnavailableError"] * 2
    assert "register could not be asked" in str(watcher.ends[0])
    assert keeper.statistics().closed is follower.statistics().closed is False
    assert office.verbs["close"] == 0
    assert office.exchange.seconds_without_key("alice", trio.current_time()) == 0


async def test_opening_does_not_wait_for_a_register(office: Office, autojump_clock: MockClock) -> None:
    """P4: one that is away from the start, or never answers."""
    office.register.away = True
    start = trio.current_time()
    async with office.open() as key:
        assert trio.current_time() == start
        office.register.away = False
        await trio.sleep(2 * BEAT)
        assert role(key) == "keeper"
    async with office.open(sharing=SharedKey(Silent())) as key:
        assert trio.current_time() - start < 60
        assert role(key) == "alone"
        start = trio.current_time()
    assert trio.current_time() - start <= Timing().close_timeout


class Silent(MemoryRegister):
    """Never answers."""

    async def read(self, name: str) -> tuple[bytes | None, str]:
        await trio.sleep_forever()
        raise AssertionError


async def test_an_outage_makes_nobody_look_dead(office: Office, autojump_clock: MockClock) -> None:
    """P1: after it, whoever leaves first closes nothing."""
    async with two_programs(office) as (keeper, follower):
        office.register.away = True
        await trio.sleep(20 * BEAT)
        office.register.away = False
        await trio.sleep(BEAT)
        assert {role(keeper), role(follower)} <= {"keeper", "follower", "alone"}
        assert len(office.document()["members"]) == 2
    assert office.verbs["close"] <= 1


async def test_after_the_register_forgot_nobody_closes_at_once(office: Office, autojump_clock: MockClock) -> None:
    """P1: who leaves within ``patience`` beats of it leaves the key; it takes as many to be sure again."""
    async with office.open() as other:
        async with office.open() as key:
            await trio.sleep(10 * BEAT)
            office.register.forget()
        assert key.statistics().closed in {False, None}
        assert office.verbs["close"] == 0
        await trio.sleep(2 * HOUR)
        assert office.is_open
        assert role(other) == "keeper"
        assert other.statistics().losses == 0
    assert office.verbs["close"] == 1


async def test_who_was_there_for_a_moment_closes_nothing(office: Office, autojump_clock: MockClock) -> None:
    """P1: not even alone; that is said."""
    watcher = Watcher()
    async with office.open(instrument=watcher) as key:
        await trio.sleep(1)
    assert office.verbs["close"] == 0
    assert key.statistics().closed is False
    assert "not shared the key for long enough" in str(watcher.ends[0])


async def test_what_another_version_wrote_is_left_alone(
    office: Office, caplog: pytest.LogCaptureFixture, autojump_clock: MockClock
) -> None:
    """Its document is read, and nothing is written over it; the program goes on without the register."""
    async with office.open():
        await trio.sleep(1)
    name = next(name for name in office.register.snapshot() if name != "accounts")
    for strange in (b'{"version": 2, "members": {}}', b"\xff", b"[]", b""):
        office.register.restore({name: (strange, "7"), "accounts": (strange, "8")})
        with caplog.at_level(logging.WARNING, "trio_listenkey"):
            async with office.open() as key:
                await trio.sleep(10 * BEAT)
                assert role(key) == "alone"
        assert office.register.snapshot()[name] == (strange, "7")
        assert "another version" in caplog.text
        caplog.clear()


async def test_an_index_of_another_version_is_left_alone(office: Office, autojump_clock: MockClock) -> None:
    """It is for people to read: nobody shares less for it."""
    office.register.restore({"accounts": (b"{}", "1")})
    async with office.open() as key:
        await trio.sleep(2 * BEAT)
        assert role(key) == "keeper"
        assert office.register.snapshot()["accounts"] == (b"{}", "1")


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (RegisterRefused("it wants a password", advice="Pass one"), "wants a password"),
        (ValueError("hunter2"), "it raised ValueError"),
        (trio.ClosedResourceError("closed"), "it raised ClosedResourceError"),
    ],
)
async def test_a_register_that_raises_is_away(
    office: Office, caplog: pytest.LogCaptureFixture, fault: Exception, said: str, autojump_clock: MockClock
) -> None:
    """Whatever it raises. That is logged once, and without what a stranger's text may hold."""
    register = Raises(fault)
    with caplog.at_level(logging.INFO, "trio_listenkey"):
        async with office.open(sharing=SharedKey(register)) as key:
            await trio.sleep(5 * BEAT)
            assert role(key) == "alone"
            register.fault = None
            await trio.sleep(2 * BEAT)
            assert role(key) == "keeper"
    warnings = [it for it in caplog.messages if "cannot be used" in it]
    assert len(warnings) == 1
    assert said in warnings[0]
    assert "hunter2" not in caplog.text
    assert "can be used again" in caplog.text


class Raises(MemoryRegister):
    """Raises what it is told to."""

    def __init__(self, fault: BaseException | None) -> None:
        super().__init__()
        self.fault = fault

    async def read(self, name: str) -> tuple[bytes | None, str]:
        await trio.lowlevel.checkpoint()
        if self.fault is not None:
            raise self.fault
        return await super().read(name)


@pytest.mark.parametrize("grouped", [False, True])
async def test_an_interrupt_out_of_the_register_ends_the_block(
    office: Office, grouped: bool, autojump_clock: MockClock
) -> None:
    """Libraries connect in tasks of their own, which no protection of ours reaches. The key is closed all the same."""
    fault: BaseException = KeyboardInterrupt()
    register = Raises(None)
    with pytest.raises(KeyboardInterrupt):
        async with office.open(sharing=SharedKey(register)):
            await trio.sleep(10 * BEAT)
            register.fault = BaseExceptionGroup("of a nursery", [fault]) if grouped else fault
            await trio.sleep(HOUR)
    assert trio.current_time() < HOUR


async def test_two_that_write_at_once_try_again(office: Office, autojump_clock: MockClock) -> None:
    """Somebody is always faster: that is no reason to give up."""
    office.register.latency = 0.3

    async def stay() -> None:
        async with office.open():
            await trio.sleep(30 * BEAT)

    async with trio.open_nursery() as nursery:
        for _ in range(8):
            nursery.start_soon(stay)
        await trio.sleep(29 * BEAT)
        assert len(office.document()["members"]) == 8
    assert office.verbs["close"] <= 1


async def test_a_block_ends_in_the_middle_of_a_visit(office: Office, autojump_clock: MockClock) -> None:
    """The register has tasks of its own, which end with it; the process's other block goes on with the beats."""
    venue, sharing = office.venue(), SharedKey(Nested(latency=1.0))

    async def stay(seconds: float) -> None:
        async with open_listen_key(venue, ALICE, transport=office.transport, sharing=sharing):
            await trio.sleep(seconds)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(stay, 1000)
        for seconds in (100, 101, 102, 103):
            nursery.start_soon(stay, seconds)
        await trio.sleep(200)
        async with office.open(sharing=sharing) as other:
            await trio.sleep(50)
            assert role(other) == "follower"


class Nested(MemoryRegister):
    """Works in tasks of its own, as one does that connects."""

    async def read(self, name: str) -> tuple[bytes | None, str]:
        found = []

        async def work() -> None:
            found.append(await MemoryRegister.read(self, name))

        async with trio.open_nursery() as nursery:  # noqa: ASYNC112 - as the connecting of sockets does
            nursery.start_soon(work)
        return found[0]


async def test_a_register_that_makes_a_group_of_a_cancellation(office: Office, autojump_clock: MockClock) -> None:
    """The block's own end is no interrupt, in whatever group it comes."""
    sharing = SharedKey(Grouping(latency=1.0))
    venue = office.venue()
    ours = partial(open_listen_key, venue, ALICE, transport=office.transport, sharing=sharing)
    async with ours(), office.open(sharing=sharing) as other:
        with trio.move_on_after(10) as scope:
            async with ours():
                await trio.sleep_forever()
        assert scope.cancelled_caught
        await trio.sleep(50)
        assert role(other) == "follower"


class Grouping(MemoryRegister):
    """Wraps what cancels it, as a library does that connects to several addresses at once."""

    async def read(self, name: str) -> tuple[bytes | None, str]:
        try:
            return await MemoryRegister.read(self, name)
        except trio.Cancelled as cancelled:
            raise BaseExceptionGroup("while connecting", [cancelled]) from None  # noqa: ASYNC104 - it is in there


async def test_the_index_is_written_by_whoever_comes_first(office: Office, autojump_clock: MockClock) -> None:
    """Who is outrun there tries again at the next beat."""
    register = Contended()
    async with office.open(sharing=SharedKey(register)):
        await trio.sleep(10 * BEAT)
    assert "accounts" in register.snapshot()
    assert register.refused == 1


async def test_the_index_is_written_again(office: Office, autojump_clock: MockClock) -> None:
    """An engine may drop what nobody has written for hours."""
    async with office.open():
        await trio.sleep(BEAT)
        office.register.restore({n: it for n, it in office.register.snapshot().items() if n != "accounts"})
        await trio.sleep(HOUR / 2)
        assert "accounts" in office.register.snapshot()


class Contended(MemoryRegister):
    """Somebody else is faster with the index, once."""

    refused = 0

    async def swap(self, name: str, version: str, document: bytes) -> bool:
        if name == "accounts" and not self.refused:
            self.refused += 1
            await trio.lowlevel.checkpoint()
            return False
        return await super().swap(name, version, document)


# --- A close


async def test_who_joins_waits_for_the_end_of_a_close(office: Office, autojump_clock: MockClock) -> None:
    """P1: no key is created while another program closes the account's."""
    office.exchange.add_faults(Fault(verb="close", effect=Hang()))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_closes, office)
        await trio.sleep(10 * BEAT + 0.5)
        start = trio.current_time()
        async with office.open():
            waited = trio.current_time() - start
    closes = [entry.when for entry in office.exchange.log if entry.verb == "close"]
    creates = [entry.when for entry in office.exchange.log if entry.verb == "create"]
    assert len(closes) >= 1
    assert creates[-1] > closes[-1]
    assert 1 < waited < 30


async def _closes(office: Office) -> None:
    async with office.open():
        await trio.sleep(10 * BEAT)


async def test_a_close_is_tried_again_for_a_short_time_only(office: Office, autojump_clock: MockClock) -> None:
    """P1: within two seconds of asking. What fails until then is left to expire, and said."""
    office.exchange.add_faults(Fault(verb="close", count=1000, effect=service_unavailable()))
    watcher = Watcher()
    async with office.open(instrument=watcher, timing=Timing(retry_base=0.1, jitter=0)):
        await trio.sleep(10 * BEAT)
        start = trio.current_time()
    tries = [entry.when for entry in office.exchange.log if entry.verb == "close"]
    assert len(tries) >= 2
    assert all(start <= when <= start + 2 for when in tries)
    assert watcher.ends[0] is not None


async def test_a_closer_that_died_is_waited_for_and_no_longer(office: Office, autojump_clock: MockClock) -> None:
    """P1, P2: its word is in the register, and nobody takes it back."""
    async with office.open():
        await trio.sleep(10 * BEAT)
        snapshot = office.register.snapshot()
    name = next(name for name in snapshot if name != "accounts")
    document = json.loads(snapshot[name][0]) | {"members": {}, "closing": {"by": "dead", "within": 2.0}}
    office.register.restore({name: (json.dumps(document).encode(), "1")})
    watcher = Watcher()
    async with office.open(instrument=watcher) as key:
        assert 3 * BEAT < trio.current_time() - 10 * BEAT < 30
        await trio.sleep(1)
        assert role(key) == "keeper"
        assert office.document()["closing"] is None
    assert watcher.roles[0] == ("waiting", 1)


async def test_opening_does_not_wait_for_ever_for_a_close(office: Office, autojump_clock: MockClock) -> None:
    """P4: where beats are slow, the time for opening ends first; the key is created in time."""
    slow = replace(office.sharing, beat_every=60.0)
    async with office.open(sharing=slow):
        await trio.sleep(10 * 60)
        snapshot = office.register.snapshot()
    name = next(name for name in snapshot if name != "accounts")
    document = json.loads(snapshot[name][0]) | {"members": {}, "closing": {"by": "dead", "within": 2.0}}
    office.register.restore({name: (json.dumps(document).encode(), "1")})
    start = trio.current_time()
    async with office.open(sharing=slow):
        assert trio.current_time() - start < Timing().open_timeout


async def test_a_block_that_begins_while_the_last_one_leaves(office: Office, autojump_clock: MockClock) -> None:
    """Of the same process: nothing is closed under it, and it joins anew."""
    office.register.latency = 0.4
    venue = office.venue()
    arguments: dict[str, Any] = {"transport": office.transport, "sharing": office.sharing}
    async with trio.open_nursery() as nursery:

        async def first() -> None:
            async with open_listen_key(venue, ALICE, **arguments):
                await trio.sleep(10 * BEAT)

        nursery.start_soon(first)
        await trio.sleep(10 * BEAT + 0.9)
        async with open_listen_key(venue, ALICE, **arguments) as key:
            await trio.sleep(20 * BEAT)
            assert office.verbs["close"] == 0
            assert office.exchange.key_of("alice", trio.current_time()) == key.value
            assert len(office.document()["members"]) == 1
            assert office.document()["closing"] is None


async def test_leave_closes_nothing(office: Office, autojump_clock: MockClock) -> None:
    """``on_exit="leave"`` means the same as without sharing."""
    async with office.open(on_exit="leave"):
        await trio.sleep(10 * BEAT)
    assert office.verbs["close"] == 0
    assert office.document()["members"] == {}


# --- Silence


async def test_the_exchange_is_asked_once_for_all_streams(office: Office, autojump_clock: MockClock) -> None:
    """S5 for all of them, at the price of one; and no stream doubts in the meantime."""
    async with AsyncExitStack() as stack:
        streams = [await stack.enter_async_context(office.open_stream()) for _ in range(5)]
        await trio.sleep(120)
        before = office.verbs.total()
        for _ in range(240):
            await trio.sleep(7.5)
            assert all(stream.statistics().is_live for stream in streams)
        asked = office.verbs.total() - before
    assert 30 <= asked <= 65, asked  # five by themselves: 150


async def test_a_key_that_died_is_noticed_for_all(office: Office, autojump_clock: MockClock) -> None:
    """S5: within ``silence_check_every``, and a few beats for the others to hear of it."""
    async with AsyncExitStack() as stack:
        watchers = [Watcher() for _ in range(3)]
        for watcher in watchers:
            await stack.enter_async_context(office.open_stream(instrument=watcher))
        await trio.sleep(600)
        office.exchange.kill_key("alice", trio.current_time())
        died_at = trio.current_time()
        await trio.sleep(120)
        for watcher in watchers:
            assert watcher.replaced_at[0] - died_at <= Timing().silence_check_every + 3 * BEAT


async def test_a_stream_in_a_hurry_asks_for_itself(office: Office, autojump_clock: MockClock) -> None:
    """Where beats are too slow for its silence checks, it is as without sharing."""
    async with AsyncExitStack() as stack:
        timing = Timing(jitter=0, silence_check_every=10)
        streams = [await stack.enter_async_context(office.open_stream(timing=timing)) for _ in range(2)]
        before = office.verbs.total()
        await trio.sleep(600)
        assert all(stream.statistics().is_live for stream in streams)
        assert 60 <= office.verbs.total() - before <= 130


# --- Whose key


async def test_different_api_keys_of_one_account(office: Office, autojump_clock: MockClock) -> None:
    """They share if they call the account by the same name; else each is alone, and closes under the other."""
    office.exchange.add_account("another-api-key-of-alice", name="alice")
    named = replace(office.sharing, account="main")
    async with office.open(sharing=named) as first:
        async with office.open(sharing=named, credentials=Credentials("another-api-key-of-alice")) as second:
            await trio.sleep(10 * BEAT)
            assert first.value == second.value
            assert {role(first), role(second)} == {"keeper", "follower"}
        assert office.verbs["close"] == 0
        async with office.open(credentials=Credentials("another-api-key-of-alice")):
            await trio.sleep(10 * BEAT)
        assert office.verbs["close"] == 1


async def test_two_accounts_on_one_register(office: Office, autojump_clock: MockClock) -> None:
    """Each has a document of its own."""
    office.exchange.add_account("the-api-key-of-bob", name="bob")
    async with office.open() as of_alice, office.open(credentials=Credentials("the-api-key-of-bob")) as of_bob:
        await trio.sleep(10 * BEAT)
        assert (role(of_alice), role(of_bob)) == ("keeper", "keeper")
        assert of_alice.value != of_bob.value
    assert office.verbs["close"] == 2


async def test_two_accounts_under_one_name_hurt_nobody(office: Office, autojump_clock: MockClock) -> None:
    """A mistake: each keeps its own key alive, and none is closed that the other holds."""
    office.exchange.add_account("the-api-key-of-bob", name="bob")
    named = replace(office.sharing, account="main")
    bob = Credentials("the-api-key-of-bob")
    async with office.open(sharing=named) as of_alice, office.open(sharing=named, credentials=bob) as of_bob:
        await trio.sleep(2 * HOUR)
        assert of_alice.statistics().losses == of_bob.statistics().losses == 0
        assert office.verbs.total() < 60
        assert len(office.exchange.open_keys(trio.current_time())) == 2


async def test_no_secret_is_in_the_register(office: Office, autojump_clock: MockClock) -> None:
    """P5."""
    values = []
    async with two_programs(office) as (keeper, _):
        values.append(keeper.value)
        office.exchange.kill_key("alice", trio.current_time())
        await keeper.check()
        values.append(keeper.value)
        held = str(office.register.snapshot())
    for secret in (*values, ALICE.api_key):
        assert secret not in held
    assert '"binance-usdm"' in held


# --- Arguments


def test_where_nothing_can_be_shared(office: Office) -> None:
    """It is said at the call, before anything is sent."""
    signed = Credentials("an-api-key", "a-secret")
    with pytest.raises(UsageError, match="no listen keys, so there is nothing to share"):
        open_user_stream(venues.BINANCE_SPOT, signed, sharing=office.sharing)
    replaces = replace(venues.BINANCE_USDM, sharing=Sharing(second_create="replaces"))
    with pytest.raises(UsageError, match="ends the first one, so its keys cannot be shared"):
        open_listen_key(replaces, ALICE, sharing=office.sharing)
    with pytest.raises(UsageError, match="documents do not say"):
        open_user_stream(unknown(venues.BINANCE_USDM), ALICE, sharing=office.sharing)
    with pytest.raises(UsageError, match="sharing is of type MemoryRegister"):
        open_listen_key(venues.BINANCE_USDM, ALICE, sharing=office.register)  # type: ignore[arg-type]
    assert office.verbs.total() == 0


async def test_where_each_create_makes_a_key_nothing_changes(
    office: Office, caplog: pytest.LogCaptureFixture, autojump_clock: MockClock
) -> None:
    """Each program has its own, and closes it: that is said, and the register is not asked."""
    each = replace(venues.BINANCE_USDM, sharing=Sharing(second_create="new"))
    with caplog.at_level(logging.INFO, "trio_listenkey"):
        async with office.open(each):
            await trio.sleep(10 * BEAT)
    assert "sharing= has no effect" in caplog.text
    assert office.register.snapshot() == {}


async def test_blocks_of_one_program_agree_on_sharing(office: Office, autojump_clock: MockClock) -> None:
    """One that shares and one that does not would close under the others."""
    venue, transport = office.venue(), office.transport
    for sharing in (None, office.sharing):
        async with open_listen_key(venue, ALICE, transport=transport, sharing=sharing):
            with pytest.raises(UsageError, match="some have sharing= and some have not"):
                async with open_listen_key(
                    venue, ALICE, transport=transport, sharing=office.sharing if sharing is None else None
                ):
                    raise AssertionError
        await trio.sleep(1)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"register": "sqlite:x"}, "register is of type str"),
        ({"beat_every": 0}, "beat_every is 0"),
        ({"beat_every": inf}, "beat_every is inf"),
        ({"beat_every": "5"}, "beat_every is '5'"),
        ({"patience": 1}, "patience is 1"),
        ({"patience": 2.5}, "patience is 2.5"),
        ({"patience": True}, "patience is True"),
        ({"account": ""}, "account is no name"),
        ({"account": "x" * 101}, "account is no name"),
        ({"account": 7}, "account is no name"),
    ],
)
def test_bad_arguments(arguments: dict[str, Any], said: str) -> None:
    """Each is named."""
    with pytest.raises(UsageError, match=said):
        SharedKey(**{"register": MemoryRegister(), **arguments})
