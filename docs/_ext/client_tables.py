"""``.. client-outcomes::`` and ``.. client-versions::``: clients of others.

They show what each does when its key dies, and which it is, from what ``nox -s clients`` expects.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from docutils import nodes
from exchange_tables import table
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "real_clients"))

from outcomes import CLIENTS, KnownClient


def title(client: KnownClient) -> str:
    """As its program calls it."""
    package, _, _ = client.needs.replace("@", "==").partition("==")
    where = f", {client.product}" if client.product else ""
    return f"{package}{' (npm)' if client.is_for_node else ''}{where}"


def told(client: KnownClient, outcome: str) -> str:
    """An outcome in words."""
    after = "" if client.keepalive is None else f", within {client.keepalive:g} min"
    return {
        "deaf": "**stays deaf**",
        "at once": "another key and socket, at once",
        "reconnects": f"another key and socket at its next keepalive{after}",
        "ends": f"an exception{after}, and deaf until then",
    }[outcome]


class ClientOutcomes(SphinxDirective):
    """One row a client."""

    def run(self) -> list[nodes.Node]:
        """The table."""
        rows = [
            [
                title(client),
                "none" if client.keepalive is None else f"{client.keepalive:g} min",
                told(client, client.announced),
                told(client, client.silent),
                "closed" if client.closes else "left to expire",
            ]
            for client in CLIENTS
        ]
        heads = [
            "Client",
            "Keepalive",
            "The key expires, and the stream says so",
            "Somebody closes the key",
            "At the end",
        ]
        return self.parse_text_to_nodes("\n".join(table("28 10 24 24 14", heads, *rows)))


class ClientVersions(SphinxDirective):
    """Which version of each package was measured."""

    def run(self) -> list[nodes.Node]:
        """A list."""
        needed = dict.fromkeys(client.needs for client in CLIENTS)
        return self.parse_text_to_nodes("\n".join(f"* ``{each}``" for each in needed))


def setup(app: Sphinx) -> dict[str, Any]:
    """Make it known."""
    app.add_directive("client-outcomes", ClientOutcomes)
    app.add_directive("client-versions", ClientVersions)
    return {"parallel_read_safe": True}
