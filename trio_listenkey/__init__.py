"""Private event streams and listen keys of crypto exchanges, as structured-concurrency primitives for trio.

A folder is a layer, and imports point one way: each layer imports from those above it in this list alone. A test holds
the list to the files, and the imports to the layers::

    values      _errors        what can go wrong, by who has to act
                _events        UserEvent and Gap
                _envelope      what an event may come in
                _http          one HTTP request and its response
                _settings      Credentials and Timing
                _statistics    KeyStatistics, StreamStatistics and SwitchStatistics
                _validation    checks of arguments
                _value         the base of what users hand in and may change
                events/        what the venues send, as structs
    venue       _venue/        what differs between exchanges, as types
                venues         every exchange, as data with its sources
    core        _core/         the state machines: no I/O, no clock, no protocol
    protocol    _protocol/     bytes to and from an exchange, as pure functions and machines
    ports       transports/    the port for one HTTP request, and its adapters
                connectors/    the port for one WebSocket, and its adapters
                sharing/       the port for what the programs that share a key write down, and its engines
                _instrument    the port for an observer
                _network       the address to send from, and whom to trust, for transports and connectors alike
                _redaction     keeps secrets out of other libraries' logs and exceptions
    shell       _shell/        open_listen_key, open_user_stream, dead_man_switch: nurseries, shields, clocks
    resync      resync/        orders, balances and positions, right again after every gap
    face        __init__       the public names
                __main__       python -m trio_listenkey
                _cli/          the command line
    beside      testing/       an exchange to test against, which knows nothing of the core that it judges
"""

from typing import TYPE_CHECKING

from . import events as events, venues as venues
from ._errors import (
    CredentialsError as CredentialsError,
    EndpointGoneError as EndpointGoneError,
    KeyLostError as KeyLostError,
    ListenKeyError as ListenKeyError,
    RateLimitedError as RateLimitedError,
    RefusedError as RefusedError,
    SlowConsumerError as SlowConsumerError,
    UnavailableError as UnavailableError,
    UsageError as UsageError,
)
from ._events import Gap as Gap, UserEvent as UserEvent
from ._instrument import Instrument as Instrument
from ._settings import Credentials as Credentials, Timing as Timing
from ._shell._keeper import open_listen_key as open_listen_key
from ._shell._listen_key import ListenKey as ListenKey
from ._shell._open_stream import open_user_stream as open_user_stream
from ._shell._user_stream import UserStream as UserStream
from ._statistics import (
    KeyStatistics as KeyStatistics,
    SharingStatistics as SharingStatistics,
    StreamStatistics as StreamStatistics,
    SwitchStatistics as SwitchStatistics,
)
from ._venue._signed_venue import AnyVenue as AnyVenue
from ._venue._venue import Venue as Venue

__all__ = [
    "AnyVenue",
    "Credentials",
    "CredentialsError",
    "DeadManSwitch",
    "EndpointGoneError",
    "Gap",
    "Instrument",
    "KeyLostError",
    "KeyStatistics",
    "ListenKey",
    "ListenKeyError",
    "RateLimitedError",
    "RefusedError",
    "SharingStatistics",
    "SlowConsumerError",
    "StreamStatistics",
    "SwitchStatistics",
    "Timing",
    "UnavailableError",
    "UsageError",
    "UserEvent",
    "UserStream",
    "Venue",
    "dead_man_switch",
    "events",
    "open_listen_key",
    "open_user_stream",
    "venues",
]

_LATER = frozenset({"DeadManSwitch", "dead_man_switch"})

if TYPE_CHECKING:
    from ._shell._dead_man import DeadManSwitch as DeadManSwitch, dead_man_switch as dead_man_switch
else:  # type checkers would take it to have every name

    def __getattr__(name: str) -> object:
        """What most programs do without is imported when it is first asked for (PEP 562)."""
        if name not in _LATER:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from ._shell import _dead_man  # noqa: PLC0415 - the reason for all this

        for each in _LATER:
            thing = globals()[each] = getattr(_dead_man, each)
            thing.__module__ = __name__  # as below
        return globals()[name]


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER})


# Tracebacks, pickles and the documentation name things by where users find them, not by the file they are in.
for _name in __all__:
    if _name not in {"AnyVenue", "events", "venues", *_LATER}:
        globals()[_name].__module__ = __name__
del _name
