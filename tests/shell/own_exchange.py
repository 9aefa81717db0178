"""The example of the documentation's page on exchanges, which ``test_own_exchange.py`` runs."""

# --- example
from trio_listenkey import Credentials, ListenKey, Venue, open_listen_key, venues
from trio_listenkey.transports import Transport

MINE = Venue(
    name="mine",
    rest_url="https://api.exchange.example",
    stream_url="wss://stream.exchange.example",
    path="/v1/stream-key",
    stream_path="/private/{key}",
    keepalive=venues.Call("POST", "/v1/stream-key/{key}/extend", key_in="path"),
    close=venues.Call("DELETE", "/v1/stream-key/{key}", key_in="path"),
    api_key_header="X-API-KEY",
    signing=venues.Signing(
        payload="{timestamp}{method}{path}", place="headers", timestamp="X-TIME", signature="X-SIGNATURE"
    ),
    answer=venues.Answer(key="result.key", code="error.code", message="error.text", gone=frozenset({40404})),
    sharing=venues.Sharing(second_create="new", max_keys=10),
    source="docs.exchange.example, 2026-11",
)


async def watch(credentials: Credentials, transport: Transport | None = None) -> ListenKey:
    async with open_listen_key(MINE, credentials, transport=transport) as key:
        return key  # in a program of yours: connect to key.stream_url
