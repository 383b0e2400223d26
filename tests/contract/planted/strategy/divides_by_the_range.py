"""Planted fault: divides by the range of a bar, which may be none.

Caught by: survives_hostile_bars.
"""

from contract.planted_base.strategy import SoundStrategy, offer

from flashcrash_core.api import Bar, PluginInfo, StrategySpec, hookimpl

CAUGHT_BY = "survives_hostile_bars"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault")


class Relative(SoundStrategy):
    def on_bar(self, bar: Bar) -> None:
        self.close_in_range = (bar.close_ticks - bar.low_ticks) / (bar.high_ticks - bar.low_ticks)
        super().on_bar(bar)


@hookimpl
def flashcrash_strategies() -> list[StrategySpec]:
    return [offer(Relative)]
