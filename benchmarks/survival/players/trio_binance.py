"""trio-binance."""

from __future__ import annotations

from contextlib import aclosing
from typing import Any

import trio
from trio_binance import AsyncClient, streams

from trio_listenkey.testing import event_number

from ..part import API_KEY
from ._acting import Tape, play_in_trio, read_part

_KEEPALIVE = 59 * 60
_RETRY_DELAY = 1


class _TrioInAHurry:
    """Trio, but for the 59 minutes that this library waits between two keepalives: it has no option for them."""

    def __init__(self, keepalive_every: float) -> None:
        self._keepalive_every = keepalive_every

    def __getattr__(self, name: str) -> Any:
        return getattr(trio, name)

    async def sleep(self, seconds: float) -> None:
        await trio.sleep(self._keepalive_every if seconds == _KEEPALIVE else seconds)


def main() -> None:
    part, tape = read_part(), Tape()
    settings = part.settings
    AsyncClient.FUTURES_URL = part.rest_url + "/fapi"
    AsyncClient.REQUEST_TIMEOUT = settings.request_timeout
    streams.BinanceSocketManager.URLS["main"]["linear"] = {
        name: f"{part.stream_url}/{name}" for name in ("public", "market", "private")
    }
    streams.trio = _TrioInAHurry(settings.keepalive_every)
    # 10 s in an hour that lasts half a minute would be longer than it was meant.
    streams._KEEPALIVE_RETRY_DELAY = _RETRY_DELAY  # noqa: SLF001 - nor is there an option for this

    async def consume(who: str) -> None:
        client = AsyncClient(API_KEY, "no-secret")
        manager = streams.BinanceSocketManager(client, endpoint="linear")
        manager.listen_key = await client.futures_stream_get_listen_key()
        async with manager.connect(), aclosing(manager.get_next_message()) as messages:
            async for message in messages:
                if message["e"] == "ORDER_TRADE_UPDATE":
                    tape.event(who, event_number(message))
                    await trio.sleep(tape.pause)
                else:
                    tape.told(who, message)

    play_in_trio(tape, part.consumers, consume)


if __name__ == "__main__":
    main()
