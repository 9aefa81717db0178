"""asks on current trio: anyio 3's trio backend, imported with the one name supplied that trio no longer has.

Why: asks 3.0.0, the last (April 2022), requires ``anyio~=3.0``. The newest of these, 3.7.1, uses
``trio.MultiError``, both when its trio backend is imported and in an ``except`` clause. trio 0.23 removed that
name. So ``pip install asks`` installs cleanly, and the first request ends in ``AttributeError``.

What is done: only anyio 3's private module ``anyio._backends._trio`` is given a stand-in for ``trio``. It forwards
every name, has a ``MultiError`` more, and remembers the sockets that are made for one of our requests. It is given
through the ``__import__`` of that one module: ``trio`` and ``sys.modules["trio"]`` stay as they are at any time, and
no other module or thread can ever meet the stand-in. With anyio 4, or where the backend is there, nothing is done.

When it can go: once asks allows anyio 4, or once asks is no longer supported here.
"""

from __future__ import annotations

import builtins
import importlib
import importlib.util
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from importlib.metadata import version
from types import ModuleType
from typing import Any

import trio

__all__ = ["import_asks", "is_needed", "no_socket_left"]

_BACKEND = "anyio._backends._trio"
_lock = threading.Lock()
# The sockets of the request that is under way in this context; otherwise unset.
_made: ContextVar[list[trio.socket.SocketType]] = ContextVar("trio_listenkey_sockets")


def import_asks() -> Any:
    """Import asks so that it works.

    Raises:
        ModuleNotFoundError: asks is not installed.
    """
    try:
        asks = importlib.import_module("asks")
    except ModuleNotFoundError as error:
        if error.name != "asks":
            raise  # asks is there, and lacks something: its own message names it
        raise ModuleNotFoundError("AsksTransport needs asks: pip install 'trio-listenkey[asks]'", name="asks") from None
    _mend()
    return asks


def is_needed() -> bool:
    """Whether the anyio that is installed has to be mended."""
    return version("anyio").startswith("3.")


@contextmanager
def no_socket_left() -> Iterator[None]:
    """Close all sockets that are made inside, if it ends in an exception.

    When a connection is made and cancelled in the same moment, anyio 3 leaves it to the garbage collector.
    """
    made: list[trio.socket.SocketType] = []
    token = _made.set(made)
    try:
        yield
    except BaseException:
        for one in made:
            one.close()
        raise
    finally:
        _made.reset(token)


def _mend() -> None:
    """Import anyio 3's trio backend with the stand-in, unless it is there or is of another version."""
    with _lock:
        if _BACKEND not in sys.modules and is_needed():
            _import_backend()


def _import_backend() -> None:
    # An import by somebody else may have failed before. It has left nothing in sys.modules, so ours is fresh.
    spec = importlib.util.find_spec(_BACKEND)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # The import statement asks for __import__ in the builtins of the module in which it stands.
    vars(module)["__builtins__"] = {**vars(builtins), "__import__": _import}
    sys.modules[_BACKEND] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[_BACKEND]
        raise
    # As the import system does for every submodule.
    vars(sys.modules["anyio._backends"])["_trio"] = module


class _MultiError(BaseException):
    """What anyio 3 derives its exception group from. Nothing raises it, so ``except`` finds no instance.

    trio's groups then pass anyio's task group as they are, and a cancellation among them stays one.
    """

    def __init__(self, exceptions: Sequence[BaseException]) -> None:
        super().__init__(exceptions)
        self.exceptions = exceptions


class _Socket:
    """Stands in for the module ``trio.socket``, as far as the backend gets there through ``trio``."""

    def __getattr__(self, name: str) -> Any:
        return getattr(trio.socket, name)

    def socket(self, *args: Any) -> trio.socket.SocketType:
        made = trio.socket.socket(*args)
        _made.get([]).append(made)
        return made


class _Trio:
    """Stands in for the module ``trio``."""

    MultiError = _MultiError
    socket = _Socket()

    def __getattr__(self, name: str) -> Any:
        return getattr(trio, name)


_stand_in = _Trio()


def _import(
    name: str,
    globals: Mapping[str, object] | None = None,  # noqa: A002 -- the signature is __import__'s
    locals: Mapping[str, object] | None = None,  # noqa: A002
    fromlist: Sequence[str] | None = (),
    level: int = 0,
) -> ModuleType | _Trio:
    module = builtins.__import__(name, globals, locals, fromlist or (), level)
    return _stand_in if module is trio else module
