"""Importing is cheap, and what is promised is there."""

from __future__ import annotations

import pytest
from fresh_python import run

from trio_listenkey import sharing


def test_each_engine_comes_when_it_is_used() -> None:
    """Importing the module brings none; the first use of a register brings its own.

    Not SQLite itself, which whatever measures the tests may have brought along.
    """
    run(
        """
        import sys
        from trio_listenkey import sharing
        engines = {"trio_listenkey.sharing._sqlite", "hiredis", "httpcore2"}
        assert not engines & set(sys.modules)
        sharing.register_from_url("sqlite:shared.db")
        assert engines & set(sys.modules) == {"trio_listenkey.sharing._sqlite"}
        sharing.RedisRegister("redis://localhost")
        assert engines & set(sys.modules) == {"trio_listenkey.sharing._sqlite", "hiredis"}
        """
    )


def test_names() -> None:
    """All that is promised is there, and is listed; anything else is an AttributeError."""
    assert all(getattr(sharing, name) is not None for name in sharing.__all__)
    assert set(sharing.__all__) <= set(dir(sharing))
    with pytest.raises(AttributeError, match="no attribute 'EtcdRegister'"):
        _ = sharing.EtcdRegister  # type: ignore[attr-defined]


def test_hiredis_is_missing() -> None:
    """Without hiredis the error says what to install, and a file does without."""
    run(
        """
        import sys
        sys.modules["hiredis"] = None
        from trio_listenkey import sharing
        sharing.register_from_url("sqlite:shared.db")
        for _ in range(2):
            for use in (lambda: sharing.RedisRegister, lambda: sharing.register_from_url("redis://localhost")):
                try:
                    use()
                except ModuleNotFoundError as error:
                    assert str(error) == "RedisRegister needs hiredis: pip install 'trio-listenkey[redis]'"
                    assert error.name == "hiredis"
                else:
                    raise AssertionError
        """
    )
