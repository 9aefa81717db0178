"""How a key is shared: by which register, and how often those who share show that they live."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .._errors import UsageError
from ._register import Register

__all__ = ["SharedKey"]

_LONGEST_NAME = 100


@dataclass(frozen=True, slots=True)
class SharedKey:
    """One listen key for many processes and machines: pass it as ``sharing=``.

    All programs that share a key must use the same register, and should pass the same durations. One object can be used
    for all accounts of a program.

    Args:
        register: Where the programs coordinate: :class:`SQLiteRegister` for programs on one machine,
            :class:`RedisRegister` for programs on many, or your own. You close it.
        beat_every: Seconds between the heartbeats (beats) that each process writes. A process that died is replaced
            after ``patience + 1`` beats at most. More frequent beats cost requests to the register, but none to the
            exchange.
        patience: After how many of its own beats without a beat of another process a process presumes that
            one dead. A process that is paused for longer may lose its key: 20 seconds by default.
        account: The account's name among the programs, if they use **different API keys** of
            it; for example ``"main"``. Without it, programs with the same API key share.

    Raises:
        UsageError: An argument is wrong.
    """

    register: Register
    beat_every: float = 5.0
    patience: int = 4
    account: str | None = None

    def __post_init__(self) -> None:
        register: object = self.register
        if not isinstance(register, Register):
            raise UsageError(
                f"register is of type {type(register).__name__}",
                advice="Pass SQLiteRegister(path), RedisRegister(url), or an object with read, swap and aclose",
            )
        if not _is_number(self.beat_every) or not 0 < self.beat_every < math.inf:
            raise UsageError(f"beat_every is {self.beat_every!r}", advice="Pass seconds, more than 0")
        if not _is_number(self.patience) or not isinstance(self.patience, int) or self.patience < 2:
            raise UsageError(f"patience is {self.patience!r}", advice="Pass a number of beats, 2 or more")
        account: object = self.account
        if account is not None and not (isinstance(account, str) and 0 < len(account) <= _LONGEST_NAME):
            raise UsageError("account is no name", advice=f"Pass a text of up to {_LONGEST_NAME} characters, or None")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
