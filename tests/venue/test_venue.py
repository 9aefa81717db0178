"""What differs between exchanges: the known ones to the letter, and what a venue may not be."""

import math
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given, strategies as st

from trio_listenkey import UsageError, Venue, venues

KEY = "pqia91ma19a5s61cv6a81va65sdf19v8"


def a_venue(**changes: Any) -> Venue:
    given: dict[str, Any] = {
        "name": "somewhere",
        "rest_url": "https://api.example",
        "stream_url": "wss://ws.example",
        "path": "/api/v3/userDataStream",
        "stream_path": "/ws/{key}",
    }
    return Venue(**(given | changes))


# name, rest_url, path, stream URL of KEY, how the key is told
KNOWN = [
    (
        venues.BINANCE_SPOT_CLASSIC,
        "binance-spot-classic",
        "https://api.binance.com",
        "/api/v3/userDataStream",
        "wss://stream.binance.com:9443/ws/" + KEY,
        "form",
    ),
    (
        venues.BINANCE_US,
        "binance-us",
        "https://api.binance.us",
        "/api/v3/userDataStream",
        "wss://stream.binance.us:9443/ws/" + KEY,
        "form",
    ),
    (
        venues.BINANCE_USDM,
        "binance-usdm",
        "https://fapi.binance.com",
        "/fapi/v1/listenKey",
        "wss://fstream.binance.com/private/ws?listenKey=" + KEY + "&events=ORDER_TRADE_UPDATE/ACCOUNT_UPDATE"
        "/ACCOUNT_CONFIG_UPDATE/MARGIN_CALL/TRADE_LITE/ALGO_UPDATE/STRATEGY_UPDATE/GRID_UPDATE"
        "/CONDITIONAL_ORDER_TRIGGER_REJECT/listenKeyExpired",
        "account",
    ),
    (
        venues.BINANCE_COINM,
        "binance-coinm",
        "https://dapi.binance.com",
        "/dapi/v1/listenKey",
        "wss://dstream.binance.com/ws/" + KEY,
        "account",
    ),
]


class TestKnownVenues:
    @pytest.mark.parametrize(("venue", "name", "rest_url", "path", "stream_url", "key_in"), KNOWN)
    def test_each_is_what_its_documents_say(
        self, venue: Venue, name: str, rest_url: str, path: str, stream_url: str, key_in: str
    ) -> None:
        """Addresses, paths and the place of the key, to the letter."""
        assert (venue.name, venue.rest_url, venue.path, venue.key_in) == (name, rest_url, path, key_in)
        assert venue.stream_url_for(KEY) == stream_url

    @pytest.mark.parametrize("venue", venues.known(), ids=lambda venue: venue.name)
    def test_all_have_what_is_common(self, venue: Venue) -> None:
        """An hour of life or a day, half of it between keepalives; at Binance's, its header and -1125."""
        # Bitrue's page of futures says half an hour in one place, and an hour in another: the shorter one is safe.
        listen_key = 1800 if venue is venues.BITRUE_FUTURES else 3600
        assert venue.validity == (86_400 if venue.stream.says_key else listen_key)
        assert venue.keepalive_every == venue.validity / 2
        assert not venue.allow_plaintext
        if venue.name.startswith("binance"):
            assert -1125 in venue.answer.gone
            assert venue.api_key_header == "X-MBX-APIKEY"

    def test_only_spot_is_retired(self) -> None:
        """Of the known venues, spot alone has been taken away."""
        assert [venue.name for venue in venues.known() if venue.retired] == ["binance-spot-classic"]

    def test_known_lists_them_all_by_name(self) -> None:
        """``known`` has every public venue of the module, in order of their names, and each name once."""
        public = [value for name, value in vars(venues).items() if name.isupper() and isinstance(value, Venue)]
        names = [venue.name for venue in venues.known()]
        assert sorted(names) == names
        assert set(venues.known()) == set(public)
        assert len(set(names)) == len(names) == len(public)

    @pytest.mark.parametrize("venue", venues.known(), ids=lambda venue: venue.name)
    def test_by_name_finds_each(self, venue: Venue) -> None:
        """A venue is found by its name."""
        assert venues.by_name(venue.name) is venue

    @pytest.mark.parametrize("name", ["binance-usd", "BINANCE-USDM", "", "binance-usdm "])
    def test_by_name_lists_the_choice(self, name: str) -> None:
        """A name that is none is an error that lists those that are."""
        with pytest.raises(UsageError) as caught:
            venues.by_name(name)
        assert repr(name) in str(caught.value)
        assert all(venue.name in caught.value.advice for venue in venues.known())


def test_a_venue_is_shown_by_name_and_address() -> None:
    """Its ``repr`` is short: what it is made of would fill a page."""
    assert repr(venues.BINANCE_US) == "<Venue binance-us at https://api.binance.us>"


class TestAt:
    def test_it_is_the_same_dialect_elsewhere(self) -> None:
        """``at`` changes the addresses and nothing else."""
        local = venues.BINANCE_USDM.at("http://127.0.0.1:8080", "ws://127.0.0.1:8081")
        assert (local.rest_url, local.stream_url) == ("http://127.0.0.1:8080", "ws://127.0.0.1:8081")
        assert (local.name, local.path, local.key_in) == ("binance-usdm", "/fapi/v1/listenKey", "account")
        assert local.stream_path == venues.BINANCE_USDM.stream_path

    def test_it_leaves_the_original_alone(self) -> None:
        """A venue is a value."""
        before = venues.BINANCE_US.rest_url
        venues.BINANCE_US.at("https://demo.example", "wss://demo.example")
        assert venues.BINANCE_US.rest_url == before

    def test_plain_text_has_to_be_asked_for_each_time(self) -> None:
        """Leave to use plain text at one address does not extend to the next."""
        lab = venues.BINANCE_US.at("http://10.0.0.5", "ws://10.0.0.5", allow_plaintext=True)
        assert lab.allow_plaintext
        with pytest.raises(UsageError):
            lab.at("http://10.0.0.6", "ws://10.0.0.6")


class TestStreamUrl:
    @pytest.mark.parametrize("stream_url", ["wss://ws.example", "wss://ws.example/"])
    def test_a_final_slash_makes_no_difference(self, stream_url: str) -> None:
        """There is one slash between host and path."""
        assert a_venue(stream_url=stream_url).stream_url_for("K") == "wss://ws.example/ws/K"

    def test_every_place_of_the_key_is_filled(self) -> None:
        """A venue may name the key twice, and other braces are its own."""
        venue = a_venue(stream_path="/ws/{key}?again={key}&x={y}")
        assert venue.stream_url_for("K") == "wss://ws.example/ws/K?again=K&x={y}"

    def test_the_key_has_to_have_a_place(self) -> None:
        """A stream path without a place for the key is an error."""
        with pytest.raises(UsageError, match=r"\{key\}"):
            a_venue(stream_path="/ws")


PLAIN = ["http://127.0.0.1", "http://127.0.0.1:80", "http://127.9.9.9", "http://[::1]:8080", "http://localhost:1"]
FOREIGN = [
    "http://api.binance.com",
    "http://10.0.0.1",
    "http://192.168.1.1:8080",
    "http://0.0.0.0",
    "http://[::2]",
    "http://[::]",
    "http://localhost.example.com",
    "http://127.0.0.1.example.com",
    "http://127.0.0.1.",
    "http://notlocalhost",
    "http://128.0.0.1",
]
MALFORMED = [
    "",
    " ",
    "api.binance.com",
    "//api.binance.com",
    "https:",
    "https://",
    "https:///path",
    "https:api.binance.com",
    "https://:8080",
    "ftp://api.binance.com",
    "wss://api.binance.com",
    "file:///etc/passwd",
    "javascript:alert(1)",
    "https://api.binance.com:65536",
    "https://api.binance.com:-1",
    "https://api.binance.com:http",
    "https://api.binance.com:80:80",
    "https://[::1",
    "https://::1]",
    "https://[nonsense]",
    " https://api.binance.com",
    "https://api.binance.com ",
    "https://api. binance.com",
    "https://api.binance.com\n",
    "https://api\n.binance.com",
    "https://api\t.binance.com",
    "https://api\r\nX-Header: 1",
    "https://api.bin\u00e4nce.com",
    "https://api.binance.com\u2024evil.example",
    "https://api.binance.com\x00",
]
WITH_PATH = [
    "https://api.binance.com/v1",
    "https://api.binance.com//",
    "https://api.binance.com/?x=1",
    "https://api.binance.com?x=1",
    "https://api.binance.com#top",
    "https://api.binance.com/#top",
    "https://api.binance.com/..",
    "https://api.binance.com?",
    "https://api.binance.com#",
    "https://api.binance.com/?",
    "https://api.binance.com/#",
]


def as_stream(url: str) -> str:
    return url.replace("https:", "wss:").replace("http:", "ws:")


class TestAddresses:
    @pytest.mark.parametrize("url", PLAIN)
    def test_plain_text_may_go_to_this_machine(self, url: str) -> None:
        """All forms of loopback may do without TLS (T2)."""
        venue = a_venue(rest_url=url, stream_url=as_stream(url))
        assert (venue.rest_url, venue.stream_url) == (url, as_stream(url))

    @pytest.mark.parametrize("url", FOREIGN)
    def test_plain_text_may_go_nowhere_else(self, url: str) -> None:
        """Neither http nor ws may leave the machine, and the error names the field and the way out (T2)."""
        with pytest.raises(UsageError, match="rest_url") as rest:
            a_venue(rest_url=url)
        with pytest.raises(UsageError, match="stream_url") as stream:
            a_venue(stream_url=as_stream(url))
        for caught in (rest, stream):
            assert "somewhere" in caught.value.problem
            assert "allow_plaintext" in caught.value.advice

    @pytest.mark.parametrize("url", FOREIGN)
    def test_plain_text_may_go_where_it_is_asked_to(self, url: str) -> None:
        """Asked for by name, plain text goes anywhere."""
        assert a_venue(rest_url=url, stream_url=as_stream(url), allow_plaintext=True).rest_url == url

    @pytest.mark.parametrize("allowed", [True, False])
    @pytest.mark.parametrize("url", MALFORMED)
    def test_what_is_no_address_is_refused(self, url: str, allowed: bool) -> None:
        """What has no scheme, no host or no port that is one is refused, plain text or not."""
        with pytest.raises(UsageError, match="rest_url"):
            a_venue(rest_url=url, allow_plaintext=allowed)

    @pytest.mark.parametrize("url", ["https://ws.example", "http://127.0.0.1", "ws:", "wss://ws.example:99999"])
    def test_a_stream_has_its_own_schemes(self, url: str) -> None:
        """A stream address is ``wss`` or ``ws``."""
        with pytest.raises(UsageError, match="stream_url"):
            a_venue(stream_url=url)

    @pytest.mark.parametrize("url", WITH_PATH)
    def test_an_address_has_no_path(self, url: str) -> None:
        """Paths and queries are the venue's own, and would silently be lost or doubled in an address."""
        with pytest.raises(UsageError, match="path or a query"):
            a_venue(rest_url=url)
        with pytest.raises(UsageError, match="path or a query"):
            a_venue(stream_url=as_stream(url))

    @pytest.mark.parametrize(
        "url",
        [
            "https://user@api.example",
            "https://user:hunter2@api.example",
            "https://:hunter2@api.example",
            "https://@api.example",
            "https://:@api.example",
        ],
    )
    def test_an_address_has_no_user(self, url: str) -> None:
        """Credentials in an address, and an empty place for them, are refused and not quoted."""
        with pytest.raises(UsageError, match="user name") as caught:
            a_venue(rest_url=url)
        assert "hunter2" not in str(caught.value)

    @pytest.mark.parametrize("url", [None, b"https://api.example", 1, ["https://api.example"]])
    def test_an_address_is_text(self, url: object) -> None:
        """What is no text is refused like any other malformed address."""
        with pytest.raises(UsageError, match="rest_url"):
            a_venue(rest_url=url)

    @pytest.mark.parametrize("url", ["https://api.example", "https://api.example/", "https://api.example:65535"])
    def test_https_may_go_anywhere(self, url: str) -> None:
        """Scheme, host and port make an address; one final slash does no harm."""
        assert a_venue(rest_url=url).rest_url == url

    @given(st.text(max_size=60), st.booleans())
    def test_any_text_is_either_taken_or_refused(self, url: str, allowed: bool) -> None:
        """No text makes the check fail in any other way, and what it takes begins with a scheme of ours."""
        try:
            venue = a_venue(rest_url="https://" + url, allow_plaintext=allowed)
        except UsageError:
            return
        assert venue.rest_url.isascii()
        assert venue.rest_url.isprintable()


NO_PATHS: list[Any] = [
    "",
    "v1/listenKey",
    ".evil.example/v1/listenKey",
    "@evil.example/v1/listenKey",
    ":8443/v1/listenKey",
    "\\v1/listenKey",
    " /v1/listenKey",
    "/v1/listen key",
    "/v1/listenKey\r\nX-Header: 1",
    "/v1/listenKey\x00",
    "/v1/schl\u00fcssel",
    "/v1/listenKey#top",
    None,
    b"/v1/listenKey",
    1,
]


class TestPaths:
    @pytest.mark.parametrize("path", [*NO_PATHS, "/v1/listenKey?x=1"])
    def test_what_is_no_path_is_refused(self, path: Any) -> None:
        """A path begins with a slash, so that it cannot become a part of the host's name, and is visible ASCII."""
        with pytest.raises(UsageError, match=r"Venue\.path of 'somewhere'"):
            a_venue(path=path)

    @pytest.mark.parametrize("path", [f"{path}{{key}}" if isinstance(path, str) else path for path in NO_PATHS])
    def test_the_path_of_a_stream_is_one_too(self, path: Any) -> None:
        """A listen key goes to no other host either."""
        with pytest.raises(UsageError, match=r"Venue\.stream_path of 'somewhere'"):
            a_venue(stream_path=path)

    def test_a_stream_may_have_a_query(self) -> None:
        """Some exchanges want the key there."""
        assert a_venue(stream_path="/ws?listenKey={key}").stream_url_for("K") == "wss://ws.example/ws?listenKey=K"

    @given(st.text(max_size=40))
    def test_no_path_leads_to_another_host(self, path: str) -> None:
        """Whatever text is taken for a path, the listen key is sent to the host of the address."""
        try:
            venue = a_venue(stream_path=path + "{key}")
        except UsageError:
            return
        assert urlsplit(venue.stream_url_for("K")).netloc == "ws.example"

    @pytest.mark.parametrize("key_in", ["header", "", "FORM", None])
    def test_a_key_is_told_in_one_of_five_ways(self, key_in: Any) -> None:
        """Another place for the key is an error, rather than a request without one."""
        with pytest.raises(UsageError, match=r"Venue\.key_in of 'somewhere'"):
            a_venue(key_in=key_in)


class TestPace:
    @pytest.mark.parametrize(
        ("every", "validity"), [(3600, 3600), (3601, 3600), (0, 3600), (-1, 3600), (1, 0), (math.nan, 3600)]
    )
    def test_keys_must_live_longer_than_the_pause(self, every: float, validity: float) -> None:
        """A keepalive that would come too late, or at once and for ever, is an error."""
        with pytest.raises(UsageError, match="keepalive every"):
            a_venue(keepalive_every=every, validity=validity)

    def test_validity_that_is_no_number_is_refused(self) -> None:
        """A validity that compares with nothing is an error, too."""
        with pytest.raises(UsageError, match="keepalive every"):
            a_venue(validity=math.nan)

    @pytest.mark.parametrize("value", ["3600", None, True, 3600j, [3600]])
    @pytest.mark.parametrize("name", ["validity", "keepalive_every"])
    def test_times_are_plain_numbers(self, name: str, value: Any) -> None:
        """A time of another type is an error of the venue's, not of the first comparison."""
        with pytest.raises(UsageError, match="keepalive every"):
            a_venue(**{name: value})


def test_the_former_name_of_a_signed_venue_still_works() -> None:
    """Programs that were written against it keep working until 1.0."""
    assert venues.SessionVenue is venues.SignedVenue
