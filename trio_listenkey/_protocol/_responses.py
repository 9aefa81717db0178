"""What an answer over HTTP means. Here bytes of an exchange become one of five outcomes.

=============  ======================================================================  ==========================
outcome        what counts as one                                                      what follows
=============  ======================================================================  ==========================
``OK``         2xx whose body is what the venue documents                              go on
``TRANSIENT``  no complete answer, 408, 5xx, HTML or garbage where JSON was due,       another try, with backoff
               codes of a busy exchange
``WAIT``       429, 418, codes of a request limit, and the firewall's 403              silence towards the host
``GONE``       the venue's own codes (Binance: -1125), unless a create asked           a new key; when closing: done
``REFUSED``    everything else: credentials, permissions, 410, a bad request, ...      raised; if it is doubtful and a
                                                                                       key has worked, tried again
=============  ======================================================================  ==========================

An exchange's ``code`` outranks its HTTP status. The venues say what each code means; ``_refusals`` decides what follows
from code and status, for the WebSocket API as well. ``Answer`` says where in an answer each field is; this file reads
them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from .._core._outcomes import Ok, Outcome, Refused, Transient
from .._envelope import without_mark
from .._errors import RefusedError, TransportError, untrusted_peer
from .._http import Response
from .._venue._codes import Code, is_fine
from .._venue._venue import Venue, Verb
from ._refusals import Answered, ban_end, outcome_of, transient

__all__ = ["no_answer", "read_answer", "read_code", "readable"]

_SAFE_KEY: Final = re.compile(r"[A-Za-z0-9_-]{1,512}")
# One that becomes part of no URL; in base64, as Binance's documents show it.
_SAFE_TOKEN: Final = re.compile(r"[A-Za-z0-9+/=_-]{1,512}")
_NUMBER: Final = re.compile(r"-?(0|[1-9][0-9]{0,8})")
_WORDY_CODE: Final = re.compile(r"([A-Z]{1,8}-)?[0-9]{1,9}")
# Listen keys have 60 to 64 characters, API keys 64. Nothing that long in a message is meant for reading.
_LONG_RUN: Final = re.compile(r"[A-Za-z0-9+/=_-]{24,}")
# A secret shorter than this is one of a test. It is hidden where it is a word: "k" is a letter of many others, too.
_SHORT: Final = 8
_WORD: Final = r"(?<![A-Za-z0-9]){}(?![A-Za-z0-9])"


def read_answer(venue: Venue, verb: Verb, answer: Response, *, epoch: float, hide: Iterable[str]) -> Outcome:
    """What ``answer`` means.

    Args:
        venue: Who answered.
        verb: What was asked.
        answer: The answer.
        epoch: Unix time at which it came, for bans that are told as an instant.
        hide: Secrets that must not survive in any text, should the exchange echo them.
    """
    body = _decode(answer.body)
    code, message = _code_and_message(venue, body, hide)
    is_wrong = _says_failure(venue, verb, answer.status, body)
    if 200 <= answer.status < 300 and code is None and not is_wrong:
        return _read_success(venue, verb, answer, body)
    facts: dict[str, Any] = {
        "venue": venue.name,
        "verb": verb,
        "status": answer.status,
        "code": code,
        "message": message,
    }
    theirs = _exchange_time(answer, body)
    return outcome_of(
        Answered(
            facts=facts,
            answer=venue.answer,
            status=answer.status,
            code=code,
            is_readable=body is not None,
            names_key=verb != "create",
            silence=_seconds_of_silence(answer, message, epoch),
            ahead=None if theirs is None else theirs - epoch,
            address=venue.rest_url + _path(venue, verb),
            retired=venue.retired,
            is_signed=venue.signing is not None,
        )
    )


def no_answer(venue: Venue, verb: Verb, error: TransportError, *, hide: Iterable[str]) -> Outcome:
    """What it means that a transport brought back no answer."""
    facts: dict[str, Any] = {"venue": venue.name, "verb": verb}
    if error.untrusted:
        return Transient(
            untrusted_peer(readable(error.reason, hide), **facts), not error.unsent, is_final_at_first=True
        )
    return transient(f"no answer: {readable(error.reason, hide)}", facts, may_be_done=not error.unsent)


def _decode(body: bytes) -> Any:
    """The body as JSON, or ``None`` if it is none. ``null`` is none for our purposes, too."""
    try:
        return msgspec.json.decode(without_mark(body))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):  # the last: "[[[[[[..." of 64 KiB
        return None


_MISSING: Final = object()


def _find(body: Any, where: str) -> Any:
    """What stands at a place of an answer, written as :class:`Answer` explains; ``_MISSING`` if there is none."""
    for place in where.split("|"):
        found = body
        for step in place.split("."):
            found = _step(found, step)
        if found is not _MISSING:
            return found
    return _MISSING


def _step(value: Any, step: str) -> Any:
    if isinstance(value, dict):
        return value.get(step, _MISSING)
    if not isinstance(value, list):
        return _MISSING
    if step.isdecimal():
        return value[int(step)] if int(step) < len(value) else _MISSING
    name, _, wanted = step.partition("=")
    members = (each for each in value if isinstance(each, dict) and wanted and each.get(name) == wanted)
    return next(members, _MISSING)


def _code_and_message(venue: Venue, body: Any, hide: Iterable[str]) -> tuple[Code | None, str | None]:
    """The exchange's error code, if the body has one, and its words. Code 0 and 200 are how some say "fine"."""
    code, message = read_code(_find(body, venue.answer.code)), _find(body, venue.answer.message)
    return None if is_fine(code) else code, readable(message, hide) if isinstance(message, str) else None


def read_code(code: Any) -> Code | None:
    """An error code as the exchange spells it: a number, or a text like "ERR-5012" or "0003"; ``None`` if it is none.

    A number may be written as a text; but with zeros before it, it is another code. Absurd numbers are cut short.
    """
    if isinstance(code, str):
        if _NUMBER.fullmatch(code):
            return int(code)
        return code if _WORDY_CODE.fullmatch(code) else None
    return max(-(10**9), min(10**9, code)) if isinstance(code, int) and not isinstance(code, bool) else None


def _says_failure(venue: Venue, verb: Verb, status: int, body: Any) -> bool:
    """Whether an answer with 2xx says, or fails to deny, that nothing was done."""
    if status in venue.answer.failing_statuses:
        return True
    if venue.answer.success is None or (verb == "close" and body is None):
        return False
    # As text, because Bitrue's is a number on create and a text on keepalive (ccxt, 2026).
    return str(_find(body, venue.answer.success)) not in venue.answer.success_values


def _exchange_time(answer: Response, body: Any) -> float | None:
    """The exchange's time: to the millisecond from the body if it is there, else to the second from ``Date``."""
    told = _find(body, "serverTime|data.serverTime")
    if isinstance(told, int) and not isinstance(told, bool) and 10**12 < told < 10**13:
        return told / 1000
    return _http_date(answer.header("Date") or "")


def _read_success(venue: Venue, verb: Verb, answer: Response, body: Any) -> Outcome:
    facts: dict[str, Any] = {"venue": venue.name, "verb": verb, "status": answer.status}
    is_empty = answer.body.strip() in {b"", b"null"}
    if verb == "close" and (body is not None or is_empty):
        return Ok()  # it was asked to forget a key: what else it says does not matter
    if verb == "keepalive" and is_empty and venue.answer.may_be_empty:
        return Ok()
    if body is None:
        return transient("the answer is not JSON", facts, may_be_done=True)
    key = _find(body, venue.answer.key)
    if verb == "keepalive" and venue.keepalive is not None and isinstance(body, dict) and key is _MISSING:
        return Ok()  # the spot dialect answers {}; COIN-M has documented both
    problem = _problem_with(venue, key, body)
    if problem is None:
        return Ok(key, _life(venue, answer, body))
    error = RefusedError(
        problem,
        advice=f"Check that {venue.rest_url} is the exchange that {venue.name!r} describes",
        **facts,
    )
    return Refused(error, may_be_done=True, doubtful=True)


def _problem_with(venue: Venue, key: Any, body: Any) -> str | None:
    """What is wrong with the key of a successful answer; ``None`` if nothing is. It never quotes the key."""
    if key is _MISSING or key is None:
        if not isinstance(body, dict):
            return f"the answer is a JSON {type(body).__name__} without a listen key in the expected place"
        return "the answer has no listenKey"
    if not isinstance(key, str):
        return f"the listenKey is a {type(key).__name__}, no string"
    if not (_SAFE_TOKEN if venue.stream.says_key else _SAFE_KEY).fullmatch(key):
        return f"the listenKey, of {len(key)} characters, is not valid in a URL"
    return None


def _life(venue: Venue, answer: Response, body: Any) -> float | None:
    """Seconds that the key lives from now on, if the answer says when it ends, and what time it is."""
    if venue.answer.expiry is None:
        return None
    end = _find(body, venue.answer.expiry)
    date = _http_date(answer.header("Date") or "")
    if date is None or not isinstance(end, int) or isinstance(end, bool) or not 0 < end < 10**17:
        return None
    # ``Date`` is cut to the second, so that the difference is up to one too long.
    left = end / (1000 if venue.answer.expiry_unit == "ms" else 1) - date - 1.0
    return left if left > 0 else None


def _seconds_of_silence(answer: Response, message: str | None, epoch: float) -> float | None:
    """The longest of what the exchange says, by header or in its words; ``None`` if it says nothing of use."""
    said = [_retry_after(answer, epoch), _end_of_ban(answer, message, epoch)]
    return max((seconds for seconds in said if seconds is not None), default=None)


def _retry_after(answer: Response, epoch: float) -> float | None:
    """``Retry-After`` as seconds from now: a number or a date. RFC 9110 wants whole seconds; not every server does."""
    value = (answer.header("Retry-After") or "").strip()
    if re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,9})?", value):
        return float(value)
    instant = _http_date(value)
    return None if instant is None else _time_until(instant, answer, epoch)


def _end_of_ban(answer: Response, message: str | None, epoch: float) -> float | None:
    """Seconds until the "banned until" of the message, in Unix milliseconds."""
    end = ban_end(message)
    return None if end is None else _time_until(end, answer, epoch)


def _time_until(instant: float, answer: Response, epoch: float) -> float | None:
    """Seconds from now until ``instant``, by the exchange's clock if it tells, to the second; else by ours.

    ``None`` if it is past: then one of the clocks is wrong, and it is no reason to knock again at once.
    """
    date = _http_date(answer.header("Date") or "")
    seconds = instant - (epoch if date is None else date)
    return seconds + 1.0 if seconds > 0 else None


def _http_date(value: str) -> float | None:
    from datetime import UTC  # noqa: PLC0415 - seldom needed, and not small
    from email.utils import parsedate_to_datetime  # noqa: PLC0415

    try:
        date = parsedate_to_datetime(value)
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()  # RFC 9110: always GMT
    except (ValueError, OverflowError, OSError):
        return None


def _path(venue: Venue, verb: Verb) -> str:
    call = venue.call(verb)
    return (call.path if call else None) or venue.path


def readable(text: str, hide: Iterable[str]) -> str:
    """A stranger's text as it may stand in an error: printable, short, without secrets."""
    for secret in sorted(hide, key=len, reverse=True):  # one may be a part of another
        if len(secret) >= _SHORT:
            text = text.replace(secret, "[hidden]")  # no pattern, for ``re`` would remember it, and the key with it
        else:
            text = re.sub(_WORD.format(re.escape(secret)), "[hidden]", text)
    text = _LONG_RUN.sub("[hidden]", text)
    text = "".join(character if character.isprintable() else " " for character in text)
    return text if len(text) <= 200 else text[:199] + "…"
