"""When something goes wrong: the small language of faults, and the script that counts them out."""

from __future__ import annotations

import math
import random
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from ..._errors import UsageError
from ._effects import Effect
from ._meanings import fits

__all__ = ["Fault", "FaultCounter", "Occasion", "RequestKind", "Script", "Verb"]

Verb = Literal["create", "keepalive", "close"]
Occasion = Literal["connect", "socket", "event", "api", "order"]
RequestKind = Literal["create", "keepalive", "close", "order"]
"""What a request on the REST API is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault: what goes wrong, and when.

    A request is a *candidate* if its verb, its account and its time fit. Candidates are counted from the moment
    the fault is added. Requests during a ban are not candidates: the exchange does not process them.

    Sockets have three occasions to be struck. Of ``"connect"``, each handshake is a candidate: its effect is a
    :class:`Status` (refused), :class:`Delay`, :class:`Hang`, :class:`Reset` or :class:`Garbage`. Of ``"event"``, each
    account event on its way to one socket: :class:`Drop`, :class:`Duplicate`, :class:`Delay`, or what can happen to
    the socket instead. Of ``"socket"``, each socket once, as soon as it is open and ``after`` has come:
    :class:`CloseSocket`, :class:`Reset`, :class:`HalfOpen`, :class:`Freeze`, :class:`Garbage` or :class:`KillKey`, at
    once or after a :class:`Delay`.

    Of ``"api"``, each request on the WebSocket API is a candidate. A :class:`Status` is an error on the socket, and
    nothing else is done; :class:`Limit` asks for silence there; :class:`WrongShape` is the whole message;
    :class:`Hang` leaves the request undone and unanswered, :class:`Drop` unanswered alone; :class:`Duplicate` answers
    it again, and :class:`Delay` late. The rest happens to the socket, just before.

    Of ``"order"``, each request over REST about orders, balances and positions is a candidate; its effects are those of
    other requests.

    If several faults match one candidate, the first that was added applies; the others only count it.

    Attributes:
        effect: What goes wrong.
        verb: ``"create"`` (POST), ``"keepalive"`` (PUT), ``"close"`` (DELETE), or ``"any"`` of these three;
            ``"connect"``, ``"socket"``, ``"event"``, ``"api"`` or ``"order"``.
        account: The account's name, or ``None`` for everyone.
        after: Not before this moment, in seconds of the exchange's time.
        until: Not at or after this moment.
        nth: Begin with the n-th candidate; the first is 1.
        count: Apply at most so often. By default once if ``nth`` is given, else without limit.
        probability: Apply to a candidate with this probability, drawn from the exchange's seed.
    """

    effect: Effect
    verb: Verb | Literal["any"] | Occasion = "any"
    account: str | None = None
    after: float = -math.inf
    until: float = math.inf
    nth: int | None = None
    count: int | None = None
    probability: float = 1.0

    def __post_init__(self) -> None:
        sane = (
            self.verb in {"any", *get_args(Verb), *get_args(Occasion)},
            self.after < self.until,
            self.nth is None or self.nth >= 1,
            self.count is None or self.count >= 1,
            0 <= self.probability <= 1,
        )
        if not all(sane):
            raise UsageError(
                f"{self} can never strike",
                advice='Pass verb "create", "keepalive", "close", "any", "connect", "socket", "event", "api" or '
                '"order"; after < until; nth and count of at least 1; a probability from 0 to 1',
            )
        if not fits(self.effect, self.verb):
            raise UsageError(
                f"{self.effect} cannot be done to verb={self.verb!r}", advice="See Fault for what each verb can have"
            )


class Script:
    """The faults of one exchange, each with its own count and its own dice."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._counters: list[FaultCounter] = []
        self._added = 0

    def add(self, faults: Iterable[Fault]) -> None:
        for fault in faults:
            # Dice of its own for each fault: adding one does not change when the others strike.
            dice = random.Random(f"{self._seed}/fault/{self._added}")  # noqa: S311 - it must be repeatable
            self._added += 1
            self._counters.append(FaultCounter(fault, dice))

    def clear(self) -> None:
        self._counters.clear()

    @property
    def next_start(self) -> float:
        """When the next fault of sockets begins that has not been announced by :meth:`begin`."""
        return min((each.fault.after for each in self._counters if each.waits), default=math.inf)

    def begin(self, now: float) -> None:
        """From now on, the faults of sockets whose time has come count as begun."""
        for counter in self._counters:
            counter.waits = counter.waits and counter.fault.after > now

    def meet(self, met: set[FaultCounter], accounts: Collection[str], now: float) -> Effect | None:
        """Show one socket to every fault of sockets that has begun and is not in ``met``; put those in that saw it."""
        begun = (each for each in self._counters if each.fault.verb == "socket" and not each.waits and each not in met)
        new = [each for each in begun if each.fault.account is None or each.fault.account in accounts]
        met.update(new)
        ready = [each for each in new if each.sees("socket", each.fault.account, now)]
        return ready[0].fire() if ready else None

    def strike(self, verb: Verb | Occasion, account: str | None, now: float) -> Effect | None:
        """Show one request, handshake or event to every fault, and return what the first that strikes does to it."""
        ready = [counter for counter in self._counters if counter.sees(verb, account, now)]
        return ready[0].fire() if ready else None


class FaultCounter:
    """A fault with its count and its dice.

    Attributes:
        fault: The fault.
        waits: Whether it is a fault of sockets whose time has not come yet.
    """

    def __init__(self, fault: Fault, dice: random.Random) -> None:
        self.fault = fault
        self.waits: bool = fault.verb == "socket"
        self._dice = dice
        self._seen = 0
        self._left = _strikes(fault)

    def sees(self, verb: Verb | Occasion, account: str | None, now: float) -> bool:
        fault = self.fault
        verbs = {verb, "any"} if verb in get_args(Verb) else {verb}
        if fault.verb not in verbs or fault.account not in {None, account}:
            return False
        if not fault.after <= now < fault.until:
            return False
        self._seen += 1
        return self._seen >= (fault.nth or 1) and self._left > 0 and self._dice.random() < fault.probability

    def fire(self) -> Effect:
        self._left -= 1
        return self.fault.effect


def _strikes(fault: Fault) -> float:
    if fault.count is not None:
        return fault.count
    return math.inf if fault.nth is None else 1
