"""Planted fault: it keeps times in the module, so that a second run in one process has its orders answered 1 us earlier.

Caught by: determinism_across_builds.
"""

from typing import Any

from contract.planted_base.executor import SmallExecutor, offer

from flashcrash_core.api import ExecutorSpec, PluginInfo, VenueNotice, hookimpl

flashcrash_plugin = PluginInfo(api=1, summary="planted")
CAUGHT_BY = "determinism_across_builds"

_known: dict[tuple[str, str], int] = {}
_KNOWN_MAX = 64


class Faulty(SmallExecutor):
    """Shares a cache between all builds."""

    def delivered(self, item: tuple[Any, ...]) -> VenueNotice:
        key = (item[3], item[4])
        if key in _known and _known[key] != id(self):
            item = (item[0], item[1], item[2] - 1, *item[3:])
        elif len(_known) < _KNOWN_MAX:
            _known[key] = id(self)
        return super().delivered(item)


@hookimpl
def flashcrash_executors() -> list[ExecutorSpec]:
    """The faulty one."""
    return offer(Faulty)
