"""The map for contributors leads through files that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "map.rst").read_text(encoding="utf-8")
STEPS = re.findall(r"``((?:trio_listenkey|tests|docs|newsfragments)/[\w/.]*)``", PAGE)
PACKAGES = sorted(path.parent.name for path in (ROOT / "trio_listenkey").glob("*/__init__.py"))


@pytest.mark.parametrize("step", STEPS)
def test_each_step_is_there(step: str) -> None:
    """A file that was moved takes the page with it."""
    assert (ROOT / step).exists()


@pytest.mark.parametrize("package", [name for name in PACKAGES if name != "_cli"])
def test_the_walks_lead_through_each_layer(package: str) -> None:
    """None is left out; the command line is a user of the rest."""
    assert any(step.startswith(f"trio_listenkey/{package}/") for step in STEPS)
