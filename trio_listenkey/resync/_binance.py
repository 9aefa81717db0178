"""Asks Binance's spot, USD-M and COIN-M futures about an account."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Final, TypeVar

import msgspec
import trio

from .._core._outcomes import Gone, Ok, Outcome, Refused, Wait
from .._errors import ListenKeyError, RefusedError, TransportError
from .._http import Response
from .._protocol._requests import build_request
from .._protocol._responses import no_answer, read_answer
from .._protocol._signing import check_credentials
from .._settings import Credentials, Timing
from .._shell._run_context import RestHost, current_context
from .._validation import check_port, check_type
from .._venue._parts import Answer, Call, Signing
from .._venue._signed_venue import SignedVenue
from .._venue._venue import Venue
from ..transports._base import Transport
from ._answers import futures_balances, positions, read_order, spot_balances
from ._binance_markets import market_of, rest_url_of
from ._words import Holdings, Order, PastOrders

__all__ = ["BinanceQueries"]

_T = TypeVar("_T")
_DEFAULT_TIMING: Final = Timing()
_SPOT_BUDGET: Final = 3000  # of 6,000 a minute and IP: rest-api.md, "IP limits", 2026-07
_TRANSPORT_CLOSE_LIMIT: Final = 1.0  # seconds; closing sockets takes none, but a transport may be anyone's

_MOST: Final = 8 << 20
"""Bytes of an answer. An order has 600, and thousands of them may be open."""

# -2013 "Order does not exist.", and spot's -2026 "Order was canceled or expired with no executed qty over 90 days ago
# and has been archived." (errors.md, 2026-07)
_UNKNOWN_ORDER: Final = frozenset({-2013, -2026})


class BinanceQueries:
    """Asks Binance's spot, USD-M or COIN-M futures about an account; :func:`catch_up` takes it.

    Requests go by the way of this library's own: through its transport, signed by the credentials, within the host's
    budget of request weight, and not while the exchange wants silence; bans and the exchange's clock are shared with
    all keys and streams of the process. They need an API key that may read, and its secret or a signer.

    What a gap costs, in request weight a minute (2026-05; limits are 2,400 at futures and 6,000 at spot):

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

    Conditional orders that USD-M keeps apart ("algo orders") are none of these.

    Args:
        venue: One of :data:`~trio_listenkey.venues.BINANCE_USDM`, :data:`~trio_listenkey.venues.BINANCE_COINM`,
            :data:`~trio_listenkey.venues.BINANCE_SPOT`, their testnets, or one of these that was moved by ``at()``.
        credentials: With the secret, or a signer.
        transport: Sends the requests; ``None`` for the one that keys and streams share.
        rest_url: Where spot is asked, if its WebSocket API was moved; for the others it is the venue's.
        timing: ``request_timeout``, in seconds.

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
        # What signs and reads the calls about keys does so here: each question is a venue's call with its own path.
        self._venue = Venue(
            name=venue.name,
            rest_url=rest_url_of(venue, rest_url),
            stream_url=venue.stream_url,
            path=self._market.order,
            stream_path="/ws/{key}",
            key_in="account",
            signing=Signing(),
            answer=Answer(gone=_UNKNOWN_ORDER),
            weight_budget=venue.weight_budget if isinstance(venue, Venue) else _SPOT_BUDGET,
            allow_plaintext=venue.allow_plaintext,
        )
        check_credentials(self._venue, credentials)
        self._credentials = credentials
        self._transport = transport
        self._timing = timing
        self.span: int = self._market.span
        """How many milliseconds one query for past orders may cover."""
        self.page: int = self._market.page
        """How many orders are asked for in one answer; a plain attribute."""

    def __repr__(self) -> str:
        return f"<BinanceQueries of {self._venue.name} at {self._venue.rest_url}>"

    @property
    def clock_ahead(self) -> float:
        """Seconds that the exchange's clock is ahead of this machine's, as far as it was ever worth knowing."""
        return self._host().clock

    async def open_orders(self, symbol: str | None = None) -> tuple[Order, ...]:
        """The orders that are open, in one symbol or in all.

        Raises:
            UnavailableError: There is no answer now.
            RateLimitedError: The exchange wants silence.
            RefusedError: It said no, and will again.
        """
        market = self._market
        weight = market.all_open_orders_weight if symbol is None else market.open_orders_weight
        named = {} if symbol is None else {"symbol": symbol}
        return self._read(await self._ask(market.open_orders, weight, named), _orders)

    async def order(self, symbol: str, id: int) -> Order | None:  # noqa: A002 - the exchange's word
        """One order, open or over; ``None`` if the exchange does not know it.

        Raises:
            UnavailableError: There is no answer now.
            RateLimitedError: The exchange wants silence.
            RefusedError: It said no, and will again.
        """
        named = {"symbol": symbol, "orderId": str(id)}
        told = await self._ask(self._market.order, self._market.order_weight, named, may_be_unknown=True)
        return None if told is None else self._read(told, read_order)

    async def past_orders(self, symbol: str, start: int, end: int) -> PastOrders:
        """Orders of a span of time, both ends included, in milliseconds since 1970.

        Raises:
            UnavailableError: There is no answer now.
            RateLimitedError: The exchange wants silence.
            RefusedError: It said no, and will again.
        """
        page = self.page
        named = {"symbol": symbol, "startTime": str(start), "endTime": str(end), "limit": str(page)}
        told = await self._ask(self._market.past_orders, self._market.past_orders_weight, named)
        orders = self._read(told, _orders)
        return PastOrders(orders, is_cut=len(orders) >= page)

    async def holdings(self) -> Holdings:
        """All balances and positions.

        Raises:
            UnavailableError: There is no answer now.
            RateLimitedError: The exchange wants silence.
            RefusedError: It said no, and will again.
        """
        market = self._market
        if market.positions is None:
            told = await self._ask(market.balances, market.balances_weight, {"omitZeroBalances": "true"})
            return Holdings(self._read(told, spot_balances))
        balances = self._read(await self._ask(market.balances, market.balances_weight, {}), futures_balances)
        told = await self._ask(market.positions, market.positions_weight, {})
        return Holdings(balances, self._read(told, positions))

    # --- How it is asked

    def _host(self) -> RestHost:
        return current_context().rest_host(self._venue, self._transport, self)

    async def _ask(self, path: str, weight: int, named: dict[str, str], *, may_be_unknown: bool = False) -> Any:
        """The JSON of a success; ``None`` where the order in question does not exist."""
        call = Call("GET", path, extra=tuple(named.items()), weight=weight)
        outcome, body = await self._send(call)
        if isinstance(outcome, Refused) and outcome.clock is not None:
            # Now it is known what time it is there.
            self._host().set_clock(outcome.clock)
            outcome, body = await self._send(call)
        if isinstance(outcome, Ok):
            return msgspec.json.decode(body)
        if isinstance(outcome, Gone) and may_be_unknown:
            return None
        # Raised here, where no frame knows the request, which has the API key and a signature in it.
        raise _about_a_query(outcome.error)

    async def _send(self, call: Call) -> tuple[Outcome, bytes]:
        """Send one request when that is allowed, and make whatever becomes of it an outcome."""
        host = self._host()
        await host.wait_for_room(call.weight)
        venue = replace(self._venue, close=call)
        hide = [each for each in (self._credentials.api_key, self._credentials.api_secret) if each]
        answer: Response | None = None
        try:
            with trio.move_on_after(self._timing.request_timeout):
                async with self._borrowed_transport() as transport:
                    request = build_request(venue, self._credentials, "close", None, timestamp_ms=host.exchange_ms())
                    answer = await transport.request(replace(request, max_answer=_MOST))
        except TransportError as error:
            return no_answer(venue, "close", error, hide=hide), b""
        if answer is None:
            late = TransportError(f"none within {self._timing.request_timeout:g} s")
            return no_answer(venue, "close", late, hide=hide), b""
        outcome = read_answer(venue, "close", answer, epoch=host.unix(), hide=hide)
        if isinstance(outcome, Wait):
            host.block(outcome.seconds)
        return outcome, answer.body

    @asynccontextmanager
    async def _borrowed_transport(self) -> AsyncIterator[Transport]:
        if self._transport is not None:
            yield self._transport
            return
        context = current_context()
        transport = context.acquire_transport()
        try:
            yield transport
        finally:
            # Bounded: the last one to use it closes its connections, whatever has become of the request.
            with trio.move_on_after(_TRANSPORT_CLOSE_LIMIT, shield=True):
                await context.release_transport()

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


def _orders(told: Any) -> tuple[Order, ...]:
    return tuple(read_order(each) for each in told)


def _about_a_query(error: ListenKeyError) -> ListenKeyError:
    """The same error, of a query: that it was put as a venue's call is nobody's business."""
    told = copy.copy(error).with_traceback(None)
    told.verb = "query"
    told.args = (told._text(),)  # noqa: SLF001 - it is built of the fields, and nowhere else
    return told
