"""What goes wrong, as a table. The name of a scenario is what ``--scenario`` takes; its title is what readers see."""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from trio_listenkey.testing import (
    CloseSocket,
    Effect,
    Exchange,
    Fault,
    HalfOpen,
    Hang,
    KillKey,
    Reset,
    bad_gateway_html,
    banned,
    html_page,
    rate_limited,
    service_unavailable,
)

from .gateways import Feed
from .judge import Promise
from .part import Settings

__all__ = ["ACCOUNT", "EVENTS_PER_SECOND", "SCENARIOS", "Act", "Scenario", "Scene"]

ACCOUNT = "account"

_SLACK = 1.0
"""Seconds that a new key and a new socket may take on a busy machine, besides what has been promised."""

_OVERLAP = 2.0
"""Seconds for which ours reads two sockets where the key was replaced: the old one may still work, and its feed may
lag by ``Timing.feed_lag``. What comes on the new socket meanwhile is late by so much."""

EVENTS_PER_SECOND = 8

_USUAL = Settings()
_NONE = Promise()

_RARE_KEEPALIVE = Settings(keepalive_every=15.0, validity=45.0)
"""Where the next keepalive would find out by itself: it is far away, as it is in real life."""

_OUTAGE_RETRY_CAP = 10.0
"""Where the exchange is out for 20 s: with a whole minute between two tries the scenario could be over before."""


class Scene(Protocol):
    """What an act may do something to."""

    exchange: Exchange

    def now(self) -> float:
        """The exchange's time."""

    def emit(self, count: int) -> None:
        """So many events at once."""

    def tell(self, command: str) -> None:
        """Give the player a command."""

    def signal(self, number: int) -> None:
        """Send the player's process a signal."""


Act = Callable[[Scene], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One row of the table.

    Attributes:
        name: In one word.
        title: For readers.
        seconds: How long events trickle. Then there is a moment of rest, and the player is asked to stop.
        faults: What is wrong with the exchange from the beginning.
        acts: What happens so many seconds after the first event.
        settings: How the players are set.
        announces_expiry: Whether the exchange tells sockets that their key has expired.
        announces_shutdown: Whether it tells them that it will close them.
        keepalive_tells_key: Whether the answer to a keepalive names the key.
        events_per_second: How fast they trickle.
        feed: By which gateways events get to the players; ``None`` for none.
        consumers: Who consumes the account's events; the last is judged.
        promise: What is required of this library.
        is_about_stopping: Whether readers want to know how long that took.
    """

    name: str
    title: str
    seconds: float
    faults: tuple[Fault, ...] = ()
    acts: tuple[tuple[float, Act], ...] = ()
    settings: Settings = _USUAL
    announces_expiry: bool = True
    announces_shutdown: bool = False
    keepalive_tells_key: bool = True
    events_per_second: int = EVENTS_PER_SECOND
    feed: Feed | None = None
    consumers: tuple[str, ...] = ("a",)
    promise: Promise = _NONE
    is_about_stopping: bool = False

    @property
    def is_storm(self) -> bool:
        """Whether many sockets fall together, so that readers want to know how close together others follow."""
        return len(self.consumers) > 2


def _strike(effect: Effect) -> Act:
    return lambda scene: _ignore(scene.exchange.strike_sockets(effect, scene.now()))


def _kill_key(*, announced: bool) -> Act:
    return lambda scene: scene.exchange.kill_key(ACCOUNT, scene.now(), announced=announced)


def _announce_shutdown(scene: Scene) -> None:
    scene.exchange.shut_down_sockets(scene.now(), after=600.0)


def _replace_key(scene: Scene) -> None:
    scene.exchange.replace_key(ACCOUNT, scene.now())


def _begin(*faults: Fault) -> Act:
    return lambda scene: scene.exchange.add_faults(*faults)


def _end_faults(scene: Scene) -> None:
    scene.exchange.clear_faults()


def _tell(command: str) -> Act:
    return lambda scene: scene.tell(command)


def _emit(count: int) -> Act:
    return lambda scene: scene.emit(count)


def _signal(number: int) -> Act:
    return lambda scene: scene.signal(number)


def _ignore(result: object) -> None:
    """An act has no result."""


_REFUSED = Fault(verb="connect", effect=html_page(503, "503 Service Unavailable"))

SCENARIOS = (
    Scenario(
        name="one-503",
        title="a keepalive gets a 503",
        seconds=12,
        faults=(Fault(verb="keepalive", count=1, effect=service_unavailable()),),
        promise=Promise(gapless=True),
    ),
    Scenario(
        name="five-503",
        title="five keepalives in a row get a 503",
        seconds=18,
        faults=(Fault(verb="keepalive", count=5, effect=service_unavailable()),),
        promise=Promise(gapless=True),
    ),
    Scenario(
        name="put-hangs",
        title="two keepalives are never answered",
        seconds=15,
        faults=(Fault(verb="keepalive", count=2, effect=Hang()),),
        promise=Promise(gapless=True),
    ),
    Scenario(
        name="put-reset",
        title="a keepalive's connection is reset",
        seconds=12,
        faults=(Fault(verb="keepalive", count=1, effect=Reset()),),
        promise=Promise(gapless=True),
    ),
    Scenario(
        name="html-502",
        title="a keepalive gets a 502 in HTML",
        seconds=12,
        faults=(Fault(verb="keepalive", count=1, effect=bad_gateway_html()),),
        promise=Promise(gapless=True),
    ),
    Scenario(
        name="limit-429",
        title="a keepalive gets a 429, Retry-After: 6",
        seconds=16,
        faults=(Fault(verb="keepalive", count=1, effect=rate_limited(6)),),
        promise=Promise(gapless=True),
    ),
    Scenario(
        name="ban-418",
        title="a keepalive gets a 418, Retry-After: 8",
        seconds=18,
        faults=(Fault(verb="keepalive", count=1, effect=banned(8, header=True)),),
        promise=Promise(gapless=True),
    ),
    Scenario(
        name="key-gone",
        title="the key dies just before a keepalive, which gets -1125",
        seconds=15,
        faults=(Fault(verb="keepalive", count=1, effect=KillKey()),),
        promise=Promise(deaf_at_most=_SLACK),
    ),
    Scenario(
        name="expired-told",
        title="the key expires, and the stream says so",
        seconds=28,
        acts=((3.0, _kill_key(announced=True)),),
        settings=_RARE_KEEPALIVE,
        promise=Promise(deaf_at_most=_SLACK),
    ),
    Scenario(
        name="expiry-said-late",
        title="the key expires, and the stream says so a second later",
        seconds=28,
        acts=((3.0, _kill_key(announced=True)),),
        settings=_RARE_KEEPALIVE,
        feed=Feed(expiry_late=1.0),
        promise=Promise(deaf_at_most=1.0 + _SLACK),
    ),
    Scenario(
        name="expired-untold",
        title="REST answers 503 for 23 s, the key expires after 16 s, and the stream says nothing",
        seconds=38,
        acts=((1.0, _begin(Fault(effect=service_unavailable()))), (24.0, _end_faults)),
        settings=Settings(validity=16.0, retry_cap=_OUTAGE_RETRY_CAP),
        announces_expiry=False,
        promise=Promise(deaf_at_most=24 - 16 + _OUTAGE_RETRY_CAP + _SLACK),
    ),
    Scenario(
        name="deleted",
        title="another process deletes the key, and the stream says nothing",
        seconds=28,
        acts=((3.0, _kill_key(announced=False)),),
        settings=_RARE_KEEPALIVE,
        promise=Promise(deaf_at_most=_RARE_KEEPALIVE.silence_check_every + _SLACK),
    ),
    Scenario(
        name="replaced",
        title="another process deletes the key and makes a new one",
        seconds=28,
        acts=((3.0, _replace_key),),
        settings=_RARE_KEEPALIVE,
        promise=Promise(deaf_at_most=_RARE_KEEPALIVE.silence_check_every + _OVERLAP + _SLACK),
    ),
    Scenario(
        name="anonymous-put",
        title="another process deletes the key and makes a new one, and answers to keepalives name none",
        seconds=28,
        acts=((3.0, _replace_key),),
        settings=_RARE_KEEPALIVE,
        keepalive_tells_key=False,
        promise=Promise(deaf_at_most=_RARE_KEEPALIVE.silence_check_every + _OVERLAP + _SLACK),
    ),
    Scenario(
        name="socket-reset",
        title="the socket is reset",
        seconds=12,
        acts=((3.0, _strike(Reset())),),
    ),
    Scenario(
        name="socket-1001",
        title="the exchange closes the socket with 1001",
        seconds=12,
        acts=((3.0, _strike(CloseSocket(1001))),),
    ),
    Scenario(
        name="half-open",
        title="the socket is half-open",
        seconds=25,
        acts=((3.0, _strike(HalfOpen())),),
        promise=Promise(deaf_at_most=2 * _USUAL.ping_every + _SLACK),
    ),
    Scenario(
        name="refused",
        title="the socket is reset, and handshakes are refused for 20 s",
        seconds=38,
        acts=((3.0, _begin(_REFUSED)), (3.0, _strike(Reset())), (23.0, _end_faults)),
        settings=Settings(retry_cap=_OUTAGE_RETRY_CAP),
        promise=Promise(deaf_at_most=23 - 3 + _OUTAGE_RETRY_CAP + _SLACK),
    ),
    Scenario(
        name="drop-and-death",
        title="the key dies silently, and the socket is reset",
        seconds=28,
        acts=((3.0, _kill_key(announced=False)), (3.0, _strike(Reset()))),
        settings=_RARE_KEEPALIVE,
        promise=Promise(deaf_at_most=_RARE_KEEPALIVE.silence_check_every + 2 * _SLACK),
    ),
    Scenario(
        name="slow",
        title="the user takes 0.5 s for each event, for 40 s, and 400 events come at once",
        seconds=50,
        acts=((3.0, _tell("slow 0.5")), (3.0, _emit(400)), (43.0, _tell("slow 0"))),
        # ccxt renews its key when it is asked for events; this user does not ask for longer than a key would live.
        settings=Settings(validity=120.0),
        promise=Promise(gapless=True),
    ),
    Scenario(
        name="two-consumers",
        title="of two consumers of an account one stops",
        seconds=18,
        acts=((4.0, _tell("leave a")),),
        consumers=("a", "b"),
        promise=Promise(gapless=True),
    ),
    Scenario(
        name="stop-put-hangs",
        title="the user stops while a keepalive is not answered",
        seconds=5,
        faults=(Fault(verb="keepalive", effect=Hang()),),
        settings=Settings(request_timeout=10.0),
        promise=Promise(gapless=True),
        is_about_stopping=True,
    ),
    Scenario(
        name="stop-delete-hangs",
        title="the user stops, and the DELETE is not answered",
        seconds=5,
        faults=(Fault(verb="close", effect=Hang()),),
        promise=Promise(gapless=True, leaves_key=True),
        is_about_stopping=True,
    ),
    Scenario(
        name="handover",
        title="the exchange closes every socket after 10 s, as real ones do after 24 h",
        seconds=25,
        settings=Settings(socket_lifetime=10.0),
        promise=Promise(gapless=True),
    ),
    Scenario(
        name="skewed-handover",
        title="the same at 200 events a second, and every other socket's feed is 0.5 s behind and begins 10 ms late",
        seconds=25,
        settings=Settings(socket_lifetime=10.0),
        events_per_second=200,
        feed=Feed(lags=(0.0, 0.5), begins_late=0.01),
        promise=Promise(gapless=True),
    ),
    Scenario(
        name="storm-100",
        title="the sockets of a hundred consumers in one program are reset together",
        seconds=45,
        acts=((17.0, _strike(Reset())),),
        consumers=tuple(f"c{nth}" for nth in range(100)),
        # Five at once and twenty a second; twenty more for each second that the machine was late.
        promise=Promise(handshakes_a_second=50),
    ),
    Scenario(
        name="shutdown-loop",
        title="each new socket is told at once that the exchange will close it",
        seconds=20,
        acts=tuple((3.0 + nth / 4, _announce_shutdown) for nth in range(47)),
        announces_shutdown=True,
        promise=Promise(gapless=True),
    ),
    Scenario(
        name="blocked",
        title="the program computes for 1.3 s, again and again, and pings are sent every second",
        seconds=18,
        acts=tuple((3.0 + 2.1 * nth, _tell("block 1.3")) for nth in range(5)),
        settings=Settings(ping_every=1.0),
        promise=Promise(gapless=True),
    ),
    Scenario(
        name="suspend",
        title="the process stands still for 14 s, and the key dies meanwhile",
        seconds=35,
        acts=(
            (4.0, _signal(signal.SIGSTOP)),
            (12.0, _kill_key(announced=False)),
            (18.0, _signal(signal.SIGCONT)),
        ),
        promise=Promise(deaf_at_most=14.0 + _USUAL.silence_check_every + _SLACK),
    ),
)
