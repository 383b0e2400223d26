"""Planted fault: waits for the target or the stop, for ever if need be.

Caught by: leaves_in_time.
"""

from contract.planted_base.strategy import SoundStrategy, offer

from flashcrash_core.api import Moment, PluginInfo, Position, StrategySpec, hookimpl

CAUGHT_BY = "leaves_in_time"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault")


class Patient(SoundStrategy):
    def overdue(self, moment: Moment, position: Position) -> bool:
        return False


@hookimpl
def flashcrash_strategies() -> list[StrategySpec]:
    return [offer(Patient)]
