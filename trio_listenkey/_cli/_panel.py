"""How a key and a stream are, as a panel: what a person looks at to see whether all is well."""

from __future__ import annotations

from collections import deque
from typing import Final

import trio
from rich.console import RenderableType
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from .._core._key_lifecycle import KeepaliveSchedule
from .._events import Gap, UserEvent
from .._shell._listen_key import ListenKey
from .._shell._user_stream import UserStream
from ._narration import noun_of
from ._status import visible

__all__ = ["KeyPanel", "Rate", "StreamPanel"]

_WIDTH: Final = 68
_BAR: Final = 34
_WINDOW: Final = 10.0  # seconds over which events are averaged
_LONGEST_TYPE: Final = 40


class Rate:
    """How many events there are in a second, lately; ask it often."""

    def __init__(self, start: float) -> None:
        self._samples = deque([(start, 0)])

    def __call__(self, now: float, events: int) -> float:
        """The rate, now that there have been ``events``."""
        self._samples.append((now, events))
        while self._samples[1][0] <= now - _WINDOW:
            self._samples.popleft()
        then, before = self._samples[0]
        return (events - before) / max(now - then, 1.0)


class KeyPanel:
    """A listen key: its age, and how far it is to the next keepalive and to its end."""

    def __init__(self, venue: str, key: ListenKey | None, pace: KeepaliveSchedule | None) -> None:
        self._venue = venue
        self._key = key
        self._pace = pace
        self._since = (1, trio.current_time())

    def __call__(self) -> RenderableType:
        """The panel as of now."""
        grid = Table.grid(padding=(0, 2))
        for name, fact in self._rows(trio.current_time()):
            grid.add_row(Text(name, "dim"), fact)
        return Panel(grid, title=self._venue, title_align="left", width=_WIDTH)

    def _rows(self, now: float) -> list[tuple[str, RenderableType]]:
        if self._key is None or self._pace is None:
            return []  # there are exchanges without
        key = self._key.statistics()
        if self._since[0] != key.generation:
            self._since = (key.generation, now)
        losses = f", lost {_times(key.losses)}" if key.losses else ""
        noun, age = noun_of(self._key.venue), _span(now - self._since[1])
        return [
            (noun, Text(f"{key.generation}, {key.state}, {age} old{losses}", "bold")),
            ("keepalive", _bar(key.next_request_at - now, self._pace.keepalive_every, "cyan")),
            ("expiry", _bar(key.expires_at - now, self._pace.validity, "green")),
        ]


class StreamPanel(KeyPanel):
    """A stream: besides its key its socket, its events and its gaps."""

    def __init__(self, stream: UserStream, key: ListenKey | None, pace: KeepaliveSchedule | None) -> None:
        super().__init__(stream.venue.name, key, pace)
        self._stream = stream
        self._rate = Rate(trio.current_time())
        self._last: UserEvent | None = None
        self._gap: Gap | None = None

    def saw(self, item: UserEvent | Gap) -> None:
        """``item`` came."""
        if isinstance(item, Gap):
            self._gap = item
        else:
            self._last = item

    def _rows(self, now: float) -> list[tuple[str, RenderableType]]:
        stream = self._stream.statistics()
        if stream.connected_since is None or stream.last_frame_at is None:
            socket = Text("none", "bold red")
        else:
            heard = f"heard {_span(now - stream.last_frame_at)} ago"
            socket = Text(
                f"{stream.state}, open for {_span(now - stream.connected_since)}, {heard}",
                "" if stream.is_live else "yellow",
            )
        return [
            *super()._rows(now),
            ("socket", socket),
            ("events", Text(f"{stream.events}, {self._rate(now, stream.events):.1f} a second")),
            ("last", Text(self._last_event(now))),
            ("gaps", self._gaps(stream.gaps)),
        ]

    def _last_event(self, now: float) -> str:
        if self._last is None:
            return "none yet"
        name = visible(self._last.type or "of no type")[:_LONGEST_TYPE]
        return f"{name}, {_span(now - self._last.received_at)} ago"

    def _gaps(self, gaps: int) -> Text:
        if self._gap is None or self._gap.cause == "opened":
            return Text(f"{gaps}, where the stream begins")
        return Text(f"{gaps}, the last of {self._gap.duration:.1f} s ({self._gap.cause})", "bold red")


def _bar(left: float, whole: float, style: str) -> RenderableType:
    """What is left of a time, as a bar and as a figure."""
    if not 0 < left < float("inf"):
        return Text("now" if left <= 0 else "none is due", "yellow")
    row = Table.grid(padding=(0, 2))
    row.add_row(
        ProgressBar(
            total=1.0, completed=min(1.0, left / whole), width=_BAR, complete_style=style, finished_style=style
        ),
        f"in {_span(left)}",
    )
    return row


def _span(seconds: float) -> str:
    """``9 s``, ``12:30``, ``1:12:30`` or ``2 d 1:12:30``."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    if not hours:
        return f"{minutes}:{rest:02}"
    days, hours = divmod(hours, 24)
    return (f"{days} d " if days else "") + f"{hours}:{minutes:02}:{rest:02}"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
