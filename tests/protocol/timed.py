"""A socket protocol, driven by a time that stands still until a test moves it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from trio_listenkey._protocol._socket_protocol import Moment, SocketProtocol

__all__ = ["Timed"]


class Timed:
    """Passes the time on with each call that takes it; whatever else is asked of it is the protocol's own."""

    def __init__(self, protocol: SocketProtocol, *, now: float = 0.0, unix_ms: int = 0) -> None:
        self.protocol = protocol
        self.now = now
        self.unix_ms = unix_ms

    @property
    def moment(self) -> Moment:
        return Moment(self.now, self.unix_ms)

    def start(self) -> None:
        self.protocol.start(self.moment)

    def receive_messages(self, batch: Sequence[bytes]) -> list[bytes]:
        return self.protocol.receive_messages(batch, self.moment)

    def messages_to_send(self) -> list[str]:
        return self.protocol.messages_to_send(self.moment)

    def ask(self) -> bool:
        return self.protocol.ask(self.now)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.protocol, name)
