"""A program that needs a listen key: ``sharing_bot.py REST_URL REGISTER_URL``, or ``alone`` in place of the register.

It prints what happens as JSON lines, flushed, and ends properly on SIGTERM. It is quick, as the exchange is.
"""

from __future__ import annotations

import json
import logging
import signal
import sys
import time

import trio

from trio_listenkey import Credentials, Instrument, SharingStatistics, Timing, open_listen_key, venues
from trio_listenkey.sharing import SharedKey, register_from_url

BEAT = 0.5
PATIENCE = 4
TIMING = Timing(keepalive_every=5, validity=20, request_timeout=3, open_timeout=15, close_timeout=4, retry_base=0.2)


def say(what: str, **more: object) -> None:
    """One line."""
    print(json.dumps({"at": time.monotonic(), "what": what, **more}), flush=True)  # noqa: T201 - its output


class Tells(Instrument):
    """Says what it is told."""

    def sharing_changed(self, venue: str, generation: int, sharing: SharingStatistics) -> None:
        say("role", role=sharing.role, members=sharing.members)

    def replaced(self, venue: str, generation: int) -> None:
        say("replaced")

    def lost(self, venue: str, generation: int, error: Exception) -> None:
        say("lost")


async def main(rest_url: str, register_url: str) -> None:
    """Hold a key until SIGTERM."""
    venue = venues.BINANCE_USDM.at(rest_url, rest_url.replace("http", "ws"))
    register = None if register_url == "alone" else register_from_url(register_url)
    sharing = None if register is None else SharedKey(register, beat_every=BEAT, patience=PATIENCE)
    with trio.open_signal_receiver(signal.SIGTERM) as signals:
        async with open_listen_key(
            venue, Credentials("the-api-key-of-alice"), timing=TIMING, sharing=sharing, instrument=Tells()
        ) as key:
            say("open")
            async for _ in signals:
                break
            start = time.monotonic()
    say("left", closed=key.statistics().closed, took=time.monotonic() - start, requests=key.statistics().requests)
    if register is not None:
        await register.aclose()


if __name__ == "__main__":
    logging.disable()
    trio.run(main, sys.argv[1], sys.argv[2])
