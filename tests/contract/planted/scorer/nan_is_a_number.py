"""Planted fault: takes the newest reading as it is, NaN or not.

Caught by: survives_missing_readings.
"""

from attrs import evolve
from contract.planted_base.scorer import SoundScorer, offer

from flashcrash_core.api import PluginInfo, Score, ScoreContext, ScorerSpec, hookimpl

CAUGHT_BY = "survives_missing_readings"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault")


class Trusting(SoundScorer):
    def score(self, context: ScoreContext) -> Score:
        given = super().score(context)
        if context.history and given.missing and set(given.missing) <= set(context.names):
            return evolve(given, total=float("nan"))
        return given


@hookimpl
def flashcrash_scorers() -> list[ScorerSpec]:
    return [offer(Trusting)]
