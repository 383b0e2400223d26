"""Planted fault: asks the volatility before it sells.

Caught by: leaves_without_readings.
"""

from collections.abc import Sequence

from contract.planted_base.strategy import SoundStrategy, offer

from flashcrash_core.api import Intent, Moment, Order, PluginInfo, Position, StrategySpec, hookimpl

CAUGHT_BY = "leaves_without_readings"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault")


class Measured(SoundStrategy):
    def leave(self, moment: Moment, position: Position, orders: Sequence[Order], price: int, reason: str) -> list[Intent]:
        if moment.readings.get("volatility", 0.0) < 1.0:
            return []
        return super().leave(moment, position, orders, price, reason)


@hookimpl
def flashcrash_strategies() -> list[StrategySpec]:
    return [offer(Measured)]
