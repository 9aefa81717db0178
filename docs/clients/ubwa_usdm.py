"""unicorn-binance-websocket-api, at USD-M futures."""

import os
import time

from unicorn_binance_rest_api import BinanceRestApiManager
from unicorn_binance_websocket_api import BinanceWebSocketApiManager

REST = os.environ.get("EXCHANGE_REST", "http://127.0.0.1:8180")
WS = os.environ.get("EXCHANGE_WS", "ws://127.0.0.1:8180")

# [settings]
# Whichever product it is for, it asks spot for the time.
BinanceRestApiManager.API_URL = f"{REST}/api"
BinanceRestApiManager.FUTURES_URL = f"{REST}/fapi"
rest = BinanceRestApiManager("test-api-key", "any-secret", tld="", warn_on_update=False)
manager = BinanceWebSocketApiManager(
    exchange="binance.com-futures", websocket_base_uri=f"{WS}/", warn_on_update=False
)
manager.restclient.ubra = (
    rest  # 2.16.1 does not pass on its arguments restful_base_uri and ubra_manager
)
# [end]

stream = manager.create_stream(
    "arr", "!userData", api_key="test-api-key", api_secret="any-secret", process_stream_data=print
)
try:
    while not manager.is_manager_stopping():
        time.sleep(1)
finally:
    manager.stop_manager()
