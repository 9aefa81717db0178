"""The key rules of every dialect, against a dictionary."""

from __future__ import annotations

from asking import DIALECTS, ask, told
from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from trio_listenkey.testing import SPOT_US, Dialect, Exchange

ACCOUNTS = ["alice", "bob"]
VALIDITY = 3600

accounts = st.sampled_from(ACCOUNTS)


class ExchangeMachine(RuleBasedStateMachine):
    """Two accounts, one of them with two API keys, do what they like; the model is (key, its end) per account."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0
        self.model: dict[str, tuple[str, int]] = {}
        self.without = dict.fromkeys(ACCOUNTS, 0)
        self.ever: list[str] = []

    @initialize(dialect=st.sampled_from(DIALECTS))
    def open_the_exchange(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.exchange = Exchange(validity=VALIDITY, dialects=[dialect])
        self.exchange.add_account("alice-1", "alice-2", name="alice")
        self.exchange.add_account("bob-1", name="bob")

    def alive(self, account: str) -> str | None:
        key, end = self.model.get(account, ("", 0))
        return key if self.now < end else None

    @rule(seconds=st.sampled_from([0, 1, 1799, 1800, 3599, 3600, 3601]))
    def wait(self, seconds: int) -> None:
        for account, (_, end) in self.model.items():
            self.without[account] += max(0, self.now + seconds - max(self.now, end))
        self.now += seconds

    @rule(account=accounts, which=st.integers(1, 2))
    def create(self, account: str, which: int) -> None:
        before = self.alive(account)
        api_key = f"{account}-{which if account == 'alice' else 1}"
        reply = self.exchange.handle(ask("POST", self.dialect, api_key=api_key), self.now)
        key = told(reply)["listenKey"]
        assert reply.status == 200
        assert key == before if before else key not in self.ever
        assert reply.work == ("renewed" if before else "created")
        self.note(account, key, before)

    @rule(account=accounts, naming=st.sampled_from([None, *ACCOUNTS, "stale", "nobody's"]), in_query=st.booleans())
    def keep_alive(self, account: str, naming: str | None, in_query: bool) -> None:
        reply = self.name_key("PUT", account, naming, in_query)
        if reply is not None:
            key = self.alive(account)
            assert key is not None
            assert reply == ({"listenKey": key} if self.dialect.keepalive_tells_key else {})
            self.model[account] = (key, self.now + VALIDITY)

    @rule(account=accounts, naming=st.sampled_from([None, *ACCOUNTS, "stale", "nobody's"]), in_query=st.booleans())
    def close(self, account: str, naming: str | None, in_query: bool) -> None:
        reply = self.name_key("DELETE", account, naming, in_query)
        if reply is not None:
            assert reply == {}
            self.end(account)

    def name_key(self, method: str, account: str, naming: str | None, in_query: bool) -> object:
        """Send a request that names some key, and return the answer if it should and did succeed."""
        named = {"stale": self.ever[0] if self.ever else "x", "nobody's": "A" * 64, None: None}.get(
            naming, self.alive(naming or "") or "x"
        )
        request = ask(
            method,
            self.dialect,
            key=named,
            named_in="query" if in_query else "form",
            api_key=f"{account}-1",
        )
        reply = self.exchange.handle(request, self.now)
        mine = self.alive(account)
        if self.dialect.names_key and named is None:
            expected = (400, -1102)
        elif mine is None or (self.dialect.names_key and named != mine):
            expected = (400, -1125)
        else:
            assert reply.status == 200
            return told(reply)
        assert (reply.status, told(reply)["code"]) == expected
        assert reply.work is None
        return None

    @rule(account=accounts)
    def kill(self, account: str) -> None:
        self.exchange.kill_key(account, self.now)
        self.end(account)

    @rule(account=accounts)
    def replace(self, account: str) -> None:
        self.note(account, self.exchange.replace_key(account, self.now), None)

    def end(self, account: str) -> None:
        if self.alive(account):
            self.model[account] = (self.model[account][0], self.now)

    def note(self, account: str, key: str, before: str | None) -> None:
        self.model[account] = (key, self.now + VALIDITY)
        if before is None:
            assert len(key) == 64
            assert key.isascii()
            assert key.isalnum()
            self.ever.append(key)

    @invariant()
    def they_agree(self) -> None:
        if not hasattr(self, "exchange"):
            return
        assert set(self.exchange.open_keys(self.now)) == {key for key in map(self.alive, ACCOUNTS) if key}
        assert self.exchange.keys_ever == tuple(self.ever)
        for account in ACCOUNTS:
            assert self.exchange.key_of(account, self.now) == self.alive(account)
            assert self.exchange.seconds_without_key(account, self.now) == self.without[account]


ExchangeMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None, derandomize=True)
TestExchangeMachine = ExchangeMachine.TestCase


def test_the_machine_knows_every_dialect() -> None:
    """A dialect that is added is walked, too."""
    assert {dialect.name for dialect in DIALECTS} == {"spot-classic", "spot-us", "usdm", "coinm"}
    assert SPOT_US in DIALECTS
