"""Several accounts in one process: the file that describes them, and what is told of each."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import trio
from click.testing import CliRunner
from command_driver import API_KEY, an_exchange, environment, keys_left, run, running

from trio_listenkey._cli import commands
from trio_listenkey._cli._exit_codes import Exit
from trio_listenkey.testing import COINM, USDM, ServedExchange

Write = Callable[[str], str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a file that nobody else may open; its name."""

    def write_it(content: str) -> str:
        path = tmp_path / "accounts.toml"
        path.write_text(content)
        path.chmod(0o600)
        return str(path)

    return write_it


def two(served: ServedExchange, second: str = f'api_key = "{API_KEY}"') -> str:
    there = f'rest_url = "{served.rest_url}"\nstream_url = "{served.stream_url}"\n'
    return (
        f'[accounts.main]\nvenue = "binance-usdm"\napi_key = "{API_KEY}"\n{there}'
        f'[accounts.hedge]\nvenue = "binance-coinm"\n{second}\n{there}'
    )


async def test_each_line_names_its_account(write: Write) -> None:
    """Events, gaps and what is told beside; both keys are closed."""
    async with an_exchange() as served:
        async with running("watch", "--config", write(two(served))) as command:
            await command.tells(" main created ", " main connected ", " hedge created ", " hedge connected ")
            served.exchange.emit("alice", served.now(), dialect=USDM)
            served.exchange.emit("alice", served.now(), dialect=COINM)
            await command.until(lambda running: running.out.count(b'"event"') == 2)
            assert await command.end_by(signal.SIGINT) == Exit.INTERRUPTED
        assert keys_left(served) == ()
    told = [json.loads(line) for line in command.out.splitlines()]
    assert sorted(line["account"] for line in told if "gap" in line) == ["hedge", "main"]
    assert {line["account"]: line["event"]["e"] for line in told if "event" in line} == {
        "main": "ORDER_TRADE_UPDATE",
        "hedge": "ORDER_TRADE_UPDATE",
    }
    assert API_KEY.encode() not in command.out + command.err


async def test_one_that_is_refused_does_not_end_the_others(write: Write) -> None:
    """It is told as an error; when all have ended, the status is that of the first."""
    async with an_exchange() as served:
        file = write(two(served, second='env_prefix = "ACME"'))
        env = environment(ACME_API_KEY="another")
        async with running("watch", "--config", file, "--check-every", "0.3", env=env) as command:
            await command.tells(" hedge ended ", " main connected ", "ERROR")
            assert command.code is None
            served.exchange.revoke(API_KEY)
            assert await command.ends() == Exit.CREDENTIALS
    assert command.err.decode().count(" ended ") == 2


async def test_urls_of_several_accounts(write: Write) -> None:
    """Each after its account's name and a tab."""
    async with an_exchange() as served, running("hold", "--config", write(two(served)), "--show-url") as command:
        lines = [line.split(b"\t") for line in await command.prints(2)]
        await command.end_by(signal.SIGTERM)
        assert keys_left(served) == ()
    assert sorted(name for name, _ in lines) == [b"hedge", b"main"]
    assert all(url.startswith(served.stream_url.encode()) for _, url in lines)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full disk here")
async def test_a_full_disk_ends_all(write: Write) -> None:
    """One line, and no key is left."""
    with open("/dev/full", "wb") as full:  # noqa: ASYNC230, PTH123 - it opens at once
        async with an_exchange() as served:
            ended = await run("hold", "--config", write(two(served)), "--show-url", "-q", stdout=full)
            assert keys_left(served) == ()
    assert (ended.code, ended.err) == (Exit.BROKEN, b"Error: standard output: No space left on device\n")


async def test_a_name_instead_of_the_venue(write: Write) -> None:
    """In what is told."""
    async with an_exchange() as served:
        there = ["--rest-url", served.rest_url, "--stream-url", served.stream_url]
        async with running("hold", "binance-usdm", *there, "--name", "main") as command:
            await command.tells("INFO    main created     key 1 at binance-usdm")
            await command.end_by(signal.SIGINT)


async def test_lines_of_json() -> None:
    """Level, account and event, each with its time; and the error at the end."""
    async with an_exchange() as served:
        there = ["--rest-url", served.rest_url, "--stream-url", served.stream_url]
        async with running("hold", "binance-usdm", *there, "--keepalive-every", "0.3", "--log-json") as command:
            await command.tells("created")
            served.exchange.revoke(API_KEY)
            assert await command.ends() == Exit.CREDENTIALS
    told = [json.loads(line) for line in command.err.splitlines()]
    assert all(line.keys() == {"time", "level", "account", "event", "message"} for line in told)
    first, last = told[0], told[-1]
    assert (first["level"], first["account"], first["event"]) == ("info", "binance-usdm", "created")
    assert first["message"] == "key 1 at binance-usdm"
    assert (last["level"], last["account"], last["event"]) == ("error", None, "error")
    assert last["message"].startswith("binance-usdm keepalive: the exchange does not accept the API key")


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("accounts", "is not TOML (at end of document)."),
        ("", "has to consist of tables [accounts.NAME], and of nothing else."),
        ("[accounts]", "has to consist of tables"),
        ('x = 1\n[accounts.a]\nvenue = "mexc"', "has to consist of tables"),
        ("[accounts]\na = 5", "account 'a' is no table."),
        ('[accounts.a]\napi_key = "hush-hush"', "account 'a' has no venue."),
        ('[accounts.a]\nvenue = "mexx"', "account 'a': no venue is named 'mexx'. Did you mean mexc?"),
        ('[accounts.a]\nvenue = "mexc"\nkey = "hush-hush"', "account 'a' has 'key'. Known are: venue, api_key,"),
        ('[accounts.a]\nvenue = "mexc"\napi_key = 5', "account 'a': api_key has to be a text."),
        ('[accounts.a]\nvenue = "mexc"\nallow_plaintext = "hush-hush"', "allow_plaintext has to be true or false."),
        ('[accounts.a]\nvenue = "mexc"', "account 'a': the environment variable MEXC_API_KEY is not set."),
        ('[accounts.a]\nvenue = "mexc"\napi_key = ""', "account 'a': api_key is empty."),
        ('[accounts.a]\nvenue = "mexc"\napi_key = "hush-hush"', "accounts.toml: mexc: this exchange"),
        ('[accounts.a]\nvenue = "bitrue"\napi_key = "hush-hush"\nrest_url = "http://h"', "go together"),
    ],
)
def test_files_that_are_refused(write: Write, content: str, complaint: str) -> None:
    """It is said which account, and what about it; nothing of the file is quoted that may be secret."""
    result = CliRunner().invoke(commands, ["watch", "--config", write(content)], env={"BINANCE_API_KEY": API_KEY})
    assert result.exit_code == Exit.USAGE
    told = " ".join(result.output.split())
    assert complaint in told
    assert "hush-hush" not in told.replace("a secret", "").replace("api_secret", "")


def test_a_file_that_others_may_open_is_refused(write: Write) -> None:
    """It has API keys in it."""
    file = write('[accounts.a]\nvenue = "bitrue"\napi_key = "hush-hush"')
    Path(file).chmod(0o644)
    result = CliRunner().invoke(commands, ["hold", "--config", file])
    assert result.exit_code == Exit.USAGE
    assert "chmod 600" in result.output


def test_a_file_or_a_venue(write: Write) -> None:
    """Not both, and not neither."""
    file = write('[accounts.a]\nvenue = "bitrue"\napi_key = "hush-hush"')
    both = CliRunner().invoke(commands, ["watch", "binance-usdm", "--name", "x", "--config", file])
    assert "it cannot be combined with venue, name." in " ".join(both.output.split())
    neither = CliRunner().invoke(commands, ["watch"])
    assert "Missing argument 'VENUE', or --config" in " ".join(neither.output.split())
    assert {both.exit_code, neither.exit_code} == {Exit.USAGE}


async def test_a_venue_that_has_no_keys_is_not_held(write: Write) -> None:
    """Also when a file says so."""
    file = write('[accounts.a]\nvenue = "binance-spot"\napi_key = "hush-hush"')
    result = await trio.to_thread.run_sync(lambda: CliRunner().invoke(commands, ["hold", "--config", file]))
    assert "binance-spot has no listen keys" in " ".join(result.output.split())
