"""Planted fault: when there is nothing to do for a position, says so with None.

Caught by: gives_intents.
"""

from contract.planted_base.strategy import SoundStrategy, offer

from flashcrash_core.api import Intent, Moment, PluginInfo, Position, StrategySpec, hookimpl

CAUGHT_BY = "gives_intents"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault")


class Nothing(SoundStrategy):
    def manage(self, moment: Moment, position: Position) -> list[Intent]:
        return super().manage(moment, position) or [None]  # type: ignore[list-item]


@hookimpl
def flashcrash_strategies() -> list[StrategySpec]:
    return [offer(Nothing)]
