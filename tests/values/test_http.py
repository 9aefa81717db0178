"""One HTTP exchange as values, and what they show of themselves."""

import pprint

import pytest

from trio_listenkey._http import Request, Response

REQUEST = Request("PUT", "https://h/p?listenKey=LISTEN", (("X-MBX-APIKEY", "APIKEY"),), b"listenKey=LISTEN")
RESPONSE = Response(200, (("Date", "D1"), ("retry-after", "5"), ("Retry-After", "6")), b'{"listenKey":"LISTEN"}')


@pytest.mark.parametrize("value", [REQUEST, RESPONSE])
def test_no_rendering_shows_a_key(value: Request | Response) -> None:
    """Neither the headers, the URL nor the bodies are in any ``repr`` (T1)."""
    for text in (repr(value), str(value), f"{[value]}", pprint.pformat(value)):
        assert "LISTEN" not in text
        assert "APIKEY" not in text


def test_a_request_shows_its_method_and_a_response_its_status() -> None:
    """What is left is enough to tell them apart."""
    assert repr(REQUEST) == "<Request PUT>"
    assert repr(RESPONSE) == "<Response 200, 22 bytes>"


@pytest.mark.parametrize("name", ["Retry-After", "retry-after", "RETRY-AFTER"])
def test_headers_are_found_in_whatever_case(name: str) -> None:
    """The first of that name counts, however either side writes it."""
    assert RESPONSE.header(name) == "5"


def test_a_header_that_did_not_come_is_none() -> None:
    """A header is all of its name, and there may be none."""
    assert RESPONSE.header("Retry") is None
    assert Response(204).header("Date") is None


def test_they_are_values() -> None:
    """Requests and responses compare by content and cannot be changed."""
    assert Response(200) == Response(200, (), b"")
    assert Request("GET", "u", ()) == Request("GET", "u", (), b"")
    with pytest.raises(AttributeError):
        REQUEST.url = "https://elsewhere"  # type: ignore[misc]
    with pytest.raises(AttributeError):
        RESPONSE.status = 500  # type: ignore[misc]
