"""Planted fault: it says that nothing is pending once its orders have ended, while their last notices still travel.

Caught by: pending_says_what_is_owed.
"""

from contract.planted_base.executor import SmallExecutor, offer

from flashcrash_core.api import ExecutorSpec, PluginInfo, hookimpl

flashcrash_plugin = PluginInfo(api=1, summary="planted")
CAUGHT_BY = "pending_says_what_is_owed"


class Faulty(SmallExecutor):
    """Counts orders only."""

    def pending(self) -> bool:
        return bool(self.live)


@hookimpl
def flashcrash_executors() -> list[ExecutorSpec]:
    """The faulty one."""
    return offer(Faulty)
