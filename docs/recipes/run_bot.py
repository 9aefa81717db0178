"""The bot at the local exchange: ``trio-listenkey exchange`` has to run."""

import json
import logging
import time
from functools import partial
from typing import Any

import httpcore2
import trio
from bot import Bot, run, stop_on_signal
from desk import Desk

from trio_listenkey import Credentials, venues

EXCHANGE = "127.0.0.1:8180"
CONTROL = "http://127.0.0.1:8181"


async def tell(http: httpcore2.AsyncConnectionPool, fields: dict[str, Any]) -> None:
    """Have the exchange tell of an order."""
    event = {"dialect": "usdm", "kind": "ORDER_TRADE_UPDATE", "data": fields}
    content = json.dumps(event).encode()
    answer = await http.request("POST", f"{CONTROL}/events", content=content)
    if answer.status != 200:
        raise OSError(answer.content.decode())


async def trade(desk: Desk, bot: Bot) -> None:
    """Place an order every two seconds, when it is safe to."""
    number = 0
    while True:
        if bot.may_trade():
            number += 1
            await desk.change(number, "NEW")
        await trio.sleep(2)


async def main() -> None:
    """Trade until a signal comes."""
    logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")
    venue = venues.BINANCE_USDM.at(f"http://{EXCHANGE}", f"ws://{EXCHANGE}")
    async with httpcore2.AsyncConnectionPool() as http, trio.open_nursery() as nursery:
        desk = Desk(partial(tell, http), lambda: int(time.time() * 1000))
        nursery.start_soon(stop_on_signal, nursery.cancel_scope)
        await run(venue, Credentials("test-api-key"), desk, partial(trade, desk))


trio.run(main)
