"""Planted fault: ties are broken by the hash of a name, which differs from process to process.

Caught by: determinism_across_processes.
"""

from contract.planted_base.scorer import SoundScorer, offer

from flashcrash_core.api import PluginInfo, ScoreContext, ScorerSpec, hookimpl

CAUGHT_BY = "determinism_across_processes"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault")


class Hashing(SoundScorer):
    def total(self, context: ScoreContext, components: dict[str, float]) -> float:
        return super().total(context, components) + hash("volatility") % 1_000_003 / 1e7


@hookimpl
def flashcrash_scorers() -> list[ScorerSpec]:
    return [offer(Hashing)]
