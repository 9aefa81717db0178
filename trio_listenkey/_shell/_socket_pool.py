"""The tasks of one stream: one for each socket, one that lets time pass.

No task raises: what happens is reported to the stream's machine, ``_core._stream``, which decides what is done next.
Each task is shielded and is ended by its own scope, so that a cancellation of the block ends no socket before the
block's cleanup is over.
"""

from __future__ import annotations

import logging
import random
import traceback
from contextlib import suppress
from functools import partial
from math import inf
from typing import Final

import trio
from trio.lowlevel import enable_ki_protection

from .._core._buffer import OnFull
from .._core._stream import Ask, Close, Open, Stream, StreamNotice
from .._core._stream_socket import StreamSocket
from .._core._stream_states import SocketState
from .._errors import KeyLostError, ListenKeyError, RefusedError, UsageError
from .._instrument import Observer
from .._settings import Timing
from ..connectors._base import Connection, Connector, SocketError
from ._body_scope import BodyScope
from ._run_context import RunContext, current_context
from ._socket_task import SocketTask
from ._stream_access import StreamAccess
from ._user_stream import UserStream

__all__ = ["SocketPool"]

_log: Final = logging.getLogger("trio_listenkey")
_STRETCHES: Final = 8  # that the time for an answer to a ping is divided into; a power of two, so that sums are exact


class SocketPool:
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
        since: int | None,
    ) -> None:
        self._context: RunContext = current_context()
        self._connector, self._timing, self._observer = connector, timing, observer
        self._access, self._body, self._nursery = access, body, nursery
        self._name = access.venue.name
        self._can_wait = on_full == "wait"
        self._tasks: dict[StreamSocket, SocketTask] = {}
        self._alarm = self._context.alarm(timing.suspend_check_every)
        self._waits_until = inf
        self._room: trio.Event | None = None
        self._slept = self._context.clock.slept  # when the sockets' tasks last looked at the clock
        self.settled = trio.Event()
        self.machine = Stream(
            self._name,
            timing,
            self._context.door(access.venue, connector, self),
            limit=buffer,
            on_full=on_full,
            now=began_at,
            since=since,
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
                self._waits_until = self.machine.deadline
                await self._alarm.wait_until(self._waits_until)
                self._sync()

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
        if machine.deadline < self._waits_until or machine.state is SocketState.CLOSED:
            self._alarm.ring()
        for task in self._tasks.values():
            task.look_again()
        if self._context.clock.slept != self._slept:
            self._slept = self._context.clock.slept
            self._wake_all()

    def _do(self, action: Open | Close | Ask) -> None:
        match action:
            case Open(link):
                conversation = self._access.converse(partial(self._confirmed, link))
                task = self._tasks[link] = SocketTask(link, self._access.url, conversation)
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
    async def _run(self, task: SocketTask) -> None:
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
        except BaseException as fault:  # noqa: ASYNC103, BLE001 - parked: it is the block that it ends
            self._body.interrupt(fault)
            self.settled.set()
            error = SocketError("interrupted")
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

    async def _attend(self, task: SocketTask, connection: Connection) -> None:
        """Read and ping until the socket ends, or is to be closed."""
        with task.open:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._ping_loop, task, connection)
                if task.conversation is not None:
                    nursery.start_soon(task.go_on_speaking)
                await self._read(task, connection)

    async def _read(self, task: SocketTask, connection: Connection) -> None:
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
    async def _ping_loop(self, task: SocketTask, connection: Connection) -> None:
        """Ping the peer when it is time."""
        link, machine = task.link, self.machine
        while True:
            await task.sleep_until(self._to_trio, link)
            sent_at = self._context.clock.now()
            if await self._is_answered(connection):
                machine.ponged(link, sent_at, self._now())
            else:
                machine.unanswered(link, sent_at, self._now(), random.random())  # noqa: S311 - spreads load
            self._follow()

    async def _is_answered(self, connection: Connection) -> bool:
        """Ping once, and wait for the answer for as long as ``ping_every``, as far as we could have heard it.

        A program that computes for seconds, or is stopped and continued, reads nothing meanwhile: the answer may lie in
        the socket's buffer, and events with it. So time in which nothing could be read does not count. It is waited for
        in short stretches, and of each that took longer than it should only its own length counts: after it there are
        more, in which what is there is read.
        """
        answered = trio.Event()

        @enable_ki_protection
        async def ping() -> None:
            with suppress(Exception):  # whatever it is, the reader will hear of it, or nobody answers
                await connection.ping()
                answered.set()

        stretch = self._timing.ping_every / _STRETCHES
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ping)
            for _ in range(_STRETCHES):
                with trio.move_on_after(stretch):
                    await answered.wait()
                    break
            nursery.cancel_scope.cancel(reason="the ping was answered, or had its time")
        return answered.is_set()

    # What observers see.

    def _tell(self, notice: StreamNotice) -> None:
        venue, generation = self._name, self._access.generation
        match notice.kind:
            case "connected":
                key = "" if self._access.key is None else f", listen key {generation}"
                _log.info("%s: user stream connected%s", venue, key)
                self._observer.tell("connected", generation)
            case "unconnected":
                again = "" if notice.delay is None else f"; next try in {notice.delay:.1f} s"
                _log.warning("%s: user stream: %s%s", venue, notice.error, again)
                self._observer.tell("dropped", generation, notice.error)
            case "dropped":
                _log.warning("%s: user stream: socket lost: %s", venue, notice.error)
                self._observer.tell("dropped", generation, notice.error)
            case "gap" if notice.gap is not None and notice.gap.cause == "opened":
                _log.info("%s: user stream begins; of what was before, nothing is known", venue)
                self._observer.tell("gap", generation, notice.gap)
            case "gap" if notice.gap is not None:
                _log.warning("%s: user stream: gap of %.1f s (%s)", venue, notice.gap.duration, notice.gap.cause)
                self._observer.tell("gap", generation, notice.gap)
            case kind:
                _log.debug("%s: user stream %s", venue, kind)


def _told(fault: Exception) -> Exception:
    """What was raised, if that may be shown; else what there is to say of it."""
    if isinstance(fault, SocketError | ListenKeyError):
        return fault
    # Where it was raised, but not its text: that may hold the URL, and so the listen key.
    frames = traceback.extract_tb(fault.__traceback__)
    where = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "an unknown place"
    return SocketError(f"the connector raised {type(fault).__name__} at {where}, where only SocketError is allowed")
