"""Planted fault: sizes entries by the equity and never looks at the cash.

Caught by: entries_within_cash.
"""

from contract.planted_base.strategy import SoundStrategy, offer

from flashcrash_core.api import Moment, PluginInfo, StrategySpec, hookimpl

CAUGHT_BY = "entries_within_cash"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault")


class Generous(SoundStrategy):
    def lots(self, moment: Moment, price: int) -> int:
        return moment.equity_minor // 10 // moment.instrument.notional(price, 1) if price > 0 else 0


@hookimpl
def flashcrash_strategies() -> list[StrategySpec]:
    return [offer(Generous)]
