"""What all sockets of the WebSocket API have in common: who listens to which account, and who may ask for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from .._faults._effects import Effect
from .._faults._script import Script
from .._state._accounts import Accounts
from .._state._keys import KeyLife, Keys, Place
from .._state._limits import Limits
from ._api_requests import ApiRequest

__all__ = ["ApiSubscribers", "Listener", "Record"]


class Listener(Protocol):
    """A session, as far as others speak to it."""

    wake: Callable[[], None]

    def life_at(self, place: Place) -> KeyLife: ...

    def deliver(self, place: Place, text: str, now: float) -> None: ...


class Record(Protocol):
    """Takes down one request: what struck it, and what it was answered."""

    def __call__(
        self,
        method: str,
        path: str,
        *,
        now: float,
        status: int,
        account: str | None,
        effect: Effect | None,
        during_ban: bool,
    ) -> None: ...


class ApiSubscribers:
    """The WebSocket API of one exchange.

    Attributes:
        accounts: Who may sign in.
        limits: What all clients together may spend.
        record: Where requests are taken down.
    """

    def __init__(self, accounts: Accounts, limits: Limits, keys: Keys, script: Script, record: Record) -> None:
        self.accounts = accounts
        self.limits = limits
        self.record = record
        self._keys = keys
        self._script = script
        self._listening: dict[Place, dict[Listener, None]] = {}

    # --- What sessions ask

    def life_of(self, token: str, now: float) -> KeyLife | None:
        """The token, if it is one and alive."""
        life = self._keys.ever.get(token)
        return life if life is not None and life.is_token and now < life.ends_at else None

    def account_of(self, request: ApiRequest) -> str | None:
        """Whose request it says it is."""
        api_key, token = (request.params.get(name) for name in ("apiKey", "listenToken"))
        if isinstance(api_key, str):
            return self.accounts.by_key.get(api_key)
        life = self._keys.ever.get(token) if isinstance(token, str) else None
        return None if life is None else life.place[0]

    def strike(self, account: str | None, now: float) -> Effect | None:
        return self._script.strike("api", account, now)

    def listen(self, session: Listener, place: Place) -> None:
        self._listening.setdefault(place, {})[session] = None

    def forget(self, session: Listener, place: Place) -> None:
        self._listening[place].pop(session)

    # --- What the exchange asks

    def places(self, account: str) -> list[Place]:
        """Where this account has, or had, somebody listening."""
        return [place for place in self._listening if place[0] == account]

    def listeners(self, place: Place) -> tuple[Listener, ...]:
        return tuple(self._listening.get(place, ()))

    def end(self, place: Place, end_life: Callable[[KeyLife], None]) -> None:
        """End what anybody is subscribed with there."""
        for session in self.listeners(place):
            end_life(session.life_at(place))
