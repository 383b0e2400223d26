"""Find the layers, put them on top of each other, structure the result."""

import os
from collections.abc import Iterable, Mapping
from copy import deepcopy
from importlib import resources
from pathlib import Path
from typing import Any, Final, TypeVar

from attrs import frozen

from flashcrash_core.config.documents import KeyPath, Tree, parse_document, read_document
from flashcrash_core.config.effective import EffectiveValue, effective_values, plain
from flashcrash_core.config.layers import (
    DEFAULT,
    Layer,
    Merged,
    Origin,
    environment_layer,
    file_layer,
    merge_layers,
    override_layer,
)
from flashcrash_core.config.nearest import did_you_mean
from flashcrash_core.config.schema import Settings
from flashcrash_core.config.structuring import faults_as_text, structure_plugin_config
from flashcrash_core.config.typed_values import Fault, try_structure
from flashcrash_core.errors import ConfigError

__all__ = ["PROJECT_FILES", "LoadedConfig", "config_from_tree", "load_config", "profile_names"]

T = TypeVar("T")

PROJECT_FILES: Final = ("config/flashcrash.toml", "local.toml")
"""Read from the current directory when they exist, lowest first."""

_BUILT_IN: Final[Tree] = {
    "scorer": {"use": "weighted"},
    "strategy": {"use": "percentile"},
    "executor": {"use": ""},
    "storage": {"use": "sqlite"},
}


@frozen
class LoadedConfig:
    """The configuration of one call: structured settings, and for every key where it came from."""

    settings: Settings
    merged: Merged
    files: tuple[str, ...] = ()
    """Configuration files that were read, lowest layer first."""
    faults: tuple[Fault, ...] = ()
    """What is wrong in the kernel's tables; only with ``load_config(strict=False)``. The settings then lack the faulty keys."""

    @property
    def profile(self) -> str:
        return self.settings.profile

    @property
    def raw(self) -> Tree:
        """The merged tables as written, without defaults."""
        return self.merged.values

    @property
    def origins(self) -> Mapping[KeyPath, Origin]:
        return self.merged.origins

    def origin(self, key: str | KeyPath) -> Origin:
        """Where ``run.seed`` came from."""
        return self.merged.origin(tuple(key.split(".")) if isinstance(key, str) else key)

    def table(self, name: str) -> Mapping[str, Any]:
        """A merged table as written (``"indicators.volatility"``); empty when no layer has it."""
        value: Any = self.merged.values
        for part in name.split("."):
            value = value.get(part, {}) if isinstance(value, dict) else {}
        return value if isinstance(value, dict) else {}

    def structure(self, cls: type[T], raw: Mapping[str, Any], where: str | KeyPath) -> T:
        """A plugin's keys as its config class. Raises ConfigError with ``file:line table.key`` of every fault."""
        return structure_plugin_config(cls, raw, where, self.merged)

    def as_plain(self) -> Tree:
        """The effective settings as JSON-able data, defaults included; :func:`config_from_tree` reads it back."""
        tree: Tree = plain(self.settings)
        return tree

    def effective(self) -> list[EffectiveValue]:
        """Every key with its value and origin."""
        return effective_values(self.as_plain(), self.merged)


def profile_names() -> list[str]:
    """Shipped profiles."""
    folder = resources.files("flashcrash_core.config").joinpath("profiles")
    return sorted(item.name.removesuffix(".toml") for item in folder.iterdir() if item.name.endswith(".toml"))


def load_config(
    *,
    profile: str | None = None,
    config_file: str | Path | None = None,
    overrides: Iterable[str] = (),
    environ: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    strict: bool = True,
) -> LoadedConfig:
    """Load all layers. ``overrides`` are ``table.key=value`` texts (``--set``); ``profile`` is ``--profile`` and beats every layer.

    Raises ConfigError with all faults: syntax and reading faults of all layers first, else all faults of the merged tables.
    Without ``strict`` the latter are kept in ``LoadedConfig.faults``, so that :func:`resolve_plugins` can name them together with
    the faults of the plugins' tables.
    """
    folder = Path.cwd() if cwd is None else cwd
    problems: list[str] = []
    upper: list[Layer] = []
    files: list[str] = []
    for name in PROJECT_FILES:
        if (folder / name).exists():
            _collect(problems, upper, files, folder / name, name)
    if config_file is not None:
        _collect(problems, upper, files, folder / config_file, str(config_file))
    try:
        upper.append(environment_layer(os.environ if environ is None else environ))
    except ConfigError as error:
        problems += error.problems
    try:
        upper.append(override_layer(overrides))
    except ConfigError as error:
        problems += error.problems
    if profile is not None:
        upper.append(
            Layer("--set", {"profile": profile}, {("profile",): Origin("--set", "--profile")}, Origin("--set", "--profile"))
        )
    profile_layer = None
    try:
        profile_layer = _profile_layer(upper)
    except ConfigError as error:
        problems += error.problems
    if problems or profile_layer is None:
        raise ConfigError(problems)
    built_in = Layer("default", _BUILT_IN, {}, DEFAULT)
    return _structured(merge_layers([built_in, profile_layer, *upper]), files, strict=strict)


def config_from_tree(tree: Mapping[str, Any], source: str) -> LoadedConfig:
    """A configuration from :meth:`LoadedConfig.as_plain` data, such as a recorded session's. ``source`` names it in messages."""
    origin = Origin("file", source)
    return _structured(merge_layers([Layer("default", _BUILT_IN), Layer("file", dict(tree), {}, origin)]), [])


def _structured(merged: Merged, files: Iterable[str], *, strict: bool = True) -> LoadedConfig:
    values = deepcopy(dict(merged.values))
    if isinstance(values.get("plugins"), str):  # the command line's comma list is welcome here too
        values["plugins"] = [item.strip() for item in values["plugins"].split(",") if item.strip()]
    settings, faults = try_structure(Settings, values)
    if faults and strict:
        raise ConfigError(faults_as_text(faults, merged))
    left = faults
    while settings is None or left:
        for fault in left:
            _drop(values, fault.path)
        settings, left = try_structure(Settings, values)
    return LoadedConfig(settings, merged, tuple(files), faults=tuple(faults))


def _drop(values: Tree, path: KeyPath) -> None:
    """Remove the key at ``path``, or the table that should have held it; each call removes something."""
    table: Any = values
    for key in path[:-1]:
        if not isinstance(table.get(key), dict):
            table.pop(key, None)
            return
        table = table[key]
    if path[-1] in table:
        del table[path[-1]]
    else:
        _drop(values, path[:-1])


def _collect(problems: list[str], layers: list[Layer], files: list[str], path: Path, shown_as: str) -> None:
    try:
        layers.append(file_layer(read_document(path, shown_as=shown_as), "file"))
        files.append(shown_as)
    except ConfigError as error:
        problems += error.problems


def _profile_layer(upper: list[Layer]) -> Layer:
    name: Any = Settings().profile
    origin = DEFAULT
    for layer in upper:
        if "profile" in layer.values:
            name, origin = layer.values["profile"], layer.origin(("profile",))
    # --profile is its own name already; elsewhere the key is named behind file and line.
    shown = "profile" if origin is DEFAULT else str(origin) if origin.source == "--profile" else f"{origin} profile"
    known = profile_names()
    if not isinstance(name, str):
        raise ConfigError(f"{shown}: must be text in quotes, got {name!r}; profiles: {', '.join(known)}")
    if name not in known:
        raise ConfigError(f'{shown}: there is no profile "{name}"; {did_you_mean(name, known, what="profiles")}')
    text = resources.files("flashcrash_core.config").joinpath("profiles", f"{name}.toml").read_text("utf-8")
    return file_layer(parse_document(text, f"profiles/{name}.toml"), "profile")
