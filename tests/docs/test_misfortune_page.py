"""The page about generated faults: its test finds the bug of its bot, and passes once that is mended as shown."""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings

from trio_listenkey.testing.strategies import Life, lives

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "misfortune.rst").read_text(encoding="utf-8")
FILES = "open_orders", "test_open_orders"

Walk = Callable[[Life], None]


def block(name: str) -> str:
    (found,) = re.findall(rf"   :name: {name}\n\n((?:   .*\n|\n)+)", PAGE)
    return textwrap.dedent(found).strip()


def mended(program: str) -> str:
    """As the page's diff says."""
    shown = block("misfortune-mended")
    (old,), (new,) = (re.findall(rf"^[{sign}](.*)$", shown, re.MULTILINE) for sign in "-+")
    assert program.count(f"{old}\n") == 1
    return program.replace(old, new)


@pytest.fixture
def walk(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Walk]:
    """The page's test, of the bot as it is or as it is mended, with a life of the caller's."""
    for name in FILES:
        program = (DOCS / "recipes" / f"{name}.py").read_text(encoding="utf-8")
        is_mended = name == "open_orders" and request.param == "mended"
        (tmp_path / f"{name}.py").write_text(mended(program) if is_mended else program, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    test: Any = import_module("test_open_orders").test_it_knows_the_open_orders_in_the_end
    yield test.hypothesis.inner_test
    for name in FILES:
        del sys.modules[name]


def through_lives(walk: Walk, examples: int) -> None:
    """The same lives each time. What explains a failure is left out, as it takes longer than finding it."""
    phases = [Phase.generate, Phase.shrink]
    choice = settings(deadline=None, derandomize=True, database=None, max_examples=examples, phases=phases)

    @choice
    @given(lives())
    def run(life: Life) -> None:
        walk(life)

    run()


@pytest.mark.no_cover
@pytest.mark.parametrize("walk", ["as-it-is"], indirect=True)
def test_the_bug_is_found(walk: Walk) -> None:
    """By a generated life, made short, which is shown in lines; so it is by the one on the page."""
    shown = eval(block("misfortune-found"), {"Life": Life})
    with pytest.raises(AssertionError):
        walk(shown)
    with pytest.raises(AssertionError) as caught:
        through_lives(walk, 40)
    (note,) = [each for each in caught.value.__notes__ if each.startswith("It came of this life:")]
    found = eval(note.partition("\n")[2], {"Life": Life})
    assert len(found.lines) <= len(shown.lines) + 1
    with pytest.raises(AssertionError):
        walk(found)


@pytest.mark.parametrize("walk", ["mended"], indirect=True)
def test_the_mended_bot_passes(walk: Walk) -> None:
    """The life on the page, and generated ones."""
    walk(eval(block("misfortune-found"), {"Life": Life}))
    through_lives(walk, 15)
