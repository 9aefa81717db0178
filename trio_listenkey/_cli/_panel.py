"""How keys and streams are, as a panel: what a person looks at to see whether all is well."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import trio
from rich.console import Group, RenderableType
from rich.constrain import Constrain
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from .._core._key_lifecycle import KeepaliveSchedule
from .._events import Gap, UserEvent
from .._shell._listen_key import ListenKey
from .._shell._user_stream import UserStream
from ._headline import Headline, Verdict, judge_key, judge_stream, span
from ._lines import visible
from ._narration import Narrator, noun_of

__all__ = ["AccountPanel", "Board", "KeyPanel", "Rate", "StreamPanel"]

_WIDTH: Final = 96
_BAR: Final = 28
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


Row = tuple[str, RenderableType]


class AccountPanel(ABC):
    """How one account is: the answer to the one question, and below it what it is made of."""

    def __init__(self, title: str, narrator: Narrator) -> None:
        self._title, self._narrator = title, narrator
        self._headline = Headline(trio.current_time())

    def __call__(self) -> RenderableType:
        """The panel as of now."""
        now = trio.current_time()
        grid = Table.grid(padding=(0, 2))
        for name, fact in self._rows(now):
            grid.add_row(Text(name, "dim"), fact)
        content = Group(self._headline(self._judge(now), now), Text(), grid)
        return Constrain(Panel(content, title=self._title, title_align="left"), _WIDTH)

    def brief(self) -> Text:
        """The answer alone, in a line."""
        now = trio.current_time()
        return self._headline.brief(self._judge(now), now)

    @abstractmethod
    def _judge(self, now: float) -> Verdict:
        """The answer."""

    @abstractmethod
    def _rows(self, now: float) -> list[Row]:
        """What it is made of."""


class KeyPanel(AccountPanel):
    """A listen key: its age, and how far it is to the next keepalive and to its end."""

    def __init__(self, title: str, key: ListenKey, pace: KeepaliveSchedule, narrator: Narrator) -> None:
        super().__init__(title, narrator)
        self._key, self._key_rows = key, _KeyRows(key, pace)

    def _judge(self, now: float) -> Verdict:
        return judge_key(self._key.statistics(), self._narrator, noun_of(self._key.venue), now)

    def _rows(self, now: float) -> list[Row]:
        return self._key_rows(now)


class StreamPanel(AccountPanel):
    """A stream: its key if it has one, its socket, its events and its gaps."""

    def __init__(self, title: str, stream: UserStream, pace: KeepaliveSchedule | None, narrator: Narrator) -> None:
        super().__init__(title, narrator)
        self._stream = stream
        self._noun = "subscription" if pace is None else noun_of(stream.venue)
        self._key_rows = None if pace is None else _KeyRows(stream.key, pace)
        self._rate = Rate(trio.current_time())
        self._last: UserEvent | None = None
        self._gap: Gap | None = None
        self._gap_count = 0

    def saw(self, item: UserEvent | Gap) -> None:
        """``item`` came."""
        if not isinstance(item, Gap):
            self._last = item
        elif item.cause != "opened":
            self._gap, self._gap_count = item, self._gap_count + 1

    def _judge(self, now: float) -> Verdict:
        return judge_stream(self._stream.statistics(), self._narrator, self._noun, now)

    def _rows(self, now: float) -> list[Row]:
        stream = self._stream.statistics()
        if stream.connected_since is None or stream.last_frame_at is None:
            socket = Text("none", "bold red")
        else:
            last = f"last frame {span(now - stream.last_frame_at)} ago"
            socket = Text(f"open for {span(now - stream.connected_since)}, {last}")
        return [
            *(self._key_rows(now) if self._key_rows is not None else []),
            ("socket", socket),
            ("events", Text(f"{stream.events}, {self._rate(now, stream.events):.1f} a second")),
            ("last", Text(self._last_event(now))),
            ("gaps", self._gaps()),
        ]

    def _last_event(self, now: float) -> str:
        if self._last is None:
            return "none yet"
        name = visible(self._last.type or "of no type")[:_LONGEST_TYPE]
        return f"{name}, {span(now - self._last.received_at)} ago"

    def _gaps(self) -> Text:
        if self._gap is None:
            return Text("none")
        return Text(f"{self._gap_count}, the last of {self._gap.duration:.1f} s ({self._gap.cause})", "bold red")


class Board:
    """The panels of all accounts: of one the whole, of several a line each.

    Args:
        names: All of the accounts'.
    """

    def __init__(self, *names: str) -> None:
        self._panels: dict[str, AccountPanel | None] = dict.fromkeys(names)

    @contextmanager
    def shown(self, name: str, panel: AccountPanel) -> Iterator[None]:
        """For as long as the block lasts, the account has a stream or a key that is shown by ``panel``."""
        self._panels[name] = panel
        try:
            yield
        finally:
            self._panels[name] = None

    def __call__(self) -> RenderableType | None:
        """What is shown now; ``None`` while there is but one account, and nothing of it to show."""
        panels = list(self._panels.values())
        if len(panels) == 1:
            return None if panels[0] is None else panels[0]()
        grid = Table.grid(padding=(0, 2))
        grid.add_column(no_wrap=True)
        grid.add_column(overflow="fold")
        for name, panel in self._panels.items():
            grid.add_row(name, panel.brief() if panel is not None else Text("not open", "bold red"))
        return Constrain(Panel(grid), _WIDTH)


class _KeyRows:
    """What there is to show of a key."""

    def __init__(self, key: ListenKey, pace: KeepaliveSchedule) -> None:
        self._key, self._pace = key, pace
        self._since = (1, trio.current_time())

    def __call__(self, now: float) -> list[Row]:
        key = self._key.statistics()
        if self._since[0] != key.generation:
            self._since = (key.generation, now)
        losses = f", lost {_times(key.losses)}" if key.losses else ""
        age = span(now - self._since[1])
        return [
            (noun_of(self._key.venue), Text(f"{key.generation}, {key.state}, {age} old{losses}")),
            ("keepalive", _bar(key.next_request_at - now, self._pace.keepalive_every, "cyan")),
            ("expiry", _bar(key.expires_at - now, self._pace.validity, "green")),
        ]


def _bar(left: float, whole: float, style: str) -> RenderableType:
    """What is left of a time, as a bar and as a figure."""
    if not 0 < left < float("inf"):
        return Text("now" if left <= 0 else "none is due", "yellow")
    row = Table.grid(padding=(0, 2))
    row.add_row(
        ProgressBar(
            total=1.0, completed=min(1.0, left / whole), width=_BAR, complete_style=style, finished_style=style
        ),
        f"in {span(left)}",
    )
    return row


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
