"""Planted fault: takes RECOVERY for the end of its work.

Caught by: leaves_in_every_state.
"""

from collections.abc import Sequence

from contract.planted_base.strategy import SoundStrategy, offer

from flashcrash_core.api import Intent, Moment, PluginInfo, State, StrategySpec, hookimpl

CAUGHT_BY = "leaves_in_every_state"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault")


class Finished(SoundStrategy):
    def decide(self, moment: Moment) -> Sequence[Intent]:
        return () if moment.state is State.RECOVERY else super().decide(moment)


@hookimpl
def flashcrash_strategies() -> list[StrategySpec]:
    return [offer(Finished)]
