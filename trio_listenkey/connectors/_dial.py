"""Opens the byte stream below a WebSocket: TCP, a proxy where there is one, and TLS."""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass
from functools import partial
from typing import Final

import trio

from .._errors import UsageError
from .._http import DEFAULT_PORTS
from .._network import check_local_address, default_trust
from ._base import MAX_MESSAGE, Dial, SocketError
from ._failures import settled
from ._proxy import Proxy, http_tunnel, import_socks, socks_tunnel
from ._tcp import InterruptibleStream, TCPStream
from ._tls import TLSStream

__all__ = ["USER_AGENT", "Address", "Dialer", "Dials"]

USER_AGENT: Final = "trio-listenkey"

# Strict in what the libraries would each understand in their own way, such as a user name before the host.
_URL = re.compile(
    r"(?P<scheme>wss?)://(?P<host>\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z._-]+)(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>/[!\"$-~]*)?(?P<query>\?[!\"$-~]*)?",
    re.ASCII,
)


@dataclass(frozen=True, repr=False)
class Address:
    """Where a WebSocket is. There is no ``repr``, for a listen key is in the target."""

    secure: bool
    host: str
    """Without the brackets of an IPv6 address."""
    port: int
    target: str

    @classmethod
    def of(cls, url: str) -> Address:
        """Read ``url``.

        Raises:
            SocketError: It is not a valid one.
        """
        match = _URL.fullmatch(url)
        port = int(match["port"] or DEFAULT_PORTS[match["scheme"]]) if match else 0
        if match is None or not 0 < port < 65536:
            raise SocketError("the address is not a valid WebSocket URL")
        target = f"{match['path'] or '/'}{match['query'] or ''}"
        return cls(match["scheme"] == "wss", match["host"].strip("[]").lower(), port, target)

    @property
    def url(self) -> str:
        """The URL, with its port."""
        return f"ws{'s' if self.secure else ''}://{self.place}{self.target}"

    @property
    def place(self) -> str:
        """Host and port."""
        return f"{self._host}:{self.port}"

    @property
    def authority(self) -> str:
        """Host and port for the ``Host`` header: a port that goes without saying is not said."""
        return self._host if self.port == (443 if self.secure else 80) else self.place

    @property
    def _host(self) -> str:
        return f"[{self.host}]" if ":" in self.host else self.host


class Dialer:
    """Dials, as :data:`trio_listenkey.connectors._base.Dial` has it.

    Nothing is read from the environment but the place of the trusted certificates: ``SSL_CERT_FILE`` and
    ``SSL_CERT_DIR`` count, where they are set.

    Args:
        ssl_context: Whom to trust, the proxy included; by default whom the system trusts.
        proxy: URL of a proxy, perhaps with a user name and a password.
        local_address: The address of this machine to connect from; not with a proxy.

    Raises:
        UsageError: The proxy's URL is not a valid one, or ``local_address`` is given with a proxy.
        ModuleNotFoundError: It takes python-socks, which is not installed.
    """

    def __init__(self, ssl_context: ssl.SSLContext | None, proxy: str | None, local_address: str | None = None) -> None:
        check_local_address(local_address, proxy)
        self._ssl_context = ssl_context
        self._local_address = local_address
        self._proxy = None if proxy is None else Proxy.of(proxy)
        if self._proxy is not None and self._proxy.is_socks:
            import_socks()

    async def __call__(self, url: str) -> trio.abc.Stream:
        """Open a stream to where ``url`` is.

        Raises:
            SocketError: There is none to be had.
        """
        address = Address.of(url)
        return await settled(partial(self._open, address), about=address.place)

    async def _open(self, address: Address) -> InterruptibleStream:
        if self._proxy is None:
            stream = await _connect(address.host, address.port, self._local_address)
        else:
            stream = await self._tunnel(self._proxy, address.host, address.port)
        return await self._secure(stream, address.host) if address.secure else stream

    async def _tunnel(self, proxy: Proxy, host: str, port: int) -> InterruptibleStream:
        if proxy.is_socks:
            return TCPStream(await socks_tunnel(proxy, host, port))
        stream = await _connect(proxy.host, proxy.port)
        if proxy.scheme == "https":
            stream = await self._secure(stream, proxy.host)
        await http_tunnel(stream, proxy, host, port)
        return stream

    async def _secure(self, stream: InterruptibleStream, host: str) -> InterruptibleStream:
        """TLS over ``stream``, which is closed if that cannot be had."""
        try:
            secured = TLSStream(stream, self._trust(), host)
            await secured.do_handshake()
        except BaseException:
            await trio.aclose_forcefully(stream)
            raise
        return secured

    def _trust(self) -> ssl.SSLContext:
        if self._ssl_context is None:
            # Once, and not before: it reads all the system's certificates (20 ms).
            self._ssl_context = default_trust()
            self._ssl_context.set_alpn_protocols(["http/1.1"])
        return self._ssl_context


async def _connect(host: str, port: int, local_address: str | None = None) -> InterruptibleStream:
    return TCPStream(await trio.open_tcp_stream(host, port, local_address=local_address))


class Dials:
    """What all connectors are made with; the arguments are those of :class:`WebSocketConnector`."""

    def __init__(
        self,
        *,
        ssl_context: ssl.SSLContext | None = None,
        proxy: str | None = None,
        max_message: int = MAX_MESSAGE,
        dial: Dial | None = None,
        local_address: str | None = None,
    ) -> None:
        if dial is not None and any(given is not None for given in (ssl_context, proxy, local_address)):
            raise UsageError(
                "dial cannot be combined with ssl_context, proxy or local_address", advice="Pass it without them"
            )
        if max_message < 1:
            raise UsageError(f"max_message={max_message} lets no message through", advice="Pass a positive number")
        self._dial: Dial = Dialer(ssl_context, proxy, local_address) if dial is None else dial
        self._max_message = max_message
