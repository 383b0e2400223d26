"""Planted fault: looks at the newest row of an empty history.

Caught by: survives_short_history.
"""

from contract.planted_base.scorer import SoundScorer, offer

from flashcrash_core.api import PluginInfo, ScoreContext, ScorerSpec, hookimpl

CAUGHT_BY = "survives_short_history"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault")


class Hasty(SoundScorer):
    def total(self, context: ScoreContext, components: dict[str, float]) -> float:
        age_us = context.t_us - context.history[-1].t_us
        return super().total(context, components) if age_us < 1_000_000 else 0.0


@hookimpl
def flashcrash_scorers() -> list[ScorerSpec]:
    return [offer(Hasty)]
