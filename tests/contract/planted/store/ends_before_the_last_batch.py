"""Planted fault: it ends a session without committing what was written last.

Caught by: ended_session_keeps_its_end.
"""

from typing import Any

from contract.planted_base.store import SmallStore, offer

from flashcrash_core.api import PluginInfo, StoreSpec, hookimpl

flashcrash_plugin = PluginInfo(api=1, summary="planted")
CAUGHT_BY = "ended_session_keeps_its_end"


class Faulty(SmallStore):
    """Leaves the last batch to close."""

    def end_session(self, session_id: str, **end: Any) -> None:
        self.exact(session_id)
        self.append([["change", session_id, end]])


@hookimpl
def flashcrash_stores() -> list[StoreSpec]:
    """The faulty one."""
    return offer(Faulty)
