"""Binance's own SDK for stocks: binance-sdk-stocks."""

import asyncio
import os

from binance_common.configuration import ConfigurationRestAPI, ConfigurationWebSocketStreams
from binance_sdk_stocks.stocks import Stocks

REST = os.environ.get("EXCHANGE_REST", "http://127.0.0.1:8180")
WS = os.environ.get("EXCHANGE_WS", "ws://127.0.0.1:8180")

# [settings]
client = Stocks(
    config_rest_api=ConfigurationRestAPI(
        api_key="test-api-key", api_secret="any-secret", base_path=REST
    ),
    config_ws_streams=ConfigurationWebSocketStreams(stream_url=f"{WS}/equity"),
)
# [end]


async def main() -> None:
    key = client.rest_api.create_renew_listen_key().data().listen_key
    await client.websocket_streams.create_connection()
    stream = await client.websocket_streams.order_report_stream(key)
    stream.on("message", lambda event: print(event, flush=True))
    try:
        while True:
            await asyncio.sleep(1800)
            client.rest_api.create_renew_listen_key()  # it does not do so by itself
    finally:
        await client.websocket_streams.close_connection()


asyncio.run(main())
