"""Planted fault: it drops an order in a symbol that it does not know, without a word.

Caught by: unknown_symbol_is_refused.
"""

from contract.planted_base.executor import SmallExecutor, offer

from flashcrash_core.api import ExecutorSpec, PluginInfo, SubmitOrder, hookimpl

flashcrash_plugin = PluginInfo(api=1, summary="planted")
CAUGHT_BY = "unknown_symbol_is_refused"


class Faulty(SmallExecutor):
    """Ignores what it cannot place."""

    def submit(self, order: SubmitOrder) -> None:
        if order.symbol in self.context.markets:
            super().submit(order)


@hookimpl
def flashcrash_executors() -> list[ExecutorSpec]:
    """The faulty one."""
    return offer(Faulty)
