"""``trio-listenkey venues``: the table of the exchanges, for people and for pipes."""

import pytest
from click.testing import CliRunner
from rich.console import Console

from trio_listenkey import Venue, venues
from trio_listenkey._cli import _venues, commands
from trio_listenkey._venue._summary import HEADS, facts_of


def test_in_a_pipe_it_is_a_line_for_each() -> None:
    """Cells are separated by tabs, after a line with their names."""
    lines = CliRunner().invoke(commands, ["venues"]).output.splitlines()
    assert lines[0].split("\t") == list(HEADS)
    names = [*(venue.name for venue in venues.known()), *(venue.name for venue in venues.sessions())]
    assert [line.split("\t")[0] for line in lines[1:]] == names


def test_it_can_be_asked_for_one() -> None:
    """Names choose, and one that is none lists the choice."""
    runner = CliRunner()
    lines = runner.invoke(commands, ["venues", "--plain", "mexc"]).output.splitlines()
    assert len(lines) == 2
    assert "HMAC-SHA256" in lines[1]
    wrong = runner.invoke(commands, ["venues", "nyse"])
    assert wrong.exit_code == 2
    assert "binance-usdm" in wrong.output


def test_on_a_terminal_it_is_a_table(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """With lines round the cells."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setattr(_venues, "Console", lambda: Console(width=200))
    commands(["venues", "bitrue"], standalone_mode=False)
    output = capsys.readouterr().out
    assert "bitrue" in output
    assert "┃" in output


@pytest.mark.parametrize("venue", venues.known(), ids=lambda venue: venue.name)
def test_every_fact_is_told(venue: Venue) -> None:
    """No cell is empty, none has a tab or a line break in it, and none the list of events."""
    facts = facts_of(venue)
    assert len(facts) == len(HEADS)
    assert all(fact and fact.isprintable() and "&events=" not in fact for fact in facts)


@pytest.mark.parametrize(
    ("venue", "head", "words"),
    [
        (venues.BINANCE_STOCKS, 1, "POST /sapi/v1/equity/listenKey, create again, no close"),
        (venues.BINANCE_STOCKS, 3, "X-MBX-APIKEY, HMAC-SHA256 if there is a secret"),
        (venues.BINANCE_STOCKS, 5, "there is no close: keys expire"),
        (venues.BINANCE_MARGIN_RISK, 2, "form / nothing"),
        (venues.ASTER_SPOT_V3, 3, "no header, a signer of yours"),
        (venues.BITRUE, 1, "POST /poseidon/api/v1/listenKey, PUT /poseidon/api/v1/listenKey/{key}, "),
        (venues.GMO_COIN, 4, "makes a second key, up to 5"),
        (venues.BINANCE_USDM, 5, "silences them all, in whatever process"),
        (venues.BINANCE_SPOT_CLASSIC, 8, "Retired. Binance took the listen keys of spot away on 2026-02-20"),
        (venues.BINGX, 7, "/swap-market?listenKey=KEY; json or text pings; gzip"),
        (venues.BINGX_SPOT, 7, "listenKeyExpired is not documented here"),
        (venues.BINGX_COINM, 7, "/market?listenKey=KEY; json or text pings; gzip"),
        (venues.MEXC, 7, "json pings; protobuf; to be subscribed to"),
        (venues.BINANCE_US, 7, "expires without a word"),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_facts_in_words(venue: Venue, head: int, words: str) -> None:
    """What matters is said in words."""
    assert words in facts_of(venue)[head]
