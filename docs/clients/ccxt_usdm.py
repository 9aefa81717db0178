"""ccxt.pro's binanceusdm."""

import asyncio
import os

import ccxt.pro

REST = os.environ.get("EXCHANGE_REST", "http://127.0.0.1:8180")
WS = os.environ.get("EXCHANGE_WS", "ws://127.0.0.1:8180")

# [settings]
exchange = ccxt.pro.binanceusdm({"apiKey": "test-api-key", "secret": "any-secret"})
exchange.options["fetchCurrencies"] = False  # it would ask the wallet
exchange.urls["api"] |= {
    "fapiPublic": f"{REST}/fapi/v1",
    "fapiPrivate": f"{REST}/fapi/v1",
    "fapiPrivateV2": f"{REST}/fapi/v2",
    "fapiPrivateV3": f"{REST}/fapi/v3",
}
exchange.urls["api"]["ws"]["linear"] = f"{WS}/ws"
# [end]


async def main() -> None:
    try:
        while True:
            for order in await exchange.watch_orders():
                print(order["info"], flush=True)
    finally:
        await exchange.close()


asyncio.run(main())
