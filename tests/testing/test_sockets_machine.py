"""Who gets which event, against a model: generated connects, subscriptions, renewals, deaths and events."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from asking import ask
from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from trio_listenkey.testing import COINM, Exchange, Session, event_number

ACCOUNTS = ["alice", "bob"]
VALIDITY = 100.0

accounts = st.sampled_from(ACCOUNTS)


@dataclass
class Listener:
    """The model of one socket: with which key, and the numbers that it must get."""

    session: Session
    key: str
    expected: list[int] = field(default_factory=list)
    got: list[int] = field(default_factory=list)
    expiries_expected: int = 0
    expiries: int = 0


class SocketsMachine(RuleBasedStateMachine):
    """The model knows of each account its key and that key's end, and of each socket its key."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.keys: dict[str, tuple[str, float]] = {}
        self.listeners: list[Listener] = []
        self.emitted = dict.fromkeys(ACCOUNTS, 0)
        self.rates: dict[str, tuple[float, int]] = {}

    @initialize()
    def open_the_exchange(self) -> None:
        # Pings are another test's business: none are due here.
        self.exchange = Exchange(validity=VALIDITY, dialects=[COINM])
        for account in ACCOUNTS:
            self.exchange.add_account(account, name=account)

    def alive(self, account: str) -> str | None:
        key, end = self.keys.get(account, ("", 0.0))
        return key if self.now < end else None

    def hear(self, account: str, number: int, at: float) -> None:
        key, end = self.keys.get(account, ("", 0.0))
        self.emitted[account] = number
        for listener in self.listeners:
            if listener.key == key and at < end:
                listener.expected.append(number)

    @rule(seconds=st.sampled_from([0.0, 0.5, 1.0, 49.0, 99.5, 100.0]), one_step=st.booleans())
    def wait(self, seconds: float, one_step: bool) -> None:
        """Time passes, in which rates go on and keys expire."""
        before, self.now = self.now, self.now + seconds
        due: list[tuple[float, str]] = []
        for account, (began, given) in self.rates.items():
            more = int(self.now - began) - given
            due += [(began + given + n, account) for n in range(1, more + 1)]
            self.rates[account] = (began, given + more)
        for at, account in sorted(due):
            self.hear(account, self.emitted[account] + 1, at)
        for key, end in self.keys.values():
            if before < end <= self.now:
                for listener in self.listeners:
                    listener.expiries_expected += listener.key == key
        if not one_step:
            self.collect()
        self.exchange.handle(ask("GET"), self.now)

    @rule(account=accounts)
    def create(self, account: str) -> None:
        reply = self.exchange.handle(ask("POST", COINM, api_key=account), self.now)
        self.keys[account] = (json.loads(reply.body)["listenKey"], self.now + VALIDITY)

    @rule(account=accounts)
    def renew(self, account: str) -> None:
        self.exchange.handle(ask("PUT", COINM, api_key=account), self.now)
        if key := self.alive(account):
            self.keys[account] = (key, self.now + VALIDITY)

    @rule(account=accounts)
    def kill(self, account: str) -> None:
        if key := self.alive(account):
            self.exchange.kill_key(account, self.now)
            self.keys[account] = (key, self.now)

    @rule(account=accounts)
    def replace(self, account: str) -> None:
        self.keys[account] = (self.exchange.replace_key(account, self.now), self.now + VALIDITY)

    @precondition(lambda self: self.exchange.keys_ever)
    @rule(data=st.data(), combined=st.booleans(), late=st.booleans())
    def connect(self, data: st.DataObject, combined: bool, late: bool) -> None:
        """With any key that there ever was; its events come from now on, and none of before."""
        key = data.draw(st.sampled_from(self.exchange.keys_ever))
        path = "/stream?streams=" if combined else "/ws/"
        session = self.exchange.connect(path + ("" if late else key), self.now)
        assert isinstance(session, Session)
        if late:
            session.receive_text(json.dumps({"method": "SUBSCRIBE", "params": [key]}), self.now)
        self.listeners.append(Listener(session, key))

    @precondition(lambda self: self.listeners)
    @rule(data=st.data())
    def disconnect(self, data: st.DataObject) -> None:
        self.collect()
        listener = data.draw(st.sampled_from(self.listeners))
        self.listeners.remove(listener)
        listener.session.end()
        assert listener.session.due(self.now) == []

    @rule(account=accounts, count=st.integers(1, 3))
    def emit(self, account: str, count: int) -> None:
        numbers = self.exchange.emit(account, self.now, count=count)
        first = self.emitted[account] + 1
        assert numbers == tuple(range(first, first + count))
        for number in numbers:
            self.hear(account, number, self.now)

    @rule(account=accounts, on=st.booleans())
    def rate(self, account: str, on: bool) -> None:
        """One a second, or none."""
        self.exchange.emit_rate(account, 1.0 if on else 0, self.now)
        self.rates.pop(account, None)
        if on:
            self.rates[account] = (self.now, 0)

    @rule()
    def collect(self) -> None:
        """The front end takes what is due, and is then told to come back later."""
        for listener in self.listeners:
            for frame in listener.session.due(self.now):
                if text := getattr(frame, "data", None):
                    self.read(listener, json.loads(text))
            assert listener.session.deadline > self.now

    def read(self, listener: Listener, message: Any) -> None:
        if "result" in message:
            return
        assert message.get("stream") in {None, listener.key}
        event = message.get("data", message)
        if event["e"] == "listenKeyExpired":
            assert event["listenKey"] == listener.key
            listener.expiries += 1
        else:
            listener.got.append(event_number(event))

    @invariant()
    def nothing_is_lost_or_doubled(self) -> None:
        """Each socket got each event of its key's life once and in order, and was told of its expiry once."""
        if not hasattr(self, "exchange"):
            return
        self.collect()
        for listener in self.listeners:
            assert listener.got == listener.expected
            assert listener.expiries == listener.expiries_expected
        for account in ACCOUNTS:
            assert self.exchange.emitted(account) == self.emitted[account]


SocketsMachine.TestCase.settings = settings(max_examples=100, stateful_step_count=40, deadline=None, derandomize=True)
TestSocketsMachine = SocketsMachine.TestCase
