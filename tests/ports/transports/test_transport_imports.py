"""Importing is cheap, and asks works on current trio without anybody else's noticing."""

from __future__ import annotations

import sys

import pytest
from fresh_python import run

from trio_listenkey import transports
from trio_listenkey.transports import _anyio3


def test_import_is_light() -> None:
    """Importing the module imports no HTTP library; the first use of an adapter imports its own."""
    run(
        """
        import sys
        from trio_listenkey import transports
        heavy = {"httpcore2", "asks", "anyio", "httpx", "httpx2", "h11"}
        assert not heavy & set(sys.modules), heavy & set(sys.modules)
        transports.HTTPXTransport, transports.AsksTransport
        assert not {"asks", "httpx", "httpx2"} & set(sys.modules)
        transports.HTTPCore2Transport
        assert "httpcore2" in sys.modules
        """
    )


def test_names() -> None:
    """All that is promised is there, and is listed; anything else is an AttributeError."""
    assert all(getattr(transports, name) is not None for name in transports.__all__)
    assert set(transports.__all__) <= set(dir(transports))
    with pytest.raises(AttributeError, match="no attribute 'CurlTransport'"):
        _ = transports.CurlTransport  # type: ignore[attr-defined]


def test_asks_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without asks the error says what to install."""
    monkeypatch.setitem(sys.modules, "asks", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'trio-listenkey\[asks\]'"):
        transports.AsksTransport()


def test_asks_lacks_something(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where asks is there and lacks something, that is named."""
    pytest.importorskip("asks")
    for name in [name for name in sys.modules if name.partition(".")[0] == "asks"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "async_generator", None)
    with pytest.raises(ModuleNotFoundError, match="async_generator"):
        transports.AsksTransport()


anyio3 = pytest.mark.skipif(
    not _anyio3.is_needed(), reason="the anyio that is installed does without: there is nothing to mend"
)


@anyio3
@pytest.mark.parametrize("before", ["", "fail()", "fail(); fail()", "mend()"], ids=["fresh", "failed", "twice", "done"])
def test_repair_is_confined(before: str) -> None:
    """After the repair asks connects, trio is what it was, and only anyio's backend knows of the stand-in."""
    run(
        f"""
        import importlib, sys, trio
        names, attributes = set(vars(trio)), dict(vars(trio))

        def fail():
            try:
                importlib.import_module("anyio._backends._trio")
            except AttributeError as error:
                assert "MultiError" in str(error)
            else:
                raise AssertionError("anyio 3 needs no repair any more: remove it")

        def mend():
            from trio_listenkey.transports import _anyio3
            _anyio3.import_asks()

        {before}
        mend()
        mend()
        import anyio, asks
        backend = sys.modules["anyio._backends._trio"]
        assert anyio._backends._trio is backend
        assert backend.trio is not trio and backend.trio.Event is trio.Event
        assert sys.modules["trio"] is trio and set(vars(trio)) == names
        assert all(vars(trio)[name] is attributes[name] for name in names)
        assert not hasattr(trio, "MultiError")
        assert not any(getattr(m, "trio", trio) is not trio for m in list(sys.modules.values()) if m is not backend)

        async def main():
            session = asks.Session()
            try:
                await session.get("http://127.0.0.1:1/")
            except OSError:
                pass
            with trio.move_on_after(0.05) as scope:
                await anyio.sleep(1)
            assert scope.cancelled_caught

        trio.run(main)
        """
    )


@anyio3
def test_repair_by_many_threads() -> None:
    """Threads that come at once find one backend, which is whole."""
    run(
        """
        import sys, threading
        from trio_listenkey.transports import _anyio3
        found, start = [], threading.Barrier(8)

        def work():
            start.wait()
            _anyio3.import_asks()
            found.append(sys.modules["anyio._backends._trio"].TaskGroup)

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        assert len(found) == 8 and len(set(found)) == 1
        """
    )


@anyio3
def test_repair_that_fails_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """If some other anyio 3 cannot be imported even so, nothing half-made is left."""
    _anyio3.import_asks()
    monkeypatch.delitem(sys.modules, "anyio._backends._trio")
    monkeypatch.delattr(_anyio3._Trio, "MultiError")
    with pytest.raises(AttributeError, match="MultiError"):
        _anyio3.import_asks()
    assert "anyio._backends._trio" not in sys.modules


@anyio3
async def test_sockets_of_others_are_left_alone() -> None:
    """Only what is made for one of our own requests, and fails, is closed."""
    _anyio3.import_asks()
    trio_for_anyio = sys.modules["anyio._backends._trio"].trio
    with trio_for_anyio.socket.socket() as theirs:
        with pytest.raises(OSError, match="fails"), _anyio3.no_socket_left():
            ours = trio_for_anyio.socket.socket()
            raise OSError("fails")
        assert (ours.fileno() == -1, theirs.fileno() == -1) == (True, False)


def test_repair_is_not_done_with_another_anyio(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another version than 3 is imported as it is."""
    pytest.importorskip("asks")
    monkeypatch.delitem(sys.modules, "anyio._backends._trio", raising=False)
    monkeypatch.setattr(_anyio3, "version", lambda _: "4.16.0")
    _anyio3.import_asks()
    assert "anyio._backends._trio" not in sys.modules
