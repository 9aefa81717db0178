"""Places and cancels orders at Binance's USD-M futures, as a client of yours does."""

import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from trio_listenkey import Credentials, Venue
from trio_listenkey.resync import Order, read_order
from trio_listenkey.transports import Request, Transport, TransportError


class Client:
    """Both methods raise OSError if there is no answer, or if it is a refusal."""

    def __init__(
        self,
        venue: Venue[Any],
        credentials: Credentials,
        transport: Transport,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._url = venue.rest_url
        self._headers = (("X-MBX-APIKEY", credentials.api_key),)
        self._secret = (credentials.api_secret or "").encode()
        self._transport = transport
        self._clock = clock

    async def place(self, symbol: str, side: str, quantity: str, price: str) -> Order:
        """Place a limit order."""
        order = {"symbol": symbol, "side": side, "quantity": quantity, "price": price}
        order |= {"type": "LIMIT", "timeInForce": "GTC"}
        return read_order(await self._send("POST", "/fapi/v1/order", order))

    async def cancel_all(self, symbol: str) -> None:
        """Cancel every open order; that they are cancelled is for the stream to say."""
        await self._send("DELETE", "/fapi/v1/allOpenOrders", {"symbol": symbol})

    async def _send(self, method: str, path: str, fields: dict[str, str]) -> Any:
        query = urlencode({**fields, "timestamp": int(self._clock() * 1000)})
        signature = hmac.new(self._secret, query.encode(), hashlib.sha256).hexdigest()
        url = f"{self._url}{path}?{query}&signature={signature}"
        try:
            answer = await self._transport.request(Request(method, url, self._headers))
        except TransportError as error:
            raise OSError(str(error)) from None
        if answer.status != 200:
            raise OSError(f"HTTP {answer.status}: {answer.body.decode()}")
        return json.loads(answer.body)
