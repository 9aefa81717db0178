"""Makes long waits short, in a client that is run as it is: Python imports this first, by its name.

Waits of a minute and more, which are those for the next keepalive, take one 600th of their time: half an hour is three
seconds. All others take as long as ever, so that no request times out because of it.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from typing import Any

_LONG = 60.0
_FACTOR = 600.0


def _short(seconds: Any) -> Any:
    return seconds / _FACTOR if isinstance(seconds, int | float) and seconds >= _LONG else seconds


_call_later, _sleep, _wait = asyncio.BaseEventLoop.call_later, time.sleep, threading.Event.wait

# asyncio.sleep() and timeouts come this way, too.
asyncio.BaseEventLoop.call_later = (  # type: ignore[method-assign]
    lambda self, delay, *args, **kwargs: _call_later(self, _short(delay), *args, **kwargs)
)
time.sleep = lambda seconds: _sleep(_short(seconds))
threading.Event.wait = lambda self, timeout=None: _wait(self, _short(timeout))  # type: ignore[method-assign]

# Who looks at the clock again and again, instead of waiting, has to be shown another one.
if "HURRIED_CLOCK" in os.environ:
    _begun = time.time()
    _time = time.time
    time.time = lambda: _begun + (_time() - _begun) * _FACTOR

if "HURRIED_TRIO" in os.environ:
    import trio

    _trio_sleep = trio.sleep
    trio.sleep = lambda seconds: _trio_sleep(_short(seconds))
