"""What differs between exchanges, as types. The exchanges themselves are in ``venues``.

::

    _codes         what error codes mean, and those of Binance's engine
    _parts         how to make a request, read an answer, keep a stream's URL and heartbeats
    _venue         Venue: an exchange whose accounts have listen keys or tokens
    _signed_venue  SignedVenue: an exchange whose streams are opened by a signature, without a key
    _summary       the facts of a venue in words, for documentation and command line
"""
