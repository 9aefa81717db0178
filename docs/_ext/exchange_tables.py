"""The tables of the exchange's page, made from its code.

``.. fault-effects::``, ``.. fault-meanings::``, ``.. event-kinds::`` and ``.. control-endpoints::``.
"""

from __future__ import annotations

import inspect
import json
from typing import Any, get_args, get_type_hints

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from trio_listenkey.testing import Fault
from trio_listenkey.testing._control._control import ENDPOINTS
from trio_listenkey.testing._control._vocabulary import dialects_by_name, ready_made
from trio_listenkey.testing._dialects._events import kinds_of
from trio_listenkey.testing._faults._meanings import COLUMNS, MEANINGS, Meaning

HEAD = """\
.. list-table::
   :header-rows: 1
   :widths: {widths}
   :class: {kind}

"""


def table(widths: str, *rows: list[str], kind: str = "plain") -> list[str]:
    """The lines of a table, its first row being the heads of its columns. A ``"wide"`` one is wider than the page."""
    lines = HEAD.format(widths=widths, kind=kind).splitlines()
    for row in rows:
        lines += [f"   {'-' if n else '* -'} {cell}".replace("   - ", "     - ") for n, cell in enumerate(row)]
    return lines


def first_sentence(thing: Any) -> str:
    """What its docstring begins with."""
    return " ".join(inspect.cleandoc(thing.__doc__).partition("\n\n")[0].split())


def shown_fields(thing: Any) -> str:
    """Its fields, with their defaults as JSON where JSON has them."""
    told = []
    for name, parameter in inspect.signature(thing).parameters.items():
        default = parameter.default
        if default is parameter.empty:
            told.append(f"``{name}``")
        elif isinstance(default, bool | int | str | None):
            told.append(f"``{name}`` = ``{json.dumps(default)}``")
        else:
            told.append(f"[``{name}``]")
    return ", ".join(told) or "(none)"


class FaultEffects(SphinxDirective):
    """Every effect and every ready-made one: its name, its fields, and what it does."""

    def run(self) -> list[nodes.Node]:
        """The table."""
        effects = get_args(get_type_hints(Fault.__init__)["effect"])
        things = {each.__name__: each for each in effects} | ready_made(effects)
        rows = [[f"`{name}`", shown_fields(each), first_sentence(each)] for name, each in things.items()]
        text = table("20 35 45", ["Name", "Fields", "What it does"], *rows)
        return self.parse_text_to_nodes("\n".join([".. currentmodule:: trio_listenkey.testing", "", *text]))


class FaultMeanings(SphinxDirective):
    """What each effect means on each occasion, and what the meanings are."""

    def run(self) -> list[nodes.Node]:
        """The table, and the list below it."""
        rows = [[f"`{effect.__name__}`", *map(self._word, row)] for effect, row in MEANINGS.items()]
        heads = ["Effect", *(f"``{each}``" if n else "a request" for n, each in enumerate(COLUMNS))]
        lines = table("18 17 17 16 16 16", heads, *rows)
        meanings = [f"*{self._word(each)}*\n    {each.value}" for each in Meaning]
        text = "\n".join([".. currentmodule:: trio_listenkey.testing", "", *lines, "", *meanings])
        return self.parse_text_to_nodes(text)

    def _word(self, meaning: Meaning | None) -> str:
        return "" if meaning is None else meaning.name.lower().replace("_", " ")


class EventKinds(SphinxDirective):
    """The kinds of account event that have a shape, by dialect."""

    def run(self) -> list[nodes.Node]:
        """The table: dialects that have the same kinds share a row."""
        sharing: dict[tuple[str, ...], list[str]] = {}
        for name, dialect in dialects_by_name().items():
            sharing.setdefault(kinds_of(dialect.stream.account_events), []).append(name)
        rows = [
            [", ".join(f"``{each}``" for each in cell) for cell in (names, kinds)] for kinds, names in sharing.items()
        ]
        return self.parse_text_to_nodes("\n".join(table("45 55", ["Dialects", "Kinds, the usual one first"], *rows)))


class ControlEndpoints(SphinxDirective):
    """Every endpoint of the control API."""

    def run(self) -> list[nodes.Node]:
        """The table."""
        rows = []
        for each in ENDPOINTS:
            query = "".join(f"?{name}=" for name in each.parameters)
            body = "" if each.example is None else f"``{json.dumps(each.example)}``"
            rows.append([f"``{each.method} {each.path}{query}``", each.what, body])
        text = table("25 40 35", ["Endpoint", "What it does", "A body, for example"], *rows)
        return self.parse_text_to_nodes("\n".join(text))


def setup(app: Sphinx) -> dict[str, bool]:
    """Make the directives known."""
    app.add_directive("fault-effects", FaultEffects)
    app.add_directive("fault-meanings", FaultMeanings)
    app.add_directive("event-kinds", EventKinds)
    app.add_directive("control-endpoints", ControlEndpoints)
    return {"parallel_read_safe": True}
