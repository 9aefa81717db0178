"""Reads an outcome in a test: what it means, and its fields once its kind is certain."""

from __future__ import annotations

from typing import TypeVar

from trio_listenkey import ListenKeyError
from trio_listenkey._core._key_states import Event
from trio_listenkey._core._outcomes import Ok, Outcome, Refused, Transient

__all__ = ["error_of", "expect", "may_be_done", "meaning_of"]

_Kind = TypeVar("_Kind")


def expect(kind: type[_Kind], outcome: Outcome) -> _Kind:
    """``outcome``, which has to be of this kind."""
    assert isinstance(outcome, kind)
    return outcome


def error_of(outcome: Outcome) -> ListenKeyError:
    """The error of a failure."""
    assert not isinstance(outcome, Ok)
    return outcome.error


def meaning_of(outcome: Outcome) -> tuple[Event, type[object]]:
    """What it is to the state table, and the type of its error."""
    return outcome.event, type(None if isinstance(outcome, Ok) else outcome.error)


def may_be_done(outcome: Outcome) -> bool:
    """Whether the exchange may have done the work although we were not told."""
    return isinstance(outcome, Transient | Refused) and outcome.may_be_done
