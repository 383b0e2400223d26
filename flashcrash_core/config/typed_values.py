"""A raw TOML value as a typed one: strict, without unknown keys, with every fault collected.

cattrs picks the function for each type; the functions are our own, because its stock ones are generous (``int("10")``,
``float(True)``, a string as a list of letters) and stop at the first validator that fails.
"""

import collections.abc
import enum
import re
import types
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal, InvalidOperation
from functools import partial
from math import isfinite
from pathlib import Path
from typing import Any, Final, Literal, TypeVar, Union, cast, get_args, get_origin

import attrs
import cattrs
from attrs import define, field

from flashcrash_core.config.documents import ExactFloat, KeyPath
from flashcrash_core.config.nearest import did_you_mean
from flashcrash_core.config.schema import OPTIONS

__all__ = ["Fault", "config_keys", "try_structure"]

T = TypeVar("T")


@attrs.frozen
class Fault:
    """One thing that is wrong, at a key path relative to what was structured."""

    path: KeyPath
    message: str


@define
class _Faults(Exception):
    """All faults of one value; inner ones get their key put in front on the way up."""

    faults: list[Fault] = field(factory=list)

    @classmethod
    def one(cls, message: str) -> "_Faults":
        return cls([Fault((), message)])

    def under(self, key: str) -> list[Fault]:
        return [Fault((key, *fault.path), fault.message) for fault in self.faults]


def config_keys(cls: type[Any]) -> list["attrs.Attribute[Any]"]:
    """The fields of a config class that may be set, with resolved types."""
    resolved = attrs.resolve_types(cls)
    return [item for item in attrs.fields(resolved) if item.init]


def try_structure(cls: type[T], raw: Any) -> tuple[T | None, list[Fault]]:
    """``raw`` as an instance of ``cls`` and no faults, or None and all that is wrong."""
    try:
        return _CONVERTER.structure(raw, cls), []
    except _Faults as error:
        return None, error.faults


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, ExactFloat):
        return value.text
    if isinstance(value, Mapping):
        return "a table"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


# -- scalars -------------------------------------------------------------------------------------------------------------


def _float(value: Any, _: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _Faults.one(f"must be a number, got {_shown(value)}")
    if not isfinite(value):
        raise _Faults.one(f"must be a finite number, got {_shown(value)}")
    return float(value)


def _int(value: Any, _: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise _Faults.one(f"must be a whole number, got {_shown(value)}")
    return int(value)


def _bool(value: Any, _: Any) -> bool:
    if not isinstance(value, bool):
        raise _Faults.one(f"must be true or false, got {_shown(value)}")
    return value


def _str(value: Any, _: Any) -> str:
    if not isinstance(value, str):
        raise _Faults.one(f"must be text in quotes, got {_shown(value)}")
    return value


def _path(value: Any, _: Any) -> Path:
    return Path(_str(value, _))


def _decimal(value: Any, _: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise _Faults.one(f"must be a decimal number, got {_shown(value)}")
    text = value.text if isinstance(value, ExactFloat) else repr(value) if isinstance(value, float) else value
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise _Faults.one(f"must be a decimal number, got {_shown(value)}") from None
    if not number.is_finite():
        raise _Faults.one(f"must be a finite number, got {_shown(value)}")
    return number


def _enum(value: Any, cls: Any) -> Any:
    names = [str(member.value) for member in cls]
    for member in cls:
        if member.value == value and type(value) is not bool:
            return member
    raise _not_one_of(value, names)


def _literal(value: Any, kind: Any) -> Any:
    allowed = get_args(kind)
    for choice in allowed:
        if value == choice and type(value) is type(choice):
            return choice
    raise _not_one_of(value, [str(choice) for choice in allowed])


def _not_one_of(value: Any, names: list[str]) -> _Faults:
    hint = did_you_mean(value, names) if isinstance(value, str) else ""
    hint = f"; {hint}" if hint.startswith("did") else ""
    return _Faults.one(f"must be one of {', '.join(names)}, got {_shown(value)}{hint}")


# -- compounds -----------------------------------------------------------------------------------------------------------


def _union(value: Any, kind: Any) -> Any:
    members = get_args(kind)
    if value is None and type(None) in members:
        return None
    first: _Faults | None = None
    for member in members:
        if member is type(None):
            continue
        try:
            return _CONVERTER.structure(value, member)
        except _Faults as error:
            first = first or error
    others = [member for member in members if member is not type(None)]
    if len(others) == 1 and first is not None:
        raise first
    wanted = " or ".join(_TYPE_NAMES.get(member, getattr(member, "__name__", str(member))) for member in others)
    raise _Faults.one(f"must be {wanted}, got {_shown(value)}")


def _sequence(value: Any, kind: Any) -> Any:
    if not isinstance(value, list | tuple | set | frozenset):
        raise _Faults.one(f"must be a list, got {_shown(value)}")
    origin, args = get_origin(kind) or kind, get_args(kind)
    given = sorted(value, key=repr) if isinstance(value, set | frozenset) else list(value)
    if origin is tuple and args and args[-1] is not Ellipsis:
        if len(given) != len(args):
            raise _Faults.one(f"must have {len(args)} elements, got {len(given)}")
        element_types = list(args)
    else:
        element_types = [args[0] if args else Any] * len(given)
    faults: list[Fault] = []
    out: list[Any] = []
    for index, (element, element_type) in enumerate(zip(given, element_types, strict=True), 1):
        try:
            out.append(_CONVERTER.structure(element, element_type))
        except _Faults as error:
            faults += [Fault(fault.path, f"element {index} {fault.message}") for fault in error.faults]
    if faults:
        raise _Faults(faults)
    return _CONCRETE.get(origin, origin)(out)


def _mapping(value: Any, kind: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise _Faults.one(f"must be a table, got {_shown(value)}")
    args = get_args(kind)
    value_type = args[1] if len(args) == 2 else Any
    faults: list[Fault] = []
    out: dict[str, Any] = {}
    for key, element in value.items():
        try:
            out[key] = _CONVERTER.structure(element, value_type)
        except _Faults as error:
            faults += error.under(key)
    if faults:
        raise _Faults(faults)
    return out


def _attrs(value: Any, cls: Any) -> Any:
    if isinstance(value, cls):
        return value
    if not isinstance(value, Mapping):
        raise _Faults.one(f"must be a table, got {_shown(value)}")
    keys = config_keys(cls)
    options = next((item for item in keys if OPTIONS in item.metadata), None)
    named = {item.alias or item.name: item for item in keys if item is not options}
    faults: list[Fault] = []
    given: dict[str, Any] = {}
    rest: dict[str, Any] = {}
    for key, raw in value.items():
        item = named.get(key)
        if item is None:
            if options is None:
                faults.append(Fault((key,), f"unknown key; {did_you_mean(key, named, what='valid keys')}"))
            rest[key] = raw
            continue
        try:
            given[key] = _CONVERTER.structure(raw, cast(Any, item.type)) if item.type is not None else raw
        except _Faults as error:
            faults += error.under(key)
    broken = {fault.path[0] for fault in faults}
    for key, item in named.items():
        if item.default is attrs.NOTHING and key not in given and key not in broken:
            faults.append(Fault((key,), "is missing and has no default"))
    if options is not None:
        given[options.alias or options.name] = rest
    if not faults:
        try:
            return cls(**given)
        except Exception as error:
            faults += _validator_faults(cls, keys, given) or [_as_fault(error, named)]
    else:
        faults += _validator_faults(cls, keys, given)
    raise _Faults(faults)


def _validator_faults(cls: type[Any], keys: Iterable["attrs.Attribute[Any]"], given: Mapping[str, Any]) -> list[Fault]:
    """Run every validator on its own, so that one bad value does not hide the next."""
    try:
        with attrs.validators.disabled():
            instance = cls(**given)
    except Exception:
        return []  # a required key is missing, or the class itself refuses; its error is reported by the caller
    faults: list[Fault] = []
    for item in keys:
        if item.validator is None:
            continue
        try:
            item.validator(instance, item, getattr(instance, item.name))
        except Exception as error:
            key = item.alias or item.name
            said = _validator_text(error, item.name)
            # A default that does not go with what was set: nobody wrote this key, so the fault is the table's.
            faults.append(Fault((key,), said) if key in given else Fault((), _of_default(key, getattr(instance, item.name), said)))
    return faults


def _of_default(key: str, value: Any, said: str) -> str:
    """``release 0.6 (default) must not lie above trigger 0.5``, also when the validator names key and value itself."""
    shown = _shown(value)
    for prefix in (f"{key} {shown} ", f"{key} "):
        said = said.removeprefix(prefix)
    return f"{key} {shown} (default) {said}"


def _as_fault(error: Exception, named: Mapping[str, Any]) -> Fault:
    text = str(error.args[0]) if error.args else type(error).__name__
    match = re.match(r"'(\w+)' ", text)
    if match is not None and match.group(1) in named:
        return Fault((match.group(1),), _validator_text(error, match.group(1)))
    return Fault((), text)


def _validator_text(error: Exception, name: str) -> str:
    text = str(error.args[0]) if error.args else type(error).__name__
    return text.removeprefix(f"'{name}' ")


# -- dispatch ------------------------------------------------------------------------------------------------------------

Sequence_: Final = collections.abc.Sequence
AbstractSet: Final = collections.abc.Set

_CONCRETE: Final[dict[Any, Any]] = {Sequence_: tuple, AbstractSet: frozenset}

_TYPE_NAMES: Final[dict[Any, str]] = {
    str: "text",
    float: "a number",
    int: "a whole number",
    bool: "true or false",
    Decimal: "a decimal",
}


def _is_sequence(kind: Any) -> bool:
    return (get_origin(kind) or kind) in (list, tuple, set, frozenset, Sequence_, AbstractSet)


def _is_mapping(kind: Any) -> bool:
    origin = get_origin(kind) or kind
    return isinstance(origin, type) and issubclass(origin, Mapping)


def _make_converter() -> cattrs.Converter:
    converter = cattrs.Converter(detailed_validation=True, forbid_extra_keys=True)
    # Classes that cattrs has stock functions for are looked up before any predicate, so these must be replaced by class.
    scalars: dict[type[Any], Callable[[Any, Any], Any]] = {
        float: _float,
        int: _int,
        bool: _bool,
        str: _str,
        Decimal: _decimal,
        Path: _path,
    }
    for kind, function in scalars.items():
        converter.register_structure_hook(kind, partial(_scalar, function))
    for base in (enum.Enum, enum.StrEnum, enum.IntEnum):
        converter.register_structure_hook(base, _enum)
    rules: list[tuple[Callable[[Any], bool], Callable[[Any, Any], Any]]] = [
        (lambda kind: get_origin(kind) is Literal, _literal),
        (lambda kind: get_origin(kind) in (Union, types.UnionType), _union),
        (_is_sequence, _sequence),
        (_is_mapping, _mapping),
        (lambda kind: isinstance(kind, type) and attrs.has(kind), _attrs),
    ]
    for predicate, function in rules:
        converter.register_structure_hook_func(predicate, function)
    return converter


def _scalar(function: Callable[[Any, Any], Any], value: Any, kind: Any) -> Any:
    # class Level(str, Enum) arrives here as a str
    return _enum(value, kind) if isinstance(kind, type) and issubclass(kind, enum.Enum) else function(value, kind)


_CONVERTER: Final = _make_converter()
