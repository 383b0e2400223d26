"""Planted fault: knows the reasons that block entries by heart, and has forgotten one.

Caught by: no_entry_while_blocked.
"""

from attrs import evolve
from contract.planted_base.strategy import SoundStrategy, offer

from flashcrash_core.api import Intent, Moment, PluginInfo, Refuse, StrategySpec, hookimpl

CAUGHT_BY = "no_entry_while_blocked"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault")

KNOWN = ("state", "shutdown", "degraded", "liquidity_collapse")


class Forgetful(SoundStrategy):
    def enter(self, moment: Moment) -> list[Intent]:
        if moment.blocked in KNOWN or moment.blocked.startswith(("data_", "scorer_")):
            return [Refuse(moment.blocked)]
        return super().enter(evolve(moment, blocked=""))


@hookimpl
def flashcrash_strategies() -> list[StrategySpec]:
    return [offer(Forgetful)]
