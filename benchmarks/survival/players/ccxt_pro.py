"""ccxt, with what was ccxt.pro."""

from __future__ import annotations

import asyncio

import ccxt.pro

from ..part import API_KEY
from ._acting import RETRY_AFTER, Tape, play_in_asyncio, read_part


def main() -> None:
    part, tape = read_part(), Tape()
    settings = part.settings

    async def consume(who: str) -> None:
        client = ccxt.pro.binanceusdm(
            {
                "apiKey": API_KEY,
                "secret": "no-secret",
                "timeout": int(settings.request_timeout * 1000),
                "options": {
                    "listenKeyRefreshRate": int(settings.keepalive_every * 1000),
                    # The exchange has no positions to be asked for.
                    "watchPositions": {"fetchPositionsSnapshot": False},
                },
                "streaming": {"keepAlive": int(settings.ping_every * 1000)},
            }
        )
        for name, url in list(client.urls["api"].items()):
            if isinstance(url, str):
                client.urls["api"][name] = part.rest_url + "/" + url.split("://", 1)[1].split("/", 1)[-1]
        client.urls["api"]["ws"]["linear"] = part.stream_url + "/ws"
        client.set_markets([])
        try:
            while True:
                try:
                    orders = await client.watch_orders()
                except Exception as error:  # noqa: BLE001 - it is what the user gets
                    tape.told(who, error)
                    await asyncio.sleep(RETRY_AFTER)
                    continue
                for order in orders:
                    tape.event(who, int(order["info"]["c"].removeprefix("n-")))
                    await asyncio.sleep(tape.pause)
        finally:
            await client.close()

    play_in_asyncio(tape, part.consumers, consume)


if __name__ == "__main__":
    main()
