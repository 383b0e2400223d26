"""Planted fault: the settings can be changed while the strategy runs.

Caught by: configuration_schema.
"""

from attrs import define
from contract.planted_base.strategy import offer

from flashcrash_core.api import PluginInfo, StrategySpec, hookimpl

CAUGHT_BY = "configuration_schema"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault")


@define
class Settings:
    hold_s: float = 15.0
    stop_pct: float = 1.0


@hookimpl
def flashcrash_strategies() -> list[StrategySpec]:
    return [offer(config=Settings)]
