"""Whether what a stream's events come by is alive, as far as anyone knows; and when to ask.

Events come by a listen key, or by a subscription of the socket's own. Either may die while its socket stays open and
answers pings, and nobody says so. A stream has one :class:`Trust`: it is told what the exchange says of the key, what
it says on the socket, and when there was last a sign of life. It knows nothing of sockets.

What state follows from what is looked up in ``TRUST_TRANSITIONS``. How to drive it::

    trust.hold(...)              the exchange has said that a key is alive: by REST, or on the socket
    trust.prove(alive_at, now)   an event came, or the exchange has confirmed what events come by
    trust.deny(now)              the exchange has said on the socket that our key is dead
    trust.lose()                 the key is dead
    trust.cannot_ask()           a ban: no answer can come
    trust.tick(alive_at, now)    let time pass; then ask if ``trust.ask_at <= now``
    trust.asked(now, since)      the exchange is being asked what was doubtful since some time

A stream is *live* only while :attr:`Trust.holds`. So here is where that has to be sound: whatever happens, it holds for
no longer than ``silence_check_every`` and two seconds after the last proof, and a doubt is over only by a proof.
"""

from __future__ import annotations

from math import inf
from typing import Final

from ._stream_states import TRUST_TRANSITIONS, TrustEvent, TrustState
from ._tables import after

__all__ = ["ANSWER_WITHIN", "Trust"]

ANSWER_WITHIN: Final = 2.0
"""Seconds that the exchange has to answer a question about the key. Until then the question is no doubt, and no socket
is opened for want of the answer: it delays the stream if the REST host hangs; less would open sockets with keys that
are about to turn out dead."""

# Seconds between two questions that events of the exchange make us ask: an exchange may repeat itself.
_ASK_AGAIN_AFTER: Final = 1.0


class Trust:
    """The trust in what one stream's events come by.

    ``alive_at``, in the arguments, is when there was last a sign of life of the key or subscription that the socket in
    use depends on; minus infinity if there was none, and infinity while that socket is of an older key: such a one is
    about to be left, and its silence says nothing of the key that is held.
    """

    __slots__ = (
        "_answer_by",
        "_denied_at",
        "_every",
        "_is_asked_in_vain",
        "ask_at",
        "asked_at",
        "asked_since",
        "confirmed_at",
        "dead_generation",
        "generation",
        "is_troubled",
        "key",
        "state",
    )

    state: TrustState
    """Changed by :meth:`_fire` alone, by the table."""

    generation: int
    """Of the key that is held, or was held last; 0 before the first. Only :meth:`hold` changes it."""

    dead_generation: int
    """Of the key that was lost last, and did not come back; 0 for none. A socket by it has nothing more to say."""

    key: str
    """The key itself: the exchange names it when it says that one is dead. It is a secret, and is never shown."""

    confirmed_at: float
    """When the request was sent by which the exchange last confirmed the key. It says nothing of a subscription."""

    asked_at: float
    """When we last asked. An answer to a request from before is no answer to this question."""

    asked_since: float
    """Since when we have wanted to know it. Others ask about the same key: whoever of them was told that it was alive
    after this time has the answer for us as well (E1)."""

    ask_at: float
    """When to ask; infinity while there is no need. A doubt is asked about again every ``silence_check_every``, and a
    word of the exchange that the key is dead at once, but at most once a second."""

    is_troubled: bool
    """Whether requests about the key fail. It is still presumed to be alive, so that sockets are opened with it: to
    wait for an answer would not help. It ends with the next success."""

    def __init__(self, every: float) -> None:
        self.state = TrustState.NONE
        self.generation, self.key = 0, ""
        self.dead_generation = 0
        self.is_troubled = False
        self.confirmed_at = self.asked_at = self.asked_since = -inf
        self.ask_at = inf
        self._every = every
        # In ASKED: when a question without an answer becomes a doubt. It has no meaning elsewhere.
        self._answer_by = inf
        # The last question cannot be answered: no doubt is put off for it, neither now nor when silence is due.
        self._is_asked_in_vain = False
        # When DENIED was last come to. What was asked before then speaks of the time before, and lifts no denial.
        self._denied_at = -inf

    # Questions. None of them changes anything.

    @property
    def is_usable(self) -> bool:
        """Whether there is a key that is presumed alive, so that sockets may be opened with it."""
        return self.state is not TrustState.NONE

    @property
    def holds(self) -> bool:
        """Whether there is no doubt. A question that was just asked for want of events is none."""
        return self.state in {TrustState.TRUSTED, TrustState.ASKED}

    def asks_for_silence_at(self, alive_at: float) -> float:
        """When to ask if nothing more is heard."""
        if self.state is TrustState.NONE:
            return inf  # it is dead, and being replaced: there is nothing to ask
        silent_at = alive_at + self._every
        return silent_at if self.state is TrustState.TRUSTED else max(silent_at, self.asked_at + self._every)

    def is_fresh(self, since: float) -> bool:
        """Whether the key was confirmed ``since`` some time; or cannot be, for requests fail."""
        return self.confirmed_at >= since or self.is_troubled

    # Steps.

    def tick(self, alive_at: float, now: float) -> None:
        """Let time pass until ``now``."""
        if now >= self.asks_for_silence_at(alive_at):
            # Anything that was asked for on another occasion and not answered is this question, too.
            if now >= self.asked_at + self._every:
                self.ask_at = min(self.ask_at, now)
            if self.state is TrustState.TRUSTED:
                self._fire(TrustEvent.SILENCE)
                # From when it was due, not from when it is noticed. A machine that slept for two hours, or a program
                # that computes for a minute, has no right to two seconds of "live" afterwards.
                self._answer_by = alive_at + self._every + ANSWER_WITHIN
                if self.asked_at + self._every > now:
                    self._answer_by = (
                        -inf if self._is_asked_in_vain else min(self._answer_by, self.asked_at + ANSWER_WITHIN)
                    )
        if self.state is TrustState.ASKED and now >= self._answer_by:
            self._fire(TrustEvent.UNANSWERED)

    def hold(self, generation: int, key: str, confirmed_at: float) -> None:
        """The exchange has said that ``key`` is alive. What that proves is for :meth:`prove` to say."""
        if generation != self.generation or self.state is TrustState.NONE:
            self._fire(TrustEvent.NEW_KEY)
            self.ask_at = inf
        if generation == self.dead_generation:
            self.dead_generation = 0  # it was never dead: keys are random, and the same one came back
        self.generation, self.key = generation, key
        self.confirmed_at = max(self.confirmed_at, confirmed_at)
        self.is_troubled = False

    def prove(self, alive_at: float, now: float) -> None:
        """There is a sign of life: of this very key or subscription, and not of whichever the account has.

        Args:
            alive_at: As everywhere here. One that is old itself proves nothing any more, and one from before the
                exchange said that the key is dead does not contradict it.
            now: The present.
        """
        is_late = now >= alive_at + self._every or (self.state is TrustState.DENIED and alive_at < self._denied_at)
        if self.state is not TrustState.NONE and not is_late:
            self._fire(TrustEvent.PROOF)

    def deny(self, now: float) -> None:
        """The exchange says on the socket that the key is dead."""
        if self.state is not TrustState.NONE:
            self._fire(TrustEvent.DENIED)
            self._denied_at = now
            if self.ask_at == inf:
                self.ask_at = max(now, self.asked_at + _ASK_AGAIN_AFTER)

    def asked(self, now: float, since: float) -> None:
        """The exchange is being asked what we have wanted to know ``since`` some time."""
        self.asked_at, self.asked_since, self.ask_at = now, since, inf
        self._is_asked_in_vain = False

    def doubts_since(self, alive_at: float, now: float) -> float:
        """Since when there has been a reason to ask, as it is due ``now``.

        Silence is a reason from the moment at which it had lasted too long, and not from when that is noticed. Several
        streams of an account have the same silence, and notice it some milliseconds apart: whoever of them asks first
        asks for all (E1). A word of the exchange that the key is dead is unsaid by what was asked after it alone.
        """
        if self.state is TrustState.DENIED:
            return self._denied_at
        return min(now, alive_at + self._every)

    def cannot_ask(self) -> None:
        """Nothing may be sent, so that no answer can come: there is nothing to give two seconds to.

        It holds for the question that was asked last, until there is another one: also where silence is not due yet.
        """
        self._is_asked_in_vain = True
        if self.state is TrustState.ASKED:
            self._fire(TrustEvent.UNANSWERED)

    def lose(self) -> None:
        """The key is dead, or must be presumed so."""
        self._fire(TrustEvent.LOST)
        self.dead_generation = self.generation
        self.ask_at = inf

    def _fire(self, event: TrustEvent) -> None:
        self.state = after(TRUST_TRANSITIONS, self.state, event)
