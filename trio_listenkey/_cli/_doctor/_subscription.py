"""What a check-up says on the WebSocket API: what time is it, may we have the events, will they still come?"""

from __future__ import annotations

import json
import time
from typing import Any, Final

import msgspec
import trio

from ..._protocol._socket_protocol import Moment
from ..._protocol._ws_api import Build, WsApiProtocol
from ...connectors._base import Connection
from .._exit_codes import Exit
from .._lines import NOISE
from ._network_steps import STATUS_PAGE, Found, Problem, judge_clock

__all__ = ["ask_for_subscriptions", "ask_for_time", "subscribe"]

_MILLISECOND: Final = 0.001


async def ask_for_time(connection: Connection) -> Found:
    """Compare this machine's clock with the exchange's."""
    before = time.time()
    result = await _call(connection, "time")
    after = time.time()
    told = result.get("serverTime") if isinstance(result, dict) else None
    if not isinstance(told, int):
        return Found(
            "the exchange does not say what time it is", "The answer may come from a proxy instead of the exchange"
        )
    server = told / 1000
    return judge_clock(
        server - after,
        server + _MILLISECOND - before,
        "Set this machine's clock (NTP): until then, each subscription takes a second attempt",
    )


async def subscribe(connection: Connection, venue: str, build: Build) -> None:
    """Ask for the events, as a stream does.

    Raises:
        ListenKeyError: They are refused.
        SocketError: The connection is over.
    """
    answered: list[float] = []  # to the question that is asked below in other words
    protocol = WsApiProtocol(venue, build, answered.append)
    protocol.start(_moment())
    while True:
        for message in protocol.messages_to_send(_moment()):
            await connection.send(message)
        if protocol.failure is not None:
            raise protocol.failure
        if protocol.is_ready:
            return
        protocol.receive_messages(await connection.receive(), _moment())


def _moment() -> Moment:
    return Moment(trio.current_time(), int(time.time() * 1000))


async def ask_for_subscriptions(connection: Connection) -> Found:
    """Ask whether the events would still come."""
    if await _call(connection, "session.subscriptions"):
        return Found("the exchange says so")
    raise Problem("the exchange does not know it any more", STATUS_PAGE, Exit.BROKEN)


async def _call(connection: Connection, method: str) -> Any:
    """The result of a method that takes no parameters; events that come before it are not what we are here for."""
    await connection.send(json.dumps({"id": method, "method": method}))
    while True:
        for message in await connection.receive():
            said = _read(message)
            if isinstance(said, dict) and said.get("id") == method:
                return _result(said)


def _read(message: bytes) -> Any:
    try:
        return msgspec.json.decode(message)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _result(said: dict[str, Any]) -> Any:
    status, error = said.get("status"), said.get("error")
    if status == 200:
        return said.get("result")
    code = error.get("code") if isinstance(error, dict) else None
    facts = ", ".join(f"{name} {fact}" for name, fact in (("status", status), ("code", code)) if isinstance(fact, int))
    about = f"the exchange answers with an error ({facts})" if facts else "the exchange answers with an error"
    if status in NOISE:
        raise Problem(about, "Rate limited: send it nothing for some minutes", Exit.RATE_LIMITED)
    raise Problem(about, STATUS_PAGE)
