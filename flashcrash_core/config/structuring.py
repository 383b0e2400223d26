"""Raw tables into attrs classes, with every fault named by file, line and key."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar, cast

from flashcrash_core.config.documents import KeyPath, dotted
from flashcrash_core.config.layers import Merged, Origin
from flashcrash_core.config.typed_values import Fault, try_structure
from flashcrash_core.errors import ConfigError

__all__ = ["faults_as_text", "structure", "structure_plugin_config"]

T = TypeVar("T")


def structure(cls: type[T], raw: Any) -> T:
    """``raw`` as an instance of ``cls``. Raises ConfigError with one ``table.key: message`` per fault."""
    value, faults = try_structure(cls, raw)
    if faults:
        raise ConfigError([f"{dotted(fault.path)}: {fault.message}" for fault in faults])
    return cast(T, value)


def structure_plugin_config(cls: type[T], raw: Mapping[str, Any], where: str | KeyPath, origins: Merged | None = None) -> T:
    """A plugin's table as its config class. ``where`` is the table (``"indicators.volatility"``).

    Raises ConfigError with every fault as ``file:line table.key: message``; without ``origins`` the file is left out.
    """
    table = tuple(where.split(".")) if isinstance(where, str) else where
    value, faults = try_structure(cls, dict(raw))
    if faults:
        raise ConfigError(faults_as_text(faults, origins, table))
    return cast(T, value)


def faults_as_text(faults: Iterable[Fault], origins: Merged | None, table: KeyPath = ()) -> list[str]:
    """``file:line table.key: message`` for each, in the order of the files' lines."""
    rows: list[tuple[tuple[str, int], str]] = []
    for fault in faults:
        path = (*table, *fault.path)
        origin = origins.origin(path) if origins is not None else None
        shown = f"{origin} " if origin is not None and origin.layer != "default" else ""
        rows.append((_position(origin), f"{shown}{dotted(path)}: {fault.message}"))
    return [text for _, text in sorted(rows, key=lambda row: row[0])]


def _position(origin: Origin | None) -> tuple[str, int]:
    return ("", 0) if origin is None else (origin.source, origin.line or 0)
