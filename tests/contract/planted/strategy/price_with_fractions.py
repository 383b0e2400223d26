"""Planted fault: enters at a price between two ticks.

Caught by: entries_well_formed.
"""

from contract.planted_base.strategy import SoundStrategy, offer

from flashcrash_core.api import Moment, PluginInfo, StrategySpec, hookimpl

CAUGHT_BY = "entries_well_formed"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault")


class Fractional(SoundStrategy):
    def entry_price(self, moment: Moment) -> int:
        return super().entry_price(moment) * 1.00005  # type: ignore[return-value]


@hookimpl
def flashcrash_strategies() -> list[StrategySpec]:
    return [offer(Fractional)]
