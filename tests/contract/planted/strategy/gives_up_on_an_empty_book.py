"""Planted fault: writes a position off when nobody bids for it.

Caught by: leaves_after_an_empty_book.
"""

from contract.planted_base.strategy import SoundStrategy, offer

from flashcrash_core.api import Intent, Moment, PluginInfo, Position, StrategySpec, hookimpl

CAUGHT_BY = "leaves_after_an_empty_book"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault")


class Resigned(SoundStrategy):
    def manage(self, moment: Moment, position: Position) -> list[Intent]:
        if position.held_lots and not self.price(moment):
            self.leaving[position.id] = "lost"
        return [] if self.leaving.get(position.id) == "lost" else super().manage(moment, position)


@hookimpl
def flashcrash_strategies() -> list[StrategySpec]:
    return [offer(Resigned)]
