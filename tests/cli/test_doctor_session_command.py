"""``trio-listenkey doctor`` where events are asked for on the socket: spot by a signature, margin by a token."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
import trio
from command_driver import API_KEY, API_SECRET, MARGIN, SPOT, USDM, an_exchange, at, environment, examine, run, signing

from trio_listenkey._cli._doctor._network_steps import Problem
from trio_listenkey._cli._doctor._results import STEPS
from trio_listenkey._cli._doctor._subscription import ask_for_subscriptions, ask_for_time
from trio_listenkey._cli._exit_codes import Exit
from trio_listenkey.testing import (
    Fault,
    HalfOpen,
    Hang,
    KillKey,
    Reset,
    Status,
    WrongShape,
    api_error,
    rate_limited,
    service_unavailable,
)

ACCOUNT = ["credentials", "subscribe", "subscription", "ping"]
ON_THE_SOCKET = ["time", "userDataStream.subscribe.signature", "session.subscriptions"]


# All is well.


async def test_all_is_well_at_spot() -> None:
    """Every step with its time; nothing is left at the exchange, nothing secret is shown, and no key is spoken of."""
    async with an_exchange() as served:
        ended = await run("doctor", SPOT, *at(served), env=signing())
        assert [entry.method for entry in served.exchange.log if entry.verb == "api"] == ON_THE_SOCKET
        assert served.exchange.keys_ever == ()
        with trio.fail_after(30):
            while served.exchange.sockets(served.now()):
                await trio.sleep(0.02)
    lines = ended.out.decode().splitlines()
    assert (ended.code, ended.err, lines[-1]) == (Exit.FINE, b"", "All is well.")
    assert [line.split()[0] for line in lines[:-1]] == ["ok", "ok", "skipped", *["ok"] * 6]
    assert all(" ms  " in line for line in lines[:-1] if line.startswith("ok"))
    assert "agrees with the exchange's to within" in ended.out.decode()
    assert " key " not in ended.out.decode()
    for secret in (API_KEY, API_SECRET):
        assert secret not in ended.out.decode()


@pytest.mark.parametrize("venue", [SPOT, "binance-spot-testnet", "binance-spot-demo"])
async def test_what_is_said_of_keys_does_not_matter(venue: str) -> None:
    """There is none to close, and so nobody to be warned of."""
    async with an_exchange() as served:
        report = await examine(served, "--close", venue=venue, env=signing())
    assert (report.code, report.err, report.told["had_key"]) == (Exit.FINE, "", None)
    assert report.verdicts(*ACCOUNT) == ["ok"] * 4


@pytest.mark.parametrize("env", [environment(), signing()], ids=["unsigned", "signed"])
async def test_all_is_well_at_margin(env: dict[str, str]) -> None:
    """A token is fetched, and another one, which is not taken for the first one's death; it is said on the socket."""
    async with an_exchange() as served:
        report = await examine(served, "--close", venue=MARGIN, env=env)
        assert len(served.exchange.keys_ever) == 2
        shown = (await run("doctor", MARGIN, *at(served), env=env)).out.decode()
        for token in served.exchange.keys_ever:
            assert token not in shown
    assert (report.code, report.err) == (Exit.FINE, "")
    steps = [step for step in STEPS if step != "register"]  # nothing of a token can be shared
    assert report.verdicts(*steps) == ["ok", "ok", "skipped", "ok", "ok", "ok", "skipped", *["ok"] * 7, "skipped"]
    assert report.steps["keepalive"]["about"] == "by another one, from POST"
    assert "it expires by itself" in report.steps["close"]["about"]
    assert "token fetched" in shown
    assert "key " not in shown


async def test_over_tls_and_without_trust(tmp_path: Path) -> None:
    """As the library would look at the certificate."""
    ca = tmp_path / "ca.pem"
    async with an_exchange(tls=True) as served:
        assert served.ca_pem is not None
        ca.write_bytes(served.ca_pem)
        trusting = await examine(served, venue=SPOT, env=signing(SSL_CERT_FILE=str(ca)))
        wary = await examine(served, venue=SPOT, env=signing())
    assert trusting.code == Exit.FINE
    assert (wary.code, wary.failed) == (Exit.UNAVAILABLE, ["stream-tls"])
    assert wary.verdicts("socket", "clock", *ACCOUNT) == ["skipped"] * 6


# The clock.


@pytest.mark.parametrize(
    ("ahead", "about", "code", "failed"),
    [
        (30.0, "behind the exchange's, by ", Exit.FINE, []),
        (-30.0, "ahead of the exchange's, by ", Exit.FINE, []),
        (7200.0, "behind the exchange's, by ", Exit.REFUSED, ["subscribe"]),
    ],
)
async def test_a_clock_that_is_wrong(ahead: float, about: str, code: Exit, failed: list[str]) -> None:
    """It is worth a word: the subscription takes two attempts. If it is very wrong, it is not attempted."""
    async with an_exchange(epoch=time.time() + ahead) as served:
        report = await examine(served, venue=SPOT, env=signing())
    assert (report.code, report.failed) == (code, failed)
    assert report.verdicts("clock") == ["warning"]
    assert about in report.steps["clock"]["about"]
    assert "NTP" in report.steps["clock"]["hint"]
    if failed:
        assert report.verdicts("credentials") == ["skipped"]
        assert "this machine's clock is" in report.steps["subscribe"]["about"]


# What can fail.


@pytest.mark.parametrize("is_revoked", [True, False], ids=["revoked", "wrong-secret"])
async def test_wrong_credentials(is_revoked: bool) -> None:
    """Told with the exchange's words and a hint."""
    async with an_exchange() as served:
        if is_revoked:
            served.exchange.revoke(API_KEY)
        report = await examine(served, venue=SPOT, env=environment(BINANCE_API_SECRET="another"))
    assert (report.code, report.failed) == (Exit.CREDENTIALS, ["credentials"])
    assert ("Invalid API-key" if is_revoked else "Signature") in report.steps["credentials"]["about"]
    assert "Check the key" in report.steps["credentials"]["hint"]
    assert report.verdicts("subscribe", "subscription", "ping") == ["skipped"] * 3


@pytest.mark.parametrize(
    ("venue", "hint"),
    [
        (SPOT, "Export BINANCE_API_SECRET, or put api_secret into the file that --credentials names"),
        ("mexc", "Export BINANCE_API_SECRET, or put api_secret into the file that --credentials names"),
        ("aster-spot-v3", "The command line has none: use the library there"),
    ],
)
async def test_what_cannot_be_signed(venue: str, hint: str) -> None:
    """It is a step as any other: the network is looked at all the same, and nothing of the account's is sent."""
    async with an_exchange() as served:
        report = await examine(served, venue=venue)
        assert {entry.method for entry in served.exchange.log} <= {"GET", "time"}
    assert (report.code, report.failed) == (Exit.USAGE, ["credentials"])
    assert report.steps["credentials"]["hint"] == hint
    assert report.verdicts("stream-tcp", "clock", "ping") == ["ok", report.steps["clock"]["verdict"], "skipped"]


@pytest.mark.parametrize(
    ("fault", "venue", "code", "failed"),
    [
        (Fault(verb="connect", effect=Status(503)), SPOT, Exit.UNAVAILABLE, ["socket"]),
        (Fault(verb="connect", effect=Status(429)), SPOT, Exit.RATE_LIMITED, ["socket"]),
        (Fault(verb="connect", effect=Status(429)), USDM, Exit.RATE_LIMITED, ["socket"]),
        (Fault(verb="api", nth=1, effect=rate_limited(60)), SPOT, Exit.RATE_LIMITED, ["clock"]),
        (Fault(verb="api", nth=1, effect=service_unavailable()), SPOT, Exit.UNAVAILABLE, ["clock"]),
        (Fault(verb="api", nth=1, effect=Reset()), SPOT, Exit.UNAVAILABLE, ["clock"]),
        (Fault(verb="api", nth=1, effect=WrongShape(b"what?")), SPOT, Exit.UNAVAILABLE, ["clock"]),
        (Fault(verb="api", nth=2, effect=rate_limited(60)), SPOT, Exit.RATE_LIMITED, ["subscribe"]),
        (Fault(verb="api", nth=2, effect=api_error(400, -1191, "Too many")), SPOT, Exit.UNAVAILABLE, ["subscribe"]),
        (Fault(verb="api", nth=2, effect=Reset()), SPOT, Exit.UNAVAILABLE, ["credentials"]),
        (Fault(verb="api", nth=3, effect=KillKey()), SPOT, Exit.BROKEN, ["subscription"]),
        (Fault(verb="api", nth=3, effect=service_unavailable()), SPOT, Exit.UNAVAILABLE, ["subscription"]),
        (Fault(verb="api", nth=3, effect=HalfOpen()), SPOT, Exit.UNAVAILABLE, ["subscription", "ping"]),
        (Fault(verb="create", effect=service_unavailable()), MARGIN, Exit.UNAVAILABLE, ["create"]),
        (Fault(verb="create", nth=2, count=99, effect=Hang()), MARGIN, Exit.UNAVAILABLE, ["keepalive"]),
        (Fault(verb="connect", effect=Status(503)), MARGIN, Exit.UNAVAILABLE, ["socket"]),
        (Fault(verb="api", nth=1, effect=rate_limited(60)), MARGIN, Exit.RATE_LIMITED, ["subscribe"]),
        (Fault(verb="api", nth=1, effect=api_error(400, -1209, "Which?")), MARGIN, Exit.UNAVAILABLE, ["subscribe"]),
        (Fault(verb="api", nth=2, effect=service_unavailable()), MARGIN, Exit.UNAVAILABLE, ["subscription"]),
    ],
)
async def test_a_step_that_fails(fault: Fault, venue: str, code: Exit, failed: list[str]) -> None:
    """It is the one that is told, with a hint; its error is the status; what cannot be tried any more is skipped."""
    async with an_exchange(fault) as served:
        report = await examine(served, "--timeout", "2", venue=venue, env=signing())
    assert (report.code, report.failed) == (code, failed)
    for step in failed:
        assert report.steps[step]["hint"]
        assert report.steps[step]["seconds"] is not None
    if failed != ["subscription"]:
        assert report.verdicts("ping") != ["ok"]


# The pieces.


class Answers:
    """A connection on which one answer comes, among other things."""

    def __init__(self, **answer: Any) -> None:
        self._answer = answer
        self._id = None

    async def send(self, message: str) -> None:
        await trio.lowlevel.checkpoint()
        self._id = json.loads(message)["id"]

    async def receive(self) -> list[bytes]:
        await trio.lowlevel.checkpoint()
        answer = json.dumps({"id": self._id, **self._answer})
        return [b"\xff", b"[]", b'{"subscriptionId":0,"event":{"e":"executionReport"}}', answer.encode()]

    async def ping(self) -> None:
        raise AssertionError("nobody asked for that")


async def test_an_answer_without_a_time() -> None:
    """Something answers; whether it is the exchange is the question."""
    results: list[Any] = [{}, [], {"serverTime": "noon"}]
    for result in results:
        found = await ask_for_time(Answers(status=200, result=result))
        assert found.about == "the exchange does not say what time it is"
        assert found.hint is not None


async def test_an_answer_that_is_an_error() -> None:
    """Told with what it says of itself, if that is something."""
    with pytest.raises(Problem, match=r"answers with an error \(status 400, code -1000\)$"):
        await ask_for_time(Answers(status=400, error={"code": -1000, "msg": "An unknown error"}))
    with pytest.raises(Problem, match=r"answers with an error$") as caught:
        await ask_for_subscriptions(Answers(error="no"))
    assert caught.value.code == Exit.UNAVAILABLE
    with pytest.raises(Problem) as caught:
        await ask_for_subscriptions(Answers(status=418))
    assert caught.value.code == Exit.RATE_LIMITED
