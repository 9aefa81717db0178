"""What the logger tells, and at which level: see docs/monitoring.rst."""

from __future__ import annotations

import logging
import re
from collections import Counter

import pytest
import trio
from stream_watch import begin
from trio.testing import MockClock

from trio_listenkey import Credentials, Gap, UserEvent, open_user_stream, venues
from trio_listenkey.testing import Exchange, MemoryConnector, MemoryTransport

DAY = 86_400


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
        "binance-usdm: user stream begins; of what was before, nothing is known": 1,
        "binance-usdm: listen key N closed": 1,
    }
    assert told["DEBUG", "binance-usdm: listen key N kept alive"] > 24
    for secret in ("test-api-key", *exchange.keys_ever):
        assert secret not in caplog.text
