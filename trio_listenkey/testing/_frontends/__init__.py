"""Where clients reach the exchange: on loopback, and in memory.

::

    _serve             on a loopback port, with TLS or without
    _listening         accept clients for as long as a block lasts
    _http_server       one HTTP connection: h11 between bytes and replies
    _ws_server         one WebSocket: wsproto between bytes and a session
    _memory_transport  requests without sockets, for a virtual clock
    _memory_socket     a WebSocket without a network
    _memory_connector  the same behind the connector port
"""
