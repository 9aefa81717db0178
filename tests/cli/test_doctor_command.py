"""``trio-listenkey doctor``, as a process: each step that can fail, how it is told, and what becomes of the key."""

from __future__ import annotations

import signal
import socket
import time
from pathlib import Path
from typing import Any

import pytest
import trio
from command_driver import (
    API_KEY,
    SPOT,
    USDM,
    a_terminal,
    an_exchange,
    at,
    environment,
    examine,
    keys_left,
    run,
    run_process,
    running_process,
)

from trio_listenkey import venues
from trio_listenkey._cli._doctor._checkup import ping
from trio_listenkey._cli._doctor._network_steps import Found, Problem, _judge_certificate, compare_clocks, judge_clock
from trio_listenkey._cli._exit_codes import Exit
from trio_listenkey.connectors import SocketError
from trio_listenkey.testing import (
    Delay,
    Fault,
    HalfOpen,
    Hang,
    KillKey,
    Reset,
    Status,
    api_error,
    rate_limited,
    retired,
    service_unavailable,
)
from trio_listenkey.transports import Response, TransportError

REFUSED = api_error(401, -2015, "Invalid API-key, IP, or permissions for action.")
NETWORK = ["rest-name", "rest-tcp", "rest-tls", "clock", "stream-name", "stream-tcp", "stream-tls"]
ACCOUNT = ["credentials", "create", "keepalive", "socket", "ping", "close"]


# Without credentials.


@pytest.mark.parametrize(
    ("venue", "checked"), [(USDM, NETWORK), (SPOT, ["stream-name", "stream-tcp", "stream-tls", "socket", "clock"])]
)
async def test_without_credentials_the_network_is_checked(venue: str, checked: list[str]) -> None:
    """And the clock; nothing is asked about any account, and that is no failure."""
    env = {name: value for name, value in environment().items() if not name.startswith("BINANCE")}
    async with an_exchange() as served:
        report = await examine(served, venue=venue, env=env)
        assert served.exchange.keys_ever == ()
        said = (await run("doctor", venue, *at(served), env=env)).out.decode()
    assert report.code == Exit.FINE
    verdicts = {step: found["verdict"] for step, found in report.steps.items()}
    assert {verdicts.pop(step) for step in checked} <= {"ok", "warning", "skipped"}  # there is no TLS
    assert set(verdicts.values()) == {"skipped"}
    assert report.steps["credentials"]["about"] == "none were given: BINANCE_API_KEY is not set"
    assert report.steps["ping"]["about"] == "no credentials"
    assert said.endswith("The network is fine. Without credentials, nothing else was checked.\n")


async def test_credentials_that_cannot_be_read_are_an_error() -> None:
    """They were given, so that they are meant."""
    ended = await run("doctor", USDM, "--credentials", "nowhere.toml")
    empty = await run("doctor", USDM, env=environment(BINANCE_API_KEY=""))
    assert (ended.code, empty.code) == (Exit.USAGE, Exit.USAGE)
    assert b"api_key is empty" in empty.err


# All is well.


async def test_all_is_well() -> None:
    """Every step with its time; nothing is left at the exchange, and nothing secret is shown."""
    async with an_exchange() as served:
        ended = await run_process("doctor", USDM, *at(served))
        assert keys_left(served) == ()
        (key,) = served.exchange.keys_ever
    lines = ended.out.decode().splitlines()
    assert (ended.code, ended.err, lines[-1]) == (Exit.FINE, b"", "All is well.")
    assert [line.split()[0] for line in lines[:-1]] == ["ok", "ok", "skipped", *["ok"] * 3, "skipped", *["ok"] * 6]
    assert all(" ms  " in line for line in lines[:-1] if line.startswith("ok"))
    assert "agrees with the exchange's to within" in ended.out.decode()
    for secret in (API_KEY, key):
        assert secret not in ended.out.decode()


async def test_over_tls_and_without_trust(tmp_path: Path) -> None:
    """The certificate is looked at as the library would look; a stranger's is refused, and the rest is skipped."""
    ca = tmp_path / "ca.pem"
    async with an_exchange(tls=True) as served:
        assert served.ca_pem is not None
        ca.write_bytes(served.ca_pem)
        trusting = await examine(served, env=environment(SSL_CERT_FILE=str(ca)))
        wary = await examine(served)
    assert trusting.code == Exit.FINE
    assert "more days" in trusting.steps["rest-tls"]["about"]
    assert trusting.steps["rest-tls"]["seconds"] > 0
    assert wary.code == Exit.UNAVAILABLE
    assert wary.failed == ["rest-tls", "stream-tls"]
    assert "certificate refused" in wary.steps["rest-tls"]["about"]
    assert "SSL_CERT_FILE" in wary.steps["rest-tls"]["hint"]
    assert wary.verdicts("clock", *ACCOUNT) == ["skipped"] * 7


async def test_on_a_terminal_it_says_what_it_waits_for() -> None:
    """And takes that away again."""
    slow = Fault(verb="keepalive", effect=Delay(0.5))
    with a_terminal() as terminal:
        async with an_exchange(slow) as served:
            ended = await run("doctor", USDM, *at(served), **terminal.streams)
            await terminal.shows("credentials ...", "ok       credentials", "All is well.")
    assert ended.code == Exit.FINE


async def test_on_a_narrow_terminal_words_stay_whole() -> None:
    """What was found is broken between words, below itself; in a pipe it is one line."""
    with a_terminal() as terminal:
        async with an_exchange() as served:
            served.exchange.revoke(API_KEY)
            narrow = environment(COLUMNS="60")
            ended = await run("doctor", USDM, *at(served), env=narrow, **terminal.streams)
            await terminal.shows("Not well: credentials.")
        lines = [line.strip() for line in terminal.drawn.replace("\r", "\n").splitlines()]
    assert ended.code == Exit.CREDENTIALS
    assert max(map(len, lines)) <= 60
    assert "the exchange does not accept the API key" in " ".join(" ".join(lines).split())


async def test_whoever_interrupts_twice_gets_the_terminal_back() -> None:
    """The spinner, which hides the cursor, goes with the first Ctrl-C, however long the close takes."""
    faults = [Fault(verb="connect", effect=Hang()), Fault(verb="close", effect=Hang())]
    with a_terminal() as terminal:
        async with (
            an_exchange(*faults) as served,
            running_process("doctor", USDM, *at(served), "--close", "--timeout", "60", **terminal.streams) as command,
        ):
            await terminal.shows("socket opened ...")
            assert not terminal.has_cursor()
            command.signal(signal.SIGINT)
            await command.until(lambda _: bool(terminal.drawn) and terminal.has_cursor())
            assert command.code is None


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full disk here")
async def test_a_full_disk_is_an_error() -> None:
    """Although all is well, nobody would read so."""
    with open("/dev/full", "wb") as full:  # noqa: ASYNC230, PTH123 - it opens at once
        async with an_exchange() as served:
            ended = await run_process("doctor", USDM, *at(served), stdout=full)
            assert keys_left(served) == ()
    assert ended.code == Exit.BROKEN
    assert ended.err == b"Error: standard output: No space left on device\n"


# Whose key is it?


async def test_a_key_that_was_there_before_is_left_open() -> None:
    """Somebody may hold it. --close closes it all the same, with a warning."""
    async with an_exchange() as served, running_process("hold", USDM, *at(served), "--leave") as other:
        await other.tells("created")
        report = await examine(served)
        assert (report.code, report.told["had_key"]) == (Exit.FINE, True)
        assert report.verdicts("close") == ["skipped"]
        assert "it was there before" in report.steps["close"]["about"]
        assert len(keys_left(served)) == 1
        report = await examine(served, "--close")
        assert report.verdicts("close") == ["ok"]
        assert keys_left(served) == ()
    assert report.err == ("Warning: this closes the account's listen key, and silences every program that holds it.\n")


async def test_leave_leaves_it_in_any_case() -> None:
    """Although it was not there before."""
    async with an_exchange() as served:
        report = await examine(served, "--leave")
        assert len(keys_left(served)) == 1
    assert (report.told["had_key"], report.steps["close"]["about"]) == (
        False,
        "left open, as asked; it expires by itself",
    )


async def test_where_the_exchange_does_not_tell() -> None:
    """At those that want a key named one cannot ask for it first: it is left open."""
    async with an_exchange() as served:
        report = await examine(served, venue="binance-us")
        assert len(keys_left(served)) == 1
        assert (report.code, report.told["had_key"]) == (Exit.FINE, None)
        assert "does not tell" in report.steps["close"]["about"]
        assert report.verdicts("credentials", "create") == ["ok", "ok"]
        assert (await examine(served, "--close", venue="binance-us")).verdicts("close") == ["ok"]
        assert keys_left(served) == ()


async def test_where_there_is_nothing_to_close_with() -> None:
    """Some exchanges leave keys to expire, and that is not our fault; and some refuse without a signature."""
    closes_nothing = next(venue for venue in venues.known() if venue.close is None)
    async with an_exchange() as served:
        report = await examine(served, venue=closes_nothing.name)
    assert report.verdicts(*ACCOUNT)[-1] == "skipped"


# What can fail.


@pytest.mark.parametrize("venue", [USDM, "binance-us"])
async def test_wrong_credentials(venue: str) -> None:
    """Known by the first request that needs them; with the exchange's words and a hint."""
    async with an_exchange() as served:
        served.exchange.revoke(API_KEY)
        report = await examine(served, venue=venue)
    assert (report.code, report.failed) == (Exit.CREDENTIALS, ["credentials"])
    assert "Invalid API-key" in report.steps["credentials"]["about"]
    assert "IP whitelist" in report.steps["credentials"]["hint"]
    assert report.verdicts("create", "keepalive", "socket", "ping", "close") == ["skipped"] * 5


@pytest.mark.parametrize(
    ("fault", "venue", "code", "failed"),
    [
        (Fault(effect=retired()), USDM, Exit.RETIRED, "credentials"),
        (Fault(effect=retired()), "binance-us", Exit.RETIRED, "create"),
        (Fault(verb="keepalive", nth=1, effect=rate_limited(60)), USDM, Exit.RATE_LIMITED, "credentials"),
        (Fault(verb="keepalive", nth=1, effect=Reset()), USDM, Exit.UNAVAILABLE, "credentials"),
        (Fault(verb="create", effect=service_unavailable()), USDM, Exit.UNAVAILABLE, "create"),
        (Fault(verb="keepalive", nth=2, effect=KillKey()), USDM, Exit.BROKEN, "keepalive"),
        (Fault(verb="keepalive", nth=2, effect=REFUSED), USDM, Exit.CREDENTIALS, "keepalive"),
        (Fault(verb="keepalive", nth=2, count=99, effect=service_unavailable()), USDM, Exit.UNAVAILABLE, "keepalive"),
        (Fault(verb="keepalive", nth=2, count=99, effect=Hang()), USDM, Exit.UNAVAILABLE, "keepalive"),
        (Fault(verb="connect", effect=Status(503)), USDM, Exit.UNAVAILABLE, "socket"),
        (Fault(verb="connect", effect=Hang()), USDM, Exit.UNAVAILABLE, "socket"),
        (Fault(verb="connect", effect=Reset()), USDM, Exit.UNAVAILABLE, "socket"),
        (Fault(verb="socket", effect=HalfOpen()), USDM, Exit.UNAVAILABLE, "ping"),
        (Fault(verb="close", effect=Hang()), USDM, Exit.UNAVAILABLE, "close"),
    ],
    ids=lambda value: str(value) if isinstance(value, str) else None,
)
async def test_a_step_that_fails(fault: Fault, venue: str, code: Exit, failed: str) -> None:
    """It is the one that is told, with a hint; its error is the status; what has to come after it is skipped."""
    async with an_exchange(fault) as served:
        report = await examine(served, "--timeout", "1", venue=venue)
        if failed != "close":
            served.exchange.clear_faults()
            assert keys_left(served) == () or venue != USDM
    assert (report.code, report.failed) == (code, [failed])
    assert report.steps[failed]["hint"]
    assert report.steps[failed]["seconds"] is not None
    assert report.verdicts(*NETWORK) == ["ok", "ok", "skipped", "ok", "ok", "ok", "skipped"]


@pytest.mark.parametrize(
    ("fault", "code", "failed"),
    [
        (Fault(effect=retired()), Exit.RETIRED, "credentials"),
        (Fault(verb="keepalive", nth=2, effect=KillKey()), Exit.BROKEN, "keepalive"),
        (Fault(verb="connect", effect=Status(503)), Exit.UNAVAILABLE, "socket"),
    ],
    ids=["credentials", "keepalive", "socket"],
)
async def test_a_step_that_fails_in_a_process(fault: Fault, code: Exit, failed: str) -> None:
    """The process's status and its output say the same."""
    async with an_exchange(fault) as served:
        report = await examine(served, "--timeout", "1", run=run_process)
    assert (report.code, report.failed) == (code, [failed])
    assert report.steps[failed]["hint"]


async def test_hosts_that_are_not_there() -> None:
    """Each is told by itself, with its time; and in words for people, with the hint below."""
    with socket.socket() as nobody:
        # No exchange of these tests is at this address: of those, the process may know a port for banned.
        nobody.bind(("127.0.0.3", 0))
        place = f"127.0.0.3:{nobody.getsockname()[1]}"
        ended = await run(
            *("doctor", USDM, "--rest-url", f"http://{place}", "--stream-url", "wss://nowhere.invalid"),
        )
    assert ended.code == Exit.UNAVAILABLE
    lines = ended.out.decode().splitlines()
    assert lines[-1] == "Not well: REST: TCP."
    assert "connection refused" in ended.out.decode()
    assert "firewall" in ended.out.decode()
    assert "host name not resolved" in ended.out.decode()
    assert "Check the spelling of nowhere.invalid" in ended.out.decode()


async def test_interrupted_it_closes_the_key() -> None:
    """In the middle of a step."""
    slow = Fault(verb="connect", effect=Hang())
    async with an_exchange(slow) as served, running_process("doctor", USDM, *at(served), "--timeout", "60") as command:
        await command.until(lambda command: b"key kept alive" in command.out)
        assert await command.end_by(signal.SIGINT) == Exit.INTERRUPTED
        assert keys_left(served) == ()
    assert command.err == b""


# The pieces.


class Answers:
    """A transport with one answer."""

    def __init__(self, answer: Response | TransportError) -> None:
        self.answer = answer

    async def request(self, request: Any) -> Response:
        assert not [name for name, _ in request.headers if "key" in name.lower()]
        await trio.lowlevel.checkpoint()
        if isinstance(self.answer, TransportError):
            raise self.answer
        return self.answer

    async def aclose(self) -> None:
        raise AssertionError("it is not closed here")


async def test_an_answer_without_a_date() -> None:
    """Something answers; whether it is the exchange is the question."""
    for headers in ((), (("Date", "yesterday"),)):
        found = await compare_clocks(venues.BINANCE_USDM, Answers(Response(200, headers)))
        assert found.about == "HTTP 200, without a date"
        assert found.hint is not None
    with pytest.raises(Problem, match="broken"):
        await compare_clocks(venues.BINANCE_USDM, Answers(TransportError("connection broken")))


@pytest.mark.parametrize(
    ("least", "most", "about", "is_warning"),
    [
        (-0.7, 0.4, "agrees with the exchange's to within 0.7 s", False),
        (-0.001, 0.024, "agrees with the exchange's to within 24 ms", False),
        (0.4, 1.5, "behind the exchange's, by 0.4 s or more", False),
        (-90.0, -88.9, "ahead of the exchange's, by 88.9 s or more", True),
        (30.0, 31.1, "behind the exchange's, by 30.0 s or more", True),
    ],
)
def test_clocks(least: float, most: float, about: str, is_warning: bool) -> None:
    """What may be no difference is told as none; what does no harm is no warning."""
    found = judge_clock(least, most, "Set it")
    assert (found.about, found.hint) == (about, "Set it" if is_warning else None)


def test_certificates_that_are_about_to_expire() -> None:
    """They work today, and are worth a word."""
    now = time.time()
    for days, is_warning in ((3, True), (90, False)):
        end = time.strftime("%b %d %H:%M:%S %Y GMT", time.gmtime(now + days * 86400))
        found = _judge_certificate({"notAfter": end}, "TLSv1.3", now)
        assert found.about == f"TLSv1.3, certificate for {days} more days"
        assert (found.hint is not None) == is_warning


async def test_a_socket_that_ends_instead_of_answering() -> None:
    """The reader and whoever pings are both told; one failure is made of it."""

    class Over:
        async def receive(self) -> list[bytes]:
            await trio.lowlevel.checkpoint()
            raise SocketError("reset")

        async def send(self, message: str) -> None:
            raise AssertionError("there is nothing to say")

        async def ping(self) -> None:
            await trio.sleep(0.01)
            raise SocketError("reset")

    with pytest.raises(SocketError, match="reset"):
        await ping(Over())


async def test_a_ping_among_messages() -> None:
    """Events do not get in its way."""

    class Busy:
        async def receive(self) -> list[bytes]:
            await trio.lowlevel.checkpoint()
            return [b"{}"]

        async def send(self, message: str) -> None:
            raise AssertionError("there is nothing to say")

        async def ping(self) -> None:
            await trio.sleep(0.01)

    assert await ping(Busy()) == Found("the socket lives")


def test_warnings_do_not_count() -> None:
    """Of the exit statuses, a doctor's is that of the first failure."""
    from trio_listenkey._cli._doctor._key_checkup import KeyCheckup
    from trio_listenkey._cli._doctor._results import Finding

    checkup = KeyCheckup(None, "leave", 1.0, print, print)  # type: ignore[arg-type]
    assert checkup.code == 0
    checkup.findings = [
        Finding("clock", "warning", "", hint="Set it"),
        Finding("create", "failed", "", code=Exit.RETIRED),
        Finding("close", "failed", "", code=Exit.UNAVAILABLE),
    ]
    assert checkup.code == Exit.RETIRED
