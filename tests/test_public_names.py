"""What is public is said in ``__all__``, and everything else that lists public names agrees with it."""

import ast
import re
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import FunctionType, ModuleType

import pytest

import trio_listenkey

HERE = Path(__file__).parent
MODULES = [
    trio_listenkey,
    *(
        import_module(f"trio_listenkey.{module.name}")
        for module in iter_modules(trio_listenkey.__path__)
        if not module.name.startswith("_")
    ),
]
PUBLIC = [(module, name) for module in MODULES for name in module.__all__]


@pytest.mark.parametrize(("module", "name"), PUBLIC, ids=lambda each: getattr(each, "__name__", each))
def test_a_public_name_says_where_to_import_it_from(module: ModuleType, name: str) -> None:
    """Tracebacks, reprs, pickles and the documentation show the name that users know."""
    thing = getattr(module, name)
    if isinstance(thing, type | FunctionType):
        assert thing.__module__ == module.__name__


def test_what_looks_public_is_public() -> None:
    """A name without underscore that is not in ``__all__`` is there by accident; public modules are no accident."""
    modules = {module.__name__.rpartition(".")[2] for module in MODULES}
    visible = {name for name in dir(trio_listenkey) if not name.startswith(("_", "@"))}
    assert visible - modules - {"TYPE_CHECKING"} == set(trio_listenkey.__all__) - modules


def test_a_name_that_is_none_is_an_error() -> None:
    """As in any module, though some are imported when they are first asked for."""
    with pytest.raises(AttributeError, match="no_such_name"):
        trio_listenkey.no_such_name  # type: ignore[attr-defined]  # noqa: B018


def test_the_reference_documents_every_public_name() -> None:
    """There is a directive for each, under the module that it is imported from."""
    pages = sorted((HERE.parent / "docs" / "reference").glob("*.rst"))
    reference = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    documented: set[tuple[str, str]] = set()
    current = ""
    for directive, name in re.findall(r"^\.\. (\w+):: ([\w.]+)", reference, flags=re.MULTILINE):
        if directive == "automodule":
            documented.add(("trio_listenkey", name.rpartition(".")[2]))
            documented.update((name, each) for each in import_module(name).__all__)
        elif directive == "currentmodule":
            current = name
        else:
            documented.add((current, name))
    assert {(module.__name__, name) for module, name in PUBLIC} <= documented


def test_the_typing_files_use_every_public_name() -> None:
    """So that their checkers see what a user's checker would."""
    nodes = [node for path in (HERE / "typing").glob("*.py") for node in ast.walk(ast.parse(path.read_bytes()))]
    used = {node.id for node in nodes if isinstance(node, ast.Name)}
    used |= {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    assert {name for _, name in PUBLIC} <= used
