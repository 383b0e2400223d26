"""Planted fault: it waits in submit for the first quote, which cannot come while it waits.

Caught by: commands_never_block.
"""

from threading import Event

from contract.planted_base.executor import SmallExecutor, offer

from flashcrash_core.api import (
    ExecutorSpec,
    PluginInfo,
    SubmitOrder,
    hookimpl,
)

flashcrash_plugin = PluginInfo(api=1, summary="planted")
CAUGHT_BY = "commands_never_block"


class Faulty(SmallExecutor):
    """Prices an order before it takes it."""

    def submit(self, order: SubmitOrder) -> None:
        market = self.context.markets.get(order.symbol)
        if market is not None and not market.last_ticks and not market.ask_ticks:
            Event().wait(30)
        super().submit(order)


@hookimpl
def flashcrash_executors() -> list[ExecutorSpec]:
    """The faulty one."""
    return offer(Faulty)
