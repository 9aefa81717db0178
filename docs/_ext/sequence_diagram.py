"""``.. cancellation-diagram::`` draws what keeper, block and exchange do when the block is cancelled.

It is the record of a run: the library's keeper and the exchange of ``trio_listenkey.testing``, in memory, under a
virtual clock, when the page is built. Only where things stand is said here. If the run is not what the page tells, the
build ends.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import trio
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective
from trio.testing import MockClock

from trio_listenkey import Credentials, Timing, open_listen_key, venues
from trio_listenkey.testing import Exchange, MemoryTransport
from trio_listenkey.transports import Request, Response

Who = Literal["outside", "block", "keeper", "exchange"]

CANCELLED_AT = 30.0
CLEANUP = 20.0
LATENCY = 0.5
WORDS = {"POST": ("create", "key"), "PUT": ("keepalive", "ok"), "DELETE": ("close", "ok")}


@dataclass(frozen=True)
class Step:
    """One line of the picture: an arrow from one to another, with a word on it."""

    at: float
    source: Who
    target: Who
    word: str
    is_answer: bool = False


class Recorder(MemoryTransport):
    """Writes down what goes to the exchange and what comes back."""

    def __init__(self, exchange: Exchange, steps: list[Step]) -> None:
        super().__init__(exchange, latency=LATENCY)
        self._steps = steps

    async def request(self, request: Request) -> Response:
        """Send, and bring back."""
        there, back = WORDS[request.method]
        self._steps.append(Step(trio.current_time(), "keeper", "exchange", there))
        response = await super().request(request)
        self._steps.append(Step(trio.current_time(), "exchange", "keeper", back, is_answer=True))
        return response


async def live() -> list[Step]:
    """A key's block that is cancelled from outside, and cleans up."""
    steps: list[Step] = []
    exchange = Exchange(seed=1)
    exchange.add_account("an-api-key", name="account")

    def note(source: Who, target: Who, word: str) -> None:
        steps.append(Step(trio.current_time(), source, target, word))

    timing = Timing(keepalive_every=20.0, jitter=0.0)
    with trio.CancelScope(deadline=CANCELLED_AT) as scope:
        note("block", "keeper", "enter")
        transport = Recorder(exchange, steps)
        async with open_listen_key(venues.BINANCE_USDM, Credentials("an-api-key"), transport=transport, timing=timing):
            note("keeper", "block", "run")
            try:
                await trio.sleep_forever()
            finally:
                note("outside", "block", "cancel")
                with trio.CancelScope(shield=True, deadline=trio.current_time() + CLEANUP):
                    await trio.sleep_forever()
                note("block", "keeper", "over")
        raise ExtensionError("the block was not cancelled")
    note("keeper", "block", "leave")
    words = [step.word for step in steps if not step.is_answer]
    told = ["enter", "create", "run", "keepalive", "cancel", "keepalive", "over", "close", "leave"]
    if not scope.cancelled_caught or words != told or exchange.open_keys(trio.current_time()):
        raise ExtensionError(f"sequence_diagram.py: the run is not what the page tells: {words}")
    return steps


WIDTH, TOP, ROW = 400, 58, 27
LANES: dict[Who, int] = {"outside": 54, "block": 124, "keeper": 244, "exchange": 364}
HEADS: dict[Who, str] = {"block": "your block", "keeper": "keeper", "exchange": "exchange"}

# As in lifecycle_diagram: the colours are those of the page.
STYLE = """
.sequence-frame { margin: 1rem 0; }
svg.sequence { display: block; width: 100%; max-width: 31rem; height: auto; font: 13px var(--font-stack, sans-serif);
  --line: var(--color-foreground-muted, #6b6f76); --ink: var(--color-foreground-primary, #000);
  --paper: var(--color-background-primary, #fff); --accent: var(--color-brand-primary, #0a4bff); }
svg.sequence text { fill: var(--color-foreground-secondary, #5a5c63); text-anchor: middle; }
svg.sequence .head { fill: var(--ink); font-weight: 600; }
svg.sequence .time { text-anchor: end; font-size: 11px; font-variant-numeric: tabular-nums; }
svg.sequence .lane { stroke: var(--color-background-border, #ccc); stroke-width: 1.5; }
svg.sequence .arrow { fill: none; stroke: var(--line); stroke-width: 1.5; }
svg.sequence .answer { stroke-dasharray: 4 3; }
svg.sequence .tip { fill: var(--line); }
svg.sequence .bar { fill: var(--paper); stroke: var(--line); stroke-width: 1.5; }
svg.sequence .cleanup { fill: var(--color-background-secondary, #f8f9fb); stroke: var(--accent); stroke-width: 2; }
svg.sequence .keeper { fill: var(--color-background-secondary, #f8f9fb); }
svg.sequence .cancel text, svg.sequence .note { fill: var(--accent); }
svg.sequence .note { text-anchor: end; }
svg.sequence .cancel .arrow { stroke: var(--accent); stroke-width: 2; }
svg.sequence .cancel .tip { fill: var(--accent); }
"""


def draw(steps: list[Step]) -> Iterator[str]:
    """The lines of an SVG image."""
    height = TOP + ROW * len(steps) + 4
    row = {id(step): TOP + ROW * number for number, step in enumerate(steps)}
    found = {step.word: row[id(step)] for step in steps if step.word in {"enter", "run", "cancel", "over", "leave"}}
    words = "; ".join(f"{step.at:g} s: {HEADS.get(step.source, 'outside')}: {step.word}" for step in steps)
    yield '<div class="sequence-frame">'
    yield f'<svg class="sequence" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{words}">'
    yield f"<style>{STYLE}</style>"
    for who, head in HEADS.items():
        x = LANES[who]
        yield f'<text class="head" x="{x}" y="20">{head}</text>'
        yield f'<line class="lane" x1="{x}" x2="{x}" y1="30" y2="{height}"/>'
    yield bar("keeper", found["enter"], found["leave"], "keeper")
    yield bar("block", found["run"], found["cancel"])
    yield bar("block", found["cancel"], found["over"], "cleanup")
    middle = (found["cancel"] + found["over"]) / 2 - ROW / 2
    for line, text in enumerate(("cleans up,", "shielded")):
        yield f'<text class="note" x="{LANES["block"] - 14}" y="{middle + 16 * line}">{text}</text>'
    for step in steps:
        yield from arrow(step, row[id(step)])
    yield "</svg></div>"


def bar(who: Who, start: int, end: int, kind: str = "") -> str:
    """Somebody is at work."""
    x = LANES[who] - 6
    return f'<rect class="bar {kind}" x="{x}" y="{start}" width="12" height="{end - start}" rx="3"/>'


def arrow(step: Step, y: int) -> Iterator[str]:
    """A step at its height."""
    start, end = LANES[step.source], LANES[step.target]
    side = 1 if end > start else -1
    start, end = start + (7 * side if step.source != "outside" else 0), end - 7 * side
    kind = "arrow answer" if step.is_answer else "arrow"
    yield f'<g class="{step.word}">'
    yield f'<text class="time" x="34" y="{y + 4}">{step.at:g} s</text>'
    yield f'<path class="{kind}" d="M{start},{y} H{end - 6 * side}"/>'
    yield f'<path class="tip" d="M{end},{y} l{-8 * side},-4.5 v9 z"/>'
    yield f'<text x="{(start + end) / 2:g}" y="{y - 6}">{step.word}</text></g>'


class CancellationDiagram(SphinxDirective):
    """Put the picture here."""

    def run(self) -> list[nodes.Node]:
        """The picture, of a run of now."""
        log = logging.getLogger("trio_listenkey")
        log.disabled = True  # it would be told among the build's messages
        try:
            steps = trio.run(live, clock=MockClock(autojump_threshold=0))
        finally:
            log.disabled = False
        return [nodes.raw("", "\n".join(draw(steps)), format="html")]


def setup(app: Sphinx) -> dict[str, Any]:
    """Make the directive known."""
    app.add_directive("cancellation-diagram", CancellationDiagram)
    return {"parallel_read_safe": True}
