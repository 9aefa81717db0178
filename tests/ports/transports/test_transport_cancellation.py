"""Cancelled at whatever moment, every adapter is as usable as before, and leaves nothing open."""

from __future__ import annotations

import ssl

import pytest
import trio
from steps import at_step
from transport_kits import Kit, post
from wire_server import OK, Connection, Seen, WireServer, answering, serve

from trio_listenkey.transports import Transport, _asks, _httpcore2

ENOUGH = 200
"""Steps. A request has some thirty."""


async def in_pieces(connection: Connection, seen: Seen) -> bool:
    """Answer so that the client has to wait more than once."""
    for piece in (OK[:10], OK[10:-1], OK[-1:]):
        await connection.send(piece)
        await trio.sleep(0.001)
    return True


async def cancelled_request(transport: Transport, server: WireServer, step: int) -> bool:
    """Send a request that is cancelled after ``step``; whether it took so many."""
    server.script = in_pieces
    scope = trio.CancelScope()

    async def work() -> None:
        with scope, trio.fail_after(5):
            await transport.request(post(server.url()))

    return await at_step(step, scope.cancel, work)


async def five_more(transport: Transport, server: WireServer) -> None:
    server.script = answering(OK, keep=True)
    with trio.fail_after(5):
        for _ in range(5):
            assert (await transport.request(post(server.url()))).body == b"{}"


@pytest.fixture
def _no_connection_to_spare(monkeypatch: pytest.MonkeyPatch) -> None:
    """One lost slot of a pool is enough to be noticed, where the pool is ours."""
    monkeypatch.setattr(_httpcore2, "_MAX_CONNECTIONS", 1)
    monkeypatch.setattr(_asks, "_CONNECTIONS", 1)


@pytest.mark.no_cover
@pytest.mark.usefixtures("_no_connection_to_spare")
@pytest.mark.parametrize("warm", [False, True], ids=["cold", "warm"])
async def test_cancelled_at_every_step(kit: Kit, tls: ssl.SSLContext | None, warm: bool) -> None:
    """After a cancellation at any step the next five requests succeed, promptly, and no connection is left."""
    async with serve(in_pieces, tls) as server:
        for step in range(ENOUGH):
            server.seen.clear()
            async with kit.open() as transport:
                if warm:
                    await transport.request(post(server.url()))
                cancelled = await cancelled_request(transport, server, step)
                await five_more(transport, server)
                assert len(server.seen) - warm in (5, 6)
            await server.wait_all_closed()
            if not cancelled:
                break
    assert not cancelled
    assert step > 5


@pytest.mark.usefixtures("_no_connection_to_spare")
async def test_cancelled_again_and_again(kit: Kit, tls: ssl.SSLContext | None) -> None:
    """One transport outlives a cancellation at every step, one after the other."""
    async with serve(in_pieces, tls) as server, kit.open() as transport:
        for step in range(ENOUGH):
            if not await cancelled_request(transport, server, step):
                break
        await five_more(transport, server)
