"""Draws states from the tables that the code obeys.

``.. lifecycle-diagram::`` shows a key's, ``.. phases-diagram::`` those of its block, ``.. sockets-diagram::`` those of
a stream's sockets, ``.. trust-diagram::`` those of its trust, ``.. switch-diagram::`` those of a dead-man switch,
``.. sharing-diagram::`` those of a member of those who share a key. What may happen, and what it leads to, is read from
the tables. Only where things stand is said here: a state without a place, an arrow without a way and a way without an
arrow each end the build.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective

from trio_listenkey._core._dead_man_states import SWITCH_TRANSITIONS, SwitchEvent, SwitchState
from trio_listenkey._core._key_states import PHASES, TRANSITIONS, Event, Phase, State
from trio_listenkey._core._sharing_states import SHARING_TRANSITIONS, SharingEvent, SharingState
from trio_listenkey._core._stream_states import (
    SOCKET_TRANSITIONS,
    TRUST_TRANSITIONS,
    SocketEvent,
    SocketState,
    TrustEvent,
    TrustState,
)


class Way(NamedTuple):
    """Where an arrow runs: the points it turns at, and where its words begin; under each other, or in a row."""

    points: list[tuple[int, int]]
    words: tuple[int, int]
    stacked: bool = False


Ends = tuple[Enum | None, Enum]

BOX = 112, 44


@dataclass(frozen=True)
class Picture:
    """A table, and where things stand.

    Attributes:
        table: State, event, next state.
        in_flight: A state that knows this event has something in flight, and is set off.
        size: Width and height of the whole.
        places: Where the middle of each state is.
        framed: States in a frame. What each of them does in the same way is drawn once, from the frame.
        frame: x, y, width, height.
        legends: Lines of text, and where they are.
        start: A dot, from which an arrow leads to the first state.
        ways: Where the arrows run; ``None`` for the frame.
    """

    table: Mapping[Any, Mapping[Any, Any]]
    in_flight: Enum
    size: tuple[int, int]
    places: Mapping[Enum, tuple[int, int]]
    framed: tuple[Enum, ...]
    frame: tuple[int, int, int, int]
    legends: list[tuple[tuple[int, int], list[str]]]
    start: list[tuple[int, int]]
    ways: Mapping[Ends, Way]


KEY = Picture(
    table=TRANSITIONS,
    in_flight=Event.OK,
    size=(1000, 496),
    places={
        State.CREATING: (262, 92),
        State.RENEWING: (538, 92),
        State.VACANT: (124, 254),
        State.HELD: (400, 254),
        State.FAILED: (676, 254),
        State.UNSURE: (896, 254),
        State.RECOVERING: (896, 92),
        State.LEAVING: (124, 414),
        State.CLOSING: (400, 414),
        State.CLOSED: (676, 414),
    },
    # The states that wait, for time to pass or for the block to end.
    framed=(State.VACANT, State.HELD, State.FAILED, State.UNSURE),
    frame=(20, 208, 960, 122),
    legends=[((538, 248), ["no request in flight:", "the block may end"])],
    start=[(32, 254), (68, 254)],
    ways={
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
        (State.VACANT, State.UNSURE): Way([(96, 276), (96, 318), (896, 318), (896, 276)], (740, 309)),
        (State.UNSURE, State.RECOVERING): Way([(908, 232), (908, 114)], (916, 180)),
        (State.RECOVERING, State.HELD): Way([(884, 114), (884, 176), (412, 176), (412, 232)], (790, 167)),
        (State.RECOVERING, State.FAILED): Way([(840, 92), (724, 92), (724, 232)], (732, 116), stacked=True),
        (None, State.LEAVING): Way([(124, 330), (124, 392)], (134, 365)),
        (None, State.CLOSED): Way([(676, 330), (676, 392)], (686, 365)),
        (State.LEAVING, State.CLOSING): Way([(180, 405), (344, 405)], (248, 396)),
        (State.CLOSING, State.LEAVING): Way([(344, 423), (180, 423)], (217, 441)),
        (State.CLOSING, State.CLOSED): Way([(456, 414), (620, 414)], (479, 405)),
        (State.LEAVING, State.CLOSED): Way([(124, 436), (124, 472), (676, 472), (676, 436)], (356, 463)),
    },
)

PHASE = Picture(
    table=PHASES,
    in_flight=Event.OK,  # no phase knows it: nothing is set off
    size=(800, 250),
    places={Phase.OPENING: (116, 96), Phase.RUNNING: (400, 96), Phase.STOPPING: (684, 96)},
    framed=tuple(Phase),
    frame=(8, 8, 784, 234),
    legends=[
        ((116, 178), ["the key is VACANT,", "CREATING or FAILED"]),
        ((400, 178), ["the key is VACANT, CREATING,", "HELD, RENEWING or FAILED"]),
        ((684, 178), ["the key is in", "any state"]),
    ],
    start=[(24, 96), (60, 96)],
    ways={
        (Phase.OPENING, Phase.RUNNING): Way([(172, 96), (344, 96)], (240, 87)),
        (Phase.OPENING, Phase.STOPPING): Way([(116, 74), (116, 40), (684, 40), (684, 74)], (388, 31)),
        (Phase.RUNNING, Phase.RUNNING): Way([(376, 118), (376, 156), (424, 156), (424, 118)], (432, 150)),
        (Phase.RUNNING, Phase.STOPPING): Way([(456, 96), (628, 96)], (530, 87)),
        (Phase.STOPPING, Phase.STOPPING): Way([(660, 118), (660, 156), (708, 156), (708, 118)], (716, 150)),
    },
)

SOCKETS = Picture(
    table=SOCKET_TRANSITIONS,
    in_flight=SocketEvent.CONNECTED,
    size=(800, 474),
    places={
        SocketState.CONNECTING: (116, 116),
        SocketState.OPEN: (400, 116),
        SocketState.DRAINING: (684, 116),
        SocketState.WAITING: (116, 286),
        SocketState.MOVING: (684, 286),
        SocketState.CLOSED: (400, 444),
    },
    framed=tuple(state for state in SocketState if state is not SocketState.CLOSED),
    frame=(8, 8, 784, 368),
    legends=[((116, 36), ["no socket"]), ((400, 36), ["one socket"]), ((684, 36), ["two sockets"])],
    start=[(116, 332), (116, 308)],
    ways={
        (SocketState.WAITING, SocketState.CONNECTING): Way([(96, 264), (96, 138)], (62, 206)),
        (SocketState.CONNECTING, SocketState.WAITING): Way([(136, 138), (136, 264)], (144, 206)),
        (SocketState.CONNECTING, SocketState.OPEN): Way([(172, 106), (344, 106)], (222, 97)),
        (SocketState.OPEN, SocketState.WAITING): Way([(380, 138), (380, 286), (172, 286)], (214, 277)),
        (SocketState.OPEN, SocketState.MOVING): Way([(420, 138), (420, 286), (628, 286)], (480, 277)),
        (SocketState.MOVING, SocketState.OPEN): Way([(660, 264), (660, 206), (440, 206), (440, 138)], (480, 197)),
        (SocketState.MOVING, SocketState.DRAINING): Way([(684, 264), (684, 138)], (692, 206)),
        (SocketState.MOVING, SocketState.CONNECTING): Way(
            [(684, 308), (684, 352), (28, 352), (28, 116), (60, 116)], (230, 343)
        ),
        (SocketState.DRAINING, SocketState.OPEN): Way([(684, 94), (684, 66), (400, 66), (400, 94)], (446, 57)),
        (None, SocketState.CLOSED): Way([(400, 376), (400, 422)], (410, 404)),
    },
)

TRUST = Picture(
    table=TRUST_TRANSITIONS,
    in_flight=TrustEvent.UNANSWERED,
    size=(800, 440),
    places={
        TrustState.TRUSTED: (116, 100),
        TrustState.ASKED: (400, 100),
        TrustState.DOUBTED: (684, 100),
        TrustState.DENIED: (400, 236),
        TrustState.NONE: (400, 386),
    },
    # What leads from each of them to trust, to denial, or to nothing.
    framed=(TrustState.TRUSTED, TrustState.ASKED, TrustState.DOUBTED, TrustState.DENIED),
    frame=(8, 8, 784, 288),
    legends=[((684, 272), ["a key that is presumed alive"])],
    start=[(484, 386), (456, 386)],
    ways={
        (TrustState.TRUSTED, TrustState.ASKED): Way([(172, 100), (344, 100)], (230, 91)),
        (TrustState.ASKED, TrustState.DOUBTED): Way([(456, 100), (628, 100)], (494, 91)),
        (None, TrustState.DENIED): Way([(8, 236), (344, 236)], (230, 227)),
        (None, TrustState.TRUSTED): Way([(8, 100), (60, 100)], (14, 62), stacked=True),
        (None, TrustState.NONE): Way([(400, 296), (400, 364)], (410, 336)),
        (TrustState.NONE, TrustState.TRUSTED): Way([(344, 386), (116, 386), (116, 122)], (200, 377)),
        (TrustState.NONE, TrustState.NONE): Way([(380, 408), (380, 430), (420, 430), (420, 408)], (428, 430)),
    },
)

SHARING = Picture(
    table=SHARING_TRANSITIONS,
    in_flight=SharingEvent.ENDED,
    size=(900, 410),
    places={
        SharingState.JOINING: (110, 130),
        SharingState.KEEPER: (290, 130),
        SharingState.FOLLOWER: (460, 130),
        SharingState.WAITING: (630, 130),
        SharingState.ALONE: (800, 130),
        SharingState.LEAVING: (290, 280),
        SharingState.CLOSING: (520, 280),
        SharingState.REPORTING: (730, 280),
        SharingState.LEFT: (520, 380),
    },
    # Each beat leads from any of them to one of them.
    framed=(
        SharingState.JOINING,
        SharingState.KEEPER,
        SharingState.FOLLOWER,
        SharingState.WAITING,
        SharingState.ALONE,
    ),
    frame=(8, 40, 884, 150),
    legends=[((450, 24), ["a beat leads from any of these to one of these"])],
    start=[(24, 130), (54, 130)],
    ways={
        (None, SharingState.KEEPER): Way([(290, 40), (290, 108)], (298, 76)),
        (None, SharingState.FOLLOWER): Way([(460, 40), (460, 108)], (468, 76)),
        (None, SharingState.WAITING): Way([(630, 40), (630, 108)], (638, 76)),
        (None, SharingState.ALONE): Way([(800, 40), (800, 108)], (808, 76)),
        (None, SharingState.LEAVING): Way([(290, 190), (290, 258)], (298, 226)),
        (SharingState.LEAVING, SharingState.CLOSING): Way([(346, 280), (464, 280)], (376, 271)),
        (SharingState.CLOSING, SharingState.REPORTING): Way([(576, 280), (674, 280)], (600, 271)),
        (SharingState.LEAVING, SharingState.LEFT): Way([(290, 302), (290, 380), (464, 380)], (330, 371)),
        (SharingState.REPORTING, SharingState.LEFT): Way([(730, 302), (730, 380), (576, 380)], (620, 371)),
    },
)


SWITCH = Picture(
    table=SWITCH_TRANSITIONS,
    in_flight=SwitchEvent.ENDED,
    size=(800, 400),
    places={
        SwitchState.ARMING: (86, 120),
        SwitchState.HOLDING: (300, 120),
        SwitchState.DEAF: (500, 96),
        SwitchState.BEHIND: (500, 196),
        SwitchState.EXPIRED: (720, 120),
        SwitchState.ENDING: (300, 360),
        SwitchState.CLOSED: (720, 360),
    },
    # What the stream and the program are like leads from each of them to each.
    framed=(SwitchState.HOLDING, SwitchState.DEAF, SwitchState.BEHIND),
    frame=(210, 44, 390, 212),
    legends=[((300, 196), ["the countdowns", "have not run out"])],
    start=[(8, 120), (30, 120)],
    ways={
        (SwitchState.ARMING, SwitchState.HOLDING): Way([(142, 108), (244, 108)], (152, 99)),
        (None, SwitchState.HOLDING): Way([(210, 134), (244, 134)], (168, 139)),
        (None, SwitchState.DEAF): Way([(600, 96), (556, 96)], (608, 84)),
        (None, SwitchState.BEHIND): Way([(600, 196), (556, 196)], (608, 201)),
        (None, SwitchState.EXPIRED): Way([(600, 130), (664, 130)], (606, 150)),
        (SwitchState.EXPIRED, SwitchState.HOLDING): Way([(720, 98), (720, 22), (300, 22), (300, 98)], (460, 14)),
        (SwitchState.ARMING, SwitchState.ENDING): Way([(86, 142), (86, 360), (244, 360)], (110, 351)),
        (None, SwitchState.ENDING): Way([(300, 256), (300, 338)], (308, 300)),
        (None, SwitchState.CLOSED): Way([(500, 256), (500, 350), (664, 350)], (510, 310)),
        (SwitchState.EXPIRED, SwitchState.CLOSED): Way([(720, 142), (720, 338)], (728, 240)),
        (SwitchState.ENDING, SwitchState.CLOSED): Way([(356, 370), (664, 370)], (420, 388)),
    },
)

# The colours are those of the page, hence right in the dark, too. On a narrow screen one moves the picture sideways.
STYLE = """
.lifecycle-frame { overflow-x: auto; margin: 1rem 0; }
svg.lifecycle { display: block; width: 100%; min-width: 38rem; height: auto; font: 14px var(--font-stack, sans-serif);
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


def arrows(picture: Picture) -> dict[Ends, list[str]]:
    """The names of the events that lead from one state to another; from ``None`` where the whole frame does it."""
    alike = set.intersection(*(set(picture.table[state].items()) for state in picture.framed))
    found: dict[Ends, list[str]] = {}
    for state, exits in picture.table.items():
        for event, target in exits.items():
            source = None if state in picture.framed and (event, target) in alike else state
            names = found.setdefault((source, target), [])
            name = event.name.lower().replace("_", " ")
            if name not in names:
                names.append(name)
    return found


def draw(picture: Picture) -> Iterator[str]:
    """The lines of an SVG image."""
    ways = arrows(picture)
    for what, table, here in (
        ("states", set(picture.table), set(picture.places)),
        ("arrows", set(ways), set(picture.ways)),
    ):
        if table != here:
            raise ExtensionError(f"lifecycle_diagram.py and the table do not have the same {what}: {table ^ here}")
    yield '<div class="lifecycle-frame">'
    yield '<svg class="lifecycle" viewBox="0 0 {} {}" role="img" aria-label="{}">'.format(
        *picture.size, in_words(picture, ways)
    )
    yield f"<style>{STYLE}</style>"
    yield '<marker id="lifecycle-tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7"'
    yield ' orient="auto"><path class="tip" d="M0,1 L10,5 L0,9 z"/></marker>'
    yield '<rect class="frame" x="{}" y="{}" width="{}" height="{}" rx="14"/>'.format(*picture.frame)
    for place, lines in picture.legends:
        yield from text(place, lines, "legend")
    yield '<circle class="start" cx="{}" cy="{}" r="5"/>'.format(*picture.start[0])
    yield arrow(picture.start)
    for ends, names in ways.items():
        points, words, stacked = picture.ways[ends]
        yield arrow(points)
        yield from text(words, names if stacked else [", ".join(names)])
    for state, place in picture.places.items():
        exits = picture.table[state]
        yield from box(state.name, *place, is_in_flight=picture.in_flight in exits, is_end=not exits)
    yield "</svg></div>"


def in_words(picture: Picture, ways: dict[Ends, list[str]]) -> str:
    """The same for those who cannot see it."""
    framed = "any of " + ", ".join(state.name for state in picture.framed)
    return "; ".join(
        f"{source.name if source else framed} to {target.name} on {' or '.join(names)}"
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


def box(name: str, x: int, y: int, *, is_in_flight: bool, is_end: bool) -> Iterator[str]:
    """A state: set off where something is in flight, double where it is the end."""
    width, height = BOX
    yield f'<g class="state{" in-flight" if is_in_flight else ""}">'
    for inset in (0, 4) if is_end else (0,):
        yield (
            f'<rect x="{x - width / 2 + inset}" y="{y - height / 2 + inset}" width="{width - 2 * inset}"'
            f' height="{height - 2 * inset}" rx="{10 - inset}"/>'
        )
    yield f'<text x="{x}" y="{y}">{name}</text></g>'


class LifecycleDiagram(SphinxDirective):
    """Put the diagram of a key's states here."""

    picture = KEY

    def run(self) -> list[nodes.Node]:
        return [nodes.raw("", "\n".join(draw(self.picture)), format="html")]


class PhasesDiagram(LifecycleDiagram):
    """Put the diagram of the phases of a key's block here."""

    picture = PHASE


class SocketsDiagram(LifecycleDiagram):
    """Put the diagram of a stream's sockets here."""

    picture = SOCKETS


class SharingDiagram(LifecycleDiagram):
    """Put the diagram of a member of those who share a key here."""

    picture = SHARING


class TrustDiagram(LifecycleDiagram):
    """Put the diagram of the trust in what a stream's events come by here."""

    picture = TRUST


class SwitchDiagram(LifecycleDiagram):
    """Put the diagram of a dead-man switch's states here."""

    picture = SWITCH


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("lifecycle-diagram", LifecycleDiagram)
    app.add_directive("phases-diagram", PhasesDiagram)
    app.add_directive("sockets-diagram", SocketsDiagram)
    app.add_directive("trust-diagram", TrustDiagram)
    app.add_directive("sharing-diagram", SharingDiagram)
    app.add_directive("switch-diagram", SwitchDiagram)
    return {"parallel_read_safe": True}
