"""What is sent, to the letter; ``test_transcripts.py`` has every venue."""

import dataclasses
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given, strategies as st

from trio_listenkey import Credentials, UsageError, Venue, venues
from trio_listenkey._http import Request
from trio_listenkey._protocol._requests import build_request
from trio_listenkey._venue._venue import Verb

CREDENTIALS = Credentials("the-api-key", "the-api-secret")
KEY = "pqia91ma19a5s61cv6a81va65sdf19v8"
COMMON = (("X-MBX-APIKEY", "the-api-key"), ("Accept", "application/json"), ("User-Agent", "trio-listenkey"))
FORM = (*COMMON, ("Content-Type", "application/x-www-form-urlencoded"))
NAMED = b"listenKey=pqia91ma19a5s61cv6a81va65sdf19v8"

URLS: dict[Venue, str] = {
    venues.BINANCE_SPOT_CLASSIC: "https://api.binance.com/api/v3/userDataStream",
    venues.BINANCE_US: "https://api.binance.us/api/v3/userDataStream",
    venues.BINANCE_USDM: "https://fapi.binance.com/fapi/v1/listenKey",
    venues.BINANCE_COINM: "https://dapi.binance.com/dapi/v1/listenKey",
}
METHODS: list[tuple[Verb, str]] = [("create", "POST"), ("keepalive", "PUT"), ("close", "DELETE")]


@pytest.mark.parametrize("venue", [venues.BINANCE_USDM, venues.BINANCE_COINM], ids=lambda venue: venue.name)
@pytest.mark.parametrize(("verb", "method"), METHODS)
def test_futures_know_the_key_by_the_account(venue: Venue, verb: Verb, method: str) -> None:
    """The futures exchanges are sent the API key and nothing else: naming the listen key is undocumented there."""
    request = build_request(venue, CREDENTIALS, verb, KEY)
    assert request == Request(method, URLS[venue], COMMON, b"")


@pytest.mark.parametrize("venue", [venues.BINANCE_SPOT_CLASSIC, venues.BINANCE_US], ids=lambda venue: venue.name)
@pytest.mark.parametrize(("verb", "method"), METHODS[1:])
def test_the_spot_dialect_names_the_key_in_the_body(venue: Venue, verb: Verb, method: str) -> None:
    """The spot dialect wants the key named; a form body keeps it out of URLs and hence of logs."""
    assert build_request(venue, CREDENTIALS, verb, KEY) == Request(method, URLS[venue], FORM, NAMED)


@pytest.mark.parametrize("venue", URLS, ids=lambda venue: venue.name)
@pytest.mark.parametrize("key", [None, KEY], ids=["first", "again"])
def test_a_create_names_no_key(venue: Venue, key: str | None) -> None:
    """A create takes no parameters, whether there was a key before or not."""
    assert build_request(venue, CREDENTIALS, "create", key) == Request("POST", URLS[venue], COMMON, b"")


@pytest.mark.parametrize("venue", URLS, ids=lambda venue: venue.name)
@pytest.mark.parametrize(("verb", "method"), METHODS)
def test_a_key_that_nobody_knows_is_not_named(venue: Venue, verb: Verb, method: str) -> None:
    """Without a key there is no body, rather than a key called "None"."""
    assert build_request(venue, CREDENTIALS, verb, None) == Request(method, URLS[venue], COMMON, b"")


@pytest.mark.parametrize("venue", URLS, ids=lambda venue: venue.name)
@pytest.mark.parametrize(("verb", "method"), METHODS)
def test_no_secret_is_where_it_may_be_logged(venue: Venue, verb: Verb, method: str) -> None:
    """No key is in the URL, and the secret is not in the request at all (T1)."""
    request = build_request(venue, CREDENTIALS, verb, KEY)
    assert KEY not in request.url
    assert "the-api-key" not in request.url
    assert "the-api-secret" not in f"{request.url}{request.headers}{request.body!r}"


def test_the_header_of_the_api_key_is_the_venues() -> None:
    """Exchanges that follow Binance call the header by their own name."""
    follower = Venue(
        name="follower",
        rest_url="https://api.example/",
        stream_url="wss://ws.example",
        path="/api/v3/userDataStream",
        stream_path="/ws?listenKey={key}",
        api_key_header="X-FOLLOWER-APIKEY",
    )
    request = build_request(follower, CREDENTIALS, "create", None)
    assert request.headers[0] == ("X-FOLLOWER-APIKEY", "the-api-key")
    assert request.url == "https://api.example/api/v3/userDataStream"


@given(st.text(max_size=40))
@example("@evil.example/x")
@example(".evil.example/x")
@example("/@evil.example/x")
@example("//evil.example/x")
@example("/\\evil.example/x")
def test_no_path_leads_to_another_host(path: str) -> None:
    """Whatever text is taken for a path, the API key is sent to the host of the address."""
    try:
        venue = dataclasses.replace(venues.BINANCE_US, path=path)
    except UsageError:
        return
    assert urlsplit(build_request(venue, CREDENTIALS, "create", None).url).netloc == "api.binance.us"
