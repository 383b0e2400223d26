"""Planted fault: reopening a session removes its snapshot, so that it cannot be resumed.

Caught by: reopened_session_goes_on.
"""

from contract.planted_base.store import SmallStore, offer

from flashcrash_core.api import PluginInfo, StoreSpec, hookimpl

flashcrash_plugin = PluginInfo(api=1, summary="planted")
CAUGHT_BY = "reopened_session_goes_on"


class Faulty(SmallStore):
    """Cleans up."""

    def reopen_session(self, session_id: str) -> None:
        super().reopen_session(session_id)
        self.snapshot_path(session_id).unlink(missing_ok=True)


@hookimpl
def flashcrash_stores() -> list[StoreSpec]:
    """The faulty one."""
    return offer(Faulty)
