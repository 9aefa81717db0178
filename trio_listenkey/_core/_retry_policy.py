"""Which refusals of a request about a key are final, and which are tried again.

``_protocol/_responses`` says what an answer means by itself. Whether a refusal is retried also depends on the past:
whether a key has worked in this block, and whether the same was refused a moment ago. That is decided here, before the
lifecycle sees the outcome. Once the block is over no refusal is retried.
"""

from __future__ import annotations

from ._accounts import Host
from ._backoff import DOUBTFUL_TRIES, RequestPacing
from ._key_states import Phase
from ._outcomes import Outcome, Refused, Transient

__all__ = ["RetryPolicy"]


class RetryPolicy:
    """The policy for one key.

    Args:
        host: Where requests go. Its clock is corrected by what it answers.
        pacing: Counts doubtful refusals since the last success.
    """

    __slots__ = ("_host", "_pacing", "clock_was_set")

    clock_was_set: bool
    """The last answer corrected our knowledge of the exchange's clock. So a second refusal of the timestamp, at once
    after it, is not retried in that way. The retry after the first one has no backoff."""

    def __init__(self, host: Host, pacing: RequestPacing) -> None:
        self._host, self._pacing = host, pacing
        self.clock_was_set = False

    def judge(self, outcome: Outcome, phase: Phase) -> Outcome:
        """The outcome that the lifecycle handles in place of ``outcome``: often the same one."""
        return self._excuse(self._correct_clock(outcome), phase)

    def _correct_clock(self, outcome: Outcome) -> Outcome:
        """A refused timestamp is retried once, at once and by the exchange's clock.

        The correction replaces what was learnt before: our own clock may have been set meanwhile. It is the host's
        clock, so the correction serves every account there. The exchange has done nothing: it checks the time first.
        """
        if not isinstance(outcome, Refused) or outcome.clock is None or self.clock_was_set:
            self.clock_was_set = False
            return outcome
        self.clock_was_set = True
        self._host.clock = outcome.clock
        return Transient(outcome.error, may_be_done=False)

    def _excuse(self, outcome: Outcome, phase: Phase) -> Outcome:
        """Once a key has worked here, a doubtful refusal is retried: it may pass.

        Before the first key the exchange, the machine or the request is the wrong one: that is final. It is final as
        well after ``DOUBTFUL_TRIES``. Each of these retries is reported, and logged as a warning.

        An untrusted certificate is final before the first key only. A host that had the right one an hour ago will have
        it again.
        """
        if isinstance(outcome, Transient) and outcome.is_final_at_first and phase is Phase.OPENING:
            # Retried for all of ``open_timeout``, it would end as "unavailable", and hide the untrusted certificate
            # (T4).
            return Refused(outcome.error, outcome.may_be_done)
        if not isinstance(outcome, Refused) or not outcome.doubtful or phase is not Phase.RUNNING:
            return outcome
        self._pacing.doubts += 1
        if self._pacing.doubts > DOUBTFUL_TRIES:
            return outcome  # it has lasted for too long
        return Transient(outcome.error, outcome.may_be_done)
