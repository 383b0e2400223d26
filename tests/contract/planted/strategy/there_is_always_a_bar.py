"""Planted fault: looks at the newest bar before there is one.

Caught by: survives_the_first_moment.
"""

from contract.planted_base.strategy import SoundStrategy, offer

from flashcrash_core.api import Moment, PluginInfo, StrategySpec, hookimpl

CAUGHT_BY = "survives_the_first_moment"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault")


class Early(SoundStrategy):
    def tempted(self, moment: Moment) -> bool:
        return moment.bar.close_ticks > moment.bar.open_ticks and super().tempted(moment)


@hookimpl
def flashcrash_strategies() -> list[StrategySpec]:
    return [offer(Early)]
