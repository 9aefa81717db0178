"""Registers: where the programs that share a key write down that they do.

Importing this module imports no engine; a register imports its own when its name is first used.

::

    _shared_key     what is passed as sharing=
    _register       the port and its contract
    _one_run        whose a register is: one run of one process at a time
    _memory         in memory, for tests
    _sqlite         in a file, for one machine
    _sqlite_file    the file itself, in blocking calls
    _sqlite_errors  what goes wrong with it
    _redis          on a Redis or Valkey server, for many machines
    _redis_server   commands and answers, within bounds
    _redis_link     one connection
    _redis_errors   what goes wrong with it
    _redis_url      its address
    _from_url       a register by its URL
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .._errors import RegisterAway, RegisterRefused
from ._from_url import register_from_url
from ._memory import MemoryRegister
from ._register import MAX_DOCUMENT, Register
from ._shared_key import SharedKey

if TYPE_CHECKING:
    from ._redis import RedisRegister
    from ._sqlite import SQLiteRegister
else:
    # Hidden from type checkers: a __getattr__ here would mean to them that every name exists.
    def __getattr__(name: str) -> Any:
        """Import a register when its name is first used."""
        if name not in _HOME:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        register = globals()[name] = getattr(import_module(_HOME[name], __name__), name)
        return register


__all__ = [
    "MAX_DOCUMENT",
    "MemoryRegister",
    "RedisRegister",
    "Register",
    "RegisterAway",
    "RegisterRefused",
    "SQLiteRegister",
    "SharedKey",
    "register_from_url",
]

_HOME = {"RedisRegister": "._redis", "SQLiteRegister": "._sqlite"}


for _word in (MemoryRegister, Register, RegisterAway, RegisterRefused, SharedKey, register_from_url):
    _word.__module__ = __name__
del _word


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
