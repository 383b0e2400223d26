"""Planted fault: it draws from hash(), which differs in every process.

Caught by: determinism_across_processes.
"""

from contract.planted_base.executor import Live, SmallExecutor, offer

from flashcrash_core.api import (
    ExecutorSpec,
    PluginInfo,
    hookimpl,
)

flashcrash_plugin = PluginInfo(api=1, summary="planted")
CAUGHT_BY = "determinism_across_processes"


class Faulty(SmallExecutor):
    """Draws what it can take by the hash of a text."""

    def takeable(self, live: Live) -> int:
        return max(1, live.left * (1 + hash(live.submit.client_id) % 97) // 98)


@hookimpl
def flashcrash_executors() -> list[ExecutorSpec]:
    """The faulty one."""
    return offer(Faulty)
