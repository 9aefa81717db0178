"""The pytest plugin, as its users meet it: tests that run pytest, and read what it says."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points

import pytest

pytest_plugins = ["pytester"]

INSTALLED = any(each.name == "trio_listenkey" for each in entry_points(group="pytest11"))
PLUGIN = "trio_listenkey.testing.pytest_plugin"


def run(pytester: pytest.Pytester, code: str, *arguments: str) -> pytest.RunResult:
    """Run pytest on a file with this code, as in a project that uses trio throughout and takes no warnings."""
    pytester.makepyprojecttoml(
        """
        [tool.pytest.ini_options]
        trio_mode = true
        filterwarnings = ["error"]
        addopts = ["--strict-markers", "--strict-config"]
        """
    )
    pytester.makepyfile(code)
    # Where it is installed, pytest finds it by itself; in a checkout it does not.
    found = () if INSTALLED else ("-p", PLUGIN)
    # What is served imports libraries with parts in C, in a process of its own: in this one they would be dropped
    # afterwards and imported again by others, and one half of them would not know the other.
    run_it = pytester.runpytest_subprocess if "served" in code else pytester.runpytest
    return run_it("-p", "no:cacheprovider", *found, *arguments)


def test_a_key_in_memory_and_virtual_time(pytester: pytest.Pytester) -> None:
    """The fixtures are all that a test of a whole day needs."""
    result = run(
        pytester,
        """
        import trio
        from trio_listenkey import open_listen_key

        async def test_a_day(
            autojump_clock, listen_key_exchange, listen_key_transport, listen_key_venue, listen_key_credentials
        ):
            async with open_listen_key(listen_key_venue, listen_key_credentials, transport=listen_key_transport):
                await trio.sleep(86400)
            assert listen_key_exchange.seconds_without_key("test", trio.current_time()) == 0
            assert listen_key_exchange.open_keys(trio.current_time()) == ()
        """,
    )
    result.assert_outcomes(passed=1)


def test_a_stream_in_memory(pytester: pytest.Pytester) -> None:
    """The connector's sockets end at the same exchange."""
    result = run(
        pytester,
        """
        import trio
        from trio_listenkey import open_user_stream

        async def test_it(
            autojump_clock, listen_key_exchange, listen_key_transport, listen_key_connector, listen_key_venue,
            listen_key_credentials
        ):
            async with open_user_stream(
                listen_key_venue, listen_key_credentials, transport=listen_key_transport, connector=listen_key_connector
            ) as stream:
                assert (await stream.receive()).cause == "opened"
                listen_key_exchange.emit("test", trio.current_time())
                assert (await stream.receive()).type == "ORDER_TRADE_UPDATE"
        """,
    )
    result.assert_outcomes(passed=1)


def test_a_served_exchange(pytester: pytest.Pytester) -> None:
    """It is on a loopback port for as long as the test lasts, as the mark says, and the same as in memory."""
    result = run(
        pytester,
        """
        import pytest
        import trio
        from trio_listenkey import open_listen_key
        from trio_listenkey.transports import HTTPCore2Transport

        @pytest.mark.listen_key_exchange(tls=True, time_scale=1000, validity=500)
        async def test_it(served_listen_key_exchange, listen_key_exchange, listen_key_venue, listen_key_credentials):
            served = served_listen_key_exchange
            assert served.exchange is listen_key_exchange
            assert served.rest_url.startswith("https://127.0.0.1:")
            transport = HTTPCore2Transport(ssl_context=served.ssl_context())
            venue = served.venue_at(listen_key_venue)
            async with open_listen_key(venue, listen_key_credentials, transport=transport):
                assert len(served.exchange.open_keys(served.now())) == 1
                await trio.sleep(0.6)
                assert served.exchange.open_keys(served.now()) == ()
            await transport.aclose()
        """,
    )
    result.assert_outcomes(passed=1)


def test_faults_by_mark(pytester: pytest.Pytester) -> None:
    """In their short form, as JSON or as objects, on a test and on what is around it."""
    result = run(
        pytester,
        """
        import pytest
        from trio_listenkey.testing import Fault, Hang

        pytestmark = pytest.mark.listen_key_faults("close=Status:503")

        @pytest.fixture
        def ask(listen_key_exchange):
            from trio_listenkey.transports import Request
            headers = (("X-MBX-APIKEY", "test-api-key"),)
            def ask(method):
                return listen_key_exchange.handle(Request(method, "https://h/fapi/v1/listenKey", headers), 0)
            return ask

        @pytest.mark.listen_key_faults("create#2=Status:502", {"verb": "create", "nth": 3, "effect": {"Status": 504}})
        @pytest.mark.listen_key_faults(Fault(verb="keepalive", effect=Hang()))
        def test_it(ask):
            assert [ask("POST").status for _ in range(3)] == [200, 502, 504]
            assert ask("PUT").wire == Hang()
            assert ask("DELETE").status == 503

        @pytest.mark.listen_key_faults("create=Hangg")
        def test_mistake(listen_key_exchange):
            pass
        """,
    )
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*UsageError: fault.effect: there is no 'Hangg'. Pass one of: *"])


def test_the_nearest_mark_wins(pytester: pytest.Pytester) -> None:
    """Options of a class hold for its tests, and a test's own for the test."""
    result = run(
        pytester,
        """
        import pytest

        @pytest.mark.listen_key_exchange(validity=60, weight_limit=5)
        class TestIt:
            def test_class(self, listen_key_exchange):
                assert (listen_key_exchange.validity, listen_key_exchange.weight_limit) == (60, 5)

            @pytest.mark.listen_key_exchange(validity=30)
            def test_own(self, listen_key_exchange):
                assert (listen_key_exchange.validity, listen_key_exchange.weight_limit) == (30, 5)

        def test_neither(listen_key_exchange):
            assert listen_key_exchange.validity == 3600
        """,
    )
    result.assert_outcomes(passed=3)


FAILING = """
import pytest
import trio
from trio_listenkey import open_listen_key

@pytest.mark.listen_key_faults("keepalive#1=service_unavailable")
async def test_it(autojump_clock, listen_key_exchange, listen_key_transport, listen_key_venue, listen_key_credentials):
    async with open_listen_key(
        listen_key_venue, listen_key_credentials, transport=listen_key_transport
    ) as key:
        print("the key is", len(key.value), "long")
        await trio.sleep(3600)
    assert listen_key_exchange.requests_during_bans == 1
"""


def test_a_failed_test_shows_what_the_exchange_saw(pytester: pytest.Pytester) -> None:
    """One line per request, in a section of its own, with no secret in it."""
    result = run(pytester, FAILING)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*- Requests at the listen-key exchange -*",
            "     0.000  200  test         create     created",
            "*  503  test         keepalive  struck by Status(code=503)",
            "*  200  test         keepalive  renewed",
            "*  200  test         close      closed",
        ]
    )
    assert "test-api-key" not in result.stdout.str()


def test_a_passed_test_shows_nothing(pytester: pytest.Pytester) -> None:
    """Nor does a test that failed without an exchange."""
    code = """
        def test_good(listen_key_exchange): pass
        def test_bad(): raise ValueError
    """
    result = run(pytester, code, "-rA")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.no_fnmatch_line("*listen-key exchange*")


def test_an_exchange_that_nobody_asked(pytester: pytest.Pytester) -> None:
    """That there were no requests is worth knowing, too."""
    result = run(pytester, "def test_bad(listen_key_exchange): raise ValueError")
    result.stdout.fnmatch_lines(["*- Requests at the listen-key exchange -*", "none"])


def test_a_long_log_is_shown_from_its_end(pytester: pytest.Pytester) -> None:
    """The last two hundred, and how many there were before."""
    code = """
        from trio_listenkey.transports import Request

        def test_bad(listen_key_exchange):
            for now in range(250):
                listen_key_exchange.handle(Request("POST", "https://h/fapi/v1/listenKey", ()), now)
            raise ValueError
    """
    result = run(pytester, code)
    result.stdout.fnmatch_lines(["... 50 earlier requests", "    50.000  401*", "   249.000  401*"])


def test_what_it_offers_is_listed(pytester: pytest.Pytester) -> None:
    """Fixtures and marks come with a description."""
    listed = run(pytester, "", "--fixtures").stdout.str() + run(pytester, "", "--markers").stdout.str()
    for name in ("exchange", "transport", "credentials", "venue"):
        assert f"listen_key_{name} --" in listed
    assert "served_listen_key_exchange --" in listed
    assert "@pytest.mark.listen_key_faults(*faults): what goes wrong" in listed


def test_it_is_light() -> None:
    """It is loaded in every run of pytest: what it needs for its fixtures waits until one is asked for."""
    code = f"""
import sys, trio_listenkey, trio_listenkey.testing, pytest
before = set(sys.modules)
import {PLUGIN}
print(*set(sys.modules) - before)
"""
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert loaded == [PLUGIN]
