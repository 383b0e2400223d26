"""What is checked: one descriptor of one plugin with its configuration, built anew as often as a check asks.

A subject is found by what stands in ``--plugins`` (a name, ``pkg.mod[:attr]``, ``./file.py``) or from a plugin object. Only
a subject that can be named can be loaded in a second process; checks that need one skip objects and say so.
"""

from collections.abc import Mapping
from typing import Any, Generic, TypeVar

from attrs import field, frozen

from flashcrash_core.config.typed_values import try_structure
from flashcrash_core.detection.indicator import BuildContext
from flashcrash_core.errors import ConfigError, UsageError
from flashcrash_core.market.instruments import Instrument
from flashcrash_core.registry import Registry, load_registry
from flashcrash_core.specs import Spec
from flashcrash_core.testing.battery import STANDARD, Effort
from flashcrash_core.testing.local_endpoint import reaches_out, require_loopback, with_endpoint

__all__ = ["Subject", "build_context", "find_subjects", "structured"]

S = TypeVar("S", bound=Spec)


@frozen
class Subject(Generic[S]):
    """One thing under test. ``registry`` holds it beside the first-party plugins, for checks that need a whole session."""

    kind: str
    spec: S
    config: Any
    """Instance of ``spec.config``."""
    options: Mapping[str, Any]
    """The configuration as given, for a second process."""
    element: str
    """How to name the plugin in another process, "" for an object."""
    origin: str
    """Distribution and version, file or module."""
    registry: Registry = field(repr=False)
    selection: str = ""
    """The selection that loads it beside the first-party plugins it does not replace, for a second process; "" for an object."""
    effort: Effort = STANDARD
    local_endpoint: Mapping[str, Any] | None = None
    """Settings that point it at an exchange on this machine, which are in ``config`` and ``options`` too. None: it is connected to
    nothing. Given to live feeds and to executors that serve real runs only."""

    @property
    def label(self) -> str:
        """``indicator imbalance (flashcrash 0.1.0)``, for messages."""
        return f"{self.kind} {self.spec.name} ({self.origin})"


def find_subjects(
    plugin: object,
    *,
    kind: str | None = None,
    name: str | None = None,
    config: Mapping[str, Any] | None = None,
    effort: Effort = STANDARD,
    local_endpoint: Mapping[str, Any] | None = None,
    selection: str = "",
) -> list[Subject[Any]]:
    """All descriptors that a plugin offers, or those of one kind or name. ``plugin`` is an element of ``--plugins`` or an object.

    ``local_endpoint`` is the author's word that what reaches out (live feeds, executors of real runs only) may be connected: it
    holds settings, laid over ``config``, that point it at an exchange on this machine; ``{}`` when its defaults do.

    ``selection`` is :attr:`Subject.selection` of one that another process has found: finding it out means to load all three times.

    Raises PluginError when the plugin cannot be loaded, ConfigError when ``config`` does not fit, UsageError when nothing is left
    to check or an address is not on this machine.
    """
    element = plugin if isinstance(plugin, str) else ""
    if isinstance(plugin, str):
        if not plugin or "," in plugin or plugin.startswith(("+", "no:")):
            raise UsageError(f'plugin {plugin!r}: name one plugin, as in plugin = "my-vpin"')
        selection = selection or _beside_the_shipped(plugin)
        registry = load_registry(selection)
        wanted = {candidate.name for candidate in registry.selection.chosen if candidate.explicit}
    else:
        given = getattr(plugin, "__name__", type(plugin).__name__).rpartition(".")[2].replace("_", "-").lower()
        registry = load_registry(objects={given: plugin})
        wanted = {given}
    offered = [
        (kind_of, spec, loaded.candidate)
        for loaded in registry.plugins
        if loaded.candidate.name in wanted
        for kind_of, spec in loaded.specs
    ]
    matching = [
        (kind_of, spec, candidate) for kind_of, spec, candidate in offered if kind in (None, kind_of) and name in (None, spec.name)
    ]
    if not matching:
        has = ", ".join(f"{kind_of} {spec.name}" for kind_of, spec, _ in offered) or "only hooks at the edges of a session"
        raise UsageError(f"plugin {plugin!r} offers no {name or ''} {kind or 'thing to check'}; it offers {has}".replace("  ", " "))
    if local_endpoint is not None and not any(reaches_out(spec) for _, spec, _ in matching):
        what = ", ".join(f"{kind_of} {spec.name}" for kind_of, spec, _ in matching)
        raise UsageError(f"plugin {plugin!r}: local_endpoint is given, but {what} reaches no venue; put settings into config")
    subjects = []
    for kind_of, spec, candidate in matching:
        endpoint = local_endpoint if reaches_out(spec) else None
        options = with_endpoint(config or {}, endpoint or {})
        made = structured(spec, options)
        if endpoint is not None:
            require_loopback(f"{kind_of} {spec.name}", endpoint, made)
        origin = f"{candidate.distribution} {candidate.version}".strip()
        subjects.append(Subject(kind_of, spec, made, options, element, origin, registry, selection, effort, endpoint))
    return subjects


def _beside_the_shipped(element: str) -> str:
    """The selection of the plugin and the first-party ones, without those that offer the same names: it replaces them."""
    alone, shipped = load_registry(element), load_registry()
    own = {candidate.name for candidate in alone.selection.chosen}
    offered = {(kind, spec.name) for plugin in alone.plugins for kind, spec in plugin.specs}
    replaced = [
        plugin.candidate.name
        for plugin in shipped.plugins
        if plugin.candidate.name not in own and offered & {(kind, spec.name) for kind, spec in plugin.specs}
    ]
    return ",".join([f"+{element}", *(f"no:{name}" for name in replaced)])


def structured(spec: Spec, options: Mapping[str, Any]) -> Any:
    """Structure ``options`` as the configuration loader does. Raises ConfigError with every fault."""
    config, faults = try_structure(spec.config, dict(options))
    if faults:
        raise ConfigError([f"{spec.name}.{'.'.join(map(str, fault.path))}: {fault.message}" for fault in faults])
    return config


def build_context(instrument: Instrument, *, has_book: bool = True) -> BuildContext:
    """What a plugin is told when it is built for ``instrument``."""
    return BuildContext(instrument.symbol, instrument, source_is_mid=has_book, has_book=has_book)
