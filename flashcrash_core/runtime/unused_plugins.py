"""Plugins that were named and do nothing: said in the report, because nothing else would show it."""

from collections.abc import Iterable
from typing import Final

from flashcrash_core.config import PluginConfigs
from flashcrash_core.registry import Registry

__all__ = ["unused_plugins"]

_USED_BY: Final = {
    "feed": "--feed {name}",
    "scorer": "--set scorer.use={name}",
    "strategy": "--set strategy.use={name}",
    "executor": "--set executor.use={name}",
    "store": "--set storage.use={name}",
}
"""How each kind is put to use. Indicators of a named plugin are used at once."""


def unused_plugins(registry: Registry, plugins: PluginConfigs, feeds: Iterable[str]) -> list[str]:
    """A warning for every kind of part of a named plugin of which none is in use. ``feeds`` are those that the input comes from."""
    used = {
        "feed": set(feeds),
        "scorer": {plugins.scorer.spec.name},
        "strategy": {plugins.strategy.spec.name},
        "executor": {plugins.executor.spec.name},
        "store": {plugins.store.spec.name},
    }
    warnings = []
    for plugin in registry.plugins:
        if not plugin.candidate.explicit:
            continue
        for kind, how in _USED_BY.items():
            own = [spec.name for of, spec in plugin.specs if of == kind]
            if own and not used[kind].intersection(own):
                name = plugin.candidate.name
                warnings.append(
                    f"plugin {name} is loaded, nothing uses its {kind}: {' or '.join(how.format(name=one) for one in own)}"
                )
    return warnings
