"""Planted fault: an immediate-or-cancel order that takes nothing rests until somebody cancels it.

Caught by: immediate_orders_end_at_once.
"""

from contract.planted_base.executor import SmallExecutor, offer

from flashcrash_core.api import ExecutorSpec, OrderType, PluginInfo, hookimpl

flashcrash_plugin = PluginInfo(api=1, summary="planted")
CAUGHT_BY = "immediate_orders_end_at_once"


class Faulty(SmallExecutor):
    """Knows MARKET as immediate and nothing else."""

    IMMEDIATE = (OrderType.MARKET,)


@hookimpl
def flashcrash_executors() -> list[ExecutorSpec]:
    """The faulty one."""
    return offer(Faulty)
