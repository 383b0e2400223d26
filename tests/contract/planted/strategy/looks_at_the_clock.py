"""Planted fault: asks what time it is, and does nothing with it yet.

Caught by: no_io_no_clock.
"""

import time
from collections.abc import Sequence

from contract.planted_base.strategy import SoundStrategy, offer

from flashcrash_core.api import Intent, Moment, PluginInfo, StrategySpec, hookimpl

CAUGHT_BY = "no_io_no_clock"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault")


class Clocked(SoundStrategy):
    def decide(self, moment: Moment) -> Sequence[Intent]:
        self.asked_at = time.time()
        return super().decide(moment)


@hookimpl
def flashcrash_strategies() -> list[StrategySpec]:
    return [offer(Clocked)]
