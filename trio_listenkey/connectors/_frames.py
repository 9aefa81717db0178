"""From bytes to messages: websockets' protocol does it, but for the frames of which there are many.

Nearly all that an exchange sends are texts in one frame each. Those are cut out of the buffer right here, which is
several times as fast. Everything else is handed to the protocol, frame by frame, so that it always is between two
frames when a text is cut out; and for good as soon as there is something that it has to refuse.
"""

from __future__ import annotations

from typing import Final, cast

from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN

__all__ = ["Inbox"]

_TEXT: Final = 0x81  # FIN, no reserved bit, and the opcode of a text
_DATA: Final = frozenset({0x00, 0x01, 0x02, 0x80, _TEXT, 0x82})
_CONTROL: Final = frozenset({0x88, 0x89, 0x8A})
_MASK: Final = 0x80


class Inbox:
    """Takes what comes and gives messages.

    Args:
        protocol: It is past its handshake, and whatever is received goes to it through here.
        max_message: Its ``max_size``.

    Attributes:
        pongs: Payloads of the pongs that came, for the owner to take out.
    """

    def __init__(self, protocol: ClientProtocol, max_message: int) -> None:
        self.pongs: list[bytes] = []
        self._protocol = protocol
        self._max_message = max_message
        # A frame that is not complete, and how many bytes there must be before it is worth another look. It never has
        # more than a whole frame: one that is too long is not waited for.
        self._held = bytearray()
        self._needed = 0
        # The payload of the message whose last frame is yet to come.
        self._parts = bytearray()
        # Whether the protocol gets all that comes, as it comes: there is something that it refuses.
        self._refused = False

    def feed(self, data: bytes) -> list[bytes]:
        """The messages that ``data`` completes, in order."""
        if self._held:
            self._held += data
            if len(self._held) < self._needed:
                return []
            data, self._held = bytes(self._held), bytearray()
        messages: list[bytes] = []
        position = 0
        while position < len(data):
            position = self._cut_texts(data, position, messages)
            if position < len(data):
                position = self._take_frame(data, position, messages)
        return messages

    def end(self) -> None:
        """There will be no more data."""
        if self._held:
            self._give(self._held, [])
            self._held = bytearray()
        self._protocol.receive_eof()

    def _cut_texts(self, data: bytes, position: int, messages: list[bytes]) -> int:
        """Move the texts at ``position`` that are complete to ``messages``; where they end."""
        if self._refused or self._protocol.current_size is not None:
            return position  # a text may not come here, and the protocol will say so
        limit, last = self._max_message, len(data) - 4
        while position <= last and data[position] == _TEXT:
            length = data[position + 1]
            if length < 126:
                start = position + 2
            elif length == 126:
                start = position + 4
                length = data[position + 2] << 8 | data[position + 3]
            else:
                break  # masked, or longer than what there are many of
            end = start + length
            if end > len(data) or length > limit:
                break
            messages.append(data[start:end])
            position = end
        return position

    def _take_frame(self, data: bytes, position: int, messages: list[bytes]) -> int:
        """Give the protocol the frame at ``position``, or hold it until it is complete; where to go on."""
        needed = 0 if self._refused else self._measure(data[position : position + 10])
        if not needed:
            self._refused = True
            self._give(data[position:], messages)
        elif position + needed > len(data):
            self._held, self._needed = bytearray(data[position:]), needed
        else:
            self._give(data[position : position + needed], messages)
            self._refused = self._protocol.state is not OPEN
            return position + needed
        return len(data)

    def _measure(self, header: bytes) -> int:
        """Bytes of a frame, or of its header where that is not complete; 0 if the protocol will not have it."""
        if len(header) < 2:
            return 2
        first, length = header[0], header[1]
        if length & _MASK or not (first in _DATA or (first in _CONTROL and length < 126)):
            return 0
        size = {126: 4, 127: 10}.get(length, 2)
        if len(header) < size:
            return size
        if size > 2:
            length = int.from_bytes(header[2:size])
        return 0 if length > self._max_message - (self._protocol.current_size or 0) else size + length

    def _give(self, data: bytes | bytearray, messages: list[bytes]) -> None:
        self._protocol.receive_data(data)
        for event in self._protocol.events_received():
            frame = cast("Frame", event)  # the handshake is over
            if frame.opcode is Opcode.PONG:
                self.pongs.append(bytes(frame.data))
            elif frame.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
                self._parts += frame.data
                if frame.fin:
                    messages.append(bytes(self._parts))
                    self._parts = bytearray()
