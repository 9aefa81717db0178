"""Imports point one way: values <- venue <- core <- protocol, values <- ports, all of them <- shell <- face.

The test exchange stands beside, and must not know the core and the protocol that it judges.
"""

import ast
import re
from collections.abc import Iterator
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

# A folder is a layer; "" is the package itself. Of single files, those that are named.
LAYERS = {
    "values": [
        "_errors",
        "_envelope",
        "_events",
        "_http",
        "_settings",
        "_statistics",
        "_validation",
        "_value",
        "events",
    ],
    "venue": ["venues", "_venue"],
    "core": ["_core"],
    "protocol": ["_protocol"],
    "ports": ["transports", "connectors", "sharing", "_instrument", "_network", "_redaction"],
    "testing": ["testing"],
    "shell": ["_shell"],
    "resync": ["resync"],
    "face": ["", "__main__", "_cli"],
}
MAY_IMPORT = {
    "values": {"values"},
    "venue": {"values", "venue"},
    "core": {"values", "venue", "core"},
    "protocol": {"values", "venue", "core", "protocol"},
    "ports": {"values", "ports"},
    "testing": {"values", "venue", "ports", "testing"},
    "shell": {"values", "venue", "core", "protocol", "ports", "shell"},
    "resync": {"values", "venue", "core", "protocol", "ports", "shell", "resync"},
    "face": set(LAYERS),
}

# Of "resync", whose other files ask exchanges.
PURE = {"_answers", "_asking", "_events", "_fields", "_known", "_orders", "_questions", "_shelf", "_words"}

ASYNC = (ast.AsyncFunctionDef, ast.AsyncFor, ast.AsyncWith, ast.Await)
IMPURE = {"logging", "os", "random", "secrets", "socket", "ssl", "threading", "time", "trio"}


def layer_of(module: str) -> str:
    folder = module.partition(".")[0]
    fitting = (layer for layer, names in LAYERS.items() if folder in names)
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


def is_pure(module: str) -> bool:
    return layer_of(module) in {"venue", "core", "protocol"} or module in {f"resync.{name}" for name in PURE}


@pytest.mark.parametrize("module", [name for name in FILES if is_pure(name)])
def test_the_core_has_no_clock_no_socket_and_no_chance(module: str) -> None:
    """Nothing in it can wait, and what happens in it depends on nothing but what it is given."""
    assert not any(isinstance(node, ASYNC) for node in ast.walk(TREES[module]))
    assert IMPURE.isdisjoint(name.split(".")[0] for name in absolute_imports(module))


# "_accounts  what it is for", and "_one _other  what they are for"; in the package's own map after its layer's name.
MAP_LINE = r"^ {4}(?:[a-z]+ {2,}| {12})?((?:_?[a-z_0-9]+/? )*_?[a-z_0-9]+/?) {2,}\S"
PACKAGES = [
    PACKAGE,
    *sorted(path for path in PACKAGE.rglob("*/") if (path / "__init__.py").exists() and path.name != "testing"),
]


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.name)
def test_the_map_in_a_package_shows_every_file(package: Path) -> None:
    """The docstring of a package is the map of its files: none is missing, and none that it shows is gone."""
    shown = {
        name
        for names in re.findall(MAP_LINE, ast.get_docstring(TREES[name_of(package)]) or "", re.MULTILINE)
        for name in names.split()
    }
    assert shown - {"__init__"} == {
        f"{path.name}/" if path.is_dir() else path.stem
        for path in package.iterdir()
        if path.stem not in {"__init__", "__pycache__", "py"} and (path.is_dir() or path.suffix == ".py")
    }


def name_of(package: Path) -> str:
    return ".".join(package.relative_to(PACKAGE).parts)


# What can be held in the head at once. Where more is better, the header of the file says why.

LONGEST = 450  # lines of a file
MOST_ATTRIBUTES = 20  # of one object of core and protocol
LONG_FUNCTION = 25  # lines of code; one in ten may have more
SAID = 0.6  # lines of comments and docstrings for each line of code of a machine, and of the tasks that drive it
MACHINES = [
    "_core._dead_man",
    "_core._key_lifecycle",
    "_core._liveness",
    "_core._sharing",
    "_core._stream",
    "_core._trust",
    "_shell._keeper",
    *(f"_core.{name}_states" for name in ("_dead_man", "_key", "_sharing", "_stream")),
]


def lines_of(tree: ast.Module, source: str) -> tuple[int, int]:
    """How many lines of code there are in a file, and how many that say something of it."""
    strings = {
        line
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    filled = {number: line.strip() for number, line in enumerate(source.splitlines(), 1) if line.strip()}
    said = {number for number, line in filled.items() if number in strings or line.startswith("#")}
    return len(filled) - len(said), len(said)


def attributes_of(node: ast.ClassDef) -> set[str]:
    """What an object of a class has: what it assigns to itself, and what it declares."""
    names = {
        each.attr
        for each in ast.walk(node)
        if isinstance(each, ast.Attribute)
        and isinstance(each.ctx, ast.Store)
        and isinstance(each.value, ast.Name)
        and each.value.id == "self"
    }
    for each in node.body:
        if isinstance(each, ast.AnnAssign) and "ClassVar" not in ast.unparse(each.annotation):
            names.add(ast.unparse(each.target))
    return names


@pytest.mark.parametrize("module", FILES)
def test_a_file_is_not_long_without_a_reason(module: str) -> None:
    """Whoever opens a long file is told first why it is one."""
    is_long = len(FILES[module].read_text().splitlines()) > LONGEST
    assert not is_long or "The file is long" in (ast.get_docstring(TREES[module]) or "")


@pytest.mark.parametrize("module", [name for name in FILES if layer_of(name) in {"core", "protocol"}])
def test_no_object_has_many_attributes(module: str) -> None:
    """A machine with more is several machines."""
    counts = {node.name: len(attributes_of(node)) for node in ast.walk(TREES[module]) if isinstance(node, ast.ClassDef)}
    assert {name: count for name, count in counts.items() if count > MOST_ATTRIBUTES} == {}


def body_of(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.stmt]:
    """All of a function but its docstring."""
    return node.body[ast.get_docstring(node) is not None :]


@pytest.mark.parametrize("layer", ["core", "protocol", "shell"])
def test_nine_functions_in_ten_are_short(layer: str) -> None:
    """A function does one thing at one level."""
    lengths = sorted(
        len({line for part in body_of(node) for line in range(part.lineno, (part.end_lineno or part.lineno) + 1)})
        for module in FILES
        if layer_of(module) == layer
        for node in ast.walk(TREES[module])
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    assert lengths[len(lengths) * 9 // 10] <= LONG_FUNCTION


@pytest.mark.parametrize("module", MACHINES)
def test_a_machine_says_what_it_does_and_why(module: str) -> None:
    """Where state is changed and shields are held, much is said."""
    code, said = lines_of(TREES[module], FILES[module].read_text())
    assert said >= SAID * code
