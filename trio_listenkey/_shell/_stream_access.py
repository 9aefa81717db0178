"""What gives a stream its right to events: a listen key that is kept alive, or nothing but credentials.

The two differ in where a socket goes, in what has to be said on it, and in whom to ask whether events still come.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import inf
from typing import Final, Protocol

from .._core._key_lifecycle import Notice
from .._core._key_states import State
from .._core._stream import Stream
from .._protocol._same_event import canonical_for
from .._protocol._signing import sign_as
from .._protocol._socket_protocol import ChannelProtocol, SocketProtocol, needs_channel_protocol
from .._protocol._ws_api import WsApiProtocol, subscribe_by_signature, subscribe_by_token
from .._settings import Credentials
from .._venue._parts import StreamShape
from .._venue._signed_venue import SignedVenue
from .._venue._venue import Venue
from ._listen_key import ListenKey
from ._signed_calls import SignedCalls

__all__ = ["KeyAccess", "SignedAccess", "StreamAccess"]

_PLAIN: Final = StreamShape()


class StreamAccess(Protocol):
    """What the two have in common."""

    @property
    def key(self) -> ListenKey | None:
        """The key, if it is one."""
        ...

    @property
    def venue(self) -> Venue | SignedVenue:
        """The exchange."""
        ...

    @property
    def name(self) -> str:
        """What the account is called."""
        ...

    @property
    def calls(self) -> SignedCalls | None:
        """What sends other signed calls of this account, where there is an address for them."""
        ...

    @property
    def url(self) -> str:
        """Where a socket goes that is opened now."""
        ...

    @property
    def generation(self) -> int:
        """Of the listen key."""
        ...

    def attach(self, machine: Stream, now: Callable[[], float], follow: Callable[[], None]) -> None:
        """Tell ``machine`` of the key, now and whenever something happens to it; then call ``follow``."""
        ...

    @property
    def subscribes(self) -> bool:
        """Whether events come by a subscription of each socket's own."""
        ...

    @property
    def overlaps(self) -> bool:
        """Whether all events come on a socket as soon as any does."""
        ...

    @property
    def expired(self) -> str | None:
        """By what the exchange says on a socket that the key has expired."""
        ...

    @property
    def canonical(self) -> Callable[[bytes], bytes]:
        """What makes two messages the same event."""
        ...

    def renew(self) -> None:
        """The exchange has said on a socket that it does not know the key."""
        ...

    def ask(self, protocol: SocketProtocol | None) -> None:
        """Have the exchange asked whether events still come; ``protocol`` is that on the socket which delivers."""
        ...

    def make_protocol(self, confirmed: Callable[[float], None]) -> SocketProtocol | None:
        """What there is to be said on a socket that was opened with :attr:`url`; ``None`` for nothing.

        ``confirmed`` is called with the time at which it was asked on that socket whether events come, if they do.
        """
        ...

    @property
    def lifetime(self) -> float:
        """Seconds after which the exchange ends a socket."""
        ...

    @property
    def expires_at(self) -> float:
        """Until when it is presumed to be good, on trio's clock."""
        ...


class KeyAccess:
    """A listen key."""

    def __init__(self, key: ListenKey, calls: SignedCalls | None = None) -> None:
        self.key: ListenKey | None = key
        self.venue: Venue | SignedVenue = key.venue
        self.name, self.calls = key.name, calls
        self._key = key

    @property
    def url(self) -> str:
        """With the key as it is now."""
        return self._key.stream_url

    @property
    def generation(self) -> int:
        """The key's."""
        return self._key.generation

    def attach(self, machine: Stream, now: Callable[[], float], follow: Callable[[], None]) -> None:
        """See the port."""
        self._machine, self._now, self._follow = machine, now, follow
        self._key._watchers += (self._changed,)  # noqa: SLF001 - this is the other half of it
        if not self.subscribes:  # else the exchange is asked on the socket, by each for itself
            self._key._silent_at = lambda: machine.silent_at  # noqa: SLF001 - as above
        self._take()

    @property
    def subscribes(self) -> bool:
        """Where the key is said on the socket."""
        return self._key.venue.stream.says_key

    @property
    def overlaps(self) -> bool:
        """Where there are not several channels, to be subscribed to one by one."""
        return len(self._key.venue.stream.subscribe) < 2

    @property
    def expired(self) -> str | None:
        """The venue's."""
        return self._key.venue.stream.expired

    @property
    def canonical(self) -> Callable[[bytes], bytes]:
        """The venue's."""
        return canonical_for(self._key.venue.stream)

    def renew(self) -> None:
        """Ask by a keepalive, which brings another key."""
        self._key._ask(self._now())  # noqa: SLF001 - as above

    def ask(self, protocol: SocketProtocol | None) -> None:
        """Ask by a keepalive; where that would bring another key, on the socket."""
        if not self.subscribes:
            self._key._ask(self._now(), self._machine.trust.asked_since)  # noqa: SLF001 - as above
            self._mind_bans()
        elif not _ask_on(protocol, self._now()):
            self._confirm()

    def make_protocol(self, confirmed: Callable[[float], None]) -> SocketProtocol | None:
        """The channel protocol, if the exchange has one; the WebSocket API's, where the key is sent on the socket."""
        shape = self._key.venue.stream
        if shape.says_key:
            return WsApiProtocol(self.venue.name, subscribe_by_token(self._key.value), confirmed)
        return ChannelProtocol(shape, self.venue.name, (self._key.value,)) if needs_channel_protocol(shape) else None

    def _confirm(self) -> None:
        """Without a socket a token cannot be checked: it is presumed good as long as it is held."""
        lifecycle = self._key._machine  # noqa: SLF001 - as above
        if lifecycle.state in {State.HELD, State.RENEWING}:
            now = self._now()
            self._machine.key_confirmed(self.generation, self._key.value, now, now)
            self._follow()

    @property
    def lifetime(self) -> float:
        """The venue's."""
        return self._key.venue.stream.lifetime

    @property
    def expires_at(self) -> float:
        """The key's."""
        return self._key.expires_at

    def _changed(self, notice: Notice) -> None:
        match notice.kind:
            case "created" | "renewed" | "replaced":
                self._take()
            case "lost":
                self._machine.key_lost(self._now())
            case "retrying":
                self._machine.key_request_failing(self._now())
                self._mind_bans()
        self._follow()

    def _take(self) -> None:
        lifecycle = self._key._machine  # noqa: SLF001 - as above
        if lifecycle.state in {State.HELD, State.RENEWING}:
            self._machine.key_confirmed(
                self.generation,
                self._key.value,
                lifecycle.confirmed_at,
                self._now(),
            )

    def _mind_bans(self) -> None:
        """During a rate limit the host is not asked, so no answer is awaited."""
        now = self._now()
        if self._key._machine.is_banned(now):  # noqa: SLF001 - as above
            self._machine.cannot_ask(now)


class SignedAccess:
    """Credentials, and a venue that takes signed subscriptions: there is nothing to keep alive, and nothing to lose."""

    generation = 1

    def __init__(self, venue: SignedVenue, credentials: Credentials, name: str) -> None:
        self.key: ListenKey | None = None
        self.venue: Venue | SignedVenue = venue
        self.name = name
        self.calls: SignedCalls | None = None
        self.url = venue.url
        self.lifetime = venue.lifetime
        self.subscribes = self.overlaps = True
        self.expired: str | None = None
        self.canonical = canonical_for(_PLAIN)
        sign = partial(sign_as, venue.name, credentials)
        self._answer = venue.answer
        self._build = subscribe_by_signature(credentials.api_key, sign, dict(venue.parameters))

    def attach(self, machine: Stream, now: Callable[[], float], follow: Callable[[], None]) -> None:
        """See the port."""
        self._machine, self._now, self._follow = machine, now, follow
        self._confirm()

    def renew(self) -> None:
        """There is no key."""

    def ask(self, protocol: SocketProtocol | None) -> None:
        """Ask on the socket itself; where there is none, there is nothing to be in doubt about."""
        if not _ask_on(protocol, self._now()):
            self._confirm()

    def make_protocol(self, confirmed: Callable[[float], None]) -> SocketProtocol:
        """The subscription."""
        return WsApiProtocol(self.venue.name, self._build, confirmed, self._answer)

    @property
    def expires_at(self) -> float:
        """It has no end."""
        return inf

    def _confirm(self) -> None:
        now = self._now()
        self._machine.key_confirmed(1, "", now, now)
        self._follow()


def _ask_on(protocol: SocketProtocol | None, now: float) -> bool:
    """Whether there was anywhere to ask."""
    return protocol is not None and protocol.ask(now)
