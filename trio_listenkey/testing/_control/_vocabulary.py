"""The names that users know: of ready-made effects and of dialects, as they are exported."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any, get_type_hints

from .._dialects._binance import Dialect

__all__ = ["dialects_by_name", "ready_made"]


@cache
def ready_made(classes: tuple[type, ...]) -> dict[str, Callable[..., Any]]:
    """The functions that users know which return one of ``classes``, by name."""
    functions = {name: each for name, each in _public().items() if inspect.isfunction(each)}
    return {name: each for name, each in functions.items() if get_type_hints(each).get("return") in classes}


@cache
def dialects_by_name() -> dict[str, Dialect]:
    """Every dialect there is."""
    return {each.name: each for each in _public().values() if isinstance(each, Dialect)}


def _public() -> dict[str, Any]:
    # Looked up when it is needed and by name, as what is public is made of modules like this one.
    face = import_module("trio_listenkey.testing")
    return {name: getattr(face, name) for name in face.__all__}
