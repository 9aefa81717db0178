"""A key's life against an exchange on this machine, over real sockets: the story, and what must be true at its end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

import click
import trio

from .. import venues
from .._core._key_lifecycle import KeepaliveSchedule
from .._settings import Credentials, Timing
from .._shell._keeper import open_listen_key
from .._shell._listen_key import ListenKey
from .._venue._venue import Venue
from ..testing import Exchange, Fault, ServedExchange, rate_limited, serve_exchange, service_unavailable
from ..transports import HTTPCore2Transport
from ._exit_codes import Exit
from ._lines import Tone, for_stories
from ._narration import Narrator
from ._panel import KeyPanel
from ._prior_key import NOTHING_PRIOR
from ._status import Status, open_status
from ._supervision import supervise

__all__ = ["demo", "run_demo"]

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


@click.command()
@click.option("--panel/--no-panel", " /--plain", default=True, help="Draw a panel, if this is a terminal.")
@click.option("--tls/--no-tls", default=True, show_default=True, help="Speak TLS, with a throw-away CA.")
def demo(*, panel: bool, tls: bool) -> None:
    """Watch a real listen key live, in about nine seconds.

    Starts an exchange on a port of this machine and opens a listen key there over real sockets. The key is created and
    kept alive; a keepalive gets a 503 and is retried; the exchange sends a rate limit, which is respected; the key is
    closed behind the library's back and replaced; at the end it is closed. Keys live for six seconds here, not for an
    hour.

    The exit status is 0 if everything was as promised, 1 if not, and 130 after Ctrl-C.
    """
    status = open_status(panel=panel, form=for_stories(datetime.now().astimezone()), on_stdout=True)
    supervise(partial(run_demo, status, tls), status, writes=True, farewell="Interrupted; no key was left behind.")


async def run_demo(status: Status, tls: bool) -> Exit:
    """Tell the story; whether every promise was kept."""
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
        story = _Storyteller(status, served.venue_at(venues.BINANCE_USDM))
        await _tell_story(served, story, status)
        promises = _look_back(exchange, served.now(), story)
    for promise in promises:
        about = f"{promise.text}: {promise.figure}"
        if promise.kept:
            story.tell("ok", about, "good")
        else:
            story.tell("BROKEN", about, "bad")
    await status.flush()
    kept = all(promise.kept for promise in promises)
    await status.write([b"", b"Everything was as promised." if kept else b"Something was not as promised."])
    return Exit.FINE if kept else Exit.BROKEN


class _Storyteller(Narrator):
    """Tells the story as `watch` and `hold` tell of a key; whoever plays in it can wait for what is told."""

    __slots__ = ("_news", "_status", "told", "venue")

    def __init__(self, status: Status, venue: Venue) -> None:
        super().__init__(self.tell, venue, NOTHING_PRIOR)
        self.venue = venue
        self.told: list[str] = []
        self._status, self._news = status, trio.Event()

    def tell(self, what: str, about: str, tone: Tone) -> None:
        """Tell something, now."""
        self._status.note(what, about, tone)
        self.told.append(what)
        self._news.set()
        self._news = trio.Event()

    async def wait_for(self, what: str, times: int) -> None:
        """Wait until that was told ``times`` times."""
        while self.told.count(what) < times:
            await self._news.wait()

    async def wait_for_next(self, what: str) -> None:
        """Wait until that is told once more."""
        await self.wait_for(what, self.told.count(what) + 1)


async def _tell_story(served: ServedExchange, story: _Storyteller, status: Status) -> None:
    """What happens to the key; the exchange's part of it is in the faults."""
    story.tell("exchange", f"listens on {served.rest_url}", "story")
    transport = HTTPCore2Transport(ssl_context=served.ssl_context() if served.ca_pem else None)
    try:
        async with open_listen_key(
            story.venue, Credentials(API_KEY), transport=transport, timing=TIMING, instrument=story
        ) as key:
            status.picture = KeyPanel(story.venue.name, key, KeepaliveSchedule.of(story.venue, TIMING), story)
            with trio.move_on_after(_LONGEST):
                await _play(served, story, key)
        status.put_the_picture_away()
        story.tell("exchange", f"keys still open: {len(served.exchange.open_keys(served.now()))}", "story")
    finally:
        with trio.move_on_after(1, shield=True):  # it must be closed, and that takes no answer from anyone
            await transport.aclose()


async def _play(served: ServedExchange, story: _Storyteller, key: ListenKey) -> None:
    await story.wait_for("retrying", 2)
    story.tell("exchange", f"rate limit: no request for {SILENCE:g} s", "story")
    await story.wait_for_next("kept alive")
    served.exchange.kill_key(ACCOUNT, served.now())
    story.tell("exchange", "drops the key, and reports nothing", "story")
    await key.wait_replaced(1)
    await story.wait_for_next("kept alive")
    story.tell("block", "is over", "story")


@dataclass(frozen=True, slots=True)
class _Promise:
    """Something that must be true at the end, with the figure that shows it."""

    text: str
    figure: str
    kept: bool


def _look_back(exchange: Exchange, now: float, story: _Storyteller) -> list[_Promise]:
    """What was promised, as the exchange saw it: it knows nothing of the library that it judges."""
    verbs = [entry.verb for entry in exchange.log]
    made = len(exchange.keys_ever)
    failed = sum(entry.status == 503 for entry in exchange.log)
    early = exchange.requests_during_bans
    left = len(exchange.open_keys(now))
    return [
        _Promise(
            "two keys, the second in place of the lost one",
            str(made),
            made == 2,
        ),
        _Promise("keepalives reached the exchange", str(verbs.count("keepalive")), verbs.count("keepalive") >= 6),
        _Promise("one 503, and the key survived it", str(failed), failed == 1 and story.told.count("lost") == 1),
        _Promise("requests sent during the rate limit", str(early), early == 0),
        _Promise("keys left open", str(left), left == 0 and verbs[-1] == "close"),
    ]
