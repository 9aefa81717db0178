"""The map in a package's docstring names every file, and nothing that is not there; imports follow its order."""

from __future__ import annotations

import ast
import re
from importlib.util import resolve_name
from pathlib import Path

import pytest

TESTING = Path(__file__).parents[2] / "trio_listenkey" / "testing"
PACKAGES = [TESTING, *sorted(path.parent for path in TESTING.glob("*/__init__.py"))]


def map_of(package: Path) -> list[str]:
    """The names of a package's map, in order: each begins an indented line, and its meaning follows two blanks."""
    docstring = ast.get_docstring(ast.parse((package / "__init__.py").read_bytes())) or ""
    return re.findall(r"^    (\w+)  +\S", docstring, re.MULTILINE)


def contents_of(package: Path) -> list[str]:
    """The modules and packages that there are."""
    modules = [path.stem for path in package.glob("*.py") if path.stem != "__init__"]
    return sorted([*modules, *(path.parent.name for path in package.glob("*/__init__.py"))])


def parts_imported(path: Path, package: Path) -> set[str]:
    """The parts of ``package`` that a file in it imports when it is itself imported, or later."""
    name = ".".join(["testing", *path.relative_to(package).with_suffix("").parts[:-1]])
    parts = set()
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.ImportFrom) and node.level:
            source = resolve_name("." * node.level + (node.module or ""), f"trio_listenkey.{name}")
            found = re.match(r"trio_listenkey\.testing\.(\w+)", source)
            parts |= {found[1]} if found else set()
    return parts


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_a_map_is_complete(package: Path) -> None:
    """Every file and folder is on it once, and nothing else."""
    assert sorted(map_of(package)) == contents_of(package)


def test_imports_point_up_the_map() -> None:
    """A part of the test exchange imports itself and what stands above it alone."""
    order = map_of(TESTING)
    for number, part in enumerate(order):
        files = [TESTING / f"{part}.py"] if (TESTING / f"{part}.py").exists() else (TESTING / part).glob("*.py")
        for path in files:
            assert parts_imported(path, TESTING) <= set(order[: number + 1]), path
