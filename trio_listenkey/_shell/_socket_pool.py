"""The tasks of one stream: one for each socket, one that lets time pass.

Who decides
===========

The stream's machine, ``_core._stream``. A task reports to it what has happened: a socket is open, has received
messages, has ended, a ping was answered. Then :meth:`SocketPool._follow` executes the machine's decisions and wakes the
tasks that have to check again. So every report is followed by ``_follow``; except on the path of an event, which first
checks whether there is anything to do.

What holds for all tasks
========================

* They run in one nursery, which the block of ``_open_stream`` closes last. None of them raises: an exception in a task
  would cancel the nursery, and come out of the block in a group. Failures become reports to the machine, and Ctrl-C is
  parked in the block's ``BodyScope``.
* They are shielded, so that a cancellation of the block ends no socket before the block's own cleanup is over, which
  may want the events that it brings about itself. Every shield has an end: the machine is stopped on the way out,
  and closes each socket, politely within half a second.
* They are protected from Ctrl-C, which would otherwise be raised wherever the loop happens to be.
* Between two checkpoints nothing else runs, so that the machine is never changed while it takes a step. No step of it
  waits for anything.

Who reads
=========

A socket's task, or a consumer that waits for an event: see ``_standby``. Either calls ``_received`` with what came, in
the step in which it was read. What else a read may end in, this task is left to find by a read of its own.

How a socket ends
=================

* The peer ends it, or the network: ``connection.receive`` raises, and ``_read`` reports ``ended``.
* It answers no ping (S4): ``_ping_loop`` reports ``unanswered``. The machine wants it closed at once.
* The machine wants it closed because it is old, or because the block is over: with a close frame, if it was open.
* Its handshake fails, or takes longer than ``connect_timeout``, with what has to be said before events come included.
* The connector breaks its contract, by another exception than ``SocketError``: it is reported as an end like any other,
  with the place but not the text of the exception (T1).

In each case the end is reported to the machine before the task is over, whether the machine wanted it or not, and maybe
twice. The machine ignores reports about a socket that it has given up: so the tasks need not track who was first.

Time
====

The machine's axis is that of ``SteadyClock``, which goes on while the machine sleeps; trio's does not. A wait ends on
trio's clock, and after ``suspend_check_every`` at the latest: then, if the two are found to differ by more than before,
everybody looks at the clock again.

The file is long for what is said in it. It is one class, for all of its tasks report to one machine.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from math import inf
from typing import Final

import trio
from trio.lowlevel import enable_ki_protection

from .._core._buffer import Room
from .._core._notices import Connected, Dropped, StreamNotice, ToldGap, Unconnected
from .._core._stream import Stream
from .._core._stream_actions import Action, AskAboutKey, Close, Open
from .._core._stream_socket import StreamSocket
from .._core._stream_states import SocketState
from .._errors import KeyLostError, ListenKeyError, RefusedError, UsageError, name_error
from .._instrument import Observer
from .._settings import Timing
from ..connectors._base import Connection, Connector, OpenToAll, SocketError
from ._alarm import Alarm
from ._body_scope import BodyScope
from ._broken_contracts import place_of
from ._run_context import RunContext, current_context
from ._socket_task import SocketTask
from ._standby import Standby
from ._stream_access import StreamAccess
from ._user_stream import UserStream

__all__ = ["SocketPool"]

_log: Final = logging.getLogger("trio_listenkey")
_STRETCHES: Final = 8  # that the time for an answer to a ping is divided into; a power of two, so that sums are exact


class SocketPool:
    """The tasks of one stream: one for each socket, one for the time.

    Args:
        access: What gives the stream its right to events.
        body: The block's scope: cancelled if there is no way on.
        nursery: Of the block; all tasks are started in it.
        connector: Opens sockets.
        began_at: When opening began, on the machine's axis: before the key was there.
        timing: Durations.
        observer: Told what happens.
        room: What the buffer has room for.
        since: See ``open_user_stream``.
    """

    machine: Stream
    """Decides. Its steps are made here and in ``access``. The user's task takes items from its buffer, stops it, and
    has it let time pass before it reads whether the stream is live (S8); that is all."""

    stream: UserStream
    """What the block is given. What is in the buffer can be taken after a failure, and not after it was closed."""

    settled: trio.Event
    """Set once the first socket is open, or cannot be had: then entering the block is over. It stays set. Set by
    ``_follow``, and by ``_run`` for an interrupt, which to the machine is no failure."""

    _access: StreamAccess
    """The key, or the signed subscriptions. It reports what happens to the key to the machine by itself, from the
    moment at which it is attached; here it is only asked: for a URL, and whether the key is alive."""

    _body: BodyScope
    """The block's scope. Cancelled if there is no way on. Ctrl-C that comes out of a connector is parked in it (L4)."""

    _nursery: trio.Nursery
    """The block's. What runs in it never raises, so it has no errors to group, and only waits for the tasks' ends."""

    _can_wait: bool
    """Whether a full buffer stops the reader. Else what is beyond its room is dropped, or ends the stream: the user's
    choice (S6)."""

    _tasks: dict[StreamSocket, SocketTask]
    """The sockets that are open, being opened or being closed. A task is entered before it is started, and leaves as
    the last thing that it does: the machine may want a socket closed before its task has run for the first time."""

    _alarm: Alarm
    """What the task that lets time pass waits for; ring it to have that task look again. It also ends by itself after
    ``suspend_check_every``, for trio's clock stands still while the machine sleeps (K2)."""

    _waits_until: float
    """When that wait is over by itself. It is ended only for an earlier time: most events change no deadline. Written
    by ``_pass_time`` alone, before each wait."""

    _room: trio.Event | None
    """What the reader of the socket that delivers waits for while the buffer is overfull; ``None`` otherwise. There is
    one such reader at most: the other socket's events are held, and bounded by themselves."""

    _slept: float
    """The time that the machine has slept, when the sockets' tasks last looked at the clock. Where the clock says more,
    every wait of theirs would end late by the difference, and a ping with it (S4)."""

    def __init__(
        self,
        access: StreamAccess,
        body: BodyScope,
        nursery: trio.Nursery,
        connector: Connector,
        began_at: float,
        timing: Timing,
        observer: Observer,
        room: Room,
        since: int | None,
    ) -> None:
        self._context: RunContext = current_context()
        self._connector, self._timing, self._observer = connector, timing, observer
        self._access, self._body, self._nursery = access, body, nursery
        self._name = access.name
        self._can_wait = room.on_full == "wait"
        self._tasks = {}
        self._alarm = self._context.alarm(timing.suspend_check_every)
        self._waits_until = inf
        self._room = None
        self._slept = self._context.clock.slept
        self.settled = trio.Event()
        self.machine = Stream(
            access.venue.name,
            timing,
            self._context.connect_limiter(access.venue, connector, self),
            room=room,
            now=began_at,
            since=since,
            lifetime=access.lifetime,
            subscribes=access.subscribes,
            overlaps=access.overlaps,
            expired=access.expired,
            canonical=access.canonical,
            reader=None if access.venue.events is None else access.venue.events.reader(),
            draw=random.random,
        )
        self.stream = UserStream(access, self.machine, self._sync, self._make_room)
        # From here on the key's state is reported to the machine: at once, if it is held. So all of this has to be
        # complete by now.
        access.attach(self.machine, self._now, self._follow)
        nursery.start_soon(self._pass_time, name=f"user stream of {self._name}")

    def stop(self) -> None:
        """The block is over: close the sockets. Their tasks end soon, and with them the one that lets time pass.

        It is by the stream that the machine is stopped, for who still waits for an item has to be told as well (S7).
        """
        self.stream._close()  # noqa: SLF001 - the other half of it

    # Time.

    def _now(self) -> float:
        """The time on the machine's axis; the machine is told at the same time what that is on trio's clock.

        Taken anew for each report, and never kept across a wait: after a suspend it would be from before that.
        """
        clock, machine = self._context.clock, self.machine
        now = clock.now()
        machine.axes.to_local = -clock.slept
        return now

    def _to_trio(self, when: float) -> float:
        return self._context.clock.to_trio(when)

    @enable_ki_protection
    async def _pass_time(self) -> None:
        """Let time pass for the machine, until it is stopped."""
        # Shielded, as all tasks here: the block's cleanup may want events. It ends when the machine is stopped.
        with trio.CancelScope(shield=True):
            self._sync()
            while self.machine.state is not SocketState.CLOSED:
                # Between these two lines nothing else runs: no step can make the deadline earlier unnoticed.
                self._waits_until = self.machine.deadline
                await self._alarm.wait_until(self._waits_until)
                self._sync()

    # What the machine wants.

    def _sync(self) -> None:
        """Let the machine know the time, and do what it wants.

        The user's task calls it, too, to read statistics: they are as of now, and not as of the last event (S8).
        """
        now = self._now()
        self.machine.axes.to_unix = (
            self._context.clock.unix() - now
        )  # the two hardly drift apart: now and then is enough
        self.machine.tick(now)
        self._follow()

    def _follow(self) -> None:
        """Do what the machine wants after what was reported to it, and wake the tasks that have to check again.

        It never waits, and calls no code of the user's but the instrument, whose exceptions end there.

        The machine is stopped first, so that the sockets which it then wants closed are among the actions.
        """
        machine = self.machine
        if machine.buffer.overflowed or machine.failure is not None:
            machine.stop()  # what is in the buffer can still be taken
        # Observers are notified before the machine's decisions are executed.
        for notice in machine.notices():
            self._tell(notice)
        for action in machine.actions():
            self._do(action)
        if machine.was_open or machine.failure is not None:
            self.settled.set()
        if machine.failure is not None:
            name_error(machine.failure, self._name)
            # Again and again, for as long as there is a step: cancelling twice does nothing. The block hears of it at
            # once; what it cleans up may still take what is in the buffer.
            self._body.cancel("the user stream failed")
        self.stream._wake()  # noqa: SLF001 - as above
        if machine.deadline < self._waits_until or machine.state is SocketState.CLOSED:
            self._alarm.ring()
        for task in self._tasks.values():
            # A ping may have become due earlier: the machine asks a socket by it whether it has delivered everything.
            task.recheck_ping()
        # A leap of the clock is detected by the first task that reads it, which is not always one of this stream.
        if self._context.clock.slept != self._slept:
            self._slept = self._context.clock.slept
            self._wake_all()

    def _do(self, action: Action) -> None:
        """Begin to do it. What comes of it is reported when it does.

        What the machine wants done is never refused: it counts on it that each ``Open`` ends in exactly one of
        ``open_failed`` and ``opened``, and the latter in ``ended``.
        """
        match action:
            case Open(socket):
                # The URL is taken now, in the step in which the machine has fixed the generation that goes with it.
                protocol = self._access.make_protocol(partial(self._confirmed, socket))
                task = self._tasks[socket] = SocketTask(socket, self._access.url, protocol)
                self._nursery.start_soon(self._run, task, name=f"user stream socket of {self._name}")
            case Close(socket, politely):
                # The task leaves ``_tasks`` when the socket is closed, so it is there for as long as one may be wanted.
                self._tasks[socket].close(politely=politely)
            case AskAboutKey():
                self._access.ask(None)
            case _:  # on the socket itself: the answer comes back by ``_confirmed``
                task = self._tasks[action.socket]
                self._access.ask(task.protocol)
                task.wake_sender()

    def _wake_all(self) -> None:
        """All waits are on trio's clock, and what they stand for on the machine's axis has moved.

        A ping that was due during a suspend is sent at once, and shows within one interval whether the peer is still
        there. If the suspend was long, nothing that is read before its answer is news: see ``Stream._deliver`` (S8).
        """
        for task in self._tasks.values():
            task.wake()

    # One socket.

    @enable_ki_protection
    async def _run(self, task: SocketTask) -> None:
        """Open a socket, read from it, and report how it ended.

        It ends in one of four ways: the handshake failed; the connection is over, which ``_read`` has reported; the
        machine wanted it closed, by ``task.open`` with a close frame, or by ``task.whole`` at once; or Ctrl-C.

        ``task.whole`` is shielded, for the block's cancellation must end no socket by itself, and surrounds the
        connector's own exit: a connector that hangs while it closes is cut off by the same scope.
        """
        socket = task.socket
        was_open = False
        error: Exception | None = None
        try:
            with task.whole:
                task.whole.deadline = trio.current_time() + self._timing.connect_timeout
                async with self._connector.connect(task.url) as raw_connection:
                    connection = await task.begin(raw_connection, self._context.clock)
                    task.whole.deadline = inf  # from here on pings say whether the peer is there
                    was_open = True
                    # No checkpoint between the two: what is open is reported as such, and only then as ended.
                    self.machine.opened(socket, self._now())
                    self._follow()
                    await self._attend(task, connection)
        except Exception as fault:  # noqa: BLE001 - a connector may be anyone's, and this never raises
            error = _told(fault)
        # ``Cancelled`` does not come here: no scope above ``whole`` is ever seen through its shield. What does come is
        # Ctrl-C, raised in a task of a library's own that no protection of ours reaches.
        except BaseException as fault:  # noqa: ASYNC103, BLE001 - parked: it is the block that it ends
            self._body.interrupt(fault)
            self.settled.set()
            error = SocketError("interrupted")
        # Without an error a scope was cancelled: by the machine, or by the deadline of the handshake.
        if error is None:
            error = SocketError("closed" if was_open else f"no connection within {self._timing.connect_timeout:g} s")
        # What was reported already, or was wanted, is of no interest to the machine, and means nothing to it.
        if was_open:
            self.machine.ended(socket, error, self._now())
        else:
            self.machine.open_failed(socket, error, self._now())
            # What a subscription was refused with is an answer about it; of an open socket, ``_read`` has looked at it.
            self._on_socket_error(task, error)
        del self._tasks[socket]
        self._follow()  # last, and with nothing left here that the machine could want closed

    def _confirmed(self, socket: StreamSocket, asked_at: float) -> None:
        """Called by the socket's protocol, when all that came before the answer was passed on.

        Not earlier: the machine takes it that everything until ``asked_at`` has been received (S2).
        """
        self.machine.confirmed(socket, asked_at, self._now())
        self._follow()

    def _on_socket_error(self, task: SocketTask, error: Exception) -> None:
        """What an exchange says on the socket itself may be the end of everything, or of a token.

        A token that has run out is no failure: another one is fetched, and the next socket is opened with that.
        """
        if isinstance(error, RefusedError | UsageError):
            protocol = task.protocol
            self.machine.refused(error, is_doubtful=protocol is not None and protocol.is_doubtful)
        elif isinstance(error, KeyLostError):
            self._access.renew()

    async def _attend(self, task: SocketTask, connection: Connection) -> None:
        """Read and ping until the socket ends, or is to be closed.

        The nursery has no exceptions to group: reading ends by a cancellation, and the other two end with it.

        A polite close cancels ``task.open`` from outside. So reading and pinging stop, and only then does the connector
        close, within the time that ``task.whole`` leaves it: no task writes to a socket that is being closed.
        """
        with task.open:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._ping_loop, task, connection)
                if task.protocol is not None:
                    nursery.start_soon(task.send_when_due)
                await self._read(task, connection)

    async def _read(self, task: SocketTask, connection: Connection) -> None:
        """Read until the connection is over, report why, and have the socket closed at once.

        By itself it leaves by a cancellation of ``task.whole``, and never by an exception: what there is to report was
        reported here, at the time at which it happened, and ``_run`` need not tell one end from another.
        """
        machine, socket = self.machine, task.socket
        while True:
            # S6: looked at before a batch is read, so that the buffer goes beyond its limit by one batch at most. Only
            # the socket that delivers is stopped by it. What the next one brings is held beside it, and the machine
            # ends the overlap if that becomes too much.
            if self._can_wait and machine.buffer.is_overfull and socket.held is None:
                await self._wait_for_room(socket)
            try:
                batch = await connection.receive()
                if not batch:
                    # A connector that returns at once with nothing would make this a loop without an end.
                    raise SocketError("the connector returned no message, and must return at least one")  # noqa: TRY301
            except Exception as fault:  # noqa: BLE001 - a connector may be anyone's, and this never raises
                error = _told(fault)
                self._on_socket_error(task, error)
                machine.ended(socket, error, self._now())
                self._follow()
                # The peer is gone, so no close frame is sent. Pinging ends by the same cancellation: else it would go
                # on, and report a silence of a socket that has ended.
                task.whole.cancel(reason="the socket ended")
                await trio.lowlevel.checkpoint()  # noqa: ASYNC120 - it was told of just above
                raise AssertionError("a cancelled scope lets no one pass") from None
            is_awaited = self.stream._is_awaited  # noqa: SLF001 - as above
            self._received(socket, batch)
            if is_awaited and machine.sockets.current is socket and isinstance(connection, OpenToAll):
                await self._stand_by(socket, connection)

    def _received(self, socket: StreamSocket, batch: Sequence[bytes]) -> None:
        """The path of every event, whoever has read it. Nothing else is done for most of them."""
        self.machine.received(socket, batch, self._now())
        if self.machine.has_news:
            self._follow()
        else:
            self.stream._wake()  # noqa: SLF001 - as above

    async def _stand_by(self, socket: StreamSocket, connection: OpenToAll) -> None:
        """Leave it to the consumer to read, until it is away for too long: see ``_standby``."""
        standby = self.stream._standby = Standby(connection, partial(self._received, socket))  # noqa: SLF001
        await standby.last()

    async def _wait_for_room(self, socket: StreamSocket) -> None:
        """Read nothing until the consumer has made room.

        The exchange's pings are not seen meanwhile, nor are answers to ours: so no answer is missed, says the machine.
        Its socket's buffers fill, and the exchange may end a socket that takes nothing: that is a loss as any other,
        with a gap. A consumer that never comes back is left behind by the end of the block, which cancels this wait.
        """
        self.machine.paused(socket)
        # From now on the consumer sets this event when it receives an item; there is no checkpoint before the wait.
        self._room = trio.Event()
        await self._room.wait()
        self.machine.resumed(socket, self._now())
        self._follow()

    def _make_room(self) -> None:
        """Called after each item that was taken.

        The reader goes on as soon as the buffer is within its limit, by whichever item that is.
        """
        if self._room is not None and not self.machine.buffer.is_overfull:
            self._room.set()
            self._room = None

    @enable_ki_protection
    async def _ping_loop(self, task: SocketTask, connection: Connection) -> None:
        """Ping the peer when it is time, one ping after the other, and report what became of each (S4).

        The time of a ping is taken before it is sent: what the exchange had sent by then is what the pong confirms, and
        no more (S2). Both times are reported, for the answer may be from long before it is read.
        """
        socket, machine = task.socket, self.machine
        while True:
            await task.sleep_until(self._to_trio, socket)  # ``ping_at``, which the machine moves at will
            sent_at = self._context.clock.now()
            if await self._is_answered(connection):
                machine.ponged(socket, sent_at, self._now())
            else:
                machine.unanswered(socket, sent_at, self._now())
            self._follow()

    async def _is_answered(self, connection: Connection) -> bool:
        """Ping once, and wait for the answer for as long as ``ping_every``, as far as an answer could have been read.

        A program that computes for seconds, or is stopped and continued, reads nothing meanwhile: the answer may lie in
        the socket's buffer, and events with it. So time in which nothing could be read does not count. It is waited for
        in short stretches, and of each that took longer than it should only its own length counts: after it there are
        more, in which what is there is read.
        """
        answered = trio.Event()  # and not the end of the task: a ping that fails is no answer

        @enable_ki_protection
        async def ping() -> None:
            with suppress(Exception):  # the reader gets the same error, or the ping times out
                await connection.ping()
                answered.set()

        stretch = self._timing.ping_every / _STRETCHES
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ping)
            for _ in range(_STRETCHES):  # the same is done in connectors/_wire
                with trio.move_on_after(stretch):
                    await answered.wait()
                    break
            nursery.cancel_scope.cancel(reason="the ping was answered, or had its time")
        return answered.is_set()

    # What observers see.

    def _tell(self, notice: StreamNotice) -> None:
        """The log first, for an instrument may raise.

        Not every notice is for instruments: a doubt, a move and an announcement are told to the log alone, for they end
        in something that is told, or in nothing.
        """
        if isinstance(notice, Dropped | Unconnected):
            name_error(notice.error, self._name)
        _log_notice(self._name, notice, has_key=self._access.key is not None)
        match notice:
            case Connected() | Dropped() | ToldGap():
                self._observer.tell(notice.kind, notice.generation, *notice.arguments)
            case Unconnected(generation, error):
                self._observer.tell("dropped", generation, error)
            case _:
                pass  # for the log alone


def _log_notice(venue: str, notice: StreamNotice, *, has_key: bool) -> None:
    match notice:
        case Connected(generation):
            _log.info("%s: user stream connected%s", venue, f", listen key {generation}" if has_key else "")
        case Unconnected(_, error, delay):
            again = "" if delay is None else f"; next try in {delay:.1f} s"
            _log.warning("%s: user stream: %s%s", venue, error, again)
        case Dropped(_, error):
            _log.warning("%s: user stream: socket lost: %s", venue, error)
        case ToldGap(_, gap) if gap.cause == "opened":
            _log.info("%s: user stream open; earlier events are not known", venue)
        case ToldGap(_, gap):
            _log.warning("%s: user stream: gap of %.1f s (%s)", venue, gap.duration, gap.cause)
        case _:
            _log.debug("%s: user stream %s", venue, notice.kind)


def _told(fault: Exception) -> Exception:
    """What was raised, if that may be shown; else what there is to say of it."""
    if isinstance(fault, SocketError | ListenKeyError):
        return fault
    # Where it was raised, but not its text: that may hold the URL, and so the listen key (T1).
    name, where = type(fault).__name__, place_of(fault)
    return SocketError(f"the connector raised {name} at {where}, where only SocketError is allowed")
