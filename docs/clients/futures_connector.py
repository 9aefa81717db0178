"""binance-futures-connector, at USD-M futures."""

import os
import time

from binance.um_futures import UMFutures
from binance.websocket.um_futures.websocket_client import UMFuturesWebsocketClient

REST = os.environ.get("EXCHANGE_REST", "http://127.0.0.1:8180")
WS = os.environ.get("EXCHANGE_WS", "ws://127.0.0.1:8180")

# [settings]
client = UMFutures(key="test-api-key", base_url=REST)
stream = UMFuturesWebsocketClient(
    stream_url=f"{WS}/private", on_message=lambda _, message: print(message, flush=True)
)
# [end]

key = client.new_listen_key()["listenKey"]
stream.user_data(key)
try:
    while True:
        time.sleep(1800)
        client.renew_listen_key(key)  # it does not do so by itself
finally:
    stream.stop()
    client.close_listen_key(key)
