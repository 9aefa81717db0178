"""One HTTP exchange as values: what the core asks for and what a transport brings back."""

from typing import Final

from ._value import Secretive, Value

__all__ = ["DEFAULT_PORTS", "Request", "Response"]

DEFAULT_PORTS: Final = {"https": 443, "http": 80, "wss": 443, "ws": 80}
"""By the scheme of a URL that names no port."""


class Request(Value, Secretive, frozen=True):
    """One HTTP request, complete: a transport adds nothing but ``Host`` and ``Content-Length``.

    Attributes:
        method: ``POST``, ``PUT``, ``DELETE`` or ``GET``.
        url: Absolute ``https://`` or ``http://`` URL, already percent-encoded.
        headers: Name and value pairs. They carry the API key.
        body: The bytes to send; empty for none.
        max_answer: How many bytes of body an answer may have; beyond that there is none.

    Its ``repr`` shows the method alone: the headers carry the API key, and on some exchanges the URL or the
    body carries the listen key.
    """

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes = b""
    max_answer: int = 64 * 1024

    def __repr__(self) -> str:
        return f"<Request {self.method}>"


class Response(Value, Secretive, frozen=True):
    """One complete HTTP answer, whatever its status.

    Attributes:
        status: The HTTP status; a redirect is an answer like any other.
        headers: Name and value pairs as they came.
        body: The whole body, without content encoding.

    Its ``repr`` shows the status and the size: the body of a successful answer is the listen key.
    """

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    def header(self, name: str) -> str | None:
        """The first header of that name, in whatever case, or ``None``."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), None)

    def __repr__(self) -> str:
        return f"<Response {self.status}, {len(self.body)} bytes>"
