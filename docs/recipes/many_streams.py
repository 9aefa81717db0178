"""Many accounts in one nursery: what one runs into does not touch the others."""

import logging
from collections.abc import Awaitable, Callable, Mapping

import trio

from trio_listenkey import (
    Credentials,
    Gap,
    RateLimitedError,
    RefusedError,
    UnavailableError,
    UserEvent,
    Venue,
    open_user_stream,
)

Handle = Callable[[str, UserEvent | Gap], Awaitable[None]]
TRY_AGAIN_AFTER = 30.0
log = logging.getLogger(__name__)


async def follow_all(
    accounts: Mapping[str, tuple[Venue, Credentials]], handle: Handle
) -> None:
    """Hand every account's events to ``handle``, until each was refused."""
    async with trio.open_nursery() as nursery:
        for name, (venue, credentials) in accounts.items():
            nursery.start_soon(follow, name, venue, credentials, handle)


async def follow(
    name: str, venue: Venue, credentials: Credentials, handle: Handle
) -> None:
    """One account: an open stream mends itself, this opens it and hears refusals."""
    since = None
    while True:
        pause = TRY_AGAIN_AFTER
        try:
            async with open_user_stream(
                venue, credentials, name=name, since=since
            ) as stream:
                async for item in stream:
                    await handle(name, item)
                    since = stream.last_event_time
        except RefusedError as error:
            log.error("given up: %s", error)
            return
        except RateLimitedError as error:
            pause = error.retry_after
        except UnavailableError as error:
            log.warning("%s", error)
        await trio.sleep(pause)
