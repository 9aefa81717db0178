"""Python values as JSON, by their type hints: whatever becomes a dataclass of the fault language is spoken at once.

Only what the exchange needs: texts, numbers, bytes, literals, tuples, dataclasses that are told apart by their name,
and the dialects, which have names anyway.
"""

from __future__ import annotations

import base64
import inspect
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass, replace
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from ..._errors import UsageError
from .._dialects._binance import Dialect
from .._faults._script import Fault
from ._vocabulary import dialects_by_name, ready_made

__all__ = ["decode", "decode_arguments", "encode"]

# Far beyond every sensible number of seconds, and safe to reckon with.
_MOST = 1e12
_INFINITIES = {"inf": math.inf, "-inf": -math.inf}


def decode(hint: Any, value: Any, where: str) -> Any:
    """``value``, which was JSON, as what ``hint`` asks for.

    Raises:
        UsageError: It is something else. ``where`` says which part of the whole this is.
    """
    if hint in {Any, object}:
        return value
    if hint is Dialect:
        return _dialect(value, where)
    if hint in _SCALARS:
        return _SCALARS[hint](value, where)
    if is_dataclass(hint):
        return _decode_tagged((hint,), value, where)
    origin, choices = get_origin(hint), get_args(hint)
    if origin in {Union, UnionType}:
        return _decode_union(choices, value, where)
    if origin is Literal:
        return _one_of({each: each for each in choices}, value, where)
    if origin is tuple:
        return _decode_tuple(choices, value, where)
    _require(isinstance(value, dict), value, where, "a JSON object")
    return value


def decode_arguments(function: Callable[..., Any], given: Any, where: str, **known: Any) -> dict[str, Any]:
    """The arguments for ``function``, a class or another, from a JSON object; those in ``known`` are given already."""
    _require(isinstance(given, dict), given, where, "a JSON object")
    hints = _hints_of(function)
    parameters = {name: each for name, each in inspect.signature(function).parameters.items() if name not in known}
    for name in given:
        if name not in parameters:
            raise UsageError(f"{where} has no field {name[:40]!r}", advice=f"It has: {', '.join(parameters) or 'none'}")
    for name, parameter in parameters.items():
        if parameter.default is parameter.empty and name not in given:
            raise UsageError(f"{where}.{name} is missing", advice=f"The fields are: {', '.join(parameters)}")
    told = {name: _decode_argument(parameters[name], hints[name], each, where) for name, each in given.items()}
    return {**told, **known}


def _hints_of(function: Any) -> dict[str, Any]:
    # Not a class's own: they would be looked up where it says that it comes from, and not where it was written.
    return get_type_hints(vars(function)["__init__"] if isinstance(function, type) else function)


def _decode_argument(parameter: inspect.Parameter, hint: Any, value: Any, where: str) -> Any:
    # Infinity is for a window's open ends alone: a ban without end has no date that could be told.
    if value in ("inf", "-inf") and _INFINITIES[value] == parameter.default:
        return parameter.default
    return decode(hint, value, f"{where}.{parameter.name}")


def _decode_union(choices: tuple[Any, ...], value: Any, where: str) -> Any:
    if value is None and NoneType in choices:
        return None
    rest = [each for each in choices if each is not NoneType]
    if all(is_dataclass(each) and each is not Dialect for each in rest):
        return _decode_tagged(tuple(rest), value, where)
    if all(get_origin(each) is Literal for each in rest):
        return decode(Literal[tuple(word for each in rest for word in get_args(each))], value, where)
    for each in rest[:-1]:
        try:
            return decode(each, value, where)
        except UsageError:
            pass
    return decode(rest[-1], value, where)


def _decode_tagged(classes: tuple[Any, ...], value: Any, where: str) -> Any:
    """A dataclass by its name or a ready-made one's: ``"Hang"``, ``{"Delay": 5}``, ``{"effect": "Delay", ...}``."""
    name, arguments = _split(value, where)
    makers = {**{each.__name__: each for each in classes}, **ready_made(classes)}
    maker = _one_of(makers, name, where)
    if not isinstance(arguments, dict):
        arguments = {_first_parameter(maker, where): arguments}
    decoded = decode_arguments(maker, arguments, where)
    try:
        return maker(**decoded)
    except UsageError as error:
        raise UsageError(f"{where}: {error.problem[:300]}", advice=error.advice) from None


def _split(value: Any, where: str) -> tuple[Any, Any]:
    match value:
        case str():
            return value, {}
        case {"effect": name, **arguments}:
            return name, arguments
        case dict() if len(value) == 1:
            return next(iter(value.items()))
    raise UsageError(
        f"{where} is no effect",
        advice='Pass a name, {"name": its first field}, {"name": {its fields}} or {"effect": "name", its fields}',
    )


def _first_parameter(maker: Callable[..., Any], where: str) -> str:
    for name in inspect.signature(maker).parameters:
        return name
    raise UsageError(f"{where} takes no fields", advice="Pass its name alone")


def _decode_tuple(hints: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    _require(isinstance(value, list), value, where, "a list")
    if hints[-1] is Ellipsis:
        hints = hints[:1] * len(value)
    _require(len(value) == len(hints), value, where, f"a list of {len(hints)}")
    return tuple(decode(hint, each, f"{where}[{n}]") for n, (hint, each) in enumerate(zip(hints, value, strict=True)))


def _decode_int(value: Any, where: str) -> int:
    _require(type(value) is int and abs(value) <= _MOST, value, where, "a whole number")
    return int(value)


def _decode_float(value: Any, where: str) -> float:
    _require(
        type(value) in {int, float} and abs(value) <= _MOST, value, where, "a finite number, up to a million millions"
    )
    return float(value)


def _decode_text(value: Any, where: str) -> str:
    _require(isinstance(value, str), value, where, "a text")
    return str(value)


def _decode_bool(value: Any, where: str) -> bool:
    _require(isinstance(value, bool), value, where, "true or false")
    return bool(value)


def _decode_bytes(value: Any, where: str) -> bytes:
    try:
        match value:
            case str():
                return value.encode()
            case {"base64": str(text)} if len(value) == 1:
                return base64.b64decode(text, validate=True)
    except ValueError:
        pass
    raise UsageError(f"{where} is no sequence of bytes", advice='Pass a text, or {"base64": "..."}')


_SCALARS: dict[Any, Callable[[Any, str], Any]] = {
    bool: _decode_bool,
    int: _decode_int,
    float: _decode_float,
    str: _decode_text,
    bytes: _decode_bytes,
}


def _require(fits: bool, value: Any, where: str, what: str) -> None:
    if not fits:
        raise UsageError(f"{where}: {repr(value)[:50]} is not {what}", advice="Pass one")


def _dialect(value: Any, where: str) -> Dialect:
    """One by its name, with an isolated pair after a colon where it has such: ``"margin:BTCUSDT"``."""
    name, colon, pair = value.partition(":") if isinstance(value, str) else (value, "", "")
    dialect: Dialect = _one_of(dialects_by_name(), name, where)
    if not colon:
        return dialect
    if dialect.tokens_for is None or re.fullmatch("[A-Z0-9]{1,20}", pair) is None:
        advice = 'Pass the name alone, or one of isolated margin: "margin:BTCUSDT"'
        raise UsageError(f"{where}: {name} has no pair {pair[:20]!r}", advice=advice)
    return replace(dialect, name=f"{name}:{pair}", path=f"{dialect.path}?symbol={pair}")


def _one_of(choices: Mapping[str, Any], value: Any, where: str) -> Any:
    if not isinstance(value, str) or value not in choices:
        shown = repr(value)[:50]
        raise UsageError(f"{where}: there is no {shown}", advice=f"Pass one of: {', '.join(map(str, choices))}")
    return choices[value]


def encode(value: Any, *, brief: bool = False) -> Any:
    """``value`` as JSON. Of a dataclass, the fields that differ from their defaults, and an effect's name.

    ``brief`` leaves out bodies and headers, for logs.
    """
    if is_dataclass(value):
        name = {} if isinstance(value, Fault) else {"effect": type(value).__name__}
        told = {each.name: getattr(value, each.name) for each in fields(value)}
        defaults = {each.name: each.default for each in fields(value) if each.default is not MISSING}
        left_out = {field for field, each in told.items() if field in defaults and each == defaults[field]}
        if brief:
            left_out |= {field for field, each in told.items() if isinstance(each, bytes | tuple)}
        return name | {field: encode(each, brief=brief) for field, each in told.items() if field not in left_out}
    if isinstance(value, bytes):
        return _encode_bytes(value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, tuple | range):
        return [encode(each) for each in value]
    return value


def _encode_bytes(value: bytes) -> Any:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(value).decode("ascii")}
