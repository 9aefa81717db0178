"""Checks of what users pass, made before anything is sent."""

from __future__ import annotations

import ipaddress

from ._errors import UsageError

__all__ = ["check_choice", "check_local_address", "check_port", "check_type"]


def check_type(name: str, value: object, wanted: type, example: str) -> None:
    """``value`` has to be a ``wanted``; ``example`` says what to pass."""
    if not isinstance(value, wanted):
        # Not the value: a string in the place of credentials is likely to be one.
        raise UsageError(f"{name} is of type {type(value).__name__}", advice=f"Pass {example}")


def check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    """``value`` has to be one of ``choices``."""
    if value not in choices:
        raise UsageError(f"{name} is {value!r}", advice=f"Pass one of {', '.join(map(repr, choices))}")


def check_port(name: str, value: object, method: str, example: str) -> None:
    """``value`` has to be ``None`` or something that has ``method``: anyone may write one."""
    if value is not None and not hasattr(value, method):
        raise UsageError(f"{name} is of type {type(value).__name__}", advice=f"Pass {example}")


def check_local_address(local_address: str | None, proxy: object) -> None:
    """``local_address`` has to be an IP address; with a proxy it is the proxy's address that counts."""
    if local_address is None:
        return
    try:
        ipaddress.ip_address(local_address)
    except ValueError:
        raise UsageError(
            f"local_address is {local_address!r}, which is no IP address",
            advice="Pass an address of this machine, '0.0.0.0' for IPv4 alone, or '::' for IPv6 alone",
        ) from None
    if proxy is not None:
        raise UsageError(
            "local_address does not go with a proxy, whose address it is that the exchange sees",
            advice="Pass one of the two",
        )
