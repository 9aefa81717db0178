"""How each exchange speaks, told from its own documents.

::

    _binance             a listen-key endpoint as data, and those of Binance
    _binance_ws_api      Binance's streams that are asked for on the WebSocket API
    _others              the endpoints of the other exchanges
    _sisters             those of their sister exchanges and of their other products
    _stream_rules        how an exchange treats its private WebSockets, as data
    _stream_url          what a socket's URL asks for
    _events              the account events, and their numbers
    _product_events      those of Binance's options and portfolio margin, and of Aster's spot
    _other_events        the account events of the other exchanges
    _sister_events       those of the sisters, where they are others
    _subscriptions       subscribing to channels, in the words of each exchange
    _commands            Binance's SUBSCRIBE and its like
    _messages            what is said of keys and of the socket itself
    _heartbeat_messages  pings and pongs that are messages
"""
