"""Whether the key or subscription of a stream is alive, as far as is known; and when to ask.

Events come by a listen key, or by a subscription of the socket's own. Either may die while its socket stays open and
answers pings, without any message. A stream has one :class:`Trust`: it is told the exchange's answers about the key,
announcements on the socket, and when there was last a sign of life. It knows nothing about sockets.

The next state is looked up in ``TRUST_TRANSITIONS``. How to drive it::

    trust.hold(...)              the exchange has said that a key is alive: by REST, or on the socket
    trust.prove(alive_at, now)   an event came, or the exchange has confirmed what events come by
    trust.deny(now)              the exchange has said on the socket that our key is dead
    trust.lose()                 the key is dead
    trust.cannot_ask()           a ban: no answer can come
    trust.tick(alive_at, now)    let time pass; then ask if ``trust.ask_at <= now``
    trust.asked(now, since)      the exchange is being asked what was doubtful since some time

A stream is *live* only while :attr:`Trust.holds`. So this must be sound: whatever happens, it holds for at most
``silence_check_every`` and two seconds after the last proof, and only a proof ends a doubt.
"""

from __future__ import annotations

from math import inf
from typing import Final

from ._stream_states import TRUST_TRANSITIONS, TrustEvent, TrustState
from ._tables import after

__all__ = ["ANSWER_WITHIN", "Trust"]

ANSWER_WITHIN: Final = 2.0
"""Seconds that the exchange has to answer a question about the key. Until then the question is no doubt, and the next
socket waits for the answer. A longer time would delay the stream if the REST host hangs; a shorter one would open
sockets with keys that turn out dead."""

# Seconds between two questions after announcements of the exchange: it may repeat an announcement.
_ASK_AGAIN_AFTER: Final = 1.0


class Trust:
    """The trust in the key or subscription of one stream.

    ``alive_at``, in the arguments, is when there was last a sign of life of the key or subscription that the socket in
    use depends on; minus infinity if there was none, and infinity while that socket is of an older key: that one is
    about to be replaced, and its silence says nothing about the key that is held.
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
    """Of the key that was lost last, and did not come back; 0 for none. A socket with it receives no more events."""

    key: str
    """The key itself: the exchange names it when it says that one is dead. It is a secret, and is never shown."""

    confirmed_at: float
    """When the request was sent by which the exchange last confirmed the key. It proves nothing about a
    subscription."""

    asked_at: float
    """When we last asked. The answer to an older request does not answer this question."""

    asked_since: float
    """Since when we have wanted to know it. Other streams ask about the same key: a confirmation of theirs from after
    this time answers our question as well (E1)."""

    ask_at: float
    """When to ask; infinity while there is no need. During a doubt we ask again every ``silence_check_every``; after an
    announcement that the key is dead we ask at once, but at most once a second."""

    is_troubled: bool
    """Whether requests about the key fail. The key is still presumed alive, and sockets are opened with it without
    waiting for an answer. It ends with the next success."""

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
        # The last question cannot be answered: it delays no doubt, neither now nor when silence is due.
        self._is_asked_in_vain = False
        # When DENIED was last entered. The answer to an older question does not end it.
        self._denied_at = -inf

    # Questions. None of them changes anything.

    @property
    def is_usable(self) -> bool:
        """Whether there is a key that is presumed alive, so that sockets may be opened with it."""
        return self.state is not TrustState.NONE

    @property
    def holds(self) -> bool:
        """Whether there is no doubt. A question that was just asked because no events came is no doubt."""
        return self.state in {TrustState.TRUSTED, TrustState.ASKED}

    def asks_for_silence_at(self, alive_at: float) -> float:
        """When to ask if nothing more is heard."""
        if self.state is TrustState.NONE:
            return inf  # the key is dead, and being replaced: there is nothing to ask
        silent_at = alive_at + self._every
        return silent_at if self.state is TrustState.TRUSTED else max(silent_at, self.asked_at + self._every)

    def is_fresh(self, since: float) -> bool:
        """Whether the key was confirmed after ``since``, or cannot be, for requests fail."""
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
        """The exchange has confirmed ``key``. Whether that proves that events come is decided by :meth:`prove`."""
        if generation != self.generation or self.state is TrustState.NONE:
            self._fire(TrustEvent.NEW_KEY)
            self.ask_at = inf
        if generation == self.dead_generation:
            self.dead_generation = 0  # it was not dead: keys are random, and the same one came back
        self.generation, self.key = generation, key
        self.confirmed_at = max(self.confirmed_at, confirmed_at)
        self.is_troubled = False

    def prove(self, alive_at: float, now: float) -> None:
        """There is a sign of life of this very key or subscription, not only of another key of the account.

        Args:
            alive_at: As everywhere here. An old sign of life proves nothing any more, and one from before the exchange
                announced the key dead does not contradict that.
            now: The present.
        """
        is_late = now >= alive_at + self._every or (self.state is TrustState.DENIED and alive_at < self._denied_at)
        if self.state is not TrustState.NONE and not is_late:
            self._fire(TrustEvent.PROOF)

    def deny(self, now: float) -> None:
        """The exchange announces on the socket that the key is dead."""
        if self.state is not TrustState.NONE:
            self._fire(TrustEvent.DENIED)
            self._denied_at = now
            if self.ask_at == inf:
                self.ask_at = max(now, self.asked_at + _ASK_AGAIN_AFTER)

    def asked(self, now: float, since: float) -> None:
        """The exchange is being asked; we have wanted to know it since ``since``."""
        self.asked_at, self.asked_since, self.ask_at = now, since, inf
        self._is_asked_in_vain = False

    def doubts_since(self, alive_at: float, now: float) -> float:
        """Since when there has been a reason for the question that is due ``now``.

        Several streams of an account have the same silence, and notice it some time apart: the first one asks for all
        (E1). So a confirmation of another one in the second half of the silence is an answer; it is young enough. After
        an announcement that the key is dead, only a question from after it counts.
        """
        if self.state is TrustState.DENIED:
            return self._denied_at
        return min(now, alive_at + self._every / 2)

    def cannot_ask(self) -> None:
        """No request may be sent, so no answer can come: do not wait two seconds for one.

        This holds for the last question, until there is another one: also where silence is not due yet.
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
