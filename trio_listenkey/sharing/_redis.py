"""A register on a Redis or Valkey server: for programs on many machines."""

from __future__ import annotations

import secrets
import ssl
from typing import Final

from .._errors import RegisterRefused, UsageError
from .._network import default_trust
from .._validation import check_type
from ._redis_server import RedisServer
from ._redis_url import RedisAddress
from ._register import ABSENT, check_size, check_timeout

__all__ = ["RedisRegister"]

# Milliseconds after the last write until a document is deleted: two lives of a key.
_KEEP: Final = str(2 * 3600 * 1000)

# Redis runs a script as one atomic step.
_SWAP: Final = """
if (redis.call('HGET', KEYS[1], 'version') or '0') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'version', ARGV[2], 'document', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1
"""


class RedisRegister:
    """A register on a Redis or Valkey server: for programs on many machines. It needs the extra ``redis``.

    There is one connection, which is opened when it is first needed, and again after a failure. It uses RESP3, or RESP2
    if the server does not support that. A document is a hash under ``prefix`` and its name; it expires two hours after
    the last write.

    An object belongs to one ``trio.run``.

    Args:
        url: ``redis://[[user]:password@]host[:port][/db]``, ``rediss://`` for TLS, or
            ``unix://[[user]:password@]/path[?db=0]``. What has a meaning in URLs is written in percent-encoding.
        prefix: What the names of all documents on the server begin with. Programs that share a key have the same.
        timeout: Seconds that a call takes at most, connecting included.
        ssl_context: The TLS context for ``rediss://``; by default the system's trust store.

    Raises:
        UsageError: The URL is not a valid one, ``timeout`` is not between 0 and 60 seconds, or ``ssl_context`` goes
            with no TLS.
        ModuleNotFoundError: hiredis is not installed.
    """

    __module__ = __package__ or ""  # where users find it

    def __init__(
        self,
        url: str,
        *,
        prefix: str = "trio-listenkey:",
        timeout: float = 2.0,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        check_type("url", url, str, "a URL such as 'redis://localhost:6379/0'")
        check_type("prefix", prefix, str, "a text such as 'trio-listenkey:'")
        self._address = RedisAddress.of(url)
        check_timeout(timeout)
        if ssl_context is not None and not self._address.secure:
            raise UsageError("ssl_context is given, but the URL asks for no TLS", advice="Write rediss://")
        self._prefix = prefix
        # Whom the system trusts is read now and not at the first call: it takes a while, and may fail.
        trust = (ssl_context or default_trust()) if self._address.secure else None
        self._server = RedisServer(self._address, trust, timeout)

    def __repr__(self) -> str:
        return f"RedisRegister({str(self._address)!r}, prefix={self._prefix!r})"

    async def read(self, name: str) -> tuple[bytes | None, str]:
        """As :meth:`Register.read`."""
        # A connection that was good a beat ago may be dead by now: the server was restarted, or did not like us to be
        # idle. Reading twice does no harm.
        answer = await self._server.call("HMGET", self._prefix + name, "version", "document", twice=True)
        match answer:
            case [None, None]:
                return None, ABSENT
            case [bytes(version), bytes(document)]:
                return document, version.decode("ascii", "replace")
        raise RegisterRefused(
            f"the register {self._address} has something else where the document should be",
            advice="Choose another prefix",
        )

    async def swap(self, name: str, version: str, document: bytes) -> bool:
        """As :meth:`Register.swap`."""
        check_size(document)
        # By chance and not counted: a server that was restarted would begin to count again, and a version that was read
        # before would fit a document that was written after.
        new = secrets.token_hex(8)
        # Never twice: that would find the version changed by its own first try.
        answer = await self._server.call(
            "EVAL", _SWAP, "1", self._prefix + name, version, new, document, _KEEP, twice=False
        )
        return bool(answer)

    async def aclose(self) -> None:
        """As :meth:`Register.aclose`."""
        await self._server.aclose()
