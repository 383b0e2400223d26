"""Planted fault: goes over the history once for every pair of rows.

Caught by: time_budget.
"""

from contract.planted_base.scorer import SoundScorer, offer

from flashcrash_core.api import PluginInfo, ScoreContext, ScorerSpec, hookimpl

CAUGHT_BY = "time_budget"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault")


class Cubic(SoundScorer):
    def total(self, context: ScoreContext, components: dict[str, float]) -> float:
        rows = range(len(context.history))
        self.compared = sum(1 for _ in rows for _ in rows for _ in rows)
        return super().total(context, components)


@hookimpl
def flashcrash_scorers() -> list[ScorerSpec]:
    return [offer(Cubic)]
