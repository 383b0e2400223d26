"""Planted fault: sells at the best bid, which data of trades alone does not have.

Caught by: leaves_without_a_book.
"""

from contract.planted_base.strategy import SoundStrategy, offer

from flashcrash_core.api import Moment, PluginInfo, StrategySpec, hookimpl

CAUGHT_BY = "leaves_without_a_book"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault")


class Booked(SoundStrategy):
    def price(self, moment: Moment) -> int:
        return moment.bid_ticks


@hookimpl
def flashcrash_strategies() -> list[StrategySpec]:
    return [offer(Booked)]
