"""No listen key and no password shows: not in a log of anyone's at any level, not in an error or a repr."""

from __future__ import annotations

import gc
import logging
import traceback
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
import trio
from connector_kits import Make, receive, refused
from socket_server import PING, PONG, Peer, close, frame, serve

from trio_listenkey.connectors import Connection, SocketError

KEY = "TheListenKeyThatNobodyMaySee"
PASSWORD = "ThePasswordThatNobodyMaySee"
TARGET = f"/private/ws/{KEY}?listenKey={KEY}"


class _Everything(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.NOTSET)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(f"{record.name} {record.getMessage()} {record.exc_info} {vars(record)}")


@pytest.fixture
def logged() -> Iterator[list[str]]:
    """All that is logged by anybody, at whatever level."""
    everything = _Everything()
    root = logging.getLogger()
    level = root.level
    known = [logger for logger in logging.Logger.manager.loggerDict.values() if isinstance(logger, logging.Logger)]
    levels = {logger: (logger.level, logger.disabled) for logger in known}
    root.setLevel(logging.DEBUG)
    root.addHandler(everything)
    for logger in known:
        logger.setLevel(logging.DEBUG)
        logger.disabled = False
    yield everything.texts
    root.removeHandler(everything)
    root.setLevel(level)
    for logger, (old, disabled) in levels.items():
        logger.setLevel(old)
        logger.disabled = disabled


def shown(error: BaseException) -> str:
    """All that a logger, a debugger or an error tracker may make of it, the locals of our own frames included."""
    told = [repr(error), str(error), "".join(traceback.format_exception(error)), repr(vars(error))]
    for frame_, _ in traceback.walk_tb(error.__traceback__):
        if "trio_listenkey" in frame_.f_code.co_filename:
            told.append(repr(frame_.f_locals))
    told += [shown(other) for other in (error.__cause__, error.__context__) if other is not None]
    return "\n".join(told)


async def telltale(peer: Peer) -> None:
    """Say back the key wherever there is room for words."""
    key = KEY.encode()
    await peer.send(frame(key), frame(key, PING), frame(key, PONG))
    await peer.read_frame()
    await peer.send(close(1008, key))


async def test_no_log_has_the_key(make: Make, logged: list[str]) -> None:
    """Neither connecting, nor talking, nor its end is logged in a way that gives it away."""
    logging.getLogger("somebody").debug("listens")
    async with serve(telltale) as server, make().connect(server.url(TARGET)) as connection:
        await receive(connection, 1)
        with pytest.raises(SocketError):
            await connection.receive()
    assert any("listens" in text for text in logged)
    assert not [text for text in logged if KEY in text]


@pytest.mark.parametrize(
    "answer",
    [
        f"HTTP/1.1 403 {KEY}\r\nX-Key: {KEY}\r\nRetry-After: {KEY}\r\n\r\n{KEY}",
        f"HTTP/1.1 302 Found\r\nLocation: {TARGET}\r\n\r\n",
        f"HTTP/1.1 101 {KEY}\r\nUpgrade: {KEY}\r\nConnection: {KEY}\r\n\r\n",
        f"HTTP/1.1 101 Fine\r\n{KEY}\r\n\r\n",
        f"{KEY} 101 Fine\r\n\r\n",
        f"HTTP/1.1 {KEY}\r\n\r\n",
    ],
)
async def test_no_refusal_has_the_key(make: Make, logged: list[str], answer: str) -> None:
    """Whatever the server says back."""

    async def script(peer: Peer) -> None:
        await peer.send(answer.encode())

    async with serve(script, shakes=False) as server:
        error = await refused(make(), server.url(TARGET))
    assert KEY not in shown(error)
    assert not [text for text in logged if KEY in text]


@pytest.mark.parametrize("url", [f"ws://localhost:1{TARGET}", f"ws://{KEY}@localhost/", f"wss://no.such.host{TARGET}"])
async def test_no_failed_dial_has_the_key(make: Make, logged: list[str], url: str) -> None:
    """Nor has an URL that cannot be connected to."""
    assert KEY not in shown(await refused(make(), url))
    assert not [text for text in logged if KEY in text]


@pytest.mark.parametrize("raised", [ValueError(TARGET), ExceptionGroup(TARGET, [OSError(TARGET)])])
async def test_what_a_dial_of_ones_own_says_is_not_repeated(make: Make, raised: Exception) -> None:
    """It knows the URL."""

    async def dial(url: str) -> trio.abc.Stream:
        raise raised

    assert KEY not in shown(await refused(make(dial=dial), f"ws://localhost{TARGET}"))


@pytest.mark.parametrize("last", [close(1008, KEY.encode()), frame(KEY.encode(), rsv=7), frame(b"\xff" + KEY.encode())])
async def test_no_end_has_the_key(make: Make, logged: list[str], last: bytes) -> None:
    """Nor has the error that says that the connection is over, in receive or in ping."""

    async def script(peer: Peer) -> None:
        await peer.send(last)
        await peer.hang_up()

    async with serve(script) as server, make().connect(server.url(TARGET)) as connection:
        for ask in (partial(until_over, connection), connection.ping):
            with pytest.raises(SocketError) as caught:
                await ask()
            assert KEY not in shown(caught.value)
    assert not [text for text in logged if KEY in text]


async def until_over(connection: Connection) -> None:
    while True:
        await connection.receive()


async def test_nothing_shows_itself(make: Make) -> None:
    """A connector's repr has no password in it, and a context's or a connection's no key."""
    connector = make(proxy=f"http://user:{PASSWORD}@localhost")
    assert PASSWORD not in repr(connector) + repr(vars(connector))
    async with serve() as server:
        opening = make().connect(server.url(TARGET))
        async with opening as connection:
            assert KEY not in repr(opening) + repr(connection) + repr(vars(connection))


async def test_the_filter_is_for_ours_alone(logged: list[str]) -> None:
    """Who uses trio-websocket himself, beside us, still has his log."""
    library: Any = pytest.importorskip("trio_websocket")
    from connector_kits import CONNECTORS

    async with (
        serve() as server,
        CONNECTORS["trio-websocket"]().connect(server.url(TARGET)),
        library.open_websocket_url(server.url("/his-own"), disconnect_timeout=0.1) as socket,
    ):
        await socket._stream.aclose()
    gc.collect()
    assert [text for text in logged if text.startswith("trio-websocket")]
    assert not [text for text in logged if KEY in text]
