"""Planted fault: a session whose process is gone is running for ever.

Caught by: killed_session_is_crashed.
"""

from contract.planted_base.store import SmallStore, offer

from flashcrash_core.api import PluginInfo, SessionRecord, StoreSpec, hookimpl

flashcrash_plugin = PluginInfo(api=1, summary="planted")
CAUGHT_BY = "killed_session_is_crashed"


class Faulty(SmallStore):
    """Believes the last word."""

    def as_seen(self, session: SessionRecord) -> SessionRecord:
        return session


@hookimpl
def flashcrash_stores() -> list[StoreSpec]:
    """The faulty one."""
    return offer(Faulty)
