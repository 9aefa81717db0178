"""``.. events-of:: usdm`` is what is in each event of a product, made from its structs."""

from __future__ import annotations

import inspect
import textwrap
from types import ModuleType
from typing import Annotated, Any, TypeVar, get_args, get_origin, get_type_hints

import msgspec
from docutils import nodes
from exchange_tables import table
from sphinx.application import Sphinx
from sphinx.pycode import ModuleAnalyzer
from sphinx.util.docutils import SphinxDirective

from trio_listenkey import events, venues
from trio_listenkey.venues import SignedVenue, Venue

HEADS = ["Attribute", "Sent as", "Type", "What it is"]


def structs_of(module: ModuleType) -> list[Any]:
    """Those of a product: each event, and behind it what it is made of, where that comes first."""
    found: list[Any] = []

    def look_into(kind: Any) -> None:
        struct = get_origin(kind) or kind
        if isinstance(struct, type) and issubclass(struct, msgspec.Struct) and struct not in found:
            found.append(struct)
            for each in get_type_hints(struct, include_extras=True).values():
                look_into(each)
        for each in get_args(kind):
            look_into(each)

    look_into(module.Event)
    return found


def words_for(kind: Any) -> str:
    """The type of a field, in words; a struct as a link to it."""
    origin, parts = get_origin(kind), get_args(kind)
    if isinstance(kind, TypeVar):
        return "number"
    if origin is Annotated:
        return f"``int``, {parts[1].extra['unit']}"
    if origin is tuple:
        return f"tuple of {words_for(parts[0])}"
    if type(None) in parts:
        return f"{' or '.join(words_for(part) for part in parts if part is not type(None))}, or ``None``"
    if parts and not isinstance(origin, type):
        return " or ".join(words_for(part) for part in parts)
    name = (origin or kind).__name__
    return f"``{name}``" if kind in {str, int, bool} else f"`{name}`"


def words_about(struct: Any, field: str) -> str:
    """What is written below the field, in whichever class it is."""
    for kind in struct.__mro__:
        if field in kind.__dict__.get("__annotations__", {}):
            analyzer = ModuleAnalyzer.for_module(kind.__module__)
            return " ".join(" ".join(analyzer.find_attr_docs()[kind.__name__, field]).split())
    raise KeyError(field)


def lines_about(struct: Any) -> list[str]:
    """A struct: what it is, and its fields."""
    hints = get_type_hints(struct, include_extras=True)
    rows = [
        [f"``{field.name}``", f"``{field.encode_name}``", words_for(hints[field.name]), words_about(struct, field.name)]
        for field in msgspec.structs.fields(struct)
    ]
    tag = struct.__struct_config__.tag
    said = [f"Sent as ``{tag}``.", ""] if tag else []
    inside = [*inspect.cleandoc(struct.__doc__).splitlines(), "", *said, *table("26 10 20 44", HEADS, *rows)]
    return [f".. py:class:: {struct.__name__}()", "", *textwrap.indent("\n".join(inside), "   ").splitlines(), ""]


def venues_with(module: ModuleType) -> str:
    """The venues that send these, as links."""
    names = [
        f"`~trio_listenkey.venues.{name}`"
        for name, venue in vars(venues).items()
        if name.isupper() and isinstance(venue, Venue | SignedVenue) and venue.events == module.AS_SENT
    ]
    return "Of " + ", ".join(names) + "."


class EventsOf(SphinxDirective):
    """Everything in a module of events."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """What the module says of itself, its venues, and its structs."""
        module: ModuleType = getattr(events, self.arguments[0])
        about = inspect.cleandoc(module.__doc__ or "").partition("\n\n")[2].splitlines()
        lines = [f".. py:module:: {module.__name__}", "", *about, "", venues_with(module), ""]
        for struct in structs_of(module):
            lines += lines_about(struct)
        return self.parse_text_to_nodes("\n".join(lines))


def setup(app: Sphinx) -> dict[str, bool]:
    """Make the directive known."""
    app.add_directive("events-of", EventsOf)
    return {"parallel_read_safe": True}
