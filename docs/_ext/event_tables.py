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


def structs_of(module: ModuleType) -> dict[Any, str]:
    """Those of a product with their names there: each event, and behind it what it is made of, if that is new."""
    names = {each: name for name, each in vars(module).items() if isinstance(each, type)}
    found: dict[Any, str] = {}

    def look_into(kind: Any) -> None:
        struct = get_origin(kind) or kind
        if isinstance(struct, type) and issubclass(struct, msgspec.Struct) and struct not in found:
            found[struct] = names[struct]
            for each in get_type_hints(struct, include_extras=True).values():
                look_into(each)
        for each in get_args(kind):
            look_into(each)

    look_into(module.Event)
    return found


def words_for(kind: Any, names: dict[Any, str]) -> str:
    """The type of a field, in words; a struct as a link to it."""
    origin, parts = get_origin(kind), get_args(kind)
    if isinstance(kind, TypeVar):
        return "number"
    if origin is Annotated:
        return f"``int``, {parts[1].extra['unit']}"
    if origin is tuple:
        return f"tuple of {words_for(parts[0], names)}"
    if type(None) in parts:
        return f"{' or '.join(words_for(part, names) for part in parts if part is not type(None))}, or ``None``"
    if parts and origin not in names:
        return " or ".join(words_for(part, names) for part in parts)
    return f"``{kind.__name__}``" if kind in {str, int, bool} else f"`{names[origin or kind]}`"


def words_below(module: ModuleType, name: str) -> str:
    """What is written below a value of the module."""
    return " ".join(" ".join(ModuleAnalyzer.for_module(module.__name__).find_attr_docs()["", name]).split())


def words_about(struct: Any, field: str) -> str:
    """What is written below the field, in whichever class it is."""
    for kind in struct.__mro__:
        if field in inspect.get_annotations(kind):
            analyzer = ModuleAnalyzer.for_module(kind.__module__)
            return " ".join(" ".join(analyzer.find_attr_docs()[kind.__name__, field]).split())
    raise KeyError(field)


def lines_about(struct: Any, names: dict[Any, str]) -> list[str]:
    """A struct: what it is, and its fields."""
    hints = get_type_hints(struct, include_extras=True)
    rows = [
        [
            f"``{each.name}``",
            f"``{each.encode_name}``",
            words_for(hints[each.name], names),
            words_about(struct, each.name),
        ]
        for each in msgspec.structs.fields(struct)
    ]
    tag = struct.__struct_config__.tag
    said = [f"Sent as ``{tag}``.", ""] if tag else []
    inside = [*inspect.cleandoc(struct.__doc__).splitlines(), "", *said, *table("26 10 20 44", HEADS, *rows)]
    return [f".. py:class:: {names[struct]}()", "", *textwrap.indent("\n".join(inside), "   ").splitlines(), ""]


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
        for name in ("Event", "AS_SENT", "DECIMALS"):
            lines += [f".. py:data:: {name}", "", "   " + words_below(module, name), ""]
        names = structs_of(module)
        for struct in names:
            lines += lines_about(struct, names)
        return self.parse_text_to_nodes("\n".join(lines))


def setup(app: Sphinx) -> dict[str, bool]:
    """Make the directive known."""
    app.add_directive("events-of", EventsOf)
    return {"parallel_read_safe": True}
