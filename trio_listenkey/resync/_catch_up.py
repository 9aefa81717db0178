"""Ask an exchange what a gap has changed."""

from __future__ import annotations

import logging
import random
from collections.abc import Iterable
from typing import Any, Final

import trio

from .._core._backoff import full_jitter
from .._errors import ListenKeyError, RateLimitedError, UnavailableError
from .._events import Gap
from .._settings import Timing
from .._shell._run_context import current_context
from .._validation import check_seconds
from ._orders import Orders
from ._queries import OrderQueries
from ._questions import AskHoldings, AskOpenOrders, AskPastOrders, Question
from ._words import Changes

__all__ = ["catch_up"]

_log: Final = logging.getLogger("trio_listenkey")
_DEFAULT_TIMING: Final = Timing()
_ASK_AGAIN_AFTER: Final = 1.0  # seconds; for an order that is too new for the machine that answered


async def catch_up(
    orders: Orders,
    gap: Gap,
    queries: OrderQueries,
    *,
    symbols: Iterable[str] = (),
    timing: Timing = _DEFAULT_TIMING,
    answers_lag: float = 1.0,
) -> Changes:
    """Query the exchange after a gap, until ``orders`` is up to date; return what has changed.

    Call it for each :class:`~trio_listenkey.Gap`, the first included. Events may wait in the stream's buffer meanwhile,
    or be passed on by another task. While the exchange does not answer, it retries, with the pauses of ``timing``; use
    a cancel scope to limit this. If it is cancelled or raises, the next call makes up for it.

    Args:
        orders: What is known.
        gap: The gap from the stream.
        queries: For example :class:`BinanceQueries`.
        symbols: The symbols that you trade. Other symbols in which the account is known to have orders or positions are
            queried as well; an order that was placed and ended within the gap in any other is not found.
        timing: ``retry_base`` and ``retry_cap``, in seconds.
        answers_lag: Seconds by which the exchange's answers may be behind what has happened. Nothing is asked before so
            much has passed since the gap's end: an answer from before it would not know of the last events that were
            missed, and no event would come to correct it.

    Raises:
        UsageError: ``answers_lag`` is not a number of seconds from 0 to 60; or ``symbols`` is a string.
        RefusedError: The exchange refused, and would refuse again: for example, the API key has no permission to read.
    """
    check_seconds("answers_lag", answers_lag, most=60)
    asking = orders.begin(
        gap,
        span=queries.span,
        unix_now=current_context().clock.unix(),
        clock_ahead=queries.clock_ahead,
        symbols=symbols,
    )
    # Begun before the wait: what is cancelled in it is owed. No longer than the lag, whatever clock the gap is from.
    await trio.sleep(min(answers_lag, max(0.0, gap.ended_at + answers_lag - trio.current_time())))
    while asking.question is not None:
        answer = await _answer_to(asking.question, queries, timing)
        asking.set_clock(queries.clock_ahead)
        asking.answer(answer)
    for each in asking.changes.unresolved:
        _log.warning("after a gap: %s", each)
    return asking.changes


async def _answer_to(question: Question, queries: OrderQueries, timing: Timing) -> Any:
    """Ask until there is an answer."""
    attempt = 0
    while True:
        try:
            return await _put(question, queries)
        except (UnavailableError, RateLimitedError, OSError) as error:
            attempt += 1
            draw = random.random()  # noqa: S311 - spreads load
            pause = full_jitter(attempt, draw, base=timing.retry_base, cap=timing.retry_cap)
            if isinstance(error, RateLimitedError):
                pause = max(pause, error.retry_after)
            # The text of a stranger's error may have anything in it.
            told = str(error) if isinstance(error, ListenKeyError) else f"{type(error).__name__}."
            _log.warning("after a gap: %s Next try in %.1f s", told, pause)
        await trio.sleep(pause)


async def _put(question: Question, queries: OrderQueries) -> Any:
    """Ask once."""
    match question:
        case AskOpenOrders(symbol):
            return await queries.open_orders(symbol)
        case AskHoldings():
            return await queries.holdings()
        case AskPastOrders(symbol, start, end):
            return await queries.past_orders(symbol, start, end)
    if question.attempt > 1:
        await trio.sleep(_ASK_AGAIN_AFTER)
    return await queries.order(question.symbol, question.id)
