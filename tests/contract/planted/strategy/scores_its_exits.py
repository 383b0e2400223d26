"""Planted fault: asks the scorer whether it may leave.

Caught by: leaves_without_a_score.
"""

from collections.abc import Sequence

from contract.planted_base.strategy import SoundStrategy, offer

from flashcrash_core.api import Intent, Moment, Order, PluginInfo, Position, StrategySpec, hookimpl

CAUGHT_BY = "leaves_without_a_score"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault")


class Dependent(SoundStrategy):
    def leave(self, moment: Moment, position: Position, orders: Sequence[Order], price: int, reason: str) -> list[Intent]:
        if moment.score(price * 0.01, price * 0.01, 1_000.0).refusal:
            return []
        return super().leave(moment, position, orders, price, reason)


@hookimpl
def flashcrash_strategies() -> list[StrategySpec]:
    return [offer(Dependent)]
