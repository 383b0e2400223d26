"""Planted fault: its refusal of an unknown session does not say which one may be meant.

Caught by: unknown_session_names_the_nearest.
"""

from contract.planted_base.store import SmallStore, offer

from flashcrash_core.api import PluginInfo, SessionRecord, StorageError, StoreSpec, hookimpl

flashcrash_plugin = PluginInfo(api=1, summary="planted")
CAUGHT_BY = "unknown_session_names_the_nearest"


class Faulty(SmallStore):
    """Says no."""

    def unknown(self, session_id: str, known: list[SessionRecord]) -> StorageError:
        return StorageError(f"no session {session_id!r} among {len(known)}")


@hookimpl
def flashcrash_stores() -> list[StoreSpec]:
    """The faulty one."""
    return offer(Faulty)
