"""The plugins' tables against the plugins' own config classes, all faults of all plugins at once."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, Generic, Protocol, TypeVar

from attrs import frozen

from flashcrash_core.config.documents import KeyPath
from flashcrash_core.config.effective import EffectiveValue, effective_values, plain
from flashcrash_core.config.loading import LoadedConfig
from flashcrash_core.config.nearest import did_you_mean, nearest
from flashcrash_core.config.structuring import faults_as_text
from flashcrash_core.config.typed_values import Fault, try_structure
from flashcrash_core.detection.indicator import Role
from flashcrash_core.errors import ConfigError
from flashcrash_core.specs import ExecutorSpec, FeedSpec, IndicatorSpec, ScorerSpec, Spec, StoreSpec, StrategySpec

__all__ = [
    "IndicatorConfig",
    "PluginConfig",
    "PluginConfigs",
    "SpecSource",
    "SpecTable",
    "check_config",
    "resolve_plugins",
    "resolve_store",
]

S = TypeVar("S", bound=Spec)
S_co = TypeVar("S_co", bound=Spec, covariant=True)


_KERNEL_KEYS: Final = ("use", "enabled", "role")
"""Keys of an indicator's table that are not the plugin's."""
_NOT_SELECTED: Final = " is installed but not selected; add it to --plugins"


class SpecTable(Protocol[S_co]):
    """What is offered of one kind, by name."""

    def __getitem__(self, name: str, /) -> S_co: ...
    def __contains__(self, name: object, /) -> bool: ...
    def __iter__(self) -> Iterator[str]: ...


class SpecSource(Protocol):
    """The loaded plugins, as this package needs them; the registry is one (it builds on this package, not the reverse)."""

    @property
    def feeds(self) -> SpecTable[FeedSpec]: ...
    @property
    def indicators(self) -> SpecTable[IndicatorSpec]: ...
    @property
    def scorers(self) -> SpecTable[ScorerSpec]: ...
    @property
    def strategies(self) -> SpecTable[StrategySpec]: ...
    @property
    def executors(self) -> SpecTable[ExecutorSpec]: ...
    @property
    def stores(self) -> SpecTable[StoreSpec]: ...
    @property
    def unselected(self) -> frozenset[str]:
        """Plugins that are installed but were not selected."""
        ...

    @property
    def deselected(self) -> frozenset[str]:
        """Those of them that would have been loaded by default: somebody chose to do without them."""
        ...

    @property
    def whole_list(self) -> tuple[str, ...]:
        """The list of plugins as it was given, when it replaces the default choice instead of editing it."""
        ...

    @property
    def left_out(self) -> tuple[str, ...]:
        """Elements of the list that safe mode did without; what they would offer is not known."""
        ...

    @property
    def added_indicators(self) -> tuple[str, ...]:
        """Indicators of plugins that are not first-party; those plugins were named, so their indicators are used."""
        ...


@frozen
class PluginConfig(Generic[S]):
    """A plugin that the configuration uses, with its structured config."""

    spec: S
    config: Any


@frozen
class IndicatorConfig(PluginConfig[IndicatorSpec]):
    """One indicator instance. ``name`` is the table's; ``role`` the table's or else the spec's."""

    name: str
    role: Role
    tabled: bool = True
    """False: no table asks for it; it is used because its plugin was named."""


@frozen
class PluginConfigs:
    """All plugins that the configuration uses."""

    indicators: Mapping[str, IndicatorConfig]
    scorer: PluginConfig[ScorerSpec]
    strategy: PluginConfig[StrategySpec]
    executor: PluginConfig[ExecutorSpec]
    store: PluginConfig[StoreSpec]
    feeds: Mapping[str, PluginConfig[FeedSpec]]
    """Every loaded feed; those without a table have their defaults."""
    warnings: tuple[str, ...] = ()

    def effective(self, loaded: LoadedConfig) -> list[EffectiveValue]:
        """Every key of the configuration, the plugins' defaults included, with its origin."""
        tree = loaded.as_plain()
        added: set[KeyPath] = set()
        for name, indicator in self.indicators.items():
            given = tree["indicators"].get(name, {"enabled": True, "role": indicator.role.value})
            table = {key: given[key] for key in _KERNEL_KEYS if key in given}  # the others are the plugin's, as it understood them
            tree["indicators"][name] = {"use": indicator.spec.name, **table, **plain(indicator.config)}
            if not indicator.tabled:
                added.add(("indicators", name))
        for key in ("scorer", "strategy", "executor", "storage"):
            part = self.store if key == "storage" else getattr(self, key)
            tree[key] = {**tree[key], "use": part.spec.name, **plain(part.config)}
        tree["feeds"] = {name: plain(feed.config) for name, feed in self.feeds.items()}
        return effective_values(tree, loaded.merged, added)


def check_config(loaded: LoadedConfig, registry: SpecSource) -> None:
    """Raise ConfigError with everything that is wrong in the plugins' tables, if anything is."""
    resolve_plugins(loaded, registry)


def resolve_plugins(loaded: LoadedConfig, registry: SpecSource) -> PluginConfigs:
    """Find and structure the config of every plugin in use. Raises ConfigError with all faults, the kernel's tables included.

    An indicator whose first-party plugin is deselected is passed over (``--plugins no:depth`` needs no other change). One of a
    third-party plugin that no table speaks of is used under its own name (``--plugins +my-vpin`` needs no other change).
    """
    faults: list[Fault] = list(loaded.faults)
    warnings: list[str] = []
    settings = loaded.settings

    indicators = _indicators(loaded, registry, faults, warnings)
    scorer = _config(registry.scorers, registry, "scorer", ("scorer", "use"), settings.scorer.use, settings.scorer.options, faults)
    strategy = _config(
        registry.strategies, registry, "strategy", ("strategy", "use"), settings.strategy.use, settings.strategy.options, faults
    )
    executor = _config(
        registry.executors, registry, "executor", ("executor", "use"), settings.executor_name, settings.executor.options, faults
    )
    if executor is not None and settings.run.mode not in executor.spec.modes:
        modes = ", ".join(sorted(executor.spec.modes))
        faults.append(
            Fault(("executor", "use"), f"executor {executor.spec.name} does not serve mode {settings.run.mode}, only {modes}")
        )
    store = _config(
        registry.stores, registry, "storage", ("storage", "use"), settings.storage.use, settings.storage.options, faults
    )
    feeds = _feeds(loaded, registry, faults)

    faults = _one_fault_for_the_list(faults, loaded, registry)
    if faults or scorer is None or strategy is None or executor is None or store is None:
        raise ConfigError(faults_as_text(faults, loaded.merged))
    return PluginConfigs(indicators, scorer, strategy, executor, store, feeds, tuple(warnings))


def resolve_store(loaded: LoadedConfig, registry: SpecSource) -> PluginConfig[StoreSpec]:
    """The store alone, for what only reads recorded sessions: faults of other plugins' tables do not count. Raises ConfigError."""
    faults: list[Fault] = list(loaded.faults)
    table = loaded.settings.storage
    store = _config(registry.stores, registry, "storage", ("storage", "use"), table.use, table.options, faults)
    if faults or store is None:
        raise ConfigError(faults_as_text(faults, loaded.merged))
    return store


def _indicators(loaded: LoadedConfig, registry: SpecSource, faults: list[Fault], warnings: list[str]) -> dict[str, IndicatorConfig]:
    """The instances that tables ask for, then those that named plugins add."""
    tables = loaded.settings.indicators
    added = registry.added_indicators
    indicators: dict[str, IndicatorConfig] = {}
    for name, table in tables.items():
        path = ("indicators", name)
        use = name if table.use is None and name in added else table.use
        if registry.left_out and (use or name) not in registry.indicators:
            if table.enabled:
                where = loaded.merged.origin(path)
                warnings.append(f"{where} indicators.{name}: not built, safe mode is on and no loaded plugin offers {use or name}")
            continue
        if use is None:
            faults.append(_use_missing(name, loaded, registry))
            continue
        if not table.enabled:
            continue
        if use not in registry.indicators and use in registry.deselected:
            if loaded.merged.origin((*path, "use")).layer not in ("default", "profile"):
                warnings.append(f"{loaded.merged.origin(path)} indicators.{name}: not built, plugin {use} is not selected")
            continue
        options = _meant_for_it(name, table.options, loaded) if use in added else table.options
        found = _config(registry.indicators, registry, "indicator", (*path, "use"), use, options, faults)
        if found is not None:
            indicators[name] = IndicatorConfig(found.spec, found.config, name, table.role or found.spec.role)

    asked_for = {table.use for table in tables.values()}
    # A table that is wrong in itself is not among the settings; its own fault is enough.
    faulty = {fault.path[1] for fault in loaded.faults if fault.path[0] == "indicators" and len(fault.path) > 1}
    for name in added:
        path = ("indicators", name)
        if name in asked_for or name in faulty or (name in tables and tables[name].use is None):
            continue
        if name in tables:
            message = (
                f'is the name of an indicator of a plugin that was named, but this table builds "{tables[name].use}"; rename the '
                f'table, or add one for the plugin: [indicators.NAME] with use = "{name}" (and enabled = false to do without it)'
            )
            faults.append(Fault(path, message))
            continue
        found = _config(registry.indicators, registry, "indicator", (*path, "use"), name, {}, faults)
        if found is not None:
            indicators[name] = IndicatorConfig(found.spec, found.config, name, found.spec.role, tabled=False)
    return indicators


def _meant_for_it(name: str, options: Mapping[str, Any], loaded: LoadedConfig) -> dict[str, Any]:
    """What the user set. A shipped profile speaks to the shipped plugin of that name, not to one that was named to replace it."""
    origin = loaded.merged.origin
    return {key: value for key, value in options.items() if origin(("indicators", name, key)).layer not in ("default", "profile")}


def _feeds(loaded: LoadedConfig, registry: SpecSource, faults: list[Fault]) -> dict[str, PluginConfig[FeedSpec]]:
    settings = loaded.settings
    feeds: dict[str, PluginConfig[FeedSpec]] = {}
    for name in registry.feeds:
        found = _config(registry.feeds, registry, "feed", ("feeds", name), name, settings.feeds.get(name, {}), faults)
        if found is not None:
            feeds[name] = found
    faults += [
        Fault(("feeds", name), f'there is no feed "{name}"; {did_you_mean(name, registry.feeds, what="feeds")}')
        for name in settings.feeds
        if name not in registry.feeds and name not in registry.unselected and not registry.left_out
    ]
    if settings.run.feed not in registry.feeds:
        faults.append(Fault(("run", "feed"), _missing(registry.feeds, registry, "feed", settings.run.feed)))
    return feeds


def _config(
    table: SpecTable[S],
    registry: SpecSource,
    kind: str,
    use_path: KeyPath,
    name: str,
    options: Mapping[str, Any],
    faults: list[Fault],
) -> PluginConfig[S] | None:
    if name not in table:
        faults.append(Fault(use_path, _missing(table, registry, kind, name)))
        return None
    spec = table[name]
    config, inner = try_structure(spec.config, dict(options))
    where = use_path if use_path[0] == "feeds" else use_path[:-1]
    faults += [Fault((*where, *fault.path), fault.message) for fault in inner]
    return None if inner else PluginConfig(spec, config)


def _use_missing(name: str, loaded: LoadedConfig, registry: SpecSource) -> Fault:
    """A table without ``use`` is a new indicator without its plugin, or rather a misspelt one: say which."""
    path = ("indicators", name)
    instances = [known for known, table in loaded.table("indicators").items() if isinstance(table, dict) and "use" in table]
    if name in registry.indicators:
        return Fault((*path, "use"), f'is missing; write use = "{name}" to build it with that plugin')
    if name in registry.unselected:
        return Fault(path, f'indicator "{name}"{_NOT_SELECTED}')
    if (near := nearest(name, [*instances, *registry.indicators])) is not None:
        return Fault(path, f'there is no indicator "{name}"; did you mean "{near}"? A new one needs use = "PLUGIN"')
    return Fault((*path, "use"), "is missing and has no default")


def _one_fault_for_the_list(faults: list[Fault], loaded: LoadedConfig, registry: SpecSource) -> list[Fault]:
    """A list that leaves out what every run needs was most likely meant to add to the default plugins: one fault, not five."""
    left_out = [fault for fault in faults if fault.message.endswith(_NOT_SELECTED)]
    given = registry.whole_list
    if len(left_out) < 2 or not given:
        return faults
    names = ", ".join(fault.message.removesuffix(_NOT_SELECTED) for fault in left_out)
    added = ",".join(("+" if place == 0 else "") + element for place, element in enumerate(given))
    message = f"the list {','.join(given)} replaces the default plugins; write {added} to add to them (missing: {names})"
    where = "plugins" if given == loaded.settings.plugins else "--plugins"
    return [Fault((where,), message), *(fault for fault in faults if fault not in left_out)]


def _missing(table: SpecTable[Any], registry: SpecSource, kind: str, name: str) -> str:
    if registry.left_out:
        out = ", ".join(element.removeprefix("+").strip() for element in registry.left_out)
        return (
            f'there is no first-party {kind} "{name}", and safe mode left out {out}; choose one of {", ".join(sorted(table))}, '
            "or run without --safe-mode"
        )
    if name in registry.unselected:
        return f'{kind} "{name}"{_NOT_SELECTED}'
    others = [_chosen_by(other, key, name) for other, key, specs in _kinds(registry) if other != kind and name in specs]
    if others:
        return f'there is no {kind} "{name}": {" and ".join(others)}; {_listed(table, kind)}'
    return f'there is no {kind} "{name}"; {did_you_mean(name, table, what="loaded")}'


def _kinds(registry: SpecSource) -> list[tuple[str, str, SpecTable[Any]]]:
    """Kind, the key that chooses one, and what is loaded of it."""
    return [
        ("feed", "run.feed", registry.feeds),
        ("indicator", "", registry.indicators),
        ("scorer", "scorer.use", registry.scorers),
        ("strategy", "strategy.use", registry.strategies),
        ("executor", "executor.use", registry.executors),
        ("storage", "storage.use", registry.stores),
    ]


def _chosen_by(kind: str, key: str, name: str) -> str:
    article = "an" if kind[0] in "aeiou" else "a"
    thing = {"storage": "store"}.get(kind, kind)
    return f"{name} is {article} {thing}" + (f" ({key}={name})" if key else "")


def _listed(table: SpecTable[Any], kind: str) -> str:
    plural = {"strategy": "strategies", "storage": "stores"}.get(kind, f"{kind}s")
    return f"{plural}: {', '.join(sorted(table)) or 'none'}"
