"""Planted fault: it stores the equity of a session as a float.

Caught by: sessions_come_back_as_written.
"""

import msgspec
from contract.planted_base.store import SmallStore, offer

from flashcrash_core.api import PluginInfo, SessionRecord, StoreSpec, hookimpl

flashcrash_plugin = PluginInfo(api=1, summary="planted")
CAUGHT_BY = "sessions_come_back_as_written"


class Faulty(SmallStore):
    """Rounds large amounts."""

    def begin_session(self, session: SessionRecord) -> None:
        super().begin_session(msgspec.structs.replace(session, equity_start_minor=int(float(session.equity_start_minor))))


@hookimpl
def flashcrash_stores() -> list[StoreSpec]:
    """The faulty one."""
    return offer(Faulty)
