"""``trio-listenkey doctor``: a check-up of everything between this machine and an account's stream.

::

    _command            the command and its options, and how its results are shown
    _checkup            what it does everywhere, ...
    _key_checkup        ... where there are listen keys or tokens, ...
    _session_checkup    ... and where there are none
    _network_steps      the steps to a host: its name, TCP, TLS, and what time it is there
    _subscription       what it says on the WebSocket API
    _results            the steps there are, and what each came to
"""

from __future__ import annotations

from ._command import doctor

__all__ = ["doctor"]
