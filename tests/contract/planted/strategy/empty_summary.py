"""Planted fault: the descriptor says nothing of itself.

Caught by: interface.
"""

from contract.planted_base.strategy import offer

from flashcrash_core.api import PluginInfo, StrategySpec, hookimpl

CAUGHT_BY = "interface"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault")


@hookimpl
def flashcrash_strategies() -> list[StrategySpec]:
    return [offer(summary=" ")]
