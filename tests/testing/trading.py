"""A client that trades, written out here so that nothing of ours but the exchange is tested."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any
from urllib.parse import urlencode

from trio_listenkey._http import Request
from trio_listenkey.testing import COINM, SPOT_CLASSIC, USDM, Dialect, Exchange, Reply, Session
from trio_listenkey.testing._ws._frames import Text

API_KEY, SECRET = "an-api-key-of-alice", "a-secret-of-alice"
PREFIX = {USDM: "/fapi/v1", COINM: "/dapi/v1", SPOT_CLASSIC: "/api/v3"}
SYMBOL = {USDM: "BTCUSDT", COINM: "BTCUSD_PERP", SPOT_CLASSIC: "BTCUSDT"}
MARKETS = list(PREFIX)


def open_exchange(**kwargs: Any) -> Exchange:
    exchange = Exchange(**{"seed": 1, "epoch": 1_793_491_200.0, **kwargs})
    exchange.add_account(API_KEY, name="alice", secret=SECRET)
    return exchange


class Trader:
    """Alice at one market, with a socket that hears her events."""

    def __init__(self, dialect: Dialect, exchange: Exchange | None = None) -> None:
        self.dialect, self.exchange = dialect, open_exchange() if exchange is None else exchange
        self.symbol = SYMBOL[dialect]
        self.now = 1000.0
        key = self.exchange.replace_key("alice", self.now, dialect=dialect)
        session = self.exchange.connect(f"{'/private' if dialect is USDM else ''}/ws/{key}", self.now)
        assert isinstance(session, Session)
        self.session = session
        if dialect is SPOT_CLASSIC:
            for asset in ("BTC", "USDT"):
                self.exchange.book.deposit("alice", asset, 10_000_000, self.now, dialect=dialect)
            self.heard()

    @property
    def ms(self) -> int:
        return int(self.exchange.unix_time(self.now) * 1000)

    def send(self, method: str, path: str, **fields: Any) -> Reply:
        """A signed request; ``path`` is below the market's prefix, or whole."""
        whole = path if path.count("/") > 1 else PREFIX[self.dialect] + path
        query = urlencode({"timestamp": self.ms} | fields)
        signature = hmac.new(SECRET.encode(), query.encode(), hashlib.sha256).hexdigest()
        url = f"https://exchange.test{whole}?{query}&signature={signature}"
        return self.exchange.handle(Request(method, url, (("X-MBX-APIKEY", API_KEY),)), self.now)

    def ask(self, method: str, path: str, **fields: Any) -> Any:
        """The JSON of a success."""
        reply = self.send(method, path, **fields)
        assert reply.status == 200, reply.body
        return json.loads(reply.body)

    def refused(self, method: str, path: str, **fields: Any) -> tuple[int, int]:
        """Status and code of a refusal."""
        reply = self.send(method, path, **fields)
        assert reply.status != 200, reply.body
        return reply.status, json.loads(reply.body)["code"]

    def place(self, side: str = "BUY", quantity: str = "10", price: str | None = "50000", **fields: Any) -> Any:
        order = {"symbol": self.symbol, "side": side, "quantity": quantity}
        kind = {"type": "MARKET"} if price is None else {"type": "LIMIT", "timeInForce": "GTC", "price": price}
        return self.ask("POST", "/order", **(order | kind | fields))

    def order(self, number: int) -> Any:
        return self.ask("GET", "/order", symbol=self.symbol, orderId=number)

    def heard(self) -> list[Any]:
        """The events since the last time."""
        return [json.loads(frame.data) for frame in self.session.due(self.now) if isinstance(frame, Text)]

    def orders_heard(self) -> list[Any]:
        """Of these, what happened to orders: the order's part."""
        return orders_in(self.heard())


def orders_in(events: list[Any]) -> list[Any]:
    """What happened to orders: of a futures event, its inner part."""
    told = [each for each in events if each["e"] in {"ORDER_TRADE_UPDATE", "executionReport"}]
    return [each["o"] if each["e"] == "ORDER_TRADE_UPDATE" else each for each in told]
