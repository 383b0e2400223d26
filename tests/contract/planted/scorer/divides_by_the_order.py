"""Planted fault: divides by the notional of the order, which may be 0.

Caught by: survives_senseless_orders.
"""

from contract.planted_base.scorer import SoundScorer, offer

from flashcrash_core.api import PluginInfo, ScoreContext, ScorerSpec, hookimpl

CAUGHT_BY = "survives_senseless_orders"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault")


class Dividing(SoundScorer):
    def depth(self, context: ScoreContext) -> float:
        return min(1.0, context.statistics.get("depth", {}).get("total", 0.0) / (10 * context.order_notional))


@hookimpl
def flashcrash_scorers() -> list[ScorerSpec]:
    return [offer(Dividing)]
