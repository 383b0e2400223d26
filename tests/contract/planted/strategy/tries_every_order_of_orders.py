"""Planted fault: goes through every order in which the open orders could be cancelled.

Caught by: time_budget.
"""

from collections.abc import Sequence
from itertools import permutations

from contract.planted_base.strategy import SoundStrategy, offer

from flashcrash_core.api import Intent, Moment, PluginInfo, StrategySpec, hookimpl

CAUGHT_BY = "time_budget"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault")


class Exhaustive(SoundStrategy):
    def decide(self, moment: Moment) -> Sequence[Intent]:
        self.ways = sum(1 for _ in permutations(moment.orders[:8]))
        return super().decide(moment)


@hookimpl
def flashcrash_strategies() -> list[StrategySpec]:
    return [offer(Exhaustive)]
