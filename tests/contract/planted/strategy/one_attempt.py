"""Planted fault: sends one exit for a position and takes it for done.

Caught by: leaves_after_setbacks.
"""

from collections.abc import Sequence

from contract.planted_base.strategy import SoundStrategy, offer

from flashcrash_core.api import Exit, Intent, Moment, Order, PluginInfo, Position, StrategySpec, hookimpl

CAUGHT_BY = "leaves_after_setbacks"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault")


class Once(SoundStrategy):
    def leave(self, moment: Moment, position: Position, orders: Sequence[Order], price: int, reason: str) -> list[Intent]:
        if reason == "sent":
            return []
        intents = super().leave(moment, position, orders, price, reason)
        if any(isinstance(intent, Exit) for intent in intents):
            self.leaving[position.id] = "sent"
        return intents


@hookimpl
def flashcrash_strategies() -> list[StrategySpec]:
    return [offer(Once)]
