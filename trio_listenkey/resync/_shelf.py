"""The newest word on each of many things."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Generic

from ._words import Change, W

__all__ = ["Shelf"]


class Shelf(Generic[W]):
    """Joins words about orders, or balances, or positions, in whatever order they come.

    A word takes the place of another if its rank is greater. Between two of the same rank stands the time of hearing:
    a query whose answer came after a gap knows more than the stream did before it, and less than the stream since.
    """

    def __init__(self) -> None:
        self._known: dict[Hashable, tuple[W, int]] = {}

    def __iter__(self) -> Iterator[W]:
        return iter([word for word, _ in self._known.values()])

    def __len__(self) -> int:
        return len(self._known)

    def get(self, key: Hashable) -> W | None:
        """The word on this one."""
        return self._known[key][0] if key in self._known else None

    def heard_at(self, key: Hashable) -> int:
        """When it was last reported, in ticks; -1 for never."""
        return self._known[key][1] if key in self._known else -1

    def forget(self, key: Hashable) -> None:
        """Know nothing of this one."""
        self._known.pop(key, None)

    def put(self, word: W, tick: int, *, begun: int | None = None) -> Change[W] | None:
        """Hear a word at a tick, and say what it changes.

        Args:
            word: The word.
            tick: When.
            begun: Of the answer to a query: when the asking began. Of two reports of the same rank, one received by
                then is replaced, and one received since stays.
        """
        known, heard = self._known.get(word.key, (None, -1))
        if known is not None:
            if word.rank < known.rank or (word.rank == known.rank and begun is not None and heard > begun):
                return None
            word = word.after(known)
        says_the_same = known is not None and word.says_the_same_as(known)
        # An event that comes twice tells nothing of now. It must not look as if the stream had spoken since a gap, or
        # what happened in that would not be asked for.
        is_repeated = known is not None and says_the_same and word.rank == known.rank and begun is None
        self._known[word.key] = word, heard if is_repeated else max(tick, heard)
        return None if says_the_same else Change(known, word)
