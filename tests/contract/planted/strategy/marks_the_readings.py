"""Planted fault: marks in the readings of the moment that it has seen them.

Caught by: inputs_not_mutated.
"""

from collections.abc import Sequence

from contract.planted_base.strategy import SoundStrategy, offer

from flashcrash_core.api import Intent, Moment, PluginInfo, StrategySpec, hookimpl

CAUGHT_BY = "inputs_not_mutated"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault")


class Marking(SoundStrategy):
    def decide(self, moment: Moment) -> Sequence[Intent]:
        moment.readings["seen"] = 1.0  # type: ignore[index]
        return super().decide(moment)


@hookimpl
def flashcrash_strategies() -> list[StrategySpec]:
    return [offer(Marking)]
