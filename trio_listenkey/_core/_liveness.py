"""Whether an event that happens now will be delivered: where a socket and the trust meet (S8).

Events come by a socket, and by a listen key or a subscription of that socket's own. Neither says anything of the other:
a socket stays open and answers pings long after its key has died, and a key that is alive proves nothing of a peer that
is gone. So what counts as a proof, and for what, is decided here and nowhere else: ``Trust.prove`` is called in this
file alone.

What is no proof
================

* A handshake. With a dead key it succeeds at most exchanges, and the socket stays silent.
* A pong. Exchanges answer pings on a socket whose key is dead (S5).
* An event on a socket of an older key. Such a socket may go on delivering for a while after its key was replaced; that
  says nothing of the key that is held now.
* What was read some time ago, or was held while another socket delivered: it is from before.
* Where each socket has a subscription of its own: that the key is alive, or that another socket's subscription is.
"""

from __future__ import annotations

from math import inf

from .._settings import Timing
from ._stream_socket import StreamSocket
from ._trust import Trust

__all__ = ["Liveness"]


class Liveness:
    """What one stream knows of its life. It keeps nothing itself: the trust and the socket do.

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

        A question just asked for want of events is no doubt. Four things have to hold, and none of them makes up for
        another: a socket delivers; its peer answers; it has the key that is held, and not the one before; and there is
        no doubt of that key. Which other socket there is does not matter.
        """
        return (
            current is not None
            and current.is_answering(now, self._ping_every)
            and self.has_key_that_lives(current)
            and self._trust.holds
        )

    def has_key_that_lives(self, current: StreamSocket | None) -> bool:
        """Whether the socket that delivers has the key that is held. Another one is about to be left."""
        return current is not None and current.generation == self._trust.generation

    def alive_at(self, current: StreamSocket | None) -> float:
        """When there was last a sign of life of what the socket that delivers depends on (S5).

        Infinity where there is no such socket, or where it has another key than the one that is held: its silence says
        nothing of that one. See ``Trust``.
        """
        return current.alive_at if current is not None and self.has_key_that_lives(current) else inf

    def is_news(self, current: StreamSocket, now: float) -> bool:
        """Whether what is read ``now`` was sent a moment ago.

        A machine that slept reads what came before it did: without an answer since, nothing says how old it is. Nor is
        it known of what piled up while nobody read.
        """
        return not current.is_lagging and current.is_answering(now, self._ping_every)

    # Proofs.

    def events_come(self, current: StreamSocket | None, now: float) -> None:
        """There is proof that events come on the socket that delivers; it counts if that has the key that is held.

        An event was read, or the exchange confirmed the subscription on the socket itself.
        """
        if self.has_key_that_lives(current):
            self._trust.prove(self.alive_at(current), now)

    def key_confirmed(self, confirmed_at: float, now: float) -> None:
        """The exchange, asked at ``confirmed_at``, says by a request of its own that the key is alive."""
        if not self._subscribes:  # else it proves nothing of the subscription
            self._trust.prove(confirmed_at, now)
