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
from ._core._venue import Venue as Venue
from ._errors import (
    CredentialsError as CredentialsError,
)
from ._errors import (
    EndpointGoneError as EndpointGoneError,
)
from ._errors import (
    KeyLostError as KeyLostError,
)
from ._errors import (
    ListenKeyError as ListenKeyError,
)
from ._errors import (
    RateLimitedError as RateLimitedError,
)
from ._errors import (
    RefusedError as RefusedError,
)
from ._errors import (
    SlowConsumerError as SlowConsumerError,
)
from ._errors import (
    UnavailableError as UnavailableError,
)
from ._errors import (
    UsageError as UsageError,
)
from ._events import Gap as Gap
from ._events import UserEvent as UserEvent
from ._instrument import Instrument as Instrument
from ._keeper import open_listen_key as open_listen_key
from ._listen_key import ListenKey as ListenKey
from ._stream_keeper import open_user_stream as open_user_stream
from ._user_stream import UserStream as UserStream
from ._values import Credentials as Credentials
from ._values import KeyStatistics as KeyStatistics
from ._values import StreamStatistics as StreamStatistics
from ._values import Timing as Timing

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
