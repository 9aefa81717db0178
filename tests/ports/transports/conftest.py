"""Runs each conformance test over each adapter that is installed, in the clear and over TLS."""

from __future__ import annotations

import socket
from importlib.util import find_spec
from typing import Any

import pytest
import trio
from transport_kits import KITS, Kit


def _installed(kit: Kit) -> object:
    library = kit.name.partition("-")[0]
    marks = [pytest.mark.skipif(find_spec(library) is None, reason=f"{library} is not installed")]
    if library == "httpx":
        # httpx 0.28 leaves the generator of a request's body behind when the request is cancelled in sending.
        marks.append(pytest.mark.filterwarnings("ignore:Async generator 'httpx._content.ByteStream:ResourceWarning"))
    return pytest.param(kit, id=kit.name, marks=marks)


@pytest.fixture(params=[_installed(kit) for kit in KITS])
def kit(request: pytest.FixtureRequest) -> Kit:
    found: Kit = request.param
    return found


class _Names(trio.abc.HostnameResolver):
    """Knows ``two.test``, with two addresses, and nothing else; nobody is asked."""

    async def getaddrinfo(
        self,
        host: bytes | str | None,
        port: bytes | str | int | None,
        family: int = 0,
        type: int = 0,  # noqa: A002 -- trio's name for it
        proto: int = 0,
        flags: int = 0,
    ) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        addresses = {"two.test": ["127.0.0.1", "127.0.0.2"]}.get(name or "", [])
        if not addresses:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, int(port or 0))) for address in addresses]

    async def getnameinfo(self, sockaddr: object, flags: int) -> tuple[str, str]:
        raise AssertionError("nobody asks for names")


@pytest.fixture
async def names() -> None:
    """No name server is asked in this test."""
    trio.socket.set_custom_hostname_resolver(_Names())
