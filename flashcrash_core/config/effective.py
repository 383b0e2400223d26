"""The effective configuration: every key with its value and where it comes from, for people and for records."""

import datetime
import enum
from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs
from attrs import frozen

from flashcrash_core.config.documents import ExactFloat, KeyPath, Tree, dotted
from flashcrash_core.config.layers import PLUGIN, Merged, Origin
from flashcrash_core.config.schema import OPTIONS

__all__ = ["EffectiveValue", "effective_values", "plain"]


@frozen
class EffectiveValue:
    """One key of the effective configuration."""

    key: str
    value: Any
    origin: Origin


def plain(value: Any) -> Any:
    """Settings as JSON-able data that ``config_from_tree`` reads back: decimals as text, None left out."""
    if attrs.has(type(value)):
        out: Tree = {}
        for item in attrs.fields(type(value)):
            if not item.init:
                continue
            inner = getattr(value, item.name)
            if OPTIONS in item.metadata:
                out.update(plain(inner))
            elif inner is not None:
                out[item.alias or item.name] = plain(inner)
        return out
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, set | frozenset):
        return [plain(inner) for inner in sorted(value, key=repr)]
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, ExactFloat):
        return float(value)
    if isinstance(value, Decimal | Path | datetime.date | datetime.time):
        return str(value)
    return value


def effective_values(tree: Tree, merged: Merged, of_plugins: Collection[KeyPath] = ()) -> list[EffectiveValue]:
    """All leaves of a plain tree, in order, each with its origin. ``of_plugins`` are the tables that plugins brought along."""
    return [
        EffectiveValue(dotted(path), value, PLUGIN if path[:2] in of_plugins else _origin(merged, path))
        for path, value in _leaves(tree, ())
    ]


def _origin(merged: Merged, path: KeyPath) -> Origin:
    # An ancestor's origin says where the table is, not where this value is from: a key that no layer sets is a default.
    found = merged.origins.get(path)
    if found is not None:
        return found
    for depth in range(len(path) - 1, 0, -1):
        value = _lookup(merged.values, path[:depth])
        if value is not None and not isinstance(value, dict):
            return merged.origin(path[:depth])
    return Origin("default", "default")


def _lookup(tree: Tree, path: KeyPath) -> Any:
    value: Any = tree
    for part in path:
        if not isinstance(value, dict) or part not in value:
            return None
        value = value[part]
    return value


def _leaves(value: Any, path: KeyPath) -> Iterable[tuple[KeyPath, Any]]:
    if isinstance(value, dict) and (value or not path):
        for key, inner in value.items():
            yield from _leaves(inner, (*path, key))
    else:
        yield path, value
