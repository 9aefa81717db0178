"""The extra ``asks``: a key through a session of asks."""

from __future__ import annotations

import trio
from loopback import KEY, asked, serve_keys

from trio_listenkey import Credentials, open_listen_key, venues
from trio_listenkey.transports import AsksTransport

# Through the transport first: it mends what keeps asks from being imported beside current trio.
transport = AsksTransport()

import asks  # noqa: E402


async def main() -> None:
    async with serve_keys() as url:
        venue = venues.BINANCE_USDM.at(url, "ws://127.0.0.1:9")
        for each in (transport, AsksTransport(asks.Session(connections=2))):
            async with open_listen_key(venue, Credentials("the-api-key-of-alice"), transport=each) as key:
                assert key.value == KEY
            await each.aclose()
    assert asked == ["POST", "DELETE"] * 2


trio.run(main)
