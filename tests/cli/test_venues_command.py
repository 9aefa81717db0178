"""``trio-listenkey venues``: the table of the exchanges, for people and for pipes."""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner
from rich.console import Console

from trio_listenkey import Venue, venues
from trio_listenkey._cli import _venues, commands
from trio_listenkey._cli._venue_name import every_venue, prefix_of
from trio_listenkey._venue._summary import HEADS, facts_of
from trio_listenkey.venues import SignedVenue


def test_in_a_pipe_it_is_a_line_for_each() -> None:
    """Cells are separated by tabs, after a line with their names."""
    lines = CliRunner().invoke(commands, ["venues"]).output.splitlines()
    assert lines[0].split("\t") == list(HEADS)
    names = [*(venue.name for venue in venues.known()), *(venue.name for venue in venues.sessions())]
    assert [line.split("\t")[0] for line in lines[1:]] == sorted(names)


def test_it_can_be_asked_for_one() -> None:
    """Names choose, and one that is none lists the choice."""
    runner = CliRunner()
    lines = runner.invoke(commands, ["venues", "--plain", "mexc"]).output.splitlines()
    assert len(lines) == 2
    assert "HMAC-SHA256" in lines[1]
    wrong = runner.invoke(commands, ["venues", "nyse"])
    assert wrong.exit_code == 2
    assert "binance-usdm" in wrong.output


@pytest.fixture
def on_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., list[str]]:
    """What is shown on a terminal of 80 columns, in lines."""

    def lines_of(*arguments: str) -> list[str]:
        monkeypatch.setattr("sys.stdout.isatty", lambda: True)
        monkeypatch.setattr(_venues, "Console", lambda: Console(width=80, color_system=None))
        commands(["venues", *arguments], standalone_mode=False)
        return capsys.readouterr().out.splitlines()

    return lines_of


def test_on_a_terminal_every_name_is_whole(on_a_terminal: Callable[..., list[str]]) -> None:
    """A line for each, in three columns; the last line says how to learn more."""
    head, *lines, last = on_a_terminal()
    assert head.split("  ")[0].strip() == "Venue"
    assert [line.split()[0] for line in lines] == list(every_venue())
    assert all(len(line) <= 80 and line.count("…") == 0 for line in [head, *lines])
    assert all(len(re.split(" {2,}", line.strip())) == 3 for line in [head, *lines])
    assert last == "More of one: trio-listenkey venues NAME"


def test_on_a_terminal_everything_is_told_of_one(on_a_terminal: Callable[..., list[str]]) -> None:
    """Each fact in a line of its own, or in several; and where its credentials are looked for."""
    lines = on_a_terminal("bitrue")
    assert lines[0].split() == ["Venue", "bitrue"]
    told = " ".join("".join(lines).split())
    assert all(head in told for head in HEADS)
    assert "BITRUE_API_KEY, BITRUE_API_SECRET" in told
    assert all(len(line) <= 80 for line in lines)


def test_as_json() -> None:
    """A list of objects, each with everything, for programs."""
    told = json.loads(CliRunner().invoke(commands, ["venues", "--json"]).output)
    assert [venue["name"] for venue in told] == list(every_venue())
    assert all(venue.keys() == told[0].keys() for venue in told)
    assert Counter(venue["kind"] for venue in told).keys() == {"key", "token", "session"}
    by_name = {venue["name"]: venue for venue in told}
    assert by_name["binance-usdm"]["validity"] == venues.BINANCE_USDM.validity
    assert by_name["binance-usdm"]["env_prefix"] == "BINANCE"
    assert [name for name, venue in by_name.items() if venue["retired"]] == ["binance-spot-classic"]
    assert by_name["binance-spot"]["rest_url"] is None
    (one,) = json.loads(CliRunner().invoke(commands, ["venues", "--json", "mexc"]).output)
    assert one == by_name["mexc"]


def test_an_api_key_goes_to_its_own_exchange_alone() -> None:
    """Venues that look for credentials in the same place are of one domain; testnets and demo modes have their own."""
    domains: dict[str, set[str]] = defaultdict(set)
    for name, venue in every_venue().items():
        host = urlsplit(venue.stream_url if isinstance(venue, SignedVenue) else venue.rest_url).hostname
        assert host is not None
        domains[prefix_of(name)].add(".".join(host.split(".")[-2:]))
        assert ("TESTNET" in prefix_of(name) or "DEMO" in prefix_of(name)) == ("testnet" in name or "demo" in name)
    assert {prefix: found for prefix, found in domains.items() if len(found) > 1} == {}
    assert domains["BINANCE"] == {"binance.com"}
    shared = ("aster-prediction-v3", "bitrue-futures", "toobit-usdtm")
    assert [prefix_of(name) for name in shared] == ["ASTER", "BITRUE", "TOOBIT"]
    apart = ("binance-tr", "gmo-coin-fx", "hashkey-hk")
    assert [prefix_of(name) for name in apart] == ["BINANCE_TR", "GMO_COIN_FX", "HASHKEY_HK"]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("binance", ["binance-spot", "binance-usdm"]),
        ("BINANCE", ["binance-spot", "binance-usdm"]),
        ("aster", ["aster-spot"]),
        ("binance-portfolio", ["binance-portfolio-margin"]),
        ("coinm", ["binance-coinm", "bingx-coinm"]),
        ("mexx", ["mexc"]),
    ],
)
def test_what_may_have_been_meant(typed: str, meant: list[str]) -> None:
    """The usual products of an exchange, an exchange's of a product, or what is alike."""
    output = CliRunner().invoke(commands, ["venues", typed]).output
    assert f"Did you mean {' or '.join(meant)}?" in " ".join(output.split())


def test_hold_suggests_what_it_can_hold() -> None:
    """There are no listen keys at binance-spot."""
    output = CliRunner().invoke(commands, ["hold", "binance"]).output
    assert "Did you mean binance-usdm?" in " ".join(output.split())


@pytest.mark.parametrize(
    ("typed", "offered"), [("BINANCE_US", {"binance-us", "binance-usdm", "binance-usdm-testnet"}), ("mex", {"mexc"})]
)
def test_shells_complete_names(typed: str, offered: set[str]) -> None:
    """As Click's completion asks for them."""
    environ = {"_TRIO_LISTENKEY_COMPLETE": "bash_complete", "COMP_WORDS": f"trio-listenkey watch {typed}"}
    lines = CliRunner().invoke(commands, env={**environ, "COMP_CWORD": "2"}, prog_name="trio-listenkey").output
    assert set(lines.replace("plain,", "").split()) == offered


@pytest.mark.parametrize("venue", every_venue().values(), ids=lambda venue: venue.name)
def test_every_fact_is_told(venue: Venue | SignedVenue) -> None:
    """No cell is empty, none has a tab or a line break in it, and none the list of events."""
    facts = facts_of(venue)
    assert len(facts) == len(HEADS)
    assert all(fact and fact.isprintable() and "&events=" not in fact for fact in facts)
    assert facts[9].startswith("https://")


@pytest.mark.parametrize(
    ("venue", "head", "words"),
    [
        (venues.BINANCE_STOCKS, 1, "POST /sapi/v1/equity/listenKey, create again, no close"),
        (venues.BINANCE_STOCKS, 3, "X-MBX-APIKEY, HMAC-SHA256 if there is a secret"),
        (venues.BINANCE_STOCKS, 5, "there is no close: keys expire"),
        (venues.BINANCE_MARGIN_RISK, 2, "form / nothing"),
        (venues.ASTER_SPOT_V3, 3, "no header, your signer"),
        (venues.BITRUE, 1, "POST /poseidon/api/v1/listenKey, PUT /poseidon/api/v1/listenKey/{key}, "),
        (venues.GMO_COIN, 4, "makes a second key, up to 5"),
        (venues.BINANCE_USDM, 5, "ends every holder's stream"),
        (venues.BINANCE_SPOT_CLASSIC, 8, "Retired. Binance took the listen keys of spot away on 2026-02-20"),
        (venues.BINGX, 7, "/swap-market?listenKey=KEY; json or text pings; gzip"),
        (venues.BINGX_SPOT, 7, "listenKeyExpired is not documented here"),
        (venues.BINGX_COINM, 7, "/market?listenKey=KEY; json or text pings; gzip"),
        (venues.MEXC, 7, "json pings; protobuf; needs subscriptions"),
        (venues.BINANCE_US, 7, "does not report expiry"),
        (venues.BINANCE_US, 9, "https://github.com/binance-us/binance-us-api-docs/blob/master/user-data-stream.md"),
        (replace(venues.BINANCE_US, events_url=""), 9, "no page is known"),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_facts_in_words(venue: Venue, head: int, words: str) -> None:
    """What matters is said in words."""
    assert words in facts_of(venue)[head]
