"""What users hand in and may change: a struct that is a dataclass to those who ask.

Importing a library takes as long as its classes take to be made. A frozen dataclass writes seven methods and has them
compiled, which takes forty times as long as it takes to make a :class:`msgspec.Struct` that does the same.

Where structs are public there is no ``from __future__ import annotations``: who asks for a signature would have msgspec
look up their names where ``__module__`` says, which is where users import them from.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import msgspec

if TYPE_CHECKING:
    from dataclasses import Field

__all__ = ["Secretive", "Value", "replace"]

_V = TypeVar("_V", bound=msgspec.Struct)


def replace(value: _V, **changes: Any) -> _V:
    """``value`` with some fields changed, and checked like any other.

    Not :func:`msgspec.structs.replace`: before msgspec 0.21 that calls no ``__post_init__``, and a venue could be moved
    to another machine in plain text (T2).
    """
    return type(value)(**{name: getattr(value, name) for name in value.__struct_fields__} | changes)


@cache
def _dataclass_like(struct: type[msgspec.Struct]) -> type:
    from dataclasses import field, make_dataclass  # noqa: PLC0415 - nothing else here needs it

    names, given = struct.__struct_fields__, struct.__struct_defaults__  # the latter of the last ones
    defaults = (msgspec.NODEFAULT,) * (len(names) - len(given)) + given
    columns: list[tuple[str, Any, Any]] = [
        (name, Any, field() if default is msgspec.NODEFAULT else field(default=default))
        for name, default in zip(names, defaults, strict=True)
    ]
    return make_dataclass(struct.__name__, columns, frozen=True, kw_only=True, repr=False)


class _OfDataclass:
    """What :mod:`dataclasses` looks for in a class: made when it is looked for, which few programs do."""

    __slots__ = ("_name",)

    def __set_name__(self, _owner: type, name: str) -> None:
        self._name = name

    def __get__(self, _instance: object, owner: type[msgspec.Struct]) -> Any:
        return getattr(_dataclass_like(owner), self._name)


class Value(msgspec.Struct, frozen=True):
    """A frozen value that :func:`dataclasses.replace` changes, and :func:`dataclasses.asdict` and its like read."""

    if TYPE_CHECKING:
        __dataclass_fields__: ClassVar[dict[str, Field[Any]]]
    else:
        __dataclass_fields__ = _OfDataclass()
        __dataclass_params__ = _OfDataclass()  # pprint looks for these
        __replace__ = replace  # ``copy.replace`` looks for it


class Secretive(msgspec.Struct, frozen=True):
    """Base of what has secrets in it, and a ``repr`` of its own that shows none."""

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """No fields: rich asks a struct for all of them, whatever its ``repr`` hides."""
        return []
