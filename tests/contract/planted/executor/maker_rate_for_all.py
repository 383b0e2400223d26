"""Planted fault: it charges the maker's rate to takers.

Caught by: fees_follow_the_schedule.
"""

from contract.planted_base.executor import Live, SmallExecutor, offer

from flashcrash_core.api import (
    ExecutorSpec,
    PluginInfo,
    hookimpl,
)

flashcrash_plugin = PluginInfo(api=1, summary="planted")
CAUGHT_BY = "fees_follow_the_schedule"


class Faulty(SmallExecutor):
    """Reads one rate of the schedule."""

    def fee(self, live: Live, price_ticks: int, lots: int, *, maker: bool) -> int:
        return super().fee(live, price_ticks, lots, maker=True)


@hookimpl
def flashcrash_executors() -> list[ExecutorSpec]:
    """The faulty one."""
    return offer(Faulty)
