"""Planted fault: looks for a column that the panel may not have.

Caught by: survives_other_panels.
"""

from contract.planted_base.scorer import SoundScorer, offer

from flashcrash_core.api import PluginInfo, ScoreContext, ScorerSpec, hookimpl

CAUGHT_BY = "survives_other_panels"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault")


class Presuming(SoundScorer):
    def total(self, context: ScoreContext, components: dict[str, float]) -> float:
        self.column = context.names.index("volatility")
        return super().total(context, components)


@hookimpl
def flashcrash_scorers() -> list[ScorerSpec]:
    return [offer(Presuming)]
