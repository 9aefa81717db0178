"""websockets' protocol as both of its connectors use it."""

from __future__ import annotations

import logging
from typing import Final

from websockets.client import ClientProtocol
from websockets.uri import parse_uri

from ._base import SocketError
from ._dial import Address

__all__ = ["new_protocol", "why_over"]

# Not in the logger hierarchy, so that no configuration can turn it on: at DEBUG the library logs the path and every
# frame.
_SILENT: Final = logging.Logger("trio_listenkey.websockets")  # noqa: LOG001 - getLogger would let it be found
_SILENT.disabled = True


def new_protocol(address: Address, max_message: int) -> ClientProtocol:
    """A protocol that offers no extension and logs nothing."""
    return ClientProtocol(parse_uri(address.url), max_size=max_message, logger=_SILENT)


def why_over(protocol: ClientProtocol) -> SocketError:
    """Why a connection is over, as far as the protocol knows. The peer's own words are left out: it knows the key."""
    if protocol.close_rcvd is not None:
        code = int(protocol.close_rcvd.code)
        return SocketError(f"closed by the other side with code {code}", code=code)
    if protocol.close_sent is None:
        return SocketError("connection closed without a close frame")
    if protocol.close_sent.code == 1009:
        return SocketError(f"a message of more than {protocol.max_message_size} bytes")
    return SocketError("bytes that are not WebSocket frames")
