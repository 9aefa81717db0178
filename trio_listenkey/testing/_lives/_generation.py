"""Hypothesis strategies of faults, of account histories, of timings, and of lives that are made of these."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

from ..._errors import UsageError
from .._control._fault_json import fault_from_json
from .._faults._script import Fault
from ._effects import AT_HANDSHAKES, AT_KEEPALIVES, AT_REQUESTS, AT_SOCKETS, BANS, ON_THE_API
from ._life import Life

try:
    from hypothesis import strategies as st
except ImportError as error:
    raise ModuleNotFoundError(
        "trio_listenkey.testing.strategies needs Hypothesis: pip install 'trio-listenkey[testing]' hypothesis",
        name=error.name,
    ) from None

__all__ = ["account_histories", "exchange_timings", "fault_scripts", "faults", "lives"]

Occasion = Literal["create", "keepalive", "any", "connect", "socket", "event", "api", "order"]

# The simplest first: what Hypothesis makes of an example that fails tends to the first of each.
_WHO: Final[dict[Occasion, tuple[str, ...]]] = {
    "connect": AT_HANDSHAKES,
    "socket": AT_SOCKETS,
    "event": AT_SOCKETS,
    "keepalive": AT_KEEPALIVES,
    "create": AT_REQUESTS,
    "any": AT_REQUESTS,
    "api": ON_THE_API,
    "order": AT_REQUESTS,
}
_USUAL: Final[tuple[Occasion, ...]] = ("connect", "socket", "event", "keepalive", "create", "any")
_WAITS: Final = (1, 0.1, 8, 21, 65, 400, 2000)
_LATENCIES: Final = (0.01, 0.2, 3.5)
_SKEWS: Final = (0, 0.4, -0.4)
_STARTS: Final = (60, 600, 3500, 7200)


def faults(*occasions: Occasion) -> st.SearchStrategy[Fault]:
    """Faults that a client which does everything right gets over.

    Each strikes once or a few times, soon after it is added. A failed test shows it in one line:
    ``fault_from_json('keepalive#2*3=Reset')``.

    Args:
        occasions: What is struck, of ``"create"``, ``"keepalive"``, ``"any"`` of these and a close, ``"connect"``,
            ``"socket"``, ``"event"``, ``"api"`` and ``"order"``; without any, all but the last two. See
            :class:`~trio_listenkey.testing.Fault`.

    Raises:
        UsageError: There is no such occasion.
    """
    return _fault_lines(*occasions).map(fault_from_json)


def fault_scripts(*occasions: Occasion, max_size: int = 6) -> st.SearchStrategy[list[Fault]]:
    """Lists of faults for ``Exchange(faults=...)``, some of which wait for minutes or hours, and end again.

    Args:
        occasions: As in :func:`faults`.
        max_size: How many faults there are at most.
    """
    start = st.sampled_from(_STARTS)
    window = st.builds(lambda after, seconds: f"@{after}..{after + seconds}", start, st.sampled_from((60, 600)))
    lines = _fault_lines(*occasions, windows=st.just("") | window)
    return st.lists(lines.map(fault_from_json), max_size=max_size)


def account_histories(*, orders: bool = True, max_size: int = 30) -> st.SearchStrategy[list[str]]:
    """What happens to an account and its exchange without any fault of a request, as lines of a :class:`Life`.

    There are orders or events, keys that end, are closed or replaced by others, bans, sockets that are struck,
    restarts, frozen exchanges and unplugged cables, with time between them.

    Args:
        orders: Whether orders are placed, filled, canceled and expire, which the exchange's order book knows: that of
            Binance's spot, USD-M or COIN-M. Else there are events with numbers, as of ``Exchange.emit``.
        max_size: How many lines there are at most.
    """
    return st.lists(_history_lines(orders=orders), max_size=max_size)


def exchange_timings(
    *, latencies: Sequence[float] = _LATENCIES, skews: Sequence[float] = _SKEWS
) -> st.SearchStrategy[list[str]]:
    """How far away an exchange is and what its clock says, as lines of a :class:`Life`.

    Args:
        latencies: Seconds that requests take each way, and handshakes.
        skews: Seconds by which the exchange's clock is ahead of this machine's.
    """
    latency = st.sampled_from(latencies).map("latency {}".format)
    return st.tuples(latency, st.sampled_from(skews).map("skew {}".format)).map(list)


def lives(
    *,
    occasions: Sequence[Occasion] = _USUAL,
    orders: bool = True,
    max_size: int = 30,
    latencies: Sequence[float] = _LATENCIES,
    skews: Sequence[float] = _SKEWS,
) -> st.SearchStrategy[Life]:
    """Whole lives: account histories with faults among them, at an exchange with some timing.

    ``Life("kill_key", "wait 65")`` is what a failed test shows; write it into ``@example``, and it is tried each time.

    Args:
        occasions: What faults strike; as in :func:`faults`.
        orders: As in :func:`account_histories`.
        max_size: How many lines there are at most, but for those of the timing.
        latencies: As in :func:`exchange_timings`.
        skews: As in :func:`exchange_timings`.
    """
    lines = st.none() | _history_lines(orders=orders) | _history_lines(orders=orders) | _fault_lines(*occasions)
    # Long ones, that nevertheless become short when Hypothesis makes nothing of a line.
    steps = st.lists(lines, min_size=min(8, max_size), max_size=max_size)
    return st.builds(_life, exchange_timings(latencies=latencies, skews=skews), steps)


def _life(timing: list[str], steps: list[str | None]) -> Life:
    usual = {f"latency {_LATENCIES[0]}", f"skew {_SKEWS[0]}"}
    return Life(*(line for line in timing if line not in usual), *(line for line in steps if line is not None))


def _fault_lines(*occasions: Occasion, windows: st.SearchStrategy[str] | None = None) -> st.SearchStrategy[str]:
    if not set(occasions) <= set(_WHO):
        raise UsageError(f"{occasions} are not all occasions of a fault", advice=f"Pass some of: {', '.join(_WHO)}")
    counts = st.sampled_from(("*1", "#2", "#3", "*2", "*4", "#2*3"))
    return st.one_of(
        [
            st.builds(
                "{}{}{}={}".format,
                st.just(who),
                # Of sockets each is a candidate once, so that the third may never come.
                st.sampled_from(("*1", "*3")) if who == "socket" else counts,
                st.just("") if windows is None else windows,
                st.sampled_from(_WHO[who]),
            )
            for who in occasions or _USUAL
        ]
    )


def _history_lines(*, orders: bool) -> st.SearchStrategy[str]:
    waits = st.sampled_from(_WAITS).map("wait {}".format)
    if orders:
        on_orders = st.builds(
            "{} {}".format, st.sampled_from(("fill", "partly", "cancel", "expire")), st.integers(1, 3)
        )
        activity = [st.just("place"), on_orders]
    else:
        activity = [st.sampled_from((1, 2, 40)).map("events {}".format)]
    return st.one_of(
        waits,
        *activity,
        st.sampled_from(AT_SOCKETS).map("strike {}".format),
        waits,
        st.sampled_from(("kill_key", "expire_key", "replace_key")),
        st.sampled_from(("restart 0", "restart 5", "freeze 3", "freeze 8", "freeze 70")),
        st.sampled_from(BANS).map("ban {}".format),
        st.builds(
            "unplug {} {}".format,
            st.sampled_from(("requests", "sockets", "both", "cable")),
            st.sampled_from((5, 40, 700, 4000)),
        ),
    )
