"""Planted fault: the builds share a place that says whose turn it is.

Caught by: determinism_across_builds.
"""

from contract.planted_base.scorer import SoundScorer, offer

from flashcrash_core.api import PluginInfo, ScoreContext, ScorerSpec, hookimpl

CAUGHT_BY = "determinism_across_builds"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault")


class Shared(SoundScorer):
    current: "list[Shared]" = []  # noqa: RUF012 - the fault: one list for all

    def __init__(self, config: object) -> None:
        super().__init__(config)
        self.current[:] = [self]

    def total(self, context: ScoreContext, components: dict[str, float]) -> float:
        return super().total(context, components) * (1.0 if self.current[0] is self else 0.5)


@hookimpl
def flashcrash_scorers() -> list[ScorerSpec]:
    return [offer(Shared)]
