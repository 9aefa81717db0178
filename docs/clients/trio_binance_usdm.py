"""trio-binance, at USD-M futures."""

import os

import trio
from trio_binance import AsyncClient
from trio_binance.streams import BinanceSocketManager

REST = os.environ.get("EXCHANGE_REST", "http://127.0.0.1:8180")
WS = os.environ.get("EXCHANGE_WS", "ws://127.0.0.1:8180")

# [settings]
AsyncClient.FUTURES_URL = f"{REST}/fapi"
BinanceSocketManager.URLS["main"]["linear"] = {
    name: f"{WS}/{name}" for name in ("public", "market", "private")
}
# [end]


async def main() -> None:
    client = AsyncClient("test-api-key", "any-secret")
    manager = BinanceSocketManager(client, endpoint="linear")
    manager.listen_key = await client.futures_stream_get_listen_key()
    async with manager.connect():
        async for message in manager.get_next_message():
            print(message, flush=True)


trio.run(main)
