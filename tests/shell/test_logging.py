"""What the logger tells, and at which level: see docs/monitoring.rst."""

from __future__ import annotations

import logging
import re
from collections import Counter
from typing import Any

import pytest
import trio
from stream_watch import begin
from trio.testing import MockClock

from trio_listenkey import (
    Credentials,
    Gap,
    Timing,
    UnavailableError,
    UserEvent,
    open_listen_key,
    open_user_stream,
    venues,
)
from trio_listenkey.testing import (
    Exchange,
    Fault,
    MemoryConnector,
    MemoryTransport,
    Reset,
    Status,
    service_unavailable,
)

DAY = 86_400


@pytest.mark.no_cover
async def test_a_healthy_day(autojump_clock: MockClock, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing above INFO, though the key is renewed all day and the stream moves to another socket."""
    caplog.set_level(logging.DEBUG)
    exchange = Exchange(seed=1)
    exchange.add_account("test-api-key", name="alice")
    received: list[UserEvent | Gap] = []
    async with open_user_stream(
        venues.BINANCE_USDM,
        Credentials("test-api-key"),
        transport=MemoryTransport(exchange),
        connector=MemoryConnector(exchange),
    ) as stream:
        await begin(stream)
        with trio.move_on_after(DAY):
            for _ in range(DAY // 600):
                await trio.sleep(600)
                exchange.emit("alice", trio.current_time())
                received.append(await stream.receive())
        statistics = stream.statistics()
        assert statistics.is_live
        assert statistics.moves == 1
        assert statistics.gaps == 1  # the first
    assert len(received) >= DAY // 600 - 1
    assert exchange.open_keys(trio.current_time()) == ()

    ours = [record for record in caplog.records if record.name.split(".")[0] == "trio_listenkey"]
    assert {record.name for record in ours} == {"trio_listenkey"}
    assert max(record.levelno for record in caplog.records) == logging.INFO
    told = Counter((record.levelname, re.sub(r"\d+", "N", record.getMessage())) for record in ours)
    assert {what: count for (level, what), count in told.items() if level == "INFO"} == {
        "binance-usdm: listen key N created": 1,
        "binance-usdm: user stream connected, listen key N": 2,
        "binance-usdm: user stream open; earlier events are not known": 1,
        "binance-usdm: listen key N closed": 1,
    }
    assert told["DEBUG", "binance-usdm: listen key N kept alive"] > 24
    for secret in ("test-api-key", *exchange.keys_ever):
        assert secret not in caplog.text


async def test_each_key_is_called_by_its_number(autojump_clock: MockClock, caplog: pytest.LogCaptureFixture) -> None:
    """None has the number 0; and of one that is replaced it is told which that was, and by which."""
    caplog.set_level(logging.INFO)
    exchange = Exchange(seed=1, faults=[Fault(verb="create", nth=1, effect=service_unavailable())])
    exchange.add_account("test-api-key", name="alice")
    async with open_listen_key(
        venues.BINANCE_USDM, Credentials("test-api-key"), transport=MemoryTransport(exchange)
    ) as key:
        await trio.sleep(1)
        exchange.kill_key("alice", trio.current_time())
        assert await key.check() == 2
    told = [record.getMessage() for record in caplog.records]
    assert told[0].startswith("binance-usdm: listen key: binance-usdm create: ")
    assert " Next try in " in told[0]
    assert told[1] == "binance-usdm: listen key 1 created"
    assert told[2].startswith("binance-usdm: listen key 1 is lost: ")
    assert told[3:] == ["binance-usdm: listen key 1 replaced by listen key 2", "binance-usdm: listen key 2 closed"]


async def test_a_key_that_was_never_told_has_no_number(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """The create's answers were lost, and so was that of the close."""
    exchange = Exchange(seed=1, faults=[Fault(effect=Reset(after_work=True))])
    exchange.add_account("test-api-key", name="alice")
    with pytest.raises(UnavailableError):
        async with open_listen_key(
            venues.BINANCE_USDM, Credentials("test-api-key"), transport=MemoryTransport(exchange)
        ):
            raise AssertionError("there is no key")
    assert caplog.records[-1].getMessage().startswith("binance-usdm: listen key may be left behind: ")


async def test_no_other_try_is_announced_when_none_follows(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """The last failure is the end of it."""
    exchange = Exchange(seed=1, faults=[Fault(verb="connect", effect=Status(503))])
    exchange.add_account("test-api-key", name="alice")
    ports: dict[str, Any] = {"transport": MemoryTransport(exchange), "connector": MemoryConnector(exchange)}
    with pytest.raises(UnavailableError):
        async with open_user_stream(
            venues.BINANCE_USDM, Credentials("test-api-key"), timing=Timing(open_timeout=3), **ports
        ):
            raise AssertionError("there is no socket")
    told = [record.getMessage() for record in caplog.records if "handshake refused" in record.getMessage()]
    assert all("; next try in " in line for line in told[:-1])
    assert told[-1].endswith(": user stream: handshake refused with HTTP 503")
