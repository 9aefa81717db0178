"""An account's orders, balances and positions, right again after every gap.

::

    orders = Orders()
    queries = BinanceQueries(venue, credentials)
    async with open_user_stream(venue, credentials) as stream:
        async for item in stream:
            match item:
                case Gap():
                    changes = await catch_up(orders, item, queries, symbols=["BTCUSDT"])
                case UserEvent():
                    changes = orders.take(item)

A map of the files::

    _words            what is said of an order, a balance, a position; and what is changed by that
    _fields           fields of an exchange's JSON, as what they should be
    _events           what events say
    _answers          what answers to queries say
    _shelf            the newest word on each of many things
    _known            all that is known of an account
    _questions        what is asked after a gap
    _asking           which of these, one after the other
    _orders           Orders, for users
    _queries          the port through which an exchange is asked
    _binance_markets  where Binance is asked, and what that costs
    _binance          BinanceQueries
    _catch_up         the asking itself

Up to ``_queries`` there is no I/O in it, no clock and no chance.
"""

from ._answers import read_order as read_order
from ._asking import Asking as Asking
from ._binance import BinanceQueries as BinanceQueries
from ._catch_up import catch_up as catch_up
from ._orders import Orders as Orders
from ._queries import OrderQueries as OrderQueries
from ._questions import (
    AskHoldings as AskHoldings,
    AskOpenOrders as AskOpenOrders,
    AskOrder as AskOrder,
    AskPastOrders as AskPastOrders,
)
from ._words import (
    Balance as Balance,
    Change as Change,
    Changes as Changes,
    Holdings as Holdings,
    Order as Order,
    PastOrders as PastOrders,
    Position as Position,
)

__all__ = [
    "AskHoldings",
    "AskOpenOrders",
    "AskOrder",
    "AskPastOrders",
    "Asking",
    "Balance",
    "BinanceQueries",
    "Change",
    "Changes",
    "Holdings",
    "Order",
    "OrderQueries",
    "Orders",
    "PastOrders",
    "Position",
    "catch_up",
    "read_order",
]

# Tracebacks, pickles and the documentation name things by where users find them, not by the file they are in.
for _name in __all__:
    globals()[_name].__module__ = __name__
del _name
