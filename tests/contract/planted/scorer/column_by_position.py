"""Planted fault: takes the first column for the volatility.

Caught by: panel_order_does_not_count.
"""

from contract.planted_base.scorer import SoundScorer, offer

from flashcrash_core.api import PluginInfo, ScoreContext, ScorerSpec, hookimpl

CAUGHT_BY = "panel_order_does_not_count"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault")


class Positional(SoundScorer):
    def newest(self, context: ScoreContext, name: str) -> float:
        if name != "volatility":
            return super().newest(context, name)
        return super().newest(context, context.names[0]) if context.names else float("nan")


@hookimpl
def flashcrash_scorers() -> list[ScorerSpec]:
    return [offer(Positional)]
