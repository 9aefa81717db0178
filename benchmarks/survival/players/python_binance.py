"""python-binance."""

from __future__ import annotations

import asyncio

from binance import AsyncClient, BinanceSocketManager

from trio_listenkey.testing import event_number

from ..part import API_KEY
from ._acting import RETRY_AFTER, Tape, play_in_asyncio, read_part


def main() -> None:
    part, tape = read_part(), Tape()
    settings = part.settings
    AsyncClient.FUTURES_URL = part.rest_url + "/fapi"
    BinanceSocketManager.FSTREAM_URL = part.stream_url + "/"

    async def consume(who: str) -> None:
        client = AsyncClient(API_KEY, "no-secret", requests_params={"timeout": settings.request_timeout})
        manager = BinanceSocketManager(client, user_timeout=settings.keepalive_every)
        # Handed on to websockets. Without this it would be 20 s.
        manager.ws_kwargs = {"ping_interval": settings.ping_every, "ping_timeout": settings.ping_every}
        try:
            async with manager.futures_user_socket() as socket:
                while True:
                    try:
                        message = await socket.recv()
                    except Exception as error:  # noqa: BLE001 - it is what the user gets
                        tape.told(who, error)
                        await asyncio.sleep(RETRY_AFTER)
                        continue
                    if message["e"] == "ORDER_TRADE_UPDATE":
                        tape.event(who, event_number(message))
                        await asyncio.sleep(tape.pause)
                    else:
                        tape.told(who, message)
        finally:
            await client.close_connection()

    play_in_asyncio(tape, part.consumers, consume)


if __name__ == "__main__":
    main()
