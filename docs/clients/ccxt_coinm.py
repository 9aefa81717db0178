"""ccxt.pro's binancecoinm."""

import asyncio
import os

import ccxt.pro

REST = os.environ.get("EXCHANGE_REST", "http://127.0.0.1:8180")
WS = os.environ.get("EXCHANGE_WS", "ws://127.0.0.1:8180")

# [settings]
exchange = ccxt.pro.binancecoinm({"apiKey": "test-api-key", "secret": "any-secret"})
exchange.options["fetchCurrencies"] = False  # it would ask the wallet
exchange.urls["api"] |= {
    "dapiPublic": f"{REST}/dapi/v1",
    "dapiPrivate": f"{REST}/dapi/v1",
    "dapiPrivateV2": f"{REST}/dapi/v2",
}
exchange.urls["api"]["ws"]["inverse"] = f"{WS}/ws"
# [end]


async def main() -> None:
    try:
        while True:
            for order in await exchange.watch_orders():
                print(order["info"], flush=True)
    finally:
        await exchange.close()


asyncio.run(main())
