"""The test exchange as a process, for programs in any language."""

from __future__ import annotations

import errno
import json
import tempfile
from collections.abc import AsyncIterable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click
import trio

from .._errors import UsageError
from ..testing import SPOT_CLASSIC, Exchange, Fault, ServedExchange, serve_exchange
from ..testing._control._control import dialects_of
from ..testing._control._log_reader import LogReader, log_line
from ..testing._control._vocabulary import dialects_by_name
from ..testing.control import ServedControl, fault_from_json, faults_from_json, serve_control
from ._output import print_line
from ._process import Process, current_process

__all__ = ["exchange"]

API_KEY: Final = "test-api-key"
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_LOOK: Final = 0.1  # seconds from one look into the log to the next
_LAST_WORD: Final = 0.1  # seconds for the answer to POST /shutdown


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    """How the exchange is served and told of."""

    host: str
    port: int
    control_port: int
    tls: bool
    certificate_for: str
    ca_file: Path | None
    time_scale: float
    api_keys: tuple[str, ...]
    events_per_second: float | None
    as_json: bool
    verbose: bool


def _fault_in(text: str) -> list[Fault]:
    return [fault_from_json(json.loads(text) if text.startswith("{") else text)]


def _faults_in(path: str) -> list[Fault]:
    return faults_from_json(json.loads(Path(path).read_bytes()))


def _reading(read: Callable[[str], list[Fault]]) -> Callable[..., list[Fault]]:
    """What turns the values of a repeated option into faults."""

    def read_all(_context: click.Context, _option: click.Parameter, values: tuple[str, ...]) -> list[Fault]:
        faults = []
        for value in values:
            try:
                faults += read(value)
            except (OSError, ValueError, RecursionError) as error:
                raise click.BadParameter(f"{value}: {error}") from None
        return faults

    return read_all


_DURATION = click.FloatRange(min=0, min_open=True)
_PORT = click.IntRange(0, 65535)


@click.command(short_help="Run an exchange to test against, on this machine.")
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    metavar="ADDRESS",
    help="The address to listen at. 0.0.0.0 lets other machines and containers in, at the control API, too.",
)
@click.option("--port", type=_PORT, default=0, help="The exchange's port. By default, any free one.")
@click.option("--control-port", type=_PORT, default=0, help="The control API's port. By default, any free one.")
@click.option("--tls", is_flag=True, help="Speak TLS, with a throw-away CA whose certificate is written to a file.")
@click.option(
    "--certificate-for",
    default="127.0.0.1",
    show_default=True,
    metavar="NAME",
    help="The host name or address in the certificate, as clients write it.",
)
@click.option(
    "--ca-file", type=click.Path(path_type=Path), help="That file. By default, one that is deleted at the end."
)
@click.option(
    "--api-key",
    "api_keys",
    multiple=True,
    default=[API_KEY],
    show_default=True,
    help="An API key to accept, each with an account: account-1 and so on. Can be repeated.",
)
@click.option("--validity", type=_DURATION, default=3600.0, show_default=True, help="Seconds that a listen key lives.")
@click.option(
    "--time-scale",
    type=click.FloatRange(0, 1e6, min_open=True),
    default=1.0,
    show_default=True,
    help="Seconds of the exchange's time in one real second.",
)
@click.option(
    "--seed", type=int, default=0, show_default=True, help="Seed of the keys, and of faults with a probability."
)
@click.option(
    "--dialect",
    "dialects",
    type=click.Choice(sorted(dialects_by_name())),
    multiple=True,
    help="Which endpoints to serve. Can be repeated. By default, the usual ones of binance.com, where the listen keys "
    "of spot are retired and answer 410; they are served if spot-classic or spot-us is asked for.",
)
@click.option(
    "--fault",
    "faults",
    metavar="FAULT",
    multiple=True,
    callback=_reading(_fault_in),
    help="What goes wrong; see above. Can be repeated.",
)
@click.option(
    "--faults",
    "faults_of_files",
    metavar="FILE",
    multiple=True,
    callback=_reading(_faults_in),
    help="A JSON file with a fault or a list of them. Can be repeated.",
)
@click.option("--events-per-second", type=_DURATION, help="Account events for each account and endpoint.")
@click.option("--log-size", type=click.IntRange(1), default=100_000, show_default=True, help="Requests to remember.")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON instead of the text, when it is ready.")
@click.option("-v", "--verbose", is_flag=True, help="A line on standard error for each request, without secrets.")
def exchange(
    *,
    validity: float,
    seed: int,
    dialects: tuple[str, ...],
    faults: list[Fault],
    faults_of_files: list[Fault],
    log_size: int,
    **way: Any,
) -> None:
    """Run an exchange to test against, on this machine, for programs in any language.

    It serves the listen-key endpoints and streams of the real ones: point your program at it. It prints its addresses,
    one per line, and then "ready". It runs until Ctrl-C, SIGTERM or POST /shutdown at its control API, and then ends
    with status 0.

    \b
    What goes wrong, and when, is written WHEN=WHAT:
      keepalive=bad_gateway_html              every keepalive gets an HTML page with status 502
      keepalive#2=service_unavailable         the second one gets a 503
      create#2*3=Reset                        the second to fourth create: connection reset
      create={"Reset": {"after_work": true}}  ... after the key was made: the answer is lost
      any~0.01=Delay:5                        one in a hundred requests is answered 5 s late
      any@7200..7800=Hang                     ten minutes without an answer, after two hours
      keepalive#4=rate_limited:30             429, and no request allowed for 30 s
      event#5=Drop                            the fifth account event is lost on its way to a socket
      socket@60..=HalfOpen                    after a minute, every socket is open and silent

    Faults can also be changed while it runs, at the control API: "curl CONTROL_URL" tells how.
    """  # noqa: D301 - Click reads the escape: the lines below it stay as they are
    served: dict[str, Any] = {}
    if dialects:
        served["dialects"] = [dialects_by_name()[name] for name in dict.fromkeys(dialects)]
    try:
        here = Exchange(seed=seed, validity=validity, faults=[*faults, *faults_of_files], log_size=log_size, **served)
        if not dialects:  # what binance.com is today; Binance.US is another host, and has to be asked for
            here.retired.add(SPOT_CLASSIC)
        trio.run(_run, here, _Way(**way), current_process())
    except UsageError as error:
        raise click.UsageError(str(error)) from None
    except BrokenPipeError:
        raise  # the reader of the output is gone, which is not an error
    except (ImportError, OSError) as error:
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            advice = "perhaps by another exchange. Pass other ports, or 0 for any that is free"
            raise click.ClickException(f"{error.strerror}, {advice}") from None
        raise click.ClickException(str(error)) from None


async def _run(here: Exchange, way: _Way, process: Process) -> None:
    if way.host not in _LOOPBACK:
        print_line(process.stderr, f"Warning: anyone who can connect to {way.host} can use and control this exchange.")
    accounts = [here.add_account(api_key) for api_key in dict.fromkeys(way.api_keys)]
    end = trio.Event()
    with process.open_signals() as signals:
        async with (
            serve_exchange(
                here,
                host=way.host,
                port=way.port,
                tls=way.tls,
                certificate_for=way.certificate_for,
                time_scale=way.time_scale,
            ) as served,
            serve_control(served, port=way.control_port, shut_down=end.set) as control,
        ):
            _emit(control, here, accounts, served.now(), way.events_per_second)
            with _ca_file(served, way.ca_file) as ca_file:
                _announce(served, control, ca_file, way, process.stdout)
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(_wait_for_signal, signals, end)
                    nursery.start_soon(_follow, control.control.log, way.verbose, process.stderr)
                    await end.wait()
                    await trio.sleep(_LAST_WORD)
                    nursery.cancel_scope.cancel()


def _emit(control: ServedControl, here: Exchange, accounts: list[str], now: float, per_second: float | None) -> None:
    places = [(account, dialect.name) for account in accounts for dialect in dialects_of(here)]
    for account, dialect in places if per_second else ():
        body = json.dumps({"account": account, "dialect": dialect, "per_second": per_second}).encode()
        status, answer = control.control.handle("POST", "/events", body, now)
        if status != 200:
            raise UsageError(answer["error"], advice=answer["advice"])


async def _wait_for_signal(signals: AsyncIterable[int], end: trio.Event) -> None:
    async for _ in signals:
        end.set()


async def _follow(log: LogReader, verbose: bool, descriptor: int) -> None:
    """Tell each request, and see to it that none is forgotten uncounted."""
    told = 0
    while True:
        told, entries = log.since(told)
        told += len(entries)
        for entry in entries if verbose else ():
            print_line(descriptor, log_line(entry))
        await trio.sleep(_LOOK)


@contextmanager
def _ca_file(served: ServedExchange, path: Path | None) -> Iterator[Path | None]:
    """The file with the CA's certificate, if there is one."""
    with ExitStack() as stack:
        if served.ca_pem is not None:
            if path is None:
                path = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "trio-listenkey-ca.pem"
            path.write_bytes(served.ca_pem)
        yield path if served.ca_pem is not None else None


def _announce(served: ServedExchange, control: ServedControl, ca_file: Path | None, way: _Way, descriptor: int) -> None:
    told = {
        "REST": served.rest_url,
        "WebSocket": served.stream_url,
        "control": control.url,
        "API key": ", ".join(way.api_keys),
        "CA file": str(ca_file),
    }
    if way.as_json:
        facts = {"rest": served.rest_url, "websocket": served.stream_url, "control": control.url}
        accounts = {"api_keys": way.api_keys, "ca_file": told["CA file"] if ca_file else None}
        print_line(descriptor, json.dumps({**facts, **accounts, "ready": True}))
        return
    for name, value in told.items():
        if name != "CA file" or ca_file is not None:
            print_line(descriptor, f"{name:<10} {value}")
    print_line(descriptor, "ready")
