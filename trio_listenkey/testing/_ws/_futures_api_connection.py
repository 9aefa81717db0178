"""One socket of the WebSocket API of Binance's futures: it manages listen keys, and brings no events.

"WebSocket API General Info" and "User Data Streams" of USD-M and COIN-M, 2026: ``userDataStream.start``, ``.ping`` and
``.stop`` do what POST, PUT and DELETE do, for the API key that they name, unsigned. The request weight is that of REST.
"""

from __future__ import annotations

from dataclasses import replace

from .._dialects._binance import Dialect
from .._faults._effects import api_error
from .._state._keys import KeyLife, Keys, Place
from ._api_requests import ApiRequest, Refused, missing
from ._api_subscribers import ApiSubscribers
from ._session import ExchangePort
from ._ws_api_connection import Result, WsApiConnection, takes

__all__ = ["FuturesApiConnection"]


class FuturesApiConnection(WsApiConnection):
    """A socket of the futures' WebSocket API.

    Args:
        dialect: Whose listen keys it manages.
    """

    def __init__(
        self, exchange: ExchangePort, subscribers: ApiSubscribers, keys: Keys, dialect: Dialect, query: str, now: float
    ) -> None:
        # It goes by weight, and not by messages; pings and lifetime are those of the streams.
        rules = replace(dialect.stream, api=dialect.stream.key_api, messages_per_second=None)
        super().__init__(exchange, subscribers, dialect, rules, query, now)
        self._keys, self._usual_limit = keys, 2400
        for name in [name for name in self._methods if "ubscri" in name]:
            del self._methods[name]
        self._methods |= {
            "userDataStream.start": (1, self._start),
            "userDataStream.ping": (1, self._keep_alive),
            "userDataStream.stop": (1, self._stop),
        }

    def _start(self, request: ApiRequest, now: float) -> Result:
        place = self._place(request)
        living = self._keys.living(place, now)
        if not living:
            return {"listenKey": self._keys.create(place, now, self._dialect.key_length)}
        self._keys.renew_life(living[0], now)
        return {"listenKey": living[0].key}

    def _keep_alive(self, request: ApiRequest, now: float) -> Result:
        life = self._living(request, now)
        self._keys.renew_life(life, now)
        return {"listenKey": life.key}

    def _stop(self, request: ApiRequest, now: float) -> Result:
        self._keys.end_life(self._living(request, now), now)
        return {}

    def _living(self, request: ApiRequest, now: float) -> KeyLife:
        living = self._keys.living(self._place(request), now)
        if not living:
            raise Refused(self._dialect.refusals.gone)
        return living[0]

    def _place(self, request: ApiRequest) -> Place:
        api_key = request.params.get("apiKey")
        if not isinstance(api_key, str) or not api_key:
            raise Refused(missing("apiKey"))
        takes(request, "apiKey")
        account = self._subscribers.accounts.by_key.get(api_key)
        if account is None:
            raise Refused(api_error(401, -2015, "Invalid API-key, IP, or permissions for action."))
        return account, self._dialect.path
