"""Planted fault: computes the average price of a position that never held a lot.

Caught by: survives_unfilled_entries.
"""

from contract.planted_base.strategy import SoundStrategy, offer

from flashcrash_core.api import PluginInfo, Position, StrategySpec, hookimpl

CAUGHT_BY = "survives_unfilled_entries"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault")


class Averaging(SoundStrategy):
    def on_closed(self, position: Position, pnl_minor: int) -> None:
        self.paid = position.bought_units // position.bought_lots
        super().on_closed(position, pnl_minor)


@hookimpl
def flashcrash_strategies() -> list[StrategySpec]:
    return [offer(Averaging)]
