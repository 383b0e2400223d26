"""Planted fault: the strategies of all symbols share a place that says whose turn it is.

Caught by: determinism_across_builds.
"""

from contract.planted_base.strategy import SoundStrategy, offer

from flashcrash_core.api import BuildContext, Moment, PluginInfo, StrategySpec, hookimpl

CAUGHT_BY = "determinism_across_builds"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault")


class Shared(SoundStrategy):
    current: "list[Shared]" = []  # noqa: RUF012 - the fault: one list for all

    def __init__(self, config: object, context: BuildContext) -> None:
        super().__init__(config, context)
        self.current[:] = [self]

    def lots(self, moment: Moment, price: int) -> int:
        return super().lots(moment, price) // (1 if self.current[0] is self else 2)


@hookimpl
def flashcrash_strategies() -> list[StrategySpec]:
    return [offer(Shared)]
