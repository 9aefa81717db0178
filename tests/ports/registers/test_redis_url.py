"""What a register's URL may be, and what is told when it is none."""

from __future__ import annotations

import pytest

from trio_listenkey import UsageError
from trio_listenkey.sharing import RedisRegister, SQLiteRegister, register_from_url
from trio_listenkey.sharing._redis_url import RedisAddress

PASSWORD = "s3same"


@pytest.mark.parametrize(
    ("url", "host", "port", "database", "shown"),
    [
        ("redis://host", "host", 6379, 0, "redis://host:6379/0"),
        ("redis://host/", "host", 6379, 0, "redis://host:6379/0"),
        ("redis://10.0.0.1:7000/12", "10.0.0.1", 7000, 12, "redis://10.0.0.1:7000/12"),
        ("redis://[::1]:7000", "::1", 7000, 0, "redis://[::1]:7000/0"),
        ("rediss://h-1.example_net", "h-1.example_net", 6379, 0, "rediss://h-1.example_net:6379/0"),
        ("redis://host?db=3", "host", 6379, 3, "redis://host:6379/3"),
        ("redis://host/?db=3", "host", 6379, 3, "redis://host:6379/3"),
    ],
)
def test_where_a_server_is(url: str, host: str, port: int, database: int, shown: str) -> None:
    """Host, port and database, and whether it is TLS."""
    address = RedisAddress.of(url)
    assert (address.host, address.port, address.database, address.path) == (host, port, database, "")
    assert address.secure == url.startswith("rediss")
    assert str(address) == shown


@pytest.mark.parametrize(
    ("url", "path", "database", "shown"),
    [
        ("unix:///run/redis.sock", "/run/redis.sock", 0, "unix:///run/redis.sock"),
        ("unix:///run/a%20b?db=7", "/run/a b", 7, "unix:///run/a%20b?db=7"),
    ],
)
def test_where_a_socket_is(url: str, path: str, database: int, shown: str) -> None:
    """Its path, and the database."""
    address = RedisAddress.of(url)
    assert (address.path, address.database, address.host, address.secure) == (path, database, "", False)
    assert str(address) == shown


@pytest.mark.parametrize("place", ["redis://{}host", "rediss://{}host:1/2", "unix://{}/path?db=2"])
@pytest.mark.parametrize(
    ("login", "user", "password"),
    [
        ("", "", None),
        ("@", "", None),
        (f":{PASSWORD}@", "", PASSWORD),
        (f"bot:{PASSWORD}@", "bot", PASSWORD),
        ("bot:@", "bot", ""),
        ("b%3Aot:%40%2F%25%C3%A9@", "b:ot", "@/%é"),
        ("bot:a:b@", "bot", "a:b"),
    ],
)
def test_who_we_are(place: str, login: str, user: str, password: str | None) -> None:
    """User and password, decoded; what is shown has no password."""
    address = RedisAddress.of(place.format(login))
    assert (address.user, address.password) == (user, password)
    assert PASSWORD not in f"{address} {address!r}"
    assert str(address) == str(RedisAddress.of(str(address).replace("bot@", "bot:@").replace("b%3Aot@", "b%3Aot:@")))


@pytest.mark.parametrize(
    "url",
    [
        "",
        "redis:",
        "redis://",
        "redis:host",
        "redis:///0",
        f"http://:{PASSWORD}@host",
        f"redis://:{PASSWORD}@ho st",
        f"redis://:{PASSWORD}@host:port",
        f"redis://:{PASSWORD}@host:0",
        f"redis://:{PASSWORD}@host:65536",
        f"redis://:{PASSWORD}@host:123456",
        f"redis://:{PASSWORD}@host/name",
        f"redis://:{PASSWORD}@host/1?db=2",
        f"redis://:{PASSWORD}@host?ssl=1",
        f"redis://:{PASSWORD}@host#1",
        f"redis://:{PASSWORD}@x@host",
        f"redis://:{PASSWORD}/x@host",
        f"redis://{PASSWORD}@host",
        f"redis://:{PASSWORD}@host\n",
        f"unix://:{PASSWORD}@host",
        f"unix://:{PASSWORD}@",
        "unix://host/path",
        f"unix://:{PASSWORD}@/path%00",
        f"redis://:{PASSWORD}@{'a' * 64}.test",
        f"redis://:{PASSWORD}@a..test",
        f"REDIS://:{PASSWORD}@host",
    ],
)
def test_no_url(url: str) -> None:
    """It is said before anything is sent, with what to write instead, and without the password."""
    for call in (RedisRegister, register_from_url):
        with pytest.raises(UsageError) as caught:
            call(url)
        assert PASSWORD not in str(caught.value)
        assert "redis://" in caught.value.advice or "@host" in caught.value.advice


def test_a_register_by_its_url() -> None:
    """The scheme says which."""
    assert isinstance(register_from_url("sqlite:shared.db"), SQLiteRegister)
    assert repr(register_from_url("sqlite:/var/shared.db")) == "SQLiteRegister('/var/shared.db')"
    for url in ("redis://host", "rediss://host", "unix:///path"):
        assert isinstance(register_from_url(url), RedisRegister)
    shown = repr(register_from_url(f"redis://bot:{PASSWORD}@host"))
    assert shown == "RedisRegister('redis://bot@host:6379/0', prefix='trio-listenkey:')"


@pytest.mark.parametrize("url", ["shared.db", "sqlite", f"postgres://:{PASSWORD}@host", "redis"])
def test_no_register_by_that_url(url: str) -> None:
    """What is neither is refused, without being quoted."""
    with pytest.raises(UsageError, match="no URL of a register") as caught:
        register_from_url(url)
    assert PASSWORD not in str(caught.value)


def test_no_text() -> None:
    """What is of another type is said to be, and not shown."""
    for call in (RedisRegister, register_from_url):
        with pytest.raises(UsageError, match="url is of type bytes"):
            call(f"redis://:{PASSWORD}@host".encode())  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="prefix is of type NoneType"):
        RedisRegister("redis://host", prefix=None)  # type: ignore[arg-type]


def test_a_path_that_is_empty() -> None:
    """A file without a name is none."""
    with pytest.raises(UsageError, match="names no file"):
        register_from_url("sqlite:")
