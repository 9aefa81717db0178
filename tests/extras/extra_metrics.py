"""The extra ``metrics``: the command, and its figures for Prometheus."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

COMMAND = str(Path(sys.executable).with_name("trio-listenkey"))

with socket.create_server(("127.0.0.1", 0)) as server:
    PORT = server.getsockname()[1]


def figures() -> str:
    """What Prometheus is told, as soon as it is told that the key is held."""
    for _ in range(300):
        time.sleep(0.1)
        try:
            with urlopen(f"http://127.0.0.1:{PORT}/metrics", timeout=5) as answer:
                told: str = answer.read().decode()
        except URLError:
            continue
        if 'listenkey_live{account="main"} 1.0' in told:
            return told
    raise AssertionError("there is no living key")


exchange = subprocess.Popen([COMMAND, "exchange"], stdout=subprocess.PIPE, text=True)
assert exchange.stdout is not None
facts = dict(line.split(maxsplit=1) for line in iter(exchange.stdout.readline, "ready\n"))
there = ["--rest-url", facts["REST"].strip(), "--stream-url", facts["WebSocket"].strip()]
options = ["--name", "main", "--metrics-port", str(PORT)]
environ = {**os.environ, "BINANCE_API_KEY": "test-api-key"}
hold = subprocess.Popen([COMMAND, "hold", "binance-usdm", *there, *options], env=environ)
try:
    assert re.search(r"^listenkey_key_seconds_left\{account=\"main\"\} 3\d{3}\.", figures(), re.MULTILINE)
finally:
    for process in (hold, exchange):
        process.terminate()
        process.wait(20)
    exchange.stdout.close()
