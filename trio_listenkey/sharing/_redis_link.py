"""One connection to a Redis server: a command goes out, its answer comes back."""

from __future__ import annotations

import ssl
from typing import Any, Final

import trio

from .._redaction import interruption
from ._redis_errors import AnswerTooLongError, NotRedisError, ServerError, known
from ._redis_url import RedisAddress
from ._register import MAX_DOCUMENT

try:
    import hiredis
except ModuleNotFoundError as error:
    wanted = "pip install 'trio-listenkey[redis]'"
    raise ModuleNotFoundError(f"RedisRegister needs hiredis: {wanted}", name=error.name) from None

__all__ = ["RedisLink", "open_link"]

_READ: Final = 64 * 1024
_MORE: Final = object()


class RedisLink:
    """A connection on which each answer belongs to the last command, or which is closed.

    Nothing in an answer says which command it is for. So a command whose answer did not come whole, because it was
    cancelled or anything else went wrong, closes the connection: else the next command would be given its answer.

    One command at a time; its user sees to that.
    """

    def __init__(self, stream: trio.abc.Stream) -> None:
        self.is_open = True
        self._stream = stream
        self._reader = hiredis.Reader(notEnoughData=_MORE)

    async def ask(self, *command: bytes | str) -> Any:
        """Send ``command``, and return its answer; RESP2 and RESP3 alike.

        Raises:
            ServerError: The answer is an error. The connection stays open.
            NotRedisError: It is none of Redis.
            AnswerTooLongError: It is longer than any document.
            OSError: The connection is over.
            trio.BrokenResourceError: The connection is over.
            trio.ClosedResourceError: It was closed by another task.
        """
        try:
            await self._stream.send_all(hiredis.pack_command(command))  # type: ignore[arg-type]  # any number
            answer = await self._answer()
        except BaseException:
            await self.drop()  # noqa: ASYNC102 - it closes at once, even when cancelled
            raise
        if isinstance(answer, hiredis.ReplyError):
            raise ServerError(str(answer))
        return answer

    async def drop(self) -> None:
        """Close it at once. It raises no cancellation: what is being raised meanwhile is not to be replaced."""
        self.is_open = False
        # No deadline is needed: streams close at once in a scope that is cancelled.
        with trio.CancelScope(shield=True) as closing:
            closing.cancel()
            await self._stream.aclose()

    async def _answer(self) -> Any:
        start = b""
        size = 0
        while True:
            try:
                answer = self._reader.gets()
            except hiredis.ProtocolError:
                raise NotRedisError(start) from None
            if answer is _MORE:
                data = bytes(await self._stream.receive_some(_READ))
                if not data:
                    raise trio.BrokenResourceError("the server closed the connection")
                start = start or data[:8]
                size += len(data)
                if size > MAX_DOCUMENT + _READ:
                    raise AnswerTooLongError
                self._reader.feed(data)
            elif not isinstance(answer, hiredis.PushNotification):  # which comes unasked, and answers nothing
                break
        if self._reader.has_data():
            # An answer without a request: the next one could not be assigned either.
            raise NotRedisError(start)
        return answer


async def open_link(address: RedisAddress, trust: ssl.SSLContext | None) -> RedisLink:
    """Connect, by TLS if ``trust`` is given, and say who we are.

    Raises:
        ServerError: The server does not want us.
        Exception: Another one of ``_redis_errors.FAILURES``.
    """
    link = RedisLink(await _open_stream(address, trust))
    try:
        await _introduce(link, address)
    except ServerError:  # all others have closed it
        await link.drop()  # noqa: ASYNC120 - it raises no cancellation
        raise
    return link


async def _open_stream(address: RedisAddress, trust: ssl.SSLContext | None) -> trio.abc.Stream:
    if address.path:
        return await trio.open_unix_socket(address.path)
    interrupted: BaseException
    try:
        stream = await trio.open_tcp_stream(address.host, address.port)
    except BaseExceptionGroup as group:  # never one of ordinary exceptions alone: these are made an OSError
        interrupted = interruption(group)
    else:
        return stream if trust is None else await _secure(stream, trust, address.host)
    try:
        # Here no exception is being handled, so nothing becomes its __context__.
        raise interrupted
    finally:
        del interrupted


async def _secure(stream: trio.abc.Stream, trust: ssl.SSLContext, host: str) -> trio.abc.Stream:
    """TLS over ``stream``, which is closed if that cannot be had."""
    try:
        secured = trio.SSLStream(stream, trust, server_hostname=host, https_compatible=True)
        await secured.do_handshake()
    except BaseException:
        await trio.aclose_forcefully(stream)
        raise
    return secured


async def _introduce(link: RedisLink, address: RedisAddress) -> None:
    """Ask for the newest protocol, log in, and choose the database."""
    login: list[str] = []
    if address.password is not None:
        login = ["AUTH", address.user or "default", address.password]
    try:
        await link.ask("HELLO", "3", *login)
    except ServerError as error:
        # One that does not know the command may say that we are not logged in, before it says that.
        if known(error) and not (login and error.code == "NOAUTH"):
            raise
        # A server before version 6, or a proxy. It speaks RESP2.
        if address.password is not None:
            await link.ask("AUTH", *filter(None, [address.user]), address.password)
    if address.database:
        await link.ask("SELECT", str(address.database))
