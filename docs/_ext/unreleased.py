"""``.. unreleased::`` lists the changes since the last release, from the news fragments that towncrier will collect."""

from __future__ import annotations

import tomllib
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

ROOT = Path(__file__).parents[2]


class Unreleased(SphinxDirective):
    """A list for each kind of change, in towncrier's order."""

    def run(self) -> list[nodes.Node]:
        """The lists."""
        kinds = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["towncrier"]["type"]
        lines = [".. currentmodule:: trio_listenkey", ""]
        for kind in kinds:
            fragments = sorted((ROOT / "newsfragments").glob(f"+*.{kind['directory']}.rst"))
            for fragment in fragments:
                self.env.note_dependency(str(fragment))
            entries = [fragment.read_text(encoding="utf-8").strip().splitlines() for fragment in fragments]
            if entries:
                lines += [f"**{kind['name']}**", ""]
                lines += [f"{'  ' if n else '* '}{line}" for entry in entries for n, line in enumerate(entry)] + [""]
        return self.parse_text_to_nodes("\n".join(lines))


def setup(app: Sphinx) -> dict[str, bool]:
    """Make the directive known."""
    app.add_directive("unreleased", Unreleased)
    return {"parallel_read_safe": True}
