"""Asks Binance's spot, USD-M and COIN-M futures about an account."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final, TypeVar

import msgspec

from .._core._outcomes import Gone, Ok, Outcome, Refused
from .._errors import RefusedError, UnavailableError
from .._settings import Credentials, Timing
from .._shell._signed_calls import SignedCalls
from .._validation import check_port, check_type
from .._venue._parts import Call
from .._venue._signed_venue import SignedVenue
from .._venue._venue import Venue
from ..transports._base import Transport
from ._answers import a_list, futures_balances, positions, read_order, spot_balances
from ._binance_markets import market_of, rest_url_of
from ._words import Holdings, Order, PastOrders

__all__ = ["BinanceQueries"]

_T = TypeVar("_T")
_DEFAULT_TIMING: Final = Timing()
_SPOT_BUDGET: Final = 3000  # of 6,000 a minute and IP: rest-api.md, "IP limits", 2026-07

_MOST: Final = 8 << 20
"""Bytes of an answer. An order has 600, and thousands of them may be open."""

# -2013 "Order does not exist.", and spot's -2026 "Order was canceled or expired with no executed qty over 90 days ago
# and has been archived." (errors.md, 2026-07)
_UNKNOWN_ORDER: Final = frozenset({-2013, -2026})


class BinanceQueries:
    """Asks Binance's spot, USD-M or COIN-M futures about an account; :func:`catch_up` takes it.

    Requests use the library's transport, signatures, budget of request weight and rate limits, which are shared with
    all keys and streams of the process. They need an API key with permission to read, and its secret or a signer.

    The cost of a gap, in request weight (2026-05; limits are 2,400 at futures and 6,000 at spot):

    =====================================  =====  ======  ====
    question                               USD-M  COIN-M  spot
    =====================================  =====  ======  ====
    open orders, of each of up to 10       1      1       6
    symbols ...
    ... or of all at once                  40     40      80
    balances and positions                 10     2       20
    past orders, for each symbol and       5      20      20
    each 7 days (spot: each day)
    an order by its number                 1      1       4
    =====================================  =====  ======  ====

    Conditional orders that USD-M keeps apart ("algo orders") are not included.

    Args:
        venue: One of :data:`~trio_listenkey.venues.BINANCE_USDM`, :data:`~trio_listenkey.venues.BINANCE_COINM`,
            :data:`~trio_listenkey.venues.BINANCE_SPOT`, their testnets, or one of these with another address by
            ``at()``.
        credentials: With the secret, or a signer.
        transport: Sends the requests; ``None`` for the one that keys and streams share.
        rest_url: The REST address of spot, if its WebSocket API has another address; for the others it is the venue's.
        timing: ``request_timeout``, in seconds.

    Attributes:
        span: How many milliseconds one query for past orders may cover.
        page: The maximum number of orders in one answer.

    Raises:
        UsageError: There are no queries for this venue, its REST address is not known, or the credentials cannot sign.
    """

    def __init__(
        self,
        venue: Venue | SignedVenue,
        credentials: Credentials,
        *,
        transport: Transport | None = None,
        rest_url: str | None = None,
        timing: Timing = _DEFAULT_TIMING,
    ) -> None:
        check_type("credentials", credentials, Credentials, "Credentials(api_key, api_secret)")
        check_port("transport", transport, "request", "one of trio_listenkey.transports")
        self._market = market_of(venue)
        self._venue = _as_venue(venue, rest_url_of(venue, rest_url))
        self._timing = timing
        self._calls = SignedCalls(self._venue, credentials, transport, timing, gone=_UNKNOWN_ORDER, max_answer=_MOST)
        self._calls.check()
        self.span: int = self._market.span
        self.page: int = self._market.page

    def __repr__(self) -> str:
        return f"<BinanceQueries of {self._venue.name} at {self._venue.rest_url}>"

    @property
    def clock_ahead(self) -> float:
        """Seconds that the exchange's clock is ahead of this machine's, if known."""
        return self._calls.host().clock

    async def open_orders(self, symbol: str | None = None) -> tuple[Order, ...]:
        """The orders that are open, in one symbol or in all.

        Raises:
            UnavailableError: There is no answer; retry.
            RateLimitedError: A rate limit or ban is in force.
            RefusedError: It refused, and would refuse again.
        """
        market = self._market
        weight = market.all_open_orders_weight if symbol is None else market.open_orders_weight
        named = {} if symbol is None else {"symbol": symbol}
        return self._read(await self._ask(market.open_orders, weight, named), _orders)

    async def order(self, symbol: str, id: int) -> Order | None:  # noqa: A002 - the exchange's word
        """One order, open or over; ``None`` if the exchange does not know it.

        Raises:
            UnavailableError: There is no answer; retry.
            RateLimitedError: A rate limit or ban is in force.
            RefusedError: It refused, and would refuse again.
        """
        named = {"symbol": symbol, "orderId": str(id)}
        told = await self._ask(self._market.order, self._market.order_weight, named, may_be_unknown=True)
        return None if told is None else self._read(told, read_order)

    async def past_orders(self, symbol: str, start: int, end: int) -> PastOrders:
        """Orders of a span of time, both ends included, in milliseconds since 1970.

        Raises:
            UnavailableError: There is no answer; retry.
            RateLimitedError: A rate limit or ban is in force.
            RefusedError: It refused, and would refuse again.
        """
        page = self.page
        named = {"symbol": symbol, "startTime": str(start), "endTime": str(end), "limit": str(page)}
        told = await self._ask(self._market.past_orders, self._market.past_orders_weight, named)
        orders = self._read(told, _orders)
        return PastOrders(orders, is_cut=len(orders) >= page)

    async def holdings(self) -> Holdings:
        """All balances and positions.

        Raises:
            UnavailableError: There is no answer; retry.
            RateLimitedError: A rate limit or ban is in force.
            RefusedError: It refused, and would refuse again.
        """
        market = self._market
        if market.positions is None:
            told = await self._ask(market.balances, market.balances_weight, {"omitZeroBalances": "true"})
            return Holdings(self._read(told, spot_balances))
        balances = self._read(await self._ask(market.balances, market.balances_weight, {}), futures_balances)
        told = await self._ask(market.positions, market.positions_weight, {})
        return Holdings(balances, self._read(told, positions))

    # --- How it is asked

    async def _ask(self, path: str, weight: int, named: dict[str, str], *, may_be_unknown: bool = False) -> Any:
        """The JSON of a success; ``None`` where the order in question does not exist."""
        call = Call("GET", path, extra=tuple(named.items()), weight=weight)
        outcome, body = await self._send(call)
        if isinstance(outcome, Refused) and outcome.clock is not None:
            outcome, body = await self._send(call)  # by now it is known what time it is there
        if isinstance(outcome, Ok):
            told = msgspec.json.decode(body) if body else None
            if told is not None:
                return told
            raise UnavailableError(  # ``None`` would say that there is no such order
                "the answer is empty",
                advice="Try again; if it lasts, look at what answers in the exchange's place",
                venue=self._venue.name,
                verb="query",
            )
        if isinstance(outcome, Gone) and may_be_unknown:
            return None
        # Raised here, where no frame knows the request, which has the API key and a signature in it.
        raise outcome.error.with_traceback(None)

    async def _send(self, call: Call) -> tuple[Outcome, bytes]:
        """Send one request when that is allowed."""
        host = self._calls.host()
        await host.wait_for_room(call.weight)
        return await self._calls.ask(host, call, "query", self._timing.request_timeout)

    def _read(self, told: Any, read: Callable[[Any], _T]) -> _T:
        try:
            return read(told)
        except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError):
            pass
        raise RefusedError(  # out here, for what it was is in the other one's frames
            "the answer is not what the exchange's documents show",
            advice=f"Check that {self._venue.rest_url} is the exchange that {self._venue.name!r} describes",
            venue=self._venue.name,
            verb="query",
        )


def _as_venue(venue: Venue | SignedVenue, rest_url: str) -> Venue:
    """The venue at its REST address; of one that has sessions alone, what it takes to ask it."""
    if isinstance(venue, Venue):
        return replace(venue, rest_url=rest_url)
    return Venue(
        name=venue.name,
        rest_url=rest_url,
        stream_url=venue.stream_url,
        path="/api/v3/account",
        stream_path="/ws/{key}",
        weight_budget=_SPOT_BUDGET,
        allow_plaintext=venue.allow_plaintext,
    )


def _orders(told: Any) -> tuple[Order, ...]:
    return tuple(read_order(each) for each in a_list(told))
