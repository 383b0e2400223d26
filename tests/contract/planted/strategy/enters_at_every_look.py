"""Planted fault: wants to enter at every look for as long as the newest bar looks good.

Caught by: no_order_storm.
"""

from attrs import evolve
from contract.planted_base.strategy import SoundStrategy, offer

from flashcrash_core.api import Moment, PluginInfo, StrategySpec, hookimpl

CAUGHT_BY = "no_order_storm"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault")


class Insistent(SoundStrategy):
    def tempted(self, moment: Moment) -> bool:
        return super().tempted(evolve(moment, bar_is_new=True, open_positions=0))


@hookimpl
def flashcrash_strategies() -> list[StrategySpec]:
    return [offer(Insistent)]
