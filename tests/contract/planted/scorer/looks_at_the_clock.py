"""Planted fault: asks what time it is, and does nothing with it yet.

Caught by: no_io_no_clock.
"""

import time

from contract.planted_base.scorer import SoundScorer, offer

from flashcrash_core.api import PluginInfo, ScoreContext, ScorerSpec, hookimpl

CAUGHT_BY = "no_io_no_clock"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault")


class Clocked(SoundScorer):
    def total(self, context: ScoreContext, components: dict[str, float]) -> float:
        self.asked_at = time.time()
        return super().total(context, components)


@hookimpl
def flashcrash_scorers() -> list[ScorerSpec]:
    return [offer(Clocked)]
