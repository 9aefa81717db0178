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

    All who share a key must use the same register, and should pass the same durations. It is not bound to one account:
    the same object will do for all of a program's.

    Args:
        register: Where they write down that they share: :class:`SQLiteRegister` for programs on one machine,
            :class:`RedisRegister` for programs on many, or your own. It stays yours to close.
        beat_every: Seconds after which each process writes that it lives. A process that died is replaced after
            ``patience + 1`` beats at most; more beats cost more of the register, and nothing of the exchange.
        patience: Beats of one's own in which another process must not have moved before it is presumed dead. It bounds
            how long a process may be paused before its key may be closed under it: 20 seconds by default.
        account: What the account is called among those who share, where they use **different API keys** of it; for
            example ``"main"``. Without it, those who share are those who use the same API key.

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
