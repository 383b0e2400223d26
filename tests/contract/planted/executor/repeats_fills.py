"""Planted fault: it delivers every maker fill a second time, as after a reconnect.

Caught by: notices_come_once_and_in_order.
"""

from collections.abc import Sequence

import msgspec
from contract.planted_base.executor import SmallExecutor, offer

from flashcrash_core.api import (
    ExecutorSpec,
    NoticeKind,
    PluginInfo,
    VenueNotice,
    hookimpl,
)

flashcrash_plugin = PluginInfo(api=1, summary="planted")
CAUGHT_BY = "notices_come_once_and_in_order"


class Faulty(SmallExecutor):
    """Replays the stream without looking at trade ids."""

    def due(self, now_us: int) -> Sequence[VenueNotice]:
        notices: list[VenueNotice] = []
        for notice in super().due(now_us):
            notices.append(notice)
            if notice.kind is NoticeKind.FILL and notice.maker:
                notices.append(msgspec.structs.replace(notice, seq=self.context.next_seq()))
        return notices


@hookimpl
def flashcrash_executors() -> list[ExecutorSpec]:
    """The faulty one."""
    return offer(Faulty)
