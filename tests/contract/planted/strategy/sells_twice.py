"""Planted fault: on leaving it sells all lots at once, those too that the resting target still binds.

Caught by: exits_well_formed.
"""

from collections.abc import Sequence

from contract.planted_base.strategy import SoundStrategy, offer

from flashcrash_core.api import Cancel, Exit, Intent, Moment, Order, OrderType, PluginInfo, Position, StrategySpec, hookimpl

CAUGHT_BY = "exits_well_formed"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault")


class Doubling(SoundStrategy):
    def leave(self, moment: Moment, position: Position, orders: Sequence[Order], price: int, reason: str) -> list[Intent]:
        intents = super().leave(moment, position, orders, price, reason)
        if any(isinstance(intent, Cancel) for intent in intents):
            intents.append(Exit(position.id, position.held_lots, OrderType.LIMIT_IOC, price, reason))
        return intents


@hookimpl
def flashcrash_strategies() -> list[StrategySpec]:
    return [offer(Doubling)]
