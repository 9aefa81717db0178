"""Importing is cheap, and what is promised is there."""

from __future__ import annotations

import sys

import pytest
from fresh_python import run

from trio_listenkey import connectors


def test_import_is_light() -> None:
    """Importing the modules imports no WebSocket library; the first use of an adapter imports its own."""
    run(
        """
        import sys
        import trio_listenkey
        from trio_listenkey import connectors
        heavy = {"websockets", "trio_websocket", "wsproto", "python_socks", "httpcore2"}
        assert not heavy & set(sys.modules), heavy & set(sys.modules)
        connectors.WebSocketConnector(proxy="http://localhost")
        assert "websockets" in sys.modules
        assert not (heavy - {"websockets"}) & set(sys.modules), heavy & set(sys.modules)
        assert "websockets.trio" not in sys.modules
        connectors.WebSocketsTrioConnector
        assert "websockets.trio" in sys.modules
        """
    )


def test_names() -> None:
    """All that is promised is there, and is listed; anything else is an AttributeError."""
    assert all(getattr(connectors, name) is not None for name in connectors.__all__)
    assert set(connectors.__all__) <= set(dir(connectors))
    with pytest.raises(AttributeError, match="no attribute 'AiohttpConnector'"):
        _ = connectors.AiohttpConnector  # type: ignore[attr-defined]


def test_trio_websocket_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without trio-websocket the error says what to install."""
    monkeypatch.setitem(sys.modules, "trio_websocket", None)
    monkeypatch.delitem(sys.modules, "trio_listenkey.connectors._trio_websocket", raising=False)
    monkeypatch.delitem(vars(connectors), "TrioWebSocketConnector", raising=False)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'trio-listenkey\[trio-websocket\]'"):
        _ = connectors.TrioWebSocketConnector


def test_trio_websocket_lacks_something() -> None:
    """Where trio-websocket is there and lacks something, that is named."""
    pytest.importorskip("trio_websocket")
    run(
        """
        import sys
        sys.modules["wsproto"] = None
        from trio_listenkey import connectors
        try:
            connectors.TrioWebSocketConnector
        except ModuleNotFoundError as error:
            assert error.name == "wsproto", error
        """
    )


def test_python_socks_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without python-socks a SOCKS proxy cannot be had, which is said when the connector is made."""
    monkeypatch.setitem(sys.modules, "python_socks", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'trio-listenkey\[proxy\]'"):
        connectors.WebSocketConnector(proxy="socks5://user:SECRET@localhost")


def test_python_socks_lacks_something(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where python-socks is there and lacks something, that is named."""
    pytest.importorskip("python_socks")
    monkeypatch.setitem(sys.modules, "python_socks.async_.trio.v2", None)
    with pytest.raises(ModuleNotFoundError, match=r"async_\.trio\.v2"):
        connectors.WebSocketConnector(proxy="socks5://localhost")
