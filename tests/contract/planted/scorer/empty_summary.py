"""Planted fault: the descriptor says nothing of itself.

Caught by: interface.
"""

from contract.planted_base.scorer import offer

from flashcrash_core.api import PluginInfo, ScorerSpec, hookimpl

CAUGHT_BY = "interface"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault")


@hookimpl
def flashcrash_scorers() -> list[ScorerSpec]:
    return [offer(summary=" ")]
