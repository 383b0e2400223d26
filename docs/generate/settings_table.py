"""Configuration keys of a plugin as a table: default, permitted range, the seed profile's value and the attribute docstring."""

import json
from collections.abc import Iterator
from typing import Any, Final, Literal, get_args, get_origin

import attrs

from flashcrash_core.cli.describe import config_rows
from flashcrash_core.config import config_keys
from generate.markdown import table, text

__all__ = ["range_of", "settings_table"]

_NAMED: Final = {
    "release_below_trigger": "<= trigger",
    "release_above_trigger": ">= trigger",
    "DepthConfig._not_below_trigger": ">= trigger",
    "DepthConfig._reachable": "<= baseline_s",
    "MessageVelocityConfig._reachable": "<= baseline_s",
    "SpreadConfig._reachable": "<= baseline_s",
    "VolatilityConfig._reachable": "<= baseline_s",
    "VolumeDeltaConfig._reachable": "<= baseline_s / window_s",
}
"""Validators that are functions of the plugin: what they ask for. One that is missing here is an error, not a gap in the page."""


def settings_table(config: type[Any], profile: dict[str, Any]) -> str:
    """One row per key. ``profile`` is the plugin's table in the seed profile."""
    items = {item.name: item for item in config_keys(config)}
    rows = []
    for row in config_rows(config):
        key = row["key"]
        other = _shown(profile[key]) if key in profile and profile[key] != row["default"] else ""
        rows.append((f"`{key}`", f"`{_shown(row['default'])}`", range_of(config, items[key]), other, text(row["doc"])))
    return table(("key", "default", "range", "`seed` profile", "meaning"), rows)


def range_of(config: type[Any], item: "attrs.Attribute[Any]") -> str:
    """What the type and the validators permit, in words and signs."""
    kind: Any = item.type
    if kind is bool:
        return "true, false"
    if get_origin(kind) is Literal:
        return ", ".join(map(str, get_args(kind)))
    limits = [text for validator in _flat(item.validator) for text in _limit(config, validator)]
    whole = "whole number" if kind is int else "number"
    return ", ".join([whole, *limits])


def _flat(validator: Any) -> Iterator[Any]:
    if validator is None:
        return
    parts = getattr(validator, "_validators", None)
    if parts is None:
        yield validator
        return
    for part in parts:
        yield from _flat(part)


def _limit(config: type[Any], validator: Any) -> list[str]:
    if hasattr(validator, "compare_op") and hasattr(validator, "bound"):
        return [f"{validator.compare_op} {validator.bound:g}"]
    name = getattr(validator, "__name__", type(validator).__name__)
    named = _NAMED.get(f"{config.__name__}.{name}") or _NAMED.get(name)
    if named is None:
        raise LookupError(f"{config.__name__}: say in settings_table.py what validator {name} asks for")
    return [named]


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    return value if isinstance(value, str) else json.dumps(value)
