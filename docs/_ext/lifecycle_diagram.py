"""``.. lifecycle-diagram::`` draws the life of a key from the table that the code obeys.

What may happen, and what it leads to, is read from ``TRANSITIONS``. Only where things stand is said here: a state
without a place, an arrow without a way and a way without an arrow each end the build.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective

from trio_listenkey._core._state import TRANSITIONS, Event, State


class Way(NamedTuple):
    """Where an arrow runs: the points it turns at, and where its words begin; under each other, or in a row."""

    points: list[tuple[int, int]]
    words: tuple[int, int]
    stacked: bool = False


Ends = tuple[State | None, State]

SIZE = 800, 496
BOX = 112, 44
PLACES = {
    State.CREATING: (262, 92),
    State.RENEWING: (538, 92),
    State.VACANT: (124, 254),
    State.HELD: (400, 254),
    State.FAILED: (676, 254),
    State.LEAVING: (124, 414),
    State.CLOSING: (400, 414),
    State.CLOSED: (676, 414),
}

# The states that wait, for time to pass or for the block to end. What each of them does in the same way is drawn
# once, from the frame around them.
WAITING = (State.VACANT, State.HELD, State.FAILED)
FRAME = 20, 208, 760, 112  # x, y, width, height
LEGEND = (538, 248), ["no request in flight:", "the block may end"]
START = 32, 254  # a dot, from which an arrow leads to the first state

WAYS: dict[Ends, Way] = {
    (State.VACANT, State.CREATING): Way([(112, 232), (112, 82), (206, 82)], (136, 73)),
    (State.CREATING, State.VACANT): Way([(206, 102), (144, 102), (144, 232)], (152, 130), stacked=True),
    (State.CREATING, State.HELD): Way([(318, 92), (372, 92), (372, 232)], (332, 83)),
    (State.CREATING, State.FAILED): Way([(290, 70), (290, 24), (704, 24), (704, 232)], (590, 15)),
    (State.HELD, State.RENEWING): Way([(400, 232), (400, 82), (482, 82)], (424, 73)),
    (State.RENEWING, State.HELD): Way([(482, 102), (428, 102), (428, 232)], (436, 130), stacked=True),
    (State.RENEWING, State.FAILED): Way([(594, 92), (664, 92), (664, 232)], (601, 83)),
    (State.RENEWING, State.VACANT): Way([(538, 70), (538, 46), (84, 46), (84, 232)], (140, 37)),
    (State.HELD, State.VACANT): Way([(344, 254), (180, 254)], (236, 245)),
    (State.VACANT, State.FAILED): Way([(124, 276), (124, 302), (676, 302), (676, 276)], (506, 293)),
    (None, State.LEAVING): Way([(124, 320), (124, 392)], (134, 360)),
    (None, State.CLOSED): Way([(676, 320), (676, 392)], (686, 360)),
    (State.LEAVING, State.CLOSING): Way([(180, 405), (344, 405)], (248, 396)),
    (State.CLOSING, State.LEAVING): Way([(344, 423), (180, 423)], (217, 441)),
    (State.CLOSING, State.CLOSED): Way([(456, 414), (620, 414)], (479, 405)),
    (State.LEAVING, State.CLOSED): Way([(124, 436), (124, 472), (676, 472), (676, 436)], (356, 463)),
}

# The colours are those of the page, hence right in the dark, too.
STYLE = """
svg.lifecycle { width: 100%; height: auto; margin: 1rem 0; font: 14px var(--font-stack, sans-serif);
  --line: var(--color-foreground-muted, #6b6f76); --ink: var(--color-foreground-primary, #000);
  --paper: var(--color-background-primary, #fff); --accent: var(--color-brand-primary, #0a4bff); }
svg.lifecycle text { fill: var(--color-foreground-secondary, #5a5c63); }
svg.lifecycle .legend { font-style: italic; text-anchor: middle; }
svg.lifecycle .frame { fill: var(--color-background-secondary, #f8f9fb); stroke: var(--color-background-border, #ccc); }
svg.lifecycle .way { fill: none; stroke: var(--line); stroke-width: 1.5; }
svg.lifecycle .tip, svg.lifecycle .start { fill: var(--line); }
svg.lifecycle .state rect { fill: var(--paper); stroke: var(--line); stroke-width: 1.5; }
svg.lifecycle .state text { fill: var(--ink); font-weight: 600; text-anchor: middle; dominant-baseline: central; }
svg.lifecycle .in-flight rect { stroke: var(--accent); stroke-width: 2; }
svg.lifecycle .in-flight text { fill: var(--accent); }
"""


def arrows() -> dict[Ends, list[str]]:
    """The names of the events that lead from one state to another; from ``None`` where the whole frame does it."""
    alike = set.intersection(*(set(TRANSITIONS[state].items()) for state in WAITING))
    found: dict[Ends, list[str]] = {}
    for state, exits in TRANSITIONS.items():
        for event, target in exits.items():
            source = None if state in WAITING and (event, target) in alike else state
            names = found.setdefault((source, target), [])
            name = event.name.lower().replace("_", " ")
            if name not in names:
                names.append(name)
    return found


def draw() -> Iterator[str]:
    """The lines of an SVG image."""
    ways = arrows()
    for what, table, here in (("states", set(State), set(PLACES)), ("arrows", set(ways), set(WAYS))):
        if table != here:
            raise ExtensionError(f"lifecycle_diagram.py and the table do not have the same {what}: {table ^ here}")
    yield '<svg class="lifecycle" viewBox="0 0 {} {}" role="img" aria-label="{}">'.format(*SIZE, in_words(ways))
    yield f"<style>{STYLE}</style>"
    yield '<marker id="lifecycle-tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7"'
    yield ' orient="auto"><path class="tip" d="M0,1 L10,5 L0,9 z"/></marker>'
    yield '<rect class="frame" x="{}" y="{}" width="{}" height="{}" rx="14"/>'.format(*FRAME)
    yield from text(*LEGEND, "legend")
    yield '<circle class="start" cx="{}" cy="{}" r="5"/>'.format(*START)
    yield arrow([START, (PLACES[State.VACANT][0] - BOX[0] // 2, START[1])])
    for ends, names in ways.items():
        points, words, stacked = WAYS[ends]
        yield arrow(points)
        yield from text(words, names if stacked else [", ".join(names)])
    for state, place in PLACES.items():
        yield from box(state, *place)
    yield "</svg>"


def in_words(ways: dict[Ends, list[str]]) -> str:
    """The same for those who cannot see it."""
    return "; ".join(
        f"{source.name if source else 'any of ' + ', '.join(state.name for state in WAITING)} to {target.name}"
        f" on {' or '.join(names)}"
        for (source, target), names in ways.items()
    )


def arrow(points: list[tuple[int, int]]) -> str:
    """An arrow through ``points``."""
    return f'<path class="way" marker-end="url(#lifecycle-tip)" d="{rounded(points)}"/>'


def rounded(points: list[tuple[int, int]], radius: int = 10) -> str:
    """The path through ``points``, which are joined by horizontal and vertical lines, without sharp corners."""
    steps = [f"M{points[0][0]},{points[0][1]}"]
    for before, (x, y), after in zip(points, points[1:], points[2:], strict=False):
        steps.append("L{},{}".format(*towards((x, y), before, radius)))
        steps.append("Q{},{} {},{}".format(x, y, *towards((x, y), after, radius)))
    return " ".join([*steps, f"L{points[-1][0]},{points[-1][1]}"])


def towards(start: tuple[int, int], end: tuple[int, int], distance: int) -> tuple[int, int]:
    """The point so far from ``start`` on the horizontal or vertical line to ``end``."""
    (x, y), (dx, dy) = start, (end[0] - start[0], end[1] - start[1])
    return x + (dx > 0) * distance - (dx < 0) * distance, y + (dy > 0) * distance - (dy < 0) * distance


def text(place: tuple[int, int], lines: list[str], kind: str = "event") -> Iterator[str]:
    """Lines of text, one under the other."""
    x, y = place
    for row, line in enumerate(lines):
        yield f'<text class="{kind}" x="{x}" y="{y + 18 * row}">{line}</text>'


def box(state: State, x: int, y: int) -> Iterator[str]:
    """A state: set off where a request is in flight, double where it is the end."""
    width, height = BOX
    in_flight = Event.OK in TRANSITIONS[state]
    yield f'<g class="state{" in-flight" if in_flight else ""}">'
    for inset in (0, 4) if not TRANSITIONS[state] else (0,):
        yield (
            f'<rect x="{x - width / 2 + inset}" y="{y - height / 2 + inset}" width="{width - 2 * inset}"'
            f' height="{height - 2 * inset}" rx="{10 - inset}"/>'
        )
    yield f'<text x="{x}" y="{y}">{state.name}</text></g>'


class LifecycleDiagram(SphinxDirective):
    """Put the diagram here."""

    def run(self) -> list[nodes.Node]:
        return [nodes.raw("", "\n".join(draw()), format="html")]


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("lifecycle-diagram", LifecycleDiagram)
    return {"parallel_read_safe": True}
