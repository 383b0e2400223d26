"""Planted fault: it keeps the records in front of the one that it refuses.

Caught by: refused_batch_leaves_nothing.
"""

from collections.abc import Sequence

from contract.planted_base.store import SmallStore, offer

from flashcrash_core.api import PluginInfo, Record, StoreSpec, hookimpl

flashcrash_plugin = PluginInfo(api=1, summary="planted")
CAUGHT_BY = "refused_batch_leaves_nothing"


class Faulty(SmallStore):
    """Takes records one by one."""

    def write(self, session_id: str, records: Sequence[Record]) -> None:
        for record in records:
            super().write(session_id, [record])


@hookimpl
def flashcrash_stores() -> list[StoreSpec]:
    """The faulty one."""
    return offer(Faulty)
