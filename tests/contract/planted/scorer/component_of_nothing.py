"""Planted fault: a component that was not computed is NaN.

Caught by: components_and_relief_finite.
"""

from contract.planted_base.scorer import SoundScorer, offer

from flashcrash_core.api import PluginInfo, ScoreContext, ScorerSpec, hookimpl

CAUGHT_BY = "components_and_relief_finite"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault")


class Hollow(SoundScorer):
    def total(self, context: ScoreContext, components: dict[str, float]) -> float:
        points = super().total(context, components)
        components["pattern"] = float("nan")
        return points


@hookimpl
def flashcrash_scorers() -> list[ScorerSpec]:
    return [offer(Hollow)]
