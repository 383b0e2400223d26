"""The grammar of ``--plugins`` and ``plugins = [...]``: which plugins a run loads.

Elements, comma separated on the command line: an installed plugin's ``name``, ``pkg.mod[:attr]``, ``./file.py``, ``no:name``.
A plain list is the whole choice. A list that starts with ``+`` or ``no:`` edits the default choice (all first-party plugins).
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from attrs import frozen

from flashcrash_core.config import did_you_mean
from flashcrash_core.errors import PluginConflict, PluginNotFound, UsageError
from flashcrash_core.registry.discovery import InstalledPlugin

__all__ = ["Candidate", "Selection", "select", "split_list"]


@frozen
class Candidate:
    """A plugin to load. ``distribution`` is the file's or module's name when no distribution brings it."""

    name: str
    target: str
    distribution: str
    version: str
    explicit: bool
    """Named by the user, not loaded by default."""
    path: Path | None = None

    @property
    def shown(self) -> str:
        """Name and origin for messages."""
        return f"{self.name} ({self.distribution} {self.version})" if self.version else f"{self.name} ({self.target})"


@frozen
class Selection:
    """What to load, in order, and what stays out although it is installed."""

    chosen: tuple[Candidate, ...]
    unselected: tuple[InstalledPlugin, ...]
    deselected: frozenset[str]
    warnings: tuple[str, ...] = ()
    whole_list: tuple[str, ...] = ()
    """The list as given, when it replaces the default choice."""


def split_list(given: str | Sequence[str] | None) -> list[str]:
    """The elements of a list; each may itself be a comma separated list."""
    texts = [] if given is None else [given] if isinstance(given, str) else list(given)
    return [item.strip() for text in texts for item in text.split(",") if item.strip()]


def select(installed: Sequence[InstalledPlugin], given: str | Sequence[str] | None) -> Selection:
    """Apply the grammar. Raises PluginNotFound, PluginConflict (one name in two distributions) or UsageError."""
    elements = split_list(given)
    editing = not elements or elements[0].startswith(("+", "no:"))
    chosen: dict[str, Candidate] = {}
    if editing:
        for plugin in installed:
            if plugin.first_party:
                chosen[plugin.name] = _candidate(plugin, explicit=False)
    for element in elements:
        if element.startswith("no:"):
            _remove(chosen, element.removeprefix("no:").strip(), installed)
        else:
            for candidate in _resolve(element.removeprefix("+").strip(), installed):
                chosen[candidate.name] = candidate
    taken = {(candidate.name, candidate.target, candidate.distribution) for candidate in chosen.values()}
    unselected = tuple(plugin for plugin in installed if (plugin.name, plugin.target, plugin.distribution) not in taken)
    left_out = {plugin.name for plugin in unselected if plugin.first_party}
    removed = {element.removeprefix("no:").strip() for element in elements if element.startswith("no:")}
    return Selection(
        tuple(chosen.values()),
        unselected,
        frozenset((left_out | removed) - chosen.keys()),
        tuple(_shadowed(installed)),
        () if editing else tuple(elements),
    )


def _candidate(plugin: InstalledPlugin, *, explicit: bool) -> Candidate:
    return Candidate(plugin.name, plugin.target, plugin.distribution, plugin.version, explicit)


def _resolve(element: str, installed: Sequence[InstalledPlugin]) -> list[Candidate]:
    if not element:
        raise UsageError("--plugins: an element is empty; write a name, pkg.mod[:attr], ./file.py or no:name")
    named = [plugin for plugin in installed if plugin.name == element]
    if len(named) > 1:
        owners = " and ".join(f"{plugin.distribution} {plugin.version} ({plugin.target})" for plugin in named)
        raise PluginConflict(f"plugin name {element} is claimed by {owners}; name the module you mean, or uninstall one")
    if named:
        return [_candidate(named[0], explicit=True)]
    if element.endswith(".py") or "/" in element or "\\" in element:
        return [_from_file(element)]
    if "." in element or ":" in element or any(plugin.target == element for plugin in installed):
        return [_from_module(element, installed)]
    raise PluginNotFound(_not_found(element, (plugin.name for plugin in installed)))


def _from_file(element: str) -> Candidate:
    path = Path(element).expanduser()
    if not path.is_file():
        raise PluginNotFound(f"plugin file {element}: there is no such file (looked in {Path.cwd()}); check the path")
    return Candidate(path.stem, str(path), f"file {path}", "", True, path.resolve())


def _from_module(element: str, installed: Sequence[InstalledPlugin]) -> Candidate:
    module, colon, attribute = element.partition(":")
    if not all(part.isidentifier() for part in module.split(".")) or bool(colon) != attribute.isidentifier():
        raise UsageError(f"--plugins {element}: not of the form pkg.mod or pkg.mod:attr")
    owners = [plugin for plugin in installed if plugin.target == element]
    if owners:  # an installed plugin given by its module keeps its distribution, for messages and records
        return _candidate(owners[0], explicit=True)
    return Candidate(attribute or module.rpartition(".")[2], element, f"module {module}", "", True)


def _remove(chosen: dict[str, Candidate], name: str, installed: Sequence[InstalledPlugin]) -> None:
    known = {plugin.name for plugin in installed} | chosen.keys()
    if name not in known:
        raise PluginNotFound(_not_found(name, known))
    chosen.pop(name, None)


def _not_found(name: str, known: Iterable[str]) -> str:
    hint = did_you_mean(name, set(known), what="installed")
    return f'there is no plugin "{name}"; {hint} (flashcrash plugins list shows all)'


def _shadowed(installed: Sequence[InstalledPlugin]) -> list[str]:
    own = {plugin.name: plugin for plugin in installed if plugin.first_party}
    return [
        f"plugin name {plugin.name} of {plugin.distribution} {plugin.version} is also a first-party one; "
        f"to load it, name its module {plugin.target}"
        for plugin in installed
        if not plugin.first_party and plugin.name in own
    ]
