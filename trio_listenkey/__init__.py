"""Exchange listen keys as a structured-concurrency primitive.

How the package is laid out; imports go from right to left only::

    words                core              ports                shell                 face
    _errors _http   <-   _core/ venues <-  _transport      <-   _clock           <-   __init__
    _values                                _instrument          _neighbourhood        __main__ _cli/
                                           transports/          _listen_key _keeper

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
    UnavailableError as UnavailableError,
)
from ._errors import (
    UsageError as UsageError,
)
from ._instrument import Instrument as Instrument
from ._keeper import open_listen_key as open_listen_key
from ._listen_key import ListenKey as ListenKey
from ._values import Credentials as Credentials
from ._values import KeyStatistics as KeyStatistics
from ._values import Timing as Timing

__all__ = [
    "Credentials",
    "CredentialsError",
    "EndpointGoneError",
    "Instrument",
    "KeyLostError",
    "KeyStatistics",
    "ListenKey",
    "ListenKeyError",
    "RateLimitedError",
    "RefusedError",
    "Timing",
    "UnavailableError",
    "UsageError",
    "Venue",
    "open_listen_key",
    "venues",
]

# Tracebacks, pickles and the documentation name things by where users find them, not by the file they are in.
for _name in __all__:
    if _name != "venues":
        globals()[_name].__module__ = __name__
del _name
