"""How a key lives where the exchange is of another kind: several keys, no keepalive, no close, a clock that matters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from life import GONE, NO_ANSWER, OK, REFUSED, Life, alive, held
from meaning import error_of, expect

from trio_listenkey import CredentialsError, RefusedError, Timing, UsageError, venues
from trio_listenkey._core._accounts import Host
from trio_listenkey._core._key_states import Event
from trio_listenkey._core._notices import Closed
from trio_listenkey._core._outcomes import Ok, Outcome, Refused
from trio_listenkey._http import Response
from trio_listenkey._protocol._responses import read_answer
from trio_listenkey._venue._venue import Venue, Verb

NEW, UNKNOWN = venues.MEXC, venues.BINGX
EPOCH = 1_700_000_000.0  # 2023-11-14T22:13:20Z
SLOW = Refused(RefusedError("your clock is slow", advice="Set it", code=-1021), clock=30.0, doubtful=True)


def read(venue: Venue, verb: Verb, status: int, body: str, *headers: tuple[str, str]) -> Outcome:
    return read_answer(venue, verb, Response(status, headers, body.encode()), epoch=EPOCH, hide=())


class TestNewKeys:
    def test_each_context_closes_its_own(self) -> None:
        """Where a second create makes a second key, two contexts have nothing in common but the host."""
        host = Host()
        one = held(NEW, account=host.register("/path", "A", "new"), key="K1")
        other = held(NEW, account=host.register("/path", "A", "new"), key="K2")
        assert one.stops(10.0) == "LEAVING"
        one.sends(10.0, "close", "K1")
        assert one.gets(OK, 10.0) == "CLOSED"
        one.leaves()
        other.stops(20.0)
        other.sends(20.0, "close", "K2")
        assert other.gets(OK, 20.0) == "CLOSED"
        other.leaves()
        assert (host.accounts, host.accounts_by_key) == ({}, {})

    def test_the_same_key_is_shared_all_the_same(self) -> None:
        """Should two creates return one key, the last to leave closes it (L5)."""
        host = Host()
        one = held(NEW, account=host.register("/path", "A", "new"))
        other = held(NEW, account=host.register("/path", "A", "new"))
        assert one.stops(10.0) == "CLOSED"
        one.leaves()
        assert other.stops(10.0) == "LEAVING"

    @pytest.mark.parametrize("venue", [NEW, UNKNOWN], ids=lambda venue: venue.name)
    def test_a_superseded_key_is_closed_too(self, venue: Venue) -> None:
        """A key that was replaced without being known dead is closed on the way out, after the current one (L1)."""
        account = Host().register("/path", "A", venue.sharing.second_create)
        life = held(venue, account=account)
        assert life.tick(3600.0) == "VACANT"
        life.sends(3600.0, "create", "K1")
        life.gets(alive("K2"), 3600.0)
        life.stops(3700.0)
        life.sends(3700.0, "close", "K2")
        assert life.gets(OK, 3700.0) == "LEAVING"
        life.sends(3700.0, "close", "K1")
        assert life.gets(GONE, 3700.0) == "CLOSED"
        assert life.machine.closed is True

    def test_a_dead_key_is_not_closed(self) -> None:
        """A key that the exchange has called dead needs no close."""
        life = held(NEW, account=Host().register("/path", "A", "new"))
        life.sends(1800.0, "keepalive", "K1")
        life.gets(GONE, 1800.0)
        life.sends(1800.0, "create", "K1")
        life.gets(alive("K2"), 1800.0)
        life.stops(1900.0)
        life.sends(1900.0, "close", "K2")
        assert life.gets(OK, 1900.0) == "CLOSED"

    def test_a_key_that_others_hold_is_not_closed(self) -> None:
        """A superseded key that another context has come to hold is left to it."""
        host = Host()
        account = host.register("/path", "A", "new")
        account.learn("K1")
        account.learn("K2")
        host.register("/path", "A", "new").learn("K1")
        account.forget("K2")
        assert account.to_close() is None

    def test_a_key_that_came_back_is_one(self) -> None:
        """A key that is seen alive again is the current one, and not superseded, too."""
        account = Host().register("/path", "A", "new")
        for key in ("K1", "K2", "K1"):
            account.learn(key)
        account.forget("K1")
        assert account.to_close() == "K2"

    def test_a_key_that_nobody_was_told_is_reported(self) -> None:
        """A lost answer to a create may have left a key that no further create would tell: it is owned up to."""
        life = Life(NEW, account=Host().register("/path", "A", "new"))
        life.sends(0.0, "create", None)
        life.gets(NO_ANSWER, 1.0)
        life.sends(2.0, "create", None)
        life.gets(alive("K2"), 2.0)
        life.stops(10.0)
        life.sends(10.0, "close", "K2")
        assert life.gets(OK, 10.0) == "CLOSED"
        assert life.machine.closed is False
        assert "lost" in str(life.told(Closed).error)

    def test_a_lost_answer_is_not_asked_for(self) -> None:
        """On the way out, one create more would only make one key more."""
        life = Life(NEW, account=Host().register("/path", "A", "new"))
        life.sends(0.0, "create", None)
        life.machine.stop(0.5)
        assert life.gets(NO_ANSWER, 1.0) == "CLOSED"
        assert life.machine.closed is False

    def test_of_the_unknown_the_last_closes_all(self) -> None:
        """Where nobody knows what a second create does, contexts share, and the last closes what was seen."""
        host = Host()
        one = held(UNKNOWN, account=host.register("/path", "A", "unknown"), key="K1")
        other = held(UNKNOWN, account=host.register("/path", "A", "unknown"), key="K2")
        assert one.stops(10.0) == "CLOSED"
        one.leaves()
        other.stops(10.0)
        other.sends(10.0, "close", "K2")
        assert other.gets(OK, 10.0) == "LEAVING"
        other.sends(10.0, "close", "K1")
        assert other.gets(OK, 10.0) == "CLOSED"

    def test_where_a_create_ends_the_first_there_is_one(self) -> None:
        """A second context would end the first one's key: it is refused before anything is sent."""
        host = Host()
        account = host.register("/path", "A", "replaces")
        with pytest.raises(UsageError, match="ends an account's key"):
            host.register("/path", "A", "replaces")
        assert account.holders == 1
        account.release()
        host.register("/path", "A", "replaces")


class TestFewerCalls:
    def test_a_create_keeps_alive(self) -> None:
        """Without a keepalive, its answer has to have a key, and another one is a new generation."""
        stocks = venues.BINANCE_STOCKS
        assert expect(Ok, read(stocks, "keepalive", 200, '{"listenKey":"K2"}')).key == "K2"
        assert expect(Refused, read(stocks, "keepalive", 200, "{}")).doubtful
        life = held(stocks)
        life.sends(1800.0, "keepalive", "K1")
        life.gets(alive("K2"), 1800.0)
        assert life.kinds == ["created", "replaced"]

    def test_without_a_close_a_key_expires(self) -> None:
        """Where there is no close, nothing is sent, and nothing is reported as left behind."""
        life = held(venues.BINANCE_STOCKS)
        assert life.stops(10.0) == "CLOSED"
        assert life.machine.closed is None

    def test_without_a_close_nobody_asks_again(self) -> None:
        """A lost answer on the way out is let go."""
        life = Life(venues.BINANCE_TH_SITE)
        life.sends(0.0, "create", None)
        life.machine.stop(0.5)
        assert life.gets(NO_ANSWER, 1.0) == "CLOSED"


class TestExpiry:
    DATE = ("Date", "Tue, 14 Nov 2023 22:13:20 GMT")

    def test_the_exchange_may_say_when(self) -> None:
        """Its word counts by its own clock, a second on the safe side; a keepalive comes after half of it."""
        body = f'{{"listenKey":"K1","expiration":{(1_700_000_000 + 601) * 1000}}}'
        outcome = read(venues.BINANCE_OPTIONS, "create", 200, body, self.DATE)
        assert expect(Ok, outcome).lives == 600.0
        life = Life(venues.BINANCE_OPTIONS)
        life.sends(0.0, "create", None)
        life.gets(outcome, 1.0)
        assert (life.machine.expires_at, life.machine.next_request_at) == (600.0, 300.0)

    @pytest.mark.parametrize("told", ["1699999999000", '"soon"', "true", "-1", "1700000001000", "null"])
    def test_nonsense_is_not_believed(self, told: str) -> None:
        """A time that is past, or none, leaves what the documents say."""
        body = f'{{"listenKey":"K1","expiration":{told}}}'
        assert expect(Ok, read(venues.BINANCE_OPTIONS, "create", 200, body, self.DATE)).lives is None

    def test_without_the_exchanges_clock_it_means_nothing(self) -> None:
        """Our own clock may be wrong: without a ``Date`` the documents' word counts."""
        body = '{"listenKey":"K1","expiration":1700000601000}'
        assert expect(Ok, read(venues.BINANCE_OPTIONS, "create", 200, body)).lives is None

    def test_seconds_are_seconds(self) -> None:
        """The unit is the venue's."""
        venue = Venue(
            name="deep",
            rest_url="https://api.example",
            stream_url="wss://ws.example",
            path="/acquire",
            stream_path="/{key}",
            answer=venues.Answer(key="data.key", expiry="data.ends", expiry_unit="s"),
        )
        body = '{"data":{"key":"K1","ends":1700000101}}'
        assert expect(Ok, read(venue, "create", 200, body, self.DATE)).lives == 100.0


class TestClock:
    AHEAD = '{"code":-1021,"msg":"Timestamp for this request is outside of the recvWindow."}'

    @pytest.mark.parametrize(
        ("venue", "body"),
        [
            (venues.TOOBIT, AHEAD),
            (venues.MEXC, '{"code":700003,"msg":"Timestamp for this request is outside of the recvWindow."}'),
            (venues.GMO_COIN, '{"status":5,"messages":[{"message_code":"ERR-5008","message_string":"late"}]}'),
        ],
        ids=lambda value: getattr(value, "name", ""),
    )
    def test_the_date_tells_how_far(self, venue: Venue, body: str) -> None:
        """The exchange's ``Date`` tells what its clock is ahead, and the error says so."""
        outcome = read(venue, "create", 400, body, ("Date", "Tue, 14 Nov 2023 22:13:50 GMT"))
        assert expect(Refused, outcome).clock == 30.0
        assert "clock is 30 s slow" in str(error_of(outcome))

    def test_the_body_tells_it_better(self) -> None:
        """A time in the answer is to the millisecond."""
        body = '{"code":-1021,"msg":"?","serverTime":1699999990500}'
        outcome = read(venues.TOOBIT, "create", 400, body, ("Date", "Tue, 14 Nov 2023 22:13:50 GMT"))
        assert expect(Refused, outcome).clock == -9.5
        assert "fast" in str(error_of(outcome))

    @pytest.mark.parametrize(
        "headers",
        [(), (("Date", "Wed, 15 Nov 2023 22:13:20 GMT"),), (("Date", "today"),)],
        ids=["untold", "a day off", "no date"],
    )
    def test_there_are_bounds(self, headers: tuple[tuple[str, str], ...]) -> None:
        """Untold or absurdly far, there is nothing to set: it is an ordinary error about the clock."""
        outcome = read(venues.TOOBIT, "create", 400, self.AHEAD, *headers)
        assert expect(Refused, outcome).clock is None
        assert "NTP" in str(error_of(outcome))

    def test_where_clocks_agree_it_is_tried_by_ours(self) -> None:
        """The request was slow, or our clock has been set since: what was known of the exchange's is forgotten."""
        outcome = read(venues.TOOBIT, "create", 400, self.AHEAD, ("Date", "Tue, 14 Nov 2023 22:13:20 GMT"))
        assert expect(Refused, outcome).clock == 0.0
        assert "clock is" not in str(error_of(outcome))
        life = Life(venues.TOOBIT)
        life.account.host.clock = 30.0
        life.sends(0.0, "create", None)
        life.gets(outcome, 1.0)
        assert life.account.host.clock == 0.0
        life.sends(1.0, "create", None)

    def test_one_try_more_at_once(self) -> None:
        """The host's clock is taken over for all of its keys, and the call is tried again at once."""
        life = Life(venues.TOOBIT)
        life.sends(0.0, "create", None)
        assert life.gets(SLOW, 1.0, draw=0.9) == "VACANT"
        assert life.account.host.clock == 30.0
        life.sends(1.0, "create", None)
        assert life.gets(alive("K1"), 1.0) == "HELD"

    def test_and_no_more_than_one(self) -> None:
        """Refused for the clock again, it is an error; a success in between allows another try."""
        life = Life(venues.TOOBIT)
        life.sends(0.0, "create", None)
        life.gets(SLOW, 1.0)
        life.sends(1.0, "create", None)
        assert life.gets(SLOW, 2.0) == "FAILED"
        assert "clock" in str(life.failure)
        other = held(venues.TOOBIT)
        for now in (1800.0, 3600.0):
            other.sends(now, "keepalive", "K1")
            other.gets(SLOW, now)
            other.sends(now, "keepalive", "K1")
            assert other.gets(OK, now) == "HELD"

    def test_a_close_may_be_tried_again_too(self) -> None:
        """On the way out the clock is minded in the same way."""
        life = held(venues.TOOBIT)
        life.stops(10.0)
        life.sends(10.0, "close", "K1")
        assert life.gets(SLOW, 10.0) == "LEAVING"
        life.sends(10.0, "close", "K1")
        assert life.gets(REFUSED, 10.0) == "CLOSED"


class TestReading:
    @pytest.mark.parametrize("verb", ["create", "keepalive", "close"])
    def test_a_204_of_bingx_is_no_success(self, verb: Verb) -> None:
        """BingX says 204 when it was sent no parameters: that is a failure, and worth another try."""
        assert read(venues.BINGX, verb, 204, "").event is Event.TRANSIENT

    @pytest.mark.parametrize("body", ['{"data":{"listenKey":"K1"}}', '{"code":"no","data":{"listenKey":"K1"}}'])
    def test_success_has_to_be_said(self, body: str) -> None:
        """Where the body has to say that it went well, silence is no success."""
        assert read(venues.BITRUE, "create", 200, body).event is Event.TRANSIENT

    def test_an_empty_answer_may_confirm_a_close(self) -> None:
        """Nothing to read is nothing to doubt; a page of HTML is."""
        assert read(venues.BITRUE, "close", 200, "").event is Event.OK
        assert read(venues.BITRUE, "close", 200, "<html>").event is Event.TRANSIENT

    def test_a_worded_code_is_told_in_the_error(self) -> None:
        """Codes may be words; the advice speaks of the signature where there is one."""
        body = '{"status":5,"messages":[{"message_code":"ERR-5012","message_string":"Invalid API-KEY."}]}'
        error = error_of(read(venues.GMO_COIN, "create", 401, body))
        assert isinstance(error, CredentialsError)
        assert (error.code, error.message) == ("ERR-5012", "Invalid API-KEY.")
        assert "secret" in error.advice

    def test_an_hour_of_creates_is_over(self) -> None:
        """Coins.ph counts creates by the hour, and asks for silence by a code of its own."""
        assert read(venues.COINS_PH, "create", 400, '{"code":-1026,"msg":"?"}').event is Event.WAIT
        assert read(venues.COINS_PH, "create", 400, '{"code":-1126,"msg":"?"}').event is Event.TRANSIENT

    @pytest.mark.parametrize("body", ["[]", '[{"type":"SITE","listenKey":"K1"}]', '[["type"]]', '"GLOBAL"', "{}"])
    def test_a_list_without_ones_key_has_none(self, body: str) -> None:
        """Of Binance TH's two keys, the other one does not do."""
        assert read(venues.BINANCE_TH, "create", 200, body).event is Event.REFUSED

    def test_a_place_may_be_a_number(self) -> None:
        """The first in a list, where it has one."""
        body = '{"status":5,"messages":[]}'
        assert read(venues.GMO_COIN, "create", 200, body).event is Event.TRANSIENT

    @pytest.mark.parametrize("verb", ["create", "keepalive", "close"])
    def test_a_missing_endpoint_is_named(self, verb: Verb) -> None:
        """The advice names the path of the call, also where that is one of its own."""
        error = error_of(read(venues.BITRUE, verb, 405, ""))
        assert "https://open.bitrue.com/poseidon/api/v1/listenKey" in error.advice


FIRST_FIVE: dict[str, Any] = {
    "name": "mine",
    "rest_url": "https://api.example",
    "stream_url": "wss://ws.example",
    "path": "/key",
    "stream_path": "/{key}",
}


class TestDescriptions:
    def test_parameters_go_with_every_call(self) -> None:
        """``with_parameters`` adds to what is sent, and nothing where there is no call."""
        venue = venues.BINANCE_STOCKS.with_parameters(recvWindow="5000")
        assert venue.create.extra == (("recvWindow", "5000"),)
        assert (venue.keepalive, venue.close) == (None, None)
        assert venues.TOOBIT.with_parameters(category="USDC").call("close") == venues.Call(
            "DELETE", extra=(("category", "USDC"),)
        )

    @pytest.mark.parametrize(
        ("wrong", "word"),
        [
            (lambda: venues.Call("PATCH"), "Call.method"),
            (lambda: venues.Sharing(second_create="perhaps"), "second_create"),  # type: ignore[arg-type]
            (lambda: Venue(**FIRST_FIVE, key_in="path"), "keepalive.path"),
            (lambda: Venue(**FIRST_FIVE, close=venues.Call("DELETE", "elsewhere")), "close.path"),
        ],
    )
    def test_what_does_not_fit_is_told(self, wrong: Callable[[], object], word: str) -> None:
        """A description that cannot be meant is an error that names the part."""
        with pytest.raises(UsageError, match=word):
            wrong()

    def test_a_pace_may_be_overridden(self) -> None:
        """What holds for a venue holds unless the user says otherwise."""
        life = held(venues.BINANCE_OPTIONS, timing=Timing(validity=100))
        assert life.machine.expires_at == 100.0
