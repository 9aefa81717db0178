"""What the description of an exchange is made of: each part is what travels together."""

from typing import Final, Literal

from .._errors import UsageError
from .._value import Value
from ._codes import BINANCE_CODES, KINDS, Code, CodeKind

__all__ = [
    "EVERY_VERB",
    "Answer",
    "Call",
    "Code",
    "CountdownCancel",
    "Heartbeat",
    "KeyPlace",
    "SecondCreate",
    "Sharing",
    "Signing",
    "StreamShape",
    "Verb",
]

Verb = Literal["create", "keepalive", "close"]
KeyPlace = Literal["form", "query", "json", "path", "account"]
SecondCreate = Literal["same", "new", "replaces", "unknown"]
EVERY_VERB: Final[frozenset[Verb]] = frozenset({"create", "keepalive", "close"})


class Call(Value, frozen=True):
    """One of the three requests.

    Attributes:
        method: The HTTP method.
        path: Where it goes; ``None`` for ``Venue.path``. With ``key_in="path"``, ``{key}`` is the key's place.
        key_in: Where the key goes; ``None`` for ``Venue.key_in``. A create never names one.
        extra: Parameters that are always sent.
        weight: Its weight in the exchange's rate limit.
    """

    method: str
    path: str | None = None
    key_in: KeyPlace | None = None
    extra: tuple[tuple[str, str], ...] = ()
    weight: int = 1

    def __post_init__(self) -> None:
        if self.method not in {"GET", "POST", "PUT", "DELETE"}:
            raise UsageError(f"Call.method is {self.method!r}", advice="Pass 'GET', 'POST', 'PUT' or 'DELETE'")


class CountdownCancel(Value, frozen=True, kw_only=True):
    """A countdown after which the exchange cancels an account's open orders in one symbol, unless it is renewed.

    As at Binance: a signed POST with ``symbol`` and ``countdownTime`` in milliseconds; zero stops it.

    Attributes:
        path: Where it goes.
        weight: Its weight in the exchange's rate limit.
    """

    path: str
    weight: int


class Signing(Value, frozen=True, kw_only=True):
    """How calls are signed: by HMAC-SHA256 with the API secret, or by the user's signer.

    Attributes:
        payload: What is signed. ``{params}`` are the parameters as they are sent, without the signature;
            ``{timestamp}``, ``{method}``, ``{path}`` and ``{body}`` are what they say.
        place: Whether time and signature are parameters (``"params"``, or ``"form"`` if they have to be in a form body)
            or ``"headers"``.
        timestamp: The name under which the time is sent.
        unit: Of the time: ``"ms"`` or ``"us"`` since 1970.
        signature: The name under which the signature is sent; as a parameter, it is the last.
        recv_window: Milliseconds for which the exchange accepts the request, sent as ``recvWindow``; ``None`` leaves
            it to the exchange.
        api_key: Name of a parameter that carries the API key, where it is signed with the rest.
        by: ``"secret"``, or ``"signer"`` where HMAC is not possible. A signer that the user passes is used in any case.
        required: Whether signatures are required. If not, calls are signed if the credentials allow it.
        verbs: The calls that are signed.
    """

    payload: str = "{params}"
    place: Literal["params", "form", "headers"] = "params"
    timestamp: str = "timestamp"
    unit: Literal["ms", "us"] = "ms"
    signature: str = "signature"
    recv_window: int | None = None
    api_key: str | None = None
    by: Literal["secret", "signer"] = "secret"
    required: bool = True
    verbs: frozenset[Verb] = EVERY_VERB


class Answer(Value, frozen=True, kw_only=True):
    """How to read the exchange's answers.

    A place in the answer is written with dots: ``"data.listenKey"``; ``"0.id"`` is that of the first in a list, and
    ``"type=GLOBAL.listenKey"`` that of the first whose ``type`` is ``GLOBAL``. ``"a|b"`` is ``b`` where there is no
    ``a``.

    Codes are compared as the exchange writes them, except that a number may be a string: ``"-1125"`` is ``-1125``,
    and ``"0003"`` is not 3. A venue's own codes take precedence over those of Binance, which apply as well.

    Attributes:
        key: Where the key is.
        expiry: Where the answer says when the key ends, in Unix time; ``None`` if it does not.
        expiry_unit: ``"ms"`` or ``"s"``.
        code: Where the exchange's error code is. None, 0 and 200 mean success.
        message: Where the error message is.
        success: A place whose value must be one of ``success_values`` for a 2xx to be a success; ``None`` if there is
            none.
        success_values: As texts.
        may_be_empty: Whether 2xx without a body is a success of a keepalive.
        failing_statuses: Statuses of 2xx that are not a success.
        gone: Codes that mean: the key does not exist.
        gone_statuses: HTTP statuses that mean this.
        clock: Codes that mean: the request's timestamp is too far from the exchange's.
        silence: Codes of rate limits.
        transient: Codes of temporary failures: the exchange is busy, or a part of it did not answer in time.
        credentials: Codes that refuse the API key, the signature, the IP address or the permissions.
        refused: Codes of permanent refusals: a retry would be refused as well.
    """

    key: str = "listenKey"
    expiry: str | None = None
    expiry_unit: Literal["ms", "s"] = "ms"
    code: str = "code"
    message: str = "msg"
    success: str | None = None
    success_values: frozenset[str] = frozenset({"0", "200"})
    may_be_empty: bool = False
    failing_statuses: frozenset[int] = frozenset()
    gone: frozenset[Code] = frozenset({-1125})
    gone_statuses: frozenset[int] = frozenset()
    clock: frozenset[Code] = frozenset({-1021})
    silence: frozenset[Code] = frozenset()
    transient: frozenset[Code] = frozenset()
    credentials: frozenset[Code] = frozenset()
    refused: frozenset[Code] = frozenset()

    def own_codes(self, kind: CodeKind) -> frozenset[Code]:
        """The venue's own codes of this kind."""
        own: dict[CodeKind, frozenset[Code]] = {
            "gone": self.gone,
            "silence": self.silence,
            "transient": self.transient,
            "clock": self.clock,
            "credentials": self.credentials,
            "refused": self.refused,
        }
        return own[kind]

    def kind_of(self, code: Code | None) -> CodeKind | None:
        """What a code means; ``None`` if it is not listed."""
        of_venue = (kind for kind in KINDS if code in self.own_codes(kind))
        of_binance = (kind for kind in KINDS if code in BINANCE_CODES[kind])
        return next(of_venue, None) or next(of_binance, None)


class Sharing(Value, frozen=True, kw_only=True):
    """What a second create does to the first key, and so which keys are closed.

    ``"same"``: it returns the first. All contexts on an account hold one key, and the last of this process to leave
    closes it, for everyone else, too. ``"new"``: it makes a second key beside the first. Each context closes its own.
    ``"replaces"``: it ends the first. One context at a time, in this process. ``"unknown"``: the documents do not say;
    contexts are treated as sharing, and the last one closes every key that may be alive.

    Attributes:
        second_create: Which of these.
        max_keys: How many keys an account may have at a time; ``None`` if it is one, or not said.
        keys_of: The name of the venue whose keys these are, where an account has one key for both; ``None`` where
            they are this venue's own. Programs that share a key find each other by it.
    """

    second_create: SecondCreate = "same"
    max_keys: int | None = None
    keys_of: str | None = None

    def __post_init__(self) -> None:
        if self.second_create not in {"same", "new", "replaces", "unknown"}:
            raise UsageError(
                f"Sharing.second_create is {self.second_create!r}",
                advice="Pass 'same', 'new', 'replaces' or 'unknown'",
            )


class Heartbeat(Value, frozen=True, kw_only=True):
    """How a socket is kept alive: pings and pongs.

    Attributes:
        kind: ``"frames"``, the pings of the WebSocket protocol, which libraries answer by themselves; ``"text"``; or
            ``"json"``.
        heard: The exchange's ping: a text, or the name of a JSON object's field. Empty if it sends none.
        answer: The answer: a text, or the field in which to return the value of ``heard``.
        heard_text: With ``"json"``, a text that the exchange may send in place of the object, whatever its case.
        answer_text: The answer to that.
        kind_field: With ``"json"``, a field whose value is ``"ping"`` in a ping of the exchange's and ``"pong"`` in the
            answer, which has all else that the ping has. Empty if there are no such pings.
        say: The client's own ping, sent every ``say_every`` seconds; ``{ms}`` is the time. Empty for none.
        say_every: Seconds.
    """

    kind: Literal["frames", "text", "json"] = "frames"
    heard: str = ""
    answer: str = ""
    heard_text: str = ""
    answer_text: str = ""
    kind_field: str = ""
    say: str = ""
    say_every: float | None = None


class StreamShape(Value, frozen=True, kw_only=True):
    """What the private WebSocket looks like.

    Attributes:
        heartbeat: How it is kept alive.
        compression: ``"gzip"`` if each message is compressed by itself.
        encoding: ``"protobuf"`` if events are not JSON.
        wrapped: Whether events come as ``{"stream": ..., "data": ...}``.
        subscribe: The subscriptions to send after the handshake, where these are needed.
        subscribe_every: Seconds between two of these messages. All of them have to fit into ``Timing.connect_timeout``.
        subscribed: How the exchange answers one that it takes: fields of a JSON object, each with what its value, as a
            text, is like (``*`` is anything). Events are taken to come when all were answered; without any, when the
            exchange answers a ping that was sent after the last of them.
        refused: How it answers one that it refuses; then the stream reconnects, and reports a gap.
        says_key: Whether the key is not in the URL, but sent after the handshake, as a ``listenToken`` of
            Binance's WebSocket API.
        lifetime: Seconds after which the exchange closes it.
        expired: The message that the key has expired: an event's name, or a text. ``None`` if there is none.
        varying: Members of an event, as JSON, that may differ between two sockets though it is the same event.
        varying_fields: The same where events are protobuf, by the numbers of the fields.
        expired_is_documented: Whether the exchange's documents mention it for this stream. If not, it is from a related
            stream: it is handled, but not relied upon, because keys are checked in any case.
    """

    heartbeat: Heartbeat = Heartbeat()
    compression: Literal["none", "gzip"] = "none"
    encoding: Literal["json", "protobuf"] = "json"
    wrapped: bool = False
    subscribe: tuple[str, ...] = ()
    subscribe_every: float = 0.0
    subscribed: tuple[tuple[str, str], ...] = ()
    refused: tuple[tuple[str, str], ...] = ()
    says_key: bool = False
    lifetime: float = 86_400.0
    expired: str | None = "listenKeyExpired"
    varying: tuple[str, ...] = ()
    varying_fields: tuple[int, ...] = ()
    expired_is_documented: bool = True
