"""When something goes wrong: the small language of faults, and the script that counts them out."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from .._errors import UsageError
from ._effects import Effect

__all__ = ["Fault", "Script", "Verb"]

Verb = Literal["create", "keepalive", "close"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that goes wrong, and when.

    A request is a *candidate* if its verb, its account and its time fit. Candidates are counted from the moment
    the fault is added. Requests during a ban are none: the exchange does not look at them.

    Where several faults would strike one request, the first that was added does; the others only count.

    Attributes:
        effect: What goes wrong.
        verb: ``"create"`` (POST), ``"keepalive"`` (PUT), ``"close"`` (DELETE), or ``"any"``.
        account: The account's name, or ``None`` for everyone.
        after: Not before this moment, in seconds of the exchange's time.
        until: Not at or after this moment.
        nth: Begin with the n-th candidate; the first is 1.
        count: Strike at most so often. Without it once if ``nth`` is given, else without limit.
        probability: Strike a candidate with this probability, drawn from the exchange's seed.
    """

    effect: Effect
    verb: Verb | Literal["any"] = "any"
    account: str | None = None
    after: float = -math.inf
    until: float = math.inf
    nth: int | None = None
    count: int | None = None
    probability: float = 1.0

    def __post_init__(self) -> None:
        sane = (
            self.verb in {"any", *get_args(Verb)},
            self.after < self.until,
            self.nth is None or self.nth >= 1,
            self.count is None or self.count >= 1,
            0 <= self.probability <= 1,
        )
        if not all(sane):
            raise UsageError(
                f"{self} can never strike",
                advice='Pass verb "create", "keepalive", "close" or "any"; after < until; nth and count of at '
                "least 1; a probability from 0 to 1",
            )


class Script:
    """The faults of one exchange, each with its own count and its own dice."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._armed: list[_Armed] = []
        self._added = 0

    def add(self, faults: Iterable[Fault]) -> None:
        for fault in faults:
            # Dice of its own for each fault: adding one does not change when the others strike.
            dice = random.Random(f"{self._seed}/fault/{self._added}")  # noqa: S311 - it must be repeatable
            self._added += 1
            self._armed.append(_Armed(fault, dice))

    def clear(self) -> None:
        self._armed.clear()

    def strike(self, verb: Verb, account: str | None, now: float) -> Effect | None:
        """Show one request to every fault, and return what the first that strikes does to it."""
        ready = [armed for armed in self._armed if armed.sees(verb, account, now)]
        return ready[0].fire() if ready else None


class _Armed:
    def __init__(self, fault: Fault, dice: random.Random) -> None:
        self._fault = fault
        self._dice = dice
        self._seen = 0
        self._left = _strikes(fault)

    def sees(self, verb: Verb, account: str | None, now: float) -> bool:
        fault = self._fault
        if fault.verb not in {"any", verb} or fault.account not in {None, account}:
            return False
        if not fault.after <= now < fault.until:
            return False
        self._seen += 1
        return self._seen >= (fault.nth or 1) and self._left > 0 and self._dice.random() < fault.probability

    def fire(self) -> Effect:
        self._left -= 1
        return self._fault.effect


def _strikes(fault: Fault) -> float:
    if fault.count is not None:
        return fault.count
    return math.inf if fault.nth is None else 1
