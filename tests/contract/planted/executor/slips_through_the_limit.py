"""Planted fault: it adds slippage to taker fills beyond the order's own limit.

Caught by: fills_keep_the_limit.
"""

from contract.planted_base.executor import Live, SmallExecutor, offer

from flashcrash_core.api import (
    ExecutorSpec,
    PluginInfo,
    hookimpl,
)

flashcrash_plugin = PluginInfo(api=1, summary="planted")
CAUGHT_BY = "fills_keep_the_limit"


class Faulty(SmallExecutor):
    """Slips limit orders like market orders."""

    def fill(self, live: Live, price_ticks: int, lots: int, at_us: int, *, maker: bool) -> None:
        slipped = price_ticks if maker else price_ticks + int(live.submit.side) * (price_ticks // 500)
        super().fill(live, slipped, lots, at_us, maker=maker)


@hookimpl
def flashcrash_executors() -> list[ExecutorSpec]:
    """The faulty one."""
    return offer(Faulty)
