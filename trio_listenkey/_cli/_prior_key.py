"""Whether an account has a listen key already, before one is asked for; and so what becomes of it at the end.

On most exchanges an account has one key, a create returns the key that is there, and a close silences every program
that holds it. So what was there before belongs to somebody else, and is left open.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Final, Literal

import trio

from .._core._budget import Ticket, Urgency
from .._core._key_lifecycle import KeepaliveSchedule, OnExit
from .._core._outcomes import Gone, Ok, Outcome, Wait
from .._errors import TransportError
from .._protocol._requests import build_request
from .._protocol._responses import no_answer, read_answer
from .._protocol._signing import signing_for
from .._settings import Timing
from .._shell._run_context import current_context
from .._venue._venue import Venue
from ..transports._base import Transport
from ._account import Account

__all__ = [
    "NOTHING_PRIOR",
    "OF_ANOTHER",
    "Closing",
    "Prior",
    "ask_for_key",
    "can_ask",
    "find_out",
    "had_key",
    "why_left",
]

Closing = Literal["close", "leave", "careful"]
"""What to do with the key: ``"careful"`` closes it only if the account surely had none before."""

_EXPIRES: Final = "which expires by itself"

OF_ANOTHER: Final = f"{_EXPIRES}: another program made it (--close closes it)"
"""Why a key is left open that has come in place of ours."""


@dataclass(frozen=True, slots=True)
class Prior:
    """What was found out.

    Attributes:
        had_key: Whether the account had a key before; ``None`` if that is not known.
        why_left: Why the key is left open at the end, as the end of a sentence about it; empty if it is closed.
    """

    had_key: bool | None
    why_left: str

    @property
    def on_exit(self) -> OnExit:
        """For the library."""
        return "leave" if self.why_left else "close"


NOTHING_PRIOR: Final = Prior(had_key=False, why_left="")
"""Where there are no keys, or all are our own."""


def can_ask(account: Account[Venue]) -> bool:
    """Whether one can ask for an account's key without knowing or making it."""
    venue, credentials = account.venue, account.credentials
    return (
        credentials is not None
        and venue.keepalive is not None
        and venue.key_place("keepalive") == "account"
        and venue.sharing.second_create == "same"
        and signing_for(venue, credentials, "keepalive") is None
    )


async def ask_for_key(account: Account[Venue], transport: Transport) -> Outcome:
    """Keep the account's key alive, if it has one: that takes the credentials, and changes nothing for anyone."""
    venue, credentials = account.venue, account.credentials
    assert credentials is not None  # see `can_ask`
    secrets = [secret for secret in (credentials.api_key, credentials.api_secret) if secret]
    try:
        answer = await transport.request(build_request(venue, credentials, "keepalive", None))
    except TransportError as error:
        return no_answer(venue, "keepalive", error, hide=secrets)
    return read_answer(venue, "keepalive", answer, epoch=time.time(), hide=secrets)


def had_key(outcome: Outcome) -> bool | None:
    """What the answer to `ask_for_key` says."""
    return True if isinstance(outcome, Ok) else False if isinstance(outcome, Gone) else None


def why_left(venue: Venue, closing: Closing, *, had_key: bool | None) -> str:
    """Why the key is left open at the end; empty if it is closed."""
    if venue.close is None or closing == "leave":
        return _EXPIRES
    if closing == "close" or had_key is False or venue.sharing.second_create == "new":
        return ""
    if had_key:
        return f"{_EXPIRES}: it was there before (--close closes it)"
    return f"{_EXPIRES}: whether others hold it is not known (--close closes it)"


async def find_out(account: Account[Any], closing: Closing, timing: Timing) -> Prior:
    """Ask the exchange, if it can be asked. What fails will fail again when the key is opened, and is told then."""
    venue = account.venue
    if not isinstance(venue, Venue):
        return NOTHING_PRIOR
    known = False if venue.sharing.second_create == "new" else None
    if can_ask(account):
        limit = min(timing.request_timeout, timing.open_timeout)
        with trio.move_on_after(limit):
            known = await _ask_as_others_do(account, timing, limit)
    return Prior(known, why_left(venue, closing, had_key=known))


async def _ask_as_others_do(account: Account[Venue], timing: Timing, limit: float) -> bool | None:
    """Ask as the keys of this run do: by their transport, within the host's budget, and not while it is banned.

    A ban that comes of it is known to all of them.
    """
    venue, context = account.venue, current_context()
    assert account.credentials is not None  # see `can_ask`
    assert venue.keepalive is not None
    schedule = KeepaliveSchedule.of(venue, timing)
    alarm = context.alarm(timing.suspend_check_every)
    registration = context.register(venue, account.credentials, None, schedule, alarm)
    host, now = registration.account.host, context.clock.now
    try:
        ticket = Ticket(Urgency.CREATE, venue.keepalive.weight)
        if host.allowed_at > now() or not await registration.gate.pass_through(ticket, context.clock, now() + limit):
            return None
        outcome = await ask_for_key(account, registration.transport)
        if isinstance(outcome, Wait):
            with registration.lock:
                host.block(now() + outcome.seconds)
        return had_key(outcome)
    finally:
        registration.release_account()
        with trio.CancelScope(shield=True):
            await registration.release()  # it does not wait
