"""Binance's own SDK for COIN-M futures: binance-sdk-derivatives-trading-coin-futures."""

import asyncio
import os

from binance_common.configuration import ConfigurationRestAPI, ConfigurationWebSocketStreams
from binance_sdk_derivatives_trading_coin_futures.derivatives_trading_coin_futures import (
    DerivativesTradingCoinFutures,
)

REST = os.environ.get("EXCHANGE_REST", "http://127.0.0.1:8180")
WS = os.environ.get("EXCHANGE_WS", "ws://127.0.0.1:8180")

# [settings]
client = DerivativesTradingCoinFutures(
    config_rest_api=ConfigurationRestAPI(
        api_key="test-api-key", api_secret="any-secret", base_path=REST
    ),
    config_ws_streams=ConfigurationWebSocketStreams(stream_url=WS),
)
# [end]


async def main() -> None:
    key = client.rest_api.start_user_data_stream().data().listen_key
    await client.websocket_streams.create_connection()
    stream = await client.websocket_streams.user_data(key)
    stream.on("message", lambda event: print(event, flush=True))
    try:
        while True:
            await asyncio.sleep(1800)
            client.rest_api.keepalive_user_data_stream()  # it does not do so by itself
    finally:
        await client.websocket_streams.close_connection()
        client.rest_api.close_user_data_stream()


asyncio.run(main())
