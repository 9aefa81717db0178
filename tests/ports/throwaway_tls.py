"""TLS between a server and a client on this machine, by an authority that this process makes for itself."""

from __future__ import annotations

import ssl
from functools import cache

import trustme

__all__ = ["authority_pem", "client_tls", "server_tls"]


@cache
def _authority() -> trustme.CA:
    return trustme.CA()


@cache
def server_tls(host: str = "localhost") -> ssl.SSLContext:
    """For a server that is called ``host``."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _authority().issue_cert(host).configure_cert(context)
    context.set_alpn_protocols(["http/1.1"])
    return context


@cache
def client_tls() -> ssl.SSLContext:
    """For a client that trusts the servers."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _authority().configure_trust(context)
    return context


def authority_pem() -> bytes:
    """The authority's certificate."""
    return bytes(_authority().cert_pem.bytes())
