"""The name of an exchange on the command line: which one is meant, or may have been, and whose API keys it takes."""

from __future__ import annotations

import difflib
import re
from typing import Any, Final

import click
from click.shell_completion import CompletionItem

from .. import venues
from .._venue._signed_venue import SignedVenue
from .._venue._venue import Venue

__all__ = ["AnyVenue", "VenueName", "every_venue", "prefix_of"]

AnyVenue = Venue | SignedVenue

_LONGEST_NAME: Final = 40  # characters; what is longer is likely to be a key that went to the wrong place
_FEW: Final = 3
_USUAL: Final = ("spot", "usdm")
# What an exchange calls its products. What is left of a name without them is the exchange. Testnets and demo modes are
# exchanges of their own: an API key of the real one is not to be sent there. Nor is one of GMO Coin to its "-fx", which
# has API keys of its own.
_PRODUCT: Final = re.compile(
    r"-(spot|usdm|usdtm|coinm|futures|options|margin|margin-risk|portfolio-margin|pm-pro|stocks|prediction|site|"
    r"classic|v3)$"
)


def every_venue() -> dict[str, AnyVenue]:
    """All that are known, by name, in order."""
    found: list[AnyVenue] = [*venues.known(), *venues.sessions()]
    return {venue.name: venue for venue in sorted(found, key=lambda venue: venue.name)}


def prefix_of(name: str) -> str:
    """Of the environment variables with the credentials for a venue: ``"BINANCE"`` for ``"binance-usdm"``.

    Venues share a prefix only if they belong to one exchange and take the same API keys.
    """
    while (shorter := _PRODUCT.sub("", name)) != name:
        name = shorter
    return name.upper().replace("-", "_")


class VenueName(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.4
    """The name of a venue, as ``trio_listenkey.venues`` has it.

    Args:
        keys_alone: Whether only exchanges will do that have listen keys.
    """

    name = "venue"

    def __init__(self, *, keys_alone: bool = False) -> None:
        self._keys_alone = keys_alone

    @property
    def _names(self) -> list[str]:
        return [name for name, venue in every_venue().items() if not self._keys_alone or _has_urls(venue)]

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> AnyVenue:
        """See Click."""
        wanted = str(value).lower().replace("_", "-")
        found, names = every_venue(), self._names
        if wanted in names:
            return found[wanted]
        if wanted in found:
            what = "no listen keys" if isinstance(found[wanted], SignedVenue) else "tokens in place of listen keys"
            return self.fail(
                f"{wanted} has {what}: its events are requested on the socket itself, so there is no key to "
                f"hold and no URL to open. To see the events: trio-listenkey watch {wanted}",
                param,
                ctx,
            )
        quoted = repr(value) if len(wanted) <= _LONGEST_NAME else "that"
        near = _near(wanted, names)
        question = f" Did you mean {' or '.join(near)}?" if near else ""
        return self.fail(f"no venue is named {quoted}.{question} Known are: {', '.join(names)}", param, ctx)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """See Click."""
        begun = incomplete.lower().replace("_", "-")
        return [CompletionItem(name) for name in self._names if name.startswith(begun)]


def _near(wanted: str, names: list[str]) -> list[str]:
    """What may have been meant. A product, or an exchange, is a part of a name; that comes before what is alike."""
    if products := [name for name in names if name.endswith(f"-{wanted}")]:
        return products
    usual = [name for product in _USUAL if (name := f"{wanted}-{product}") in names]
    begun = [name for name in names if name.startswith(f"{wanted}-")]
    return usual or begun[:_FEW] or difflib.get_close_matches(wanted, names, n=1)


def _has_urls(venue: AnyVenue) -> bool:
    """Whether there are keys that can be given to another program, in a URL."""
    return isinstance(venue, Venue) and not venue.stream.says_key
