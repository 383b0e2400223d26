"""Planted fault: it stamps acknowledgements with a receive time before the venue's own.

Caught by: notices_keep_time.
"""

from typing import Any

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
CAUGHT_BY = "notices_keep_time"


class Faulty(SmallExecutor):
    """Two clocks that were never compared."""

    def delivered(self, item: tuple[Any, ...]) -> VenueNotice:
        notice = super().delivered(item)
        if notice.kind is NoticeKind.ACK:
            return msgspec.structs.replace(notice, exchange_us=notice.receive_us + 1)
        return notice


@hookimpl
def flashcrash_executors() -> list[ExecutorSpec]:
    """The faulty one."""
    return offer(Faulty)
