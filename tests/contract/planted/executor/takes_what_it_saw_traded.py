"""Planted fault: takes from the book by the size of the last trade it saw, and says that it need see none while it has no order.

Caught by: idle_blind_as_declared.
"""

from typing import Any

from contract.planted_base.executor import Live, SmallExecutor, offer

from flashcrash_core.api import ExecutorSpec, MarketEvent, PluginInfo, Trade, hookimpl

flashcrash_plugin = PluginInfo(api=1, summary="planted")
CAUGHT_BY = "idle_blind_as_declared"


class Faulty(SmallExecutor):
    """Remembers the market on its own."""

    traded = 0

    def takeable(self, live: Live) -> int:
        return max(1, super().takeable(live) - self.traded % 7)

    def on_market(self, event: MarketEvent, now_us: int) -> None:
        super().on_market(event, now_us)
        if isinstance(event, Trade):
            self.traded = max(event.qty_lots, 0)

    def snapshot(self) -> dict[str, Any]:
        return super().snapshot() | {"traded": self.traded}

    def restore(self, data: dict[str, Any]) -> None:
        super().restore(data)
        self.traded = data["traded"]


@hookimpl
def flashcrash_executors() -> list[ExecutorSpec]:
    """The faulty one."""
    return offer(Faulty)
