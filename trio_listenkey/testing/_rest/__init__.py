"""The REST API.

::

    _request     a request as the exchange understands it
    _rest_api    what it is answered, and what is done
    _signatures  how signed requests are verified
    _tokens      listen tokens
"""
