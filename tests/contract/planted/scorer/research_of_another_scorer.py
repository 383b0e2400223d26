"""Planted fault: the research variant sets a key that this scorer does not have.

Caught by: research_variant.
"""

from contract.planted_base.scorer import offer

from flashcrash_core.api import PluginInfo, ScorerSpec, hookimpl

CAUGHT_BY = "research_variant"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault")


def research(_config: object) -> tuple[str, ...]:
    return ("scorer.mode=renormalise",)


@hookimpl
def flashcrash_scorers() -> list[ScorerSpec]:
    return [offer(research=research)]
