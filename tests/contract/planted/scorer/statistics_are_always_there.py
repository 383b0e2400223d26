"""Planted fault: reads the depth without asking whether there is any.

Caught by: survives_missing_statistics.
"""

from contract.planted_base.scorer import SoundScorer, offer

from flashcrash_core.api import PluginInfo, ScoreContext, ScorerSpec, hookimpl

CAUGHT_BY = "survives_missing_statistics"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault")


class Certain(SoundScorer):
    def depth(self, context: ScoreContext) -> float:
        return 1.0 if context.statistics["depth"]["total"] > 0 else 0.0


@hookimpl
def flashcrash_scorers() -> list[ScorerSpec]:
    return [offer(Certain)]
