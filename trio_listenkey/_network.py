"""How transports and connectors reach the network: whom they trust, and which address they go from."""

from __future__ import annotations

import ipaddress
import os
import ssl

from ._errors import UsageError
from ._redaction import safe_error_text

__all__ = ["check_local_address", "default_trust"]

_PLACES = ("SSL_CERT_FILE", "SSL_CERT_DIR")


def default_trust() -> ssl.SSLContext:
    """A context that trusts whom the environment names, or else whom the system trusts.

    Raises:
        UsageError: What the environment names has no certificates that can be read.
    """
    import httpcore2  # noqa: PLC0415 - what the default transport trusts; only who needs it pays for it

    try:
        return httpcore2.default_ssl_context()
    except OSError as error:
        problem = safe_error_text(error)
    named = " and ".join(f"{name}={os.environ[name]}" for name in _PLACES if os.environ.get(name))
    raise UsageError(
        f"the certificates to trust cannot be read from {named or 'the system'}: {problem}",
        advice="Set the environment variable to a file (SSL_CERT_FILE) of certificates in PEM, or unset it",
    )


def check_local_address(local_address: str | None, proxy: object) -> None:
    """``local_address`` has to be an IP address; with a proxy it is the proxy's address that counts.

    Raises:
        UsageError: It is none, or there is a proxy.
    """
    if local_address is None:
        return
    try:
        ipaddress.ip_address(local_address)
    except ValueError:
        raise UsageError(
            f"local_address is {local_address!r}, which is not an IP address",
            advice="Pass an address of this machine, '0.0.0.0' for IPv4 alone, or '::' for IPv6 alone",
        ) from None
    if proxy is not None:
        raise UsageError(
            "local_address cannot be combined with a proxy: the exchange sees the proxy's address",
            advice="Pass one of the two",
        )
