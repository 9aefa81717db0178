"""``trio-listenkey members``: who shares which key; and the option by which other commands become one of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import click
import trio

from .._core._sharing_record import INDEX, Document, ForeignDocumentError, load_document, load_index
from .._errors import UsageError
from ..sharing import Register, SharedKey, register_from_url
from ._exit_codes import EXIT_HELP, Exit
from ._lines import visible
from ._output import print_line
from ._process import current_process
from ._status import open_status
from ._supervision import supervise

__all__ = ["closed_at_end", "members", "open_register", "share_option"]

_HEADS: Final = ("account", "member", "role", "beat every", "beats")


def share_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give ``command`` the option, as ``share``."""
    return click.option(
        "--share",
        metavar="URL",
        help="Share the listen key with other programs that name the same register: sqlite:PATH on one machine, "
        "redis://HOST on many. One of them keeps it alive, and the last one closes it.",
    )(command)


@asynccontextmanager
async def closed_at_end(sharing: SharedKey | None) -> AsyncIterator[None]:
    """Close the register of those who share, if there is one, when all is over."""
    try:
        yield
    finally:
        if sharing is not None:
            with trio.move_on_after(1, shield=True):
                await sharing.register.aclose()


def open_register(url: str) -> Register:
    """The register that ``url`` names.

    Raises:
        click.UsageError: It is no URL of a register, or takes an extra that is not installed.
    """
    try:
        return register_from_url(url)
    except (UsageError, ModuleNotFoundError) as error:
        raise click.UsageError(f"--share: {error}") from None


@click.command(epilog=EXIT_HELP, short_help="Show which programs share a listen key.")
@click.option("--share", metavar="URL", required=True, help="The register: sqlite:PATH or redis://HOST.")
def members(*, share: str) -> None:
    """Show which programs share which listen key, as their register says.

    One line for each program, its cells separated by tabs: the exchange and the shared name of the account; host and
    process id; role; the interval of its heartbeat, and the number of heartbeats so far. A program that was killed is
    shown until the others notice, or another one starts. The register contains no secret.

    \b
    Example:
      trio-listenkey members --share sqlite:/var/lib/bots/shared.db
    """  # noqa: D301 - Click reads the escapes
    sharing = SharedKey(open_register(share))

    async def work() -> int:
        async with closed_at_end(sharing):
            try:
                lines = await _lines(sharing.register)
            except ForeignDocumentError:
                raise click.ClickException("another version of trio-listenkey wrote this register") from None
        for line in lines:
            print_line(current_process().stdout, line)
        return Exit.FINE

    supervise(work, open_status(quiet=True), writes=False)


async def _lines(register: Register) -> list[str]:
    index, _ = await register.read(INDEX)
    lines = ["\t".join(_HEADS)]
    for name, label in sorted(load_index(index).items(), key=lambda each: (each[1], each[0])):
        document = load_document((await register.read(name))[0])
        if document is not None:
            lines += ["\t".join(map(visible, cells)) for cells in _cells(label, document)]
    return lines


def _cells(label: str, document: Document) -> list[tuple[str, ...]]:
    return [
        (
            label,
            entry.who,
            "closes" if document.closing else "keeper" if me == document.keeper else "follower",
            f"{entry.every:g} s",
            str(entry.beats),
        )
        for me, entry in sorted(document.members.items())
    ]
