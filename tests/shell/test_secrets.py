"""No secret shows: not in a log of anyone's at any level, not in a repr, not in an error or what hangs on it."""

from __future__ import annotations

import gc
import json
import logging
import traceback
from collections.abc import Iterator
from typing import Any

import asks
import pytest
import trio
from trio.testing import MockClock

import trio_listenkey
from trio_listenkey import Credentials, ListenKeyError, RefusedError, Timing, Venue, open_listen_key, venues
from trio_listenkey.testing import (
    BITRUE,
    MEXC,
    SPOT_US,
    USDM,
    Dialect,
    Effect,
    Exchange,
    Fault,
    Garbage,
    Hang,
    Huge,
    KillKey,
    MemoryTransport,
    Redirect,
    Reset,
    ServedExchange,
    Status,
    Truncate,
    WrongShape,
    api_error,
    bad_gateway_html,
    banned,
    long_key,
    rate_limited,
    retired,
    serve_exchange,
    service_unavailable,
    unsafe_key,
    waf_403_html,
)
from trio_listenkey.transports import AsksTransport, HTTPCore2Transport, Transport

API_KEY = "TheApiKeyThatNobodyMaySee"
API_SECRET = "TheApiSecretThatNobodyMaySee"
QUICK = Timing(
    validity=600,
    keepalive_every=0.05,
    request_timeout=0.2,
    open_timeout=0.6,
    close_timeout=0.5,
    retry_base=0.02,
    retry_cap=0.05,
)


def _echo(status: int, listen_key: str = "none") -> Effect:
    """An exchange, or a proxy before it, that says back what it was told."""
    said = f"API key {API_KEY}, secret {API_SECRET}, listen key {listen_key}"
    return Status(status, json.dumps({"code": -1100, "msg": said}).encode())


FAILURES: list[Effect] = [
    Garbage(),
    Hang(),
    Huge(None),
    KillKey(),
    Redirect("http://127.0.0.1:9/elsewhere"),
    Reset(after_work=False),
    Reset(after_work=True),
    Truncate(40),
    WrongShape(b'{"listenKey": 5}'),
    _echo(400),
    _echo(503),
    api_error(401, -2015, "Invalid API-key, IP, or permissions for action."),
    bad_gateway_html(),
    banned(0.2, header=True),
    long_key(),
    rate_limited(0.1),
    retired(),
    service_unavailable(),
    unsafe_key(),
    waf_403_html(),
]


class Everything(logging.Handler):
    """Every record of every logger, as it would be written."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines += [self.format(record), repr(record.args), repr(record.msg)]


@pytest.fixture
def everything() -> Iterator[Everything]:
    handler, root = Everything(), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield handler
    root.setLevel(level)
    root.removeHandler(handler)


@pytest.mark.no_cover
@pytest.mark.parametrize(
    ("name", "venue", "dialect"),
    [
        ("httpcore2", venues.BINANCE_USDM, USDM),
        ("asks", venues.BINANCE_US, SPOT_US),
        ("httpcore2", venues.MEXC, MEXC),
        ("asks", venues.BITRUE, BITRUE),
    ],
    ids=["httpcore2", "asks", "in the query", "in the path"],
)
async def test_no_secret_shows(name: str, venue: Venue, dialect: Dialect, everything: Everything) -> None:
    """Over real sockets and TLS, through every kind of failure of every request."""
    shown: list[str] = []
    secrets = {API_KEY, API_SECRET}
    for verb in ("create", "keepalive", "close"):
        for effect in FAILURES:
            # An exchange, and so an address, for each: a ban is for a host and would end all that comes after it.
            faults = [Fault(verb=verb, count=2, effect=effect)]
            exchange = Exchange(seed=len(secrets), faults=faults, dialects=[dialect])
            exchange.add_account(API_KEY, name="alice")
            async with serve_exchange(exchange, tls=True) as served:
                transport = _transport(name, served)
                shown += await _one_life(served, venue, transport)
                await transport.aclose()
            assert exchange.log
            secrets.update(exchange.keys_ever)
    shown += everything.lines
    shown += [f"{each!r} {each!s}" for each in gc.get_objects() if _is_ours(each)]
    assert len(secrets) > 40
    assert len(shown) > 1000
    for secret in {*secrets, "&signature="}:
        assert not [each for each in shown if secret in each]


def _is_ours(each: object) -> bool:
    """Whether it is an object of the library's. What the test exchange was told to echo is the test's own doing."""
    module = type(each).__module__
    return module.startswith("trio_listenkey") and not module.startswith("trio_listenkey.testing")


def _transport(name: str, served: ServedExchange) -> Transport:
    if name == "httpcore2":
        return HTTPCore2Transport(ssl_context=served.ssl_context())
    return AsksTransport(asks.Session(connections=4, ssl_context=served.ssl_context()))


async def _one_life(served: ServedExchange, venue: Venue, transport: Transport) -> list[str]:
    """Open a key, see it through two keepalives, close it; all that was to be seen of it."""
    shown: list[str] = []
    try:
        async with open_listen_key(
            served.venue_at(venue), Credentials(API_KEY, API_SECRET), transport=transport, timing=QUICK
        ) as key:
            served.exchange.add_faults(Fault(verb="keepalive", nth=1, effect=_echo(503, key.value)))
            with trio.move_on_after(0.5):
                while key.statistics().renewed < 1:
                    await trio.sleep(0.01)
            shown += [repr(key), repr(key.statistics())]
    except ListenKeyError as error:
        shown += _all_of(error)
    return shown


def _all_of(error: BaseException) -> list[str]:
    """An error and all that hangs on it: texts, notes, arguments, fields, and the locals in our frames."""
    shown = []
    chain: list[BaseException] = [error]
    while chain:
        each = chain.pop()
        chain += [other for other in (each.__cause__, each.__context__) if other is not None]
        shown += [str(each), repr(each), repr(each.args), repr(vars(each)), *getattr(each, "__notes__", ())]
        frames = traceback.TracebackException.from_exception(each, capture_locals=True).stack
        package = trio_listenkey.__file__.removesuffix("__init__.py")
        shown += [str(frame.locals) for frame in frames if frame.filename.startswith(package)]
    return shown


def test_no_type_shows_what_it_holds() -> None:
    """The values that carry secrets hide them, however they are printed."""
    values: list[Any] = [Credentials(API_KEY), Credentials(API_KEY, API_SECRET)]
    for value in values:
        for text in (repr(value), str(value), f"{value}", f"{value!a}"):
            assert "Nobody" not in text


async def test_a_short_secret_that_is_echoed(autojump_clock: MockClock) -> None:
    """It is hidden for what it is, and not for its length."""
    echo = api_error(400, -1102, "no api-key-1 with secret-1 here")
    exchange = Exchange(faults=[Fault(verb="create", effect=echo)])
    exchange.add_account("api-key-1")
    with pytest.raises(RefusedError, match=r"no \[hidden\] with \[hidden\] here") as caught:
        async with open_listen_key(
            venues.BINANCE_USDM, Credentials("api-key-1", "secret-1"), transport=MemoryTransport(exchange)
        ):
            raise AssertionError("it was to be refused")
    assert caught.value.message == "no [hidden] with [hidden] here"
