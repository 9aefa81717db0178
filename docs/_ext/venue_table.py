"""``.. venue-table::`` is the table of the exchanges, made from their descriptions."""

from __future__ import annotations

import re

from docutils import nodes
from exchange_tables import table
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from trio_listenkey import Venue, venues
from trio_listenkey._venue._summary import HEADS, facts_of

# The columns that fit on a page; the command line has them all.
SHOWN = ("Venue", "A second create", "Authentication", "Create, keep alive, close", "Source")
CLOSE = "What a close does to other holders"
EVENTS = "Events"


def names() -> dict[Venue | venues.SignedVenue, str]:
    """What each is called in ``trio_listenkey.venues``."""
    kinds = Venue | venues.SignedVenue
    return {value: name for name, value in vars(venues).items() if name.isupper() and isinstance(value, kinds)}


def literal(text: str) -> str:
    """Paths in the text as code."""
    return re.sub(r"((?:GET|POST|PUT|DELETE) \S*[^\s,]|(?:GET|POST|PUT|DELETE)\b)", r"``\1``", text)


class VenueTable(SphinxDirective):
    """Every exchange: what is sent, by whom, and what a second create and a close do to others."""

    def run(self) -> list[nodes.Node]:
        """The table."""
        rows = []
        for venue in sorted([*venues.known(), *venues.sessions()], key=lambda venue: venue.name):
            facts = dict(zip(HEADS, facts_of(venue), strict=True))
            shown = [facts[head] for head in SHOWN]
            shown[0] = f"`{names()[venue]} <trio_listenkey.venues.{names()[venue]}>`"
            shown[1] = f"{shown[1]}. A close: {facts[CLOSE]}."
            shown[3] = literal(shown[3])
            shown[4] = f"`Its events <{facts[EVENTS]}>`__. {shown[4]}"
            rows.append(shown)
        heads = ["Venue", "A second create ...", *SHOWN[2:4], "Events, and source"]
        return self.parse_text_to_nodes("\n".join(table("16 24 16 26 18", heads, *rows, kind="wide")))


def setup(app: Sphinx) -> dict[str, bool]:
    """Make the directive known."""
    app.add_directive("venue-table", VenueTable)
    return {"parallel_read_safe": True}
