"""Whether an event that happens now will be delivered: where a socket and the trust meet (S8).

Events come by a socket, and by a listen key or a subscription of that socket's own. Neither proves the other: a socket
stays open and answers pings long after its key has died, and a living key says nothing about a dead peer. So this file
alone decides what counts as a proof, and of what: only here is ``Trust.prove`` called.

What is no proof
================

* A handshake. With a dead key it succeeds at most exchanges, and the socket stays silent.
* A pong. Exchanges answer pings on a socket whose key is dead (S5).
* An event on a socket of an older key. Such a socket may deliver for a while after its key was replaced; that proves
  nothing of the key that is held now.
* An event that was read some time ago, or was held while another socket delivered: it is old.
* Where each socket has a subscription of its own: that the key is alive, or that another socket's subscription is.
"""

from __future__ import annotations

from math import inf

from .._settings import Timing
from ._stream_socket import StreamSocket
from ._trust import Trust

__all__ = ["Liveness"]


class Liveness:
    """Whether one stream is live. It has no state of its own: it reads the trust and the socket.

    ``current``, in the arguments, is the socket that delivers; ``None`` while none does.

    Args:
        trust: In the key, or in the subscription of the socket that delivers.
        timing: ``ping_every``.
        subscribes: Whether each socket has a subscription of its own.
    """

    __slots__ = ("_ping_every", "_subscribes", "_trust")

    def __init__(self, trust: Trust, timing: Timing, *, subscribes: bool) -> None:
        self._trust, self._ping_every, self._subscribes = trust, timing.ping_every, subscribes

    # Questions. None of them changes anything.

    def is_live(self, current: StreamSocket | None, now: float) -> bool:
        """Whether an event that happens ``now`` will be delivered, as far as anyone knows.

        Four conditions have to hold, all of them: a socket delivers; its peer answers pings; it has the key that is
        held, and not the one before; and that key is not in doubt. A question that was just asked because no events
        came is no doubt. A second socket does not matter.
        """
        return (
            current is not None
            and current.is_answering(now, self._ping_every)
            and self.has_key_that_lives(current)
            and self._trust.holds
        )

    def has_key_that_lives(self, current: StreamSocket | None) -> bool:
        """Whether the socket that delivers has the key that is held, and is not about to be replaced."""
        return current is not None and current.generation == self._trust.generation

    def alive_at(self, current: StreamSocket | None) -> float:
        """When there was last a sign of life of the key or subscription of the socket that delivers (S5).

        Infinity where there is no such socket, or where it has another key than the one that is held: its silence says
        nothing about the held key. See ``Trust``.
        """
        return current.alive_at if current is not None and self.has_key_that_lives(current) else inf

    def is_news(self, current: StreamSocket, now: float) -> bool:
        """Whether what is read ``now`` was sent a moment ago.

        A machine that slept reads messages from before the suspend: until a ping is answered, their age is unknown. So
        is the age of messages that waited while nobody read.
        """
        return not current.is_lagging and current.is_answering(now, self._ping_every)

    # Proofs.

    def events_come(self, current: StreamSocket | None, now: float) -> None:
        """Events come on the socket that delivers; that is a proof if the socket has the key that is held.

        An event was read, or the exchange confirmed the subscription on the socket itself.
        """
        if self.has_key_that_lives(current):
            self._trust.prove(self.alive_at(current), now)

    def key_confirmed(self, confirmed_at: float, now: float) -> None:
        """The exchange, asked at ``confirmed_at``, says by a request of its own that the key is alive."""
        if not self._subscribes:  # else it proves nothing of the subscription
            self._trust.prove(confirmed_at, now)
