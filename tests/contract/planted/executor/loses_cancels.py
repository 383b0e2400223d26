"""Planted fault: a cancel of a partly filled order is lost, and the order is never heard of again.

Caught by: cancelled_orders_end.
"""

from contract.planted_base.executor import Live, SmallExecutor, offer

from flashcrash_core.api import (
    ExecutorSpec,
    NoticeKind,
    PluginInfo,
    hookimpl,
)

flashcrash_plugin = PluginInfo(api=1, summary="planted")
CAUGHT_BY = "cancelled_orders_end"


class Faulty(SmallExecutor):
    """Cancels whole orders only."""

    def end(self, live: Live, kind: NoticeKind, at_us: int, reason: str) -> None:
        if kind is NoticeKind.CANCELLED and live.filled:
            self.forget(live)
        else:
            super().end(live, kind, at_us, reason)


@hookimpl
def flashcrash_executors() -> list[ExecutorSpec]:
    """The faulty one."""
    return offer(Faulty)
