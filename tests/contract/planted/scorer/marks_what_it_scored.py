"""Planted fault: leaves a mark in the statistics that others read too.

Caught by: context_not_mutated.
"""

from contract.planted_base.scorer import SoundScorer, offer

from flashcrash_core.api import PluginInfo, ScoreContext, ScorerSpec, hookimpl

CAUGHT_BY = "context_not_mutated"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault")


class Marking(SoundScorer):
    def total(self, context: ScoreContext, components: dict[str, float]) -> float:
        context.statistics["scored"] = {"points": 1.0}
        return super().total(context, components)


@hookimpl
def flashcrash_scorers() -> list[ScorerSpec]:
    return [offer(Marking)]
