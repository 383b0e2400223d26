"""Planted fault: spreads its entries by the hash of the symbol, which differs from process to process.

Caught by: determinism_across_processes.
"""

from contract.planted_base.strategy import SoundStrategy, offer

from flashcrash_core.api import Moment, PluginInfo, StrategySpec, hookimpl

CAUGHT_BY = "determinism_across_processes"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault")


class Spreading(SoundStrategy):
    def lots(self, moment: Moment, price: int) -> int:
        return super().lots(moment, price) - hash(moment.symbol) % 10_007


@hookimpl
def flashcrash_strategies() -> list[StrategySpec]:
    return [offer(Spreading)]
