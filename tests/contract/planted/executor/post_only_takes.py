"""Planted fault: it fills a post-only order that would take, as taker, instead of rejecting it.

Caught by: post_only_never_takes.
"""

from contract.planted_base.executor import Live, SmallExecutor, offer

from flashcrash_core.api import (
    ExecutorSpec,
    NoticeKind,
    PluginInfo,
    hookimpl,
)

flashcrash_plugin = PluginInfo(api=1, summary="planted")
CAUGHT_BY = "post_only_never_takes"


class Faulty(SmallExecutor):
    """Treats post-only as an ordinary limit."""

    def end(self, live: Live, kind: NoticeKind, at_us: int, reason: str) -> None:
        if reason != "would_take":
            super().end(live, kind, at_us, reason)
            return
        order = live.submit
        self.notify(order.symbol, order.client_id, NoticeKind.ACK, at_us)
        self.fill(live, order.price_ticks, live.left, at_us, maker=False)


@hookimpl
def flashcrash_executors() -> list[ExecutorSpec]:
    """The faulty one."""
    return offer(Faulty)
