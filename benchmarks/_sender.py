"""An exchange reduced to what a benchmark of receiving needs: it makes a listen key, and sends events as told.

It runs in a process of its own. How is in the stream's path, which the clients leave as it is:
``/flood/COUNT`` sends so many as fast as they are taken, ``/paced/COUNT/RATE`` so many at a rate. ``start`` on standard
input lets the connected clients have them. An argument is the file of a certificate with its key: then it speaks TLS.
"""

from __future__ import annotations

import base64
import hashlib
import json
import socket
import ssl
import sys
import threading
import time
from contextlib import suppress

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
BURST = 100
start = threading.Event()


def event(number: int) -> dict[str, object]:
    """One of about 600 bytes, as USD-M sends it; ``T`` is when it was made, in microseconds of the monotonic clock."""
    made_at = time.monotonic_ns() // 1000
    return {
        "e": "ORDER_TRADE_UPDATE",
        "E": 1_795_000_000_000 + number,
        "T": made_at,
        "o": {
            "s": "BTCUSDT", "c": f"x-client-order-{number:012d}", "S": "SELL", "o": "TRAILING_STOP_MARKET", "f": "GTC",
            "q": "0.001", "p": "0", "ap": "0", "sp": "7103.04", "x": "NEW", "X": "NEW", "i": 8886774 + number,
            "l": "0", "z": "0", "L": "0", "n": "0", "N": "USDT", "T": 1568879465650, "t": 0, "b": "0", "a": "9.91",
            "m": False, "R": False, "wt": "CONTRACT_PRICE", "ot": "TRAILING_STOP_MARKET", "ps": "LONG", "cp": False,
            "AP": "7476.89", "cr": "5.0", "pP": False, "si": 0, "ss": 0, "rp": "0", "V": "EXPIRE_TAKER",
            "pm": "OPPONENT", "gtd": 0, "er": "0", "W": made_at,
        },
    }  # fmt: skip


def frame(payload: bytes) -> bytes:
    assert 126 <= len(payload) < 65536
    return b"\x81\x7e" + len(payload).to_bytes(2) + payload


def encode(number: int) -> bytes:
    return frame(json.dumps(event(number), separators=(",", ":")).encode())


def serve(connection: socket.socket) -> None:
    with connection:
        while head := read_head(connection):
            line, *headers = head.decode("latin-1").split("\r\n")
            fields = {name.lower(): value.strip() for name, _, value in (each.partition(":") for each in headers)}
            if "sec-websocket-key" in fields:
                stream(connection, line.split(" ")[1], fields["sec-websocket-key"])
                return
            connection.recv(int(fields.get("content-length", "0")) or 0)
            body = b'{"listenKey":"benchmark0key"}'
            connection.sendall(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body
            )


def read_head(connection: socket.socket) -> bytes:
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        piece = connection.recv(1)
        if not piece:
            return b""
        head += piece
    return head


def stream(connection: socket.socket, path: str, key: str) -> None:
    accept = base64.b64encode(hashlib.sha1(key.encode() + GUID).digest())
    connection.sendall(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
        + accept + b"\r\n\r\n"
    )  # fmt: skip
    words = path.partition("?")[0].strip("/").split("/")
    start.wait()
    if words[0] == "flood":
        flood(connection, int(words[1]))
    else:
        paced(connection, int(words[1]), float(words[2]))
    while connection.recv(65536):  # until the client has had enough
        pass


def flood(connection: socket.socket, count: int) -> None:
    block = b"".join(map(encode, range(BURST)))
    for _ in range(count // BURST):
        connection.sendall(block)


def paced(connection: socket.socket, count: int, rate: float) -> None:
    due = time.monotonic()
    for number in range(count):
        due += 1 / rate
        time.sleep(max(0.0, due - time.monotonic()))
        connection.sendall(encode(number))


def main() -> None:
    context: ssl.SSLContext | None = None
    if len(sys.argv) > 1:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[1])
    server = socket.create_server(("127.0.0.1", 0))
    print(server.getsockname()[1], flush=True)
    threading.Thread(target=accept_all, args=(server, context), daemon=True).start()
    for line in sys.stdin:
        if line.strip() == "start":
            start.set()


def accept_all(server: socket.socket, context: ssl.SSLContext | None) -> None:
    while True:
        connection, _ = server.accept()
        threading.Thread(target=guarded, args=(connection, context), daemon=True).start()


def guarded(connection: socket.socket, context: ssl.SSLContext | None) -> None:
    with suppress(OSError):  # the client has left
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        serve(connection if context is None else context.wrap_socket(connection, server_side=True))


if __name__ == "__main__":
    main()
