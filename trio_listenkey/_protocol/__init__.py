"""Bytes to and from an exchange, as pure functions and machines without I/O, clock or randomness.

::

    _requests         the HTTP request for each verb of a venue
    _signing          signatures
    _same_event       which two messages are the same event, however it was written
    _responses        what an answer over HTTP means: one of the five outcomes
    _refusals         what codes and statuses mean, by whatever way they came
    _socket_protocol  what is said on a stream's socket besides events: subscriptions and heartbeats
    _ws_api           Binance's WebSocket API, where a stream is subscribed to by signature or token
"""
