"""Planted fault: it hands out a notice 5 ms before its delivery time, when it is asked by then.

Caught by: due_never_delivers_the_future.
"""

from collections.abc import Sequence

from contract.planted_base.executor import SmallExecutor, offer

from flashcrash_core.api import (
    ExecutorSpec,
    PluginInfo,
    VenueNotice,
    hookimpl,
)

flashcrash_plugin = PluginInfo(api=1, summary="planted")
CAUGHT_BY = "due_never_delivers_the_future"


class Faulty(SmallExecutor):
    """Rounds times to its poll interval."""

    def due(self, now_us: int) -> Sequence[VenueNotice]:
        return super().due(now_us + 5_000)


@hookimpl
def flashcrash_executors() -> list[ExecutorSpec]:
    """The faulty one."""
    return offer(Faulty)
