"""Sphinx configuration."""

from __future__ import annotations

import os
import re
import sys
from importlib.metadata import version as version_of
from pathlib import Path
from pkgutil import walk_packages
from typing import Any

from sphinx.addnodes import desc_annotation
from sphinx.application import Sphinx
from sphinx.pycode import ModuleAnalyzer

import trio_listenkey
from trio_listenkey._shell import _keeper, _open_stream
from trio_listenkey.sharing import SharedKey

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "trio-listenkey"
author = "The trio-listenkey authors"
project_copyright = author
release = version = version_of("trio-listenkey")

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "sphinxcontrib_trio",
    "event_tables",
    "client_tables",
    "code_table",
    "command_tables",
    "exchange_tables",
    "lifecycle_diagram",
    "names_on",
    "sequence_diagram",
    "survival_table",
    "unreleased",
    "venue_table",
]
exclude_patterns = ["_build"]

default_role = "py:obj"
add_module_names = False
autodoc_default_options = {"no-value": True}
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
python_maximum_signature_line_length = 80
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_attr_annotations = False  # a class with fields shows their types in its signature
napoleon_preprocess_types = False

# The pages of others are linked to where ours are published. A build anywhere else needs no network, and takes
# their names on trust.
if "READTHEDOCS" in os.environ:
    extensions.append("sphinx.ext.intersphinx")
    intersphinx_mapping = {
        "python": ("https://docs.python.org/3", None),
        "trio": ("https://trio.readthedocs.io/en/stable", None),
    }
nitpick_ignore_regex = [
    ("py:.*", r"(asks|collections|contextlib|dataclasses|decimal|h11|httpcore2|httpx2|hypothesis)\..*"),
    ("py:.*", r"(msgspec|os|ssl|trio|types|typing)\..*"),
    ("py:.*", r"(bool|bytes|dict|float|frozenset|int|list|object|set|str|tuple|type|Decimal|None|[A-Z]\w*Error)"),
    ("py:.*", r"(.*\._[A-Z]|(.*\.)?E_co)"),  # a type variable
    ("py:class", r"(aster_\w+|coinm|options|portfolio_margin|spot|usdm)\.Event"),  # what a venue sends: see the page
    # What the exchange and its front ends say to each other; users meet none of it.
    ("py:class", r"trio_listenkey\.testing\._(ws\._frames|ws\._session|dialects\._stream_url|book|state)\..*"),
    ("py:class", r"trio_listenkey\.resync\._(known\.Known|words\.W)"),
]

# What is copied is what one types.
copybutton_prompt_text = r"\$ |>>> |\.\.\. "
copybutton_prompt_is_regexp = True

html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["wide.css"]
pygments_dark_style = "github-dark"  # underlines nothing
html_title = "trio-listenkey"
html_show_sphinx = False


def look_behind_the_face() -> None:
    """Have autodoc find comments and order of what is defined in private modules and says that it is from public ones.

    It looks for them where ``__module__`` points, so the private modules' findings are put there.
    """
    modules = [module.name for module in walk_packages(trio_listenkey.__path__, "trio_listenkey.")]
    for public in (
        "trio_listenkey",
        "trio_listenkey.connectors",
        "trio_listenkey.events",
        "trio_listenkey.sharing",
        "trio_listenkey.testing",
        "trio_listenkey.testing.control",
        "trio_listenkey.testing.strategies",
        "trio_listenkey.transports",
        "trio_listenkey.venues",
    ):
        face = ModuleAnalyzer.for_module(public)
        face.analyze()
        own = dict(face.attr_docs)
        for name in modules:
            if "._" in name and "__main__" not in name:
                behind = ModuleAnalyzer.for_module(name)
                behind.analyze()
                face.attr_docs.update(behind.attr_docs)
                face.tagorder.update(behind.tagorder)
        face.attr_docs.update(own)  # a venue and the dialect that judges it may have one name


def know_what_is_imported_late() -> None:
    """Put names where autodoc looks for them that modules import for type checkers alone: most keys are not shared."""
    for module in (_keeper, _open_stream):
        vars(module)["SharedKey"] = SharedKey


def keep_colons(*args: Any) -> None:
    """Have Napoleon read the docstring of a value as text, not its words up to the first colon as a type."""
    _, what, _, _, _, lines = args
    if what in {"attribute", "data", "property"}:
        lines[:0] = ["..", ""]  # an empty comment


def leave_out_the_files(*args: Any) -> None:
    """Leave the list of a package's files, which is for contributors, out of the reference."""
    _, what, _, _, _, lines = args
    if what == "module":
        files = next((n for n, line in enumerate(lines) if re.match(r"    _\w+ {2,}\S", line)), len(lines))
        heads = [n for n, line in enumerate(lines[:files]) if line.endswith("::")]
        del lines[heads[-1] if heads and files < len(lines) else files :]


def shorten_values(*args: Any) -> None:
    """Leave out values of module-level names that take more than a line: a dialect's is a page long."""
    _, _, objtype, content = args
    if objtype == "data":
        for value in list(content.parent.findall(desc_annotation)):
            if len(value.astext()) > 80:
                value.parent.remove(value)


def setup(app: Sphinx) -> None:
    """Connect the above."""
    look_behind_the_face()
    know_what_is_imported_late()
    app.connect("autodoc-process-docstring", keep_colons, priority=400)  # Napoleon has 500
    app.connect("autodoc-process-docstring", leave_out_the_files, priority=400)
    app.connect("object-description-transform", shorten_values)
