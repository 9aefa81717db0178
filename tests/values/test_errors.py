"""What an error tells, and whose child it is."""

import copy
import pickle
import re
import traceback
from collections.abc import Callable

import pytest

from trio_listenkey import (
    CredentialsError,
    EndpointGoneError,
    KeyLostError,
    ListenKeyError,
    RateLimitedError,
    RefusedError,
    UnavailableError,
    UsageError,
    _errors,
)
from trio_listenkey._errors import RegisterAway, RegisterRefused, SlowConsumerError, TransportError

PLAIN = [
    ListenKeyError,
    UsageError,
    RefusedError,
    CredentialsError,
    EndpointGoneError,
    UnavailableError,
    KeyLostError,
    RegisterAway,
    RegisterRefused,
    SlowConsumerError,
]


def every_error(advice: str = "Do this") -> list[ListenKeyError]:
    return [
        *(kind("it broke", advice=advice) for kind in PLAIN),
        RateLimitedError("it broke", advice=advice, retry_after=9.0),
    ]


def tree_in_the_docstring() -> dict[str, set[str]]:
    """Each class that the docstring draws, with the classes above it and those that it names in parentheses."""
    assert _errors.__doc__ is not None
    bases: dict[str, set[str]] = {}
    above: dict[int, str] = {}
    for line in _errors.__doc__.splitlines():
        found = re.match(r"^([\s│├└─]+)([A-Z]\w+)(?: \((\w+)\))?", line)
        if found is None or not line.startswith("    "):
            continue
        prefix, name, other = found.groups()
        parents = [depth for depth in above if depth < len(prefix)]
        bases[name] = {above[max(parents)]} if parents else set()
        if other:
            bases[name].add(other)
        above = {depth: name for depth, name in above.items() if depth < len(prefix)} | {len(prefix): name}
    return bases


class TestTree:
    def test_it_is_the_one_in_the_docstring(self) -> None:
        """The tree that the module draws is the tree that there is."""
        drawn = tree_in_the_docstring()
        del drawn["Exception"]
        real = {
            name: {base.__name__ for base in getattr(_errors, name).__bases__}
            for name in _errors.__all__
            if name != "name_error"
        }
        assert drawn == real

    def test_one_clause_catches_them_all(self) -> None:
        """Everything that users may see has one base; what transports say among themselves has not."""
        assert all(isinstance(error, ListenKeyError) for error in every_error())
        assert not issubclass(TransportError, ListenKeyError)

    def test_a_wrong_argument_is_a_value_error(self) -> None:
        """Whoever catches ``ValueError`` for a wrong argument, as everywhere in Python, gets it."""
        with pytest.raises(ValueError, match="it broke"):
            raise UsageError("it broke", advice="Mend it")


class TestFields:
    @pytest.mark.parametrize("kind", PLAIN)
    def test_what_was_given_can_be_read(self, kind: type[ListenKeyError]) -> None:
        """Each error has its facts as fields, so that nobody parses its text."""
        error = kind("it broke", advice="Mend it", venue="somewhere", verb="close", status=400, code="E7", message="no")
        assert (error.problem, error.advice) == ("it broke", "Mend it")
        assert (error.venue, error.verb) == ("somewhere", "close")
        assert (error.status, error.code, error.message) == (400, "E7", "no")

    def test_facts_that_nobody_knows_are_none(self) -> None:
        """Without an exchange there is no venue, verb, status, code or message."""
        for error in every_error():
            assert (error.venue, error.verb, error.status, error.code, error.message) == (None,) * 5

    def test_a_limit_says_for_how_long(self) -> None:
        """The wait is a field, beside all the others."""
        error = RateLimitedError(
            "hush", advice="Wait", retry_after=2.5, venue="v", verb="create", status=429, code=-1003, message="m"
        )
        assert error.retry_after == 2.5
        assert (error.venue, error.verb, error.status, error.code) == ("v", "create", 429, -1003)
        assert (error.problem, error.advice, error.message) == ("hush", "Wait", "m")

    def test_a_transport_error_says_whether_it_was_sent(self) -> None:
        """In doubt the exchange may have done the work."""
        assert TransportError("reset").unsent is False
        assert TransportError("refused", unsent=True).unsent is True
        assert (TransportError("reset").reason, str(TransportError("reset"))) == ("reset", "reset")

    def test_a_transport_errors_reason_is_text(self) -> None:
        """A transport that passes another library's error on gives no more than its words."""
        assert TransportError(ValueError("reset")).reason == "reset"  # type: ignore[arg-type]


def through_pickle(error: ListenKeyError) -> ListenKeyError:
    found = pickle.loads(pickle.dumps(error))
    assert isinstance(found, ListenKeyError)
    return found


class TestCopies:
    @pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, through_pickle])
    @pytest.mark.parametrize("error", every_error(), ids=lambda error: type(error).__name__)
    def test_a_copy_says_the_same(
        self, error: ListenKeyError, copied: Callable[[ListenKeyError], ListenKeyError]
    ) -> None:
        """Errors survive being copied and pickled, as between processes, with fields, text and notes."""
        error.venue, error.status, error.code = "somewhere", 400, "E7"
        error.add_note("by the way")
        found = copied(error)
        assert found is not error
        assert type(found) is type(error)
        assert (str(found), found.args) == (str(error), error.args)
        assert vars(found) == vars(error)
        assert found.__notes__[-1] == "by the way"


class TestText:
    def test_it_says_everything(self) -> None:
        """Venue, verb, problem, status, code, the exchange's words and the advice are all in it (T4)."""
        error = RefusedError(
            "it broke",
            advice="Mend it",
            venue="binance-usdm",
            verb="keepalive",
            status=400,
            code=-1102,
            message="Mandatory parameter 'x' was not sent.",
        )
        assert str(error) == (
            "binance-usdm keepalive: it broke (HTTP 400, code -1102, "
            "exchange says \"Mandatory parameter 'x' was not sent.\"). Mend it."
        )

    def test_a_limit_reads_alike(self) -> None:
        """An error with a field more has its text built in the same place."""
        error = RateLimitedError("hush", advice="Wait", retry_after=1.0, venue="v", verb="create", status=418)
        assert str(error) == "v create: hush (HTTP 418). Wait."

    def test_it_leaves_out_what_it_does_not_know(self) -> None:
        """Without facts it is the problem and the advice."""
        assert {str(error) for error in every_error()} == {"it broke. Do this."}

    @pytest.mark.parametrize(
        ("facts", "text"),
        [
            ({"venue": "v"}, "v: it broke. Do this."),
            ({"verb": "close"}, "close: it broke. Do this."),
            ({"status": 0}, "it broke (HTTP 0). Do this."),
            ({"code": 0}, "it broke (code 0). Do this."),
            ({"code": "E7", "status": 200}, "it broke (HTTP 200, code E7). Do this."),
            ({"message": ""}, "it broke. Do this."),
            ({"message": "no\n"}, r"it broke (exchange says 'no\n'). Do this."),
        ],
    )
    def test_each_fact_has_its_place(self, facts: dict[str, int | str], text: str) -> None:
        """A single fact stands where it belongs, and leaves no empty brackets behind."""
        assert str(ListenKeyError("it broke", advice="Do this", **facts)) == text  # type: ignore[arg-type]

    def test_it_is_what_a_traceback_ends_with(self) -> None:
        """A traceback names the class by where users find it, and then the text."""
        last = traceback.format_exception_only(KeyLostError("it died", advice="Open a new one"))[-1]
        assert last == "trio_listenkey.KeyLostError: it died. Open a new one.\n"
