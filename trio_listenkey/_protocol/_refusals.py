"""What an answer that is no success means: the one place where codes and statuses become outcomes.

``_responses`` reads answers by REST, ``_ws_api`` those by the WebSocket API; both make an ``Answered`` of them. The
first of these rules that applies decides:

1. A code that the venue lists as ``gone`` (unless a create asked), or such a status: the key does not exist.
2. 429, 418, a code of ``silence``, and 403 without a code (a firewall's): wait.
3. 408, 5xx, a code of ``transient``, an error page where JSON was due, a 2xx without success or code: a retry may help.
4. A code of ``clock``: the time of the request is wrong.
5. A code of ``credentials``, and 401; 410; 451; a code of ``refused``: refused, finally.
6. Everything else (an undocumented code with a 2xx; a 3xx or 4xx with or without a code): *doubtful*.

The wording of a message is never read, except for the end of a ban: the futures exchanges name it nowhere else.

Rules 4 and 6 give a ``Refused`` that is ``doubtful``. It is raised at once if no key has worked yet: the exchange, the
machine or the request is the wrong one. Once a key has worked, the exchange has changed and may change back: the
request is retried, with backoff, a bounded number of times. The lifecycle or the stream counts the retries.
"""

from __future__ import annotations

import re
from typing import Any, Final

from .._core._outcomes import Failure, Gone, Refused, Transient, Wait
from .._errors import (
    CredentialsError,
    EndpointGoneError,
    ListenKeyError,
    RateLimitedError,
    RefusedError,
    UnavailableError,
)
from .._value import Secretive
from .._venue._codes import Code, CodeKind
from .._venue._parts import Answer

__all__ = ["Answered", "ban_end", "of_length", "outcome_of", "transient"]

# Statuses whose meaning does not depend on the body: a proxy or a firewall may answer in the exchange's place.
_SETTLED_STATUSES: Final = frozenset({401, 404, 405, 410, 451})

# Where the exchange names no time: request limits are counted by the minute (all venues' documents), bans start at two
# minutes and end at three days (Binance spot rest-api.md, "IP limits"), the firewall's blocks take about five.
_DEFAULT_WAIT: Final = {429: 60.0, 418: 120.0, 403: 300.0}
_LONGEST_WAIT: Final = 3 * 86400.0

# A clock that is further off than this (a wrong time zone, a dead battery) must be set; we do not correct for it.
_FURTHEST_CLOCK: Final = 3600.0
_SAME_TIME: Final = 1.0  # ``Date`` is cut to the second

_BAN_END: Final = re.compile(r"until (\d{13})\b")


class Answered(Secretive, frozen=True, kw_only=True):
    """An answer that is no success. It has no repr: ``facts`` may quote the answer.

    Attributes:
        facts: Venue, verb, status, code and message, as the errors take them.
        answer: What the venue's codes mean.
        status: The HTTP status, or that of the WebSocket API; ``None`` if it said none.
        code: The exchange's code, as it is spelt; ``None`` if there is none.
        is_readable: Whether the answer was JSON.
        names_key: Whether the request was about an existing key: then that key may be gone.
        silence: Seconds of silence that the exchange asks for; ``None`` where it names none.
        ahead: Seconds that the exchange's clock is ahead of ours; ``None`` where the answer has no time.
        address: Where the request was sent.
        retired: What to use in place of an endpoint that is gone.
        is_signed: Whether the request had a signature.
    """

    facts: dict[str, Any]
    answer: Answer
    status: int | None
    code: Code | None
    is_readable: bool = True
    names_key: bool = True
    silence: float | None = None
    ahead: float | None = None
    address: str = ""
    retired: str | None = None
    is_signed: bool = True

    __repr__ = object.__repr__


def outcome_of(answered: Answered) -> Failure:
    """The outcome of an answer, by the rules above."""
    status, code = answered.status or 0, answered.code
    kind = answered.answer.kind_of(code)
    if answered.names_key and (kind == "gone" or (code is None and status in answered.answer.gone_statuses)):
        return Gone(RefusedError("the key does not exist", advice="Create a new one", **answered.facts))
    if kind == "silence" or _asks_for_silence(status, code):
        return _wait(answered)
    if kind is None and (not status or (code is None and 200 <= status < 300)):
        return transient("the answer does not confirm success", answered.facts)
    if kind == "transient" or _may_pass(answered):
        return transient("the exchange gave no usable answer", answered.facts)
    if kind == "clock":
        return _wrong_clock(answered)
    return _refusal(answered, kind)


def transient(problem: str, facts: dict[str, Any], *, may_be_done: bool = True) -> Transient:
    """A failure that a retry may pass. The exchange may have done the work nevertheless.

    "5XX ... the execution status is UNKNOWN" (Binance, general information).
    """
    error = UnavailableError(problem, advice="Try again; if it lasts, look at the exchange's status page", **facts)
    return Transient(error, may_be_done)


def of_length(seconds: float) -> float:
    """A wait of ``seconds``, limited to sensible values."""
    return min(max(seconds, 1.0), _LONGEST_WAIT)


def ban_end(message: str | None) -> float | None:
    """The end of a ban in Unix time, where a message says "banned until"."""
    found = _BAN_END.search(message or "")
    return None if found is None else int(found[1]) / 1000


def _asks_for_silence(status: int, code: Code | None) -> bool:
    # A 403 without a code of the exchange's comes from the firewall in front of it, which "can indicate a rate limit
    # violation or a security block" (Binance spot rest-api.md, "HTTP Return Codes").
    return status in {418, 429} or (status == 403 and code is None)


def _may_pass(answered: Answered) -> bool:
    status = answered.status or 0
    if status == 408 or status >= 500:
        return True
    return not answered.is_readable and status >= 400 and status not in _SETTLED_STATUSES


def _wait(answered: Answered) -> Wait:
    usual = _DEFAULT_WAIT.get(answered.status or 429, _DEFAULT_WAIT[429])
    wait = of_length(usual if answered.silence is None else answered.silence)
    error = RateLimitedError(
        "rate limited by the exchange",
        advice=f"Send nothing to this host for {wait:.0f} s, and send fewer requests",
        retry_after=wait,
        **answered.facts,
    )
    return Wait(error, wait)


def _wrong_clock(answered: Answered) -> Refused:
    """The request's time was too far from the exchange's. If the answer has the exchange's time, one retry uses it."""
    ahead = answered.ahead
    problem = "the exchange rejects the request's timestamp"
    if ahead is not None and abs(ahead) > _SAME_TIME:
        problem = f"this machine's clock is {abs(ahead):.0f} s {'slow' if ahead > 0 else 'fast'}"
    error = RefusedError(
        problem,
        advice="Set the clock by NTP; a request that arrives seconds late is refused in the same way",
        **answered.facts,
    )
    if ahead is None or abs(ahead) > _FURTHEST_CLOCK:
        return Refused(error, doubtful=True)
    # Where the clocks agree, ours was corrected meanwhile, or the request was slow: the retry uses our clock.
    return Refused(error, doubtful=True, clock=ahead if abs(ahead) > _SAME_TIME else 0.0)


def _refusal(answered: Answered, kind: CodeKind | None) -> Refused:
    status, signed = answered.status or 0, answered.is_signed
    if status == 410:
        instead = answered.retired or "the exchange no longer serves this here"
        advice = f"{instead}. Choose another venue"
        return Refused(_error(answered, EndpointGoneError, "this endpoint is retired", advice))
    if kind == "credentials" or status == 401:
        problem = "the exchange does not accept the API key" + (", or the signature" if signed else "")
        advice = "Check the key, that it belongs to this exchange, its permissions and its IP whitelist"
        return Refused(_error(answered, CredentialsError, problem, advice + (", and the secret" if signed else "")))
    if status == 451:
        problem = "the exchange does not serve this country"
        return Refused(_error(answered, RefusedError, problem, "Run from where the account is served"))
    if kind == "refused":
        return Refused(_error(answered, RefusedError, "the exchange refused", _LOOK_UP))
    return Refused(_doubtful(answered, status), doubtful=True)


_LOOK_UP: Final = "Look its code up in the exchange's documents"


def _doubtful(answered: Answered, status: int) -> ListenKeyError:
    if 300 <= status < 400:
        problem = "the exchange answered with a redirect, which is never followed: it would pass on the API key"
        return _error(answered, RefusedError, problem, f"Check the address {answered.address}")
    if status in {404, 405}:
        return _error(answered, RefusedError, "there is no such endpoint", f"Check the address {answered.address}")
    return _error(answered, RefusedError, "the exchange refused", _LOOK_UP)


def _error(answered: Answered, kind: type[ListenKeyError], problem: str, advice: str) -> ListenKeyError:
    return kind(problem, advice=advice, **answered.facts)
