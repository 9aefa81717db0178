"""A check-up where there is no listen key: the events are asked for on the socket itself, by a signed message."""

from __future__ import annotations

from contextlib import AsyncExitStack
from functools import partial

from ..._errors import ListenKeyError
from ..._protocol._signing import sign_as
from ..._protocol._ws_api import subscribe_by_signature
from ..._venue._signed_venue import SignedVenue
from ...connectors._base import Connection
from ._checkup import Checkup
from ._network_steps import Found
from ._subscription import ask_for_subscriptions, ask_for_time, subscribe

__all__ = ["SessionCheckup"]


class SessionCheckup(Checkup[SignedVenue]):
    """Of an account whose events come by sessions. Only the socket has to be closed, which affects no other program."""

    async def _examine(self) -> None:
        venue = self.account.venue
        if not await self._reach("stream", venue.stream_url):
            return
        async with AsyncExitStack() as stack:
            connection = await self._open_socket(stack, venue.url, "at the WebSocket API")
            if connection is None or not await self._take("clock", partial(ask_for_time, connection)):
                return
            if self._lacks_something() or not await self._subscribe(connection):
                return
            await self._take("subscription", partial(ask_for_subscriptions, connection))
            await self._ping(connection)

    async def _subscribe(self, connection: Connection) -> bool:
        """Whether the credentials are good shows by this; so it is two steps at once."""
        venue, credentials = self.account.venue, self.account.credentials
        assert credentials is not None  # else something is lacking
        sign = partial(sign_as, venue.name, credentials)
        build = subscribe_by_signature(credentials.api_key, sign, dict(venue.parameters))

        async def work() -> Found:
            try:
                await subscribe(connection, venue.name, build)
            except ListenKeyError as error:
                self._blame("subscribe", error)
                raise
            return Found("accepted, and the signature too")

        if not await self._take("credentials", work):
            return False
        self._step = "subscribe"
        self._succeed(Found("by a signed message"))
        return True
