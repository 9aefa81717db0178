"""python-binance, at isolated margin."""

import asyncio
import os

from binance import AsyncClient, BinanceSocketManager

REST = os.environ.get("EXCHANGE_REST", "http://127.0.0.1:8180")
WS = os.environ.get("EXCHANGE_WS", "ws://127.0.0.1:8180")

# [settings]
AsyncClient.API_URL = f"{REST}/api"
AsyncClient.MARGIN_API_URL = f"{REST}/sapi"
AsyncClient.WS_API_URL = f"{WS}/ws-api/v3"
# [end]


async def main() -> None:
    client = await AsyncClient.create("test-api-key", "any-secret")
    try:
        async with BinanceSocketManager(client).isolated_margin_socket("BTCUSDT") as socket:
            while True:
                print(await socket.recv(), flush=True)
    finally:
        await client.close_connection()


asyncio.run(main())
