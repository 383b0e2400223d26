"""Planted fault: beginning a session again replaces the one that exists.

Caught by: begin_twice_is_refused.
"""

import msgspec
from contract.planted_base.store import SmallStore, offer

from flashcrash_core.api import PluginInfo, SessionRecord, StoreSpec, hookimpl

flashcrash_plugin = PluginInfo(api=1, summary="planted")
CAUGHT_BY = "begin_twice_is_refused"


class Faulty(SmallStore):
    """INSERT OR REPLACE."""

    def begin_session(self, session: SessionRecord) -> None:
        self.check_open()
        self.own(session.id)
        self.append([["begin", msgspec.to_builtins(session)]])


@hookimpl
def flashcrash_stores() -> list[StoreSpec]:
    """The faulty one."""
    return offer(Faulty)
