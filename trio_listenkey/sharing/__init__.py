"""Registers: where the programs that share a key write down who they are.

Importing this module imports no engine; a register imports its own when its name is first used.

::

    _register    the port and its contract
    _memory      in memory, for tests
"""

from __future__ import annotations

from .._errors import RegisterAway, RegisterRefused
from ._memory import MemoryRegister
from ._register import MAX_DOCUMENT, Register

__all__ = [
    "MAX_DOCUMENT",
    "MemoryRegister",
    "Register",
    "RegisterAway",
    "RegisterRefused",
]

for _word in (MemoryRegister, Register, RegisterAway, RegisterRefused):
    _word.__module__ = __name__
del _word
