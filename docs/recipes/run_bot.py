"""The bot at the local exchange: ``trio-listenkey exchange`` has to run."""

import logging
from contextlib import aclosing

import trio
from bot import Bot, run, stop_on_signal
from client import Client

from trio_listenkey import Credentials, venues
from trio_listenkey.transports import HTTPCore2Transport

EXCHANGE = "127.0.0.1:8180"


async def trade(bot: Bot) -> None:
    """Place an order every two seconds, when it is safe to."""
    while True:
        if bot.may_trade():
            await bot.place("BUY", "0.001", "50000")
        await trio.sleep(2)


async def main() -> None:
    """Trade until a signal comes."""
    logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")
    venue = venues.BINANCE_USDM.at(f"http://{EXCHANGE}", f"ws://{EXCHANGE}")
    credentials = Credentials("test-api-key", "test-api-secret")
    async with (
        aclosing(HTTPCore2Transport()) as transport,
        trio.open_nursery() as nursery,
    ):
        client = Client(venue, credentials, transport)
        nursery.start_soon(stop_on_signal, nursery.cancel_scope)
        await run(venue, credentials, client, trade, transport)


trio.run(main)
