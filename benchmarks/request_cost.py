"""What the keeper adds to the requests that it sends: the same calls, made directly on the same transport.

CPU time of this process; the exchange runs in another one, over real sockets on loopback.
"""

from __future__ import annotations

import time
from dataclasses import replace

import trio
from _measuring import exchange_in_another_process, report

from trio_listenkey import Credentials, Timing, Venue, open_listen_key, venues
from trio_listenkey.transports import HTTPCore2Transport, Request

ROUNDS = 15
REQUESTS = 100
HEADERS = (("X-MBX-APIKEY", "an-api-key"), ("Accept", "application/json"), ("User-Agent", "a-benchmark"))
CREDENTIALS = Credentials("an-api-key")


async def direct(transport: HTTPCore2Transport, url: str, *methods: str) -> float:
    start = time.process_time()
    for _ in range(REQUESTS):
        for method in methods:
            with trio.fail_after(10):
                response = await transport.request(Request(method, url, HEADERS))
            assert response.status == 200, response.body
    return (time.process_time() - start) / REQUESTS * 1000


async def open_and_close(transport: HTTPCore2Transport, venue: Venue) -> float:
    start = time.process_time()
    for _ in range(REQUESTS):
        async with open_listen_key(venue, CREDENTIALS, transport=transport):
            pass
    return (time.process_time() - start) / REQUESTS * 1000


async def keep_alive(transport: HTTPCore2Transport, venue: Venue) -> float:
    timing = Timing(keepalive_every=1e-9, validity=3600, jitter=0)  # the next one is due at once
    async with open_listen_key(venue, CREDENTIALS, transport=transport, timing=timing) as key:
        start, renewed = time.process_time(), key.statistics().renewed
        while key.statistics().renewed < renewed + REQUESTS:
            await trio.sleep(0.02)
        return (time.process_time() - start) / (key.statistics().renewed - renewed) * 1000


async def main(rest_url: str, stream_url: str) -> None:
    # Without a budget: a thousand requests in a second would wait for it.
    venue = replace(venues.BINANCE_USDM.at(rest_url, stream_url), weight_budget=None)
    url = rest_url + venue.path
    transport = HTTPCore2Transport()
    lives: list[float] = []
    calls: list[float] = []
    pings: list[float] = []
    puts: list[float] = []
    await direct(transport, url, "POST")  # warm
    for _ in range(ROUNDS):
        await direct(transport, url, "POST")
        puts.append(await direct(transport, url, "PUT"))
        pings.append(await keep_alive(transport, venue))
        calls.append(await direct(transport, url, "POST", "DELETE"))
        lives.append(await open_and_close(transport, venue))
    await transport.aclose()
    report("open and close a key, against bare calls", lives, calls, "ms", goal=1.15)
    report("one keepalive, against a bare call", pings, puts, "ms", goal=1.10)


if __name__ == "__main__":
    with exchange_in_another_process() as urls:
        trio.run(main, *urls)
