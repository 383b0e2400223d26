"""What safe mode may not do: contradict the options, or resume a session without an indicator that it was recorded with."""

from collections.abc import Collection

from flashcrash_core.errors import UsageError
from flashcrash_core.registry import Registry
from flashcrash_core.runtime.records import SessionRecord
from flashcrash_core.runtime.request import RunRequest

__all__ = ["indicators_left_out", "refuse_named_in_safe_mode"]


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
