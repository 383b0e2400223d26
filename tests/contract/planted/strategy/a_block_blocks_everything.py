"""Planted fault: takes a degraded panel for a reason to do nothing at all.

Caught by: leaves_under_every_block.
"""

from collections.abc import Sequence

from contract.planted_base.strategy import SoundStrategy, offer

from flashcrash_core.api import Intent, Moment, PluginInfo, StrategySpec, hookimpl

CAUGHT_BY = "leaves_under_every_block"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault")


class Careful(SoundStrategy):
    def decide(self, moment: Moment) -> Sequence[Intent]:
        return () if moment.blocked == "degraded" else super().decide(moment)


@hookimpl
def flashcrash_strategies() -> list[StrategySpec]:
    return [offer(Careful)]
