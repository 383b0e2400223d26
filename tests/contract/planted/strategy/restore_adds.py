"""Planted fault: restores by adding to what is there.

Caught by: same_state_same_intents.
"""

from typing import Any

from contract.planted_base.strategy import SoundStrategy, offer

from flashcrash_core.api import BuildContext, Moment, PluginInfo, StrategySpec, hookimpl

CAUGHT_BY = "same_state_same_intents"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault")


class Adding(SoundStrategy):
    def __init__(self, config: object, context: BuildContext) -> None:
        super().__init__(config, context)
        self.tried: set[int] = set()

    def tempted(self, moment: Moment) -> bool:
        if not super().tempted(moment) or moment.bar.start_us in self.tried:
            return False
        self.tried = {moment.bar.start_us}
        return True

    def snapshot(self) -> dict[str, Any]:
        return super().snapshot() | {"tried": list(self.tried)}

    def restore(self, data: dict[str, Any]) -> None:
        super().restore(data)
        self.tried |= set(data["tried"])


@hookimpl
def flashcrash_strategies() -> list[StrategySpec]:
    return [offer(Adding)]
