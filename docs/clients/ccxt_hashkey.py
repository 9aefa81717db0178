"""ccxt.pro's hashkey."""

import asyncio
import os

import ccxt.pro

REST = os.environ.get("EXCHANGE_REST", "http://127.0.0.1:8180")
WS = os.environ.get("EXCHANGE_WS", "ws://127.0.0.1:8180")

# [settings]
exchange = ccxt.pro.hashkey({"apiKey": "test-api-key", "secret": "any-secret"})
exchange.urls["api"] |= {"public": REST, "private": REST}
exchange.urls["api"]["ws"]["private"] = f"{WS}/api/v1/ws"
exchange.set_markets([])  # it would load them, and the exchange here has none
# [end]


async def main() -> None:
    try:
        while True:
            for order in await exchange.watch_orders():
                print(order["info"], flush=True)
    finally:
        await exchange.close()


asyncio.run(main())
