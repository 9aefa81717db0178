"""What is said to each exchange and by it, to the letter, from its documents: requests, answers, streams."""

import hashlib
import hmac
import re
from typing import NamedTuple

import pytest

from trio_listenkey import Credentials, Venue, venues
from trio_listenkey._core._key_states import Event
from trio_listenkey._core._outcomes import Ok
from trio_listenkey._http import Response
from trio_listenkey._protocol._requests import build_request
from trio_listenkey._protocol._responses import read_answer
from trio_listenkey._protocol._signing import sign
from trio_listenkey._venue._venue import Verb

# The key pair and the time of Binance's own example of a signed request (rest-api.md, "SIGNED Endpoint Examples").
API_KEY = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
TIME = 1499827319559
CREDENTIALS = Credentials(API_KEY, SECRET)
WALLET = Credentials("0x63DD5aCC6b1aa0f563956C0e534DD30B6dcF7C4e", signer=lambda payload: f"0x{len(payload)}")

# The key of Binance's examples, and of all who copied them.
KEY = "pqia91ma19a5s61cv6a81va65sdf19v8a65a1a5s61cv6a81va65sdf19v8a65a1"

NAMED = f"listenKey={KEY}"
TELLS = f'{{"listenKey":"{KEY}"}}'
GONE = (400, '{"code":-1125,"msg":"This listenKey does not exist."}')
USDM_EVENTS = (
    "ORDER_TRADE_UPDATE/ACCOUNT_UPDATE/ACCOUNT_CONFIG_UPDATE/MARGIN_CALL/TRADE_LITE/ALGO_UPDATE/STRATEGY_UPDATE"
    "/GRID_UPDATE/CONDITIONAL_ORDER_TRIGGER_REJECT/listenKeyExpired"
)


def signed(params: str) -> str:
    return f"{params}&signature={hmac.new(SECRET.encode(), params.encode(), hashlib.sha256).hexdigest()}"


Asked = tuple[str, str, str]
Three = tuple[Asked, Asked, Asked]


class Said(NamedTuple):
    """One exchange: each call as method, path with query, and body; each answer as status and body."""

    venue: Venue
    host: str
    header: str
    create: tuple[str, str, str]
    keepalive: tuple[str, str, str]
    close: tuple[str, str, str] | None
    created: str
    kept: str
    gone: tuple[int, str]
    stream: str


def plain(path: str, *, named: bool = True) -> Three:
    """The three calls of an exchange that wants no signature, with the key in a form, or nowhere."""
    body = NAMED if named else ""
    return ("POST", path, ""), ("PUT", path, body), ("DELETE", path, body)


def in_query(path: str) -> Three:
    """The three calls of an exchange that wants everything in the query, and signed."""
    first = signed(f"timestamp={TIME}")
    again = signed(f"{NAMED}&timestamp={TIME}")
    return ("POST", f"{path}?{first}", ""), ("PUT", f"{path}?{again}", ""), ("DELETE", f"{path}?{again}", "")


MBX = "X-MBX-APIKEY"
SPOT = plain("/api/v3/userDataStream")
FAPI = plain("/fapi/v1/listenKey", named=False)
DAPI = plain("/dapi/v1/listenKey", named=False)
EAPI = plain("/eapi/v1/listenKey", named=False)
EQUITY = ("POST", "/sapi/v1/equity/listenKey?" + signed(f"timestamp={TIME}"), "")
TOKEN_CALL = ("POST", "/sapi/v1/userListenToken?" + signed(f"timestamp={TIME}"), "")
# That of the documents' sample, which has characters in it that no URL could have.
TOKEN = "6xXxePXwZRjVSHKhzUCCGnmN3fkvMTXru+pYJS8RwijXk9Vcyr3rkwfVOTcP2OkONqciYA"
OPTION_KEY = f'{{"listenKey":"{KEY}","expiration":1762855900452}}'
TH_KEYS = f'[{{"listenKey":"{KEY[:60]}","type":"GLOBAL"}},{{"listenKey":"{KEY}","type":"SITE"}}]'
TH_GLOBAL = f"/api/v1/listenKey?listenKey={KEY[:60]}"
BINGX = in_query("/openApi/user/auth/userDataStream")
USER_STREAM = in_query("/api/v1/userDataStream")
MEXC = in_query("/api/v3/userDataStream")
V3 = "nonce=1499827319559000&signer=0x21&user=0x63DD5aCC6b1aa0f563956C0e534DD30B6dcF7C4e"
V3_FORM = f"{V3}&signature=0x{len(V3)}"
V3_NAMED = f"{NAMED}&{V3}&signature=0x{len(V3) + len(NAMED) + 1}"
CLOUD_CALL = "/open/v1/user-listen-token?" + signed(f"timestamp={TIME}")
CLOUD_TOKEN = f'"data":{{"token":"{TOKEN}","expirationTime":1758792204196}}'
LISTEN_KEY = in_query("/api/v1/listenKey")
BITRUE_PATH = "/user_stream/api/v1/listenKey"
GMO_KEPT = '{"status":0,"responsetime":"2019-03-19T02:15:06.102Z"}'
GMO_GONE = (
    200,
    '{"status":5,"messages":[{"message_code":"ERR-5106","message_string":"Invalid request parameter."}]}',
)
BITRUE_KEPT = '{"msg":"succ","code":"200","data":null}'  # a text here, a number on create
USDM_STREAM = f"private/ws?listenKey={KEY}&events={USDM_EVENTS}"

TRANSCRIPTS = [
    Said(
        venues.BINANCE_SPOT_CLASSIC,
        "https://api.binance.com",
        MBX,
        *SPOT,
        TELLS,
        "{}",
        GONE,
        f"wss://stream.binance.com:9443/ws/{KEY}",
    ),
    Said(
        venues.BINANCE_US,
        "https://api.binance.us",
        MBX,
        *SPOT,
        TELLS,
        "{}",
        GONE,
        f"wss://stream.binance.us:9443/ws/{KEY}",
    ),
    Said(
        venues.BINANCE_USDM,
        "https://fapi.binance.com",
        MBX,
        *FAPI,
        TELLS,
        TELLS,
        GONE,
        f"wss://fstream.binance.com/{USDM_STREAM}",
    ),
    Said(
        venues.BINANCE_USDM_TESTNET,
        "https://demo-fapi.binance.com",
        MBX,
        *FAPI,
        TELLS,
        TELLS,
        GONE,
        f"wss://fstream.binancefuture.com/{USDM_STREAM}",
    ),
    Said(
        venues.BINANCE_COINM,
        "https://dapi.binance.com",
        MBX,
        *DAPI,
        TELLS,
        TELLS,
        GONE,
        f"wss://dstream.binance.com/ws/{KEY}",
    ),
    Said(
        venues.BINANCE_COINM_TESTNET,
        "https://testnet.binancefuture.com",
        MBX,
        *DAPI,
        TELLS,
        "{}",
        GONE,
        f"wss://dstream.binancefuture.com/ws/{KEY}",
    ),
    Said(
        venues.BINANCE_OPTIONS,
        "https://eapi.binance.com",
        MBX,
        *EAPI,
        OPTION_KEY,
        "{}",
        GONE,
        f"wss://fstream.binance.com/private/ws/{KEY}",
    ),
    Said(
        venues.BINANCE_OPTIONS_TESTNET,
        "https://testnet.binancefuture.com",
        MBX,
        *EAPI,
        OPTION_KEY,
        "{}",
        GONE,
        f"wss://fstream.binancefuture.com/private/ws/{KEY}",
    ),
    Said(
        venues.BINANCE_PORTFOLIO_MARGIN,
        "https://papi.binance.com",
        MBX,
        *plain("/papi/v1/listenKey", named=False),
        TELLS,
        "{}",
        GONE,
        f"wss://fstream.binance.com/pm/ws/{KEY}",
    ),
    Said(
        venues.BINANCE_PM_PRO,
        "https://fapi.binance.com",
        MBX,
        *FAPI,
        TELLS,
        TELLS,
        GONE,
        f"wss://fstream.binance.com/pm-classic/ws/{KEY}",
    ),
    Said(
        venues.BINANCE_MARGIN_RISK,
        "https://api.binance.com",
        MBX,
        ("POST", "/sapi/v2/margin/listen-key", ""),
        ("PUT", "/sapi/v2/margin/listen-key", NAMED),
        ("DELETE", "/sapi/v2/margin/listen-key", ""),
        TELLS,
        "",
        (400, '{"code":-3038,"msg":"Listen key not found."}'),
        f"wss://margin-stream.binance.com/ws/{KEY}",
    ),
    Said(
        venues.BINANCE_MARGIN,
        "https://api.binance.com",
        MBX,
        TOKEN_CALL,
        TOKEN_CALL,
        None,
        f'{{"token":"{TOKEN}","expirationTime":1758792204196}}',
        f'{{"token":"{TOKEN}","expirationTime":1758792204196}}',
        GONE,
        "wss://ws-api.binance.com:443/ws-api/v3?returnRateLimits=false",
    ),
    Said(
        venues.BINANCE_STOCKS,
        "https://api.binance.com",
        MBX,
        EQUITY,
        EQUITY,
        None,
        TELLS,
        TELLS,
        GONE,
        f"wss://nbstream.binance.com/equity/ws/{KEY}@orderReport",
    ),
    Said(
        venues.BINANCE_TH,
        "https://api.binance.th",
        MBX,
        ("POST", "/api/v1/listenKey", ""),
        ("PUT", TH_GLOBAL, ""),
        ("DELETE", TH_GLOBAL, ""),
        TH_KEYS,
        "{}",
        GONE,
        f"wss://nbstream.binance.th/w3w/wsa/stream/ws/{KEY[:60]}",
    ),
    Said(
        venues.BINANCE_TH_SITE,
        "https://api.binance.th",
        MBX,
        ("POST", "/api/v1/listenKey", ""),
        ("POST", "/api/v1/listenKey", ""),
        None,
        TH_KEYS,
        TH_KEYS,
        GONE,
        f"wss://nbstream.binance.th/w3w/wsa/stream/ws/{KEY}",
    ),
    Said(
        venues.ASTER_FUTURES,
        "https://fapi.asterdex.com",
        MBX,
        *FAPI,
        TELLS,
        "{}",
        GONE,
        f"wss://fstream.asterdex.com/ws/{KEY}",
    ),
    Said(
        venues.ASTER_SPOT,
        "https://sapi.asterdex.com",
        MBX,
        *plain("/api/v1/listenKey"),
        TELLS,
        "{}",
        GONE,
        f"wss://sstream.asterdex.com/ws/{KEY}",
    ),
    Said(
        venues.ASTER_FUTURES_V3,
        "https://fapi.asterdex.com",
        "",
        ("POST", "/fapi/v3/listenKey", V3_FORM),
        ("PUT", "/fapi/v3/listenKey", V3_FORM),
        ("DELETE", "/fapi/v3/listenKey", V3_FORM),
        TELLS,
        "{}",
        GONE,
        f"wss://fstream.asterdex.com/ws/{KEY}",
    ),
    Said(
        venues.ASTER_SPOT_V3,
        "https://sapi.asterdex.com",
        "",
        ("POST", "/api/v3/listenKey", V3_FORM),
        ("PUT", "/api/v3/listenKey", V3_NAMED),
        ("DELETE", "/api/v3/listenKey", V3_NAMED),
        TELLS,
        "{}",
        GONE,
        f"wss://sstream.asterdex.com/ws/{KEY}",
    ),
    Said(
        venues.BINGX,
        "https://open-api.bingx.com",
        "X-BX-APIKEY",
        *BINGX,
        TELLS,
        '{"code":0}',
        (404, ""),
        f"wss://open-api-swap.bingx.com/swap-market?listenKey={KEY}",
    ),
    Said(
        venues.BINGX_SPOT,
        "https://open-api.bingx.com",
        "X-BX-APIKEY",
        *BINGX,
        f'{{"code":0,"data":{TELLS}}}',
        "",
        (404, "404 page not found"),
        f"wss://open-api-ws.bingx.com/market?listenKey={KEY}",
    ),
    Said(
        venues.BINGX_COINM,
        "https://open-api.bingx.com",
        "X-BX-APIKEY",
        *BINGX,
        TELLS,
        '{"code":0}',
        (404, "{}"),
        f"wss://open-api-cswap-ws.bingx.com/market?listenKey={KEY}",
    ),
    Said(
        venues.MEXC,
        "https://api.mexc.com",
        "X-MEXC-APIKEY",
        *MEXC,
        TELLS,
        TELLS,
        (400, '{"code":730708,"msg":"listen key information error"}'),
        f"wss://wbs-api.mexc.com/ws?listenKey={KEY}",
    ),
    Said(
        venues.TOOBIT,
        "https://api.toobit.com",
        "X-BB-APIKEY",
        *USER_STREAM,
        TELLS,
        "{}",
        GONE,
        f"wss://stream.toobit.com/api/v1/ws/{KEY}",
    ),
    Said(
        venues.HASHKEY,
        "https://api-glb.hashkey.com",
        "X-HK-APIKEY",
        *USER_STREAM,
        f'{{"listenkey":"{KEY}"}}',
        "{}",
        GONE,
        f"wss://stream-glb.hashkey.com/api/v1/ws/{KEY}",
    ),
    Said(
        venues.BITRUE,
        "https://open.bitrue.com",
        MBX,
        ("POST", "/poseidon/api/v1/listenKey", ""),
        ("PUT", f"/poseidon/api/v1/listenKey/{KEY}", ""),
        ("DELETE", f"/poseidon/api/v1/listenKey/{KEY}", ""),
        f'{{"msg":"succ","code":200,"data":{TELLS}}}',
        BITRUE_KEPT,
        (200, '{"code":-1150,"msg":"listenKey does not exist"}'),
        f"wss://wsapi.bitrue.com/stream?listenKey={KEY}",
    ),
    Said(
        venues.COINS_PH,
        "https://api.pro.coins.ph",
        "X-COINS-APIKEY",
        *plain("/openapi/v1/userDataStream"),
        TELLS,
        "{}",
        GONE,
        f"wss://wsapi.pro.coins.ph/openapi/ws/{KEY}",
    ),
    Said(
        venues.GMO_COIN,
        "https://api.coin.z.com",
        "API-KEY",
        ("POST", "/private/v1/ws-auth", ""),
        ("PUT", "/private/v1/ws-auth", f'{{"token":"{KEY}"}}'),
        ("DELETE", "/private/v1/ws-auth", f'{{"token":"{KEY}"}}'),
        f'{{"status":0,"data":"{KEY}","responsetime":"2019-03-19T02:15:06.102Z"}}',
        '{"status":0,"responsetime":"2019-03-19T02:15:06.102Z"}',
        (200, '{"status":5,"messages":[{"message_code":"ERR-5106","message_string":"Invalid request parameter."}]}'),
        f"wss://api.coin.z.com/ws/private/v1/{KEY}",
    ),
    Said(
        venues.ASTER_PREDICTION_V3,
        "https://papi.asterdex.com",
        "",
        ("POST", "/api/v3/listenKey", V3_FORM),
        ("PUT", "/api/v3/listenKey", V3_NAMED),
        ("DELETE", "/api/v3/listenKey", V3_NAMED),
        TELLS,
        "{}",
        GONE,
        f"wss://pstream.asterdex.com/ws/{KEY}",
    ),
    Said(
        venues.BITRUE_FUTURES,
        "https://fapiws-auth.bitrue.com",
        "X-CH-APIKEY",
        ("POST", BITRUE_PATH, ""),
        ("PUT", f"{BITRUE_PATH}/{KEY}", ""),
        ("DELETE", f"{BITRUE_PATH}/{KEY}", ""),
        f'{{"msg":"succ","code":200,"data":{TELLS}}}',
        '{"msg":"succ","code":200}',
        (200, '{"code":-1150,"msg":"This listenKey does not exist."}'),
        f"wss://fapiws.bitrue.com/stream?streams={KEY}",
    ),
    Said(
        venues.GMO_COIN_FX,
        "https://forex-api.coin.z.com",
        "API-KEY",
        ("POST", "/private/v1/ws-auth", ""),
        ("PUT", "/private/v1/ws-auth", f'{{"token":"{KEY}"}}'),
        ("DELETE", "/private/v1/ws-auth", f'{{"token":"{KEY}"}}'),
        f'{{"status":0,"data":"{KEY}","responsetime":"2019-03-19T02:15:06.102Z"}}',
        GMO_KEPT,
        GMO_GONE,
        f"wss://forex-api.coin.z.com/ws/private/v1/{KEY}",
    ),
    Said(
        venues.HASHKEY_HK,
        "https://api-pro.hashkey.com",
        "X-HK-APIKEY",
        *USER_STREAM,
        f'{{"listenkey":"{KEY}"}}',
        "{}",
        GONE,
        f"wss://stream-pro.hashkey.com/api/v1/ws/{KEY}",
    ),
    Said(
        venues.TOOBIT_USDTM,
        "https://api.toobit.com",
        "X-BB-APIKEY",
        *LISTEN_KEY,
        TELLS,
        "{}",
        GONE,
        f"wss://stream.toobit.com/api/v1/ws/{KEY}",
    ),
    Said(
        venues.TOKOCRYPTO,
        "https://www.tokocrypto.com",
        MBX,
        ("POST", CLOUD_CALL, ""),
        ("POST", CLOUD_CALL, ""),
        None,
        f'{{"code":0,{CLOUD_TOKEN}}}',
        f'{{"code":0,{CLOUD_TOKEN}}}',
        GONE,
        "wss://ws-api.tokocrypto.site:443/ws-api/v3",
    ),
    Said(
        venues.BINANCE_TR,
        "https://www.binance.tr",
        MBX,
        ("POST", CLOUD_CALL, ""),
        ("POST", CLOUD_CALL, ""),
        None,
        f'{{"code":0,"msg":"Success",{CLOUD_TOKEN},"timestamp":1787775149371}}',
        f'{{"code":0,"msg":"Success",{CLOUD_TOKEN},"timestamp":1787775149371}}',
        GONE,
        "wss://ws-api.binance.tr:443/ws-api/v3",
    ),
]
KEYS: dict[Venue, str] = {
    venues.BINANCE_TH: KEY[:60],
    venues.BINANCE_MARGIN: TOKEN,
    venues.TOKOCRYPTO: TOKEN,
    venues.BINANCE_TR: TOKEN,
}

every_venue = pytest.mark.parametrize("said", TRANSCRIPTS, ids=lambda said: said.venue.name)


def asked(said: Said, verb: Verb) -> tuple[str, str, str]:
    venue, credentials = said.venue, CREDENTIALS
    if venue.signing is not None and venue.signing.by == "signer":
        venue, credentials = venue.with_parameters(signer="0x21"), WALLET
    key = None if verb == "create" else KEYS.get(said.venue, KEY)
    request = build_request(venue, credentials, verb, key, timestamp_ms=TIME)
    headers = dict(request.headers)
    assert request.url.startswith(said.host + "/")
    assert headers.get(said.header, "") == (credentials.api_key if said.header else "")
    assert ("Content-Type" in headers) == bool(request.body or said.venue.headers)
    return request.method, request.url.removeprefix(said.host), request.body.decode()


def heard(said: Said, verb: Verb, status: int, body: str) -> tuple[Event, str | None]:
    outcome = read_answer(said.venue, verb, Response(status, (), body.encode()), epoch=TIME / 1000, hide=())
    return outcome.event, outcome.key if isinstance(outcome, Ok) else None


def test_every_venue_has_a_transcript() -> None:
    """A new venue needs its literal requests and answers in this file."""
    assert {said.venue for said in TRANSCRIPTS} == set(venues.known())


@every_venue
def test_what_is_sent_is_what_the_documents_say(said: Said) -> None:
    """Method, host, path, query, body, and the header of the API key, of each call."""
    assert asked(said, "create") == said.create
    assert asked(said, "keepalive") == said.keepalive
    assert (said.venue.call("close") is None) == (said.close is None)
    if said.close is not None:
        assert asked(said, "close") == said.close


@every_venue
def test_what_comes_back_is_understood(said: Said) -> None:
    """The key of a create, a keepalive's success, and a key that is gone, as the documents have them."""
    key = KEYS.get(said.venue, KEY)
    assert heard(said, "create", 200, said.created) == (Event.OK, key)
    assert heard(said, "keepalive", 200, said.kept)[0] is Event.OK
    assert heard(said, "keepalive", *said.gone) == (Event.GONE, None)
    if said.close is not None:
        assert heard(said, "close", 200, said.kept)[0] is Event.OK
        assert heard(said, "close", *said.gone)[0] is Event.GONE


@every_venue
def test_the_stream_is_where_the_documents_say(said: Said) -> None:
    """The URL of the private stream, to the letter."""
    assert said.venue.stream_url_for(KEYS.get(said.venue, KEY)) == said.stream


@every_venue
def test_every_venue_says_where_it_is_from(said: Said) -> None:
    """Each names its sources, with a year, and has a link to the exchange's own page of its events."""
    assert "20" in said.venue.source
    assert re.fullmatch(r"https://[a-z0-9.-]+(/[!-~]*)?", said.venue.events_url)


def test_the_signature_is_that_of_the_published_example() -> None:
    """Binance's own example of HMAC (rest-api.md, "Example 1"), parameters in their order."""
    params = (
        "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559"
    )
    assert signed(params).endswith("=c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71")
    request = build_request(venues.MEXC, CREDENTIALS, "create", None, timestamp_ms=TIME)
    assert request.url.partition("?")[2] == signed("timestamp=1499827319559")


def test_gmo_signs_time_method_and_path() -> None:
    """What GMO signs has no body in it, and goes into headers (pybotters)."""
    request = build_request(venues.GMO_COIN, CREDENTIALS, "keepalive", KEY, timestamp_ms=TIME)
    payload = b"1499827319559PUT/v1/ws-auth"
    signature = hmac.new(SECRET.encode(), payload, hashlib.sha256).hexdigest()
    headers = dict(request.headers)
    assert (headers["API-TIMESTAMP"], headers["API-SIGN"]) == (str(TIME), signature)
    assert headers["Content-Type"] == "application/json"


def test_bitrue_s_futures_sign_the_key_that_is_in_the_path() -> None:
    """Time, method, path and body, in headers; and the signature of the published example is reproduced."""
    request = build_request(venues.BITRUE_FUTURES, CREDENTIALS, "keepalive", KEY, timestamp_ms=TIME)
    payload = f"{TIME}PUT{BITRUE_PATH}/{KEY}".encode()
    headers = dict(request.headers)
    assert headers["X-CH-TS"] == str(TIME)
    assert headers["X-CH-SIGN"] == hmac.new(SECRET.encode(), payload, hashlib.sha256).hexdigest()
    assert venues.BITRUE_FUTURES.signing is not None
    body = '{"symbol":"BTCUSDT","price":"9300","volume":"1","side":"BUY","type":"LIMIT"}'
    filled = venues.BITRUE_FUTURES.signing.payload.format(
        timestamp="1588591856950", method="POST", path="/sapi/v1/order/test", body=body
    )
    example = Credentials("vmPUZE6mv9SD5V5e14y7Ju91duEh8A", "902ae3cb34ecee2779aa4d3e1d226686")
    assert sign(venues.BITRUE_FUTURES, example, filled) == (
        "c50d0a74bb9427a9a03933d0eded03af9bf50115dc5b706882a4fcf07a26b761"
    )
