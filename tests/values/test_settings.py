"""What users hand in and read out."""

import dataclasses
import logging
import math
import pprint
import traceback
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from trio_listenkey import Credentials, KeyStatistics, Timing, UsageError
from trio_listenkey._statistics import StreamStatistics

API_KEY = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
BOTH = Credentials(API_KEY, SECRET)

# What people paste along with a key, and what would break out of a header.
UNSENDABLE = [
    " hunter2",
    "hunter2 ",
    "a hunter2",
    "hunter2\n",
    "hunter2\r\nX-Other: 1",
    "\thunter2",
    "hunter2\x00",
    "hunter2\x7f",
    "h\u00fcnter2",
    "hunter2\u2026",
    "\u201chunter2\u201d",
    "hunter2\u200b",
    "\ud800",
]
NO_TEXT: list[Any] = [None, 1, b"key", ["key"], object()]


class TestCredentials:
    @pytest.mark.parametrize("credentials", [Credentials(API_KEY), BOTH], ids=["key", "both"])
    def test_no_rendering_shows_them(self, credentials: Credentials) -> None:
        """However credentials are printed, logged or formatted, neither part appears (T1)."""
        record = logging.LogRecord("x", logging.INFO, "x", 1, "got %s %r", (credentials, credentials), None)
        for text in (
            repr(credentials),
            str(credentials),
            f"{credentials}",
            f"{credentials!r:>90}",
            f"{[credentials]} { ({'a': credentials}) }",
            pprint.pformat(credentials),
            record.getMessage(),
        ):
            assert API_KEY not in text
            assert SECRET not in text
            assert "Credentials" in text or "%" in text

    def test_the_parts_can_be_read_on_purpose(self) -> None:
        """Hidden is not gone."""
        assert (BOTH.api_key, BOTH.api_secret) == (API_KEY, SECRET)
        assert Credentials(API_KEY).api_secret is None

    def test_the_repr_tells_whether_there_is_a_secret(self) -> None:
        """Two reprs tell the two kinds apart."""
        assert repr(Credentials(API_KEY)) != repr(BOTH)

    def test_they_are_a_value(self) -> None:
        """Credentials compare by content, go into sets and cannot be changed."""
        assert Credentials(API_KEY, SECRET) == BOTH
        assert Credentials(API_KEY) != BOTH
        assert len({Credentials(API_KEY, SECRET), BOTH}) == 1
        with pytest.raises(AttributeError):
            BOTH.api_key = "other"  # type: ignore[misc]

    @pytest.mark.parametrize("value", UNSENDABLE)
    def test_what_cannot_be_sent_is_refused_and_not_quoted(self, value: str) -> None:
        """Spaces, line breaks and typographic characters are refused without showing where (T1)."""
        for arguments, name in (((value,), "api_key"), ((API_KEY, value), "api_secret")):
            with pytest.raises(UsageError, match=name) as caught:
                Credentials(*arguments)
            assert "visible ASCII" in caught.value.problem
            for text in (str(caught.value), "".join(traceback.format_exception_only(caught.value))):
                assert value not in text
                assert API_KEY not in text

    def test_every_visible_character_can_be_sent(self) -> None:
        """Other exchanges have keys with punctuation in them."""
        visible = "".join(map(chr, range(0x21, 0x7F)))
        assert Credentials(visible, visible).api_key == visible

    def test_neither_may_be_empty(self) -> None:
        """An empty key is a configuration that was not read."""
        with pytest.raises(UsageError, match="api_key is empty"):
            Credentials("")
        with pytest.raises(UsageError, match="api_secret is empty"):
            Credentials(API_KEY, "")

    @pytest.mark.parametrize("value", NO_TEXT)
    def test_a_key_is_text(self, value: Any) -> None:
        """Another type is refused by its name."""
        with pytest.raises(UsageError, match=f"api_key is of type {type(value).__name__}"):
            Credentials(value)

    @pytest.mark.parametrize("value", NO_TEXT[1:])
    def test_a_secret_is_text_or_none(self, value: Any) -> None:
        """The secret may be missing, but not of another type."""
        with pytest.raises(UsageError, match=f"api_secret is of type {type(value).__name__}"):
            Credentials(API_KEY, value)


class TestFromEnv:
    def test_both_are_read(self) -> None:
        """The prefix and two fixed endings name the variables."""
        assert Credentials.from_env("BINANCE", {"BINANCE_API_KEY": API_KEY, "BINANCE_API_SECRET": SECRET}) == BOTH

    def test_the_secret_may_be_missing(self) -> None:
        """Most calls need no secret, and other variables do not matter."""
        assert Credentials.from_env("B", {"B_API_KEY": API_KEY, "API_SECRET": SECRET}) == Credentials(API_KEY)

    def test_a_missing_key_says_what_to_export(self) -> None:
        """Without the key the error names both variables."""
        with pytest.raises(UsageError, match="B_API_KEY is not set") as caught:
            Credentials.from_env("B", {"B_API_SECRET": SECRET})
        assert "B_API_SECRET" in caught.value.advice
        assert SECRET not in str(caught.value)

    def test_what_cannot_be_sent_is_refused(self) -> None:
        """A variable with a line break at its end is refused like any other value."""
        with pytest.raises(UsageError, match="api_key"):
            Credentials.from_env("B", {"B_API_KEY": API_KEY + "\n"})

    def test_it_reads_the_process_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Without another place to look it looks at ``os.environ``."""
        monkeypatch.setenv("LISTENKEY_TEST_API_KEY", API_KEY)
        monkeypatch.delenv("LISTENKEY_TEST_API_SECRET", raising=False)
        assert Credentials.from_env("LISTENKEY_TEST") == Credentials(API_KEY)

    def test_an_empty_environment_is_not_the_processes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """An empty mapping is a place to look, too."""
        monkeypatch.setenv("LISTENKEY_TEST_API_KEY", API_KEY)
        with pytest.raises(UsageError, match="not set"):
            Credentials.from_env("LISTENKEY_TEST", {})


DURATIONS = [field.name for field in dataclasses.fields(Timing)]
OPTIONAL = ["keepalive_every", "validity", "socket_lifetime"]
MAY_BE_ZERO = ["jitter", "feed_lag"]


class TestTiming:
    def test_the_defaults_are_what_the_documentation_says(self) -> None:
        """Defaults are a promise."""
        assert dataclasses.asdict(Timing()) == {
            "keepalive_every": None,
            "jitter": 0.1,
            "request_timeout": 10.0,
            "open_timeout": 30.0,
            "close_timeout": 10.0,
            "retry_base": 1.0,
            "retry_cap": 60.0,
            "validity": None,
            "suspend_check_every": 10.0,
            "connect_timeout": 10.0,
            "feed_lag": 1.0,
            "ping_every": 20.0,
            "silence_check_every": 60.0,
            "socket_lifetime": None,
        }

    @pytest.mark.parametrize("name", DURATIONS)
    @pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -1, -0.001])
    def test_a_duration_is_finite_and_not_negative(self, name: str, value: float) -> None:
        """No field takes a time that never ends, that is none, or that is past."""
        with pytest.raises(UsageError, match=rf"Timing\.{name} is {value}"):
            Timing(**{name: value})

    @pytest.mark.parametrize("name", DURATIONS)
    @pytest.mark.parametrize("value", [10**400, -(10**400)], ids=["future", "past"])
    def test_a_duration_is_no_longer_than_a_float_can_be(self, name: str, value: int) -> None:
        """A whole number that no clock could be moved by is refused like infinity."""
        with pytest.raises(UsageError, match=rf"Timing\.{name} is -?1000"):
            Timing(**{name: value})

    @pytest.mark.parametrize("name", DURATIONS)
    @pytest.mark.parametrize("value", [True, False, "1", b"1", [1], 1j, Decimal(1), Fraction(1, 2)])
    def test_a_duration_is_a_plain_number(self, name: str, value: Any) -> None:
        """No field takes another type; ``True`` is no second."""
        with pytest.raises(UsageError, match=rf"Timing\.{name} is of type {type(value).__name__}"):
            Timing(**{name: value})

    @pytest.mark.parametrize("name", [name for name in DURATIONS if name not in MAY_BE_ZERO])
    @pytest.mark.parametrize("value", [0, 0.0, -0.0])
    def test_a_duration_takes_time(self, name: str, value: float) -> None:
        """No field but the jitter and the feed's lag may be zero."""
        with pytest.raises(UsageError, match=rf"Timing\.{name} is .*more than 0"):
            Timing(**{name: value})

    @pytest.mark.parametrize("name", MAY_BE_ZERO)
    def test_what_may_be_absent_may_be_zero(self, name: str) -> None:
        """No jitter, and a feed that does not lag."""
        assert getattr(Timing(**{name: 0.0}), name) == 0.0

    @pytest.mark.parametrize("name", [name for name in DURATIONS if name not in OPTIONAL])
    def test_only_what_the_venue_knows_may_be_left_to_it(self, name: str) -> None:
        """``None`` means "the venue's own", where the venue has one."""
        with pytest.raises(UsageError, match=rf"Timing\.{name} is of type NoneType"):
            Timing(**{name: None})  # type: ignore[arg-type]

    @pytest.mark.parametrize("name", [name for name in DURATIONS if name not in {"jitter", "retry_cap", "retry_base"}])
    @pytest.mark.parametrize("value", [1, 0.001, 1e9])
    def test_any_time_will_do(self, name: str, value: float) -> None:
        """Whole numbers and fractions, short and long, are taken as they are."""
        assert getattr(Timing(**{name: value}), name) == value

    @pytest.mark.parametrize("jitter", [0, 0.0, 0.5, 0.9])
    def test_jitter_is_a_fraction(self, jitter: float) -> None:
        """From none at all to nine tenths."""
        assert Timing(jitter=jitter).jitter == jitter

    @pytest.mark.parametrize("jitter", [0.901, 1, 100])
    def test_jitter_leaves_something_of_the_interval(self, jitter: float) -> None:
        """More would make keepalives of no interval at all."""
        with pytest.raises(UsageError, match=r"Timing\.jitter"):
            Timing(jitter=jitter)

    def test_the_cap_is_not_below_the_base(self) -> None:
        """A cap below the base is refused; one that equals it is not."""
        assert Timing(retry_base=5, retry_cap=5).retry_cap == 5
        with pytest.raises(UsageError, match=r"retry_cap .* retry_base"):
            Timing(retry_base=5, retry_cap=4.9)

    def test_it_is_a_value(self) -> None:
        """Timings compare by content and cannot be changed."""
        assert Timing(jitter=0.2) == Timing(jitter=0.2) != Timing()
        with pytest.raises(AttributeError):
            Timing().jitter = 0.2  # type: ignore[misc]


OF_A_KEY = KeyStatistics(
    state="held",
    generation=1,
    requests=1,
    created=1,
    renewed=0,
    retries=0,
    waits=0,
    losses=0,
    expires_at=3600.0,
    next_request_at=1800.0,
    closed=None,
    throttled=0,
    throttled_for=0.0,
)
OF_A_STREAM = StreamStatistics(
    state="live",
    is_live=True,
    generation=1,
    connected_since=0.0,
    last_frame_at=1.0,
    ping_unanswered_since=None,
    presumed_valid_until=3600.0,
    buffered=0,
    events=0,
    duplicates=0,
    dropped=0,
    unparsed=0,
    gaps=0,
    connects=1,
    failed_connects=0,
    disconnects=0,
    moves=0,
    silence_checks=0,
    key=OF_A_KEY,
)


@pytest.mark.parametrize("statistics", [OF_A_KEY, OF_A_STREAM], ids=["key", "stream"])
def test_statistics_cannot_be_changed(statistics: KeyStatistics | StreamStatistics) -> None:
    """What was read at one moment stays as it was."""
    with pytest.raises(AttributeError):
        statistics.generation = 2  # type: ignore[misc]


MISTYPED = "mistyped-secret-\u2013-pasted"
"""Has a dash that no keyboard of an exchange makes."""


def _locals(error: BaseException) -> list[tuple[str, str]]:
    """What a reporter prints of the frames that are not the caller's: names and values, in each way to print them."""
    found: list[tuple[str, str]] = []
    trace = error.__traceback__
    assert trace is not None
    trace = trace.tb_next  # ours are below
    while trace is not None:
        for name, value in trace.tb_frame.f_locals.items():
            found.append((name, f"{value!r} {value!s} {vars(value) if hasattr(value, '__dict__') else ''}"))
        trace = trace.tb_next
    return found


@pytest.mark.parametrize(
    "make",
    [
        lambda: Credentials(MISTYPED),
        lambda: Credentials("fine-api-key", MISTYPED),
        lambda: Credentials(MISTYPED, "fine-secret"),
        lambda: Credentials("fine-api-key", "fine-secret", "no function"),  # type: ignore[arg-type]
        lambda: Credentials.from_env("B", {"B_API_KEY": MISTYPED, "B_API_SECRET": "fine-secret"}),
        lambda: Credentials.from_env("B", {"B_API_KEY": "fine-api-key", "B_API_SECRET": MISTYPED}),
        lambda: Credentials.from_env("B", {"A_API_KEY": "fine-api-key", "B_API_SECRET": "fine-secret"}),
        lambda: dataclasses.replace(Credentials("fine-api-key", "fine-secret"), api_key=MISTYPED),
    ],
    ids=["key", "secret", "the other", "signer", "key in env", "secret in env", "not in env", "replaced"],
)
def test_a_refused_credential_is_in_no_frame(make: Callable[[], Credentials]) -> None:
    """Error reporters, and ``rich.traceback(show_locals=True)``, print the locals of each frame (T1)."""
    with pytest.raises(UsageError) as caught:
        make()
    ours = [(name, text) for name, text in _locals(caught.value) if name not in {"changes", "obj"}]  # dataclasses' own
    assert ours, "the frames are looked at"
    for name, text in ours:
        for secret in ("mistyped-secret", "fine-api-key", "fine-secret"):
            assert secret not in text, f"{name} has it"


def test_the_environment_itself_is_in_no_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has other programs' secrets in it, too."""
    monkeypatch.setenv("ANOTHER_SECRET", "another-secret-of-this-machine")
    monkeypatch.setenv("B_API_KEY", MISTYPED)
    for prefix in ("B", "C"):
        with pytest.raises(UsageError) as caught:
            Credentials.from_env(prefix)
        assert not any("another-secret" in text or "mistyped" in text for _, text in _locals(caught.value))
