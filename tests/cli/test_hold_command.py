"""``trio-listenkey hold``, as a process: what it shows, when asked, and what it never shows."""

from __future__ import annotations

import os
import signal

import pytest
from click.testing import CliRunner
from command_driver import API_KEY, USDM, a_terminal, an_exchange, at, keys_left, run, running, running_process

from trio_listenkey import venues
from trio_listenkey._cli import commands
from trio_listenkey._cli._exit_codes import Exit
from trio_listenkey.testing import Fault, gone, service_unavailable

OFTEN = ["--keepalive-every", "0.2"]


async def test_it_holds_the_key_and_shows_nothing_secret() -> None:
    """Kept alive until SIGTERM, and then closed; standard output stays empty."""
    async with an_exchange() as served, running_process("hold", USDM, *at(served), *OFTEN) as command:
        await command.tells("created", "kept alive")
        (key,) = keys_left(served)
        assert await command.end_by(signal.SIGTERM) == Exit.TERMINATED
        assert keys_left(served) == ()
    assert command.out == b""
    assert command.err.splitlines()[-1].endswith(b"closed      key 1")
    for secret in (API_KEY, key):
        assert secret.encode() not in command.err


async def test_the_url_is_printed_when_asked_and_again_when_it_changes() -> None:
    """A line each, at once; never on standard error."""
    async with an_exchange() as served, running("hold", USDM, *at(served), *OFTEN, "--show-url") as command:
        await command.prints(1)
        served.exchange.kill_key("alice", served.now())
        lines = await command.prints(2)
        venue = served.venue_at(venues.BINANCE_USDM)
        assert [line.decode() for line in lines] == [venue.stream_url_for(key) for key in served.exchange.keys_ever]
        assert await command.end_by(signal.SIGINT) == Exit.INTERRUPTED
        assert keys_left(served) == ()
    assert b"lost        key 1: the key does not exist (HTTP 400, code -1125)" in command.err
    for key in served.exchange.keys_ever:
        assert key.encode() not in command.err


async def test_it_ends_when_nobody_reads_the_url_any_more() -> None:
    """At once, with status 0: a key that nobody knows is of no use."""
    read, write = os.pipe()
    async with an_exchange() as served, running("hold", USDM, *at(served), "--show-url", stdout=write) as command:
        os.close(write)
        await command.tells("created")
        os.close(read)
        assert await command.ends() == Exit.FINE
        assert keys_left(served) == ()


async def test_leave_leaves_the_key_and_trouble_is_told() -> None:
    """A keepalive that fails is tried again, and that is shown even to those who want it quiet if it is bad."""
    trouble = [
        Fault(verb="keepalive", nth=2, effect=service_unavailable()),  # the first asks whether there is a key
        Fault(verb="keepalive", nth=4, effect=gone()),
    ]
    async with an_exchange(*trouble) as served, running("hold", USDM, *at(served), *OFTEN, "--leave") as command:
        await command.tells("retrying    keepalive: ", "HTTP 503", "next try in", "lost")
        assert await command.end_by(signal.SIGINT) == Exit.INTERRUPTED
        assert len(keys_left(served)) == 1
    assert b"left        key" in command.err


async def test_a_key_that_cannot_be_closed_is_told_of() -> None:
    """Even to those who want it quiet."""
    refuses = Fault(verb="close", effect=gone())
    async with an_exchange(refuses) as served, running("hold", USDM, *at(served), "-q", "--show-url") as command:
        await command.prints(1)
        served.exchange.clear_faults()
        served.exchange.revoke(API_KEY)
        assert await command.end_by(signal.SIGINT) == Exit.INTERRUPTED
    assert b"left behind key 1, which expires by itself" in command.err


async def test_on_a_terminal_there_are_its_age_and_its_bars() -> None:
    """And the URL above them, where it was asked for."""
    with a_terminal() as terminal:
        async with an_exchange() as served:
            async with running("hold", USDM, *at(served), "--show-url", **terminal.streams) as command:
                await terminal.shows("created", "1, held,", "keepalive", "expiry", served.stream_url)
                assert await command.end_by(signal.SIGINT) == Exit.INTERRUPTED
            assert "socket" not in terminal.drawn
            assert API_KEY not in terminal.drawn


@pytest.mark.parametrize(
    ("venue", "what"),
    [
        ("binance-spot", "has no listen keys: its events are requested on the socket itself,"),
        ("binance-spot-testnet", "has no listen keys: "),
        ("BINANCE_MARGIN", "has tokens in place of listen keys: "),
    ],
)
def test_exchanges_without_listen_keys(venue: str, what: str) -> None:
    """There is nothing to hold, and no URL that anyone could open: the message says so, and what to do instead."""
    result = CliRunner().invoke(commands, ["hold", venue], env={"BINANCE_API_KEY": API_KEY})
    assert result.exit_code == Exit.USAGE
    name = venue.lower().replace("_", "-")
    assert f"{name} {what}" in result.output
    assert result.output.endswith(f"To see the events: trio-listenkey watch {name}\n")


async def test_wrong_credentials() -> None:
    """As with watch."""
    async with an_exchange() as served:
        served.exchange.revoke(API_KEY)
        ended = await run("hold", USDM, *at(served))
    assert ended.code == Exit.CREDENTIALS
    assert ended.err.decode().startswith("Error: binance-usdm create: the exchange does not accept the API key")
