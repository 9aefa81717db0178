"""How the register on a server deals with its connection."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
import trio
from register_kits import Servers, failure_of, free_port, serve_valkey
from scripted_server import OLD, script

from trio_listenkey import UsageError
from trio_listenkey.sharing import RedisRegister, RegisterAway, RegisterRefused

NOTHING = b"*2\r\n$-1\r\n$-1\r\n"


def present(document: bytes) -> bytes:
    return b"*2\r\n$1\r\n7\r\n$%d\r\n%b\r\n" % (len(document), document)


class TestArguments:
    @pytest.mark.parametrize("timeout", [0, -1, 61, float("inf"), float("nan")])
    def test_no_time(self, timeout: float) -> None:
        """It is said at once."""
        with pytest.raises(UsageError, match="not between 0 and 60 seconds"):
            RedisRegister("redis://host", timeout=timeout)

    async def test_prefixes_are_apart(self, servers: Servers, name: str) -> None:
        """Programs with different prefixes do not meet; the prefix is what the server sees, and nothing else is."""
        server = servers.valkey("new")
        one, other = (RedisRegister(server.url(), prefix=prefix) for prefix in ("one:", "other:"))
        assert await one.swap(name, "0", b"x")
        assert await other.read(name) == (None, "0")
        assert server.ask("KEYS", f"*{name}*") == [f"one:{name}"]
        await one.aclose()
        await other.aclose()

    async def test_databases_are_apart(self, servers: Servers, name: str) -> None:
        """The number in the URL counts."""
        server = servers.valkey("new")
        first, second = RedisRegister(server.url()), RedisRegister(server.url(end="/1"))
        assert await first.swap(name, "0", b"x")
        assert await second.read(name) == (None, "0")
        await first.aclose()
        await second.aclose()


async def test_nothing_stays_for_ever(servers: Servers, name: str) -> None:
    """What nobody writes any more is gone after two lives of a key; each write begins them anew."""
    server = servers.valkey("new")
    register = RedisRegister(server.url())
    assert await register.swap(name, "0", b"x")
    key = f"trio-listenkey:{name}"
    assert 7_100_000 < server.ask("PTTL", key) <= 7_200_000
    assert server.ask("PEXPIRE", key, "60000") == 1
    _, version = await register.read(name)
    assert server.ask("PTTL", key) <= 60_000
    assert await register.swap(name, version, b"y")
    assert 7_100_000 < server.ask("PTTL", key) <= 7_200_000
    assert server.ask("PEXPIRE", key, "0") == 1
    assert await register.read(name) == (None, "0")
    await register.aclose()


async def test_a_server_that_knows_resp3_speaks_it(servers: Servers, name: str) -> None:
    """And one that does not is spoken to in RESP2."""
    for kind, url in (("new", servers.valkey("new").url()), ("old", servers.valkey("old").url(":s3same@"))):
        register = RedisRegister(url)
        await register.read(name)
        clients = servers.valkey(kind).ask("CLIENT", "LIST")
        protocols = {line.partition(" resp=")[2][:1] for line in clients.splitlines() if "cmd=hmget" in line}
        assert protocols == {"3" if kind == "new" else "2"}
        await register.aclose()


class TestHandshake:
    @pytest.mark.parametrize(
        ("login", "end", "said"),
        [
            ("", "", [["HELLO", "3"]]),
            ("", "/4", [["HELLO", "3"], ["SELECT", "4"]]),
            (":pass@", "", [["HELLO", "3", "AUTH", "default", "pass"]]),
            ("bot:pass@", "/4", [["HELLO", "3", "AUTH", "bot", "pass"], ["SELECT", "4"]]),
        ],
    )
    async def test_with_a_new_server(self, login: str, end: str, said: list[list[str]]) -> None:
        """What is said before the first command, in one round trip where there is no database to choose."""

        def reply(command: list[str]) -> bytes:
            return NOTHING if command[0] == "HMGET" else b"%1\r\n+proto\r\n:3\r\n" if "3" in command else b"+OK\r\n"

        async with script(reply) as server:
            register = RedisRegister(server.url(login, end))
            assert await register.read("name") == (None, "0")
            await register.aclose()
        assert server.commands == [*said, ["HMGET", "trio-listenkey:name", "version", "document"]]

    @pytest.mark.parametrize(
        ("login", "said"),
        [("", []), (":pass@", [["AUTH", "pass"]]), ("bot:pass@", [["AUTH", "bot", "pass"]])],
    )
    @pytest.mark.parametrize("hello", [OLD, b"-NOPROTO sorry\r\n", b"-ERR unsupported command 'hello'\r\n"])
    async def test_with_an_old_one(self, login: str, said: list[list[str]], hello: bytes) -> None:
        """Who does not know HELLO is asked to log us in by AUTH."""

        def reply(command: list[str]) -> bytes:
            return {"HELLO": hello, "HMGET": present(b"x")}.get(command[0], b"+OK\r\n")

        async with script(reply) as server:
            register = RedisRegister(server.url(login))
            assert await register.read("name") == (b"x", "7")
            await register.aclose()
        assert server.commands[1:-1] == said

    async def test_what_comes_unasked_is_no_answer(self) -> None:
        """RESP3 has messages that a server may send at any time."""
        push = b">2\r\n+invalidate\r\n*1\r\n+name\r\n"

        def reply(command: list[str]) -> bytes:
            return push + push + (b"_\r\n" if command[0] == "HELLO" else b"*2\r\n_\r\n_\r\n")

        async with script(reply) as server:
            register = RedisRegister(server.url())
            for _ in range(3):
                assert await register.read("name") == (None, "0")
            await register.aclose()
        assert server.connections == 1


class TestAnotherConnection:
    async def test_a_server_that_is_restarted_between_two_calls(self, short_path: Path) -> None:
        """Who reads does not notice, but for the documents: this one has saved none."""
        port = free_port()
        register = RedisRegister(f"redis://127.0.0.1:{port}")
        with serve_valkey(short_path, port=port):
            assert await register.swap("name", "0", b"x")
            _, version = await register.read("name")
        with serve_valkey(short_path, port=port):
            assert await register.read("name") == (None, "0")
            assert not await register.swap("name", version, b"y")
            await register.aclose()

    async def test_a_write_is_not_sent_twice(self) -> None:
        """It may have been done: that would be told as a lost race, to the one who won it."""
        closes = False

        def reply(command: list[str]) -> bytes | None:
            return None if closes and command[0] == "EVAL" else b":1\r\n" if command[0] == "EVAL" else NOTHING

        async with script(reply) as server:
            register = RedisRegister(server.url())
            assert await register.swap("name", "0", b"x")
            closes = True
            error = await failure_of(partial(register.swap, "name", "7", b"y"))
            assert isinstance(error, RegisterAway)
            assert [command[0] for command in server.commands] == ["HELLO", "EVAL", "EVAL"]
            await register.aclose()

    async def test_a_server_that_is_away_is_left_alone(self) -> None:
        """However often it is asked: for a while, and for a longer one each time. When it answers, that is over."""
        closes = True
        async with script(lambda command: None if closes else NOTHING) as server:
            register = RedisRegister(server.url())
            errors: list[str] = []
            with trio.move_on_after(0.8):
                while True:
                    errors.append(str(await failure_of(partial(register.read, "name"))))
            # After 0.1, 0.2, 0.4 and 0.8 s, or half of these.
            assert server.connections <= 5 < len(errors)
            assert len(set(errors)) == 1
            closes = False
            with trio.fail_after(5):
                while not await answers(register):
                    await trio.sleep(0.01)
            before = server.connections
            for _ in range(10):
                assert await answers(register)
            assert server.connections == before
            await register.aclose()

    async def test_all_who_wait_for_one_that_hangs_are_told_in_time(self) -> None:
        """Not one after the other."""
        async with script(lambda _: b"") as server:
            register = RedisRegister(server.url(), timeout=0.3)
            errors: list[Exception] = []

            async def ask() -> None:
                errors.append(await failure_of(partial(register.read, "name")))

            with trio.fail_after(5):
                async with trio.open_nursery() as nursery:
                    for _ in range(20):
                        nursery.start_soon(ask)
            assert {type(error) for error in errors} == {RegisterAway}
            assert len(errors) == 20
            assert server.connections == 1
            await register.aclose()

    async def test_all_who_wait_for_one_that_is_slow_are_told_in_time(self) -> None:
        """Those before have an answer, those behind do not wait for longer than they would for their own."""
        async with script(lambda _: NOTHING, delay=0.2) as server:
            register = RedisRegister(server.url(), timeout=0.7)
            ends: list[tuple[float, bool]] = []
            start = trio.current_time()

            async def ask() -> None:
                answered = await answers(register)
                ends.append((trio.current_time() - start, answered))

            async with trio.open_nursery() as nursery:
                for _ in range(20):
                    nursery.start_soon(ask)
            assert sum(answered for _, answered in ends) < 10
            assert max(end for end, _ in ends) < 2.5  # and not 4
            await register.aclose()

    async def test_a_refusal_of_one_name_is_none_of_others(self) -> None:
        """The server is well, so it is not left alone."""

        def reply(command: list[str]) -> bytes:
            return b"-WRONGTYPE no\r\n" if command[1].endswith("theirs") else NOTHING

        async with script(reply) as server:
            register = RedisRegister(server.url())
            assert isinstance(await failure_of(partial(register.read, "theirs")), RegisterRefused)
            assert await register.read("ours") == (None, "0")
            await register.aclose()
        assert server.connections == 2

    async def test_it_is_closed_while_it_connects(self) -> None:
        """Nothing is left open behind its back."""
        arrived, go_on = trio.Event(), trio.Event()

        async with trio.open_nursery() as nursery:

            async def serve(stream: trio.SocketStream) -> None:
                async with stream:
                    await stream.receive_some()
                    arrived.set()
                    await go_on.wait()
                    await stream.send_all(b"+OK\r\n")
                    assert await stream.receive_some() == b""
                nursery.cancel_scope.cancel()

            listeners = await nursery.start(partial(trio.serve_tcp, serve, 0, host="127.0.0.1"))
            register = RedisRegister(f"redis://127.0.0.1:{listeners[0].socket.getsockname()[1]}")

            async def ask() -> None:
                assert isinstance(await failure_of(partial(register.read, "name")), trio.ClosedResourceError)

            nursery.start_soon(ask)
            await arrived.wait()
            await register.aclose()
            go_on.set()
            await trio.sleep(5)
        assert nursery.cancel_scope.cancelled_caught


async def answers(register: RedisRegister) -> bool:
    try:
        return await register.read("name") == (None, "0")
    except RegisterAway:
        return False
