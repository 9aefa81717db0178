"""The dead-man switch says that it is armed when the exchange says so, and at no other time."""

from __future__ import annotations

import logging
from typing import Any

import pytest
import trio
from test_dead_man_switch import ALICE, COUNTDOWN, PROMPT, an_exchange, at_the_desk
from trio.testing import MockClock

from trio_listenkey import Credentials, Timing, UnavailableError, UsageError, dead_man_switch, open_user_stream, venues
from trio_listenkey.testing import Exchange, MemoryConnector, MemoryTransport
from trio_listenkey.transports import Request, Response


class Proxy(MemoryTransport):
    """Something stands between us and the exchange, and answers in its place."""

    body: bytes | None = None

    async def request(self, request: Request) -> Response:
        if self.body is None or "countdown" not in request.url:
            return await super().request(request)
        return Response(200, (), self.body)


HOLLOW = [
    b"{}",
    b"",
    b" \r\n",
    b"[]",
    b"null",
    b'{"code":200,"msg":"success"}',
    b'{"symbol":"BTCUSDT","countdownTime":"0"}',
    b'{"symbol":"ETHUSDT","countdownTime":"120000"}',
    b'{"symbol":"BTCUSDT"}',
]


def open_stream(exchange: Exchange, transport: MemoryTransport, **kwargs: Any) -> Any:
    arguments = {"timing": Timing(jitter=0, open_timeout=5), **kwargs}
    credentials = arguments.pop("credentials", ALICE)
    return open_user_stream(
        venues.BINANCE_USDM, credentials, transport=transport, connector=MemoryConnector(exchange), **arguments
    )


@pytest.mark.parametrize("body", HOLLOW)
async def test_a_success_that_does_not_say_of_what_arms_nothing(body: bytes, autojump_clock: MockClock) -> None:
    """A proxy answers everything with 200: no order is to rely on that."""
    exchange = an_exchange()
    transport = Proxy(exchange)
    async with open_stream(exchange, transport) as stream:
        transport.body = body
        with pytest.raises(UnavailableError, match=r"countdown of .BTCUSDT. was set to 120000 ms"):
            async with dead_man_switch(stream, ["BTCUSDT"], COUNTDOWN):
                raise AssertionError
    assert exchange.book.countdowns() == ()


async def test_renewals_that_say_nothing_are_none(autojump_clock: MockClock) -> None:
    """It says that time is up when it is."""
    exchange = an_exchange()
    transport = Proxy(exchange)
    async with (
        open_stream(exchange, transport, timing=PROMPT) as stream,
        dead_man_switch(stream, ["BTCUSDT"]) as switch,
    ):
        switch.resynchronised(await stream.receive())
        transport.body = b"{}"
        armed_until = switch.statistics().armed_until
        await trio.sleep(100)
        assert switch.statistics().state == "holding"
        assert switch.statistics().armed_until == armed_until
        await trio.sleep(21)
        assert switch.statistics().state == "expired"


async def test_a_number_is_as_good_as_a_text(autojump_clock: MockClock) -> None:
    """The documents have the time as a text; it says the same."""
    exchange = an_exchange()
    transport = Proxy(exchange)
    async with open_stream(exchange, transport) as stream:
        transport.body = b'{"symbol":"BTCUSDT","countdownTime":120000}'
        async with dead_man_switch(stream, ["BTCUSDT"], on_exit="run") as switch:
            assert switch.statistics().armed_until == 120


async def test_what_was_never_confirmed_is_told_by_its_latest_end(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody knows when it began, if it did."""
    exchange = an_exchange()
    transport = Proxy(exchange)
    async with open_stream(exchange, transport) as stream:
        transport.body = b"<html>"
        with caplog.at_level(logging.WARNING, "trio_listenkey"), pytest.raises(UnavailableError):
            async with dead_man_switch(stream, ["BTCUSDT"]):
                raise AssertionError
    (left,) = (text for text in caplog.messages if "left to run" in text)
    assert 100 < float(left.split()[-2]) <= 120


async def test_two_switches_for_one_symbol_are_refused(autojump_clock: MockClock) -> None:
    """There is one countdown at the exchange: the first would say "armed" after the second has ended it."""
    exchange = an_exchange()
    exchange.add_account("the-api-key-of-bob", name="bob", secret="the-secret-of-bob")
    async with at_the_desk(exchange) as desk:
        with pytest.raises(UsageError, match="minds 'BTCUSDT' already"):
            async with dead_man_switch(desk.stream, ["ETHUSDT", "BTCUSDT"], 10):
                raise AssertionError
        assert [each.symbol for each in exchange.book.countdowns()] == ["BTCUSDT"]
        async with dead_man_switch(desk.stream, ["ETHUSDT"]) as another:
            assert another.statistics().armed_until > trio.current_time()
        bob = Credentials("the-api-key-of-bob", "the-secret-of-bob")
        async with (
            open_stream(exchange, MemoryTransport(exchange), credentials=bob) as stream,
            dead_man_switch(stream, ["BTCUSDT"]) as his,
        ):
            assert his.statistics().armed_until > trio.current_time()
    async with (
        open_stream(exchange, MemoryTransport(exchange)) as stream,
        dead_man_switch(stream, ["BTCUSDT"]) as again,  # the first one is over
    ):
        assert again.statistics().armed_until > trio.current_time()
