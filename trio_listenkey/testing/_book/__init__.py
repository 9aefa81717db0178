"""A small order book, enough for a bot to test what it makes of its orders.

There is no matching of one order with another: orders are filled when a test says so, or when the price that it sets
reaches them.

::

    _symbols         what is traded, and how its quantities and prices make values
    _markets         Binance's spot, USD-M and COIN-M futures, as far as they differ
    _refusals        why a request about orders is not served
    _orders          one order, and what happened to it
    _holdings        what an account has: balances and positions
    _order_shapes    orders as JSON: in answers, and in events
    _holding_shapes  balances and positions as JSON
    _market_shapes   what is traded, as JSON
    _account_book    the orders and holdings of one account at one market
    _books           those of all accounts, prices, and countdowns
    _order_book      what a test asks and commands
"""
