"""Typed events, as in programs that type-check and in some that do not. Read by mypy and pyright; never executed."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Never, assert_never, assert_type

from trio_listenkey import AnyVenue, Credentials, Gap, UserEvent, UserStream, Venue, open_user_stream, venues
from trio_listenkey.events import (
    EventReader,
    EventTypes,
    aster_futures,
    aster_spot,
    coinm,
    options,
    portfolio_margin,
    spot,
    usdm,
)

KEY = Credentials("key")


async def match_one_kind() -> None:
    """No cast, and no ``Any``."""
    async with open_user_stream(venues.BINANCE_USDM, KEY) as stream:
        assert_type(stream, UserStream[usdm.Event])
        assert_type(stream.venue, AnyVenue[usdm.Event])
        async for item in stream:
            assert_type(item, UserEvent[usdm.Event[str]] | Gap)
            match item:
                case Gap():
                    pass
                case UserEvent(parsed=usdm.OrderTradeUpdate(order=order)):
                    assert_type(order, usdm.Order[str])
                    assert_type(order.filled_accumulated_quantity, str)
                    assert_type(order.commission, str | None)
                case UserEvent():
                    assert_type(item.parsed, usdm.Event | None)
        assert_type(await stream.receive(), UserEvent[usdm.Event] | Gap)
        assert_type(await stream.receive_batch(), list[UserEvent[usdm.Event] | Gap])


def match_all_kinds(event: UserEvent[usdm.Event]) -> str:
    parsed = event.parsed
    match parsed:
        case usdm.OrderTradeUpdate(order=order):
            return order.status
        case usdm.TradeLite(last_filled_price=price):
            return price
        case usdm.AccountUpdate(update_data=data):
            assert_type(data.positions, tuple[usdm.Position[str], ...])
            return data.reason
        case usdm.AlgoUpdate(order=algo):
            return algo.status
        case usdm.AccountConfigUpdate() | usdm.MarginCall() | usdm.ConditionalOrderTriggerReject():
            return str(parsed.event_time)
        case usdm.StrategyUpdate() | usdm.GridUpdate() | usdm.ListenKeyExpired():
            return str(parsed.event_time)
        case None:
            return str(event.type)
        case _:
            assert_never(parsed)


def forget_a_kind(event: UserEvent[aster_spot.Event]) -> None:
    """What is not there is an error, and so is what is left."""
    parsed = event.parsed
    match parsed:
        case aster_spot.ExecutionReport() | None:
            return
        case aster_spot.OutboundAccountPosition():
            return
        case _:
            assert_never(parsed)  # type: ignore[arg-type]


def misspell(event: UserEvent[usdm.Event]) -> None:
    match event.parsed:
        case usdm.OrderTradeUpdate(order=order):
            order.state  # type: ignore[attr-defined] # noqa: B018
            order.status = "FILLED"  # type: ignore[misc]
            order.original_price + 1  # type: ignore[operator]
        case _:
            pass


async def match_decimals() -> None:
    venue = venues.BINANCE_SPOT.with_events(spot.DECIMALS)
    assert_type(venue, venues.SignedVenue[spot.Event[Decimal]])
    async with open_user_stream(venue, KEY) as stream:
        async for item in stream:
            match item:
                case UserEvent(parsed=spot.ExecutionReport(last_executed_price=price, commission_asset=asset)):
                    assert_type(price, Decimal)
                    assert_type(asset, str | None)
                case UserEvent(parsed=spot.OutboundAccountPosition(balances=balances)):
                    assert_type(balances, tuple[spot.Balance[Decimal], ...])
                case _:
                    pass


async def read_a_venue_without_types() -> None:
    assert_type(venues.MEXC, Venue[Never])
    async with open_user_stream(venues.MEXC, KEY) as stream:
        async for item in stream:
            if isinstance(item, UserEvent):
                assert_type(item.parsed, None)


async def read_any_venue(venue: AnyVenue, event: UserEvent, stream: UserStream) -> Sequence[object]:
    """Without a parameter, each is any of them, and still checked."""
    async with open_user_stream(venue, KEY) as another:
        assert_type(another, UserStream)
        stream = another
    match event.parsed:
        case usdm.ListenKeyExpired(event_time=time):
            return (time, stream)
        case _:
            return ()


async def pass_them(event: UserEvent[coinm.Event], narrow: Venue[usdm.Event]) -> None:
    async with open_user_stream(venues.BINANCE_PORTFOLIO_MARGIN, KEY) as stream:
        await read_any_venue(venues.BINANCE_SPOT, event, stream)
        await read_any_venue(venues.BINANCE_USDM, UserEvent(b"{}", 0.0), stream)
        await read_any_venue(venues.GMO_COIN, event, stream)
        await read_any_venue(venues.by_name("aster-futures"), event, stream)
        await read_any_venue(narrow, event, stream)
        assert_type(stream, UserStream[portfolio_margin.Event])
        await take_options(stream)  # type: ignore[arg-type]


async def take_options(stream: UserStream[options.Event]) -> None: ...


def make_venues() -> None:
    own = Venue(name="own", rest_url="https://a", stream_url="wss://a", path="/", stream_path="/{key}")
    assert_type(own, Venue)
    followers = replace(own, events=usdm.AS_SENT).with_events(usdm.AS_SENT)
    assert_type(followers, Venue[usdm.Event])
    assert_type(followers.at("https://b", "wss://b").with_parameters(a="b"), Venue[usdm.Event])
    typed = Venue(
        name="own",
        rest_url="https://a",
        stream_url="wss://a",
        path="/",
        stream_path="/{key}",
        events=venues.ASTER_FUTURES.events,
    )
    assert_type(typed, Venue[aster_futures.Event])
    assert_type(venues.binance_margin_isolated("BTCUSDT"), Venue[spot.Event])
    venues.BINANCE_USDM.with_events(usdm.Event)  # type: ignore[arg-type]
    take_a_venue(venues.BINANCE_USDM)  # type: ignore[arg-type]


def take_a_venue(venue: Venue[coinm.Event]) -> None: ...


def read_a_log(lines: Sequence[bytes]) -> None:
    assert_type(usdm.DECIMALS.read(lines[0]), usdm.Event[Decimal] | None)
    reader = spot.AS_SENT.reader()
    assert_type(reader, EventReader[spot.Event])
    assert_type([reader.read(line) for line in lines], list[spot.Event | None])
    assert_type((reader.unparsed, reader.types.union), tuple[int, str])
    assert_type(UserEvent(lines[0], 0.0, reader=reader), UserEvent[spot.Event])
    own: EventTypes[usdm.TradeLite] = EventTypes("my_events:Fill", Decimal)
    assert_type(own.read(lines[0]), usdm.TradeLite | None)
