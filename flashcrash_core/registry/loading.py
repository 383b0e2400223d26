"""Load plugins one at a time, each with its errors contained, and collect what they offer.

Every plugin gets a pluggy manager of its own. pluggy's loader would stop at the first plugin that fails and drop the second of two
that bear one name without a word; and in a shared manager a plugin that raises in a hook keeps the others from being called.
"""

import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterable, Mapping
from types import ModuleType
from typing import Any, Final, cast

import attrs
import pluggy
from attrs import field, frozen

from flashcrash_core.config import did_you_mean
from flashcrash_core.errors import PluginConflict, PluginContract, PluginError
from flashcrash_core.hookspecs import PROJECT, FlashcrashHooks
from flashcrash_core.registry.fault_text import fault_text
from flashcrash_core.registry.selection import Candidate
from flashcrash_core.specs import (
    API_VERSION,
    ExecutorSpec,
    FeedSpec,
    IndicatorSpec,
    PluginInfo,
    ScorerSpec,
    Spec,
    StoreSpec,
    StrategySpec,
)

__all__ = ["KINDS", "LoadedPlugin", "LoadedPlugins", "Origin", "Problem", "load_plugins"]

KINDS: Final[Mapping[str, tuple[str, type[Spec]]]] = {
    "feed": ("flashcrash_feeds", FeedSpec),
    "indicator": ("flashcrash_indicators", IndicatorSpec),
    "scorer": ("flashcrash_scorers", ScorerSpec),
    "strategy": ("flashcrash_strategies", StrategySpec),
    "executor": ("flashcrash_executors", ExecutorSpec),
    "store": ("flashcrash_stores", StoreSpec),
}
"""Kind to registration hook and descriptor class."""

PREFIX: Final = "flashcrash_"


@frozen
class Origin:
    """Which plugin offers a spec."""

    plugin: str
    distribution: str
    version: str
    target: str

    @property
    def shown(self) -> str:
        """``name (distribution version, target)`` for messages; a file or module without a distribution is named once."""
        brought = f"{self.distribution} {self.version}, {self.target}" if self.version else self.distribution
        return f"{self.plugin} ({brought})"


@frozen
class Problem:
    """A plugin that could not be loaded. ``error`` says what, where, and what to do."""

    plugin: str
    distribution: str
    error: PluginError
    explicit: bool


@frozen
class LoadedPlugin:
    """A plugin that keeps the contract."""

    candidate: Candidate
    info: PluginInfo
    module: Any
    manager: pluggy.PluginManager
    specs: tuple[tuple[str, Spec], ...]
    """``(kind, spec)`` pairs."""
    commands: tuple[tuple[str, Any], ...] = ()

    @property
    def origin(self) -> Origin:
        candidate = self.candidate
        return Origin(candidate.name, candidate.distribution, candidate.version, candidate.target)


@frozen
class LoadedPlugins:
    """Everything that was loaded, and what could not be."""

    plugins: tuple[LoadedPlugin, ...]
    specs: Mapping[str, Mapping[str, Spec]]
    """Kind, then name, to spec."""
    origins: Mapping[tuple[str, str], Origin]
    """``(kind, name)`` to the plugin that offers it."""
    problems: tuple[Problem, ...] = field(default=())


def load_plugins(
    candidates: Iterable[Candidate],
    *,
    refused: Mapping[str, PluginError] | None = None,
    after_import: Callable[[Candidate], None] | None = None,
) -> LoadedPlugins:
    """Load each candidate. Nothing is raised for a plugin's fault: it is left out whole and recorded in ``problems``.

    Those in ``refused`` (by name) are problems without being imported. ``after_import`` may raise PluginError for one that was.
    """
    loaded: list[LoadedPlugin] = []
    problems: list[Problem] = []
    specs: dict[str, dict[str, Spec]] = {kind: {} for kind in KINDS}
    origins: dict[tuple[str, str], Origin] = {}
    for candidate in candidates:
        try:
            if refused and candidate.name in refused:
                raise refused[candidate.name]
            plugin = _load_one(candidate, after_import)
            _refuse_duplicates(plugin, origins)
        except PluginError as error:
            problems.append(Problem(candidate.name, candidate.distribution, error, candidate.explicit))
            continue
        except Exception as error:  # looking at a plugin's attributes may run code of its own
            fault = PluginError(f"plugin {candidate.shown}: cannot be examined: {fault_text(error)}; its author must repair it")
            fault.__cause__ = error
            problems.append(Problem(candidate.name, candidate.distribution, fault, candidate.explicit))
            continue
        loaded.append(plugin)
        for kind, spec in plugin.specs:
            specs[kind][spec.name] = spec
            origins[kind, spec.name] = plugin.origin
    return LoadedPlugins(tuple(loaded), specs, origins, tuple(problems))


def _load_one(candidate: Candidate, after_import: Callable[[Candidate], None] | None) -> LoadedPlugin:
    target = _import(candidate)
    if after_import is not None:
        after_import(candidate)
    info = _checked_info(candidate, target)
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(FlashcrashHooks)
    try:
        manager.register(target, name=candidate.name)
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        raise PluginContract(f"plugin {candidate.shown}: {_hook_fault(error, target)}") from error
    if not any(caller.get_hookimpls() for caller in _callers(manager)):
        raise PluginContract(
            f"plugin {candidate.shown}: implements no hook; mark a function such as flashcrash_indicators with @hookimpl"
        )
    _refuse_unmarked(candidate, target)
    specs = [(kind, spec) for kind, (hook, cls) in KINDS.items() for spec in _offered(candidate, manager, hook, cls)]
    commands = tuple(_commands(candidate, manager))
    return LoadedPlugin(candidate, info, target, manager, tuple(specs), commands)


def _import(candidate: Candidate) -> Any:
    if candidate.held is not None:
        if isinstance(candidate.held, type):
            raise PluginContract(
                f"plugin {candidate.shown}: {candidate.held.__name__} is a class; hand over a module or an instance"
            )
        return candidate.held
    module_name, _, attribute = candidate.target.partition(":")
    try:
        module = _module_of_file(candidate) if candidate.path is not None else importlib.import_module(module_name)
    except KeyboardInterrupt:  # the user's, as far as anybody can tell
        raise
    except BaseException as error:  # a plugin may raise anything at import, and must not end the process
        mend = (
            "repair it, or take it out of the list of plugins"
            if candidate.path is not None
            else f"repair or reinstall it, or leave it out with --plugins no:{candidate.name}"
        )
        raise PluginError(f"plugin {candidate.shown}: cannot be imported: {fault_text(error)}; {mend}") from error
    if candidate.path is not None or not attribute:
        return module
    try:
        target = getattr(module, attribute)
    except AttributeError as error:
        raise PluginContract(f"plugin {candidate.shown}: module {module_name} has no attribute {attribute}") from error
    if isinstance(target, type):
        raise PluginContract(f"plugin {candidate.shown}: {candidate.target} is a class; point to a module or an instance")
    return target


def _module_of_file(candidate: Candidate) -> ModuleType:
    path = candidate.path
    assert path is not None
    # A name of its own per path, so that two files called my_plugin.py do not become one module.
    name = f"flashcrash_file_{hashlib.sha256(str(path).encode()).hexdigest()[:12]}_{path.stem}"
    known = sys.modules.get(name)
    if known is not None:
        return known
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a Python source file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # attrs and typing look a class's module up by name
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _checked_info(candidate: Candidate, target: Any) -> PluginInfo:
    info = getattr(target, "flashcrash_plugin", None)
    if info is None and not isinstance(target, ModuleType):
        info = getattr(sys.modules.get(candidate.target.partition(":")[0]), "flashcrash_plugin", None)
    if not isinstance(info, PluginInfo):
        what = "has no flashcrash_plugin" if info is None else f"flashcrash_plugin is a {type(info).__name__}"
        raise PluginContract(
            f'plugin {candidate.shown}: {what}; add flashcrash_plugin = PluginInfo(api={API_VERSION}, summary="...")'
        )
    if info.api != API_VERSION:
        raise PluginContract(
            f"plugin {candidate.shown}: made for api {info.api}, this flashcrash has api {API_VERSION}; "
            f"install a version of {candidate.distribution} made for api {API_VERSION}"
        )
    return info


def _callers(manager: pluggy.PluginManager) -> list[pluggy.HookCaller]:
    return [
        cast(pluggy.HookCaller, getattr(manager.hook, name)) for name in sorted(vars(FlashcrashHooks)) if name.startswith(PREFIX)
    ]


def _hook_fault(error: pluggy.PluginValidationError, target: Any) -> str:
    # pluggy says what is wrong after a first line that repeats the plugin's repr.
    known = [name for name in vars(FlashcrashHooks) if name.startswith(PREFIX)]
    for name in sorted(name for name in dir(target) if name.startswith(PREFIX)):
        if name not in known and hasattr(getattr(target, name), f"{PROJECT}_impl"):
            return f"there is no hook {name}; {did_you_mean(name, known, what='hooks')}"
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    detail = "; ".join(lines[1:] if len(lines) > 1 else lines)
    return f"{detail}; a hook may only take arguments that its specification has"


def _refuse_unmarked(candidate: Candidate, target: Any) -> None:
    for name in sorted(vars(FlashcrashHooks)):
        function = getattr(target, name, None) if name.startswith(PREFIX) else None
        if function is not None and callable(function) and not hasattr(function, f"{PROJECT}_impl"):
            raise PluginContract(
                f"plugin {candidate.shown}: {name} is not marked with @hookimpl and would never be called; mark it"
            )


def _results(candidate: Candidate, manager: pluggy.PluginManager, hook: str) -> list[Any]:
    """What the plugin's hook gives, generators run to their end; errors are contained."""
    caller: Callable[[], list[Any]] = getattr(manager.hook, hook)
    out: list[Any] = []
    try:
        for result in caller():
            if isinstance(result, str | bytes | Spec) or not isinstance(result, Iterable):
                raise PluginContract(f"plugin {candidate.shown}: {hook} must return a list, got {type(result).__name__}")
            out.extend(result)
    except (PluginContract, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise PluginError(f"plugin {candidate.shown}: {hook} failed: {fault_text(error)}") from error
    return out


def _offered(candidate: Candidate, manager: pluggy.PluginManager, hook: str, cls: type[Spec]) -> list[Spec]:
    specs: list[Spec] = []
    for spec in _results(candidate, manager, hook):
        if not isinstance(spec, cls):
            raise PluginContract(f"plugin {candidate.shown}: {hook} must give {cls.__name__}, got {type(spec).__name__}")
        if not (isinstance(spec.config, type) and attrs.has(spec.config)):
            raise PluginContract(f"plugin {candidate.shown}: config of {spec.name} must be an attrs class, got {spec.config!r}")
        specs.append(spec)
    return specs


def _commands(candidate: Candidate, manager: pluggy.PluginManager) -> list[tuple[str, Any]]:
    commands: list[tuple[str, Any]] = []
    for item in _results(candidate, manager, "flashcrash_commands"):
        if not (isinstance(item, tuple) and len(item) == 2 and isinstance(item[0], str)):
            raise PluginContract(f"plugin {candidate.shown}: flashcrash_commands must give (name, app) pairs, got {item!r}")
        commands.append(item)
    return commands


def _refuse_duplicates(plugin: LoadedPlugin, origins: Mapping[tuple[str, str], Origin]) -> None:
    seen = dict(origins)
    for kind, spec in plugin.specs:
        other = seen.get((kind, spec.name))
        if other is not None:
            mine = plugin.origin
            if other.plugin == mine.plugin:
                raise PluginConflict(
                    f"{kind} {spec.name} is offered twice by plugin {mine.shown}; give each {kind} a name of its own"
                )
            raise PluginConflict(
                f"{kind} {spec.name} is offered twice: by {other.shown} and by {mine.shown}; leave one out: write "
                f"no:{other.plugin} in the list of plugins to use that of {mine.plugin}, or no:{mine.plugin} to use that of "
                f"{other.plugin}"
            )
        seen[kind, spec.name] = plugin.origin
