"""Planted fault: its snapshot leaves out that a cancel is on its way.

Caught by: snapshot_round_trip.
"""

from typing import Any

from contract.planted_base.executor import SmallExecutor, offer

from flashcrash_core.api import (
    ExecutorSpec,
    PluginInfo,
    hookimpl,
)

flashcrash_plugin = PluginInfo(api=1, summary="planted")
CAUGHT_BY = "snapshot_round_trip"


class Faulty(SmallExecutor):
    """Saves what it thought of first."""

    def snapshot(self) -> dict[str, Any]:
        data = super().snapshot()
        for order in data["orders"]:
            order[-1] = 0
        return data


@hookimpl
def flashcrash_executors() -> list[ExecutorSpec]:
    """The faulty one."""
    return offer(Faulty)
