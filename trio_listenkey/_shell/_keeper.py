"""``open_listen_key``: one shielded child task owns the key from its create to its close.

Why it is built this way
========================

**The keeper** is a task of its own, and each of its waits is shielded, because a create that is cancelled between "the
exchange made a key" and "we know of it" leaks a key. Shielding it in the caller's own task would not do: Ctrl-C is
delivered to the main task even inside a shield, but never to a child task at a checkpoint; and ``enable_ki_protection``
keeps it out of the lines between two.

**It never raises, it reports.** So the hidden nursery never has an error in it, and what the block raised is never
wrapped in a group: it is carried round the nursery and leaves as the object it was. Ctrl-C may come out of a transport,
for libraries connect in child tasks that no protection reaches: the keeper goes on, closes the key, and the block is
what the interrupt ends.

**Every wait in it is bounded**, by what the lifecycle says; that is why the shield cannot hang. What it waits for
without a bound is the end of the block, and the block is not shielded.

**The block goes first.** It runs in a cancel scope of its own. Cancelled from outside, it cleans up while its
key is still kept alive; the keeper learns that the block is over, and only then closes the key.

What to send and when is decided in ``_core._key_lifecycle``; this file waits, sends, and tells.

Two tasks
=========

The block's task runs ``__aenter__`` and ``__aexit__``; the keeper's task runs ``_keep``. They share one thread, so that
between two checkpoints nothing else of this run happens. What they tell each other:

* The block's task tells the keeper that the block is over, by ``Lifecycle.stop``. Then it ends or shortens each wait in
  which the keeper may be: ``_finish``.
* The keeper tells the block's task that there is a key, or will be none, by ``_settled``; that there is no way on, by
  cancelling the body's scope; and that it is done, by ending: the nursery's exit waits for it.

Other contexts of the same account, in any run and thread of the process, change what both of them read. So each step of
the machine is made under the lock of all hosts: ``_step``. The lock is held for the step alone, and across no
checkpoint.

Where an interrupt may come out
===============================

``enable_ki_protection`` is on everything that runs in either task, so Ctrl-C is not raised between two of its lines. It
comes out of a checkpoint of the *main* task, which is the block's: while entering waits for the key
(``_settled.wait``), where it is parked and raised once the keeper is done; in the body, as the body's own exception;
and while leaving waits for the keeper, see ``close_nursery``. It also comes out of a library's unprotected child task,
by way of the transport, in the keeper's task: ``_ask`` parks it in the body's scope.

The file is long for what is said in it, the arguments of ``open_listen_key`` first of all.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from math import inf
from sys import intern
from types import TracebackType
from typing import TYPE_CHECKING, Final, TypeVar, final

import trio
from trio.lowlevel import enable_ki_protection

from .._core._key_lifecycle import KeepaliveSchedule, Lifecycle, OnExit, OnLost, Send
from .._core._key_states import State
from .._core._notices import Closed, Created, Lost, Notice, Renewed, Replaced, Retrying, SharingChanged
from .._core._outcomes import Outcome, Refused
from .._errors import ListenKeyError, TransportError, UsageError, name_error
from .._instrument import Instrument, Observer
from .._protocol._requests import build_request
from .._protocol._responses import no_answer, read_answer
from .._protocol._signing import check_credentials
from .._settings import Credentials, Timing
from .._validation import check_choice, check_name, check_port, check_type
from .._venue._signed_venue import SignedVenue
from .._venue._venue import Venue
from ..transports._base import Transport
from ._alarm import Alarm
from ._body_scope import BodyScope, close_nursery, error_to_raise, reraise_unchanged
from ._broken_contracts import transport_fault
from ._listen_key import ListenKey
from ._run_context import Registration, RunContext, current_context

if TYPE_CHECKING:  # not imported where nothing is shared
    from ..sharing._shared_key import SharedKey
    from ._share import Share, ShareTask

__all__ = ["open_listen_key"]

_T = TypeVar("_T")
_log: Final = logging.getLogger("trio_listenkey")
_DEFAULT_TIMING: Final = Timing()
_OVERBOOKED: Final = (
    "%s: more keys are open than a budget of %g weight a minute can keep alive; the last may never be opened. Raise "
    "Venue.weight_budget if the exchange allows it, or use another IP address for a part of them"
)
_TRANSPORT_CLOSE_LIMIT: Final = 1.0  # seconds; closing sockets takes none, but a transport may be anyone's


def open_listen_key(
    venue: Venue | SignedVenue,
    credentials: Credentials,
    *,
    transport: Transport | None = None,
    timing: Timing = _DEFAULT_TIMING,
    on_exit: OnExit = "close",
    on_lost: OnLost = "replace",
    instrument: Instrument | None = None,
    name: str | None = None,
    sharing: SharedKey | None = None,
) -> AbstractAsyncContextManager[ListenKey, None]:
    """Open a listen key that lives exactly as long as the block, kept alive by a background task.

    ::

        async with open_listen_key(venues.BINANCE_USDM, Credentials(api_key)) as key:
            ...  # connect to key.stream_url with any WebSocket library

    However the block ends, the key is closed, within ``timing.close_timeout``. **On most exchanges an account has one
    key, and closing it silences every program that uses it**: other processes, other machines, the exchange's own web
    page. Within this process the last block closes it; if other programs use the account, pass ``on_exit="leave"``.

    An exception of the block passes through unchanged: the same object, in no group. Cancellation from outside reaches
    the block at once, and its key is kept alive until the block ends.

    Args:
        venue: The exchange: one of :mod:`trio_listenkey.venues`.
        credentials: The account.
        transport: Sends the requests; ``None`` uses one on httpcore2 that all keys of this ``trio.run`` share. A
            transport that you pass is not closed.
        timing: All durations.
        on_exit: ``"close"`` closes the key at the end; ``"leave"`` lets it expire by itself. If several blocks of this
            process share an account, the last one to end decides.
        on_lost: What to do when the key dies (it expired, or another program closed it): ``"replace"`` creates another
            and wakes :meth:`ListenKey.wait_replaced`; ``"raise"`` cancels the block and raises :exc:`KeyLostError`.
        instrument: Its methods are called when something happens to the key.
        name: The account's name in logs, errors, statistics, ``repr`` and for instruments; ``None`` takes the venue's
            name. Up to 64 printable characters.
        sharing: One key for many processes and machines: a :class:`trio_listenkey.sharing.SharedKey`, the same for all
            of them. One of them keeps the key alive, and none closes it while another one uses it.

    Raises:
        UsageError: An argument is wrong. Raised at the call, before anything is sent.
        RefusedError: The exchange refused, on opening or later; later, the block is cancelled first.
        RateLimitedError: A rate limit or ban lasts longer than ``timing.open_timeout``.
        UnavailableError: No key could be opened within ``timing.open_timeout``.
        KeyLostError: The key died, with ``on_lost="raise"``.
    """
    if isinstance(venue, SignedVenue):
        raise UsageError(
            f"{venue.name} has no listen keys", advice="Open its stream with open_user_stream", venue=venue.name
        )
    check_type("venue", venue, Venue, "one of trio_listenkey.venues")
    check_type("credentials", credentials, Credentials, "Credentials(api_key)")
    check_type("timing", timing, Timing, "Timing(...)")
    check_choice("on_exit", on_exit, ("close", "leave"))
    check_choice("on_lost", on_lost, ("replace", "raise"))
    check_port("transport", transport, "request", "one of trio_listenkey.transports")
    if instrument is not None:
        check_type("instrument", instrument, Instrument, "an instance of a subclass of Instrument")
    KeepaliveSchedule.of(venue, timing)
    check_credentials(venue, credentials)
    if sharing is not None:
        from ._share import check_sharing  # noqa: PLC0415 - nothing of it where nothing is shared

        sharing = sharing if check_sharing(venue, sharing) else None
    name = check_name(name, venue.name, (credentials.api_key, credentials.api_secret))
    return _Keeper(venue, credentials, transport, timing, on_exit, on_lost, instrument, name, sharing)


@final
class _Keeper(AbstractAsyncContextManager[ListenKey, None]):
    """One block of ``open_listen_key``, from its call until it is left. It is entered once.

    A class, not a generator: contextlib's frames would be open to Ctrl-C between bytecodes.

    Its life, and what is true at each step:

    * Made: nothing is registered, nothing runs. It may be dropped.
    * Entered, by ``_set_up``: the account has a holder more, and so no other context closes its key. From here on only
      the keeper's end takes that back.
    * Settled: there is a key, and the body runs; or there is none, and the body never does.
    * Over, by ``_finish``: the machine is stopped. The keeper closes the key, or finds that it is not to.
    * Closed: the account was left, in the step that ended the machine; then the transport.
    """

    __slots__ = (
        "_alarm",
        "_arguments",
        "_body",
        "_context",
        "_credentials",
        "_flight",
        "_key",
        "_machine",
        "_name",
        "_nursery_manager",
        "_observer",
        "_registration",
        "_room_wait",
        "_settled",
        "_share_task",
        "_sharing",
        "_timing",
        "_transport",
        "_turn_wait",
        "_venue",
    )

    # What the keeper's task waits for is one of four things. Each has something by which the block's task, or another
    # context's, ends or shortens it. The three scopes are set by the keeper alone, and are ``None`` outside the wait.

    _alarm: Alarm
    """What the keeper waits by for a time. Ring it to make the keeper look again."""

    _turn_wait: trio.CancelScope | None
    """While the keeper waits for a turn: cancel it to make the keeper ask the machine again."""

    _room_wait: trio.CancelScope | None
    """While the keeper waits for a place in the host's budget. Only the end of the block ends it: a place in the queue
    is worth keeping while there is a block that needs the key."""

    _flight: trio.CancelScope | None
    """While a request is in flight: its deadline follows ``Lifecycle.answer_deadline``. It is moved and never
    cancelled, so that a create has its time to tell its key (L1)."""

    _machine: Lifecycle
    """Decides. Every step of it that looks at the account is made by ``_step``, under the lock of all hosts."""

    _settled: trio.Event | None
    """What entering the block waits for. Set, and dropped, once there is a key or there will be none."""

    _body: BodyScope
    """The block's scope: what the keeper cancels if there is no way on, and where Ctrl-C is parked (L4)."""

    _registration: Registration
    """This context's place among all that use the account, the host and the transport, from ``_set_up`` on. Left in two
    parts: the account with the machine's last step, the transport as the keeper's last act."""

    _context: RunContext
    """What all contexts of this ``trio.run`` share: its clock, the default transport, and where accounts are found.
    Taken on entering, and not earlier: before that there may be no run."""

    _key: ListenKey
    """What the block is given. It reads the machine, and is told of notices by ``_tell``, which wakes who waits."""

    _nursery_manager: AbstractAsyncContextManager[trio.Nursery]
    """The hidden nursery. It is entered and left by hand, for the body runs between the two, in the caller's frame.
    What runs in it never raises, so that it has nothing to group; the body's exception goes round it (L4)."""

    _share_task: ShareTask | None
    """What goes to the register of those who share the key, if there is one. It outlives the machine by one report: how
    the close ended. Its clock is the same, and its member's every change is made under the same lock."""

    _sharing: SharedKey | None
    """How the key is shared with other processes. What it says of this process's share is the same for all contexts."""

    _observer: Observer
    """The user's instrument. It is called in the keeper's task, after the log and before the block's own waiters."""

    _transport: Transport | None
    """The user's, which is never closed here; ``None`` for the one that all keys of the run share. Requests go by the
    one that the registration holds, which is either."""

    _arguments: tuple[OnExit, OnLost] | None
    """Taken on entering; ``None`` from then on, which is how a second entry is noticed."""

    def __init__(
        self,
        venue: Venue,
        credentials: Credentials,
        transport: Transport | None,
        timing: Timing,
        on_exit: OnExit,
        on_lost: OnLost,
        instrument: Instrument | None,
        name: str,
        sharing: SharedKey | None,
    ) -> None:
        self._venue, self._credentials, self._transport = venue, credentials, transport
        self._timing, self._observer, self._name = timing, Observer(instrument, name), name
        self._arguments: tuple[OnExit, OnLost] | None = (on_exit, on_lost)
        self._turn_wait = self._room_wait = self._flight = None
        self._sharing, self._share_task = sharing, None

    # What the block's task does.

    @enable_ki_protection
    async def __aenter__(self) -> ListenKey:
        # Who is cancelled already opens nothing: nothing is registered yet, and nothing is sent. Who is not goes on
        # without a checkpoint, for there is more to wait for below.
        await trio.lowlevel.checkpoint_if_cancelled()
        # From here to the keeper's start there is no checkpoint: what is registered is always left again by the keeper.
        self._set_up()
        settled = self._settled = trio.Event()
        # It is a coroutine by the protocol alone: opening a nursery waits for nothing.
        nursery = await self._nursery_manager.__aenter__()
        nursery.start_soon(self._keep, name=intern(f"listen key keeper of {self._name}"))
        if self._share_task is not None:
            nursery.start_soon(self._share_task.run, name=f"share in the listen key of {self._name}")
        # The one wait on the way in. It has no deadline of its own: the lifecycle gives up after ``open_timeout``, and
        # then there is a failure, which settles it, too. What comes out of it is a cancellation from outside, or
        # Ctrl-C.
        error: BaseException | None = None
        try:
            await settled.wait()
        except BaseException as exc:  # noqa: ASYNC103, BLE001 - parked, not swallowed: the keeper has to end first
            error = exc
        if error is None and self._machine.failure is None and not self._body.is_interrupted:
            self._body.enter()
            return self._key
        # There is no body to enter. The keeper ends as after one: what it has made by now, it closes (L1). An interrupt
        # that was parked by then leaves here as well. So does a failure that came with no key: it is what the caller of
        # ``async with`` sees.
        error = await self._finish(error)
        assert error is not None
        return reraise_unchanged(error)

    @enable_ki_protection
    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        # The body is over, whatever it ended with: from here on nobody cancels it, and its exception is a local.
        error = self._body.leave(exc_type, exc, tb)
        error = await self._finish(error)  # noqa: ASYNC102 - it is cancellable, and the keeper it waits for is bounded
        # The same exception is raised again by Python, with its own traceback, if this returns without a true value.
        if error is not None and error is not exc:
            reraise_unchanged(error)

    def _set_up(self) -> None:
        # No checkpoint in here, and nothing after ``register`` that is known to fail: else an account would keep a
        # holder for ever.
        if self._arguments is None:
            raise UsageError("this context was entered before", advice="Call open_listen_key for each block")
        (on_exit, on_lost), self._arguments = self._arguments, None
        self._context = context = current_context()
        self._alarm = context.alarm(self._timing.suspend_check_every, is_shielded=True)
        schedule = KeepaliveSchedule.of(self._venue, self._timing)
        make_share = None if self._sharing is None else partial(self._make_share, self._sharing, schedule)
        self._registration = context.register(
            self._venue, self._credentials, self._transport, schedule, self._alarm, make_share
        )
        share = self._registration.share
        if self._registration.has_overbooked:
            _log.warning(_OVERBOOKED, self._name, self._venue.weight_budget)
        self._machine = Lifecycle(
            self._venue,
            self._timing,
            self._registration.account,
            on_exit=on_exit,
            on_lost=on_lost,
            now=context.clock.now(),
            draw=random.random(),  # noqa: S311 - spreads load
            member=None if share is None else share.member,
        )
        self._key = ListenKey(self._venue, self._name, self._machine, context.clock, self._wake)
        self._body = BodyScope()
        self._nursery_manager = trio.open_nursery()
        if self._sharing is not None and share is not None:
            self._share_task = self._join_share(share, self._sharing)

    # What follows is for keys that other processes hold, too. Each context of this process brings its own task, and all
    # of them one member: the first that joins makes it.

    def _make_share(self, sharing: SharedKey, schedule: KeepaliveSchedule, present: Share | None) -> Share:
        from ._share import Share  # noqa: PLC0415 - nothing of it where nothing is shared

        if present is not None:
            present.check(sharing)
            return present
        now, lock = self._context.clock.now(), self._context.hosts(self._transport).lock
        return Share(self._venue, self._credentials, sharing, schedule.keepalive_every, lock, now)

    # The task starts beside the keeper, in the same nursery, and like it never raises. It waits for the register alone,
    # so that a register which hangs holds no request up.

    def _join_share(self, share: Share, sharing: SharedKey) -> ShareTask:
        from ._share import ShareTask  # noqa: PLC0415 - as above

        # A stream that asks nearly as often as there is a beat does so by itself: no beat would be in time.
        is_slow = self._timing.silence_check_every >= 5 * sharing.beat_every
        return ShareTask(
            share,
            sharing,
            self._registration.lock,
            self._context.clock,
            self._context.alarm(self._timing.suspend_check_every),
            wake_keeper=self._wake,
            silent_at=lambda: self._key._silent_at() if is_slow else inf,  # noqa: SLF001 - the other half of this one
            interrupt=self._interrupt,
        )

    def _interrupt(self, fault: BaseException) -> None:
        """Ctrl-C came out of a library: it is the block that it ends."""
        self._body.interrupt(fault)
        self._settle()

    def _settle(self) -> None:
        """Entering is over, whatever came of it.

        It may be said more than once. The event is dropped with the first time, for it would take memory until the end.
        """
        if self._settled is not None:
            self._settled.set()
            self._settled = None

    async def _finish(self, error: BaseException | None) -> BaseException | None:
        """The block is over, by ``error`` if there is one: wait for the keeper, and say what to raise.

        The machine is told before anything is waited for (L3: not earlier, and L2: not later), and then each wait that
        the keeper may be in is ended or shortened, so that it looks at what has changed.
        """
        self._machine.stop(self._context.clock.now())
        # The order of the rest does not matter: the keeper runs at the next checkpoint of this task, and not before.
        if self._room_wait is not None:
            self._room_wait.cancel(reason="the block is over")
        self._follow_until()
        self._wake()
        # The last wait of the block's task. A cancellation does not end it: the exit of a nursery waits for its tasks,
        # and the keeper is shielded. How long that is, the lifecycle bounds (L2): what is left of a create, and
        # ``close_timeout``; then the end of the transport, by ``_TRANSPORT_CLOSE_LIMIT``.
        outcome = await close_nursery(self._nursery_manager, error)
        if outcome is not error:
            return outcome
        return error_to_raise(self._body.ended_by(error), self._machine.failure, "the listen key")

    # What the keeper's task does.

    @enable_ki_protection
    async def _keep(self) -> None:
        # A key must be closed however the block ends, so no cancellation from outside may come in here. Each wait sees
        # to that by itself, for one shield around all of them would be a tenth of the memory that a key takes. None can
        # hang: each is bounded by the lifecycle, but for the wait for the end of the block, which is not shielded.
        #
        # A shield keeps out the cancellation of whoever runs the block. It does not keep out Ctrl-C, which trio
        # delivers to the main task, and this is a child: that is why there is a task at all.
        while True:
            idle_until = self._pass_time()
            if self._machine.state is State.CLOSED:
                break
            if idle_until is None:
                await self._send_in_turn()
            else:  # here, and in no method: a key spends its life in this line, and each frame takes memory, too
                await self._alarm.wait_until(idle_until)
        # The machine is CLOSED, and the account was left with its last step. What is still to be said to the register,
        # how the close ended, has its own shield and its own deadline there (P6).
        if self._share_task is not None:
            await self._share_task.finish()
        # Bounded, too: all that may take time here is the closing of the default transport by its last user. If it is
        # cut short, sockets are left to be closed by their own ends; no key depends on them any more.
        with trio.move_on_after(_TRANSPORT_CLOSE_LIMIT, shield=True):
            await self._registration.release()

    def _pass_time(self) -> float | None:
        """Let time pass until now, and tell what it brought; until when there is nothing to do, if there is not."""
        machine, now = self._machine, self._context.clock.now()
        self._step(lambda: machine.tick(now))
        # Before anything is waited for: a failure that ``tick`` has found is to end the block, and news are to be told.
        self._tell()
        return min(machine.next_request_at, machine.give_up_at) if now < machine.next_request_at else None

    async def _send_in_turn(self) -> None:
        """Send what is due.

        Three things have to be had for a request: that it is due, the account's turn, and a place in the host's budget.
        They are waited for one after the other, and after each the machine is asked again: meanwhile another context
        may have done it, or the block may have ended.
        """
        # Each of the waits ends by itself when it has become useless: the turn at ``give_up_at``, the room at
        # ``room_by``. The end of the block and another holder's news end or shorten them through ``_wake``, and
        # ``_keep`` asks the machine again.
        if await self._wait_for_turn(self._machine.give_up_at):
            # From here on this context has the account's turn. Nothing may leave without giving it back: another
            # context would wait for it until its key is dead.
            try:
                if await self._wait_for_room():
                    await self._send_what_is_due()
            finally:
                self._registration.turn.release()

    async def _wait_for_turn(self, give_up_at: float) -> bool:
        """Wait until no other context of this account has a request in flight (K1).

        ``False`` if it was ended before: by ``_wake``, or because from ``give_up_at`` on a turn is of no use.
        """
        turn = self._registration.turn
        # The usual case has no checkpoint: nobody else has a request in flight.
        if turn.acquire_nowait():
            return True
        with trio.CancelScope(deadline=self._to_trio(give_up_at), shield=True) as self._turn_wait:
            await turn.acquire()
        # It is the scope that knows whether we have the turn: an ``acquire`` that is cancelled has passed it on, also
        # where another thread gave it at the same moment.
        was_our_turn, self._turn_wait = not self._turn_wait.cancelled_caught, None
        return was_our_turn

    async def _wait_for_room(self) -> bool:
        """Wait until the host's budget has room for what is due; ``False`` if it has none, or nothing is due now."""
        machine, clock = self._machine, self._context.clock
        # The account's turn may have taken a while: what is due, and how urgent it is, is asked anew.
        start = clock.now()
        self._step(lambda: machine.tick(start))
        if start < machine.next_request_at:
            return False  # another context of this account did it while this one waited for its turn
        gate, ticket, has_room = self._registration.gate, machine.ticket(start), False
        if gate.admit(ticket, start):
            machine.throttled(0.0)
            return True
        # Only the end of the block cuts this short: a task that leaves the queue has to queue at its end again. A
        # request that has become needless meanwhile, by another holder's, is found out by ``next_request``.
        with trio.CancelScope(shield=True) as self._room_wait:
            has_room = await gate.wait(ticket, clock, machine.room_by)
        self._room_wait = None
        machine.throttled(clock.now() - start)
        return has_room

    async def _send_what_is_due(self) -> None:
        # The machine is asked once more, and changes to a state with a request in flight in the same step. There is no
        # checkpoint from here to the transport: the block cannot end between the decision and the request.
        send = self._step(lambda: self._machine.next_request(self._context.clock.now()))
        if send is not None:
            # The wait on which L1 depends. It ends by an answer, an error or ``answer_deadline``, and by nothing else.
            outcome = await self._ask(send)
            draw = random.random()  # noqa: S311 - spreads load
            self._step(lambda: self._machine.receive(outcome, self._context.clock.now(), draw))
        self._tell()

    def _step(self, step: Callable[[], _T]) -> _T:
        """Have the machine take a step. Other threads may have holders of this account.

        The step that ends the machine leaves the account, too: of two who leave at once, each would otherwise find
        that the other holds the key, and neither would close it (L1, L5).
        """
        # A plain lock of threads. It is held for microseconds, by steps that wait for nothing: so the loop is not held
        # up.
        with self._registration.lock:
            result = step()
            if self._machine.state is State.CLOSED:
                self._registration.release_account(closed=self._machine.closed)
        # What the step told the member may have made it due earlier.
        if self._share_task is not None:
            self._share_task.rouse()
        return result

    async def _ask(self, send: Send) -> Outcome:
        """Send one request, and make whatever happens to it an outcome.

        Not one exception leaves it, whatever the transport raises: the state in which a request is in flight has no way
        but an outcome. What cannot be known is told as ``may_be_done``: a create that was cut off may have made a key.
        """
        hide = self._secrets()  # before anything is sent: the machine may have another key when the answer is here
        start = trio.current_time()
        answer = None
        try:
            # A shield, for what comes of a create must be known (L1), with a deadline, which ``_follow_until`` brings
            # forward when the block ends. When it passes, ``answer`` stays ``None``: the request may have arrived, and
            # that is told as lost.
            with trio.CancelScope(deadline=self._to_trio(self._machine.answer_deadline), shield=True) as self._flight:
                answer = await self._registration.transport.request(
                    build_request(self._venue, self._credentials, send.verb, send.key, timestamp_ms=self._exchange_ms())
                )
        except ListenKeyError as error:
            # It could not be signed, and nothing was sent. The frames that it came through know the listen key.
            return Refused(error.with_traceback(None))
        except TransportError as error:
            return no_answer(self._venue, send.verb, error, hide=hide)
        except Exception as fault:  # noqa: BLE001 - the keeper never raises, and a transport may be anyone's
            return transport_fault(self._venue, send.verb, fault)
        # No ``Cancelled`` comes here: there is a shield around, and the scope above catches its own. What does come is
        # Ctrl-C, out of a task of the transport's own that no protection reaches. The request is over then: its outcome
        # is told as a lost answer, so that a create that was interrupted has its key looked for and closed.
        except BaseException as fault:  # noqa: ASYNC103, BLE001 - parked: it is the block that it ends
            self._interrupt(fault)
            return no_answer(self._venue, send.verb, TransportError("the request was interrupted"), hide=hide)  # noqa: ASYNC104 - as above
        finally:
            self._flight = None
        if answer is None:
            late = TransportError(f"none within {trio.current_time() - start:.3g} s")
            return no_answer(self._venue, send.verb, late, hide=hide)
        # The time is the present, not that of sending: a ban is told as a time of day, or as seconds from now.
        return read_answer(self._venue, send.verb, answer, epoch=self._context.clock.unix(), hide=hide)

    def _exchange_ms(self) -> int:
        """The time by the exchange's clock, as far as we know it, in milliseconds since 1970; 0 where nobody signs."""
        if self._venue.signing is None:
            return 0
        return int((self._context.clock.unix() + self._registration.account.host.clock) * 1000)

    def _secrets(self) -> list[str]:
        """What is cut out of every text of the exchange and of a library before it becomes part of an error (T1)."""
        secrets = [self._credentials.api_key, self._credentials.api_secret, self._machine.key]
        return [secret for secret in secrets if secret]

    # How the two learn of each other.

    def _follow_until(self) -> None:
        """The request in flight may be given less time: a block that is over does not wait for all of it."""
        if self._flight is not None:
            self._flight.deadline = self._to_trio(self._machine.answer_deadline)

    def _wake(self) -> None:
        """Have the keeper ask the machine again, whether it waits for a time or for a turn.

        A request in flight is left alone, for an answer is an answer; and so is a place in the queue of the host.

        It may be called at any time, from the keeper's own task as well: a wait that has not begun sees what has
        changed by itself, and one that is over does not notice.
        """
        self._alarm.ring()
        if self._turn_wait is not None:
            self._turn_wait.cancel()

    def _to_trio(self, when: float) -> float:
        """A time of the steady clock as one of trio's, right for as long as the machine does not sleep.

        A scope's deadline is late by the time slept. The alarm looks at the steady clock from time to time and is not;
        so what may be late are a turn and an answer, by one sleep, and neither is alive after it.
        """
        return self._context.clock.to_trio(when)

    def _tell(self) -> None:
        """Tell the block, those who wait and those who watch what has happened.

        The block first, for an instrument is the user's code and may take its time. Secrets are in none of it: errors
        are worded without them, and the key is told by its generation (T1).
        """
        machine = self._machine
        # Entering is over with the first key, or with the reason why there is none. A key that dies later changes
        # nothing.
        if machine.failure is not None or machine.generation:
            self._settle()
        if machine.failure is not None:
            name_error(machine.failure, self._name)
            # The body is cancelled at its next checkpoint, and cleans up while the keeper waits in FAILED (L3). Only
            # when it has ended is the key closed, and the failure raised from ``__aexit__``.
            self._body.cancel("the listen key failed")
        # Each is told once, in the order in which it happened, though several steps may lie between two calls.
        for notice in machine.notices():
            # An error says whose key it is about, by the account's name, before anybody sees it.
            for fact in notice.arguments:
                name_error(fact, self._name)
            if isinstance(notice, Created | Renewed | Replaced):
                self._registration.wake_others()
            _log_notice(self._name, notice, is_closed=machine.closed is not None)
            # An instrument that raises is logged and left alone: it is the user's code, and runs inside of our shield.
            self._observer.tell(notice.kind, notice.generation, *notice.arguments)
            self._key._notify(notice)  # noqa: SLF001 - the other half of this one


def _log_notice(name: str, notice: Notice, *, is_closed: bool) -> None:
    """Write down what happened, once for each notice, instrument or not.

    A key that is kept alive is no news: it is at debug level, or a quiet day would fill the log. What will pass by
    itself is a warning where the user may have to act if it does not.
    """
    # Generation 0: there is no key yet, or none that we were told of.
    key = f"listen key {notice.generation}" if notice.generation else "listen key"
    match notice:
        case Renewed():
            _log.debug("%s: %s kept alive", name, key)
        case Retrying(error=error, delay=delay):
            _log.warning("%s: %s: %s Next try in %.1f s", name, key, error, delay)
        case Lost(error=error):
            _log.warning("%s: %s is lost: %s", name, key, error)
        case Replaced(generation=generation):
            _log.info("%s: listen key %d replaced by listen key %d", name, generation - 1, generation)
        case SharingChanged(sharing=sharing):
            _log.info("%s: %s of %d processes that share the listen key", name, sharing.role, sharing.members)
        case Closed(error=error) if error is not None:
            _log.warning("%s: %s may be left behind: %s", name, key, error)
        case Closed() if not is_closed:
            # To whoever reads the log "closed" would be a key that is dead, and that others still use.
            _log.info("%s: %s left as it is", name, key)
        case _:
            _log.info("%s: %s %s", name, key, notice.kind)
