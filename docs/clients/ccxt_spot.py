"""ccxt.pro's binance, at spot."""

import asyncio
import os

import ccxt.pro

REST = os.environ.get("EXCHANGE_REST", "http://127.0.0.1:8180")
WS = os.environ.get("EXCHANGE_WS", "ws://127.0.0.1:8180")

# [settings]
exchange = ccxt.pro.binance({"apiKey": "test-api-key", "secret": "any-secret"})
exchange.options |= {
    "fetchCurrencies": False,
    "fetchMargins": False,
    "fetchMarkets": {"types": ["spot"]},
}
exchange.urls["api"] |= {"public": f"{REST}/api/v3", "private": f"{REST}/api/v3"}
exchange.urls["api"]["ws"]["ws-api"]["spot"] = f"{WS}/ws-api/v3"
# [end]


async def main() -> None:
    try:
        while True:
            for order in await exchange.watch_orders():
                print(order["info"], flush=True)
    finally:
        await exchange.close()


asyncio.run(main())
