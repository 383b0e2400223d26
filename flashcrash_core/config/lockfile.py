"""``plugins.lock``: which third-party plugin distributions were reviewed, by version and hash.

The registry compares it with what is installed before it imports anything (docs/plugins/trust.md). This module only reads and
writes the file.
"""

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import tomlkit
from attrs import field, frozen, validators

from flashcrash_core.config.documents import read_document
from flashcrash_core.config.layers import file_layer, merge_layers
from flashcrash_core.config.structuring import structure_plugin_config
from flashcrash_core.errors import ConfigError, UsageError

__all__ = ["LOCK_FORMAT", "LockedDistribution", "PluginLock", "default_lock_path", "normalised", "read_lock", "write_lock"]

LOCK_FORMAT: Final = 1
"""Version of the file's format."""

_NAME: Final = "plugins.lock"
_HEADER: Final = """\
Which third-party plugins may run in real mode, each as it was when somebody reviewed it.
Written by `flashcrash plugins lock`; do not edit it by hand. Keep it under version control beside the configuration.
In real mode a plugin that is not in here, or is no longer what is written here, is refused (docs/plugins/trust.md)."""

_sha256 = validators.matches_re(r"[0-9a-f]{64}")


@frozen(kw_only=True)
class LockedDistribution:
    """One reviewed distribution."""

    version: str
    record_sha256: str = field(validator=_sha256)
    """Hash over the distribution's RECORD, in the canonical form of :mod:`flashcrash_core.registry.installation`."""
    api: int
    """The ``api`` that its plugins declare."""
    entry_points: dict[str, str] = field(factory=dict)
    """Plugin name to module."""


@frozen(kw_only=True)
class PluginLock:
    """The whole file. ``distributions`` is keyed by name, normalised as package indexes do (:func:`normalised`)."""

    format: int = field(default=LOCK_FORMAT)
    distributions: dict[str, LockedDistribution] = field(factory=dict)

    @format.validator
    def _known(self, _attribute: Any, value: int) -> None:
        if value != LOCK_FORMAT:
            raise ValueError(f"must be {LOCK_FORMAT}; the file is of another version of flashcrash, write it anew")

    def get(self, distribution: str) -> LockedDistribution | None:
        """The entry of a distribution, whatever the spelling of its name."""
        return self.distributions.get(normalised(distribution))


def normalised(distribution: str) -> str:
    """``My.Plugin_X`` as ``my-plugin-x``: two spellings of one name are one distribution."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def default_lock_path(folder: Path | None = None) -> Path:
    """``config/plugins.lock`` when the working directory has a folder ``config``, else ``plugins.lock``; relative to ``folder``."""
    config = Path("config")
    return config / _NAME if ((folder or Path.cwd()) / config).is_dir() else Path(_NAME)


def read_lock(path: Path) -> PluginLock | None:
    """The lock, or None when there is no such file. Raises ConfigError with every fault as ``file:line table.key: message``."""
    if not path.exists():
        return None
    document = read_document(path)
    merged = merge_layers([file_layer(document, "file")])
    lock = structure_plugin_config(PluginLock, document.values, (), merged)
    twice = sorted({name for name in lock.distributions if name != normalised(name)})
    if twice:
        names = ", ".join(f"{name} (write {normalised(name)})" for name in twice)
        raise ConfigError(f"{path} distributions: names that are not in their normal form: {names}; write the file anew")
    return lock


def write_lock(path: Path, distributions: Mapping[str, LockedDistribution] | Iterable[tuple[str, LockedDistribution]]) -> None:
    """Write the lock in one step: a reader, or a crash, meets the old file or the new one. Raises UsageError when it cannot be.

    Same distributions, same bytes: names are sorted and nothing of the moment is written.
    """
    document = tomlkit.document()
    for line in _HEADER.splitlines():
        document.add(tomlkit.comment(line))
    document.add(tomlkit.nl())
    document.add("format", tomlkit.item(LOCK_FORMAT))
    tables = tomlkit.table(is_super_table=True)
    for name, entry in sorted((normalised(name), entry) for name, entry in dict(distributions).items()):
        table = tomlkit.table()
        table.add("version", entry.version)
        table.add("record_sha256", entry.record_sha256)
        table.add("api", entry.api)
        points = tomlkit.inline_table()
        points.update(sorted(entry.entry_points.items()))
        table.add("entry_points", points)
        tables.add(name, table)
    document.add("distributions", tables)
    text = tomlkit.dumps(document)
    beside = path.with_name(f"{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with beside.open("w", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(path)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror or error}; name another place with --file") from error
