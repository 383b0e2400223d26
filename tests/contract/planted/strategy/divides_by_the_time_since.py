"""Planted fault: divides by the time since the last look, which may be none.

Caught by: survives_bursts.
"""

from collections.abc import Sequence
from typing import Any

from contract.planted_base.strategy import SoundStrategy, offer

from flashcrash_core.api import Intent, Moment, PluginInfo, StrategySpec, hookimpl

CAUGHT_BY = "survives_bursts"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault")


class Hurried(SoundStrategy):
    looked_us = 0

    def decide(self, moment: Moment) -> Sequence[Intent]:
        self.looks_per_second = 1e6 / (moment.now_us - self.looked_us)
        self.looked_us = moment.now_us
        return super().decide(moment)

    def snapshot(self) -> dict[str, Any]:
        return super().snapshot() | {"looked_us": self.looked_us}

    def restore(self, data: dict[str, Any]) -> None:
        super().restore(data)
        self.looked_us = data["looked_us"]


@hookimpl
def flashcrash_strategies() -> list[StrategySpec]:
    return [offer(Hurried)]
