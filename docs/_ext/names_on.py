"""``.. names-on:: reference/keys`` lists the public names of a page, with links.

The reference was one page before, with an anchor for each name and member. The list repeats these anchors, so an old
link still leads to the name, and from there to its new page. ``:old:`` names the anchors of former sections.
"""

from __future__ import annotations

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.domains.python import PythonDomain
from sphinx.util.docutils import SphinxDirective


class Placeholder(nodes.General, nodes.Element):
    """The list, while pages are still being read."""


class NamesOn(SphinxDirective):
    """Stands where the list belongs."""

    required_arguments = 1
    option_spec = {"old": directives.unchanged}  # noqa: RUF012 - as docutils declares it

    def run(self) -> list[nodes.Node]:
        """Names are known when every page was read."""
        return [Placeholder(page=self.arguments[0], old=self.options.get("old", "").split())]


def grouped(domain: PythonDomain, page: str) -> dict[str, list[str]]:
    """Every name that the page documents at its top, with its members. A module's name is a prefix, and not listed."""
    names = {name for name, entry in domain.objects.items() if entry.docname == page and entry.objtype != "module"}
    groups: dict[str, list[str]] = {}
    for name in sorted(names, key=lambda name: (name.count("."), name.lower())):
        owner = name.rpartition(".")[0]
        groups.setdefault(owner if owner in names else name, []).append(name)
    return groups


def entries(app: Sphinx, page: str, docname: str) -> list[nodes.Node]:
    """A link for each name, which has the old anchors of the name and its members."""
    domain = app.env.domains.python_domain
    found: list[nodes.Node] = []
    for name, anchors in sorted(grouped(domain, page).items(), key=lambda item: item[0].rpartition(".")[2].lower()):
        short = name.rpartition(".")[2]
        uri = f"{app.builder.get_relative_uri(docname, page)}#{domain.objects[name].node_id}"
        link = nodes.reference("", "", nodes.literal("", short), refuri=uri, internal=True, reftitle=name)
        found += [nodes.Text(", ")] if found else []
        found += [nodes.inline("", "", link, ids=anchors)]
    return found


def fill(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Put the lists where they belong."""
    for place in list(doctree.findall(Placeholder)):
        modules = app.env.domains.python_domain.modules
        anchors = [f"module-{name}" for name, entry in modules.items() if entry.docname == place["page"]]
        listed = entries(app, place["page"], docname)
        place.replace_self(nodes.paragraph("", "", *listed, ids=[*place["old"], *anchors]))


def setup(app: Sphinx) -> dict[str, bool]:
    """Make the directive known."""
    app.add_node(Placeholder)
    app.add_directive("names-on", NamesOn)
    app.connect("doctree-resolved", fill)
    return {"parallel_read_safe": True}
