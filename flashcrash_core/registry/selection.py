"""The grammar of ``--plugins`` and ``plugins = [...]``: which plugins a run loads.

Elements, comma separated on the command line: an installed plugin's ``name``, ``pkg.mod[:attr]``, ``./file.py``, ``no:name``.
A plain list is the whole choice. A list that starts with ``+`` or ``no:`` edits the default choice (all first-party plugins).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from attrs import field, frozen

from flashcrash_core.config import did_you_mean
from flashcrash_core.errors import PluginConflict, PluginNotFound, UsageError
from flashcrash_core.registry.discovery import InstalledPlugin

__all__ = ["LOAD_PLUGINS", "Candidate", "Selection", "how_to_name", "permitted_by", "select", "split_list"]

_WITHOUT: Final = "take it out, or run with --safe-mode"

LOAD_PLUGINS: Final = "FLASHCRASH_LOAD_PLUGINS"
"""Environment variable: the third-party plugins that may be loaded, comma separated; empty for none, as ``--safe-mode``."""


@frozen
class Candidate:
    """A plugin to load. ``distribution`` is the file's or module's name when no distribution brings it."""

    name: str
    target: str
    distribution: str
    version: str
    explicit: bool
    """Named by the user, not loaded by default."""
    first_party: bool = False
    poses: bool = False
    """Bears the name of flashcrash without being part of it."""
    path: Path | None = None
    held: Any = field(default=None, eq=False, repr=False)
    """The plugin itself, a module or an instance, when it was handed over and is not to be imported."""

    @classmethod
    def of_object(cls, name: str, plugin: Any) -> "Candidate":
        """A plugin that is installed nowhere: a module or an instance with hooks, as a test has it. It counts as named."""
        module = plugin.__name__ if isinstance(plugin, ModuleType) else type(plugin).__module__
        target = module if isinstance(plugin, ModuleType) else f"{module}:{type(plugin).__qualname__}"
        return cls(name, target, f"object of {module}", "", True, held=plugin)

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
    left_out: tuple[str, ...] = ()
    """Elements that safe mode did without, as they were written."""
    left_out_by: str = "--safe-mode"
    """What asked for safe mode: the option, or the variable ``LOAD_PLUGINS``."""
    conflicts: tuple[tuple[Candidate, PluginConflict], ...] = ()
    """What could not be chosen because several claim the name; only without ``strict``."""
    missing: tuple[tuple[str, PluginNotFound], ...] = ()
    """Elements that are not installed; only without ``strict``."""

    def refuse_left_out(self, where: str = "--plugins") -> None:
        """What the command line names is meant, which ``--safe-mode`` contradicts. Raises UsageError when it left something out."""
        if self.left_out:
            names = ", ".join(element.removeprefix("+").strip() for element in self.left_out)
            raise UsageError(
                f"{where} names {names}, which {self.left_out_by} would leave out; drop one of the two "
                "(safe mode loads first-party plugins only)"
            )


def split_list(given: str | Sequence[str] | None) -> list[str]:
    """The elements of a list; each may itself be a comma separated list."""
    texts = [] if given is None else [given] if isinstance(given, str) else list(given)
    return [item.strip() for text in texts for item in text.split(",") if item.strip()]


def select(
    installed: Sequence[InstalledPlugin],
    given: str | Sequence[str] | None,
    objects: Mapping[str, Any] | None = None,
    *,
    safe_mode: bool = False,
    permitted: frozenset[str] | None = None,
    strict: bool = True,
    named_by: str = "",
) -> Selection:
    """Apply the grammar. ``objects`` are chosen too, wherever the list names them or else at its end, unless it says ``no:name``.

    In ``safe_mode`` only first-party plugins are: other elements of the list are left out, unresolved, with a warning each.
    ``permitted`` does the same but for those elements that it holds (as written in the list) and for ``objects``.
    Without ``strict`` a name that is claimed twice is kept in ``Selection.conflicts``, one that nothing bears in
    ``Selection.missing``, and the rest is chosen. ``named_by`` says where the list stands (``local.toml:1 plugins``), for messages
    about what it names; "" for the command line.

    Raises PluginNotFound, PluginConflict (one name claimed twice) or UsageError.
    """
    handed = {name: Candidate.of_object(name, plugin) for name, plugin in (objects or {}).items()}
    elements = split_list(given)
    editing = not elements or elements[0].startswith(("+", "no:"))
    resolvable, left_out = installed, tuple[str, ...]()
    if safe_mode or permitted is not None:
        exempt = frozenset() if safe_mode else (permitted or frozenset()) | handed.keys()
        resolvable = [plugin for plugin in installed if plugin.first_party or not exempt.isdisjoint((plugin.name, plugin.target))]
        own = {part for plugin in installed if plugin.first_party for part in (plugin.name, plugin.target)}
        left_out = tuple(element for element in elements if not _may_load(element, own | exempt))
        if safe_mode:
            left_out, handed = (*left_out, *handed), {}
        elements = [element for element in elements if element not in left_out]
        editing = editing or not elements  # a list of nothing but third-party plugins leaves the default
    chosen: dict[str, Candidate] = {}
    conflicts: list[tuple[Candidate, PluginConflict]] = []
    if editing:
        for plugin in installed:
            if plugin.first_party:
                chosen[plugin.name] = _candidate(plugin, explicit=False)
    removed = {element.removeprefix("no:").strip() for element in elements if element.startswith("no:")}
    missing: list[tuple[str, PluginNotFound]] = []
    known = {plugin.name for plugin in installed} | handed.keys()
    for element in elements:
        name = element.removeprefix("no:" if element.startswith("no:") else "+").strip()
        try:
            if element.startswith("no:"):
                # In safe mode it may take out one of those that were left out, whose name is then not known.
                _remove(chosen, name, known | removed if left_out else known, named_by)
            else:
                _add(chosen, handed[name] if name in handed else _resolve(name, resolvable, named_by))
        except PluginConflict as error:
            if strict:
                raise
            conflicts.append((_contested(name, installed), error))
        except PluginNotFound as error:
            if strict:
                raise
            missing.append((name, error))
    for name, candidate in handed.items():
        if name not in removed:
            _add(chosen, candidate)
    taken = {(candidate.name, candidate.target, candidate.distribution) for candidate in chosen.values()}
    unselected = tuple(plugin for plugin in installed if (plugin.name, plugin.target, plugin.distribution) not in taken)
    missed = {plugin.name for plugin in unselected if plugin.first_party}
    because = "" if safe_mode else f" ({LOAD_PLUGINS} does not name it)"
    return Selection(
        tuple(chosen.values()),
        unselected,
        frozenset((missed | removed) - chosen.keys()),
        (
            *_posing(installed),
            *_shadowed(installed),
            *(
                f"plugin {element.removeprefix('+').strip()}: is not a first-party plugin; left out by safe mode{because}"
                for element in left_out
            ),
        ),
        () if editing else tuple(elements),
        left_out,
        "--safe-mode" if safe_mode else LOAD_PLUGINS,
        tuple(conflicts),
        tuple(missing),
    )


def how_to_name(plugin: InstalledPlugin, installed: Sequence[InstalledPlugin]) -> str:
    """What to write in ``--plugins`` for a plugin whose name others bear too; "" for one that has its name for itself."""
    others = [other for other in installed if other.name == plugin.name and other != plugin]
    if not others or plugin.first_party:
        return ""
    owners = ", ".join(f"{other.distribution} {other.version}" for other in others)
    replaced = f"no:{plugin.name}," if any(other.first_party for other in others) else ""
    return f"the name {plugin.name} is borne by {owners} too; to load this one write --plugins {replaced}+{plugin.target}"


def _contested(element: str, installed: Sequence[InstalledPlugin]) -> Candidate:
    """Something to list a name by that several claim, or a second claim to a name."""
    claims = [plugin for plugin in installed if plugin.name == element]
    if not claims:
        return _resolve(element, installed)
    targets, owners = (", ".join(getattr(plugin, part) for plugin in claims) for part in ("target", "distribution"))
    return Candidate(element, targets, owners, "", True)


def permitted_by(environ: Mapping[str, str]) -> frozenset[str] | None:
    """The third-party plugins that ``FLASHCRASH_LOAD_PLUGINS`` permits, none if it is empty; None when it is not set."""
    return frozenset(split_list(environ[LOAD_PLUGINS])) if LOAD_PLUGINS in environ else None


def _may_load(element: str, names: Collection[str]) -> bool:
    name = element.removeprefix("+").strip()
    # What takes something out loads nothing; an empty element is a fault that is told as ever.
    return not name or element.startswith("no:") or name in names


def _candidate(plugin: InstalledPlugin, *, explicit: bool) -> Candidate:
    return Candidate(plugin.name, plugin.target, plugin.distribution, plugin.version, explicit, plugin.first_party, plugin.poses)


def _add(chosen: dict[str, Candidate], candidate: Candidate) -> None:
    """A second plugin of one name never replaces the first without a word."""
    other = chosen.get(candidate.name)
    if other is not None and (other.target, other.distribution) != (candidate.target, candidate.distribution):
        raise PluginConflict(
            f"plugin name {candidate.name} is claimed twice: by {_origin(other)} and by {_origin(candidate)}; to use the second in "
            f"place of the first, write no:{candidate.name} before it"
        )
    chosen[candidate.name] = candidate


def _origin(candidate: Candidate) -> str:
    if candidate.version:
        return f"{candidate.distribution} {candidate.version} ({candidate.target})"
    return candidate.distribution  # "file ./x.py" or "module x.y": the target once


def _resolve(element: str, installed: Sequence[InstalledPlugin], named_by: str = "") -> Candidate:
    if not element:
        raise UsageError("--plugins: an element is empty; write a name, pkg.mod[:attr], ./file.py or no:name")
    if element.startswith("no:"):
        raise UsageError(f"--plugins +{element}: no: takes no +; write {element}")
    named = [plugin for plugin in installed if plugin.name == element]
    if len(named) > 1:
        owners = " and ".join(f"{plugin.distribution} {plugin.version} ({plugin.target})" for plugin in named)
        modules = " or ".join(f"+{target}" for target in dict.fromkeys(plugin.target for plugin in named))
        raise PluginConflict(
            f"plugin name {element} is claimed by {owners}; write the module you mean, {modules}, or uninstall one"
        )
    if named:
        return _candidate(named[0], explicit=True)
    if element.endswith(".py") or "/" in element or "\\" in element:
        return _from_file(element, named_by)
    if "." in element or ":" in element or any(plugin.target == element for plugin in installed):
        return _from_module(element, installed)
    raise PluginNotFound(_not_found(element, (plugin.name for plugin in installed), named_by, "reinstall it, "))


def _from_file(element: str, named_by: str) -> Candidate:
    path = Path(element).expanduser()
    if not path.is_file():
        where, mend = (f"{named_by}: ", f", {_WITHOUT}") if named_by else ("", "")
        raise PluginNotFound(f"{where}plugin file {element}: there is no such file (looked in {Path.cwd()}); check the path{mend}")
    return Candidate(path.stem, str(path), f"file {path}", "", True, path=path.resolve())


def _from_module(element: str, installed: Sequence[InstalledPlugin]) -> Candidate:
    module, colon, attribute = element.partition(":")
    if not all(part.isidentifier() for part in module.split(".")) or bool(colon) != attribute.isidentifier():
        raise UsageError(f"--plugins {element}: not of the form pkg.mod or pkg.mod:attr")
    owners = [plugin for plugin in installed if plugin.target == element]
    if owners:  # an installed plugin given by its module keeps its distribution, for messages and records
        return _candidate(owners[0], explicit=True)
    return Candidate(attribute or module.rpartition(".")[2], element, f"module {module}", "", True)


def _remove(chosen: dict[str, Candidate], name: str, known: Iterable[str], named_by: str) -> None:
    names = {*known, *chosen}
    if name not in names:
        raise PluginNotFound(_not_found(name, names, named_by))
    chosen.pop(name, None)


def _not_found(name: str, known: Iterable[str], named_by: str, remedy: str = "") -> str:
    hint = did_you_mean(name, set(known), what="installed")
    if not named_by:
        return f'there is no plugin "{name}"; {hint} (flashcrash plugins list shows all)'
    # What a file names may have been uninstalled since.
    return f'{named_by}: there is no plugin "{name}" ({hint}); {remedy}{_WITHOUT}'


def _shadowed(installed: Sequence[InstalledPlugin]) -> list[str]:
    own = {plugin.name: plugin for plugin in installed if plugin.first_party}
    return [
        f"plugin name {plugin.name} of {plugin.distribution} {plugin.version} is also a first-party one; "
        f"to load it instead, write no:{plugin.name},+{plugin.target}"
        for plugin in installed
        if not plugin.first_party and not plugin.poses and plugin.name in own
    ]


def _posing(installed: Sequence[InstalledPlugin]) -> list[str]:
    names: dict[tuple[str, str], list[str]] = {}
    for plugin in installed:
        if plugin.poses:
            names.setdefault((plugin.distribution, plugin.version), []).append(plugin.name)
    return [
        f"{distribution} {version}: bears the name of flashcrash and is not this flashcrash; what it brings "
        f"({', '.join(brought)}) is third-party. Find out what installed it, and remove it"
        for (distribution, version), brought in names.items()
    ]
