"""``open_user_stream``: sockets that come and go in tasks of their own, behind one channel.

It stands on :func:`open_listen_key` and is built like it: tasks that never raise, but report; an own nursery that what
the block raises goes round; sockets that live until the block is over, so that the block can still read what its own
cleanup brings about. The tasks are in ``_socket_pool``.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, final

import trio
from trio.lowlevel import enable_ki_protection

from .._core._buffer import OnFull, Room
from .._core._key_lifecycle import OnExit
from .._errors import UsageError
from .._instrument import Instrument, Observer
from .._protocol._signing import check_session
from .._settings import Credentials, Timing
from .._validation import check_choice, check_name, check_port, check_since, check_type
from .._venue._signed_venue import SignedVenue
from .._venue._venue import Venue
from ..connectors._base import Connector
from ..events._types import E_co
from ..transports._base import Transport
from ._body_scope import BodyScope, close_nursery, error_to_raise, reraise_unchanged
from ._keeper import open_listen_key
from ._listen_key import ListenKey
from ._run_context import current_context
from ._signed_calls import SignedCalls
from ._socket_pool import SocketPool
from ._stream_access import KeyAccess, SignedAccess, StreamAccess
from ._user_stream import UserStream

if TYPE_CHECKING:  # not imported where nothing is shared
    from ..sharing._shared_key import SharedKey

__all__ = ["open_user_stream"]

_DEFAULT_TIMING: Final = Timing()


def open_user_stream(
    venue: Venue[E_co] | SignedVenue[E_co],
    credentials: Credentials,
    *,
    transport: Transport | None = None,
    connector: Connector | None = None,
    timing: Timing = _DEFAULT_TIMING,
    on_exit: OnExit = "close",
    instrument: Instrument | None = None,
    name: str | None = None,
    buffer: int = 10_000,
    buffer_bytes: int = 64 * 2**20,
    on_full: OnFull = "wait",
    since: int | None = None,
    sharing: SharedKey | None = None,
) -> AbstractAsyncContextManager[UserStream[E_co], None]:
    """Open an account's private stream: every event in order, once, or a :class:`Gap` in its place.

    ::

        async with open_user_stream(venues.BINANCE_USDM, Credentials(api_key)) as stream:
            async for item in stream:
                match item:
                    case Gap():
                        ...  # fetch the account's state: at first, and whenever events may be missing
                    case UserEvent():
                        print(item.type, item.data)

    The block is entered when the stream's first socket is open: all events from then on arrive. The first item is a
    :class:`Gap` of cause ``"opened"``, because earlier events are not known. The stream reconnects when a socket is
    lost, opens the next socket before an old one reaches its limit, and replaces a listen key that died. None of that
    raises.

    The stream stays open until the block ends, its cleanup included. An exception of the block passes through
    unchanged. See :func:`open_listen_key` for how the key is closed, and **whom else that silences**.

    Args:
        venue: The exchange: one of :mod:`trio_listenkey.venues`.
        credentials: The account.
        transport: Sends the requests about the key; ``None`` uses a shared one on httpcore2.
        connector: Opens the sockets, one of :mod:`trio_listenkey.connectors`; ``None`` uses a shared default.
        timing: All durations.
        on_exit: ``"close"`` closes the key at the end; ``"leave"`` lets it expire by itself.
        instrument: Its methods are called when something happens to the key or the stream.
        name: The account's name in logs, errors, statistics, ``repr`` and for instruments; ``None`` takes the venue's
            name. Up to 64 printable characters.
        buffer: How many events to buffer.
        buffer_bytes: How many bytes of messages to buffer, whatever their number: an exchange may send up to a megabyte
            in one. 64 MiB by default. During a planned reconnect, the next socket's events are buffered as well, within
            the same two limits. Python's objects add some 300 bytes for each event.
        on_full: What to do when the buffer is full. ``"wait"`` stops reading until there is room. If this takes too
            long, pings of the exchange are not answered, it closes the socket, and there is a gap. ``"drop_oldest"``
            and ``"drop_newest"`` drop events, and report a gap where they are missing. ``"fail"`` raises
            :exc:`SlowConsumerError` after the buffered events were received.
        since: The time of the last event that your program received from an earlier stream of this account, in
            milliseconds since 1970: that stream's :attr:`UserStream.last_event_time`. The first gap begins there;
            without it, in 1970.
        sharing: One key for many processes and machines, as for :func:`open_listen_key`. Silence checks are then
            shared, too.

    Raises:
        UsageError: An argument is wrong. Raised at the call, before anything is sent.
        UnavailableError: No key, or no socket, could be opened within ``timing.open_timeout``.
        RefusedError: The exchange refused the key, on opening or later; later, the block is cancelled first.
        RateLimitedError: A rate limit or ban lasts longer than ``timing.open_timeout``; or this process has
            reached the limit of new sockets at the host for that time.
    """
    access_block: AbstractAsyncContextManager[StreamAccess, None]
    if isinstance(venue, SignedVenue):
        check_type("credentials", credentials, Credentials, "Credentials(api_key, api_secret)")
        check_type("timing", timing, Timing, "Timing(...)")
        check_session(venue, credentials)
        if sharing is not None:
            raise UsageError(
                f"{venue.name} has no listen keys, so there is nothing to share",
                advice="Leave sharing= out: each program has a subscription of its own there, and none ends another's",
                venue=venue.name,
            )
        called = check_name(name, venue.name, (credentials.api_key, credentials.api_secret))
        access_block = _SignedAccessBlock(SignedAccess(venue, credentials, called))
    else:
        key_block = open_listen_key(
            venue,
            credentials,
            transport=transport,
            timing=timing,
            on_exit=on_exit,
            instrument=instrument,
            name=name,
            sharing=sharing,
        )
        access_block = _KeyAccessBlock(key_block, SignedCalls(venue, credentials, transport, timing))
    check_port("connector", connector, "connect", "one of trio_listenkey.connectors")
    check_type("buffer", buffer, int, "a number of events")
    if buffer < 1:
        raise UsageError(f"buffer is {buffer}", advice="Pass the number of events to buffer")
    check_type("buffer_bytes", buffer_bytes, int, "a number of bytes")
    if buffer_bytes < 1:
        raise UsageError(f"buffer_bytes is {buffer_bytes}", advice="Pass the number of bytes to buffer")
    check_choice("on_full", on_full, ("wait", "drop_oldest", "drop_newest", "fail"))
    check_since(since)
    room = Room(buffer, buffer_bytes, on_full)
    return _StreamBlock(access_block, connector, timing, Observer(instrument, name or venue.name), room, since)


@final
class _StreamBlock(AbstractAsyncContextManager[UserStream[Any], None]):
    """A class, not a generator, as the listen key's; the two are nested, where there is one."""

    __slots__ = ("_access_block", "_arguments", "_body", "_connector", "_nursery_manager", "_sockets")

    _sockets: SocketPool

    def __init__(
        self,
        access_block: AbstractAsyncContextManager[StreamAccess, None],
        connector: Connector | None,
        timing: Timing,
        observer: Observer,
        room: Room,
        since: int | None,
    ) -> None:
        self._access_block, self._connector = access_block, connector
        self._arguments = (timing, observer, room, since)
        self._body = BodyScope()
        # Strict, whatever the run says: else it would have to be asked, and there is none before the block is entered.
        self._nursery_manager = trio.open_nursery(strict_exception_groups=True)

    @enable_ki_protection
    async def __aenter__(self) -> UserStream[Any]:
        context = current_context()
        connector = context.connector if self._connector is None else self._connector
        began_at = context.clock.now()
        access = await self._access_block.__aenter__()
        if access.key is not None:  # the time that its create waited for a place in the budget is none of ours
            began_at += access.key.statistics().throttled_for
        nursery = await self._nursery_manager.__aenter__()
        self._sockets = SocketPool(access, self._body, nursery, connector, began_at, *self._arguments)
        error: BaseException | None = None
        try:
            await self._sockets.settled.wait()
        except BaseException as exc:  # noqa: ASYNC103, BLE001 - parked, not swallowed: the tasks have to end first
            error = exc
        if error is None and self._sockets.machine.failure is None and not self._body.is_interrupted:
            self._body.enter()
            return self._sockets.stream
        await self._leave(error, None)
        raise AssertionError("leaving with an error raises it")

    @enable_ki_protection
    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        error = self._body.leave(exc_type, exc, tb)
        await self._leave(error, exc)  # noqa: ASYNC102 - cancellable, and what it waits for is bounded

    async def _leave(self, error: BaseException | None, under_way: BaseException | None) -> None:
        """End the sockets, then the key, and raise what is to be raised, unless it is ``under_way`` already."""
        self._sockets.stop()
        outcome = await close_nursery(self._nursery_manager, error)
        outcome = error_to_raise(self._body.ended_by(outcome), self._sockets.machine.failure, "the user stream")
        if outcome is None:
            await self._access_block.__aexit__(None, None, None)
            return
        await self._access_block.__aexit__(type(outcome), outcome, outcome.__traceback__)
        if outcome is not under_way:
            reraise_unchanged(outcome)


@final
class _KeyAccessBlock(AbstractAsyncContextManager[StreamAccess, None]):
    """A listen key's block, as a stream sees it: see ``StreamAccess``."""

    def __init__(self, block: AbstractAsyncContextManager[ListenKey, None], calls: SignedCalls) -> None:
        self._block, self._calls = block, calls

    @enable_ki_protection
    async def __aenter__(self) -> StreamAccess:
        return KeyAccess(await self._block.__aenter__(), self._calls)

    @enable_ki_protection
    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self._block.__aexit__(exc_type, exc, tb)  # noqa: ASYNC102 - it is the key's own way out


@final
class _SignedAccessBlock(AbstractAsyncContextManager[StreamAccess, None]):
    """Where there is no key, there is nothing to open or to close."""

    def __init__(self, access: SignedAccess) -> None:
        self._access = access

    @enable_ki_protection
    async def __aenter__(self) -> StreamAccess:
        await trio.lowlevel.checkpoint_if_cancelled()
        return self._access

    @enable_ki_protection
    async def __aexit__(self, *_: object) -> None:
        pass
