"""Planted fault: points are measured against the largest order that was ever asked about.

Caught by: same_context_same_score.
"""

from contract.planted_base.scorer import SoundScorer, offer

from flashcrash_core.api import PluginInfo, ScoreContext, ScorerSpec, hookimpl

CAUGHT_BY = "same_context_same_score"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault")


class Learning(SoundScorer):
    largest = 0.0

    def total(self, context: ScoreContext, components: dict[str, float]) -> float:
        self.largest = max(self.largest, context.order_notional)
        return super().total(context, components) * (context.order_notional / self.largest if self.largest else 1.0)


@hookimpl
def flashcrash_scorers() -> list[ScorerSpec]:
    return [offer(Learning)]
