"""Drives a ``Lifecycle`` by hand, at exact times; tells what would be sent and what observers would hear."""

from __future__ import annotations

from typing import TypeVar

from trio_listenkey import (
    CredentialsError,
    ListenKeyError,
    RateLimitedError,
    RefusedError,
    Timing,
    UnavailableError,
    Venue,
    venues,
)
from trio_listenkey._core._accounts import Account, Host
from trio_listenkey._core._key_lifecycle import Lifecycle, Notice, OnExit, OnLost, Send
from trio_listenkey._core._outcomes import Gone, Ok, Outcome, Refused, Transient, Wait

FORM = venues.BINANCE_US
"""Keys have to be named."""

ACCOUNT = venues.BINANCE_USDM
"""The exchange knows the key by the API key."""

OK = Ok()
NO_ANSWER = Transient(UnavailableError("no answer", advice="Try again"), may_be_done=True)
UNTRUSTED = Transient(RefusedError("not trusted", advice="Check the date"), may_be_done=False, is_final_at_first=True)
NEVER_SENT = Transient(UnavailableError("no connection", advice="Try again"), may_be_done=False)
GONE = Gone(RefusedError("no such key", advice="Create one", status=400, code=-1125, message="?"))
REFUSED = Refused(CredentialsError("no such API key", advice="Check it", status=401, code=-2015))
ODD_KEY = Refused(RefusedError("no key", advice="Check it", status=200), may_be_done=True, doubtful=True)


def alive(key: str) -> Ok:
    """Success, with a key in it."""
    return Ok(key)


def banned(seconds: float, status: int = 429) -> Wait:
    """The exchange wants silence."""
    error = RateLimitedError("hush", advice="Wait", retry_after=seconds, status=status, code=-1003, message="Too much.")
    return Wait(error, seconds)


_Told = TypeVar("_Told", bound=Notice)


class Life:
    """One lifecycle and all that it has told."""

    def __init__(
        self,
        venue: Venue = FORM,
        *,
        timing: Timing | None = None,
        account: Account | None = None,
        on_exit: OnExit = "close",
        on_lost: OnLost = "replace",
        now: float = 0.0,
        draw: float = 0.0,
    ) -> None:
        self.account = Host().register("/path", "api-key") if account is None else account
        timing = Timing() if timing is None else timing
        self.machine = Lifecycle(venue, timing, self.account, on_exit=on_exit, on_lost=on_lost, now=now, draw=draw)
        self.heard: list[Notice] = []

    def tick(self, now: float) -> str:
        """Let time pass; return the name of the state."""
        self.machine.tick(now)
        self.heard += self.machine.notices()
        return self.state

    def next_request(self, now: float) -> Send | None:
        """What is sent at ``now``, if anything."""
        send = self.machine.next_request(now)
        self.heard += self.machine.notices()
        return send

    def sends(self, now: float, verb: str, key: str | None) -> None:
        """At ``now`` this is sent, and was not to be sent before."""
        assert self.machine.next_request_at <= now
        send = self.next_request(now)
        assert send is not None
        assert (send.verb, send.key) == (verb, key)

    def gets(self, outcome: Outcome, now: float, draw: float = 0.0) -> str:
        """The request in flight ends; return the name of the state that it leads to."""
        self.machine.receive(outcome, now, draw)
        return self.tick(now)

    def stops(self, now: float) -> str:
        """The block is over."""
        self.machine.stop(now)
        return self.tick(now)

    def leaves(self) -> None:
        """The keeper is done with it."""
        assert self.state == "CLOSED"
        self.account.release()

    def told(self, kind: type[_Told]) -> _Told:
        """The last notice, which has to be of this kind."""
        notice = self.heard[-1]
        assert isinstance(notice, kind)
        return notice

    @property
    def state(self) -> str:
        return self.machine.state.name

    @property
    def kinds(self) -> list[str]:
        """What observers have heard, in order."""
        return [notice.kind for notice in self.heard]

    @property
    def failure(self) -> ListenKeyError:
        assert self.machine.failure is not None
        return self.machine.failure


def held(
    venue: Venue = FORM,
    *,
    timing: Timing | None = None,
    account: Account | None = None,
    on_exit: OnExit = "close",
    on_lost: OnLost = "replace",
    key: str = "K1",
    draw: float = 0.0,
) -> Life:
    """A life whose first create was sent and answered at 0."""
    life = Life(venue, timing=timing, account=account, on_exit=on_exit, on_lost=on_lost)
    life.sends(0.0, "create", None)
    assert life.gets(alive(key), 0.0, draw) == "HELD"
    return life
