"""``trio-listenkey watch``, as a process: in pipes that are read, full or closed, on a terminal, and interrupted."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import click
import pytest
import trio
from click.testing import CliRunner
from command_driver import (
    API_KEY,
    USDM,
    a_terminal,
    an_exchange,
    at,
    environment,
    keys_left,
    run,
    running,
    running_process,
)

from trio_listenkey import CredentialsError, Gap, KeyLostError, UnavailableError, UserEvent, venues
from trio_listenkey._cli import _credentials, commands
from trio_listenkey._cli._credentials import read_credentials
from trio_listenkey._cli._exit_codes import EXITS, Exit
from trio_listenkey._cli._headline import span
from trio_listenkey._cli._lines import visible
from trio_listenkey._cli._narration import Narrator, brief
from trio_listenkey._cli._output import Descriptor, reader_has_gone, write_all
from trio_listenkey._cli._panel import Rate, _bar, _times
from trio_listenkey._cli._prior_key import NOTHING_PRIOR
from trio_listenkey._cli._watch import line_of
from trio_listenkey.connectors import SocketError
from trio_listenkey.testing import (
    CloseSocket,
    Delay,
    Fault,
    Hang,
    Status,
    api_error,
    event_number,
    rate_limited,
    retired,
    service_unavailable,
)


def numbers(lines: list[bytes]) -> list[int]:
    return [event_number(json.loads(line)) for line in lines]


# In pipes.


async def test_events_are_lines_and_status_is_elsewhere() -> None:
    """Each event as it came; SIGTERM closes the key and ends it with 143; no secret anywhere."""
    async with an_exchange() as served, running_process("watch", USDM, *at(served)) as command:
        await command.tells("connected")
        (key,) = keys_left(served)
        served.exchange.emit("alice", served.now(), count=3)
        lines = await command.prints(3)
        assert numbers(lines) == [1, 2, 3]
        assert all(json.loads(line)["e"] for line in lines)
        assert await command.end_by(signal.SIGTERM) == Exit.TERMINATED
        assert keys_left(served) == ()
    assert [line.split()[3] for line in command.err.splitlines()] == [b"created", b"connected", b"stream", b"closed"]
    for secret in (API_KEY, key):
        assert secret.encode() not in command.out + command.err


async def test_the_first_line_says_that_the_stream_begins() -> None:
    """Whoever reads fetches the state, as on every gap; a person is told that it is connected, and no more."""
    async with an_exchange() as served, running("watch", USDM, *at(served)) as command:
        await command.tells("connected")
        served.exchange.emit("alice", served.now())
        await command.prints(1)
        await command.end_by(signal.SIGINT)
        first, _ = map(json.loads, command.out.splitlines())
    assert (first["gap"]["cause"], first["gap"]["unix_started_at"], first["gap"]["last_event_time"]) == (
        "opened",
        0,
        None,
    )
    assert b" gap " not in command.err


async def test_a_gap_is_a_line_of_its_own() -> None:
    """In its place among the events."""
    async with an_exchange() as served, running("watch", USDM, *at(served)) as command:
        await command.tells("connected")
        served.exchange.emit("alice", served.now())
        await command.prints(1)
        assert served.exchange.strike_sockets(CloseSocket(1001), served.now()) == 1
        await command.prints(2)
        served.exchange.emit("alice", served.now())
        first, gap, second = map(json.loads, await command.prints(3))
        assert await command.end_by(signal.SIGINT) == Exit.INTERRUPTED
    facts = gap["gap"]
    assert facts.keys() == {
        *("cause", "unix_started_at", "unix_ended_at", "duration", "last_event_time", "missed"),
        *("generation_before", "generation_after"),
    }
    assert (facts["cause"], facts["last_event_time"], facts["missed"]) == ("disconnected", first["E"], None)
    assert facts["unix_started_at"] < facts["unix_ended_at"] <= second["E"] / 1000 + 1
    assert b"dropped     the socket" in command.err
    assert b"(disconnected): events may be missing" in command.err


async def test_a_key_that_was_killed_silently_is_noticed() -> None:
    """As soon as --check-every says; the old key was announced to nobody, and the new one is shown to nobody."""
    async with an_exchange() as served, running("watch", USDM, *at(served), "--check-every", "0.3") as command:
        await command.tells("connected")
        served.exchange.kill_key("alice", served.now())
        (gap,) = map(json.loads, await command.prints(1))
        assert gap["gap"]["cause"] == "key_lost"
        await command.tells("lost", "replaced", "key 1 by key 2")
        await command.end_by(signal.SIGINT)
    for key in served.exchange.keys_ever:
        assert key.encode() not in command.out + command.err


async def test_the_end_of_a_key_is_told_without_the_key() -> None:
    """The exchange names it in the event that says so."""
    async with an_exchange() as served, running("watch", USDM, *at(served)) as command:
        await command.tells("connected")
        (key,) = keys_left(served)
        served.exchange.kill_key("alice", served.now(), announced=True)
        event = json.loads((await command.prints(1))[0])
        assert (event["e"], event["listenKey"]) == ("listenKeyExpired", "[hidden]")
        await command.end_by(signal.SIGINT)
    assert key.encode() not in command.out + command.err


async def test_a_pipe_that_is_closed_ends_it_even_if_the_account_is_quiet() -> None:
    """Quietly, with status 0, and with the key closed: it does not wait for another event to find out."""
    read, write = os.pipe()
    async with an_exchange() as served, running("watch", USDM, *at(served), stdout=write) as command:
        os.close(write)
        await command.tells("connected")
        served.exchange.emit("alice", served.now())
        await trio.to_thread.run_sync(os.read, read, 65536)
        os.close(read)
        assert await command.ends() == Exit.FINE
        assert keys_left(served) == ()
    assert command.err.splitlines()[-1].endswith(b"closed      key 1")


async def test_a_reader_that_has_gone_is_noticed_when_writing() -> None:
    """Where standard output is no pipe that one could watch."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        async with an_exchange() as served, running("watch", USDM, *at(served), "-q", stdout=theirs) as command:
            theirs.close()
            while not served.exchange.sockets(served.now()):
                await trio.sleep(0.02)
            ours.close()
            served.exchange.emit("alice", served.now())
            assert await command.ends() == Exit.FINE
            assert keys_left(served) == ()
    assert command.err == b""


async def test_a_reader_that_is_stuck_costs_neither_the_key_nor_the_end() -> None:
    """The pipe is full and nobody reads: keepalives go on, and Ctrl-C ends it at once."""
    read, write = os.pipe()
    options = ["--validity", "2", "--keepalive-every", "0.2"]
    async with (
        an_exchange(validity=2) as served,
        running_process("watch", USDM, *at(served), *options, stdout=write) as command,
    ):
        os.close(write)
        await command.tells("connected")
        served.exchange.emit("alice", served.now(), count=1000)
        await trio.sleep(1)
        told = command.err.count(b"kept alive")
        await command.until(lambda command: command.err.count(b"kept alive") >= told + 3)
        began = trio.current_time()
        assert await command.end_by(signal.SIGINT) == Exit.INTERRUPTED
        assert trio.current_time() - began < 5
        assert keys_left(served) == ()
    os.close(read)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full disk here")
async def test_a_full_disk_is_an_error() -> None:
    """One line, and the key is closed."""
    with open("/dev/full", "wb") as full:  # noqa: ASYNC230, PTH123 - it opens at once
        async with an_exchange() as served, running_process("watch", USDM, *at(served), "-q", stdout=full) as command:
            assert await command.ends() == Exit.BROKEN
            assert keys_left(served) == ()
    assert command.err == b"Error: standard output: No space left on device\n"


async def test_leave_leaves_the_key() -> None:
    """And says so."""
    async with an_exchange() as served, running("watch", USDM, *at(served), "--leave") as command:
        await command.tells("connected")
        await command.end_by(signal.SIGINT)
        assert len(keys_left(served)) == 1
    assert command.err.splitlines()[-1].endswith(b"left        key 1, which expires by itself")


async def test_over_tls_the_certificate_is_checked(tmp_path: Path) -> None:
    """SSL_CERT_FILE says whom to trust; without it the throw-away CA is a stranger."""
    ca = tmp_path / "ca.pem"
    async with an_exchange(tls=True) as served:
        assert served.ca_pem is not None
        ca.write_bytes(served.ca_pem)
        async with running("watch", USDM, *at(served), env=environment(SSL_CERT_FILE=str(ca))) as command:
            await command.tells("connected")
            assert await command.end_by(signal.SIGINT) == Exit.INTERRUPTED
        refused = await run("watch", USDM, *at(served), "--timeout", "0.5")
    assert refused.code == Exit.REFUSED  # another try would not help
    assert b"certificate" in refused.err.splitlines()[-1]


# Signals.


async def test_whoever_says_it_twice_does_not_want_to_wait() -> None:
    """The exchange does not answer the close: a second Ctrl-C, a little later, ends it as Ctrl-C does."""
    hangs = Fault(verb="close", effect=Hang())
    async with an_exchange(hangs) as served, running_process("watch", USDM, *at(served)) as command:
        await command.tells("connected")
        command.signal(signal.SIGINT)
        command.signal(signal.SIGINT)  # as timeout(1) does: this one is the same
        await trio.sleep(1)
        assert command.code is None
        assert await command.end_by(signal.SIGINT) == -signal.SIGINT


async def test_a_close_that_takes_its_time_is_waited_for() -> None:
    """If nobody is in a hurry."""
    slow = Fault(verb="close", effect=Delay(1))
    async with an_exchange(slow) as served, running_process("watch", USDM, *at(served)) as command:
        await command.tells("connected")
        assert await command.end_by(signal.SIGTERM) == Exit.TERMINATED
        assert keys_left(served) == ()
    assert b"closed      key 1" in command.err


async def test_a_terminal_that_is_closed_ends_it_but_not_under_nohup() -> None:
    """SIGHUP is heeded, unless whoever started it has said not to."""

    def nohup() -> None:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    async with an_exchange() as served:
        async with running_process("watch", USDM, *at(served)) as command:
            await command.tells("connected")
            assert await command.end_by(signal.SIGHUP) == Exit.HANGUP
            assert keys_left(served) == ()
        async with running_process("watch", USDM, *at(served), preexec_fn=nohup) as command:
            await command.tells("connected")
            command.signal(signal.SIGHUP)
            await trio.sleep(0.2)
            assert await command.end_by(signal.SIGTERM) == Exit.TERMINATED


def test_ctrl_c_before_anything_has_begun(monkeypatch: Any) -> None:
    """It is as quiet then."""

    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(trio, "run", interrupted)
    result = CliRunner().invoke(commands, ["watch", USDM], env={"BINANCE_API_KEY": API_KEY})
    assert (result.exit_code, result.output) == (Exit.INTERRUPTED, "")


# On a terminal.


async def test_on_a_terminal_there_is_a_panel_below_the_lines() -> None:
    """With bars, rates and gaps; what an event says to the terminal is not said to it."""
    with a_terminal() as terminal:
        async with an_exchange() as served:
            async with running("watch", USDM, *at(served), "--check-every", "0.3", **terminal.streams) as command:
                await terminal.shows("created", "connected", "keepalive", "expiry", "none yet", "LIVE for")
                (key,) = keys_left(served)
                served.exchange.emit("alice", served.now(), data={"e": "EVIL\x9b2J", "E": 1})
                await terminal.shows('{"e":"EVIL\\u009b2J"', "last       EVIL\\u009b2J, 0 s ago", "0.1 a second")
                served.exchange.strike_sockets(CloseSocket(1001), served.now())
                served.exchange.kill_key("alice", served.now())
                await terminal.shows("gap", "1, the last of", "(disconnected)", "lost once")
                assert await command.end_by(signal.SIGINT) == Exit.INTERRUPTED
            drawn = terminal.drawn
    assert "\x9b" not in drawn
    assert "closed      key" in drawn
    assert key not in drawn
    assert API_KEY not in drawn


async def test_whoever_interrupts_twice_gets_the_terminal_back() -> None:
    """The panel goes with the first Ctrl-C, so that nothing of it is left, and no cursor hidden, after the second."""
    hangs = Fault(verb="close", effect=Hang())
    with a_terminal() as terminal:
        async with (
            an_exchange(hangs) as served,
            running_process("watch", USDM, *at(served), **terminal.streams) as command,
        ):
            await terminal.shows("keepalive", "LIVE for")
            assert not terminal.has_cursor()
            command.signal(signal.SIGINT)
            await terminal.shows("closing     waits for the exchange; press Ctrl-C again to end at once")
            assert terminal.has_cursor()
            assert await command.end_by(signal.SIGINT) == -signal.SIGINT


async def test_the_panel_leaves_room_for_what_the_terminal_echoes() -> None:
    """Ctrl-C is echoed behind it. On a line of its own, that would leave a part of the panel on the terminal."""
    with a_terminal() as terminal:
        async with an_exchange() as served:
            narrow = environment(COLUMNS="60")
            async with running("watch", USDM, *at(served), env=narrow, **terminal.streams) as command:
                await terminal.shows("keepalive", "LIVE for", "╯")
                await command.end_by(signal.SIGINT)
        assert {len(line) for line in re.findall("[╭╰].*?[╮╯]", terminal.drawn)} == {60 - len("^C^C")}


async def test_errors_are_broken_between_words_on_a_terminal() -> None:
    """Elsewhere they are one line, for programs that look for it."""
    with a_terminal() as terminal:
        async with an_exchange() as served:
            served.exchange.revoke(API_KEY)
            narrow = environment(COLUMNS="60")
            ended = await run("watch", USDM, *at(served), env=narrow, **terminal.streams)
        assert ended.code == Exit.CREDENTIALS
        lines = terminal.drawn.splitlines()
    assert lines[0].startswith("Error: binance-usdm create: the exchange does not accept the")
    assert max(map(len, lines)) <= 60
    assert " ".join(lines).endswith("its permissions and its IP whitelist.")


async def test_events_in_a_file_and_the_panel_on_the_terminal(tmp_path: Path) -> None:
    """The lines go where they were sent; while there is no socket, the panel says so."""
    path = tmp_path / "events"
    with a_terminal() as terminal, path.open("wb") as file:
        async with an_exchange() as served:
            streams: Any = {"stdout": file, "stderr": terminal.slave}
            async with running("watch", USDM, *at(served), "--panel", **streams) as command:
                await terminal.shows("none yet")
                served.exchange.emit("alice", served.now())
                await terminal.shows("last       ORDER_TRADE_UPDATE")
                served.exchange.add_faults(Fault(verb="connect", effect=Status(503)))
                served.exchange.strike_sockets(CloseSocket(1001), served.now())
                await terminal.shows("socket     none", "dropped")
                await command.end_by(signal.SIGINT)
            assert '"e"' not in terminal.drawn
    assert numbers(path.read_bytes().splitlines()[1:]) == [1]


async def test_no_panel_where_the_output_is_piped() -> None:
    """Whoever reads it most often writes to this very terminal, and the panel would be drawn over that."""
    with a_terminal() as terminal:
        async with an_exchange() as served:
            async with running("watch", USDM, *at(served), stderr=terminal.slave) as command:
                await terminal.shows("connected", "stream open")
                served.exchange.emit("alice", served.now())
                await command.prints(1)
                await trio.sleep(0.5)
                await command.end_by(signal.SIGINT)
            assert "LIVE" not in terminal.drawn
            assert terminal.has_cursor()


@pytest.mark.parametrize("options", [["--plain"], ["--no-panel"], ["-q"], []])
async def test_plain_and_quiet_and_dumb_terminals(options: list[str]) -> None:
    """No panel, if it is not wanted or cannot be drawn; and events are made harmless all the same."""
    with a_terminal() as terminal:
        async with an_exchange() as served:
            env = environment(**({} if options else {"TERM": "dumb"}))
            async with running("watch", USDM, *at(served), *options, env=env, **terminal.streams) as command:
                while not served.exchange.sockets(served.now()):
                    await trio.sleep(0.02)
                served.exchange.emit("alice", served.now(), data={"e": "EVIL\x9b2J"})
                await terminal.shows('{"e":"EVIL\\u009b2J"')
                await command.end_by(signal.SIGINT)
            assert "keepalive" not in terminal.drawn
            assert ("created" in terminal.drawn) == (options != ["-q"])


# Errors.


@pytest.mark.parametrize(
    ("fault", "code", "word"),
    [
        (api_error(401, -2015, "Invalid API-key, IP, or permissions for action."), Exit.CREDENTIALS, "API key"),
        (retired(), Exit.RETIRED, "retired"),
        (Status(451), Exit.REFUSED, "country"),
        (service_unavailable(), Exit.UNAVAILABLE, "HTTP 503"),
        (rate_limited(60), Exit.RATE_LIMITED, "rate limited"),
    ],
)
async def test_what_the_exchange_says_is_the_status(fault: Any, code: Exit, word: str) -> None:
    """One line with what to do, and no traceback."""
    async with an_exchange(Fault(effect=fault)) as served:
        ended = await run("watch", USDM, *at(served), "--timeout", "0.5", "-q")
    assert ended.code == code
    line = ended.err.decode().splitlines()[-1]
    assert line.startswith("Error: binance-usdm create: ")
    assert word in line
    assert API_KEY not in line


async def test_an_exchange_that_cannot_be_reached() -> None:
    """Nobody listens there."""
    with socket.socket() as nobody:
        # No exchange of these tests is at this address: of those, the process may know a port for banned.
        nobody.bind(("127.0.0.3", 0))
        place = f"127.0.0.3:{nobody.getsockname()[1]}"
        ended = await run(
            "watch", USDM, "--rest-url", f"http://{place}", "--stream-url", f"ws://{place}", "--timeout", "0.5"
        )
    assert ended.code == Exit.UNAVAILABLE
    assert f"connection refused ({place})" in ended.err.decode()
    assert b"Traceback" not in ended.err


async def test_credentials_that_are_revoked_later_end_it() -> None:
    """With the status that they would have had at the start."""
    async with an_exchange() as served, running("watch", USDM, *at(served), "--check-every", "0.3") as command:
        await command.tells("connected")
        served.exchange.revoke(API_KEY)
        assert await command.ends() == Exit.CREDENTIALS
    assert command.err.decode().splitlines()[-1].startswith("Error: binance-usdm keepalive: ")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["binance-usdt"], "no venue is named 'binance-usdt'. Did you mean binance-usdm? Known are: "),
        (["spot"], "no venue is named 'spot'. Did you mean aster-spot or binance-spot or bingx-spot? Known are: "),
        (["x" * 64], "no venue is named that. Known are: "),
        ([USDM, "--rest-url", "http://127.0.0.1:1"], "--rest-url and --stream-url go together"),
        ([USDM, "--allow-plaintext"], "--allow-plaintext is for the addresses"),
        ([USDM, "--rest-url", "http://a.example", "--stream-url", "ws://a.example"], "or pass --allow-plaintext"),
        ([USDM, "--env-prefix", "NOBODY"], "NOBODY_API_KEY is not set"),
        ([USDM, "--credentials", "nowhere.toml"], "nowhere.toml: No such file or directory"),
        ([USDM, "--validity", "5", "--keepalive-every", "6"], "a keepalive every 6 s is too late"),
        ([USDM, "--validity", "inf"], "validity is inf"),
        ([USDM, "--check-every", "0"], "Invalid value for '--check-every'"),
        ([USDM, "--check-every", "inf"], "silence_check_every is inf"),
        ([USDM, "--api-key", "secret"], "No such option"),
    ],
)
def test_wrong_words(arguments: list[str], complaint: str) -> None:
    """Status 2, and what is wrong; what may be a key is not repeated."""
    result = CliRunner().invoke(commands, ["watch", *arguments], env={"BINANCE_API_KEY": API_KEY})
    assert result.exit_code == Exit.USAGE
    assert complaint in " ".join(result.output.split())
    assert "x" * 64 not in result.output


def test_names_may_be_written_as_in_python(monkeypatch: Any) -> None:
    """And plain text may leave the machine if one says so."""
    given: dict[str, Any] = {}
    monkeypatch.setattr("trio_listenkey._cli._watch.supervise", lambda work, status, **_: given.update(w=work))
    arguments = ["watch", "BINANCE_USDM", "--rest-url", "http://a.example", "--stream-url", "ws://a.example"]
    result = CliRunner().invoke(commands, [*arguments, "--allow-plaintext"], env={"BINANCE_API_KEY": API_KEY})
    assert result.exit_code == 0
    assert given["w"].args[0][0].venue.rest_url == "http://a.example"


# Credentials in files.


def a_file(folder: Path, content: str | bytes, mode: int = 0o600) -> Path:
    path = folder / "credentials"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    path.chmod(mode)
    return path


@pytest.mark.parametrize(
    "content",
    [
        'api_key = "k"\napi_secret = "s"\nother = 5\n',
        'BINANCE_API_KEY = "k"\nBINANCE_API_SECRET = "s"\nAPI_KEY = "another"\n',
        "\ufeff# comment\n\nexport BINANCE_API_KEY=k  # comment\nBINANCE_API_SECRET='s'\n",
        'API_KEY=k\nAPI_SECRET="s"\nOTHER=\n',
    ],
)
def test_files_of_either_kind(tmp_path: Path, content: str) -> None:
    """TOML, or lines such as shells read; names with the prefix come first."""
    credentials = read_credentials(a_file(tmp_path, content), "BINANCE")
    assert (credentials.api_key, credentials.api_secret) == ("k", "s")


@pytest.mark.parametrize(
    ("content", "mode", "complaint"),
    [
        ("API_KEY=secret", 0o640, "chmod 600"),
        ("API_KEY=secret", 0o604, "mode 604"),
        ("API_KEY=secret\nsecret", 0o600, "line 2: this is neither TOML nor KEY=VALUE"),
        ("OTHER=secret", 0o600, "has no api_key"),
        ("API_KEY=", 0o600, "api_key is empty"),
        (b"\xff\xfe", 0o600, "is not a text in UTF-8"),
        ("#" * 70_000, 0o600, "it is no file of credentials"),
    ],
)
def test_files_that_are_refused(tmp_path: Path, content: str | bytes, mode: int, complaint: str) -> None:
    """In words that do not quote them."""
    path = a_file(tmp_path, content, mode)
    with pytest.raises(click.UsageError) as caught:
        read_credentials(path, "BINANCE")
    assert complaint in caught.value.message
    assert "secret" not in caught.value.message.replace(str(path), "")


def test_where_there_are_no_modes_none_is_asked_for(tmp_path: Path, monkeypatch: Any) -> None:
    """Other systems have other means."""
    monkeypatch.setattr(_credentials, "_HAS_MODES", False)
    assert read_credentials(a_file(tmp_path, "API_KEY=k", 0o644), "BINANCE").api_key == "k"


async def test_credentials_from_a_file(tmp_path: Path) -> None:
    """The environment has none."""
    path = a_file(tmp_path, f'api_key = "{API_KEY}"')
    env = {name: value for name, value in environment().items() if name != "BINANCE_API_KEY"}
    async with an_exchange() as served:
        async with running("watch", USDM, *at(served), "--credentials", str(path), env=env) as command:
            await command.tells("connected")
            await command.end_by(signal.SIGINT)
        path.chmod(0o644)
        refused = await run("watch", USDM, *at(served), "--credentials", str(path), env=env)
    assert refused.code == Exit.USAGE
    assert b"chmod 600" in refused.err
    assert API_KEY.encode() not in refused.err


# The pieces.


@pytest.mark.parametrize(
    ("raw", "line"),
    [
        (b'{"e":"X","p":"1.10"}', b'{"e":"X","p":"1.10"}'),
        (b'{\r\n\t"e": "X"\n}', b'{   "e": "X" }'),
        (b'{"stream":"KEY","data":{"e":"X"}}', b'{"e":"X"}'),
        (b'{"e":"X","listenKey" : "OLD"}', b'{"e":"X","listenKey" : "[hidden]"}'),
        (b'{"e":"X","k":"KEY"}', b'{"e":"X","k":"[hidden]"}'),
        (b"not\nJSON \xff KEY", b'{"unreadable":{"base64":"bm90CkpTT04g/yBbaGlkZGVuXQ=="}}'),
    ],
)
def test_lines(raw: bytes, line: bytes) -> None:
    """As it came, but in one line, out of its envelope, and without the key."""
    assert line_of(UserEvent(raw, 0.0), "KEY") == line


def test_lines_where_there_is_no_key() -> None:
    """Nothing is looked for."""
    assert line_of(UserEvent(b'{"e":"X"}', 0.0), None) == b'{"e":"X"}'


def test_line_of_a_gap() -> None:
    """Its times are Unix times."""
    gap = Gap("overflow", 1.0, 3.0, 1001.0, 1003.0, 1000500, 1, 2, missed=7)
    assert json.loads(line_of(gap, "KEY")) == {
        "gap": {
            "cause": "overflow",
            "unix_started_at": 1001.0,
            "unix_ended_at": 1003.0,
            "duration": 2.0,
            "last_event_time": 1000500,
            "missed": 7,
            "generation_before": 1,
            "generation_after": 2,
        }
    }


def test_what_is_told() -> None:
    """Of things that take too long to happen in a test."""
    told: list[str] = []
    narrator = Narrator(lambda what, about, tone: told.append(f"{what}: {about}"), venues.BINANCE_USDM, NOTHING_PRIOR)
    gone = UnavailableError("no answer", advice="Wait", verb="close", status=503, code=-1000)
    narrator.closed("v", 1, gone)
    narrator.gap("v", 1, Gap("overflow", 1.0, 3.0, 1001.0, 1003.0, None, 1, 1, missed=7))
    narrator.closed("v", 0, UnavailableError("no answer", advice="Wait"))
    narrator.dropped("v", 1, CredentialsError("not accepted", advice="Check it"))  # told at the end, with the advice
    assert told == [
        "left behind: key 1, which expires by itself: no answer (HTTP 503, code -1000)",
        "gap: of 2.0 s (overflow): events may be missing; 7 events were dropped",
        "left behind: perhaps a key, which expires by itself: no answer",
    ]
    assert brief(KeyLostError("it died", advice="Wait")) == "it died"
    assert brief(SocketError("reset")) == "reset"
    assert brief(ZeroDivisionError("secret")) == "ZeroDivisionError"


def test_figures() -> None:
    """As a person reads them."""
    spans = [span(seconds) for seconds in (-1, 9.4, 750, 4350, 200_000)]
    assert spans == ["0 s", "9 s", "12:30", "1:12:30", "2 d 7:33:20"]
    assert [_times(1), _times(2)] == ["once", "2 times"]
    assert [str(_bar(left, 1.0, "green")) for left in (0.0, float("inf"))] == ["now", "none is due"]


def test_what_a_terminal_would_take_for_a_command() -> None:
    """It is escaped as JSON escapes."""
    assert visible("\x1b[2J \x9b \U000e0001 é") == "\\u001b[2J \\u009b \\udb40\\udc01 é"
    assert json.loads('"' + visible("\x7f\U000e0001") + '"') == "\x7f\U000e0001"


def test_writing_to_what_does_not_block_and_to_what_is_closed() -> None:
    """A pipe that somebody made so is waited for; one that is closed swallows what Rich has to say."""
    read, write = os.pipe()
    os.set_blocking(write, False)
    got, filled = bytearray(), 0
    with suppress(BlockingIOError):
        while True:
            filled += os.write(write, bytes(4096))  # until it is full, so that the next write has to wait

    def collect() -> None:
        time.sleep(0.1)
        while piece := os.read(read, 4096):
            got.extend(piece)

    thread = threading.Thread(target=collect)
    thread.start()
    write_all(write, bytes(500_000))
    os.close(write)
    thread.join()
    os.close(read)
    assert len(got) == filled + 500_000

    read, write = os.pipe()
    os.close(read)
    file = Descriptor(write)
    assert (file.fileno(), file.isatty(), file.writable()) == (write, False, True)
    assert [file.write("abc"), file.write("abc")] == [3, 3]
    os.close(write)


async def test_what_can_be_read_is_not_taken_for_an_end() -> None:
    """Some systems wake whoever waits for other reasons; a file is not waited for at all."""
    read, write = os.pipe()
    os.write(write, b"news")
    with trio.move_on_after(0.05):
        await reader_has_gone(read)
        raise AssertionError("nobody has gone")
    os.close(read)
    os.close(write)


def test_rates() -> None:
    """Over the last ten seconds, or since there is something to count."""
    rate = Rate(100.0)
    assert [rate(now, events) for now, events in ((100.5, 2), (102.0, 4), (109.0, 18))] == [2.0, 2.0, 2.0]
    assert [rate(now, 18) for now in (111.0, 115.0, 125.0)] == [16 / 10.5, 14 / 13.0, 0.0]


# What it says of itself.


@pytest.mark.parametrize("command", ["watch", "hold", "doctor"])
def test_help_has_the_table_and_examples(command: str) -> None:
    """Each status, whom closing silences, and how it is used; in a terminal of 80 columns."""
    text = CliRunner().invoke(commands, [command, "--help"], terminal_width=80).output
    for code, meaning in EXITS.items():
        assert f"  {code:>3}  {meaning}\n" in text
    assert f"trio-listenkey {command} binance-usdm" in text
    assert "--leave" in text
    assert "silence" in text
    assert all(len(line) <= 80 for line in text.splitlines())
