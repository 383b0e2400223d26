"""Planted fault: keeps the last moment to see how long ago it was.

Caught by: does_not_keep_the_moment.
"""

from collections.abc import Sequence
from typing import Any

from contract.planted_base.strategy import SoundStrategy, offer

from flashcrash_core.api import Intent, Moment, PluginInfo, StrategySpec, hookimpl

CAUGHT_BY = "does_not_keep_the_moment"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault")


class Comparing(SoundStrategy):
    last: Moment | None = None
    last_us = 0

    def decide(self, moment: Moment) -> Sequence[Intent]:
        before_us = self.last_us if self.last is None else self.last.now_us
        self.last, self.waited = moment, moment.now_us > before_us
        return super().decide(moment)

    def tempted(self, moment: Moment) -> bool:
        return self.waited and super().tempted(moment)

    def snapshot(self) -> dict[str, Any]:
        return super().snapshot() | {"last_us": self.last_us if self.last is None else self.last.now_us}

    def restore(self, data: dict[str, Any]) -> None:
        super().restore(data)
        self.last, self.last_us = None, data["last_us"]


@hookimpl
def flashcrash_strategies() -> list[StrategySpec]:
    return [offer(Comparing)]
