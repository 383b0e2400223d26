"""Digest of all that a loaded plugin brings: its distribution as ``plugins.lock`` sees it, and its package as it lies there.

A version proves nothing while a plugin is being written, and its main module is rarely all of it. So every file counts, data
beside the code too; what Python makes of them (``__pycache__``) does not.
"""

import hashlib
import os
import sys
from collections.abc import Iterator, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from attrs import define, field

from flashcrash_core.registry.first_party import LIBRARIES
from flashcrash_core.registry.installation import inspect_installation, why_not_lockable
from flashcrash_core.registry.loading import LoadedPlugin

__all__ = ["plugin_contents"]


def plugin_contents(plugins: Sequence[LoadedPlugin]) -> dict[str, str]:
    """Plugin name to digest. Equal digests are equal files under equal names, wherever they are installed."""
    contents = _Contents()
    return {plugin.candidate.name: contents.digest(plugin) for plugin in sorted(plugins, key=lambda one: one.candidate.name)}


@define
class _Contents:
    """Several plugins of one distribution or package: it is read once."""

    _known: dict[tuple[str, str], str] = field(factory=dict)

    def digest(self, plugin: LoadedPlugin) -> str:
        candidate = plugin.candidate
        if candidate.path is not None:
            return _digest([("", candidate.path)])
        packages = [candidate.target.partition(":")[0], *(sorted(LIBRARIES) if candidate.first_party else ())]
        parts = [self._once("package", _root_of(module)) for module in packages]
        if candidate.version and not candidate.first_party:
            parts.append(self._once("distribution", candidate.distribution))
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def _once(self, what: str, name: str) -> str:
        if (what, name) not in self._known:
            self._known[what, name] = _of_package(name) if what == "package" else _of_distribution(name)
        return self._known[what, name]


def _of_distribution(name: str) -> str:
    """What RECORD lists, as it is now; "" where there is no such list: then there is the package alone."""
    try:
        found = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return ""
    return "" if why_not_lockable(found) else inspect_installation(found).found_sha256


def _root_of(module: str) -> str:
    """The highest package around a module that has a file: above it are namespaces, which belong to nobody."""
    parts = module.split(".")
    names = (".".join(parts[:depth]) for depth in range(1, len(parts) + 1))
    return next((name for name in names if _file_of(name) is not None), module)


def _file_of(module: str) -> Path | None:
    loaded: Any = sys.modules.get(module)
    file = getattr(loaded, "__file__", None)
    return Path(file) if file and Path(file).is_file() else None


def _of_package(module: str) -> str:
    file = _file_of(module)
    if file is None:
        return ""
    return _digest(_files_below(file.parent) if hasattr(sys.modules[module], "__path__") else [(file.name, file)])


def _files_below(folder: Path) -> Iterator[tuple[str, Path]]:
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name != "__pycache__"]
        for name in names:
            path = Path(place, name)
            if path.suffix != ".pyc":
                yield path.relative_to(folder).as_posix(), path


def _digest(files: "Iterator[tuple[str, Path]] | list[tuple[str, Path]]") -> str:
    lines = []
    for name, path in sorted(files):
        try:
            with path.open("rb") as stream:
                lines.append(f"{name},{hashlib.file_digest(stream, 'sha256').hexdigest()}\n")
        except OSError as error:  # a broken link, an editor's lock: it is no part of the plugin
            lines.append(f"{name},{type(error).__name__}\n")
    return hashlib.sha256("".join(lines).encode()).hexdigest()
