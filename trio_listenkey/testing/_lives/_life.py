"""A life of an account and its exchange, as lines of text that can be read, written by hand, and walked through."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from ..._errors import UsageError
from .._control._fault_json import fault_from_json
from .._faults._effects import Limit
from .._faults._meanings import fits
from ._effects import effect_from_text

__all__ = ["Life", "Step"]

_USUAL_LATENCY = 0.01
_WHAT_IS_UNPLUGGED = ("requests", "sockets", "both", "cable")


@dataclass(frozen=True, slots=True)
class Step:
    """One line: its first word, or ``"fault"``, and what it says beyond that."""

    word: str
    arguments: tuple[Any, ...] = ()


class Life:
    """What happens to an account and at its exchange, one line after the other.

    ::

        Life(
            "latency 0.2",                      # requests take so long each way, and handshakes, all the time
            "skew -3",                          # the exchange's clock is so far ahead of this machine's, all the time
            "connect*3=service_unavailable",    # a fault in one line: from now on this goes wrong, too
            "wait 65",                          # nothing happens for so long
            "events 3",                         # so many things happen on the account, at once
            "place",                            # an order is placed elsewhere
            "partly 1",                         # half of what is left of the first open order is filled
            "fill 1",                           # all of it; also "cancel 1" and "expire 1"
            "kill_key",                         # another program closes the key, without a message
            "expire_key",                       # it ends, and its sockets are told
            "replace_key",                      # somebody closes it and has another
            "ban banned:300",                   # a rate limit or ban
            "strike HalfOpen",                  # this happens to every open socket
            "restart 5",                        # in so many seconds every socket is closed
            "freeze 8",                         # the exchange does nothing for so long
            "unplug both 40",                   # nothing can be reached: "requests", "sockets", "both", or
        )                                       # "cable", which takes the open sockets with it

    Orders are counted round: the third of two open orders is the first. Where none is open, nothing happens.

    Two of the same lines are equal.

    Args:
        lines: The lines; times are in seconds.

    Attributes:
        lines: The same.
        steps: What they say, ``latency`` and ``skew`` left out.
        latency: Seconds; 0.01 if no line says so. Without any, everything would happen at one moment.
        skew: Seconds; 0 if no line says so.

    Raises:
        UsageError: A line says nothing.
    """

    def __init__(self, *lines: str) -> None:
        told = [_step(line) for line in lines]
        settings = {step.word: step.arguments[0] for step in told if step.word in _SETTINGS}
        self.lines: tuple[str, ...] = lines
        self.steps: tuple[Step, ...] = tuple(step for step in told if step.word not in _SETTINGS)
        self.latency: float = settings.get("latency", _USUAL_LATENCY)
        self.skew: float = settings.get("skew", 0.0)

    def __eq__(self, other: object) -> bool:
        return self.lines == other.lines if isinstance(other, Life) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.lines)

    def __str__(self) -> str:
        return "\n".join(self.lines)

    def __repr__(self) -> str:
        """Python that makes the same life again: what a failed test prints can be pasted into the next."""
        if len(self.lines) < 2:
            return f"Life({', '.join(map(repr, self.lines))})"
        return "\n".join(["Life(", *(f"    {line!r}," for line in self.lines), ")"])

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:
        # Hypothesis would show how its strategy made the life, not the life.
        for number, line in enumerate(repr(self).splitlines()):
            if number:
                printer.break_()
            printer.text(line)


def _step(line: str) -> Step:
    word, _, rest = line.strip().partition(" ")
    if word not in _WORDS:
        return Step("fault", (_fault(line),))
    readers = _WORDS[word]
    texts = rest.split(None, len(readers) - 1) if readers else rest.split()
    if len(texts) != len(readers):
        raise UsageError(f"{line[:80]!r} has no {len(readers)} words after its first", advice="See Life")
    return Step(word, tuple(read(text, line) for read, text in zip(readers, texts, strict=True)))


def _fault(line: str) -> Any:
    if "=" not in line:
        raise UsageError(f"{line[:80]!r} is no line of a life", advice=f"Write a fault, or: {', '.join(_WORDS)}")
    return fault_from_json(line)


def _number(text: str, line: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise UsageError(f"{line[:80]!r}: {text[:40]!r} is no number", advice="Pass seconds")
    return number


def _seconds(text: str, line: str) -> float:
    number = _number(text, line)
    if number < 0:
        raise UsageError(f"{line[:80]!r}: {text[:40]} is less than no time", advice="Pass seconds")
    return number


def _count(text: str, line: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 1_000_000:
        raise UsageError(f"{line[:80]!r}: {text[:40]!r} is no count", advice="Pass a whole number from 1")
    return int(text)


def _ban(text: str, line: str) -> Any:
    return effect_from_text(text, Limit, line[:80])


def _strike(text: str, line: str) -> Any:
    effect = effect_from_text(text, where=line[:80])
    if not fits(effect, "socket"):
        raise UsageError(f"{line[:80]!r} cannot be done to a socket", advice='See Fault, verb="socket"')
    return effect


def _unplugged(text: str, line: str) -> str:
    if text not in _WHAT_IS_UNPLUGGED:
        raise UsageError(f"{line[:80]!r}: that is not unplugged", advice=f"Pass one of {_WHAT_IS_UNPLUGGED}")
    return text


_SETTINGS: Final = ("latency", "skew")
_WORDS: Final[dict[str, tuple[Callable[[str, str], Any], ...]]] = {
    "latency": (_seconds,),
    "skew": (_number,),
    "wait": (_seconds,),
    "events": (_count,),
    "place": (),
    "partly": (_count,),
    "fill": (_count,),
    "cancel": (_count,),
    "expire": (_count,),
    "kill_key": (),
    "expire_key": (),
    "replace_key": (),
    "ban": (_ban,),
    "strike": (_strike,),
    "restart": (_seconds,),
    "freeze": (_seconds,),
    "unplug": (_unplugged, _seconds),
}
"""What a line can begin with, and how each word after that is read."""
