"""The REST API.

::

    _request       a request as the exchange understands it
    _rest_api      what it is answered, and what is done
    _order_api     ... if it is about orders, balances and positions
    _order_fields  the parameters of these
    _public_api    ... if it is a question that anybody may ask
    _signatures    how signed requests are verified
    _tokens        listen tokens
"""
