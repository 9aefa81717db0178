"""``.. code-table::`` is what each exchange's error codes mean, made from the descriptions of the venues."""

from __future__ import annotations

from collections import defaultdict

from docutils import nodes
from exchange_tables import table
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from venue_table import names

from trio_listenkey import venues
from trio_listenkey._venue._codes import BINANCE_CODES, KINDS, Code, CodeKind
from trio_listenkey._venue._parts import Answer

HEADS = {
    "gone": "Another key",
    "silence": "Wait",
    "transient": "Another try",
    "clock": "The clock",
    "credentials": "`CredentialsError`",
    "refused": "`RefusedError`",
}


def written(codes: frozenset[Code], statuses: frozenset[int] = frozenset()) -> str:
    """The codes, as the exchange spells them."""
    found = [f"{code}" for code in sorted(codes, key=lambda code: (isinstance(code, int), code))]
    return ", ".join([*found, *(f"HTTP {status}" for status in sorted(statuses))]) or "·"


def cells(answer: Answer) -> list[str]:
    """One for each kind."""
    return [written(answer.own_codes(kind), answer.gone_statuses if kind == "gone" else frozenset()) for kind in KINDS]


class CodeTable(SphinxDirective):
    """The engine's codes, and what each venue lists besides; venues that list the same are one row."""

    def run(self) -> list[nodes.Node]:
        """The table."""
        called = names()
        sharing: dict[tuple[str, ...], list[str]] = defaultdict(list)
        for venue in sorted([*venues.known(), *venues.sessions()], key=lambda venue: venue.name):
            sharing[tuple(cells(venue.answer))].append(f"`{called[venue]} <trio_listenkey.venues.{called[venue]}>`")
        kinds: list[CodeKind] = list(KINDS)
        rows = [["Binance's engine, everywhere", *(written(BINANCE_CODES[kind]) for kind in kinds)]]
        rows += [[", ".join(whose), *codes] for codes, whose in sharing.items()]
        heads = ["Venue", *(HEADS[kind] for kind in kinds)]
        return self.parse_text_to_nodes("\n".join(table("22 12 13 14 12 19 18", heads, *rows, kind="wide")))


def setup(app: Sphinx) -> dict[str, bool]:
    """Make the directive known."""
    app.add_directive("code-table", CodeTable)
    return {"parallel_read_safe": True}
