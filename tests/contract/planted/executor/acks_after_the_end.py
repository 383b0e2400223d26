"""Planted fault: it acknowledges an immediate order once more after it has expired.

Caught by: order_states_are_legal.
"""

from contract.planted_base.executor import Live, SmallExecutor, offer

from flashcrash_core.api import (
    ExecutorSpec,
    NoticeKind,
    PluginInfo,
    hookimpl,
)

flashcrash_plugin = PluginInfo(api=1, summary="planted")
CAUGHT_BY = "order_states_are_legal"


class Faulty(SmallExecutor):
    """The second acknowledgement of a venue that answers on two streams."""

    def end(self, live: Live, kind: NoticeKind, at_us: int, reason: str) -> None:
        super().end(live, kind, at_us, reason)
        if kind is NoticeKind.EXPIRED:
            self.notify(live.submit.symbol, live.submit.client_id, NoticeKind.ACK, at_us)


@hookimpl
def flashcrash_executors() -> list[ExecutorSpec]:
    """The faulty one."""
    return offer(Faulty)
