"""Planted fault: at every event it goes over all orders that there ever were.

Caught by: time_budget.
"""

from contract.planted_base.executor import SmallExecutor, offer

from flashcrash_core.api import ExecutorSpec, MarketEvent, PluginInfo, SubmitOrder, hookimpl

flashcrash_plugin = PluginInfo(api=1, summary="planted")
CAUGHT_BY = "time_budget"


class Faulty(SmallExecutor):
    """Recomputes a statistic from its beginning."""

    sent = 0

    def submit(self, order: SubmitOrder) -> None:
        self.sent += 1
        super().submit(order)

    def on_market(self, event: MarketEvent, now_us: int) -> None:
        max((number for number in range(self.sent)), default=0)
        super().on_market(event, now_us)


@hookimpl
def flashcrash_executors() -> list[ExecutorSpec]:
    """The faulty one."""
    return offer(Faulty)
