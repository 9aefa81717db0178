"""What goes wrong, and when.

::

    _effects   what can go wrong with one request or socket, as data
    _meanings  what each effect means on each occasion: the one table
    _script    when a fault strikes: its count, its window and its dice
"""
