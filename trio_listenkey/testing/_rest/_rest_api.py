"""The REST API: what a request is answered, and what of it is done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from email.utils import formatdate

from ..._http import Request
from .._dialects._binance import Dialect
from .._faults._effects import (
    JSON_TYPE,
    Delay,
    Effect,
    KillKey,
    Limit,
    Redirect,
    Status,
    Wire,
    WrongShape,
    api_error,
    html_page,
    retired,
)
from .._faults._meanings import does_work
from .._faults._script import RequestKind, Script
from .._log import LogEntry, blotted
from .._state._accounts import Accounts
from .._state._keys import Keys, Place
from .._state._limits import Limits
from .._state._reply import Reply, Work, from_status, success
from ._order_api import OrderApi
from ._public_api import PublicApi
from ._request import Call, understand
from ._signatures import verify
from ._tokens import token_terms

__all__ = ["RestApi"]

# Characters of a key. An exchange that has shorter ones refuses the longer.
_USUAL_LENGTH = 64

_NO_ANSWER = Reply(status=504)


class RestApi:
    """Answers the requests of all clients.

    Args:
        dialects: The endpoints that are served, by path.
        accounts: Who is let in.
        keys: The listen keys, which requests create, renew and close.
        limits: What all clients together may spend, and the ban if they spend more.
        script: What goes wrong.
        unix_time: The exchange's wall clock.
        orders: Answers what is about orders ...
        public: ... and what anybody may ask.

    Attributes:
        retired: Dialects that answer HTTP 410.
    """

    def __init__(
        self,
        dialects: Mapping[str, Dialect],
        accounts: Accounts,
        keys: Keys,
        limits: Limits,
        script: Script,
        unix_time: Callable[[float], float],
        orders: OrderApi,
        public: PublicApi,
    ) -> None:
        self.retired: set[Dialect] = set()
        self._dialects = {**dialects, **orders.dialects}
        self._orders = orders
        self._public = public
        self._accounts = accounts
        self._keys = keys
        self._limits = limits
        self._script = script
        self._unix_time = unix_time

    def handle(self, request: Request, now: float) -> tuple[Reply, LogEntry]:
        """Take in one request, do the work, and say what to do on the wire and what the log has of it."""
        call = understand(request, now, self._dialects, self._accounts.by_key)
        during_ban = self._limits.silenced(now)
        effect = None
        if during_ban:
            self._limits.offences += 1
        else:
            self._limits.weigh(self._weight(call), now)
            effect = self._script.strike(call.verb, call.account, now) if call.verb else None
        reply = self._refuse_noise(call) if self._limits.silenced(now) else self._apply(effect, call)
        known = call.dialect is not None or self._public.knows(call.method, call.path)
        line = _log_entry(call, reply, effect, path=call.path if known else blotted(call.path), during_ban=during_ban)
        return replace(reply, headers=(*reply.headers, *self._standing_headers(now))), line

    def _weight(self, call: Call) -> int:
        if self._public.knows(call.method, call.path):
            return self._public.weight(call.path)
        weight = self._orders.weight(call)
        if weight is None:
            weight = call.dialect.weight if call.dialect else 1
        return weight

    def _standing_headers(self, now: float) -> tuple[tuple[str, str], ...]:
        date, weight = formatdate(self._unix_time(now), usegmt=True), str(self._limits.weight)
        # The header without an interval is no longer documented; it is still sent, and clients fail without it.
        return ("Date", date), ("X-MBX-USED-WEIGHT", weight), ("X-MBX-USED-WEIGHT-1M", weight)

    def _refuse_noise(self, call: Call) -> Reply:
        return self._limits.refuse(call.dialect or next(iter(self._dialects.values())), call.now)

    # --- What goes wrong: the column "request" of MEANINGS

    def _apply(self, effect: Effect | None, call: Call) -> Reply:
        if isinstance(effect, KillKey):
            self._kill_before(call, announced=effect.announced)
        if isinstance(effect, Delay):
            reply = self._apply(effect.then, call)
            return replace(reply, delay=reply.delay + effect.seconds)
        reply = self._answer(call) if effect is None or does_work(effect) else _NO_ANSWER
        match effect:
            case Status():
                return from_status(effect, reply.work)
            case WrongShape(body):
                return Reply(status=200, headers=(JSON_TYPE,), body=body, work=reply.work)
            case Redirect(location, code):
                return Reply(status=code, headers=(("Location", location),))
            case Limit():
                self._limits.begin_ban(effect, call.now)
                return self._refuse_noise(call)
        return replace(reply, wire=effect) if isinstance(effect, Wire) else reply

    def _kill_before(self, call: Call, *, announced: bool) -> None:
        dialect = self._orders.origins.get(call.path, call.dialect)
        if call.account is not None and dialect is not None:
            self._keys.end((call.account, dialect.path), call.now, announced=announced)

    # --- The exchange's own answers

    def _answer(self, call: Call) -> Reply:
        if self._public.knows(call.method, call.path):
            return self._public.answer(call.path, int(self._unix_time(call.now) * 1000))
        if call.dialect is None:
            return from_status(html_page(404, "404 Not Found"))
        if self._orders.origins.get(call.path, call.dialect) in self.retired:
            return from_status(retired())
        if call.verb is None:
            reply = from_status(html_page(405, "405 Method Not Allowed"))
            allowed = ", ".join(method for method, _ in call.dialect.methods)
            return replace(reply, headers=(*reply.headers, ("Allow", allowed)))
        refusals = call.dialect.refusals
        if not call.api_key:
            return from_status(refusals.no_api_key)
        if call.account is None:
            return from_status(refusals.api_key)
        secret, public_key = self._accounts.secrets.get(call.api_key), self._accounts.public_keys.get(call.api_key)
        verdict = verify(call.dialect, call.claim, secret, self._unix_time(call.now), public_key)
        if verdict == "unsigned":
            return from_status(refusals.unsigned or refusals.signature)
        if verdict != "good":
            return from_status(refusals.clock if verdict == "clock" else refusals.signature)
        if call.verb == "order":
            return self._orders.answer(call, int(self._unix_time(call.now) * 1000))
        return self._work(call.verb, (call.account, call.dialect.path), call.dialect, call)

    def _work(self, verb: RequestKind, place: Place, dialect: Dialect, call: Call) -> Reply:
        if verb == "create":
            return self._create(place, dialect, call)
        named = call.named_keys[0] if call.named_keys else ""
        if dialect.must_name_key(verb) and not named:
            return from_status(dialect.refusals.key_missing)
        if len(named) > dialect.key_length < _USUAL_LENGTH:
            range_ = f"^[a-zA-Z0-9]{{1,{dialect.key_length}}}$"
            message = f"Illegal characters found in parameter 'listenKey'; legal range is '{range_}'."
            return from_status(api_error(400, -1100, message))
        living = self._keys.living(place, call.now)
        if dialect.must_name_key(verb):
            living = [life for life in living if life.key == named]
        if not living:
            return from_status(dialect.refusals.gone)
        key = living[0].key
        if verb == "close":
            self._keys.end_life(living[0], call.now)
            return success("closed", dialect.closed.replace("KEY", key))
        self._keys.renew_life(living[0], call.now)
        told = '{"listenKey":"KEY"}' if dialect.keepalive_tells_key else "{}"
        return success("renewed", (told if dialect.kept is None else dialect.kept).replace("KEY", key))

    def _create(self, place: Place, dialect: Dialect, call: Call) -> Reply:
        now, validity = call.now, self._keys.validity
        life = self._keys.latest(place)
        work: Work = "created"
        if dialect.tokens_for is not None:
            terms = token_terms(dialect, place, call.fields)
            if isinstance(terms, Status):
                return from_status(terms)
            place, validity = terms
            key = self._keys.create_token(place, now, validity)
        elif dialect.second_create == "new":
            self._make_room(place, dialect, now)
            key = self._keys.create_another(place, now)
        elif life is None or now >= life.ends_at:
            key = self._keys.create(place, now, dialect.key_length)
        else:
            self._keys.renew_life(life, now)
            key, work = life.key, "renewed"
        body = dialect.created
        if "BESIDE" in body:
            body = body.replace("BESIDE", self._keys.create_beside(place, now))
        if "EXPIRY" in body:  # else it may be never
            body = body.replace("EXPIRY", str(int(self._unix_time(now + validity) * 1000)))
        return success(work, body.replace('"KEY"', f'"{key}"'))

    def _make_room(self, place: Place, dialect: Dialect, now: float) -> None:
        living = self._keys.living(place, now)
        if dialect.max_keys is not None and len(living) >= dialect.max_keys:
            # Of those that would have ended at the same moment, the oldest.
            self._keys.end_life(min(reversed(living), key=lambda life: life.ends_at), now)


def _log_entry(call: Call, reply: Reply, effect: Effect | None, *, path: str, during_ban: bool) -> LogEntry:
    """The line for one request."""
    return LogEntry(
        when=call.now,
        verb=call.verb,
        method=call.method[:16],
        path=path,
        account=call.account,
        status=reply.status,
        effect=effect,
        work=reply.work,
        during_ban=during_ban,
    )
