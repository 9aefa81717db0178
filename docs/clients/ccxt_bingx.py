"""ccxt.pro's bingx, at perpetual swaps."""

import asyncio
import os

import ccxt.pro

REST = os.environ.get("EXCHANGE_REST", "http://127.0.0.1:8180")
WS = os.environ.get("EXCHANGE_WS", "ws://127.0.0.1:8180")

# [settings]
exchange = ccxt.pro.bingx({"apiKey": "test-api-key", "secret": "any-secret"})
exchange.options["defaultType"] = "swap"
exchange.urls["api"]["user"] = f"{REST}/openApi"
exchange.urls["api"]["ws"]["linear"] = f"{WS}/swap-market"
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
