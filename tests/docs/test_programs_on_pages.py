"""Each page shows its programs as they are, and to those who read it in the repository as well."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
PROGRAMS = runpy.run_path(str(DOCS / "_ext/programs.py"))
PAGES = sorted(PROGRAMS["pages"]())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_programs_are_shown_as_they_are(page: Path) -> None:
    """If not, run ``python docs/_ext/programs.py``. What is included by reference, only the built pages would show."""
    text = page.read_text("utf-8")
    assert PROGRAMS["renewed"](text) == text
    assert "literalinclude" not in text


def test_a_changed_program_is_noticed() -> None:
    """Whatever the excerpt is told by, and wherever on the page it is."""
    found = 0
    for page in PAGES:
        text = page.read_text("utf-8")
        for mark in filter(PROGRAMS["MARK"].match, text.splitlines()):
            start = text.index(f".. {PROGRAMS['DIRECTIVE']}", text.index(mark))
            line = text.index("\n\n", start) + 2
            assert PROGRAMS["renewed"](f"{text[:line]}   another\n{text[line:]}") == text, mark
            found += 1
    assert found > 50
