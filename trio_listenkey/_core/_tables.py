"""The common part of all tables of states: how to look up the next state."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any, TypeVar

__all__ = ["Name", "after"]


class Name(Enum):
    """A state, or an event that leads from one to another."""

    __hash__: Any = object.__hash__  # Enum's own is Python code, and these are looked up a lot


_State = TypeVar("_State", bound=Name)
_Event = TypeVar("_Event", bound=Name)


def after(table: Mapping[_State, Mapping[_Event, _State]], state: _State, event: _Event) -> _State:
    """The state that ``event`` leads to. A missing entry is a bug of ours; the error names the place."""
    try:
        return table[state][event]
    except KeyError:
        raise AssertionError(f"what is {state.name} cannot have {event.name} happen to it") from None
