"""Planted fault: cares for positions that it was told of, and for no others.

Caught by: leaves_unknown_positions.
"""

from contract.planted_base.strategy import SoundStrategy, offer

from flashcrash_core.api import Enter, Intent, Moment, PluginInfo, Position, StrategySpec, hookimpl

CAUGHT_BY = "leaves_unknown_positions"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault")


class Selective(SoundStrategy):
    def on_entered(self, position: Position, intent: Enter) -> None:
        self.leaving[position.id] = ""

    def manage(self, moment: Moment, position: Position) -> list[Intent]:
        return super().manage(moment, position) if position.id in self.leaving else []


@hookimpl
def flashcrash_strategies() -> list[StrategySpec]:
    return [offer(Selective)]
