"""``watch`` and ``hold`` find out whether the account had a key before, and leave what was there."""

from __future__ import annotations

import signal
from typing import Any

import pytest
import trio
from command_driver import API_KEY, USDM, an_exchange, at, keys_left, run, running

from trio_listenkey import Credentials, Timing, venues
from trio_listenkey._cli._account import Account
from trio_listenkey._cli._exit_codes import Exit
from trio_listenkey._cli._prior_key import NOTHING_PRIOR, Closing, Prior, find_out, why_left
from trio_listenkey._http import Request
from trio_listenkey.testing import Fault, Hang, ServedExchange, banned, rate_limited, service_unavailable

COMMANDS = ("watch", "hold")


async def told_by(
    command: str, served: ServedExchange, *options: str, venue: str = USDM, env: dict[str, str] | None = None
) -> tuple[str, str]:
    """How it says that there is a key, and what becomes of it."""
    async with running(command, venue, *at(served), *options, env=env) as it:
        await it.tells(" key 1", *(["connected"] if command == "watch" else []))
        assert await it.end_by(signal.SIGINT) == Exit.INTERRUPTED
    lines = [line.split(maxsplit=3)[3] for line in it.err.decode().splitlines()]
    return lines[0], lines[-1]


async def somebody_has_a_key(served: ServedExchange) -> None:
    async with running("hold", USDM, *at(served), "--leave") as other:
        await other.tells("created")
        await other.end_by(signal.SIGINT)
    assert len(keys_left(served)) == 1


@pytest.mark.parametrize("command", COMMANDS)
async def test_a_key_of_our_own_is_closed(command: str) -> None:
    """The exchange said that there was none."""
    async with an_exchange() as served:
        first, last = await told_by(command, served)
        assert keys_left(served) == ()
    assert (first, last) == ("created     key 1 at binance-usdm", "closed      key 1")


@pytest.mark.parametrize("command", COMMANDS)
async def test_a_key_that_was_there_is_left(command: str) -> None:
    """Whoever holds it goes on hearing of the account."""
    async with an_exchange() as served:
        await somebody_has_a_key(served)
        first, last = await told_by(command, served)
        assert len(keys_left(served)) == 1
    assert first == "joined      key 1 at binance-usdm, which already existed"
    assert last == "left        key 1, which expires by itself: it was there before (--close closes it)"


@pytest.mark.parametrize("command", COMMANDS)
async def test_close_closes_it_all_the_same(command: str) -> None:
    """As was asked for."""
    async with an_exchange() as served:
        await somebody_has_a_key(served)
        first, last = await told_by(command, served, "--close")
        assert keys_left(served) == ()
    assert first.startswith("joined ")
    assert last == "closed      key 1"


def another_takes_over(served: ServedExchange) -> None:
    """It closes the key and makes one; nobody asks in between."""
    for method in ("DELETE", "POST"):
        request = Request(method, f"{served.rest_url}/fapi/v1/listenKey", (("X-MBX-APIKEY", API_KEY),))
        served.exchange.handle(request, served.now())


@pytest.mark.parametrize(("options", "keys"), [([], 1), (["--close"], 0)])
@pytest.mark.parametrize("command", COMMANDS)
async def test_a_key_that_another_program_made_is_left(command: str, options: list[str], keys: int) -> None:
    """It has closed ours and made its own, on which we live from then on. It is not ours to close."""
    often = ["--keepalive-every", "0.3", *(["--check-every", "0.3"] if command == "watch" else [])]
    async with an_exchange() as served, running(command, USDM, *at(served), *often, *options) as it:
        await it.tells("created")
        another_takes_over(served)
        await it.tells("replaced    key 1 by key 2, which another program made")
        assert await it.end_by(signal.SIGINT) == Exit.INTERRUPTED
        assert len(keys_left(served)) == keys
    assert ("another program made it (--close closes it)" in it.err.decode()) == bool(keys)


async def test_where_one_cannot_ask_it_is_left() -> None:
    """There, keys are named in the request that would ask."""
    async with an_exchange() as served:
        first, last = await told_by("watch", served, "--env-prefix", "BINANCE", venue="binance-us")
        assert len(keys_left(served)) == 1
    assert first == "opened      key 1 at binance-us; whether it already existed is not known"
    assert last.endswith("which expires by itself: whether others hold it is not known (--close closes it)")


async def test_when_there_is_no_answer_it_is_left() -> None:
    """It is asked once, and not for long."""
    trouble = Fault(verb="keepalive", nth=1, effect=service_unavailable())
    async with an_exchange(trouble) as served:
        first, last = await told_by("hold", served)
        assert [entry.verb for entry in served.exchange.log] == ["keepalive", "create"]
        assert len(keys_left(served)) == 1
    assert first.startswith("opened ")
    assert last.startswith("left ")


async def test_a_ban_that_comes_of_it_is_heeded() -> None:
    """Nothing more is sent to that host."""
    async with an_exchange(Fault(verb="keepalive", effect=banned(60))) as served:
        ended = await run("hold", USDM, *at(served), "--timeout", "0.5")
        assert [entry.verb for entry in served.exchange.log] == ["keepalive"]
    assert ended.code == Exit.RATE_LIMITED
    assert b"binance-usdm create: rate limited: the exchange accepts no requests for " in ended.err


def account(served: ServedExchange, venue: Any = venues.BINANCE_USDM) -> Account[Any]:
    return Account("main", served.venue_at(venue), Credentials(API_KEY), "BINANCE")


async def test_a_ban_that_is_known_is_heeded() -> None:
    """Nothing is asked before it is over."""
    async with an_exchange(Fault(verb="keepalive", effect=rate_limited(60))) as served:
        priors = [await find_out(account(served), "careful", Timing()) for _ in range(2)]
        assert len(served.exchange.log) == 1
    assert {prior.had_key for prior in priors} == {None}
    assert {prior.on_exit for prior in priors} == {"leave"}


async def test_an_exchange_that_hangs_is_not_waited_for_long() -> None:
    """Then nothing is known."""
    async with an_exchange(Fault(verb="keepalive", effect=Hang())) as served:
        with trio.fail_after(5):
            prior = await find_out(account(served), "careful", Timing(request_timeout=0.2))
    assert prior.had_key is None


async def test_where_all_keys_are_our_own() -> None:
    """There is nothing to ask, and what is made is closed; and sessions have no keys."""
    async with an_exchange() as served:
        assert await find_out(account(served, venues.MEXC), "careful", Timing()) == Prior(False, "")
        assert await find_out(account(served, venues.BINANCE_SPOT), "careful", Timing()) is NOTHING_PRIOR
        assert served.exchange.log == ()
    assert NOTHING_PRIOR.on_exit == "close"


@pytest.mark.parametrize(
    ("venue", "closing", "had_key", "is_left"),
    [
        (venues.BINANCE_USDM, "leave", False, True),
        (venues.BINANCE_USDM, "close", True, False),
        (venues.BINANCE_USDM, "careful", False, False),
        (venues.BINANCE_USDM, "careful", True, True),
        (venues.BINANCE_USDM, "careful", None, True),
        (venues.MEXC, "careful", None, False),
        (venues.BINANCE_STOCKS, "close", False, True),
    ],
    ids=str,
)
def test_what_becomes_of_it(venue: Any, closing: Closing, had_key: bool | None, is_left: bool) -> None:
    """Only what is surely ours is closed, unless it is said otherwise; some exchanges close none."""
    assert bool(why_left(venue, closing, had_key=had_key)) is is_left
