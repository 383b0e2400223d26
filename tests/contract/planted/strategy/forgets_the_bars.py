"""Planted fault: does not save how many bars it has seen, so a restored one begins to wait again.

Caught by: snapshot_round_trip.
"""

from contract.planted_base.strategy import SoundStrategy, offer

from flashcrash_core.api import PluginInfo, StrategySpec, hookimpl

CAUGHT_BY = "snapshot_round_trip"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault")


class Forgetting(SoundStrategy):
    def restore(self, data: dict[str, object]) -> None:
        super().restore(data | {"bars": self.bars})


@hookimpl
def flashcrash_strategies() -> list[StrategySpec]:
    return [offer(Forgetting)]
