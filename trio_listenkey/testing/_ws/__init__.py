"""The private WebSockets and the WebSocket API, from the exchange's side and without I/O.

::

    _sockets                 all of them: who is connected, and what reaches whom
    _session                 one of them: what all kinds have in common
    _key_connection          one for listen keys
    _ws_api_connection       one of the WebSocket API
    _futures_api_connection  one of that of the futures, which manages listen keys
    _api_subscribers         what all sockets of the WebSocket API have in common
    _api_requests            requests on the WebSocket API, and answers
    _api_signatures          how these are signed
    _heartbeat               when to ping, and until when to be answered
    _send_queue              what is still to be sent, and from when on
    _frames                  what a front end has to send
    _subscription            one key on one socket
"""
