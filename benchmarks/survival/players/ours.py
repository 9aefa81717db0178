"""This library."""

from __future__ import annotations

import time

import trio

from trio_listenkey import Credentials, Gap, Timing, open_user_stream, venues
from trio_listenkey.testing import event_number

from ..part import API_KEY
from ._acting import Tape, play_in_trio, read_part


def main() -> None:
    part, tape = read_part(), Tape()
    venue = venues.BINANCE_USDM.at(part.rest_url, part.stream_url)
    settings = part.settings
    timing = Timing(
        keepalive_every=settings.keepalive_every,
        validity=settings.validity,
        request_timeout=settings.request_timeout,
        close_timeout=settings.close_timeout,
        ping_every=settings.ping_every,
        silence_check_every=settings.silence_check_every,
        socket_lifetime=settings.socket_lifetime,
        retry_cap=settings.retry_cap,
    )

    async def consume(who: str) -> None:
        async with open_user_stream(venue, Credentials(API_KEY), timing=timing) as stream:
            async for item in stream:
                if isinstance(item, Gap) and item.cause == "opened":
                    pass  # what was before the stream is not the matter here
                elif isinstance(item, Gap):
                    # The tape has the time that all processes share.
                    offset = time.monotonic() - trio.current_time()
                    tape.gap(who, item.started_at + offset, item.ended_at + offset, item.cause)
                elif item.type == "ORDER_TRADE_UPDATE":
                    tape.event(who, event_number(item.data))
                    await trio.sleep(tape.pause)

    play_in_trio(tape, part.consumers, consume)


if __name__ == "__main__":
    main()
