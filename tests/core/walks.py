"""Walks a rule-based machine with every rule as likely as every other, and notes where its tables were gone through.

Hypothesis prefers short walks, and leaves rules out on purpose: that finds small counter-examples, and seldom comes to
the far corners of a table. A walk here is long and takes any rule that fits, so that a few hundred of them go
everywhere. They are the same each time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from inspect import signature
from random import Random
from typing import Any

Values = Mapping[str, Callable[[Random], Any]]
"""For each argument of a rule, by its name: how to choose one."""


def one_of(*values: Any) -> Callable[[Random], Any]:
    """Each as likely as the others."""
    return lambda random: random.choice(values)


class Walk:
    """How to walk a machine.

    Args:
        rules: Its rules, by their names; those that need something are left out by ``fits``.
        invariants: What must hold after each step.
        values: How to choose arguments.
        fits: Whether a rule may be taken, by its name.
    """

    def __init__(
        self,
        rules: Sequence[str],
        invariants: Sequence[str],
        values: Values,
        fits: Callable[[Any, str], bool] = lambda _, __: True,
    ) -> None:
        self._rules, self._invariants, self._values, self._fits = rules, invariants, values, fits

    def __call__(self, machine: Any, seed: int, begin: str, steps: int, *, recovers: bool = True) -> None:
        """Begin ``machine`` by a rule, take so many steps, and end: as a generated walk does, or at once."""
        random = Random(seed)
        self._take(machine, begin, random)
        for _ in range(steps):
            self._take(machine, random.choice([name for name in self._rules if self._fits(machine, name)]), random)
        if recovers:
            machine.teardown()
        else:
            machine.stop()

    def _take(self, machine: Any, name: str, random: Random) -> None:
        rule = getattr(machine, name)
        rule(**{argument: self._values[argument](random) for argument in signature(rule).parameters})
        for invariant in self._invariants:
            getattr(machine, invariant)()


class _Row(dict[Any, Any]):
    """One row of a table, which notes what is looked up in it."""

    def __init__(self, row: Mapping[Any, Any], gone: set[tuple[Any, Any]], state: Any) -> None:
        super().__init__(row)
        self._gone, self._state = gone, state

    def __getitem__(self, event: Any) -> Any:
        self._gone.add((self._state, event))
        return super().__getitem__(event)


@contextmanager
def noting(table: dict[Any, Any]) -> Iterator[set[tuple[Any, Any]]]:
    """The ways in ``table``, by state and event, that are gone meanwhile."""
    rows, gone = dict(table), set[tuple[Any, Any]]()
    table.update({state: _Row(row, gone, state) for state, row in rows.items()})
    try:
        yield gone
    finally:
        table.update(rows)


def ways_of(table: Mapping[Any, Mapping[Any, Any]]) -> set[tuple[Any, Any]]:
    """Every way in ``table``."""
    return {(state, event) for state, row in table.items() for event in row}
