"""What a program under test is given: an exchange in memory, and the ways to it."""

from __future__ import annotations

import time

import trio

from ..._settings import Credentials
from ..._venue._signed_venue import SignedVenue
from ..._venue._venue import Venue
from .._book._markets import SPOT_MARKET, market_of
from .._dialects._binance import Dialect
from .._exchange import Exchange
from .._frontends._memory_connector import MemoryConnector
from .._frontends._memory_transport import MemoryTransport

__all__ = ["Environment"]

_LOG_SIZE = 200  # requests; what came before is not looked at, and a long life has many
_FUNDS = 10**9


class Environment:
    """An exchange in memory with one account, and what a program needs to reach it.

    ``live`` makes one for each life, and hands it to the program and to its checks.

    Attributes:
        exchange: The exchange. It remembers the last 200 requests.
        account: The account's name there, ``"test"``.
        venue: The venue, at an address that does not exist, so that nothing asks the real one.
        credentials: What the exchange lets in.
        transport: The way to the REST API; for ``open_user_stream(transport=...)`` and for requests of your own.
        connector: The way to the sockets; for ``open_user_stream(connector=...)``.
        symbol: What the account's orders are in; ``None`` where the exchange takes no orders.
    """

    def __init__(self, venue: Venue | SignedVenue, dialect: Dialect, *, latency: float, skew: float) -> None:
        credentials = Credentials("test-api-key", "test-api-secret")
        self.exchange: Exchange = Exchange(
            seed=1, dialects=[dialect], epoch=time.time() - trio.current_time() + skew, log_size=_LOG_SIZE
        )
        self.account: str = self.exchange.add_account(credentials.api_key, name="test", secret=credentials.api_secret)
        self.venue: Venue | SignedVenue = venue.at("https://exchange.test", "wss://exchange.test")
        self.credentials = credentials
        self.transport: MemoryTransport = MemoryTransport(self.exchange, latency=latency)
        self.connector: MemoryConnector = MemoryConnector(self.exchange, latency=latency)
        market = market_of(dialect)
        self.symbol: str | None = None if market is None else market.symbols[0].name
        if market is SPOT_MARKET:  # elsewhere no order is refused for want of funds
            self.exchange.book.deposit(self.account, "USDT", _FUNDS, trio.current_time())
        self._skew = skew

    def unix_time(self) -> float:
        """What this machine's clock says, in seconds: the exchange's time without the life's ``skew``.

        Under a virtual clock, ``time.time()`` stands still.
        """
        return self.exchange.unix_time(trio.current_time()) - self._skew

    @property
    def is_reached(self) -> bool:
        """Whether a program has a key or a socket at the exchange."""
        now = trio.current_time()
        return bool(self.exchange.open_keys(now) or self.exchange.sockets(now))
