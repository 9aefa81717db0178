"""What the exchange remembers, and the values that its parts pass on.

::

    _keys         who has which listen key, and until when
    _accounts     whose each API key is
    _public_keys  signatures by Ed25519 and RSA
    _limits       request weight, rate limits and bans
    _emission     which account events happen, and when
    _reply        what is to be done with one request
"""
