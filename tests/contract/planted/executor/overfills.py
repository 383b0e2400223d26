"""Planted fault: it fills one lot more than was asked for.

Caught by: fills_keep_the_quantity.
"""

from contract.planted_base.executor import Live, SmallExecutor, offer

from flashcrash_core.api import (
    ExecutorSpec,
    NoticeKind,
    PluginInfo,
    hookimpl,
)

flashcrash_plugin = PluginInfo(api=1, summary="planted")
CAUGHT_BY = "fills_keep_the_quantity"


class Faulty(SmallExecutor):
    """Reports a rounding remainder that was never there."""

    def fill(self, live: Live, price_ticks: int, lots: int, at_us: int, *, maker: bool) -> None:
        super().fill(live, price_ticks, lots, at_us, maker=maker)
        if maker and not live.left:
            self.trade_id += 1
            order, fee = live.submit, self.fee(live, price_ticks, 1, maker=True)
            self.notify(order.symbol, order.client_id, NoticeKind.FILL, at_us, price_ticks, 1, fee, True, self.trade_id)


@hookimpl
def flashcrash_executors() -> list[ExecutorSpec]:
    """The faulty one."""
    return offer(Faulty)
