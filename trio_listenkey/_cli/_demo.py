"""A key's life against an exchange on this machine, over real sockets: the story, and what must be true at its end."""

from __future__ import annotations

from functools import partial
from typing import Final

import trio

from .. import venues
from .._settings import Credentials, Timing
from .._shell._keeper import open_listen_key
from .._shell._listen_key import ListenKey
from ..testing import Exchange, Fault, ServedExchange, rate_limited, serve_exchange, service_unavailable
from ..transports import HTTPCore2Transport
from ._chronicle import Chronicle, Chronicler, Promise
from ._screen import Screen

__all__ = ["run_demo"]

ACCOUNT: Final = "demo"
API_KEY: Final = "an-api-key-that-only-the-demo-exchange-knows"
_LONGEST: Final = 15.0  # seconds; the story takes nine, and if it stalls the promises below say so
VALIDITY: Final = 6.0
SILENCE: Final = 2.0
TIMING: Final = Timing(
    keepalive_every=1.0,
    validity=VALIDITY,
    request_timeout=1.0,
    open_timeout=5.0,
    close_timeout=2.0,
    retry_base=0.3,
    retry_cap=0.6,
    suspend_check_every=1.0,
)


async def run_demo(screen: Screen, tls: bool) -> bool:
    """Tell the story on ``screen``; whether every promise was kept."""
    start = trio.current_time()
    chronicle = Chronicle(lambda: trio.current_time() - start, screen.show)
    exchange = Exchange(
        seed=1,
        validity=VALIDITY,
        faults=[
            Fault(verb="keepalive", nth=2, effect=service_unavailable()),
            Fault(verb="keepalive", nth=5, effect=rate_limited(SILENCE)),
        ],
    )
    exchange.add_account(API_KEY, name=ACCOUNT)
    async with serve_exchange(exchange, tls=tls) as served:
        await _tell_story(served, chronicle, screen)
        chronicle.promises = _look_back(exchange, served.now(), chronicle)
    screen.conclude(chronicle)
    return all(promise.kept for promise in chronicle.promises)


async def _tell_story(served: ServedExchange, chronicle: Chronicle, screen: Screen) -> None:
    """What happens to the key; the exchange's part of it is in the faults."""
    chronicle.note("exchange", f"listens on {served.rest_url}", "story")
    transport = HTTPCore2Transport(ssl_context=served.ssl_context() if served.ca_pem else None)
    try:
        async with open_listen_key(
            served.venue_at(venues.BINANCE_USDM),
            Credentials(API_KEY),
            transport=transport,
            timing=TIMING,
            instrument=Chronicler(chronicle),
        ) as key:
            with trio.move_on_after(_LONGEST):
                await screen.watch(partial(_live, key), partial(_play, served, chronicle, key))
        chronicle.note("exchange", f"keys still open: {len(served.exchange.open_keys(served.now()))}", "story")
    finally:
        with trio.move_on_after(1, shield=True):  # it must be closed, and that takes no answer from anyone
            await transport.aclose()


async def _play(served: ServedExchange, chronicle: Chronicle, key: ListenKey) -> None:
    await chronicle.wait_for("retrying", 2)
    chronicle.note("exchange", f"wants silence for {SILENCE:g} s: not a request until then", "story")
    await chronicle.wait_for_next("kept alive")
    served.exchange.kill_key(ACCOUNT, served.now())
    chronicle.note("exchange", "forgets the key, and tells nobody", "story")
    await key.wait_replaced(1)
    await chronicle.wait_for_next("kept alive")
    chronicle.note("block", "is over", "story")


def _live(key: ListenKey) -> tuple[str, float, float]:
    """The state, and what is left of the time to the next request and of the key's life, from 1 to 0."""
    statistics, now = key.statistics(), trio.current_time()
    assert TIMING.keepalive_every is not None
    return (
        f"key {key.generation}, {statistics.state}",
        _fraction(statistics.next_request_at - now, TIMING.keepalive_every),
        _fraction(statistics.expires_at - now, VALIDITY),
    )


def _fraction(left: float, whole: float) -> float:
    return max(0.0, min(1.0, left / whole))


def _look_back(exchange: Exchange, now: float, chronicle: Chronicle) -> list[Promise]:
    """What was promised, as the exchange saw it: it knows nothing of the library that it judges."""
    verbs = [entry.verb for entry in exchange.log]
    made = len(exchange.keys_ever)
    failed = sum(entry.status == 503 for entry in exchange.log)
    early = exchange.requests_during_bans
    left = len(exchange.open_keys(now))
    return [
        Promise(
            "two keys were made: the first, and one for the one that died",
            str(made),
            made == 2,
        ),
        Promise("keepalives reached the exchange", str(verbs.count("keepalive")), verbs.count("keepalive") >= 6),
        Promise("the 503 was one, and the key outlived it", str(failed), failed == 1 and chronicle.count("lost") == 1),
        Promise("requests sent into the silence that was asked for", str(early), early == 0),
        Promise("keys left open", str(left), left == 0 and verbs[-1] == "close"),
    ]
