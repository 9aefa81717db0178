"""HTTP transports: the default one, and adapters for a client that you have already.

Importing this module imports no HTTP library; an adapter imports its own when it is first asked for.

::

    _base       the port and its contract
    _adapter    what every adapter has to do: count bytes, translate errors, track what was sent
    _httpcore2  the default
    _asks       for a session of asks
    _anyio3     makes the anyio that asks pins work on current trio
    _httpx      for a client of httpx or httpx2
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .._errors import TransportError
from .._http import Request, Response
from ._base import MAX_BODY, Transport

if TYPE_CHECKING:
    from ._asks import AsksTransport
    from ._httpcore2 import HTTPCore2Transport
    from ._httpx import HTTPXTransport
else:
    # Hidden from type checkers: a __getattr__ here would mean to them that every name exists.
    def __getattr__(name: str) -> Any:
        """Import an adapter when its name is first used."""
        if name not in _HOME:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        adapter = globals()[name] = getattr(import_module(_HOME[name], __name__), name)
        adapter.__module__ = __name__  # where users find it; see the package's own __init__
        return adapter


__all__ = [
    "MAX_BODY",
    "AsksTransport",
    "HTTPCore2Transport",
    "HTTPXTransport",
    "Request",
    "Response",
    "Transport",
    "TransportError",
]

_HOME = {"AsksTransport": "._asks", "HTTPCore2Transport": "._httpcore2", "HTTPXTransport": "._httpx"}


for _word in (Request, Response, Transport, TransportError):
    _word.__module__ = __name__
del _word


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
