"""What all structs of this package have in common, and the types of their fields."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, TypeAlias

from msgspec import Meta, Struct, field

if TYPE_CHECKING:
    # Type checkers know of defaults before Python does: ``TypeVar(default=...)`` is of 3.13. They bring their own
    # ``typing_extensions``, so that none has to be installed.
    from typing_extensions import TypeVar

    Number = TypeVar("Number", str, Decimal, default=str)
else:
    from typing import TypeVar

    Number = TypeVar("Number", str, Decimal)

__all__ = ["Event", "Milliseconds", "Number", "Record"]

Milliseconds: TypeAlias = Annotated[int, Meta(extra={"unit": "ms since 1970"})]
"""A moment on the exchange's clock."""


# Without the garbage collector's attention: what is decoded from JSON has no way to refer to itself.
class Record(Struct, frozen=True, gc=False, omit_defaults=True):
    """A JSON object as a frozen struct. What is not known here is ignored; what is optional and missing is ``None``."""


class Event(Record, frozen=True, kw_only=True, tag_field="e"):
    """One kind of event. Which one it is, ``e`` says on the wire, and the class here."""

    event_time: Milliseconds = field(name="E")
    """When the exchange made the event."""
