"""The sans-I/O core: what to do and when, from what was answered. No socket, no clock, no ``async``, no chance.

::

    _state      the states of a key and every transition between them, as one table
    _outcomes   what became of a request, as values
    _backoff    how long to wait before another try
    _neighbours who else shares this host's patience and this account's key
    _venue      what differs between exchanges, as data
    _requests   the bytes to send, per venue
    _answers    what an answer means, per venue
    _lifecycle  all of it together: what happened and ``now`` in; the next request and the next deadline out
"""
