"""Planted fault: it lists the oldest session first.

Caught by: sessions_come_newest_first.
"""

from contract.planted_base.store import SmallStore, offer

from flashcrash_core.api import PluginInfo, SessionRecord, StoreSpec, hookimpl

flashcrash_plugin = PluginInfo(api=1, summary="planted")
CAUGHT_BY = "sessions_come_newest_first"


class Faulty(SmallStore):
    """Lists as stored."""

    def sessions(self) -> list[SessionRecord]:
        return super().sessions()[::-1]


@hookimpl
def flashcrash_stores() -> list[StoreSpec]:
    """The faulty one."""
    return offer(Faulty)
