"""``open_user_stream``: sockets that come and go in tasks of their own, behind one channel.

It stands on :func:`open_listen_key` and is built like it: tasks that never raise, but report; an own nursery that what
the block raises goes round; sockets that live until the block is over, so that the block can still read what its own
cleanup brings about. Each socket is a task, shielded, ended by its scope; one more task lets time pass.

What to do and when is decided in ``_core._stream``; this file opens, reads, closes, and tells.
"""

from __future__ import annotations

import logging
import random
import traceback
from contextlib import AbstractAsyncContextManager, suppress
from functools import partial
from math import inf
from types import TracebackType
from typing import Any, Final, final

import trio
from trio.lowlevel import enable_ki_protection

from .._core._buffer import OnFull
from .._core._key_lifecycle import OnExit
from .._core._stream import Ask, Close, Open, Stream, StreamNotice
from .._core._stream_socket import StreamSocket
from .._core._stream_states import SocketState
from .._errors import KeyLostError, ListenKeyError, RefusedError, UsageError
from .._instrument import Instrument, Observer
from .._protocol._signing import check_session
from .._protocol._socket_protocol import SocketProtocol
from .._settings import Credentials, Timing
from .._validation import check_choice, check_port, check_type
from .._venue._signed_venue import SignedVenue
from .._venue._venue import Venue
from ..connectors._base import Connection, Connector, SocketError
from ..transports._base import Transport
from ._body_scope import BodyScope, close_nursery, error_to_raise, reraise_unchanged
from ._clock import SteadyClock
from ._keeper import open_listen_key
from ._listen_key import ListenKey
from ._protocol_connection import ProtocolConnection
from ._run_context import RunContext, current_context
from ._stream_access import KeyAccess, SignedAccess, StreamAccess
from ._user_stream import UserStream

__all__ = ["open_user_stream"]

_log: Final = logging.getLogger("trio_listenkey")
_DEFAULT_TIMING: Final = Timing()
_GOODBYE_LIMIT: Final = 0.5  # seconds; the connectors' contract, but a connector may be anyone's


def open_user_stream(
    venue: Venue | SignedVenue,
    credentials: Credentials,
    *,
    transport: Transport | None = None,
    connector: Connector | None = None,
    timing: Timing = _DEFAULT_TIMING,
    on_exit: OnExit = "close",
    instrument: Instrument | None = None,
    buffer: int = 10_000,
    on_full: OnFull = "wait",
) -> AbstractAsyncContextManager[UserStream, None]:
    """Open an account's private stream: every event in order, once, or a :class:`Gap` in its place.

    ::

        async with open_user_stream(venues.BINANCE_USDM, Credentials(api_key)) as stream:
            async for item in stream:
                match item:
                    case Gap():
                        ...  # some events may be missing: fetch the account's state
                    case UserEvent():
                        print(item.type, item.data)

    The block is entered when the stream's first socket is open: what happens to the account from then on arrives. A
    socket that ends is followed by another; one that grows old is left only when the next one is open; a listen key
    that dies is replaced, and the stream moves. None of that raises.

    The stream goes on until the block is over, its cleanup included. What the block raises leaves unchanged. See
    :func:`open_listen_key` for how the key is closed, and **whom else that silences**.

    Args:
        venue: The exchange: one of :mod:`trio_listenkey.venues`.
        credentials: The account.
        transport: What sends the requests about the key; ``None`` takes a shared one on httpcore2.
        connector: What opens the sockets, one of :mod:`trio_listenkey.connectors`; ``None`` takes a shared default.
        timing: Every duration.
        on_exit: ``"close"`` closes the key on the way out; ``"leave"`` lets it expire by itself.
        instrument: Told of everything that happens to the key and to the stream.
        buffer: How many events there is room for until they are taken.
        on_full: What to do when there are more. ``"wait"`` stops reading until there is room. An exchange ends the
            socket of a reader that is too slow for too long, for what is not read can be no ping that is answered:
            then there is a gap. ``"drop_oldest"`` and ``"drop_newest"`` drop events, and tell it as a gap where they
            are missing. ``"fail"`` raises :exc:`SlowConsumerError` once the buffered ones were taken.

    Raises:
        UsageError: An argument is wrong. Raised at the call, before anything is sent.
        UnavailableError: No key, or no socket, could be had within ``timing.open_timeout``.
        RefusedError: The exchange refused the key, on opening or later; later, the block is cancelled first.
        RateLimitedError: The exchange wants silence for longer than ``timing.open_timeout``.
    """
    access_block: AbstractAsyncContextManager[StreamAccess, None]
    if isinstance(venue, SignedVenue):
        check_type("credentials", credentials, Credentials, "Credentials(api_key, api_secret)")
        check_type("timing", timing, Timing, "Timing(...)")
        check_session(venue, credentials)
        access_block = _SignedAccessBlock(venue, credentials)
    else:
        access_block = _KeyAccessBlock(
            open_listen_key(
                venue, credentials, transport=transport, timing=timing, on_exit=on_exit, instrument=instrument
            )
        )
    check_port("connector", connector, "connect", "one of trio_listenkey.connectors")
    check_type("buffer", buffer, int, "a number of events")
    if buffer < 1:
        raise UsageError(f"buffer is {buffer}", advice="Pass the number of events that there is to be room for")
    check_choice("on_full", on_full, ("wait", "drop_oldest", "drop_newest", "fail"))
    return _StreamBlock(access_block, connector, timing, Observer(instrument, venue.name), buffer, on_full)


@final
class _StreamBlock(AbstractAsyncContextManager[UserStream, None]):
    """A class, not a generator, as the listen key's; the two are nested, where there is one."""

    __slots__ = ("_access_block", "_arguments", "_body", "_connector", "_nursery_manager", "_sockets")

    _sockets: _Sockets

    def __init__(
        self,
        access_block: AbstractAsyncContextManager[StreamAccess, None],
        connector: Connector | None,
        timing: Timing,
        observer: Observer,
        buffer: int,
        on_full: OnFull,
    ) -> None:
        self._access_block, self._connector = access_block, connector
        self._arguments = (timing, observer, buffer, on_full)
        self._body = BodyScope()
        # Strict, whatever the run says: else it would have to be asked, and there is none before the block is entered.
        self._nursery_manager = trio.open_nursery(strict_exception_groups=True)

    @enable_ki_protection
    async def __aenter__(self) -> UserStream:
        context = current_context()
        connector = context.connector if self._connector is None else self._connector
        began_at = context.clock.now()
        access = await self._access_block.__aenter__()
        nursery = await self._nursery_manager.__aenter__()
        self._sockets = _Sockets(access, self._body, nursery, connector, began_at, *self._arguments)
        error: BaseException | None = None
        try:
            await self._sockets.settled.wait()
        except BaseException as exc:  # noqa: ASYNC103, BLE001 - parked, not swallowed: the tasks have to end first
            error = exc
        if error is None and self._sockets.machine.failure is None:
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
        outcome = error_to_raise(outcome, self._sockets.machine.failure, "the user stream")
        if outcome is None:
            await self._access_block.__aexit__(None, None, None)
            return
        await self._access_block.__aexit__(type(outcome), outcome, outcome.__traceback__)
        if outcome is not under_way:
            reraise_unchanged(outcome)


@final
class _KeyAccessBlock(AbstractAsyncContextManager[StreamAccess, None]):
    """A listen key's block, for a lease."""

    def __init__(self, block: AbstractAsyncContextManager[ListenKey, None]) -> None:
        self._block = block

    @enable_ki_protection
    async def __aenter__(self) -> StreamAccess:
        return KeyAccess(await self._block.__aenter__())

    @enable_ki_protection
    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self._block.__aexit__(exc_type, exc, tb)  # noqa: ASYNC102 - it is the key's own way out


@final
class _SignedAccessBlock(AbstractAsyncContextManager[StreamAccess, None]):
    """Where there is no key, there is nothing to open or to close."""

    def __init__(self, venue: SignedVenue, credentials: Credentials) -> None:
        self._access = SignedAccess(venue, credentials)

    @enable_ki_protection
    async def __aenter__(self) -> StreamAccess:
        await trio.lowlevel.checkpoint_if_cancelled()
        return self._access

    @enable_ki_protection
    async def __aexit__(self, *_: object) -> None:
        pass


class _Sockets:
    """The tasks of one stream: one for each socket, one for the time."""

    def __init__(
        self,
        access: StreamAccess,
        body: BodyScope,
        nursery: trio.Nursery,
        connector: Connector,
        began_at: float,
        timing: Timing,
        observer: Observer,
        buffer: int,
        on_full: OnFull,
    ) -> None:
        self._context: RunContext = current_context()
        self._connector, self._timing, self._observer = connector, timing, observer
        self._access, self._body, self._nursery = access, body, nursery
        self._name = access.venue.name
        self._can_wait = on_full == "wait"
        self._tasks: dict[StreamSocket, _Task] = {}
        self._nap: trio.CancelScope | None = None
        self._nap_until = inf
        self._room: trio.Event | None = None
        self._slept = self._context.clock.slept  # when the sockets' tasks last looked at the clock
        self.settled = trio.Event()
        self.machine = Stream(
            self._name,
            timing,
            self._context.door(access.venue),
            limit=buffer,
            on_full=on_full,
            now=began_at,
            lifetime=access.lifetime,
            subscribes=access.subscribes,
            overlaps=access.overlaps,
            expired=access.expired,
            draw=random.random(),  # noqa: S311 - spreads load
        )
        self.stream = UserStream(access, self.machine, self._sync, self._make_room)
        access.attach(self.machine, self._now, self._follow)
        nursery.start_soon(self._pass_time, name=f"user stream of {self._name}")

    def stop(self) -> None:
        """The block is over."""
        self.stream._close()  # noqa: SLF001 - as above

    # Time.

    def _now(self) -> float:
        clock, machine = self._context.clock, self.machine
        now = clock.now()
        machine.to_local = -clock.slept
        return now

    def _to_trio(self, when: float) -> float:
        return self._context.clock.to_trio(when)

    @enable_ki_protection
    async def _pass_time(self) -> None:
        # Shielded, as all tasks here: the block's cleanup may want events. It ends when the machine is stopped.
        with trio.CancelScope(shield=True):
            self._sync()
            while self.machine.state is not SocketState.CLOSED:
                await self._wait_until(self.machine.deadline)
                self._sync()

    async def _wait_until(self, when: float) -> None:
        self._nap_until = when
        limit = min(self._to_trio(when), trio.current_time() + self._timing.suspend_check_every)
        with trio.CancelScope(deadline=limit) as self._nap:
            await trio.sleep_forever()
        self._nap = None

    # What the machine wants.

    def _sync(self) -> None:
        """Let the machine know the time, and do what it wants."""
        now = self._now()
        self.machine.to_unix = self._context.clock.unix() - now  # the two hardly drift apart: now and then is enough
        self.machine.tick(now)
        self._follow()

    def _follow(self) -> None:
        machine = self.machine
        if machine.buffer.overflowed or machine.failure is not None:
            machine.stop()
        for notice in machine.notices():
            self._tell(notice)
        for action in machine.actions():
            self._do(action)
        if machine.was_open or machine.failure is not None:
            self.settled.set()
        if machine.failure is not None:
            self._body.cancel("the user stream failed")
        self.stream._wake()  # noqa: SLF001 - as above
        if self._nap is not None and (machine.deadline < self._nap_until or machine.state is SocketState.CLOSED):
            self._nap.cancel()
        for task in self._tasks.values():
            task.look_again()
        if self._context.clock.slept != self._slept:
            self._slept = self._context.clock.slept
            self._wake_all()

    def _do(self, action: Open | Close | Ask) -> None:
        match action:
            case Open(link):
                conversation = self._access.converse(partial(self._confirmed, link))
                task = self._tasks[link] = _Task(link, self._access.url, conversation)
                self._nursery.start_soon(self._run, task, name=f"user stream socket of {self._name}")
            case Close(link, politely):
                self._tasks[link].close(politely=politely)
            case _ if action.link is None:
                self._access.ask(None)
            case _:
                self._access.ask(self._tasks[action.link].conversation)
                self._tasks[action.link].speak()

    def _wake_all(self) -> None:
        for task in self._tasks.values():
            task.wake()

    # One socket.

    @enable_ki_protection
    async def _run(self, task: _Task) -> None:
        """Open a socket, read from it, and report how it ended."""
        link = task.link
        was_open = False
        error: Exception | None = None
        try:
            with task.whole:
                task.whole.deadline = trio.current_time() + self._timing.connect_timeout
                async with self._connector.connect(task.url) as socket:
                    connection = await task.begin(socket, self._context.clock)
                    task.whole.deadline = inf
                    was_open = True
                    self.machine.opened(link, self._now())
                    self._follow()
                    await self._attend(task, connection)
        except Exception as fault:  # noqa: BLE001 - a connector may be anyone's, and this never raises
            error = _told(fault)
        if error is None:
            error = SocketError("closed" if was_open else f"no connection within {self._timing.connect_timeout:g} s")
        now, draw = self._now(), random.random()  # noqa: S311 - spreads load
        if was_open:
            self.machine.ended(link, error, now, draw)
        else:
            self.machine.open_failed(link, error, now, draw)
            self._on_socket_error(error)
        del self._tasks[link]
        self._follow()

    def _confirmed(self, link: StreamSocket, asked_at: float) -> None:
        self.machine.confirmed(link, asked_at, self._now())
        self._follow()

    def _on_socket_error(self, error: Exception) -> None:
        """What an exchange says on the socket itself may be the end of everything, or of a token."""
        if isinstance(error, RefusedError | UsageError):
            self.machine.fail(error)
        elif isinstance(error, KeyLostError):
            self._access.renew()

    async def _attend(self, task: _Task, connection: Connection) -> None:
        """Read and ping until the socket ends, or is to be closed."""
        with task.open:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._ping_loop, task, connection)
                if task.conversation is not None:
                    nursery.start_soon(task.go_on_speaking)
                await self._read(task, connection)

    async def _read(self, task: _Task, connection: Connection) -> None:
        machine, link = self.machine, task.link
        while True:
            if self._can_wait and machine.buffer.is_overfull and link.held is None:
                await self._wait_for_room(link)
            try:
                batch = await connection.receive()
                if not batch:
                    raise SocketError("the connector received nothing, where at least one message is due")  # noqa: TRY301
            except Exception as fault:  # noqa: BLE001 - a connector may be anyone's, and this never raises
                error = _told(fault)
                self._on_socket_error(error)
                machine.ended(link, error, self._now(), random.random())  # noqa: S311 - spreads load
                self._follow()
                # There is nobody to say goodbye to.
                task.whole.cancel(reason="the socket ended")
                await trio.lowlevel.checkpoint()  # noqa: ASYNC120 - it was told of just above
                raise AssertionError("a cancelled scope lets no one pass") from None
            machine.received(link, batch, self._now())
            if machine.has_news:
                self._follow()
            else:
                self.stream._wake()  # noqa: SLF001 - as above

    async def _wait_for_room(self, link: StreamSocket) -> None:
        self.machine.paused(link)
        self._room = trio.Event()
        await self._room.wait()
        self.machine.resumed(link, self._now())
        self._follow()

    def _make_room(self) -> None:
        if self._room is not None and not self.machine.buffer.is_overfull:
            self._room.set()
            self._room = None

    @enable_ki_protection
    async def _ping_loop(self, task: _Task, connection: Connection) -> None:
        """Ping the peer when it is time."""
        link, machine = task.link, self.machine
        while True:
            await task.sleep_until(self._to_trio, link)
            sent_at = self._context.clock.now()
            answered = False
            with trio.move_on_after(self._timing.ping_every):
                try:
                    await connection.ping()
                    answered = True
                except Exception:  # noqa: BLE001 - whatever it is, the reader will hear of it, or nobody answers
                    await trio.sleep_forever()
            if answered:
                machine.ponged(link, sent_at, self._now())
            else:
                machine.unanswered(link, sent_at, self._now(), random.random())  # noqa: S311 - spreads load
            self._follow()

    # What observers see.

    def _tell(self, notice: StreamNotice) -> None:
        venue, generation = self._name, self._access.generation
        match notice.kind:
            case "connected":
                key = "" if self._access.key is None else f", listen key {generation}"
                _log.info("%s: user stream connected%s", venue, key)
                self._observer.tell("connected", generation)
            case "unconnected":
                _log.warning("%s: user stream: %s; next try in %.1f s", venue, notice.error, notice.delay)
                self._observer.tell("dropped", generation, notice.error)
            case "dropped":
                _log.warning("%s: user stream: socket lost: %s", venue, notice.error)
                self._observer.tell("dropped", generation, notice.error)
            case "gap" if notice.gap is not None:
                _log.warning("%s: user stream: gap of %.1f s (%s)", venue, notice.gap.duration, notice.gap.cause)
                self._observer.tell("gap", generation, notice.gap)
            case kind:
                _log.debug("%s: user stream %s", venue, kind)


class _Task:
    """One socket's task, and how others speak to it."""

    def __init__(self, link: StreamSocket, url: str, conversation: SocketProtocol | None) -> None:
        self.link = link
        self.url = url
        self.conversation = conversation
        self._talk: ProtocolConnection | None = None
        self.whole = trio.CancelScope(shield=True)
        """Cancel it to have the socket closed at once."""
        self.open = trio.CancelScope()
        """Cancel it to have the socket closed with a goodbye."""
        self._nap: trio.CancelScope | None = None
        self._nap_until = inf

    def close(self, *, politely: bool) -> None:
        """Have the socket closed."""
        if politely and self.link.opened_at < inf:
            self.open.cancel(reason="the socket is not needed any more")
            self.whole.deadline = min(self.whole.deadline, trio.current_time() + _GOODBYE_LIMIT)
        else:
            self.whole.cancel(reason="the socket is not wanted any more")

    async def begin(self, connection: Connection, clock: SteadyClock) -> Connection:
        """Say what has to be said before events come; what to read them from."""
        if self.conversation is None:
            return connection
        self._talk = ProtocolConnection(connection, self.conversation, clock)
        await self._talk.begin()
        return self._talk

    @enable_ki_protection
    async def go_on_speaking(self) -> None:
        """Say whatever there comes to be to say."""
        assert self._talk is not None
        with suppress(Exception):  # whatever it is, the reader will hear of it
            await self._talk.speak()

    def speak(self) -> None:
        """There may be something to say."""
        if self._talk is not None:
            self._talk.look_again()

    async def sleep_until(self, to_trio: Any, link: StreamSocket) -> None:
        """Sleep until the next ping is due; that may come to be earlier meanwhile."""
        while to_trio(link.ping_at) > trio.current_time():
            self._nap_until = link.ping_at
            with trio.CancelScope(deadline=to_trio(link.ping_at)) as self._nap:
                await trio.sleep_forever()
            self._nap = None

    def look_again(self) -> None:
        """The next ping may have become due earlier."""
        if self.link.ping_at < self._nap_until:
            self.wake()

    def wake(self) -> None:
        """Look at the clock again: it may have leapt."""
        if self._nap is not None:
            self._nap.cancel()


def _told(fault: Exception) -> Exception:
    """What was raised, if that may be shown; else what there is to say of it."""
    if isinstance(fault, SocketError | ListenKeyError):
        return fault
    # Where it was raised, but not its text: that may hold the URL, and so the listen key.
    frames = traceback.extract_tb(fault.__traceback__)
    where = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "an unknown place"
    return SocketError(f"the connector raised {type(fault).__name__} at {where}, where only SocketError is allowed")
