"""Exchange listen keys as a structured-concurrency primitive.

How the package is laid out; imports go from right to left only::

    words                core              ports                       shell                 face
    _errors _http   <-   _core/ venues <-  _transport _connector  <-   _clock           <-   __init__
    _values _events                        _instrument                 _neighbourhood        __main__ _cli/
                                           transports/ connectors/     _listen_key _keeper
                                                                       _user_stream _stream_keeper

``testing/`` stands beside: an exchange that knows nothing of the core it is there to judge.
"""

from . import venues as venues
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
from ._statistics import KeyStatistics as KeyStatistics, StreamStatistics as StreamStatistics
from ._venue._venue import Venue as Venue

__all__ = [
    "Credentials",
    "CredentialsError",
    "EndpointGoneError",
    "Gap",
    "Instrument",
    "KeyLostError",
    "KeyStatistics",
    "ListenKey",
    "ListenKeyError",
    "RateLimitedError",
    "RefusedError",
    "SlowConsumerError",
    "StreamStatistics",
    "Timing",
    "UnavailableError",
    "UsageError",
    "UserEvent",
    "UserStream",
    "Venue",
    "open_listen_key",
    "open_user_stream",
    "venues",
]

# Tracebacks, pickles and the documentation name things by where users find them, not by the file they are in.
for _name in __all__:
    if _name != "venues":
        globals()[_name].__module__ = __name__
del _name
