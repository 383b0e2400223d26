"""Planted fault: buys only what trades more than a twentieth of the busiest of 200 bars, and says that it looks back on 60.

Caught by: bar_memory_is_enough.
"""

from contract.planted_base.strategy import SoundStrategy, offer

from flashcrash_core.api import Bar, Moment, PluginInfo, StrategySpec, hookimpl

CAUGHT_BY = "bar_memory_is_enough"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault")


class Remembering(SoundStrategy):
    def __init__(self, config: object, context: object) -> None:
        super().__init__(config, context)
        self.traded: list[int] = []

    def on_bar(self, bar: Bar) -> None:
        super().on_bar(bar)
        if not bar.empty:
            self.traded = [*self.traded[-199:], bar.notional_units]

    def tempted(self, moment: Moment) -> bool:
        return super().tempted(moment) and moment.bar.notional_units * 20 > max(self.traded)

    def snapshot(self) -> dict[str, object]:
        return super().snapshot() | {"traded": list(self.traded)}

    def restore(self, data: dict[str, object]) -> None:
        super().restore(data)
        self.traded = list(data["traded"])


@hookimpl
def flashcrash_strategies() -> list[StrategySpec]:
    return [offer(Remembering)]
