"""Planted fault: the settings can be changed while the scorer runs.

Caught by: configuration_schema.
"""

from attrs import define
from contract.planted_base.scorer import offer

from flashcrash_core.api import PluginInfo, ScorerSpec, hookimpl

CAUGHT_BY = "configuration_schema"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault")


@define
class Settings:
    strict: bool = True
    full_at: float = 10.0


@hookimpl
def flashcrash_scorers() -> list[ScorerSpec]:
    return [offer(config=Settings)]
