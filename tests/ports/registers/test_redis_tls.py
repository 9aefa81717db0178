"""The register on a server behind TLS, as hosted ones are."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache, partial

import pytest
import trio
import trustme
from register_kits import Servers, Valkey, failure_of
from steps import at_step

from trio_listenkey import UsageError
from trio_listenkey.sharing import RedisRegister, RegisterAway, RegisterRefused

PASSWORD = "s3same"


@cache
def authority() -> trustme.CA:
    return trustme.CA()


@cache
def trusting() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority().configure_trust(context)
    return context


@asynccontextmanager
async def tls_before(server: Valkey, *names: str) -> AsyncIterator[int]:
    """A port that speaks TLS as ``names``, and hands everything on to ``server``."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority().issue_cert(*(names or ("localhost", "127.0.0.1"))).configure_cert(context)

    async def relay(client: trio.SSLStream[trio.SocketStream]) -> None:
        try:
            async with client, await trio.open_unix_socket(server.path) as inner, trio.open_nursery() as nursery:
                await client.do_handshake()
                nursery.start_soon(pump, inner, client)
                await pump(client, inner)
                nursery.cancel_scope.cancel()
        except* (trio.BrokenResourceError, ssl.SSLError):
            pass  # the client has gone, or does not trust us

    async with trio.open_nursery() as nursery:
        serve = partial(trio.serve_ssl_over_tcp, relay, 0, context, host="127.0.0.1", https_compatible=True)
        (listener,) = await nursery.start(serve)
        yield listener.transport_listener.socket.getsockname()[1]
        nursery.cancel_scope.cancel()


async def pump(source: trio.abc.ReceiveStream, sink: trio.abc.SendStream) -> None:
    async for data in source:
        await sink.send_all(data)


@pytest.fixture
def server(servers: Servers) -> Valkey:
    return servers.valkey("locked")


async def test_it_works(server: Valkey, name: str) -> None:
    """With a password, a name that the certificate has, or an address."""
    async with tls_before(server) as port:
        for host in ("localhost", "127.0.0.1"):
            register = RedisRegister(f"rediss://:{PASSWORD}@{host}:{port}", ssl_context=trusting())
            _, version = await register.read(name)
            assert await register.swap(name, version, host.encode())
            assert (await register.read(name))[0] == host.encode()
            await register.aclose()


async def test_whom_the_system_trusts(server: Valkey, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By default, and so whom SSL_CERT_FILE names."""
    with authority().cert_pem.tempfile() as file:
        monkeypatch.setenv("SSL_CERT_FILE", file)
        async with tls_before(server) as port:
            register = RedisRegister(f"rediss://:{PASSWORD}@localhost:{port}")
            assert await register.read(name) == (None, "0")
            await register.aclose()


async def failure(url: str, trust: ssl.SSLContext | None = None, *, seconds: float = 10) -> Exception:
    register = RedisRegister(url, ssl_context=trust, timeout=seconds)
    error = await failure_of(partial(register.read, "name"))
    await register.aclose()
    assert PASSWORD not in str(error)
    return error


async def test_a_stranger(server: Valkey) -> None:
    """An authority that nobody knows: the password is not sent."""
    async with tls_before(server) as port:
        error = await failure(f"rediss://:{PASSWORD}@localhost:{port}")
    assert isinstance(error, RegisterRefused)
    assert "TLS certificate refused" in str(error)
    assert "ssl_context" in error.advice


async def test_another_host(server: Valkey) -> None:
    """A certificate that is good for another name."""
    async with tls_before(server, "elsewhere.test") as port:
        error = await failure(f"rediss://:{PASSWORD}@localhost:{port}", trusting())
    assert isinstance(error, RegisterRefused)
    assert "TLS certificate refused" in str(error)


async def test_no_tls_where_it_is_wanted(server: Valkey) -> None:
    """OpenSSL closes the connection without a word; others send an alert."""
    async with tls_before(server) as port:
        error = await failure(f"redis://:{PASSWORD}@localhost:{port}")
    assert isinstance(error, RegisterAway)
    assert "whether it wants TLS, and write rediss:// then" in error.advice
    async with saying(b"\x15\x03\x01\x00\x02\x02\x46") as port:
        error = await failure(f"redis://:{PASSWORD}@localhost:{port}")
    assert isinstance(error, RegisterRefused)
    assert "wants TLS" in str(error)
    assert "rediss://" in error.advice


async def test_tls_where_there_is_none(server: Valkey) -> None:
    """A server takes the greeting for a command, and waits for the rest or answers: neither is TLS."""
    error = await failure(server.url(f":{PASSWORD}@").replace("redis:", "rediss:"), trusting(), seconds=0.3)
    assert isinstance(error, RegisterAway)
    assert "whether it speaks TLS, or write redis://" in error.advice
    async with saying(b"-ERR Protocol error: too big mbulk count string\r\n") as port:
        error = await failure(f"rediss://:{PASSWORD}@localhost:{port}", trusting())
    assert isinstance(error, RegisterRefused)
    assert "does not speak TLS" in str(error)


@asynccontextmanager
async def saying(answer: bytes) -> AsyncIterator[int]:
    """A port at which whatever comes is answered so."""

    async def serve(stream: trio.SocketStream) -> None:
        async with stream:
            await stream.receive_some()
            await stream.send_all(answer)

    async with trio.open_nursery() as nursery:
        (listener,) = await nursery.start(partial(trio.serve_tcp, serve, 0, host="127.0.0.1"))
        yield listener.socket.getsockname()[1]
        nursery.cancel_scope.cancel()


def test_a_context_without_tls() -> None:
    """Who passes one believes that there is TLS."""
    for url in ("redis://localhost", "unix:///path"):
        with pytest.raises(UsageError, match="the URL asks for no TLS"):
            RedisRegister(url, ssl_context=trusting())


async def test_cancelled_at_every_checkpoint(server: Valkey, name: str) -> None:
    """Of the handshakes, too: nothing is left open, and the next call has its own answer."""
    async with tls_before(server) as port:
        other = RedisRegister(f"rediss://:{PASSWORD}@localhost:{port}", ssl_context=trusting())
        assert await other.swap(name, "0", b"x")
        for step in range(200):
            register = RedisRegister(f"rediss://:{PASSWORD}@localhost:{port}", ssl_context=trusting())
            came = True
            with trio.CancelScope() as scope:
                came = await at_step(step, scope.cancel, partial(read, register, name))
            await read(register, name)
            await register.aclose()
            if not came:
                break
        assert 10 < step < 199
        await other.aclose()


async def read(register: RedisRegister, name: str) -> None:
    assert (await register.read(name))[0] == b"x"
