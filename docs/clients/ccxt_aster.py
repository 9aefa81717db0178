"""ccxt.pro's aster, at futures."""

import asyncio
import os

import ccxt.pro

REST = os.environ.get("EXCHANGE_REST", "http://127.0.0.1:8180")
WS = os.environ.get("EXCHANGE_WS", "ws://127.0.0.1:8180")

# [settings]
exchange = ccxt.pro.aster({"privateKey": "0x" + 64 * "1"})  # its wallet's address is the API key
exchange.options["builderFee"] = False
exchange.urls["api"] |= {"fapiPublic": f"{REST}/fapi", "fapiPrivate": f"{REST}/fapi"}
exchange.urls["api"]["ws"]["private"]["swap"] = f"{WS}/ws"
exchange.set_markets([])  # it would load them, and the exchange here has none
# [end]


async def main() -> None:
    try:
        while True:
            for position in await exchange.watch_positions():  # 4.5.90 can watch nothing else here
                print(position["info"], flush=True)
    finally:
        await exchange.close()


asyncio.run(main())
