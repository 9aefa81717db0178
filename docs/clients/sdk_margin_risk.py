"""Binance's own SDK for margin trading's risk stream: binance-sdk-margin-trading."""

import asyncio
import os

from binance_common.configuration import ConfigurationRestAPI, ConfigurationWebSocketStreams
from binance_sdk_margin_trading.margin_trading import MarginTrading

REST = os.environ.get("EXCHANGE_REST", "http://127.0.0.1:8180")
WS = os.environ.get("EXCHANGE_WS", "ws://127.0.0.1:8180")

# [settings]
client = MarginTrading(
    config_rest_api=ConfigurationRestAPI(
        api_key="test-api-key", api_secret="any-secret", base_path=REST
    ),
    config_ws_streams=ConfigurationWebSocketStreams(stream_url=WS),
)
# [end]


async def main() -> None:
    key = client.rest_api.start_user_data_stream_v2().data().listen_key
    await client.websocket_streams.create_connection()
    stream = await client.websocket_streams.risk_data(key)
    stream.on("message", lambda event: print(event, flush=True))
    try:
        while True:
            await asyncio.sleep(1800)
            client.rest_api.keepalive_user_data_stream_v2(key)  # it does not do so by itself
    finally:
        await client.websocket_streams.close_connection()
        client.rest_api.close_user_data_stream_v2()


asyncio.run(main())
