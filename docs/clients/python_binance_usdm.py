"""python-binance, at USD-M futures."""

import asyncio
import os

from binance import AsyncClient, BinanceSocketManager

REST = os.environ.get("EXCHANGE_REST", "http://127.0.0.1:8180")
WS = os.environ.get("EXCHANGE_WS", "ws://127.0.0.1:8180")

# [settings]
AsyncClient.API_URL = f"{REST}/api"  # it asks spot for the time, whichever product it is for
AsyncClient.FUTURES_URL = f"{REST}/fapi"
BinanceSocketManager.FSTREAM_URL = f"{WS}/"
# [end]


async def main() -> None:
    client = await AsyncClient.create("test-api-key", "any-secret")
    try:
        async with BinanceSocketManager(client).futures_user_socket() as socket:
            while True:
                print(await socket.recv(), flush=True)
    finally:
        await client.close_connection()


asyncio.run(main())
