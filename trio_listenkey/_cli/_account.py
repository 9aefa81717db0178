"""An account: which exchange, where, and by whose credentials."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import click

from .._errors import UsageError
from .._protocol._signing import check_credentials, check_session
from .._settings import Credentials
from .._venue._signed_venue import SignedVenue
from .._venue._venue import Venue
from ._venue_name import AnyVenue

__all__ = ["Account", "moved"]

_V = TypeVar("_V", bound=AnyVenue)


@dataclass(frozen=True, slots=True)
class Account(Generic[_V]):
    """Whom to speak to, and as whom.

    Attributes:
        name: What it is called where there are several.
        venue: The exchange.
        credentials: The account's; ``None`` if none were given, which only some commands can do without.
        prefix: Of the environment variables in which these are looked for.
    """

    name: str
    venue: _V
    credentials: Credentials | None
    prefix: str

    @property
    def lack(self) -> UsageError | None:
        """Why nothing can be asked for with these credentials; ``None`` if that can be tried."""
        venue: AnyVenue = self.venue
        if self.credentials is None:
            advice = f"Export {self.prefix}_API_KEY, or name a file with --credentials"
            return UsageError("no credentials were given", advice=advice, venue=venue.name)
        try:
            if isinstance(venue, SignedVenue):
                check_session(venue, self.credentials)
            else:
                check_credentials(venue, self.credentials)
        except UsageError as error:
            if isinstance(venue, Venue) and venue.signing is not None and venue.signing.by == "signer":
                advice = "The command line has none: use the library there"
            else:
                advice = f"Export {self.prefix}_API_SECRET, or put api_secret into the file that --credentials names"
            return UsageError(error.problem, advice=advice, venue=venue.name)
        return None


def moved(venue: _V, rest_url: str | None, stream_url: str | None, *, allow_plaintext: bool) -> _V:
    """``venue``, at other addresses if there are any.

    Raises:
        click.UsageError: There is one of two, or they are none.
    """
    if rest_url is None and isinstance(venue, SignedVenue):
        rest_url = stream_url  # it has but one address
    if rest_url is None and stream_url is None:
        if allow_plaintext:
            raise click.UsageError("--allow-plaintext is for the addresses of --rest-url and --stream-url.")
        return venue
    if rest_url is None or stream_url is None:
        # One of them alone would take a testnet's key to the real exchange, or the other way round.
        raise click.UsageError("--rest-url and --stream-url go together.")
    try:
        there: Any = venue.at(rest_url, stream_url, allow_plaintext=allow_plaintext)
    except UsageError as error:
        raise click.UsageError(str(error).replace("allow_plaintext=True", "--allow-plaintext")) from None
    moved_venue: _V = there
    return moved_venue
