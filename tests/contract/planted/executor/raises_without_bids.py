"""Planted fault: it asks for the best of an empty side, and the session dies of it.

Caught by: commands_never_raise.
"""

from contract.planted_base.executor import SmallExecutor, offer

from flashcrash_core.api import ExecutorSpec, MarketEvent, PluginInfo, hookimpl

flashcrash_plugin = PluginInfo(api=1, summary="planted")
CAUGHT_BY = "commands_never_raise"


class Faulty(SmallExecutor):
    """Marks its orders at the best bid."""

    def on_market(self, event: MarketEvent, now_us: int) -> None:
        market = self.context.markets[event.symbol]
        if market.has_book and market.book_synced and self.live:
            max(price for price, _ in market.book.bids)
        super().on_market(event, now_us)


@hookimpl
def flashcrash_executors() -> list[ExecutorSpec]:
    """The faulty one."""
    return offer(Faulty)
