"""Planted fault: of two snapshots of one sequence it keeps the first.

Caught by: newest_snapshot_wins.
"""

from contract.planted_base.store import SmallStore, offer

from flashcrash_core.api import PluginInfo, SnapshotRecord, StoreSpec, hookimpl

flashcrash_plugin = PluginInfo(api=1, summary="planted")
CAUGHT_BY = "newest_snapshot_wins"


class Faulty(SmallStore):
    """Takes the second for a repetition."""

    def save_snapshot(self, session_id: str, snapshot: SnapshotRecord) -> None:
        kept = self.latest_snapshot(session_id)
        if kept is None or kept.seq < snapshot.seq:
            super().save_snapshot(session_id, snapshot)


@hookimpl
def flashcrash_stores() -> list[StoreSpec]:
    """The faulty one."""
    return offer(Faulty)
