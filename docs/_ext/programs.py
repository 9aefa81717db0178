"""Writes the programs into the pages that show them, so that one can read them without building the documentation.

A comment says what is shown, in the words of Sphinx's ``literalinclude``, and the block that follows is made from it::

    .. from recipes/bot.py | start-at: import logging

Run ``python docs/_ext/programs.py`` after a program was changed. A test sees whether somebody forgot to.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

DOCS = Path(__file__).parents[1]
MARK = re.compile(r"^( *)\.\. from (\S+)((?: \| [a-z-]+: .+?)*)$")
DIRECTIVE = "sourcecode::"  # like code-block, and so told apart from what tests take out of pages and run


def pages() -> Iterator[Path]:
    """All of them."""
    return DOCS.rglob("*.rst")


def renewed(page: str) -> str:
    """``page`` with each program as it is now."""
    lines = page.split("\n")
    new: list[str] = []
    while lines:
        line = lines.pop(0)
        new.append(line)
        if found := MARK.match(line):
            indent, path, options = found.groups()
            while not lines[0].lstrip().startswith(f".. {DIRECTIVE}"):
                new.append(lines.pop(0))
            while lines[0].strip():  # the directive and its options
                new.append(lines.pop(0))
            inside = indent + "   "
            while lines and (not lines[0].strip() or lines[0].startswith(inside)):
                lines.pop(0)
            shown = [f"{inside}{each}".rstrip() for each in excerpt(path, options)]
            new += ["", *shown, *([""] if lines else [])]
    return "\n".join(new).rstrip("\n") + "\n"


def excerpt(path: str, options: str) -> list[str]:
    """The lines of a program that are shown."""
    text = (DOCS / path).read_text("utf-8")
    lines = text.splitlines()
    chosen = dict(each.split(": ", 1) for each in options.split(" | ")[1:])
    if name := chosen.get("pyobject"):
        found = next(node for node in ast.parse(text).body if getattr(node, "name", None) == name)
        assert isinstance(found, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        first = min([found.lineno, *(each.lineno for each in found.decorator_list)])
        lines = lines[first - 1 : found.end_lineno]
    if start := chosen.get("start-at") or chosen.get("start-after"):
        lines = lines[_index(lines, start) + ("start-after" in chosen) :]
    if end := chosen.get("end-before") or chosen.get("end-at"):
        lines = lines[: _index(lines, end) + ("end-at" in chosen)]
    lines += [chosen["append"]] if "append" in chosen else []
    return "\n".join(lines).strip("\n").split("\n")


def _index(lines: list[str], text: str) -> int:
    return next(number for number, line in enumerate(lines) if text in line)


if __name__ == "__main__":
    for each in pages():
        before = each.read_text("utf-8")
        after = renewed(before)
        if after != before:
            each.write_text(after, "utf-8")
            sys.stdout.write(f"{each}\n")
