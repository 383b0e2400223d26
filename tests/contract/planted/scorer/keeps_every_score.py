"""Planted fault: keeps every score for a report that nobody asks for.

Caught by: memory_growth.
"""

from contract.planted_base.scorer import SoundScorer, offer

from flashcrash_core.api import PluginInfo, ScoreContext, ScorerSpec, hookimpl

CAUGHT_BY = "memory_growth"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault")


class Hoarding(SoundScorer):
    def __init__(self, config: object) -> None:
        super().__init__(config)
        self.kept: list[tuple[int, float]] = []

    def total(self, context: ScoreContext, components: dict[str, float]) -> float:
        self.kept.append((context.t_us, super().total(context, components)))
        return self.kept[-1][1]


@hookimpl
def flashcrash_scorers() -> list[ScorerSpec]:
    return [offer(Hoarding)]
