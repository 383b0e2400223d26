"""Planted fault: cancels the entry order of a position that is being left, though it has long been filled.

Caught by: cancels_own_orders.
"""

from collections.abc import Sequence

from contract.planted_base.strategy import SoundStrategy, offer

from flashcrash_core.api import Cancel, Intent, Moment, Order, PluginInfo, Position, StrategySpec, hookimpl

CAUGHT_BY = "cancels_own_orders"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault")


class Thorough(SoundStrategy):
    def leave(self, moment: Moment, position: Position, orders: Sequence[Order], price: int, reason: str) -> list[Intent]:
        return [Cancel(position.entry_client_id, reason), *super().leave(moment, position, orders, price, reason)]


@hookimpl
def flashcrash_strategies() -> list[StrategySpec]:
    return [offer(Thorough)]
