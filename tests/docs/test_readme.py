"""What the README says of other libraries is what was measured."""

import csv
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
# The row of the README, the scenario that was run, and the column of its figures.
ROWS = {
    "a keepalive answers that the key is gone": ("key-gone", "untold"),
    "another program deletes the key": ("deleted", "untold"),
    "another program deletes the key and creates one": ("replaced", "untold"),
    "the IP address is banned: requests sent all the same": ("ban-418", "in ban"),
}


def test_the_table_shows_what_was_measured() -> None:
    """Each figure is in the record of the survival run."""
    with (ROOT / "docs" / "survival.csv").open(encoding="utf-8", newline="") as file:
        measured = {(row["scenario"], row["player"]): row for row in csv.DictReader(file)}
    head, _, *rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in re.findall(r"^\|.*\|$", README, flags=re.MULTILINE)
    ]
    assert [row[0] for row in rows] == list(ROWS)
    for what, *figures in rows:
        scenario, column = ROWS[what]
        assert figures == [measured[scenario, player][column] for player in head[1:]]


def test_every_page_it_links_to_is_there() -> None:
    """Links are relative to the repository."""
    links = re.findall(r"\]\(((?:docs/|[A-Z]+\.md)[^)#]*)", README)
    assert links
    assert all((ROOT / link).exists() for link in links)
