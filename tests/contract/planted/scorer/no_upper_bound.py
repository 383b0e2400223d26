"""Planted fault: a strong reading earns more than all its points.

Caught by: total_in_range.
"""

from contract.planted_base.scorer import SoundScorer, offer

from flashcrash_core.api import PluginInfo, ScorerSpec, hookimpl

CAUGHT_BY = "total_in_range"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault")


class Unbounded(SoundScorer):
    def strength(self, reading: float) -> float:
        return abs(reading) / self.config.full_at


@hookimpl
def flashcrash_scorers() -> list[ScorerSpec]:
    return [offer(Unbounded)]
