"""Planted fault: it passes on the fills of everybody on the account.

Caught by: notices_name_own_orders.
"""

from contract.planted_base.executor import Live, SmallExecutor, offer

from flashcrash_core.api import (
    ExecutorSpec,
    MarketView,
    NoticeKind,
    OrderType,
    PluginInfo,
    hookimpl,
)

flashcrash_plugin = PluginInfo(api=1, summary="planted")
CAUGHT_BY = "notices_name_own_orders"


class Faulty(SmallExecutor):
    """Does not filter the account's stream."""

    def arrive(self, live: Live, market: MarketView, now_us: int) -> None:
        super().arrive(live, market, now_us)
        if live.submit.type is OrderType.LIMIT:
            self.notify(live.submit.symbol, "web-" + live.submit.client_id, NoticeKind.ACK, now_us)


@hookimpl
def flashcrash_executors() -> list[ExecutorSpec]:
    """The faulty one."""
    return offer(Faulty)
