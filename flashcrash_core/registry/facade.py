"""Typed access to what is loaded, and the relay of the session-edge hooks."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any, Generic, TypeVar, cast

from attrs import field, frozen

from flashcrash_core.config import did_you_mean
from flashcrash_core.errors import PluginNotFound
from flashcrash_core.registry.discovery import InstalledPlugin
from flashcrash_core.registry.loading import KINDS, LoadedPlugin, LoadedPlugins, Origin, Problem
from flashcrash_core.registry.plugin_content import plugin_contents
from flashcrash_core.registry.selection import Selection
from flashcrash_core.specs import ExecutorSpec, FeedSpec, Finding, IndicatorSpec, ScorerSpec, Spec, StoreSpec, StrategySpec

__all__ = ["EdgeFault", "Registry", "SpecMap"]

S = TypeVar("S", bound=Spec)


@frozen
class EdgeFault:
    """A plugin raised at a session edge; the session goes on without it."""

    plugin: str
    hook: str
    error: str


@frozen
class SpecMap(Generic[S]):
    """The loaded specs of one kind, by name, in loading order."""

    kind: str
    _specs: Mapping[str, S]
    _origins: Mapping[tuple[str, str], Origin]
    _unselected: frozenset[str] = frozenset()

    def __getitem__(self, name: str) -> S:
        """Raises PluginNotFound with the nearest name."""
        try:
            return self._specs[name]
        except KeyError:
            if name in self._unselected:
                raise PluginNotFound(f'{self.kind} "{name}" is installed but not selected; add it to --plugins') from None
            raise PluginNotFound(f'there is no {self.kind} "{name}"; {did_you_mean(name, self._specs, what="loaded")}') from None

    def __contains__(self, name: object) -> bool:
        return name in self._specs

    def __iter__(self) -> Iterator[str]:
        return iter(self._specs)

    def __len__(self) -> int:
        return len(self._specs)

    def values(self) -> list[S]:
        """All specs, in loading order."""
        return list(self._specs.values())

    def origin(self, name: str) -> Origin:
        """The plugin that offers ``name``. Raises PluginNotFound."""
        return self._origins[self.kind, self[name].name]


@frozen
class Registry:
    """The plugins of one run."""

    loaded: LoadedPlugins
    selection: Selection
    installed: tuple[InstalledPlugin, ...] = ()
    trust_warnings: tuple[str, ...] = ()
    """Plugins that mode ``real`` would refuse, and those that it loaded unchecked because that was allowed."""
    feeds: SpecMap[FeedSpec] = field(init=False)
    indicators: SpecMap[IndicatorSpec] = field(init=False)
    scorers: SpecMap[ScorerSpec] = field(init=False)
    strategies: SpecMap[StrategySpec] = field(init=False)
    executors: SpecMap[ExecutorSpec] = field(init=False)
    stores: SpecMap[StoreSpec] = field(init=False)

    def __attrs_post_init__(self) -> None:
        names = {"strategy": "strategies"}
        for kind in KINDS:
            specs = SpecMap(kind, self.loaded.specs[kind], self.loaded.origins, self.unselected)
            object.__setattr__(self, names.get(kind, f"{kind}s"), specs)

    @property
    def plugins(self) -> tuple[LoadedPlugin, ...]:
        return self.loaded.plugins

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Plugins that could not be chosen or loaded; empty unless ``load_registry(..., strict=False)``."""
        contested = (Problem(candidate.name, candidate.distribution, error, True) for candidate, error in self.selection.conflicts)
        missing = (Problem(name, "", error, True) for name, error in self.selection.missing)
        return (*contested, *missing, *self.loaded.problems)

    @property
    def warnings(self) -> tuple[str, ...]:
        return (*self.selection.warnings, *self.trust_warnings)

    @property
    def left_out(self) -> tuple[str, ...]:
        """Elements of the list that safe mode did without, as they were written."""
        return self.selection.left_out

    @property
    def unselected(self) -> frozenset[str]:
        """Names of plugins that are installed but were not selected."""
        return frozenset(plugin.name for plugin in self.selection.unselected)

    @property
    def deselected(self) -> frozenset[str]:
        """Names of plugins that would have loaded by default, but were left out on purpose."""
        return self.selection.deselected

    @property
    def whole_list(self) -> tuple[str, ...]:
        """The list of plugins as it was given, when it replaces the default choice."""
        return self.selection.whole_list

    @property
    def added_indicators(self) -> tuple[str, ...]:
        """Indicators of third-party and path plugins: somebody named those plugins, so that they are used."""
        return tuple(
            spec.name
            for plugin in self.plugins
            if plugin.candidate.explicit and not plugin.candidate.first_party
            for kind, spec in plugin.specs
            if kind == "indicator"
        )

    @property
    def commands(self) -> dict[str, Any]:
        """Extra commands of plugins, by name; the first plugin to claim a name keeps it."""
        out: dict[str, Any] = {}
        for plugin in self.plugins:
            for name, app in plugin.commands:
                out.setdefault(name, app)
        return out

    def versions(self) -> dict[str, str]:
        """Plugin name to distribution and version, for the record of a session."""
        return {
            plugin.candidate.name: f"{plugin.candidate.distribution} {plugin.candidate.version}".strip()
            for plugin in sorted(self.plugins, key=lambda plugin: plugin.candidate.name)
        }

    def contents(self) -> dict[str, str]:
        """Plugin name to a digest of all its files, read now: a version stays what it is while a plugin is being written."""
        return plugin_contents(self.plugins)

    def session_start(self, session_id: str, mode: str, symbols: tuple[str, ...]) -> list[EdgeFault]:
        """Tell every plugin that a session starts. What a plugin raises is contained and returned."""
        return self._relay("flashcrash_session_start", session_id=session_id, mode=mode, symbols=symbols)

    def session_end(self, session_id: str, report: dict[str, Any]) -> list[EdgeFault]:
        """Tell every plugin that a session ended. What a plugin raises is contained and returned.

        Each gets a copy of the report: what one changes in it, neither the user nor the next plugin sees.
        """
        return self._relay("flashcrash_session_end", session_id=session_id, report=report)

    def diagnose(self, configs: dict[str, Any], symbols: tuple[str, ...]) -> Iterator[Finding]:
        """What the plugins find out about the parts in ``configs``, as they find it. What one raises is a failed check."""
        for plugin in self.plugins:
            name = plugin.candidate.name
            hook = cast(Any, plugin.manager.hook).flashcrash_doctor
            if not hook.get_hookimpls():
                continue
            try:
                for found in hook(configs=dict(configs), symbols=symbols):
                    for finding in found or ():
                        if not isinstance(finding, Finding):
                            raise TypeError(f"flashcrash_doctor gave {finding!r}, no Finding")
                        yield finding
            except Exception as error:  # what the others find is wanted all the more
                yield Finding(f"plugin {name}", "fail", f"{type(error).__name__}: {error}", "report it to the plugin's author")

    def _relay(self, hook: str, **arguments: Any) -> list[EdgeFault]:
        faults: list[EdgeFault] = []
        for plugin in self.plugins:
            caller = cast(Any, getattr(plugin.manager.hook, hook))
            if not caller.get_hookimpls():
                continue  # before the copy, which most plugins do not need
            try:
                caller(**deepcopy(arguments))
            except KeyboardInterrupt:  # the user's, as far as anybody can tell
                raise
            except BaseException as error:  # a reporting hook must not take the session down
                faults.append(EdgeFault(plugin.candidate.name, hook, f"{type(error).__name__}: {error}"))
        return faults
