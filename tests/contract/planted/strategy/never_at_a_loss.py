"""Planted fault: does not sell below what it paid.

Caught by: leaves_in_a_fall.
"""

from contract.planted_base.strategy import SoundStrategy, offer

from flashcrash_core.api import Moment, PluginInfo, Position, StrategySpec, hookimpl

CAUGHT_BY = "leaves_in_a_fall"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault")


class Proud(SoundStrategy):
    def reason(self, moment: Moment, position: Position, price: int) -> str:
        return super().reason(moment, position, price) if price >= position.entry_ticks else ""

    def stopped(self, position: Position, price: int) -> bool:
        return False


@hookimpl
def flashcrash_strategies() -> list[StrategySpec]:
    return [offer(Proud)]
