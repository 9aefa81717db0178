"""Signed calls of an account that are not about its key, and are sent as those are."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import trio

from .._core._outcomes import Ok, Outcome, Refused, Wait
from .._envelope import without_mark
from .._errors import ListenKeyError, TransportError
from .._protocol._requests import build_request
from .._protocol._responses import no_answer, read_answer
from .._protocol._signing import check_credentials
from .._settings import Credentials, Timing
from .._value import replace
from .._venue._codes import Code
from .._venue._parts import Answer, Call, Signing
from .._venue._venue import Venue
from ..transports._base import MAX_BODY, Transport
from ._broken_contracts import transport_fault
from ._run_context import RestHost, current_context

__all__ = ["SignedCalls"]

_TRANSPORT_CLOSE_LIMIT: Final = 1.0  # seconds; closing sockets takes none, but a transport may be anyone's


class SignedCalls:
    """What sends them.

    Args:
        venue: Where to.
        credentials: With the secret or a signer; see :meth:`check`.
        transport: By what; ``None`` for the one that keys and streams share.
        timing: ``request_timeout``.
        gone: Codes that say: what the call is about does not exist.
        max_answer: How many bytes an answer may have.
    """

    def __init__(
        self,
        venue: Venue,
        credentials: Credentials,
        transport: Transport | None,
        timing: Timing,
        *,
        gone: frozenset[Code] = frozenset(),
        max_answer: int = MAX_BODY,
    ) -> None:
        self.venue: Venue = venue
        self.timing: Timing = timing
        self._credentials, self._transport = credentials, transport
        self._max_answer = max_answer
        # What signs and reads the calls about keys does so here. The close is the call of which no answer is expected.
        told = venue.answer
        answer = Answer(
            clock=told.clock,
            silence=told.silence,
            transient=told.transient,
            credentials=told.credentials,
            refused=told.refused,
            gone=gone,
        )
        self._dialect = replace(venue, signing=venue.signing or Signing(), answer=answer, key_in="account")

    def check(self) -> None:
        """See to it that they can be signed.

        Raises:
            UsageError: There is no secret and no signer.
        """
        check_credentials(self._dialect, self._credentials)

    @property
    def api_key(self) -> str:
        """Whose account it is about."""
        return self._credentials.api_key

    def host(self) -> RestHost:
        """Where they go."""
        return current_context().rest_host(self._dialect, self._transport, self)

    async def ask(self, host: RestHost, call: Call, verb: str, within: float) -> tuple[Outcome, bytes]:
        """Send one now, and make whatever becomes of it an outcome. Whether it may be sent is the caller's to see to.

        With the outcome comes the body of a success, which is JSON, or empty; nothing otherwise.

        Args:
            host: Where to.
            call: What.
            verb: What it is called in errors.
            within: Seconds.
        """
        outcome, body = await self._outcome_of(replace(self._dialect, close=call), host, within)
        if isinstance(outcome, Wait):
            host.block(outcome.seconds)
        if isinstance(outcome, Refused) and outcome.clock is not None:
            host.set_clock(outcome.clock)  # now it is known what time it is there
        if isinstance(outcome, Ok):
            return outcome, without_mark(body).strip()  # of blanks alone it is empty, and not JSON
        outcome.error.verb = verb
        outcome.error.args = (outcome.error._text(),)  # noqa: SLF001 - the text is built there and nowhere else
        return outcome, b""

    async def _outcome_of(self, venue: Venue, host: RestHost, within: float) -> tuple[Outcome, bytes]:
        hide = [each for each in (self._credentials.api_key, self._credentials.api_secret) if each]
        answer = None
        try:
            with trio.move_on_after(within):
                async with self._borrowed_transport() as transport:
                    request = build_request(venue, self._credentials, "close", None, timestamp_ms=host.exchange_ms())
                    answer = await transport.request(replace(request, max_answer=self._max_answer))
        except ListenKeyError as error:
            return Refused(error.with_traceback(None)), b""  # it could not be signed, and nothing was sent
        except TransportError as error:
            return no_answer(venue, "close", error, hide=hide), b""
        except Exception as fault:  # noqa: BLE001 - a transport may be anyone's
            return transport_fault(venue, "close", fault), b""
        if answer is None:
            return no_answer(venue, "close", TransportError(f"none within {within:.3g} s"), hide=hide), b""
        return read_answer(venue, "close", answer, epoch=host.unix(), hide=hide), answer.body

    @asynccontextmanager
    async def _borrowed_transport(self) -> AsyncIterator[Transport]:
        if self._transport is not None:
            yield self._transport
            return
        context = current_context()
        transport = context.acquire_transport()
        try:
            yield transport
        finally:
            # Bounded: the last one to use it closes its connections, whatever has become of the request.
            with trio.move_on_after(_TRANSPORT_CLOSE_LIMIT, shield=True):
                await context.release_transport()
