"""Planted fault: looks at its positions when a bar closes, and at no other time.

Caught by: leaves_on_stale_data.
"""

from collections.abc import Sequence

from contract.planted_base.strategy import SoundStrategy, offer

from flashcrash_core.api import Intent, Moment, PluginInfo, StrategySpec, hookimpl

CAUGHT_BY = "leaves_on_stale_data"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault")


class Barwise(SoundStrategy):
    def decide(self, moment: Moment) -> Sequence[Intent]:
        return super().decide(moment) if moment.bar_is_new else ()


@hookimpl
def flashcrash_strategies() -> list[StrategySpec]:
    return [offer(Barwise)]
