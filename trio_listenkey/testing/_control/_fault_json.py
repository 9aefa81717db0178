"""The fault language as JSON: what is written in files, on command lines, and sent to the control API."""

from __future__ import annotations

from typing import Any

from ..._errors import UsageError
from .._faults._script import Fault
from ._fault_text import fault_as_json
from ._json_values import decode_arguments, encode

__all__ = ["fault_from_json", "fault_to_json", "faults_from_json"]


def fault_from_json(value: Any, *, where: str = "fault") -> Fault:
    """A fault from its JSON, or from its short form in one line.

    ::

        fault_from_json("keepalive#2=service_unavailable")
        fault_from_json({"verb": "keepalive", "nth": 2, "effect": "service_unavailable"})
        fault_from_json({"after": 7200, "until": 7800, "effect": {"effect": "Status", "code": 503, "body": "{}"}})

    Args:
        value: A text, or an object with the fields of :class:`~trio_listenkey.testing.Fault`. Its effect is the name
            of an effect or of a ready-made one, ``{"name": its first field}``, ``{"name": {its fields}}``, or
            ``{"effect": "name", its fields}``. Bytes are a text, or ``{"base64": "..."}``.
        where: What to call it in an error's text.

    Raises:
        UsageError: It is no fault; the text names the field.
    """
    if isinstance(value, str):
        value = fault_as_json(value, where)
    arguments = decode_arguments(Fault, value, where)
    try:
        return Fault(**arguments)
    except UsageError as error:
        raise UsageError(f"{where}: {error.problem[:300]}", advice=error.advice) from None


def faults_from_json(value: Any, *, where: str = "faults") -> list[Fault]:
    """One fault, or a list of them."""
    if not isinstance(value, list):
        return [fault_from_json(value, where=where)]
    return [fault_from_json(each, where=f"{where}[{n}]") for n, each in enumerate(value)]


def fault_to_json(fault: Fault) -> dict[str, Any]:
    """The JSON from which :func:`fault_from_json` makes an equal fault; fields at their defaults are left out."""
    told: dict[str, Any] = encode(fault)
    return told
