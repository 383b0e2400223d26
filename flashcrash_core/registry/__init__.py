"""Plugin discovery, the ``--plugins`` grammar, loading with contained errors, and typed access to what was loaded."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

from flashcrash_core.config import LoadedConfig
from flashcrash_core.errors import PluginConflict, PluginContract, PluginError, PluginNotFound
from flashcrash_core.registry.discovery import InstalledPlugin, installed_plugins
from flashcrash_core.registry.facade import EdgeFault, Registry, SpecMap
from flashcrash_core.registry.fault_text import raised_at
from flashcrash_core.registry.first_party import LIBRARIES, displaced_packages
from flashcrash_core.registry.loading import KINDS, LoadedPlugin, LoadedPlugins, Origin, Problem, load_plugins
from flashcrash_core.registry.locking import compare_installed, lock_entry
from flashcrash_core.registry.selection import LOAD_PLUGINS, Candidate, Selection, how_to_name, permitted_by, select, split_list
from flashcrash_core.registry.trust import TrustPolicy, Verdict, examine
from flashcrash_core.registry.verified_import import guard_imports, unverified_modules

__all__ = [
    "KINDS",
    "LOAD_PLUGINS",
    "Candidate",
    "EdgeFault",
    "InstalledPlugin",
    "LoadedPlugin",
    "LoadedPlugins",
    "Origin",
    "Problem",
    "Registry",
    "Selection",
    "SpecMap",
    "TrustPolicy",
    "compare_installed",
    "configured_plugins",
    "how_to_name",
    "installed_plugins",
    "load_plugins",
    "load_registry",
    "lock_entry",
    "permitted_by",
    "raised_at",
    "select",
    "split_list",
]


def load_registry(
    selection: str | Sequence[str] | None = None,
    *,
    strict: bool = True,
    objects: Mapping[str, Any] | None = None,
    trust: TrustPolicy | None = None,
    safe_mode: bool = False,
    named_by: str = "",
) -> Registry:
    """Load the selected plugins (None or empty: all first-party ones).

    ``objects`` are plugins that are installed nowhere, by name: modules or instances with hooks, as tests have them. They are
    loaded beside the selection; ``selection="my-plugin"`` with an object of that name loads it alone. ``trust`` compares
    third-party plugins with ``plugins.lock`` before any of them is imported; without it, what the process above this one handed
    down counts (:meth:`TrustPolicy.handed_down`). ``safe_mode`` leaves all third-party plugins out, and so does the environment
    variable ``FLASHCRASH_LOAD_PLUGINS`` with those that it does not name.

    ``named_by`` says where the selection stands when it comes from a file, for messages about what it names
    (:func:`configured_plugins` gives both).

    Raises PluginNotFound for an unknown name. With ``strict``, raises PluginError with the problems of all plugins when one of them
    is refused or cannot be loaded: every selected plugin is either first-party or was named, so none is dispensable. Without
    ``strict`` the problems are kept in ``Registry.problems`` (for listing).
    """
    installed = installed_plugins()
    permitted = permitted_by(os.environ)
    selected = select(installed, selection, objects, safe_mode=safe_mode, permitted=permitted, strict=strict, named_by=named_by)
    policy = trust if trust is not None else TrustPolicy.handed_down(os.environ)
    verdict = examine(selected.chosen, policy) if policy is not None else Verdict()
    if displaced := displaced_packages():
        _refuse_first_party(selected, displaced, verdict)
    if strict and verdict.refused:
        raise _combined([_problem(candidate, verdict) for candidate in selected.chosen if candidate.name in verdict.refused])
    guard_imports(verdict.guarded.values())

    def vouch(candidate: Candidate) -> None:
        installation = verdict.guarded.get(candidate.name)
        if installation is not None and (strange := unverified_modules(installation)):
            raise PluginError(f"plugin {candidate.shown}: {', '.join(strange)} did not come from its verified files; reinstall it")

    loaded = load_plugins(selected.chosen, refused=verdict.refused, after_import=vouch)
    if strict and loaded.problems:
        raise _combined(loaded.problems)
    return Registry(loaded, selected, tuple(installed), tuple(verdict.warnings))


def configured_plugins(config: LoadedConfig) -> tuple[tuple[str, ...], str]:
    """The configured list of plugins, and ``file:line plugins`` where it stands, as :func:`load_registry` takes them."""
    return config.settings.plugins, f"{config.origin('plugins')} plugins" if config.settings.plugins else ""


def _refuse_first_party(selected: Selection, displaced: Mapping[str, str], verdict: Verdict) -> None:
    for candidate in selected.chosen:
        package = candidate.target.partition(".")[0]
        # A library is imported by others of ours: without it, none of them is what it was.
        why = displaced[package] if package in displaced else next((displaced[p] for p in displaced if p in LIBRARIES), "")
        if candidate.first_party and why:
            verdict.refused[candidate.name] = PluginError(f"plugin {candidate.shown}: {why}")


def _problem(candidate: Candidate, verdict: Verdict) -> Problem:
    return Problem(candidate.name, candidate.distribution, verdict.refused[candidate.name], candidate.explicit)


def _combined(problems: Sequence[Problem]) -> PluginError:
    """One error for all: of the common class when they share one, so that a conflict stays a conflict."""
    classes = {type(problem.error) for problem in problems}
    cls = classes.pop() if len(classes) == 1 else PluginError
    if cls not in (PluginConflict, PluginContract, PluginNotFound):
        cls = PluginError
    error = cls("\n".join(str(problem.error) for problem in problems))
    error.__cause__ = problems[0].error
    return error
