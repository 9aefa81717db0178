"""A register by its URL, as the command line has it."""

from __future__ import annotations

from .._errors import UsageError
from .._validation import check_type
from ._register import Register

__all__ = ["register_from_url"]


def register_from_url(url: str) -> Register:
    """The register that ``url`` names.

    Args:
        url: ``sqlite:PATH``, or what :class:`RedisRegister` takes: ``redis://``, ``rediss://`` or ``unix://``.

    Raises:
        UsageError: It is not one of these. The error does not quote it, because it may contain a password.
        ModuleNotFoundError: It needs an extra that is not installed.
    """
    check_type("url", url, str, "a URL such as 'sqlite:shared.db'")
    scheme, colon, rest = url.partition(":")
    if colon and scheme == "sqlite":
        from ._sqlite import SQLiteRegister  # noqa: PLC0415 - its engine, when it is asked for: see the package

        return SQLiteRegister(rest)
    if colon and scheme in {"redis", "rediss", "unix"}:
        from ._redis import RedisRegister  # noqa: PLC0415 - as above

        return RedisRegister(url)
    raise UsageError(
        "this is no URL of a register",
        advice="Write sqlite:PATH, redis://user:password@host:6379/0, rediss:// for TLS, or unix:///path",
    )
