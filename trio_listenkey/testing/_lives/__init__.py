"""Generated lives: an account and its exchange through misfortunes, and a program that is walked through them.

::

    _effects      what goes wrong on each occasion, as texts of the fault language
    _life         a life: its lines, and what each says
    _environment  what a program under test is given
    _happening    what each line does at the exchange
    _walk         a program walked through a life
    _generation   Hypothesis strategies; the only file that needs Hypothesis
"""
