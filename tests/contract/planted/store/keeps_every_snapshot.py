"""Planted fault: it keeps every snapshot of a session.

Caught by: few_snapshots_are_kept.
"""

from pathlib import Path

from contract.planted_base.store import SmallStore, offer

from flashcrash_core.api import PluginInfo, SnapshotRecord, StoreSpec, hookimpl

flashcrash_plugin = PluginInfo(api=1, summary="planted")
CAUGHT_BY = "few_snapshots_are_kept"


class Faulty(SmallStore):
    """Never removes a file."""

    def save_snapshot(self, session_id: str, snapshot: SnapshotRecord) -> None:
        super().save_snapshot(session_id, snapshot)
        self.replace_file(Path(f"{self.location}.{snapshot.seq}.{snapshot.t_us}"), snapshot.payload)


@hookimpl
def flashcrash_stores() -> list[StoreSpec]:
    """The faulty one."""
    return offer(Faulty)
