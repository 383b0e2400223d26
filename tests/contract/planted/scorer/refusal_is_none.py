"""Planted fault: no refusal is None instead of an empty text.

Caught by: score_fields.
"""

from attrs import evolve
from contract.planted_base.scorer import SoundScorer, offer

from flashcrash_core.api import PluginInfo, Score, ScoreContext, ScorerSpec, hookimpl

CAUGHT_BY = "score_fields"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault")


class Untyped(SoundScorer):
    def score(self, context: ScoreContext) -> Score:
        given = super().score(context)
        return evolve(given, refusal=given.refusal or None)


@hookimpl
def flashcrash_scorers() -> list[ScorerSpec]:
    return [offer(Untyped)]
