"""``--metrics-port``: what Prometheus is told."""

from __future__ import annotations

import signal
import socket
import sys
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest
import trio
from click.testing import CliRunner
from command_driver import API_KEY, USDM, an_exchange, at, keys_left, run, running
from prometheus_client.parser import text_string_to_metric_families

from trio_listenkey import Gap
from trio_listenkey._cli import commands
from trio_listenkey._cli._exit_codes import Exit
from trio_listenkey._cli._metrics import Gauges
from trio_listenkey.testing import CloseSocket


def a_free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def fetch(port: int) -> str:
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        return str(answer.read().decode())


async def metrics_at(port: int) -> dict[tuple[str, str], float]:
    """Each value, by its name and its ``cause``, if it has one; all of it is about the one account."""

    text = await trio.to_thread.run_sync(fetch, port)
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    assert {sample.labels["account"] for sample in samples} <= {"main"}
    return {(sample.name, sample.labels.get("cause", "")): sample.value for sample in samples}


async def test_what_is_told_of_a_stream() -> None:
    """Whether it is live, and what happened; when the command ends, nobody answers any more."""
    port = a_free_port()
    options = ["--name", "main", "--metrics-port", str(port)]
    async with an_exchange() as served, running("watch", USDM, *at(served), *options) as command:
        await command.tells("connected")
        served.exchange.emit("alice", served.now(), count=3)
        await command.until(lambda running: running.out.count(b'"e"') == 3)
        told = await metrics_at(port)
        assert told["listenkey_live", ""] == 1
        assert told["listenkey_connects_total", ""] == 1
        assert told["listenkey_events_total", ""] == 3
        assert 3500 < told["listenkey_key_seconds_left", ""] <= 3600
        assert told["listenkey_losses_total", ""] == told["listenkey_retries_total", ""] == 0
        served.exchange.strike_sockets(CloseSocket(1001), served.now())
        await command.until(lambda running: b'"disconnected"' in running.out)
        told = await metrics_at(port)
        assert told["listenkey_gaps_total", "disconnected"] == 1
        assert told["listenkey_gap_seconds_total", ""] > 0
        assert told["listenkey_drops_total", ""] == 1
        assert await command.end_by(signal.SIGINT) == Exit.INTERRUPTED
    with pytest.raises(URLError):
        await metrics_at(port)


async def test_what_is_told_of_a_key() -> None:
    """Whether it is presumed alive, and for how long."""
    port = a_free_port()
    options = ["--name", "main", "--metrics-port", str(port), "--keepalive-every", "0.1"]
    async with an_exchange() as served, running("hold", USDM, *at(served), *options) as command:
        await command.tells("kept alive")
        told = await metrics_at(port)
        assert told["listenkey_live", ""] == 1
        assert told["listenkey_renewals_total", ""] > 0
        assert ("listenkey_connects_total", "") not in told
        assert await command.end_by(signal.SIGTERM) == Exit.TERMINATED
        assert keys_left(served) == ()


async def test_a_port_that_is_taken() -> None:
    """It is said before anything is sent."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        async with an_exchange() as served:
            ended = await run("watch", USDM, *at(served), "--metrics-port", str(port))
            assert served.exchange.log == ()
    assert ended.code == Exit.USAGE
    assert ended.err.decode() == f"Error: metrics at 127.0.0.1 port {port}: Address already in use\n"


async def test_several_accounts_have_their_labels(tmp_path: Path) -> None:
    """Each figure once, with a value for each."""
    port, file = a_free_port(), tmp_path / "accounts.toml"
    async with an_exchange() as served:
        there = f'api_key = "{API_KEY}"\nrest_url = "{served.rest_url}"\nstream_url = "{served.stream_url}"\n'
        file.write_text(f'[accounts.a]\nvenue = "binance-usdm"\n{there}[accounts.b]\nvenue = "binance-coinm"\n{there}')
        file.chmod(0o600)
        async with running("hold", "--config", str(file), "--metrics-port", str(port)) as command:
            await command.tells(" a created ", " b created ")
            text = await trio.to_thread.run_sync(fetch, port)
            await command.end_by(signal.SIGINT)
    assert text.count("# HELP listenkey_live ") == 1
    assert 'listenkey_live{account="a"} 1.0' in text
    assert 'listenkey_live{account="b"} 1.0' in text


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says what to install."""
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    arguments = ["watch", USDM, "--metrics-port", "9100"]
    result = CliRunner().invoke(commands, arguments, env={"BINANCE_API_KEY": API_KEY})
    assert result.exit_code == Exit.USAGE
    assert "pip install 'trio-listenkey[metrics]'" in result.output


def test_before_there_is_a_stream() -> None:
    """An account that is not open yet is not live."""
    gauges = Gauges()
    gauges.saw(Gap("opened", -1.0, 1.0, 0.0, 1001.0, None, 0, 1))
    gauges.saw(Gap("key_lost", 1.0, 3.5, 1001.0, 1003.5, None, 1, 2))
    told = [(sample.name, sample.labels, sample.value) for sample in gauges.samples()]
    assert told == [
        ("listenkey_live", {}, 0),
        ("listenkey_gaps", {"cause": "opened"}, 1),
        ("listenkey_gaps", {"cause": "key_lost"}, 1),
        ("listenkey_gap_seconds", {}, 2.5),
    ]
