"""The layers of the configuration and their merging, with the origin of every key.

Lowest first: built-in defaults, profile, ``config/flashcrash.toml``, ``local.toml``, ``--config``, environment, ``--set``.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from attrs import define, field, frozen

from flashcrash_core.config.documents import Document, KeyPath, Tree, dotted, parse_value
from flashcrash_core.errors import ConfigError

__all__ = [
    "DEFAULT",
    "ENV_PREFIX",
    "PLUGIN",
    "Layer",
    "Merged",
    "Origin",
    "environment_layer",
    "file_layer",
    "merge_layers",
    "override_layer",
]

ENV_PREFIX: Final = "FLASHCRASH__"

_KEY_PART: Final = re.compile(r'"([^"]*)"|([^."=]+)')


@frozen
class Origin:
    """Where a value comes from. ``layer`` is ``default``, ``profile``, ``file``, ``environment``, ``--set`` or ``plugin``."""

    layer: str
    source: str
    line: int | None = None

    def __str__(self) -> str:
        return self.source if self.line is None else f"{self.source}:{self.line}"


DEFAULT: Final = Origin("default", "default")
PLUGIN: Final = Origin("plugin", "plugin")
"""Of an indicator that no table asks for: its plugin was named, which is enough to use it."""


@frozen
class Layer:
    """One source of settings."""

    name: str
    values: Tree
    origins: Mapping[KeyPath, Origin] = field(factory=dict)
    fallback: Origin = DEFAULT

    def origin(self, path: KeyPath) -> Origin:
        """Origin of the key, or of the nearest table above it."""
        for depth in range(len(path), 0, -1):
            found = self.origins.get(path[:depth])
            if found is not None:
                return found
        return self.fallback


@define
class Merged:
    """All layers on top of each other."""

    values: Tree = field(factory=dict)
    origins: dict[KeyPath, Origin] = field(factory=dict)

    def origin(self, path: KeyPath) -> Origin:
        """Origin of the key, or of the nearest table above it; ``default`` when no layer speaks of it."""
        for depth in range(len(path), 0, -1):
            found = self.origins.get(path[:depth])
            if found is not None:
                return found
        return DEFAULT


def file_layer(document: Document, layer: str) -> Layer:
    """A layer from a parsed file; ``layer`` is ``profile`` or ``file``."""
    origins = {path: Origin(layer, document.source, line) for path, line in document.lines.items()}
    return Layer(layer, document.values, origins, Origin(layer, document.source))


def environment_layer(environ: Mapping[str, str]) -> Layer:
    """``FLASHCRASH__RUN__SEED=7`` is ``run.seed = 7``. Names are lower-cased, except symbols under ``instruments``.

    Raises ConfigError for a name with an empty part.
    """
    pairs: list[tuple[KeyPath, Any, Origin]] = []
    problems: list[str] = []
    for name in sorted(environ):  # sorted: the order of an environment is not defined
        if not name.startswith(ENV_PREFIX):
            continue
        parts = name.removeprefix(ENV_PREFIX).split("__")
        if not all(parts):
            problems.append(f"{name}: empty part in the name; write {ENV_PREFIX}TABLE__KEY, as in {ENV_PREFIX}RUN__SEED")
            continue
        path = tuple(part.lower() for part in parts)
        if path[0] == "instruments" and len(path) > 1:
            path = (path[0], parts[1], *path[2:])
        pairs.append((path, parse_value(environ[name]), Origin("environment", name)))
    return _layer_of_pairs("environment", pairs, problems)


def override_layer(overrides: Iterable[str]) -> Layer:
    """``--set run.seed=7`` in order; the last one wins. Raises ConfigError for text that is not ``table.key=value``."""
    pairs: list[tuple[KeyPath, Any, Origin]] = []
    problems: list[str] = []
    for text in overrides:
        key, equals, value = text.partition("=")
        path = _split_key(key.strip())
        if not equals or not path:
            problems.append(f"--set {text}: not of the form table.key=value, as in --set run.seed=7")
            continue
        pairs.append((path, parse_value(value.strip()), Origin("--set", "--set")))
    return _layer_of_pairs("--set", pairs, problems)


def merge_layers(layers: Iterable[Layer]) -> Merged:
    """Merge lowest first, table by table; lists are replaced whole.

    A table whose ``use`` changes starts afresh: the keys of lower layers belong to another plugin.
    """
    merged = Merged()
    for layer in layers:
        _merge_table(merged, layer, merged.values, layer.values, ())
    return merged


def _merge_table(merged: Merged, layer: Layer, base: Tree, over: Tree, path: KeyPath) -> None:
    use = over.get("use")
    if use is not None and base.get("use") and base["use"] != use:
        base.clear()
        _forget(merged, path, keep_self=True)
    for key, value in over.items():
        here = (*path, key)
        if isinstance(value, dict):
            inner = base.get(key)
            if not isinstance(inner, dict):
                inner = base[key] = {}
                _forget(merged, here)
            if here in layer.origins or here not in merged.origins:
                merged.origins[here] = layer.origin(here)
            _merge_table(merged, layer, inner, value, here)
        else:
            _forget(merged, here)
            base[key] = value
            merged.origins[here] = layer.origin(here)


def _forget(merged: Merged, path: KeyPath, *, keep_self: bool = False) -> None:
    size = len(path)
    for known in [known for known in merged.origins if known[:size] == path]:
        if not (keep_self and known == path):
            del merged.origins[known]


def _split_key(text: str) -> KeyPath:
    parts: list[str] = []
    pos = 0
    while pos < len(text):
        match = _KEY_PART.match(text, pos)
        if match is None:
            return ()
        parts.append(match.group(1) if match.group(1) is not None else match.group(2).strip())
        pos = match.end()
        if pos < len(text):
            if text[pos] != ".":
                return ()
            pos += 1
            if pos == len(text):
                return ()
    return tuple(parts) if all(parts) else ()


def _layer_of_pairs(name: str, pairs: list[tuple[KeyPath, Any, Origin]], problems: list[str]) -> Layer:
    values: Tree = {}
    origins: dict[KeyPath, Origin] = {}
    for path, value, origin in pairs:
        table = values
        for depth, part in enumerate(path[:-1], 1):
            inner = table.setdefault(part, {})
            if not isinstance(inner, dict):
                problems.append(f"{origin} {dotted(path)}: {dotted(path[:depth])} is a value already, not a table")
                break
            origins.setdefault(path[:depth], origin)
            table = inner
        else:
            table[path[-1]] = value
            origins[path] = origin
    if problems:
        raise ConfigError(problems)
    return Layer(name, values, origins, Origin(name, name))
