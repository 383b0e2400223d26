"""Planted fault: it rejects a sell while there is no bid, reduce-only or not.

Caught by: reduce_only_is_accepted.
"""

from contract.planted_base.executor import Live, SmallExecutor, offer

from flashcrash_core.api import (
    ExecutorSpec,
    MarketView,
    NoticeKind,
    PluginInfo,
    Side,
    hookimpl,
)

flashcrash_plugin = PluginInfo(api=1, summary="planted")
CAUGHT_BY = "reduce_only_is_accepted"


class Faulty(SmallExecutor):
    """Wants a price for every order."""

    def arrive(self, live: Live, market: MarketView, now_us: int) -> None:
        if market.has_book and not market.bid_ticks and live.submit.side is Side.SELL:
            self.end(live, NoticeKind.REJECT, now_us, "no_bid")
        else:
            super().arrive(live, market, now_us)


@hookimpl
def flashcrash_executors() -> list[ExecutorSpec]:
    """The faulty one."""
    return offer(Faulty)
