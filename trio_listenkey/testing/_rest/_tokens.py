"""Listen tokens: what a client may say about them when it asks for one."""

from __future__ import annotations

import re
from collections.abc import Mapping

from .._dialects._binance import Dialect
from .._faults._effects import Status, api_error
from .._state._keys import Place

__all__ = ["token_terms"]


def token_terms(dialect: Dialect, place: Place, fields: Mapping[str, str]) -> tuple[Place, float] | Status:
    """Where the token is for, and how many seconds it lives; or why there is none.

    Binance Margin documentation, "Create a listenToken": ``isIsolated``, ``symbol``, ``validity`` in milliseconds.
    """
    assert dialect.tokens_for is not None
    account, path = place
    if fields.get("isIsolated", "").lower() == "true":
        symbol = fields.get("symbol", "")
        if not re.fullmatch("[A-Z0-9]{1,20}", symbol):
            return api_error(400, -1102, "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed.")
        path = f"{path}?symbol={symbol}"
    validity = fields.get("validity")
    if validity is None:
        return (account, path), dialect.tokens_for
    if not re.fullmatch("[1-9][0-9]{0,12}", validity) or int(validity) > dialect.tokens_for * 1000:
        return api_error(400, -1130, "Data sent for parameter 'validity' is not valid.")
    return (account, path), int(validity) / 1000
