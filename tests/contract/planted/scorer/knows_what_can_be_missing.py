"""Planted fault: looks every missing indicator up in a table of its own.

Caught by: shortfall_sentence.
"""

from contract.planted_base.scorer import offer

from flashcrash_core.api import PluginInfo, ScorerSpec, hookimpl

CAUGHT_BY = "shortfall_sentence"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault")

POINTS = {"volatility": 30, "spread": 30, "depth": 30}


def shortfall(_config: object, missing: frozenset[str]) -> str:
    return f"{sum(POINTS[name] for name in missing)} points are lost" if missing else ""


@hookimpl
def flashcrash_scorers() -> list[ScorerSpec]:
    return [offer(shortfall=shortfall)]
