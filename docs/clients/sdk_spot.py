"""Binance's own SDK for spot: binance-sdk-spot."""

import asyncio
import os

from binance_common.configuration import ConfigurationWebSocketAPI
from binance_sdk_spot.spot import Spot

WS = os.environ.get("EXCHANGE_WS", "ws://127.0.0.1:8180")

# [settings]
client = Spot(
    config_ws_api=ConfigurationWebSocketAPI(
        api_key="test-api-key", api_secret="any-secret", stream_url=f"{WS}/ws-api/v3"
    )
)
# [end]


async def main() -> None:
    await client.websocket_api.create_connection()
    answer = await client.websocket_api.user_data_stream_subscribe_signature()
    answer.stream.on("message", lambda event: print(event, flush=True))
    try:
        await asyncio.Event().wait()
    finally:
        await client.websocket_api.close_connection()


asyncio.run(main())
