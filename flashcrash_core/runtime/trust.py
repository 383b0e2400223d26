"""What a run trusts: from the request and the configuration to the registry's policy, and what safe mode may not do."""

from collections.abc import Collection

from flashcrash_core.config import LoadedConfig
from flashcrash_core.errors import UsageError
from flashcrash_core.registry import Registry, TrustPolicy
from flashcrash_core.runtime.records import SessionRecord
from flashcrash_core.runtime.request import RunRequest

__all__ = ["indicators_left_out", "refuse_named_in_safe_mode", "trust_policy"]


def trust_policy(config: LoadedConfig, request: RunRequest) -> TrustPolicy:
    """How strictly plugins are loaded for this run.

    The mode is taken as it was written: settings with a fault in that key have the default there, and the answer to "may this code
    run?" must not depend on another fault.
    """
    written = config.table("run").get("mode", config.settings.run.mode)
    return TrustPolicy(mode=str(written), allow_path_plugins=request.allow_path_plugins)


def refuse_named_in_safe_mode(request: RunRequest, registry: Registry) -> None:
    """What the options name is meant; it contradicts ``--safe-mode`` when that leaves it out. Raises UsageError."""
    if request.plugins is not None:
        registry.selection.refuse_left_out()
    if request.feed is not None and registry.left_out and request.feed not in registry.feeds:
        raise UsageError(
            f"--feed {request.feed}: no first-party plugin offers it, and safe mode left out {', '.join(registry.left_out)}; "
            "name another feed, or run without --safe-mode"
        )


def indicators_left_out(record: SessionRecord, built: Collection[str], registry: Registry) -> None:
    """A session goes on only with the indicators that it began with. Raises UsageError when safe mode left one of them out.

    Their state is part of its snapshots and their values of its stored rows, so that nothing could be compared without them.
    """
    missing = sorted(set(record.inputs.get("indicators", ())) - set(built))
    if missing and registry.left_out:
        raise UsageError(
            f"session {record.id} was recorded with the indicators {', '.join(missing)}, of plugins that --safe-mode leaves out "
            f"({', '.join(registry.left_out)}); without them its stored rows cannot be checked and it cannot be resumed in safe "
            "mode. Resume it without --safe-mode, or start a new run with it; `flashcrash sessions show` lists what is open"
        )
