"""The recipes for programs on asyncio hand everything on, and leave nothing behind, however they end.

asyncio's loop runs in a thread; the exchange is served by the test's own trio.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import trio

from trio_listenkey import Credentials, CredentialsError, Gap, Timing, UserEvent, UserStream, open_user_stream, venues
from trio_listenkey.events import usdm
from trio_listenkey.testing import Exchange, Fault, Reset, ServedExchange, Status, event_number, serve_exchange

PAGE = Path(__file__).parents[2] / "docs" / "asyncio.rst"
RECIPES = PAGE.parent / "recipes"
ALICE = Credentials("the-api-key-of-alice")
QUICK = Timing(request_timeout=2, open_timeout=2, retry_base=0.02, retry_cap=0.1, silence_check_every=0.3)
Handle = Callable[[Any], Awaitable[None]]
BOTH = pytest.mark.parametrize("bot", ["guest_mode", "sidecar"], indirect=True)


@pytest.fixture
async def served() -> AsyncIterator[ServedExchange]:
    exchange = Exchange(seed=1)
    exchange.add_account(ALICE.api_key, name="alice")
    async with serve_exchange(exchange) as served:
        yield served


@dataclass
class Bot:
    """One of the recipes, in a loop of its own."""

    name: str
    module: Any
    served: ServedExchange
    loop: asyncio.AbstractEventLoop | None = None
    task: asyncio.Task[Any] | None = None
    seen: list[str | int] = field(default_factory=list)
    tasks_left: int = 0

    def arguments(self, api_key: str = ALICE.api_key) -> tuple[Any, ...]:
        if self.name == "guest_mode":
            return self.served.venue_at(venues.BINANCE_USDM), Credentials(api_key)
        addresses = ["--rest-url", self.served.rest_url, "--stream-url", self.served.stream_url]
        return (["binance-usdm", *addresses, "--check-every", "0.3"],)

    async def note(self, item: Any) -> None:
        """What happened: a gap's cause, or an event's number."""
        if isinstance(item, Gap):
            self.seen.append(item.cause)
        elif isinstance(item, UserEvent):
            self.seen.append(event_number(item.data))
        else:
            self.seen.append(item["gap"]["cause"] if "gap" in item else event_number(item))

    async def run(self, what: Callable[[], Awaitable[None]]) -> BaseException | None:
        """Run ``what`` by asyncio until it ends, and say what with."""

        async def main() -> BaseException | None:
            self.loop = asyncio.get_running_loop()
            self.task = asyncio.ensure_future(what())
            ends: list[BaseException | None] = await asyncio.gather(self.task, return_exceptions=True)
            self.tasks_left = len(asyncio.all_tasks()) - 1
            return ends[0]

        return await trio.to_thread.run_sync(asyncio.run, main())

    def cancel(self) -> None:
        assert self.loop is not None
        assert self.task is not None
        self.loop.call_soon_threadsafe(self.task.cancel)

    def cancel_children(self) -> None:
        """What ``asyncio.run`` does after a second Ctrl-C."""
        assert self.loop is not None
        for task in asyncio.all_tasks(self.loop):
            if task is not self.task and "follow" in repr(task.get_coro()):
                self.loop.call_soon_threadsafe(task.cancel)

    def left_nothing(self) -> bool:
        return not self.tasks_left and self.served.exchange.open_keys(self.served.now()) == ()


@pytest.fixture
def bot(request: pytest.FixtureRequest, served: ServedExchange, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bot]:
    monkeypatch.syspath_prepend(RECIPES)
    monkeypatch.setenv("BINANCE_API_KEY", ALICE.api_key)
    module = import_module(request.param)
    if request.param == "guest_mode":
        monkeypatch.setattr(module, "open_user_stream", partial(open_user_stream, timing=QUICK))
    yield Bot(request.param, module, served)
    sys.modules.pop(request.param)


async def until(is_so: Callable[[], object], seconds: float = 30) -> None:
    with trio.fail_after(seconds):
        while not is_so():
            await trio.sleep(0.01)


@BOTH
async def test_everything_is_handed_on_until_asyncio_cancels(bot: Bot) -> None:
    """Events and gaps come in order; the end is the cancellation, and the key is closed before it."""
    exchange, now = bot.served.exchange, bot.served.now
    ends: list[Any] = []

    async def run() -> None:
        ends.append(await bot.run(lambda: bot.module.run_bot(*bot.arguments(), bot.note)))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(run)
        await until(lambda: bot.seen == ["opened"])
        exchange.emit("alice", now(), count=3)
        await until(lambda: bot.seen[-1] == 3)
        exchange.strike_sockets(Reset(), now())
        await until(lambda: bot.seen[-1] == "disconnected")
        exchange.kill_key("alice", now())
        await until(lambda: bot.seen[-1] == "key_lost")
        exchange.emit("alice", now())
        await until(lambda: bot.seen[-1] == 4)
        bot.cancel()
    assert bot.seen == ["opened", 1, 2, 3, "disconnected", "key_lost", 4]
    assert isinstance(ends[0], asyncio.CancelledError)
    assert bot.left_nothing()


@BOTH
async def test_what_the_bot_raises(bot: Bot) -> None:
    """It ends the stream in order, and comes out."""

    async def fail(item: Any) -> None:
        raise LookupError(item)

    end = await bot.run(lambda: bot.module.run_bot(*bot.arguments(), fail))
    assert isinstance(end, ExceptionGroup)
    assert [type(error) for error in end.exceptions] == [LookupError]
    assert len(bot.served.exchange.keys_ever) == 1
    assert bot.left_nothing()


@BOTH
async def test_what_trio_ends_with(bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refusal ends the bot, which waits for events."""
    monkeypatch.setenv("BINANCE_API_KEY", "wrong")
    end = await bot.run(lambda: bot.module.run_bot(*bot.arguments("wrong"), bot.note))
    assert isinstance(end, ExceptionGroup)
    (error,) = end.exceptions
    if bot.name == "guest_mode":
        assert isinstance(error, CredentialsError)
    else:
        assert type(error) is bot.module.SidecarEndedError
        assert error.args == (3,)
    assert bot.seen == []
    assert bot.left_nothing()


@BOTH
@pytest.mark.parametrize("is_drained", [True, False], ids=["drained", "cancelled"])
async def test_a_slow_bot(bot: Bot, is_drained: bool) -> None:
    """Its queue does not grow; what waits is handed on later, and a cancellation meanwhile is heeded."""
    exchange, now = bot.served.exchange, bot.served.now
    sizes: list[int] = []
    queues: list[asyncio.Queue[Any]] = []
    ends: list[Any] = []

    async def slow() -> None:
        queue = asyncio.Queue[Any](2)
        queues.append(queue)
        following = asyncio.ensure_future(bot.module.follow(*bot.arguments(), queue))
        try:
            while not queue.full():
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.1)  # one more waits for room
            while is_drained and len(bot.seen) < 101:
                sizes.append(queue.qsize())
                await bot.note(await queue.get())
            await asyncio.sleep(0 if is_drained else 60)
        finally:
            following.cancel()
            ends.extend(await asyncio.gather(following, return_exceptions=True))  # noqa: ASYNC102 - that of asyncio

    async with trio.open_nursery() as nursery:
        nursery.start_soon(bot.run, slow)
        await until(lambda: queues and queues[0].qsize() == 1)
        exchange.emit("alice", now(), count=100)
        if not is_drained:
            await until(queues[0].full)
            await trio.sleep(0.2)
            bot.cancel()
    assert isinstance(ends[0], asyncio.CancelledError)
    assert bot.seen == (["opened", *range(1, 101)] if is_drained else [])
    assert max(sizes, default=2) == 2
    assert bot.left_nothing()


@pytest.mark.parametrize("bot", ["guest_mode"], indirect=True)
@pytest.mark.parametrize(("fails", "expected"), [(False, asyncio.CancelledError), (True, LookupError)])
async def test_a_guest_that_is_cancelled_often(bot: Bot, fails: bool, expected: type[BaseException]) -> None:
    """Its end is waited for all the same, and what it ends with is not lost."""
    closed: list[int] = []
    cancelled = 0

    async def main() -> None:
        try:
            await trio.sleep_forever()
        finally:
            with trio.move_on_after(0.3, shield=True):
                await trio.sleep_forever()
            closed.append(cancelled)
            if fails:
                raise LookupError

    async def cancel_often() -> None:
        nonlocal cancelled
        guest = asyncio.ensure_future(bot.module.run_trio(main))
        while cancelled < 5:
            await asyncio.sleep(0.02)
            guest.cancel()
            cancelled += 1
        await guest

    assert type(await bot.run(cancel_often)) is expected
    assert closed == [5]
    assert bot.left_nothing()


@pytest.mark.parametrize("bot", ["guest_mode"], indirect=True)
async def test_a_guest_that_ends_by_itself(bot: Bot) -> None:
    """So does the call, and another guest can follow."""
    ran: list[float] = []

    async def main() -> None:
        await trio.sleep(0.01)
        ran.append(trio.current_time())

    async def twice() -> None:
        await bot.module.run_trio(main)
        await bot.module.run_trio(main)

    assert await bot.run(twice) is None
    assert len(ran) == 2


@pytest.mark.parametrize("bot", ["guest_mode"], indirect=True)
async def test_a_guests_stream_tells_asyncio_how_it_is(bot: Bot) -> None:
    """Its statistics need no trio to be asked for."""
    exchange, (venue, credentials) = bot.served.exchange, bot.arguments()
    streams: list[UserStream] = []
    told: list[bool] = []

    async def main() -> None:
        async with open_user_stream(venue, credentials, timing=QUICK) as stream:
            streams.append(stream)
            await trio.sleep_forever()

    async def ask() -> None:
        guest = asyncio.ensure_future(bot.module.run_trio(main))
        try:
            while told != [True, False]:
                await asyncio.sleep(0.01)
                is_live = bool(streams) and streams[0].statistics().is_live
                if is_live != (told[-1:] == [True]):
                    told.append(is_live)
        finally:
            guest.cancel()
            await asyncio.wait([guest])  # noqa: ASYNC102 - that of asyncio

    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(bot.run, ask)
            await until(lambda: told)
            exchange.add_faults(Fault(verb="connect", effect=Status(503)))
            exchange.strike_sockets(Reset(), bot.served.now())
    assert told == [True, False]
    assert bot.left_nothing()


@BOTH
async def test_the_pages_program(bot: Bot, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """What the page shows below each recipe prints an order."""
    blocks = re.findall(r"^\.\. code-block:: python\n\n((?:   .*\n|\n)+)", PAGE.read_text("utf-8"), flags=re.MULTILINE)
    (program,) = (textwrap.dedent(block) for block in blocks if ("venues." in block) == (bot.name == "guest_mode"))
    monkeypatch.setattr(venues, "BINANCE_USDM", bot.served.venue_at(venues.BINANCE_USDM))
    if bot.name == "sidecar":
        ((_, *options),) = bot.arguments()
        monkeypatch.setattr(bot.module, "WATCH", (*bot.module.WATCH, *options))
    mains: list[Awaitable[None]] = []
    with monkeypatch.context() as patch:
        patch.setattr(asyncio, "run", mains.append)
        exec(compile(program, "program", "exec"), {**vars(bot.module), "venues": venues, "usdm": usdm})
    printed = ""

    def prints(word: str) -> bool:
        nonlocal printed
        printed += capsys.readouterr().out
        return word in printed

    async with trio.open_nursery() as nursery:
        nursery.start_soon(bot.run, lambda: mains[0])
        await until(lambda: bot.served.exchange.sockets(bot.served.now()))
        await trio.sleep(0.2)
        bot.served.exchange.emit("alice", bot.served.now(), kind="ACCOUNT_UPDATE")
        bot.served.exchange.emit("alice", bot.served.now(), kind="ORDER_TRADE_UPDATE")
        await until(lambda: prints("\n"))
        bot.cancel()
    assert re.fullmatch(r"BTCUSDT [A-Z]+\n", printed)
    assert bot.left_nothing()


@pytest.mark.parametrize("bot", ["sidecar"], indirect=True)
async def test_a_long_line(bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    """An account with many positions has long events: longer than what asyncio reads if it is not told."""
    long = 'print(\'{"gap": {"cause": "%s"}}\' % (\'x\' * 1_000_000))'
    monkeypatch.setattr(bot.module, "WATCH", (sys.executable, "-c", long))
    end = await bot.run(lambda: bot.module.run_bot([], bot.note))
    assert bot.seen == ["x" * 1_000_000]
    assert isinstance(end, ExceptionGroup)
    assert end.exceptions[0].args == (0,)


STUBBORN = """
import signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print('{"gap": {"cause": "opened"}}', flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="has other signals")
@pytest.mark.parametrize("bot", ["sidecar"], indirect=True)
@pytest.mark.parametrize("patience", [0.2, 60], ids=["in time", "cancelled again"])
async def test_a_sidecar_that_does_not_end(bot: Bot, patience: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is killed when its time is up, or nobody waits for it any more."""
    monkeypatch.setattr(bot.module, "WATCH", (sys.executable, "-c", STUBBORN))
    monkeypatch.setattr(bot.module, "TIME_TO_END", patience)
    ends: list[Any] = []

    async def run() -> None:
        ends.append(await bot.run(lambda: bot.module.run_bot([], bot.note)))

    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(run)
            await until(lambda: bot.seen)
            bot.cancel()
            await trio.sleep(0.1)
            if patience > 1:
                bot.cancel_children()
    assert isinstance(ends[0], asyncio.CancelledError)
    assert not bot.tasks_left


PROGRAM = """
import asyncio, sys
sys.path.insert(0, {recipes!r})
from trio_listenkey import Credentials, venues
import {name} as recipe

async def handle(item):
    print("heard", flush=True)

rest_url, stream_url = sys.argv[1:]
if {name!r} == "sidecar":
    arguments = [["binance-usdm", "--rest-url", rest_url, "--stream-url", stream_url]]
else:
    arguments = [venues.BINANCE_USDM.at(rest_url, stream_url), Credentials.from_env("BINANCE")]
asyncio.run(recipe.run_bot(*arguments, handle))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="has other signals")
@pytest.mark.parametrize(
    ("name", "number"),
    [("guest_mode", signal.SIGINT), ("sidecar", signal.SIGINT), ("sidecar", signal.SIGKILL)],
    ids=["guest_mode, Ctrl-C", "sidecar, Ctrl-C", "sidecar, killed"],
)
async def test_signals(name: str, number: int, served: ServedExchange) -> None:
    """Ctrl-C closes the key before the program ends; if the program is killed, its sidecar notices, and closes it."""
    program = textwrap.dedent(PROGRAM).format(name=name, recipes=str(RECIPES))
    command = [sys.executable, "-c", program, served.rest_url, served.stream_url]
    environment = {**os.environ, "BINANCE_API_KEY": ALICE.api_key}
    async with trio.open_nursery() as nursery:
        process: trio.Process = await nursery.start(
            partial(
                trio.run_process,
                command,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                check=False,
                start_new_session=True,
            )
        )
        await until(lambda: served.exchange.sockets(served.now()))
        await trio.sleep(0.2)
        assert len(served.exchange.open_keys(served.now())) == 1
        os.killpg(process.pid, number)  # as a terminal does
        with trio.fail_after(30):
            await process.wait()
    assert process.returncode == -number
    if number == signal.SIGKILL:
        await until(lambda: not served.exchange.open_keys(served.now()))
    assert served.exchange.open_keys(served.now()) == ()
