"""Planted fault: it takes the lots that it fills out of the session's own book.

Caught by: inputs_not_mutated.
"""

from contract.planted_base.executor import Live, SmallExecutor, offer

from flashcrash_core.api import (
    ExecutorSpec,
    PluginInfo,
    Side,
    hookimpl,
)

flashcrash_plugin = PluginInfo(api=1, summary="planted")
CAUGHT_BY = "inputs_not_mutated"


class Faulty(SmallExecutor):
    """Models its own impact where everybody looks."""

    def fill(self, live: Live, price_ticks: int, lots: int, at_us: int, *, maker: bool) -> None:
        super().fill(live, price_ticks, lots, at_us, maker=maker)
        market = self.context.markets[live.submit.symbol]
        if market.has_book and not maker and live.submit.side is Side.BUY:
            left = max(1, market.book.asks.lots_at(price_ticks) - lots)
            market.book.apply((), ((price_ticks, left),))


@hookimpl
def flashcrash_executors() -> list[ExecutorSpec]:
    """The faulty one."""
    return offer(Faulty)
