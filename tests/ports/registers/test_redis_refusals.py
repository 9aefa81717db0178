"""What is told when a server does not do what is needed: by real ones, and by some that are played."""

from __future__ import annotations

import socket
import traceback
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import NoReturn

import pytest
import trio
from register_kits import Servers, Valkey, as_nobody, failure_of, free_port, serve_valkey
from scripted_server import OLD, script

from trio_listenkey.sharing import MAX_DOCUMENT, RedisRegister, RegisterAway, RegisterRefused

PASSWORD = "s3same"
IN_SCRIPT = "-ERR Error running script (call to f_fc2c): @user_script:3: "
"""How Redis 6.2 begins; Redis 7 and Valkey begin with the error's own code."""

Failure = RegisterAway | RegisterRefused


async def failure(url: str, *, swap: bool = False, seconds: float = 10) -> Failure:
    """The error of the first call, in which there is no password."""
    register = RedisRegister(url, timeout=seconds)
    call = partial(register.swap, "name", "0", b"x") if swap else partial(register.read, "name")
    error = await failure_of(call)
    await register.aclose()
    assert isinstance(error, Failure)
    shown = "".join(traceback.format_exception(error)) + repr(error) + repr(register) + repr(vars(error))
    assert PASSWORD not in shown
    return error


@pytest.fixture
def server(servers: Servers) -> Valkey:
    """A server without a password."""
    return servers.valkey("new")


@pytest.fixture
def locked(servers: Servers) -> Valkey:
    """A server with a password, and one user more."""
    server = servers.valkey("locked")
    rules = f"on >{PASSWORD} resetkeys ~trio-listenkey:* -@all +hmget +hget +hset +pexpire +eval"
    assert server.ask("ACL", "SETUSER", "bot", *rules.split()) == "OK"
    return server


class _Nobody(trio.abc.HostnameResolver):
    """Knows no name."""

    async def getaddrinfo(self, *args: object, **options: object) -> NoReturn:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    async def getnameinfo(self, *args: object) -> NoReturn:
        raise AssertionError("nobody asks for names")


class TestPassword:
    async def test_the_right_one(self, locked: Valkey) -> None:
        """Of the default user, and of one with no more rights than are needed."""
        for login in (":", "default:", "bot:"):
            register = RedisRegister(locked.url(f"{login}{PASSWORD}@"))
            _, version = await register.read(login)
            assert await register.swap(login, version, b"x")
            await register.aclose()

    async def test_none(self, locked: Valkey) -> None:
        """It is said what to write."""
        error = await failure(locked.url())
        assert isinstance(error, RegisterRefused)
        assert (error.code, "wants a password" in str(error)) == ("NOAUTH", True)

    @pytest.mark.parametrize("login", ["bot:no", "no:s3same", ":no", "default:no"])
    async def test_a_wrong_one(self, locked: Valkey, login: str) -> None:
        """Whether it is the user or the password, no server says."""
        error = await failure(locked.url(f"{login}@"))
        assert isinstance(error, RegisterRefused)
        assert error.code == "WRONGPASS"
        assert "does not accept the user or the password" in str(error)

    async def test_a_wrong_one_for_an_old_server(self, servers: Servers) -> None:
        """It is told by AUTH, where HELLO is not known."""
        error = await failure(servers.valkey("old").url(":no@"))
        assert isinstance(error, RegisterRefused)
        assert error.code == "WRONGPASS"

    @pytest.mark.parametrize("swap", [False, True], ids=["read", "swap"])
    async def test_rights(self, locked: Valkey, swap: bool) -> None:
        """A user who may not use the prefix, or not a command."""
        url = locked.url(f"bot:{PASSWORD}@")
        register = RedisRegister(url, prefix="other:")
        error = await failure_of(partial(register.read, "name"))
        assert isinstance(error, RegisterRefused)
        assert error.code == "NOPERM"
        await register.aclose()
        assert locked.ask("ACL", "SETUSER", "bot", "-hset" if swap else "-hmget") == "OK"
        found = await failure(url, swap=swap)
        assert (type(found), found.code) == (RegisterRefused, "NOPERM")
        assert "does not let this user do what is needed" in str(found)

    async def test_rights_for_a_database(self, locked: Valkey) -> None:
        """SELECT is needed for all but the first."""
        found = await failure(locked.url(f"bot:{PASSWORD}@", "/2"))
        assert (type(found), found.code) == (RegisterRefused, "NOPERM")
        assert "+select if the URL has a database" in str(found)

    async def test_a_password_for_a_server_without_one(self, server: Valkey) -> None:
        """Whoever protects it has not done so yet; a newer one takes any for its default user."""
        async with script(lambda _: b"-ERR AUTH <password> called without any password configured\r\n") as scripted:
            found = await failure(scripted.url(f":{PASSWORD}@"))
        assert (type(found), found.code) == (RegisterRefused, "NOPASS")


class TestState:
    async def test_a_database_that_is_not_there(self, server: Valkey) -> None:
        """There are sixteen, unless it was told otherwise."""
        found = await failure(server.url(end="/999"))
        assert (type(found), found.code) == (RegisterRefused, "NODB")

    async def test_a_replica(self, server: Valkey, short_path: Path) -> None:
        """It can be read, but not written. After that is said, the next call looks the name up again."""
        with serve_valkey(short_path, "--replicaof", "127.0.0.1", str(server.port)) as replica:
            register = RedisRegister(replica.url())
            found = await failure_of(partial(register.swap, "name", "0", b"x"))
            assert isinstance(found, RegisterRefused)
            assert (found.code, "is a replica" in str(found)) == ("READONLY", True)
            assert replica.ask("REPLICAOF", "NO", "ONE") == "OK"
            _, version = await register.read("name")
            assert await register.swap("name", version, b"x")
            await register.aclose()

    async def test_a_replica_that_lost_its_primary(self, short_path: Path) -> None:
        """It says that it has nothing to say, and that passes."""
        settings = ["--replicaof", "127.0.0.1", str(free_port()), "--replica-serve-stale-data", "no"]
        with serve_valkey(short_path, *settings) as replica:
            found = await failure(replica.url())
        assert (type(found), found.code) == (RegisterAway, "MASTERDOWN")

    async def test_no_memory(self, short_path: Path) -> None:
        """Writes are refused until there is more; reads are not."""
        with serve_valkey(short_path, "--maxmemory", "1") as server:
            found = await failure(server.url(), swap=True)
            assert (type(found), found.code) == (RegisterRefused, "OOM")
            assert "has no memory left" in str(found)
            register = RedisRegister(server.url())
            assert await register.read("name") == (None, "0")
            assert server.ask("CONFIG", "SET", "maxmemory", "0") == "OK"
            assert await register.swap("name", "0", b"x")
            await register.aclose()

    async def test_a_disk_that_cannot_be_written(self, short_path: Path) -> None:
        """A server that cannot save what it has takes no more."""
        with serve_valkey(short_path) as server:
            # Where its file should be there is a directory.
            (short_path / "dump.rdb").mkdir()
            assert server.ask("CONFIG", "SET", "save", "3600 1") == "OK"
            assert server.ask("SET", "something", "new") == "OK"
            server.ask("BGSAVE")
            with trio.fail_after(10):
                while "rdb_last_bgsave_status:err" not in server.ask("INFO", "persistence"):
                    await trio.sleep(0.01)
            found = await failure(server.url(), swap=True)
        assert (type(found), found.code) == (RegisterRefused, "MISCONF")
        assert "cannot save its data" in str(found)

    async def test_a_cluster_without_its_slots(self, short_path: Path) -> None:
        """A node that is being set up."""
        with serve_valkey(short_path, "--cluster-enabled", "yes", "--cluster-port", str(free_port())) as server:
            found = await failure(server.url())
        assert (type(found), found.code) == (RegisterAway, "CLUSTERDOWN")

    async def test_no_room_for_a_client(self, short_path: Path) -> None:
        """All connections are taken: one will be free."""
        with serve_valkey(short_path) as server:
            assert server.ask("CONFIG", "SET", "maxclients", "1") == "OK"
            async with await trio.open_tcp_stream("127.0.0.1", server.port) as other:
                await other.send_all(b"PING\r\n")
                await other.receive_some()
                found = await failure(server.url())
        assert (type(found), found.code) == (RegisterAway, "FULL")

    async def test_something_else_under_the_name(self, server: Valkey) -> None:
        """Whatever it is, it is not overwritten; and other names are not concerned."""
        server.ask("SET", "theirs:text", "x")
        server.ask("HSET", "theirs:hash", "version", "7")
        server.ask("HSET", "theirs:large", "version", "7", "document", "x" * (2 * MAX_DOCUMENT))
        register = RedisRegister(server.url(), prefix="theirs:")
        for name, words in (("text", "something else"), ("hash", "something else"), ("large", "more than 1,048,576")):
            found = await failure_of(partial(register.read, name))
            assert isinstance(found, RegisterRefused)
            assert words in str(found)
            if name == "large":
                await trio.sleep(0.11)  # a connection that was dropped is not opened again at once
            assert await register.read("ours") == (None, "0")
        found = await failure_of(partial(register.swap, "text", "0", b"ours"))
        assert isinstance(found, RegisterRefused)
        assert found.code == "WRONGTYPE"
        assert server.ask("GET", "theirs:text") == "x"
        await register.aclose()


@pytest.mark.parametrize(
    ("line", "kind", "code"),
    [
        ("-LOADING Valkey is loading the dataset in memory", RegisterAway, "LOADING"),
        ("-BUSY Redis is busy running a script. You can only call SCRIPT KILL", RegisterAway, "BUSY"),
        ("-TRYAGAIN Multiple keys request during rehashing of slot", RegisterAway, "TRYAGAIN"),
        ("-NOREPLICAS Not enough good replicas to write.", RegisterAway, "NOREPLICAS"),
        ("-ERR max number of clients reached", RegisterAway, "FULL"),
        ("-MOVED 3999 127.0.0.1:6381", RegisterRefused, "MOVED"),
        ("-DENIED Redis is running in protected mode because", RegisterRefused, "DENIED"),
        ("-ERR invalid password", RegisterRefused, "WRONGPASS"),
        ("-ERR Client sent AUTH, but no password is set", RegisterRefused, "NOPASS"),
        ("-ERR unknown command `HMGET`, with args beginning with: `s3same`", RegisterRefused, "ERR"),
        ("-ERR", RegisterRefused, "ERR"),
        ("-s3same", RegisterRefused, "ERR"),
        ("-", RegisterRefused, "ERR"),
        ("-UNHEARDOF s3same", RegisterRefused, "UNHEARDOF"),
        (f"{IN_SCRIPT}@user_script: 3: -OOM command not allowed when used", RegisterRefused, "OOM"),
        (f"{IN_SCRIPT}@user_script: 3: -READONLY You can't write against", RegisterRefused, "READONLY"),
        (f"{IN_SCRIPT}@user_script: 3: The user executing the script can't run", RegisterRefused, "NOPERM"),
        (f"{IN_SCRIPT}WRONGTYPE Operation against a key holding the", RegisterRefused, "WRONGTYPE"),
        ("-ERR ACL failure in script: User bot has no permissions to run", RegisterRefused, "NOPERM"),
    ],
)
async def test_what_a_server_says(line: str, kind: type[Failure], code: str) -> None:
    """Of each it is known whether it passes by itself; the server's own words are not repeated."""

    def reply(command: list[str]) -> bytes:
        return b"%b\r\n" % line.encode() if command[0] == "HMGET" else OLD if command[0] == "HELLO" else b"+OK\r\n"

    async with script(reply) as server:
        found = await failure(server.url(f"bot:{PASSWORD}@"))
    assert [command[0] for command in server.commands] == ["HELLO", "AUTH", "HMGET"]
    assert (type(found), found.code) == (kind, code)
    assert found.message is None


class _Pages(BaseHTTPRequestHandler):
    """Answers any request, those that it does not understand included."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - so it is called there
        pass


@pytest.fixture
def web_port() -> Iterator[int]:
    with HTTPServer(("127.0.0.1", 0), _Pages) as web:
        thread = Thread(target=web.serve_forever, args=(0.01,))
        thread.start()
        yield web.server_port
        web.shutdown()
        thread.join()


class TestOtherServers:
    async def test_one_that_speaks_http(self, web_port: int) -> None:
        """A real one, which answers that it does not understand."""

        async with script(lambda _: b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n") as server:
            found = await failure(server.url(f"bot:{PASSWORD}@"))
        assert isinstance(found, RegisterRefused)
        assert "speaks HTTP" in str(found)

    async def test_a_real_one_that_speaks_http(self, web_port: int) -> None:
        """Python's own answers with a page without a status line, as to HTTP 0.9; it is no Redis either."""
        found = await failure(f"redis://127.0.0.1:{web_port}")
        assert isinstance(found, RegisterRefused)

    @pytest.mark.parametrize(
        "answer", [b"SSH-2.0-OpenSSH_9.2\r\n", b"220 mail.example.net ESMTP\r\n", b"\0\0\0\0", b"*-7\r\n", b"$x\r\n"]
    )
    async def test_one_that_speaks_something_else(self, answer: bytes) -> None:
        """It is not guessed what."""
        async with script(lambda _: answer) as server:
            found = await failure(server.url())
        assert isinstance(found, RegisterRefused)
        assert "does not speak the Redis protocol" in str(found)

    async def test_one_that_says_nothing(self) -> None:
        """A call ends in time."""
        async with script(lambda _: b"") as server:
            before = trio.current_time()
            found = await failure(server.url(), seconds=0.2)
            assert 0.15 < trio.current_time() - before < 5
        assert isinstance(found, RegisterAway)
        assert "gave no answer in time" in str(found)

    async def test_one_that_talks_for_ever(self) -> None:
        """An answer is bounded in size: a line without an end, as well as what says that it is large."""
        for answer in (b"+" + b"x" * (2 * MAX_DOCUMENT), b"$999999999\r\n" + b"x" * (2 * MAX_DOCUMENT)):
            async with script(lambda _, answer=answer: answer) as server:  # type: ignore[misc]
                found = await failure(server.url())
            assert isinstance(found, RegisterRefused)
            assert "more than 1,048,576 bytes" in str(found)

    async def test_one_that_answers_twice(self) -> None:
        """The second answer would be taken for the next command's: so there is no next one on that connection."""
        async with script(lambda _: b"+OK\r\n*2\r\n$1\r\n7\r\n$4\r\nevil\r\n") as server:
            found = await failure(server.url())
        assert isinstance(found, RegisterRefused)
        assert [command[0] for command in server.commands] == ["HELLO"]

    async def test_one_that_closes_the_connection(self) -> None:
        """Whoever it is, it may be there again later."""
        async with script(lambda _: None) as server:
            found = await failure(server.url())
        assert isinstance(found, RegisterAway)
        assert "connection broken" in str(found)

    async def test_none(self) -> None:
        """Nothing listens on that port."""
        found = await failure(f"redis://:{PASSWORD}@127.0.0.1:{free_port()}")
        assert isinstance(found, RegisterAway)
        assert "connection refused" in str(found)

    async def test_no_socket(self, tmp_path: Path) -> None:
        """Nothing is at that path."""
        found = await failure(f"unix://bot:{PASSWORD}@{tmp_path}/s")
        assert isinstance(found, RegisterAway)
        assert "no such file" in str(found)

    async def test_a_socket_that_is_not_ours(self, server: Valkey) -> None:
        """Its directory is closed to us; waiting does not help."""
        with as_nobody():
            found = await failure(f"unix://{server.path}")
        assert isinstance(found, RegisterRefused)
        assert "permission denied" in str(found)

    async def test_no_host(self) -> None:
        """A name that nobody knows; nobody is asked."""
        trio.socket.set_custom_hostname_resolver(_Nobody())
        found = await failure(f"redis://:{PASSWORD}@nowhere.test")
        assert isinstance(found, RegisterAway)
        assert "host name not resolved" in str(found)
