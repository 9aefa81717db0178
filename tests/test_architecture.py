"""Imports point one way: words <- venue <- core, words <- ports, all of them <- shell <- face.

The test exchange stands beside, and must not know the core that it judges.
"""

import ast
from collections.abc import Iterator
from fnmatch import fnmatchcase
from graphlib import TopologicalSorter
from importlib.util import resolve_name
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "trio_listenkey"
FILES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix("__init__").rstrip("."): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
TREES = {module: ast.parse(path.read_bytes()) for module, path in FILES.items()}

# The first pattern that a module's name fits says where it belongs. "" is the package itself.
LAYERS = {
    "words": ["_errors", "_events", "_http", "_values"],
    "venue": ["venues", "_core._venue", "_core._venue_parts", "_core._session_venue"],
    "core": ["_core", "_core.*"],
    "ports": [
        *("_transport", "_connector", "_instrument", "_discretion", "_foreign", "_network"),
        *("transports", "transports.*", "connectors", "connectors.*"),
    ],
    "testing": ["testing", "testing.*"],
    "face": ["", "__main__", "_cli", "_cli.*"],
    "shell": ["_[a-z]*"],
}
MAY_IMPORT = {
    "words": {"words"},
    "venue": {"words", "venue"},
    "core": {"words", "venue", "core"},
    "ports": {"words", "ports"},
    "testing": {"words", "venue", "ports", "testing"},
    "shell": {"words", "venue", "core", "ports", "shell"},
    "face": set(LAYERS),
}

ASYNC = (ast.AsyncFunctionDef, ast.AsyncFor, ast.AsyncWith, ast.Await)
IMPURE = {"logging", "os", "random", "secrets", "socket", "ssl", "threading", "time", "trio"}


def layer_of(module: str) -> str:
    fitting = (layer for layer, names in LAYERS.items() if any(fnmatchcase(module, name) for name in names))
    return next(fitting, f"no layer: give {module} a place in LAYERS")


def absolute_imports(module: str) -> Iterator[str]:
    """The full name of everything that ``module`` imports, wherever in the file it does."""
    package = f"trio_listenkey.{module}".rstrip(".")
    if FILES[module].name != "__init__.py":
        package = package.rpartition(".")[0]
    for node in ast.walk(TREES[module]):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            source = resolve_name("." * node.level + (node.module or ""), package)
            yield from (f"{source}.{alias.name}" for alias in node.names)


def our_imports(module: str) -> Iterator[str]:
    """The modules of ours among them: for ``from .venues import by_name``, that is ``venues``."""
    for name in absolute_imports(module):
        if name.split(".")[0] == "trio_listenkey":
            inside = name.partition(".")[2]
            yield inside if inside in FILES else inside.rpartition(".")[0]


@pytest.mark.parametrize("module", FILES)
def test_a_module_imports_from_layers_below_alone(module: str) -> None:
    """Each module has a layer, and what it imports is in one that this layer may know."""
    allowed = MAY_IMPORT[layer_of(module)]
    assert {name for name in our_imports(module) if layer_of(name) not in allowed} == set()


def test_no_module_imports_itself_by_way_of_others() -> None:
    """The modules can be put into an order in which each imports from those before it."""
    TopologicalSorter({module: set(our_imports(module)) for module in FILES}).prepare()


@pytest.mark.parametrize("module", [name for name in FILES if layer_of(name) in {"venue", "core"}])
def test_the_core_has_no_clock_no_socket_and_no_chance(module: str) -> None:
    """Nothing in it can wait, and what happens in it depends on nothing but what it is given."""
    assert not any(isinstance(node, ASYNC) for node in ast.walk(TREES[module]))
    assert IMPURE.isdisjoint(name.split(".")[0] for name in absolute_imports(module))
