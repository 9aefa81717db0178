"""Whatever happens, the program knows in the end which orders are open."""

import trio
from hypothesis import given, settings
from open_orders import OpenOrders

from trio_listenkey import open_user_stream
from trio_listenkey.testing.strategies import Environment, Life, lives, run_life


def open_at(environment: Environment) -> set[int]:
    """What the exchange knows."""
    book = environment.exchange.book
    return {order.number for order in book.orders("test", open_only=True)}


@settings(deadline=None)  # for how long a life takes depends on the life
@given(lives())
def test_it_knows_the_open_orders_in_the_end(life: Life) -> None:
    orders = OpenOrders()

    async def bot(environment: Environment) -> None:
        async def fetch() -> set[int]:
            await trio.sleep(0.1)  # instead of this: a request of yours
            return open_at(environment)

        async with open_user_stream(
            environment.venue,
            environment.credentials,
            transport=environment.transport,
            connector=environment.connector,
        ) as stream:
            await orders.follow(stream, fetch)

    def check(environment: Environment) -> None:
        assert orders.numbers == open_at(environment)

    run_life(life, bot, check)
