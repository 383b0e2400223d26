"""Planted fault: keeps every bar of the session.

Caught by: memory_growth.
"""

from contract.planted_base.strategy import SoundStrategy, offer

from flashcrash_core.api import Bar, BuildContext, PluginInfo, StrategySpec, hookimpl

CAUGHT_BY = "memory_growth"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault")


class Hoarding(SoundStrategy):
    def __init__(self, config: object, context: BuildContext) -> None:
        super().__init__(config, context)
        self.kept: list[Bar] = []

    def on_bar(self, bar: Bar) -> None:
        self.kept.append(bar)
        super().on_bar(bar)


@hookimpl
def flashcrash_strategies() -> list[StrategySpec]:
    return [offer(Hoarding)]
