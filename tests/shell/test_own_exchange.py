"""The documentation's example of an exchange that one adds oneself."""

import hashlib
import hmac
import json
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from own_exchange import MINE, watch

from trio_listenkey import Credentials, RefusedError
from trio_listenkey.transports import Request, Response

CREDENTIALS = Credentials("the-api-key", "the-secret")


class MyExchange:
    """What the exchange of the example answers; it knows one key."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def request(self, request: Request) -> Response:
        headers, path = dict(request.headers), urlsplit(request.url).path
        payload = f"{headers['X-TIME']}{request.method}{path}"
        assert headers["X-API-KEY"] == "the-api-key"
        if headers["X-SIGNATURE"] != hmac.new(b"the-secret", payload.encode(), hashlib.sha256).hexdigest():
            return Response(403, (), b'{"error":{"code":40301,"text":"bad signature"}}')
        self.asked.append(f"{request.method} {path}")
        return Response(200, (), json.dumps({"result": {"key": "a-stream-key"}}).encode())

    async def aclose(self) -> None: ...


async def test_the_example_works() -> None:
    """It creates and closes a key at an exchange that is as the example says."""
    exchange = MyExchange()
    key = await watch(CREDENTIALS, exchange)
    assert exchange.asked == ["POST /v1/stream-key", "DELETE /v1/stream-key/a-stream-key"]
    assert key.stream_url == "wss://stream.exchange.example/private/a-stream-key"


async def test_its_errors_are_read() -> None:
    """The exchange's code and words are where the example says."""
    with pytest.raises(RefusedError, match=r"40301.*bad signature"):
        await watch(Credentials("the-api-key", "another-secret"), MyExchange())


def test_the_example_is_short() -> None:
    """Less than 40 lines, and less than 15 for the description of an exchange like many."""
    shown = (Path(__file__).parent / "own_exchange.py").read_text(encoding="utf-8").partition("# --- example\n")[2]
    assert len(shown.strip().splitlines()) < 40
    assert MINE.name == "mine"
