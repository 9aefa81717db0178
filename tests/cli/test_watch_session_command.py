"""``trio-listenkey watch`` where there is no listen key: Binance spot and its like, and margin with its tokens."""

from __future__ import annotations

import json
import signal

import pytest
import trio
from command_driver import (
    API_KEY,
    API_SECRET,
    MARGIN,
    SPOT,
    a_terminal,
    an_exchange,
    at,
    environment,
    run,
    running,
    signing,
)

from trio_listenkey._cli._exit_codes import Exit
from trio_listenkey.testing import (
    MARGIN as MARGIN_DIALECT,
    SPOT as SPOT_DIALECT,
    CloseSocket,
    ServedExchange,
    event_number,
)

BINANCE = ["--env-prefix", "BINANCE"]
SECRETS = (API_KEY.encode(), API_SECRET.encode())


def happens(served: ServedExchange, count: int = 1) -> None:
    served.exchange.emit("alice", served.now(), count=count, dialect=SPOT_DIALECT)


async def sockets_go(served: ServedExchange) -> None:
    """Wait until the exchange knows that nobody is there any more."""
    with trio.fail_after(30):
        while served.exchange.sockets(served.now()):
            await trio.sleep(0.02)


@pytest.mark.parametrize("venue", [SPOT, "binance-spot-testnet", "binance-spot-demo"])
async def test_events_are_lines(venue: str) -> None:
    """Out of their envelope; Ctrl-C leaves quietly; and nobody speaks of a key where there is none."""
    async with an_exchange() as served, running("watch", venue, *at(served), *BINANCE, env=signing()) as command:
        await command.tells("connected")
        happens(served, 3)
        lines = [json.loads(line) for line in await command.prints(3)]
        assert [event_number(line) for line in lines] == [1, 2, 3]
        assert {line["e"] for line in lines} == {"executionReport"}
        assert await command.end_by(signal.SIGINT) == Exit.INTERRUPTED
        await sockets_go(served)
        assert served.exchange.keys_ever == ()
    connected, opened = command.err.splitlines()
    assert connected.endswith(b"connected   to " + venue.encode())
    assert opened.endswith(b"stream open earlier events are not known: fetch the account's state")
    for secret in SECRETS:
        assert secret not in command.out + command.err


async def test_there_is_but_one_address() -> None:
    """Where there is no REST, nothing has to be said of it."""
    async with an_exchange() as served:
        async with running("watch", SPOT, "--stream-url", served.stream_url, env=signing()) as command:
            await command.tells("connected")
            assert await command.end_by(signal.SIGINT) == Exit.INTERRUPTED
        refused = await run("watch", SPOT, "--rest-url", served.rest_url, env=signing())
    assert refused.code == Exit.USAGE
    assert b"--rest-url and --stream-url go together" in refused.err


async def test_a_socket_that_is_dropped_is_a_gap() -> None:
    """A line in its place among the events, and another socket; SIGTERM ends it."""
    async with an_exchange() as served, running("watch", SPOT, *at(served), env=signing()) as command:
        await command.tells("connected")
        happens(served)
        await command.prints(1)
        assert served.exchange.strike_sockets(CloseSocket(1001), served.now()) == 1
        await command.prints(2)
        happens(served)
        first, gap, second = map(json.loads, await command.prints(3))
        assert await command.end_by(signal.SIGTERM) == Exit.TERMINATED
    assert (gap["gap"]["cause"], gap["gap"]["last_event_time"]) == ("disconnected", first["E"])
    assert event_number(second) == 2
    told = [line.split()[3] for line in command.err.splitlines()]
    assert told == [b"connected", b"stream", b"dropped", b"connected", b"gap"]
    assert b"key" not in command.err


async def test_a_subscription_that_died_silently_is_noticed() -> None:
    """As soon as --check-every says: it is asked for on the socket."""
    often = ["--check-every", "0.3"]
    async with an_exchange() as served, running("watch", SPOT, *at(served), *often, env=signing()) as command:
        await command.tells("connected")
        served.exchange.kill_key("alice", served.now(), dialect=SPOT_DIALECT)
        await command.tells("dropped", "the exchange does not know the subscription any more", "gap")
        await command.prints(1)
        happens(served)
        gap, event = map(json.loads, await command.prints(2))
        assert (gap.keys(), event["e"]) == ({"gap"}, "executionReport")
        await command.end_by(signal.SIGINT)


async def test_a_wrong_secret() -> None:
    """One line, which says what to look at; it is told once."""
    async with an_exchange() as served:
        ended = await run("watch", SPOT, *at(served), env=environment(BINANCE_API_SECRET="another"))
    assert (ended.code, ended.out) == (Exit.CREDENTIALS, b"")
    (line,) = ended.err.decode().splitlines()
    assert line.startswith("Error: binance-spot subscribe: the exchange does not accept the API key, or the signature")
    assert "code -1022" in line
    assert line.endswith("its permissions and its IP whitelist, and the secret.")


@pytest.mark.parametrize(
    ("venue", "hint"),
    [
        (SPOT, "Export ACME_API_SECRET, or put api_secret into the file that --credentials names."),
        ("mexc", "Export ACME_API_SECRET, or put api_secret into the file that --credentials names."),
        ("aster-spot-v3", "The command line has none: use the library there."),
    ],
)
async def test_what_cannot_be_signed_is_not_tried(venue: str, hint: str) -> None:
    """What is missing is told in the words of the command line; nothing is sent."""
    async with an_exchange() as served:
        ended = await run("watch", venue, *at(served), "--env-prefix", "ACME", env=environment(ACME_API_KEY=API_KEY))
        assert served.exchange.log == ()
    assert ended.code == Exit.USAGE
    assert f"Error: {venue}: this exchange's requests are signed" in ended.err.decode()
    assert ended.err.decode().endswith(f" {hint}\n")


async def test_credentials_that_are_revoked_later_end_it() -> None:
    """When the exchange says so, which is at the next question."""
    often = ["--check-every", "0.3"]
    async with an_exchange() as served, running("watch", SPOT, *at(served), *often, env=signing()) as command:
        await command.tells("connected")
        served.exchange.revoke(API_KEY)
        assert await command.ends() == Exit.CREDENTIALS
    assert command.err.splitlines()[-1].startswith(b"Error: binance-spot subscribe: ")


async def test_on_a_terminal_the_panel_has_no_key() -> None:
    """It has what there is: the socket, events and gaps."""
    with a_terminal() as terminal:
        async with an_exchange() as served:
            async with running("watch", SPOT, *at(served), env=signing(), **terminal.streams) as command:
                await terminal.shows("connected   to binance-spot", "LIVE for", "none yet")
                happens(served)
                await terminal.shows("last    executionReport")
                assert await command.end_by(signal.SIGINT) == Exit.INTERRUPTED
            assert "keepalive" not in terminal.drawn
            assert "key" not in terminal.drawn
            assert terminal.has_cursor()


async def test_a_token_is_a_token() -> None:
    """Margin has them: it is fetched, and left to expire, for it cannot be closed; and it is shown to nobody."""
    async with an_exchange() as served, running("watch", MARGIN, *at(served)) as command:
        await command.tells("connected")
        (token,) = served.exchange.keys_ever
        served.exchange.emit("alice", served.now(), dialect=MARGIN_DIALECT)
        (line,) = map(json.loads, await command.prints(1))
        assert event_number(line) == 1
        assert await command.end_by(signal.SIGINT) == Exit.INTERRUPTED
    told = [b" ".join(line.split()[3:]) for line in command.err.splitlines()]
    assert told == [
        b"created token 1 at binance-margin",
        b"connected with token 1",
        b"stream open earlier events are not known: fetch the account's state",
        b"left token 1, which expires by itself",
    ]
    for secret in (*SECRETS, token.encode()):
        assert secret not in command.out + command.err
